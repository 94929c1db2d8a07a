//! Says once a burst that something is wrong: a receiver that is down for an hour is one line a minute, not one an
//! attempt.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use tokio::time::Instant;

const QUIET: Duration = Duration::from_secs(60);

/// When one kind of trouble was last said.
#[derive(Default)]
pub(super) struct Alarm {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    said_at: Option<Instant>,
    raised: bool,
}

impl Alarm {
    /// Whether the trouble is to be said now: it was not within the last minute.
    pub(super) fn raise(&self) -> bool {
        let mut state = self.lock();
        let now = Instant::now();
        if state.said_at.is_some_and(|at| now.saturating_duration_since(at) < QUIET) {
            return false;
        }
        *state = State { said_at: Some(now), raised: true };
        true
    }

    /// Whether the recovery is to be said: trouble was, since the last recovery.
    pub(super) fn clear(&self) -> bool {
        std::mem::take(&mut self.lock().raised)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder of this lock can panic")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_said_once_a_minute_and_recovers_once() {
        let alarm = Alarm::default();
        assert!(alarm.raise());
        assert!(!alarm.raise());
        assert!(alarm.clear());
        assert!(!alarm.clear());
        assert!(!alarm.raise(), "flapping does not flood the log");
        assert!(!alarm.clear(), "what was not said does not recover");
        tokio::time::advance(QUIET).await;
        assert!(alarm.raise());
    }
}
