//! One lane to the receiver: it takes batches, tries each until it is settled, and acknowledges.
//!
//! A lane stays with its batch through every retry, unless it alone may be what is refused: then that is set aside, and tried
//! again behind a pause (CP-7).

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{REFUSALS, Sink};
use crate::sink::dead_letter::{DeadLetters, RefusalReason};
use crate::sink::health::FailureKind;
use crate::sink::queue::Delivery;
use crate::sink::sinks::SinkEnd;
use crate::sink::transport::{Outcome, Transport};

/// One batch at a time to the receiver.
pub(super) struct Lane<T> {
    sink: Arc<Sink>,
    transport: T,
    dead_letters: DeadLetters,
    /// By when it is to be tried again. Until it is settled it takes its part of the queue's budget.
    aside: BTreeMap<(Instant, u64), Held>,
    /// How much was set aside so far.
    set_aside: u64,
    /// The last one came from the queue.
    aside_is_next: bool,
}

/// What a lane tries to hand over.
struct Held {
    batch: Vec<Delivery>,
    /// What the receiver had taken when it first refused some of it.
    refused_at: Option<u64>,
}

/// What became of a batch.
enum Settled {
    Delivered,
    /// Of one delivery: three times.
    Refused(String),
    /// Of several: something in it, or the one of this index.
    Divided(Option<usize>),
    /// What the receiver does not take although it takes others, or may take others: it is held behind them, for so long.
    Aside(Duration),
    /// The first one's time is over.
    Expired(String),
    Closed,
}

impl<T: Transport> Lane<T> {
    pub(super) fn new(sink: Arc<Sink>, transport: T, dead_letters: DeadLetters) -> Self {
        Self { sink, transport, dead_letters, aside: BTreeMap::new(), set_aside: 0, aside_is_next: false }
    }

    /// Ends when the queue is closed and empty and nothing is held, or says why before.
    pub(super) async fn run(mut self) -> Option<SinkEnd> {
        while let Some(held) = self.next().await {
            if let Some(end) = self.settle(held).await {
                return Some(end);
            }
        }
        None
    }

    /// What waits in the queue, or was set aside until now: in turn where there is both, or many of one would keep the other
    /// waiting.
    async fn next(&mut self) -> Option<Held> {
        let taken = async { self.sink.queue.take(self.sink.batch).await.map(|batch| Held { batch, refused_at: None }) };
        let Some((due, _)) = self.aside.first_key_value().map(|(key, _)| *key) else { return taken.await };
        let taken = tokio::select! {
            biased;
            () = tokio::time::sleep_until(due), if self.aside_is_next => None,
            Some(held) = taken => Some(held),
            () = tokio::time::sleep_until(due) => None,
        };
        self.aside_is_next = taken.is_some();
        taken.or_else(|| self.aside.pop_first().map(|(_, held)| held))
    }

    fn set_aside(&mut self, held: Held, pause: Duration) {
        let due = Instant::now() + pause.min(self.sink.least_time_left(&held.batch));
        self.set_aside += 1;
        self.aside.insert((due, self.set_aside), held);
    }

    /// Until every delivery has left the sink or is set aside. Those of a batch that is refused are tried one by one (CP-7).
    async fn settle(&mut self, Held { batch, mut refused_at }: Held) -> Option<SinkEnd> {
        let mut batches = VecDeque::from([batch]);
        while let Some(batch) = batches.pop_front() {
            let is_alone = batches.is_empty() && self.aside.is_empty();
            match self.offer(&batch, is_alone, &mut refused_at).await {
                Settled::Delivered => batch.into_iter().for_each(|delivery| self.sink.acknowledge(delivery)),
                Settled::Refused(detail) => {
                    self.sink.dead_letter(&self.dead_letters, batch, RefusalReason::Refused, &detail).await
                }
                Settled::Divided(refused) => batches.extend(divided(batch, refused)),
                Settled::Aside(pause) => self.set_aside(Held { batch, refused_at }, pause),
                Settled::Expired(detail) => {
                    let is_over = |delivery: &Delivery| self.sink.time_left(delivery).is_zero();
                    let (over, rest): (Vec<_>, Vec<_>) = batch.into_iter().partition(is_over);
                    self.sink.dead_letter(&self.dead_letters, over, RefusalReason::GivenUp, &detail).await;
                    batches.extend(Some(rest).filter(|rest| !rest.is_empty()));
                }
                Settled::Closed => {
                    let sink = Arc::clone(&self.sink.name);
                    tracing::warn!(
                        %sink,
                        "nobody reads standard output any more: stopping; what is not acknowledged is told again after the \
                         restart"
                    );
                    return Some(SinkEnd::ClosedPipe { sink });
                }
            }
        }
        None
    }

    /// Tries until it is known what becomes of the batch. `is_alone`: the lane holds no other.
    async fn offer(&mut self, batch: &[Delivery], is_alone: bool, refused_at: &mut Option<u64>) -> Settled {
        let sink = &*self.sink;
        let (mut refused, mut refusals) = (sink.retry.backoff(), 0);
        loop {
            let Ok(pass) = tokio::time::timeout(sink.least_time_left(batch), sink.circuit.pass()).await else {
                return Settled::Expired(sink.last_failure(batch));
            };
            let outcome = self.transport.attempt(batch).await;
            sink.metrics.attempted(&outcome);
            let failure = match sink.judged(outcome) {
                Outcome::Delivered => {
                    sink.succeeded();
                    return Settled::Delivered;
                }
                Outcome::Closed => return Settled::Closed,
                Outcome::Failed(failure) if failure.kind == FailureKind::EventRefused => {
                    sink.succeeded();
                    failure
                }
                Outcome::Failed(failure) => {
                    sink.report(batch, &failure);
                    let left = sink.least_time_left(batch);
                    let is_misconfigured = failure.kind == FailureKind::Misconfigured;
                    let aside = Settled::Aside(sink.retry.slowest(failure.retry_after));
                    if is_misconfigured && !left.is_zero() && sink.takes_others(refused_at) {
                        return if batch.len() > 1 { Settled::Divided(None) } else { aside };
                    }
                    sink.failed(pass, &failure, left).await;
                    if left.is_zero() {
                        return Settled::Expired(failure.detail);
                    }
                    // Whether it takes others shows only by these.
                    if is_misconfigured && (!is_alone || sink.queue.has_free()) {
                        return aside;
                    }
                    continue;
                }
            };
            drop(pass);
            if batch.len() > 1 {
                return Settled::Divided(failure.refused);
            }
            sink.report(batch, &failure);
            refusals += 1;
            if refusals == REFUSALS {
                return Settled::Refused(failure.detail);
            }
            let left = sink.least_time_left(batch);
            if left.is_zero() {
                return Settled::Expired(failure.detail);
            }
            tokio::time::sleep(refused.pause(failure.retry_after).min(left)).await;
        }
    }
}

/// One by one, or, where the receiver names the refused one, that one alone between the others.
fn divided(mut batch: Vec<Delivery>, refused: Option<usize>) -> Vec<Vec<Delivery>> {
    let Some(refused) = refused.filter(|index| *index < batch.len()) else {
        return batch.into_iter().map(|delivery| vec![delivery]).collect();
    };
    let after = batch.split_off(refused + 1);
    let alone = batch.split_off(refused);
    [batch, alone, after].into_iter().filter(|part| !part.is_empty()).collect()
}
