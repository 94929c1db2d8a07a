//! The queue of one sink: bounded in bytes, in order per risk event id.
//!
//! Several lanes take from it. A delivery is never taken while another of the same id is on its way, so that an early
//! stage arrives before its final one (EM-1, EM-2) while other ids pass.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use super::acknowledgement::Share;
use super::budget::Budget;
use super::format::Body;
use super::health::FailureKind;
use super::transport::Failure;
use crate::config::BatchLimit;
use crate::risk_event::{DeliveryKey, RiskEventId};

/// One risk event on its way to one sink.
pub struct Delivery {
    /// Tells it from all others; the same over all attempts.
    pub key: DeliveryKey,
    /// The event in the native format with its newline, shared among the sinks: what a dead letter keeps.
    pub line: Bytes,
    /// The event in the sink's format.
    pub body: Body,
    pub(super) queued_at: Instant,
    /// None on a best-effort sink.
    pub(super) share: Option<Share>,
}

impl Delivery {
    /// What it holds in memory: a native body is part of the line.
    pub(super) fn bytes(&self) -> usize {
        let (line, body) = (self.line.as_ptr_range(), self.body.bytes.as_ptr_range());
        let is_shared = line.start <= body.start && body.end <= line.end;
        self.line.len() + if is_shared { 0 } else { self.body.bytes.len() }
    }
}

/// See the module.
pub(super) struct Queue {
    budget: Budget,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Delivery>,
    in_flight: BTreeMap<RiskEventId, InFlight>,
    closed: bool,
}

struct InFlight {
    queued_at: Instant,
    failing: Option<Failing>,
}

/// How a delivery fails that is still to be made.
#[derive(Clone, Debug)]
pub(super) struct Failing {
    pub(super) since: Instant,
    pub(super) kind: FailureKind,
    pub(super) detail: String,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self { budget: Budget::new(limit), state: Mutex::default(), changed: Notify::new() }
    }

    /// The bytes held: waiting and in flight.
    pub(super) fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Appends. What comes after the close is forgotten, unacknowledged.
    pub(super) fn push(&self, delivery: Delivery) {
        let mut state = self.lock();
        if state.closed {
            return;
        }
        self.budget.take(delivery.bytes());
        state.waiting.push_back(delivery);
        drop(state);
        self.changed.notify_waiters();
    }

    /// The first deliveries whose ids are not in flight, at least one and within the limit; from then on they are. None
    /// once the queue is closed and empty. Cancel-safe.
    pub(super) async fn take(&self, limit: BatchLimit) -> Option<Vec<Delivery>> {
        loop {
            // Registered before the look, so that what changes in between is not missed.
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                let batch = state.take_free(limit);
                if !batch.is_empty() {
                    return Some(batch);
                }
                if state.closed && state.waiting.is_empty() {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// Whether something waits that could be taken.
    pub(super) fn has_free(&self) -> bool {
        let state = self.lock();
        state.waiting.iter().any(|delivery| !state.in_flight.contains_key(&delivery.key.id))
    }

    /// The delivery failed and is still to be made.
    pub(super) fn failed(&self, id: RiskEventId, failure: &Failure) {
        let mut state = self.lock();
        let Some(entry) = state.in_flight.get_mut(&id) else { return };
        let since = entry.failing.as_ref().map_or_else(Instant::now, |failing| failing.since);
        entry.failing = Some(Failing { since, kind: failure.kind, detail: failure.detail.clone() });
    }

    /// How the delivery in flight of this id fails.
    pub(super) fn failure_of(&self, id: RiskEventId) -> Option<Failing> {
        self.lock().in_flight.get(&id)?.failing.clone()
    }

    /// The delivery left the sink: its bytes are free, and so is its id.
    pub(super) fn finish(&self, delivery: &Delivery) {
        self.lock().in_flight.remove(&delivery.key.id);
        self.budget.give_back(delivery.bytes());
        self.changed.notify_waiters();
    }

    /// No more pushes; what is queued is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// Closes, and forgets what is queued: nobody will take it. It stays unacknowledged. Returns how many deliveries that
    /// leaves, those in flight included.
    pub(super) fn abandon(&self) -> usize {
        let mut state = self.lock();
        state.closed = true;
        let forgotten = std::mem::take(&mut state.waiting);
        let left = forgotten.len() + state.in_flight.len();
        drop(state);
        self.budget.give_back(forgotten.iter().map(Delivery::bytes).sum());
        left
    }

    /// Deliveries waiting or in flight; one that waits to be tried again is in flight.
    pub(super) fn pending(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.in_flight.len()
    }

    /// Age of the oldest delivery waiting or in flight.
    pub(super) fn oldest(&self) -> Duration {
        let state = self.lock();
        let in_flight = state.in_flight.values().map(|entry| entry.queued_at);
        let oldest = in_flight.chain(state.waiting.front().map(|delivery| delivery.queued_at)).min();
        oldest.map_or(Duration::ZERO, |at| Instant::now().saturating_duration_since(at))
    }

    /// The delivery that fails for the longest time.
    pub(super) fn failing(&self) -> Option<Failing> {
        let state = self.lock();
        state.in_flight.values().filter_map(|entry| entry.failing.clone()).min_by_key(|failing| failing.since)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

impl State {
    fn take_free(&mut self, limit: BatchLimit) -> Vec<Delivery> {
        let (mut batch, mut bytes, mut at) = (Vec::new(), 0, 0);
        while batch.len() < limit.events.max(1)
            && let Some(next) = self.waiting.get(at)
        {
            // What waits for its own earlier stage is passed over, and waits on.
            if self.in_flight.contains_key(&next.key.id) {
                at += 1;
                continue;
            }
            bytes += next.body.bytes.len();
            if bytes > limit.bytes && !batch.is_empty() {
                break;
            }
            let Some(delivery) = self.waiting.remove(at) else { break };
            self.in_flight.insert(delivery.key.id, InFlight { queued_at: delivery.queued_at, failing: None });
            batch.push(delivery);
        }
        batch
    }
}

#[cfg(test)]
mod tests;
