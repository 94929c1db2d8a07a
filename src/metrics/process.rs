//! What there is once a process, however many streams it reads: the build, the sinks, the dead letters.

use prometheus::{Error, GaugeVec, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use super::{Maker, SHORT};

/// The metrics of the process. Cloning shares them.
#[derive(Clone)]
pub struct ProcessMetrics {
    /// `build_info{version, revision}`
    pub build_info: IntGaugeVec,
    /// `sink_attempts_total{sink, outcome}`: ok, retryable, refused
    pub sink_attempts_total: IntCounterVec,
    /// `sink_deliveries_total{sink, outcome}`: acknowledged, dead_lettered, dropped
    pub sink_deliveries_total: IntCounterVec,
    /// `sink_delivery_seconds{sink}`: from the queue to the acknowledgement
    pub sink_delivery_seconds: HistogramVec,
    /// `sink_circuit_open{sink}`: 1 while something waits and one request at a time looks whether the receiver is back,
    /// otherwise 0
    pub sink_circuit_open: IntGaugeVec,
    /// `sink_pending{sink}`
    pub sink_pending: IntGaugeVec,
    /// `sink_oldest_pending_seconds{sink}`
    pub sink_oldest_pending_seconds: GaugeVec,
    /// `dead_letters_total{origin}`: record, sink
    pub dead_letters_total: IntCounterVec,
    /// `dead_letters_failing`: 1 while none can be written, otherwise 0
    pub dead_letters_failing: IntGauge,
}

impl ProcessMetrics {
    /// Registers them, and what Prometheus knows of every process.
    ///
    /// # Errors
    /// When the registry already holds one of the names.
    pub fn new(registry: &Registry) -> Result<Self, Error> {
        let make = Maker::new(registry);
        let metrics = Self {
            build_info: make.int_gauges(
                "build_info",
                "Always 1; the build is in the labels.",
                &["version", "revision"],
            )?,
            sink_attempts_total: make.counters(
                "sink_attempts_total",
                "Attempts to deliver, by outcome.",
                &["sink", "outcome"],
            )?,
            sink_deliveries_total: make.counters(
                "sink_deliveries_total",
                "Deliveries that ended, by outcome.",
                &["sink", "outcome"],
            )?,
            sink_delivery_seconds: make.histograms(
                "sink_delivery_seconds",
                "From the queue to the acknowledgement.",
                SHORT,
                &["sink"],
            )?,
            sink_circuit_open: make.int_gauges(
                "sink_circuit_open",
                "Whether the receiver is only probed because it failed several times in a row.",
                &["sink"],
            )?,
            sink_pending: make.int_gauges("sink_pending", "Deliveries waiting or in flight.", &["sink"])?,
            sink_oldest_pending_seconds: make.gauges(
                "sink_oldest_pending_seconds",
                "Age of the oldest delivery waiting or in flight.",
                &["sink"],
            )?,
            dead_letters_total: make.counters("dead_letters_total", "Dead letters written.", &["origin"])?,
            dead_letters_failing: make
                .int_gauge("dead_letters_failing", "Whether dead letters cannot be written and wait.")?,
        };
        for origin in ["record", "sink"] {
            metrics.dead_letters_total.with_label_values(&[origin]);
        }
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(metrics)
    }
}
