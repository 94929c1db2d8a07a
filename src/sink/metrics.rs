//! One sink's series of [`ProcessMetrics`], looked up once; every label value starts at zero.

use std::time::Duration;

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

use super::health::FailureKind;
use super::transport::Outcome;
use crate::metrics::ProcessMetrics;

pub(super) struct SinkMetrics {
    pub(super) acknowledged: IntCounter,
    pub(super) dead_lettered: IntCounter,
    pub(super) dropped: IntCounter,
    attempts_ok: IntCounter,
    attempts_retryable: IntCounter,
    attempts_refused: IntCounter,
    seconds: Histogram,
    pub(super) circuit_open: IntGauge,
    pending: IntGauge,
    oldest_pending_seconds: Gauge,
}

impl SinkMetrics {
    pub(super) fn new(metrics: &ProcessMetrics, sink: &str) -> Self {
        let attempts = |outcome| metrics.sink_attempts_total.with_label_values(&[sink, outcome]);
        let deliveries = |outcome| metrics.sink_deliveries_total.with_label_values(&[sink, outcome]);
        Self {
            acknowledged: deliveries("acknowledged"),
            dead_lettered: deliveries("dead_lettered"),
            dropped: deliveries("dropped"),
            attempts_ok: attempts("ok"),
            attempts_retryable: attempts("retryable"),
            attempts_refused: attempts("refused"),
            seconds: metrics.sink_delivery_seconds.with_label_values(&[sink]),
            circuit_open: metrics.sink_circuit_open.with_label_values(&[sink]),
            pending: metrics.sink_pending.with_label_values(&[sink]),
            oldest_pending_seconds: metrics.sink_oldest_pending_seconds.with_label_values(&[sink]),
        }
    }

    pub(super) fn attempted(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Delivered => self.attempts_ok.inc(),
            Outcome::Failed(failure) if failure.kind == FailureKind::Unavailable => self.attempts_retryable.inc(),
            Outcome::Failed(_) => self.attempts_refused.inc(),
            Outcome::Closed => {}
        }
    }

    pub(super) fn acknowledged_after(&self, age: Duration) {
        self.acknowledged.inc();
        self.seconds.observe(age.as_secs_f64());
    }

    pub(super) fn observed(&self, pending: usize, oldest: Duration, is_circuit_open: bool) {
        self.circuit_open.set(i64::from(is_circuit_open));
        self.pending.set(i64::try_from(pending).unwrap_or(i64::MAX));
        self.oldest_pending_seconds.set(oldest.as_secs_f64());
    }
}
