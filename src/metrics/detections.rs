//! What is loaded, and how reloads went.

use prometheus::{Error, Gauge, IntCounterVec, IntGauge};

use super::{Maker, options};

/// The metrics of the set of detections as a whole.
#[derive(Clone)]
pub struct DetectionMetrics {
    /// `detections_loaded`: active plans.
    pub loaded: IntGauge,
    /// `detections_draining`: plans that are replaced or gone, and still have open windows (WN-7).
    pub draining: IntGauge,
    /// `detections_reloads_total{outcome}`: applied, unchanged, refused.
    pub reloads_total: IntCounterVec,
    /// `detections_last_reload_successful`: 1, or 0 while what is on disk is refused and the detections loaded before go
    /// on.
    pub last_reload_successful: IntGauge,
    /// `detections_last_reload_success_timestamp_seconds`: of the start, until a reload succeeds.
    pub last_reload_success_timestamp_seconds: Gauge,
}

impl DetectionMetrics {
    pub(super) fn new(make: &Maker<'_>) -> Result<Self, Error> {
        let metrics = Self {
            loaded: make.int_gauge("detections_loaded", "Detections that are active.")?,
            draining: make.int_gauge(
                "detections_draining",
                "Detections that are replaced or gone, whose open windows are still to close.",
            )?,
            reloads_total: make.counters(
                "detections_reloads_total",
                "Reloads of the detections, by outcome.",
                &["outcome"],
            )?,
            last_reload_successful: make.int_gauge(
                "detections_last_reload_successful",
                "Whether the files were valid when they were last read; if not, the detections loaded before go on.",
            )?,
            last_reload_success_timestamp_seconds: make.register(Gauge::with_opts(options(
                "detections_last_reload_success_timestamp_seconds",
                "When valid files were last read.",
            ))?)?,
        };
        for outcome in ["applied", "unchanged", "refused"] {
            metrics.reloads_total.with_label_values(&[outcome]);
        }
        Ok(metrics)
    }

    /// The files are valid, and what they say is in force; `wall_seconds` since 1970.
    pub fn succeeded(&self, wall_seconds: f64) {
        self.last_reload_successful.set(1);
        self.last_reload_success_timestamp_seconds.set(wall_seconds);
    }
}
