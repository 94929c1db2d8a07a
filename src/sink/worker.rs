//! The worker of one sink: its lanes, and what they share.
//!
//! Several lanes give concurrency; the queue keeps the order per id.

mod lane;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use self::lane::Lane;
use super::circuit::{Circuit, Next, Pass};
use super::dead_letter::{DeadLetters, Refusal, RefusalReason};
use super::format::BodyFormat;
use super::health::FailureKind;
use super::metrics::SinkMetrics;
use super::queue::{Delivery, Failing, Queue};
use super::retry::RetryPolicy;
use super::sinks::SinkEnd;
use super::transport::{Failure, Outcome, Transport};
use crate::config::{BatchLimit, SinkConfig};
use crate::metrics::ProcessMetrics;
use crate::telemetry::{Alarm, Recovered};

/// CP-7: how often a receiver must refuse an event before it becomes a dead letter.
const REFUSALS: u32 = 3;

/// What the lanes of a sink, its pushing side and its health share.
pub(super) struct Sink {
    pub(super) name: Arc<str>,
    pub(super) kind: &'static str,
    pub(super) required: bool,
    pub(super) queue: Queue,
    pub(super) format: BodyFormat,
    batch: BatchLimit,
    retry: RetryPolicy,
    pub(super) circuit: Circuit,
    pub(super) metrics: SinkMetrics,
    /// By [`FailureKind`].
    pub(super) failing: [Alarm; FailureKind::COUNT],
    opening: Alarm,
    /// By [`RefusalReason`].
    dead_lettering: [Alarm; RefusalReason::COUNT],
    /// The last attempt that failed; also kept when the sink has recovered.
    last_failure: Mutex<Option<(Instant, String)>>,
}

/// What every worker is given.
#[derive(Clone)]
pub(super) struct WorkerDeps {
    pub(super) dead_letters: DeadLetters,
    /// Why the first worker ended that ended before the close. When all workers have dropped it, they have ended.
    pub(super) ended: watch::Sender<Option<SinkEnd>>,
    pub(super) stop: CancellationToken,
}

/// Runs one lane for each transport until the queue is closed and empty, the receiver goes away, or `stop`.
pub(super) async fn run<T: Transport>(sink: Arc<Sink>, transports: Vec<T>, deps: WorkerDeps) {
    let WorkerDeps { dead_letters, ended, stop } = deps;
    let mut lanes = JoinSet::new();
    for transport in transports {
        let lane = Lane::new(Arc::clone(&sink), transport, dead_letters.clone());
        let stop = stop.clone();
        lanes.spawn(async move { stop.run_until_cancelled_owned(lane.run()).await.flatten() });
    }
    drop(dead_letters);
    while let Some(lane) = lanes.join_next().await {
        let end = lane.unwrap_or_else(|_| Some(SinkEnd::Failed { sink: Arc::clone(&sink.name) }));
        if let Some(end) = end {
            ended.send_if_modified(|first| first.is_none() && first.replace(end).is_none());
        }
    }
    sink.abandon();
    // Only now are the acknowledgements complete: best-effort deliveries have no share of their own to keep them open.
    drop(ended);
}

impl Sink {
    pub(super) fn new(config: &SinkConfig, format: BodyFormat, metrics: &ProcessMetrics) -> Self {
        let retry = RetryPolicy::of(config);
        Self {
            name: config.name.as_str().into(),
            kind: config.kind.as_str(),
            required: config.required,
            queue: Queue::new(config.queue_bytes),
            format,
            batch: config.delivery.batch,
            retry,
            circuit: Circuit::new(retry),
            metrics: SinkMetrics::new(metrics, &config.name),
            failing: Default::default(),
            opening: Alarm::default(),
            dead_lettering: Default::default(),
            last_failure: Mutex::default(),
        }
    }

    /// A reader that went away ends the process if it is waited for. Beside a best-effort sink the others go on, and what it
    /// does not take is given up in its time.
    fn judged(&self, outcome: Outcome) -> Outcome {
        match outcome {
            Outcome::Closed if !self.required => {
                let detail = "cannot write to standard output: nobody reads it".to_owned();
                Outcome::Failed(Failure::new(FailureKind::Unavailable, detail))
            }
            other => other,
        }
    }

    /// How the receiver fails, while the circuit is open and something waits for it. Otherwise nobody looks whether it is
    /// back, and what was known of it holds no longer.
    pub(super) fn receiver_failing(&self) -> Option<Failing> {
        self.circuit.failing().filter(|_| self.queue.pending() > 0)
    }

    /// Sets the gauges, the only place that does: whoever changes what they show may be overtaken by another lane.
    pub(super) fn observe(&self) {
        let is_open = self.receiver_failing().is_some();
        self.metrics.observed(self.queue.pending(), self.queue.oldest(), is_open);
    }

    /// How long ago the last attempt failed, and of what.
    pub(super) fn newest_failure(&self) -> Option<(Duration, String)> {
        let last = self.last_failure.lock().expect("no holder of this lock can panic").clone();
        last.map(|(at, detail)| (Instant::now().saturating_duration_since(at), detail))
    }

    fn acknowledge(&self, delivery: Delivery) {
        self.metrics.acknowledged_after(Instant::now().saturating_duration_since(delivery.queued_at));
        self.queue.finish(&delivery);
        if let Some(share) = delivery.share {
            share.acknowledge();
        }
        if self.queue.failing().is_none() {
            self.say_recovered();
        }
    }

