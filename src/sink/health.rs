//! What `/readyz` says of the sinks. Deliberately absent: whether that makes the daemon unready (the caller's).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::dead_letter::DeadLetterHealth;
use super::queue::Failing;
use super::worker::Sink;

/// What a failed attempt means (CP-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The receiver is down, slow or busy: tried again with back-off.
    Unavailable,
    /// The receiver accepts nothing from this configuration: held, tried again slowly; an operator is needed.
    Misconfigured,
    /// The receiver refuses this one event: after three times it becomes a dead letter.
    EventRefused,
}

impl FailureKind {
    pub(super) const COUNT: usize = 3;

    /// For logs and `/readyz`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Misconfigured => "misconfigured",
            Self::EventRefused => "event_refused",
        }
    }
}

/// A sink with a delivery that failed and is still to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockedSink {
    /// The sink's name; `dead_letter` for the dead-letter file.
    pub sink: Arc<str>,
    /// Whether it holds the checkpoint (CP-7). The dead-letter file always does.
    pub required: bool,
    /// Whether its receiver is only probed, by one request at a time.
    pub circuit_open: bool,
    /// How long the delivery has been failing; of several, the longest.
    pub blocked_for: Duration,
    /// What its last failure means.
    pub kind: FailureKind,
    /// Its last failure; holds neither secrets nor text of events or receivers.
    pub last_error: String,
}

/// How a sink fares, whether it fails or not. The counts are those of its metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkState {
    /// The sink's name.
    pub sink: Arc<str>,
    /// `type` of the configuration.
    pub kind: &'static str,
    /// Whether it holds the checkpoint (CP-7).
    pub required: bool,
    /// Deliveries that are waiting, in flight, or waiting to be tried again.
    pub pending: usize,
    /// Age of the oldest of them.
    pub oldest_pending: Duration,
    /// Bytes that they hold.
    pub queue_bytes: usize,
    /// The bound of these; once it is reached a required sink holds reading (BD-1).
    pub queue_bytes_limit: usize,
    /// Whether its receiver is only probed, by one request at a time.
    pub circuit_open: bool,
    /// Its last failed attempt: how long ago, and what was wrong; neither secrets nor text of events or receivers. It may
    /// have recovered since.
    pub last_failure: Option<(Duration, String)>,
    /// Deliveries acknowledged.
    pub acknowledged: u64,
    /// Deliveries that became dead letters.
    pub dead_lettered: u64,
    /// Deliveries that found no room, or were still held at the end (best-effort sinks only).
    pub dropped: u64,
}

/// A handle on the state of the sinks for the admin port. Cheap to clone; it keeps no worker from ending.
#[derive(Clone)]
pub struct SinkHealth {
    pub(super) sinks: Arc<[Arc<Sink>]>,
    pub(super) dead_letters: DeadLetterHealth,
}

impl SinkHealth {
    /// The sinks that are blocked at this moment, in the configuration's order, the dead-letter file last.
    pub fn blocked(&self) -> Vec<BlockedSink> {
        let sinks = self.sinks.iter().filter_map(|sink| {
            let failing = sink.queue.failing().or_else(|| sink.receiver_failing())?;
            let circuit_open = sink.receiver_failing().is_some();
            Some(BlockedSink::new(Arc::clone(&sink.name), sink.required, circuit_open, failing))
        });
        let dead_letters =
            self.dead_letters.failing().map(|failing| BlockedSink::new("dead_letter".into(), true, false, failing));
        sinks.chain(dead_letters).collect()
    }
}

impl SinkHealth {
    /// Every sink, in the configuration's order.
    pub fn states(&self) -> Vec<SinkState> {
        self.sinks.iter().map(|sink| SinkState::of(sink)).collect()
    }
}

impl SinkState {
    fn of(sink: &Sink) -> Self {
        let budget = sink.queue.budget();
        Self {
            sink: Arc::clone(&sink.name),
            kind: sink.kind,
            required: sink.required,
            pending: sink.queue.pending(),
            oldest_pending: sink.queue.oldest(),
            queue_bytes: budget.used(),
            queue_bytes_limit: budget.limit(),
            circuit_open: sink.receiver_failing().is_some(),
            last_failure: sink.newest_failure(),
            acknowledged: sink.metrics.acknowledged.get(),
            dead_lettered: sink.metrics.dead_lettered.get(),
            dropped: sink.metrics.dropped.get(),
        }
    }
}

impl BlockedSink {
    fn new(sink: Arc<str>, required: bool, circuit_open: bool, failing: Failing) -> Self {
        Self {
            sink,
            required,
            circuit_open,
            blocked_for: Instant::now().saturating_duration_since(failing.since),
            kind: failing.kind,
            last_error: failing.detail,
        }
    }
}
