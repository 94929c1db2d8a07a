//! Whether a receiver is to be asked by every lane, or by one alone that looks whether it is back.
//!
//! A receiver that failed several times in a row, asked for a pause, or refuses the configuration is asked by one lane
//! at a time from then on, at the pace of the back-off. Its first answer that is none of these lets all lanes on again.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::health::FailureKind;
use super::queue::Failing;
use super::retry::{Backoff, RetryPolicy};
use super::transport::Failure;

/// So many failures in a row, over all lanes, open the circuit.
const FAILURES: u32 = 5;

/// See the module. It is closed at first.
pub(super) struct Circuit {
    retry: RetryPolicy,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    /// In a row.
    failures: u32,
    backoff: Backoff,
    open: Option<Open>,
}

struct Open {
    failing: Failing,
    probe_at: Instant,
    is_probed: bool,
}

/// The right to one attempt. It ends with the value, also where the attempt is given up in the middle.
pub(super) struct Pass<'a> {
    circuit: &'a Circuit,
    is_probe: bool,
}

/// What a failure leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The circuit is closed: the lane pauses for so long by itself.
    Pause(Duration),
    /// The circuit opened just now. It makes the lanes wait.
    Opened,
    /// It was open already.
    StaysOpen,
}

impl Circuit {
    pub(super) fn new(retry: RetryPolicy) -> Self {
        let state = State { failures: 0, backoff: retry.backoff(), open: None };
        Self { retry, state: Mutex::new(state), changed: Notify::new() }
    }

    /// Waits until an attempt may be made: at once while the circuit is closed; while it is open, one lane gets a pass
    /// when the pause is over, and the others wait. Cancel-safe.
    pub(super) async fn pass(&self) -> Pass<'_> {
        loop {
            // Registered before the look, so that what changes in between is not missed.
            let changed = self.changed.notified();
            let probe_at = {
                let mut state = self.lock();
                match &mut state.open {
                    None => return Pass { circuit: self, is_probe: false },
                    Some(open) if open.is_probed => None,
                    Some(open) => {
                        open.is_probed = true;
                        Some(open.probe_at)
                    }
                }
            };
            let Some(probe_at) = probe_at else {
                changed.await;
                continue;
            };
            let pass = Pass { circuit: self, is_probe: true };
            tokio::select! {
                () = tokio::time::sleep_until(probe_at) => return pass,
                // An attempt that began before the circuit opened may close it.
                () = changed => {}
            }
        }
    }

    /// The receiver answered: nothing in a row any more. Returns whether that closed the circuit.
    pub(super) fn succeeded(&self) -> bool {
        let mut state = self.lock();
        state.failures = 0;
        state.backoff = self.retry.backoff();
        let closed = state.open.take().is_some();
        drop(state);
        if closed {
            self.changed.notify_waiters();
        }
        closed
    }

    /// The attempt of this pass failed, and not because of what was sent.
    pub(super) fn failed(&self, pass: Pass<'_>, failure: &Failure) -> Next {
        let mut state = self.lock();
        let is_news = pass.is_probe || state.open.is_none();
        // What began before the circuit opened says nothing new, and must not slow the probes down.
        let next = if is_news { state.failed(self.retry, failure, pass.is_probe) } else { Next::StaysOpen };
        drop(state);
        drop(pass);
        next
    }

    /// How the receiver fails, while the circuit is open.
    pub(super) fn failing(&self) -> Option<Failing> {
        self.lock().open.as_ref().map(|open| open.failing.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

impl State {
    fn failed(&mut self, retry: RetryPolicy, failure: &Failure, is_probed: bool) -> Next {
        self.failures = self.failures.saturating_add(1);
        // A wrong configuration does not mend itself within a back-off, so it is probed at the slowest pace.
        let is_misconfigured = failure.kind == FailureKind::Misconfigured;
        let pause = if is_misconfigured { retry.max } else { self.backoff.pause(failure.retry_after) };
        let opens = self.failures >= FAILURES || is_misconfigured || failure.retry_after.is_some();
        if self.open.is_none() && !opens {
            return Next::Pause(pause);
        }
        let was_open = self.open.take();
        let next = if was_open.is_some() { Next::StaysOpen } else { Next::Opened };
        let since = was_open.map_or_else(Instant::now, |open| open.failing.since);
        let failing = Failing { since, kind: failure.kind, detail: failure.detail.clone() };
        self.open = Some(Open { failing, probe_at: Instant::now() + pause, is_probed });
        next
    }
}

impl Drop for Pass<'_> {
    /// Another lane may look next.
    fn drop(&mut self) {
        if !self.is_probe {
            return;
        }
        if let Some(open) = &mut self.circuit.lock().open {
            open.is_probed = false;
        }
        self.circuit.changed.notify_waiters();
    }
}
