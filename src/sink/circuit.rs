//! Whether a receiver is to be asked by every lane, or by one alone that looks whether it is back.
//!
//! A receiver that failed several times in a row, asked for a pause, or refuses the configuration is asked by one lane
//! at a time from then on, at the pace of the back-off. Its first answer that is none of these lets all lanes on again.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
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
    /// Who waits for a probe waits in a row: else the lane that has just failed would take the next one, and what it alone
    /// is refused would be all that is ever sent.
    turn: Semaphore,
}

struct State {
    /// In a row.
    failures: u32,
    backoff: Backoff,
    open: Option<Open>,
    /// Handed out so far.
    probes: u64,
    /// Answers so far that were no failure.
    successes: u64,
}

struct Open {
    failing: Failing,
    probe_at: Instant,
    /// The probe that somebody has the right to.
    probe: Option<u64>,
}

/// The right to one attempt. It ends with the value, also where the attempt is given up in the middle.
pub(super) struct Pass<'a> {
    circuit: &'a Circuit,
    /// Which probe it is. The circuit may have closed and opened since, and the right to the next one be another lane's.
    probe: Option<u64>,
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
        let state = State { failures: 0, backoff: retry.backoff(), open: None, probes: 0, successes: 0 };
        Self { retry, state: Mutex::new(state), changed: Notify::new(), turn: Semaphore::new(1) }
    }

    /// Waits until an attempt may be made: at once while the circuit is closed; while it is open, one lane gets a pass
    /// when the pause is over, and the others wait for their turn. Cancel-safe.
    pub(super) async fn pass(&self) -> Pass<'_> {
        let is_open = self.lock().open.is_some();
        let _turn = if is_open { Some(self.turn.acquire().await.expect("it is never closed")) } else { None };
        loop {
            // Registered before the look, so that what changes in between is not missed.
            let changed = self.changed.notified();
            let probe = {
                let mut state = self.lock();
                let State { open, probes, .. } = &mut *state;
                match open {
                    None => return Pass { circuit: self, probe: None },
                    Some(open) if open.probe.is_some() => None,
                    Some(open) => {
                        *probes += 1;
                        open.probe = Some(*probes);
                        Some((*probes, open.probe_at))
                    }
                }
            };
            let Some((probe, probe_at)) = probe else {
                changed.await;
                continue;
            };
            let pass = Pass { circuit: self, probe: Some(probe) };
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
        state.successes += 1;
        state.failures = 0;
        state.backoff = self.retry.backoff();
        let closed = state.open.take().is_some();
        drop(state);
        if closed {
            self.changed.notify_waiters();
        }
        closed
    }

    /// How often the receiver took something, or refused it for what it is.
    pub(super) fn successes(&self) -> u64 {
        self.lock().successes
    }

    /// The attempt of this pass failed, and not because of what was sent.
    pub(super) fn failed(&self, pass: Pass<'_>, failure: &Failure) -> Next {
        let mut state = self.lock();
        let is_news = state.open.as_ref().is_none_or(|open| pass.probe.is_some() && open.probe == pass.probe);
        // What began before the circuit opened says nothing new, and must not slow the probes down.
        let next = if is_news { state.failed(self.retry, failure, pass.probe) } else { Next::StaysOpen };
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
    fn failed(&mut self, retry: RetryPolicy, failure: &Failure, probe: Option<u64>) -> Next {
        self.failures = self.failures.saturating_add(1);
        // A wrong configuration does not mend itself within a back-off, so it is probed at the slowest pace.
        let is_misconfigured = failure.kind == FailureKind::Misconfigured;
        let asked = failure.retry_after;
        let pause = if is_misconfigured { retry.slowest(asked) } else { self.backoff.pause(asked) };
        let opens = self.failures >= FAILURES || is_misconfigured || failure.retry_after.is_some();
        if self.open.is_none() && !opens {
            return Next::Pause(pause);
        }
        let was_open = self.open.take();
        let next = if was_open.is_some() { Next::StaysOpen } else { Next::Opened };
        let since = was_open.map_or_else(Instant::now, |open| open.failing.since);
        let failing = Failing { since, kind: failure.kind, detail: failure.detail.clone() };
        self.open = Some(Open { failing, probe_at: Instant::now() + pause, probe });
        next
    }
}