    fn say_recovered(&self) {
        let ended: Vec<Recovered> = self.failing.iter().filter_map(Alarm::clear).collect();
        let attempts: u64 = ended.iter().map(|ended| ended.times).sum();
        if let Some(seconds) = ended.iter().map(|ended| ended.seconds).max() {
            tracing::info!(sink = &*self.name, attempts, seconds, "sink delivers again");
        }
    }

    /// The deliveries leave this sink's budget when they enter that of the dead letters, and are acknowledged by them.
    async fn dead_letter(&self, letters: &DeadLetters, batch: Vec<Delivery>, reason: RefusalReason, detail: &str) {
        for delivery in batch {
            letters.ready().await;
            self.metrics.dead_lettered.inc();
            self.queue.finish(&delivery);
            self.refuse(letters, delivery, reason, detail.to_owned());
        }
    }

    /// Its receiver does not get this one.
    pub(super) fn refuse(&self, letters: &DeadLetters, delivery: Delivery, reason: RefusalReason, detail: String) {
        if let Some(repeats) = self.dead_lettering[reason as usize].raise() {
            let (sink, key) = (&*self.name, delivery.key);
            tracing::error!(
                sink, %key, reason = reason.as_str(), detail, repeats,
                "a risk event is not delivered; it goes to the dead letters"
            );
        }
        letters.push_refusal(Refusal { sink: Arc::clone(&self.name), reason, detail, delivery });
    }

    /// Whether the receiver took something since it first refused what this lane holds: then the others need not wait. A
    /// firewall before it may answer 403 to what an attacker has written into one event.
    fn takes_others(&self, refused_at: &mut Option<u64>) -> bool {
        let successes = self.circuit.successes();
        *refused_at.get_or_insert(successes) < successes
    }

    /// The receiver answers, whatever it says.
    fn succeeded(&self) {
        if self.circuit.succeeded()
            && let Some(Recovered { seconds, .. }) = self.opening.clear()
        {
            tracing::info!(sink = &*self.name, seconds, "the circuit is closed: the receiver answers again");
        }
    }

    /// Pauses where the circuit does not make the lane wait anyway, but not beyond the time that is left.
    async fn failed(&self, pass: Pass<'_>, failure: &Failure, left: Duration) {
        match self.circuit.failed(pass, failure) {
            Next::Pause(pause) => tokio::time::sleep(pause.min(left)).await,
            Next::StaysOpen => {}
            Next::Opened => {
                if let Some(repeats) = self.opening.raise() {
                    let (sink, error) = (&*self.name, &*failure.detail);
                    tracing::warn!(
                        sink,
                        error,
                        repeats,
                        "the circuit is open: one request at a time looks for the receiver"
                    );
                }
            }
        }
    }

    fn report(&self, batch: &[Delivery], failure: &Failure) {
        let last = (Instant::now(), failure.detail.clone());
        *self.last_failure.lock().expect("no holder of this lock can panic") = Some(last);
        batch.iter().for_each(|delivery| self.queue.failed(delivery.key.id, failure));
        let Some(repeats) = self.failing[failure.kind as usize].raise() else { return };
        let (sink, error) = (&*self.name, &*failure.detail);
        match failure.kind {
            FailureKind::Unavailable => {
                tracing::warn!(sink, error, repeats, "sink is unavailable; deliveries are retried");
            }
            FailureKind::Misconfigured => {
                tracing::error!(
                    sink,
                    error,
                    repeats,
                    "sink refuses this configuration; deliveries are held until it is mended"
                );
            }
            FailureKind::EventRefused => {
                let key = batch.first().map(|delivery| tracing::field::display(delivery.key));
                tracing::warn!(
                    sink,
                    error,
                    key,
                    repeats,
                    "sink refuses a risk event; after {REFUSALS} times it is dead-lettered"
                );
            }
        }
    }

    /// No lane is left. What a required sink holds comes again after the restart; what a best-effort sink holds does not.
    fn abandon(&self) {
        let left = self.queue.abandon();
        if !self.required && left > 0 {
            self.metrics.dropped.inc_by(left as u64);
            let (sink, dropped) = (&*self.name, left);
            tracing::warn!(sink, dropped, "risk events that a best-effort sink still held at the end are dropped");
        }
    }

    /// Why deliveries fail: the circuit's word, or that of the queue on these.
    fn last_failure(&self, batch: &[Delivery]) -> String {
        let own = || batch.iter().find_map(|delivery| self.queue.failure_of(delivery.key.id));
        self.circuit
            .failing()
            .or_else(own)
            .map_or_else(|| "no attempt was made in time".to_owned(), |failing| failing.detail)
    }

    fn least_time_left(&self, batch: &[Delivery]) -> Duration {
        batch.iter().map(|delivery| self.time_left(delivery)).min().unwrap_or_default()
    }

    /// Until a best-effort sink gives this delivery up; a required one never does (CP-7).
    fn time_left(&self, delivery: &Delivery) -> Duration {
        self.retry.give_up_after.map_or(Duration::MAX, |limit| limit.saturating_sub(delivery.queued_at.elapsed()))
    }
}

#[cfg(test)]
mod tests;
