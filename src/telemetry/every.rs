//! Repeated log lines, thinned: the first at once, then one a period with the number that was held back.

use std::time::{Duration, Instant};

/// Lets one event a period through.
#[derive(Clone, Debug)]
pub struct Every {
    period: Duration,
    last: Option<Instant>,
    suppressed: u64,
}

impl Every {
    /// The first event passes, then at most one a `period`.
    pub const fn new(period: Duration) -> Self {
        Self { period, last: None, suppressed: 0 }
    }

    /// Whether the event at `now` passes: if so, how many were held back since the last that did.
    pub fn allow(&mut self, now: Instant) -> Option<u64> {
        let due = self.last.is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if !due {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_period_passes_with_the_count_of_the_others() {
        let start = crate::clock::monotonic();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut every = Every::new(Duration::from_secs(10));
        assert_eq!(every.allow(at(0)), Some(0));
        assert_eq!([every.allow(at(1)), every.allow(at(9))], [None, None]);
        assert_eq!(every.allow(at(10)), Some(2), "the period is over at its end");
        assert_eq!(every.allow(at(100)), Some(0), "the count starts anew");
    }
}
