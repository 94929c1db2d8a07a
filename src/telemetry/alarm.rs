//! Trouble that repeats, thinned: said at once, then once a minute with how often it came meanwhile, and once when it is
//! over.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock::monotonic;

/// Between two lines about the same trouble.
const QUIET: Duration = Duration::from_secs(60);

/// One kind of trouble: what was said of it, and what was not.
#[derive(Debug, Default)]
pub struct Alarm {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last line.
    said_at: Option<Instant>,
    /// How often it came since.
    unsaid: u64,
    /// Since the last recovery; none if nothing was said since.
    trouble: Option<(Instant, u64)>,
}

/// Trouble that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// How often it came.
    pub times: u64,
    /// From its first line to its end, in whole seconds.
    pub seconds: u64,
}

impl Alarm {
    /// The trouble came. If it is to be said now: how often it came since it was said last, this time not counted.
    pub fn raise(&self) -> Option<u64> {
        let (mut state, now) = (self.lock(), monotonic());
        if state.is_quiet(now) {
            state.unsaid += 1;
            state.trouble.iter_mut().for_each(|(_, times)| *times += 1);
            return None;
        }
        let unsaid = state.say(now);
        let (_, times) = state.trouble.get_or_insert((now, unsaid));
        *times += 1;
        Some(unsaid)
    }

    /// How often it came since it was said last, once that may be said: for trouble that may not come again.
    pub fn unsaid(&self) -> Option<u64> {
        let (mut state, now) = (self.lock(), monotonic());
        (state.unsaid > 0 && !state.is_quiet(now)).then(|| state.say(now))
    }

    /// The trouble is over. If that is to be said, because the trouble was: what it came to.
    pub fn clear(&self) -> Option<Recovered> {
        let mut state = self.lock();
        let (since, times) = state.trouble.take()?;
        state.unsaid = 0;
        Some(Recovered { times, seconds: monotonic().saturating_duration_since(since).as_secs() })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that holds it can panic halfway through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_quiet(&self, now: Instant) -> bool {
        self.said_at.is_some_and(|at| now.saturating_duration_since(at) < QUIET)
    }

    fn say(&mut self, now: Instant) -> u64 {
        self.said_at = Some(now);
        std::mem::take(&mut self.unsaid)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn trouble_is_said_at_once_then_once_a_minute_with_its_count_and_its_end_once() {
        let alarm = Alarm::default();
        assert_eq!(alarm.raise(), Some(0));
        assert_eq!([alarm.raise(), alarm.raise()], [None, None]);
        advance(QUIET).await;
        assert_eq!(alarm.raise(), Some(2), "the two that were not said");
        assert_eq!(alarm.raise(), None);
        advance(Duration::from_secs(5)).await;
        assert_eq!(alarm.clear(), Some(Recovered { times: 5, seconds: 65 }));
        assert_eq!(alarm.clear(), None, "an end is said once");
    }

    #[tokio::test(start_paused = true)]
    async fn flapping_does_not_flood_the_log_and_what_was_not_said_does_not_recover() {
        let alarm = Alarm::default();
        assert_eq!(alarm.raise(), Some(0));
        assert!(alarm.clear().is_some());
        for _ in 0..10 {
            advance(Duration::from_secs(5)).await;
            assert_eq!((alarm.raise(), alarm.clear()), (None, None));
        }
        advance(Duration::from_secs(10)).await;
        assert_eq!(alarm.raise(), Some(10), "the ten flaps are in the next line");
        assert_eq!(alarm.clear(), Some(Recovered { times: 11, seconds: 0 }));
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_come_again_is_said_all_the_same_once_the_minute_is_over() {
        let alarm = Alarm::default();
        assert_eq!(alarm.unsaid(), None);
        assert_eq!((alarm.raise(), alarm.raise(), alarm.unsaid()), (Some(0), None, None), "not within the minute");
        advance(QUIET).await;
        assert_eq!((alarm.unsaid(), alarm.unsaid()), (Some(1), None));
        assert_eq!(alarm.raise(), None, "the summary was a line");
    }
}
