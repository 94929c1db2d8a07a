//! The worker of one sink: lanes that take deliveries, try until it is settled, and acknowledge.
//!
//! A lane stays with its delivery through every retry. Several lanes give concurrency; the queue keeps the order per id.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::acknowledgement::Acknowledger;
use super::alarm::Alarm;
use super::dead_letter::{DeadLetters, Refusal, RefusalReason};
use super::health::FailureKind;
use super::metrics::SinkMetrics;
use super::queue::{Delivery, Queue};
use super::retry::{Backoff, RetryPolicy};
use super::sinks::SinkEnd;
use super::transport::{Failure, Outcome, Transport};
use crate::config::SinkConfig;
use crate::metrics::Metrics;

/// CP-7: how often a receiver must refuse an event before it becomes a dead letter.
const REFUSALS: u32 = 3;

/// What the lanes of a sink, its pushing side and its health share.
pub(super) struct Sink {
    pub(super) name: Arc<str>,
    pub(super) required: bool,
    pub(super) queue: Queue,
    pub(super) retry: RetryPolicy,
    pub(super) metrics: SinkMetrics,
    /// By [`FailureKind`].
    pub(super) failing: [Alarm; FailureKind::COUNT],
    pub(super) dropping: Alarm,
}

/// What every worker is given.
#[derive(Clone)]
pub(super) struct WorkerDeps {
    pub(super) dead_letters: DeadLetters,
    pub(super) acknowledger: Acknowledger,
    /// Why the first worker ended that ended before the close.
    pub(super) ended: watch::Sender<Option<SinkEnd>>,
    pub(super) stop: CancellationToken,
}

/// One delivery at a time to the receiver.
struct Lane<T> {
    sink: Arc<Sink>,
    transport: T,
    dead_letters: DeadLetters,
}

/// How a delivery was settled.
enum Settled {
    Acknowledged,
    Refused(RefusalReason, String),
    Closed,
}

/// Runs one lane for each transport until the queue is closed and empty, the receiver goes away, or `stop`.
pub(super) async fn run<T: Transport>(sink: Arc<Sink>, transports: Vec<T>, deps: WorkerDeps) {
    let WorkerDeps { dead_letters, acknowledger, ended, stop } = deps;
    let mut lanes = JoinSet::new();
    for transport in transports {
        let lane = Lane { sink: Arc::clone(&sink), transport, dead_letters: dead_letters.clone() };
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
    sink.queue.abandon();
    // Only now are the acknowledgements complete: best-effort deliveries have no share of their own to keep them open.
    drop(acknowledger);
}

impl<T: Transport> Lane<T> {
    /// Ends when the queue is closed and empty, or says why before.
    async fn run(mut self) -> Option<SinkEnd> {
        while let Some(delivery) = self.sink.queue.take().await {
            match self.settle(&delivery).await {
                Settled::Acknowledged => self.sink.acknowledge(delivery),
                Settled::Refused(reason, detail) => {
                    self.sink.dead_letter(&self.dead_letters, delivery, reason, detail).await;
                }
                Settled::Closed => return Some(SinkEnd::ClosedPipe { sink: Arc::clone(&self.sink.name) }),
            }
        }
        None
    }

    async fn settle(&mut self, delivery: &Delivery) -> Settled {
        let mut backoff = self.sink.retry.backoff();
        let mut refusals = 0;
        loop {
            let outcome = self.transport.attempt(delivery.key, &delivery.line).await;
            self.sink.metrics.attempted(&outcome);
            let failure = match outcome {
                Outcome::Delivered => return Settled::Acknowledged,
                Outcome::Closed => return Settled::Closed,
                Outcome::Failed(failure) => failure,
            };
            self.sink.report(delivery, &failure);
            refusals += u32::from(failure.kind == FailureKind::EventRefused);
            let left = self.sink.time_left(delivery);
            if refusals == REFUSALS {
                return Settled::Refused(RefusalReason::Refused, failure.detail);
            }
            if left.is_zero() {
                return Settled::Refused(RefusalReason::GivenUp, failure.detail);
            }
            tokio::time::sleep(self.sink.pause(&mut backoff, &failure).min(left)).await;
        }
    }
}

impl Sink {
    pub(super) fn new(config: &SinkConfig, metrics: &Metrics) -> Self {
        Self {
            name: config.name.as_str().into(),
            required: config.required,
            queue: Queue::new(config.queue_bytes),
            retry: RetryPolicy::of(config),
            metrics: SinkMetrics::new(metrics, &config.name),
            failing: Default::default(),
            dropping: Alarm::default(),
        }
    }

    fn acknowledge(&self, delivery: Delivery) {
        self.metrics.acknowledged_after(Instant::now().saturating_duration_since(delivery.queued_at));
        self.queue.finish(delivery.key.id, delivery.line.len());
        if let Some(share) = delivery.share {
            share.acknowledge();
        }
        if self.queue.failing().is_none() && self.failing.iter().fold(false, |said, alarm| said | alarm.clear()) {
            tracing::info!(sink = &*self.name, "sink delivers again");
        }
    }

    /// The delivery leaves this sink's budget when it enters that of the dead letters, and is acknowledged by them.
    async fn dead_letter(&self, letters: &DeadLetters, delivery: Delivery, reason: RefusalReason, detail: String) {
        letters.ready().await;
        self.metrics.dead_lettered.inc();
        self.queue.finish(delivery.key.id, delivery.line.len());
        letters.push_refusal(Refusal { sink: Arc::clone(&self.name), reason, detail, delivery });
    }

    fn report(&self, delivery: &Delivery, failure: &Failure) {
        self.queue.failed(delivery.key.id, failure);
        if !self.failing[failure.kind as usize].raise() {
            return;
        }
        let (sink, error, key) = (&*self.name, &*failure.detail, delivery.key);
        match failure.kind {
            FailureKind::Unavailable => tracing::warn!(sink, error, "sink is unavailable; deliveries are retried"),
            FailureKind::Misconfigured => {
                tracing::error!(sink, error, "sink refuses this configuration; deliveries are held until it is mended");
            }
            FailureKind::EventRefused => {
                tracing::error!(sink, error, %key, "sink refuses a risk event; after {REFUSALS} times it is dead-lettered");
            }
        }
    }

    /// Until a best-effort sink gives this delivery up; a required one never does (CP-7).
    fn time_left(&self, delivery: &Delivery) -> Duration {
        let age = Instant::now().saturating_duration_since(delivery.queued_at);
        self.retry.give_up_after.map_or(Duration::MAX, |limit| limit.saturating_sub(age))
    }

    /// A wrong configuration does not mend itself within a back-off, so it is probed at the slowest pace.
    fn pause(&self, backoff: &mut Backoff, failure: &Failure) -> Duration {
        match failure.kind {
            FailureKind::Misconfigured => self.retry.max,
            FailureKind::Unavailable | FailureKind::EventRefused => backoff.pause(failure.retry_after),
        }
    }
}

#[cfg(test)]
mod tests;
