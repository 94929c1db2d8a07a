//! The queue of one sink: bounded in bytes, in order per risk event id.
//!
//! Several lanes take from it. A delivery is never taken while another of the same id is on its way, so that an early
//! stage arrives before its final one (EM-1, EM-2) while other ids pass.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use super::acknowledgement::Share;
use super::budget::Budget;
use super::health::FailureKind;
use super::transport::Failure;
use crate::risk_event::{DeliveryKey, RiskEventId};

/// One risk event on its way to one sink.
pub(super) struct Delivery {
    pub(super) key: DeliveryKey,
    /// The event as it is written, shared among the sinks, with its newline.
    pub(super) line: Bytes,
    pub(super) queued_at: Instant,
    /// None on a best-effort sink.
    pub(super) share: Option<Share>,
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
    in_flight: Vec<InFlight>,
    closed: bool,
}

struct InFlight {
    id: RiskEventId,
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
        self.budget.take(delivery.line.len());
        state.waiting.push_back(delivery);
        drop(state);
        self.changed.notify_waiters();
    }

    /// The first delivery whose id is not in flight; from then on it is. None once the queue is closed and empty.
    /// Cancel-safe.
    pub(super) async fn take(&self) -> Option<Delivery> {
        loop {
            // Registered before the look, so that what changes in between is not missed.
            let changed = self.changed.notified();
            {
                let mut state = self.lock();
                if let Some(delivery) = state.take_free() {
                    return Some(delivery);
                }
                if state.closed && state.waiting.is_empty() {
                    return None;
                }
            }
            changed.await;
        }
    }

    /// The delivery failed and is still to be made.
    pub(super) fn failed(&self, id: RiskEventId, failure: &Failure) {
        let mut state = self.lock();
        let Some(entry) = state.in_flight.iter_mut().find(|entry| entry.id == id) else { return };
        let since = entry.failing.as_ref().map_or_else(Instant::now, |failing| failing.since);
        entry.failing = Some(Failing { since, kind: failure.kind, detail: failure.detail.clone() });
    }

    /// The delivery left the sink: its bytes are free, and so is its id.
    pub(super) fn finish(&self, id: RiskEventId, bytes: usize) {
        self.lock().in_flight.retain(|entry| entry.id != id);
        self.budget.give_back(bytes);
        self.changed.notify_waiters();
    }

    /// No more pushes; what is queued is still taken.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_waiters();
    }

    /// Closes, and forgets what is queued: nobody will take it. It stays unacknowledged.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.closed = true;
        let forgotten = std::mem::take(&mut state.waiting);
        drop(state);
        self.budget.give_back(forgotten.iter().map(|delivery| delivery.line.len()).sum());
    }

    /// Deliveries waiting or in flight; one that waits to be tried again is in flight.
    pub(super) fn pending(&self) -> usize {
        let state = self.lock();
        state.waiting.len() + state.in_flight.len()
    }

    /// Age of the oldest delivery waiting or in flight.
    pub(super) fn oldest(&self) -> Duration {
        let state = self.lock();
        let in_flight = state.in_flight.iter().map(|entry| entry.queued_at);
        let oldest = in_flight.chain(state.waiting.front().map(|delivery| delivery.queued_at)).min();
        oldest.map_or(Duration::ZERO, |at| Instant::now().saturating_duration_since(at))
    }

    /// The delivery that fails for the longest time.
    pub(super) fn failing(&self) -> Option<Failing> {
        let state = self.lock();
        state.in_flight.iter().filter_map(|entry| entry.failing.clone()).min_by_key(|failing| failing.since)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

impl State {
    fn take_free(&mut self) -> Option<Delivery> {
        let in_flight = |id: RiskEventId| self.in_flight.iter().any(|entry| entry.id == id);
        let first = self.waiting.iter().position(|delivery| !in_flight(delivery.key.id))?;
        let delivery = self.waiting.remove(first)?;
        self.in_flight.push(InFlight { id: delivery.key.id, queued_at: delivery.queued_at, failing: None });
        Some(delivery)
    }
}

#[cfg(test)]
mod tests;