impl Drop for Pass<'_> {
    /// Another lane may look next, unless one has that right already: two that took it from each other would wake each
    /// other for as long as they wait.
    fn drop(&mut self) {
        let Some(own) = self.probe else { return };
        match &mut self.circuit.lock().open {
            Some(open) if open.probe == Some(own) => open.probe = None,
            _ => return,
        }
        self.circuit.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future as _;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;

    /// How often somebody was woken.
    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It asks for a pause, which opens the circuit at once.
    fn failure() -> Failure {
        let retry_after = Some(Duration::from_secs(60));
        Failure { kind: FailureKind::Unavailable, detail: "busy".to_owned(), refused: None, retry_after }
    }

    /// A firewall before the receiver may refuse what an attacker has written into one event, and nothing else. The lane that
    /// has it must not be the only one that looks.
    #[tokio::test(start_paused = true)]
    async fn cp_7_who_has_failed_looks_again_after_the_others() {
        let policy = RetryPolicy { min: Duration::from_secs(1), max: Duration::from_secs(60), give_up_after: None };
        let circuit = Circuit::new(policy);
        let refused = Failure::new(FailureKind::Misconfigured, "403");
        assert_eq!(circuit.failed(circuit.pass().await, &refused), Next::Opened);
        let mut context = Context::from_waker(Waker::noop());
        let mut first = pin!(circuit.pass());
        let mut others = [Box::pin(circuit.pass()), Box::pin(circuit.pass())];
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert!(others.iter_mut().all(|other| other.as_mut().poll(&mut context).is_pending()));
        for _ in 0..3 {
            tokio::time::advance(Duration::from_secs(61)).await;
            let Poll::Ready(probe) = first.as_mut().poll(&mut context) else { panic!("it was the first to wait") };
            assert_eq!(circuit.failed(probe, &refused), Next::StaysOpen);
            // It waits again at once, before anybody else is woken.
            first.set(circuit.pass());
            assert!(first.as_mut().poll(&mut context).is_pending());
            for other in &mut others {
                assert!(other.as_mut().poll(&mut context).is_pending());
                tokio::time::advance(Duration::from_secs(61)).await;
                let Poll::Ready(probe) = other.as_mut().poll(&mut context) else { panic!("it waited before") };
                assert_eq!(circuit.failed(probe, &refused), Next::StaysOpen);
                other.set(circuit.pass());
                assert!(other.as_mut().poll(&mut context).is_pending());
            }
            assert!(first.as_mut().poll(&mut context).is_pending());
        }
    }

    /// The receiver came back and failed again while one lane's probe was under way: what that comes to must not make two
    /// others take the next probe from each other, each waking the other, without an end.
    #[tokio::test(start_paused = true)]
    async fn a_probe_of_before_does_not_set_the_lanes_against_each_other() {
        let policy = RetryPolicy { min: Duration::from_secs(1), max: Duration::from_secs(60), give_up_after: None };
        let circuit = Circuit::new(policy);
        assert_eq!(circuit.failed(circuit.pass().await, &failure()), Next::Opened);
        let of_before = circuit.pass().await;
        assert!(circuit.succeeded(), "an attempt that began before the circuit opened");
        assert_eq!(circuit.failed(circuit.pass().await, &failure()), Next::Opened);

        let woken: Arc<Woken> = Arc::default();
        let waker = Arc::clone(&woken).into();
        let mut context = Context::from_waker(&waker);
        let (mut one, mut other) = (pin!(circuit.pass()), pin!(circuit.pass()));
        assert!(one.as_mut().poll(&mut context).is_pending() && other.as_mut().poll(&mut context).is_pending());
        assert_eq!(circuit.failed(of_before, &failure()), Next::StaysOpen);
        for _ in 0..3 {
            assert!(other.as_mut().poll(&mut context).is_pending() && one.as_mut().poll(&mut context).is_pending());
        }
        let before = woken.0.load(Ordering::Relaxed);
        assert!(other.as_mut().poll(&mut context).is_pending() && one.as_mut().poll(&mut context).is_pending());
        assert_eq!(woken.0.load(Ordering::Relaxed), before, "they wait for the time alone");
        tokio::time::advance(Duration::from_secs(120)).await;
        let Poll::Ready(_probe) = one.as_mut().poll(&mut context) else { panic!("the first one has the probe") };
        assert!(other.as_mut().poll(&mut context).is_pending());
    }
}
