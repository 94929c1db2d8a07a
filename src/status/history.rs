//! Throughput and lag over the last hour: a ring of fixed size.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// One sample each.
const INTERVAL: Duration = Duration::from_secs(10);
/// An hour of them.
const SAMPLES: usize = 360;
/// Looks (one a second) over which the current rate is taken.
const LOOKS: usize = 10;

/// Samples, the oldest first; the last one is the newest.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// Pause between two samples.
    pub interval_seconds: f64,
    /// Records a second.
    pub records_per_second: VecDeque<f64>,
    /// The watermark's lag; null while there is no watermark.
    pub lag_seconds: VecDeque<Option<f64>>,
}

/// Takes the samples.
#[derive(Debug)]
pub struct Sampler {
    history: History,
    last: (Instant, u64),
    looks: VecDeque<(Instant, u64)>,
}

impl Sampler {
    /// Nothing yet; `records` are counted by now.
    pub fn new(now: Instant, records: u64) -> Self {
        let history = History { interval_seconds: INTERVAL.as_secs_f64(), ..History::default() };
        Self { history, last: (now, records), looks: VecDeque::from([(now, records)]) }
    }

    /// A look: takes a sample where one is due. A pause in the looks is filled with its average.
    pub fn look(&mut self, now: Instant, records: u64, lag_seconds: Option<f64>) {
        self.looks.push_back((now, records));
        if self.looks.len() > LOOKS + 1 {
            self.looks.pop_front();
        }
        let elapsed = now.saturating_duration_since(self.last.0);
        let due = usize::try_from(elapsed.as_secs() / INTERVAL.as_secs()).unwrap_or(SAMPLES).min(SAMPLES);
        if due == 0 {
            return;
        }
        let rate = rate(self.last, (now, records));
        self.last = (now, records);
        for _ in 0..due {
            push(&mut self.history.records_per_second, rate);
            push(&mut self.history.lag_seconds, lag_seconds.map(tenths));
        }
    }

    /// Records a second over the last looks.
    pub fn records_per_second(&self) -> f64 {
        let ends = self.looks.front().zip(self.looks.back());
        ends.map_or(0.0, |(first, last)| rate(*first, *last))
    }

    /// The samples.
    pub fn history(&self) -> &History {
        &self.history
    }
}

fn push<T>(ring: &mut VecDeque<T>, sample: T) {
    if ring.len() == SAMPLES {
        ring.pop_front();
    }
    ring.push_back(sample);
}

fn rate((from, before): (Instant, u64), (to, after): (Instant, u64)) -> f64 {
    let seconds = to.saturating_duration_since(from).as_secs_f64();
    if seconds > 0.0 { tenths(after.saturating_sub(before) as f64 / seconds) } else { 0.0 }
}

/// Nobody reads more digits, and the page is sent once a second.
fn tenths(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampled(looks: impl IntoIterator<Item = (u64, u64)>) -> Sampler {
        let start = crate::clock::monotonic();
        let mut sampler = Sampler::new(start, 0);
        for (seconds, records) in looks {
            sampler.look(start + Duration::from_secs(seconds), records, Some(seconds as f64));
        }
        sampler
    }

    #[test]
    fn a_sample_is_the_average_of_ten_seconds_and_the_lag_at_their_end() {
        let sampler = sampled((1..=25).map(|second| (second, second * 7)));
        assert_eq!(sampler.history().records_per_second, [7.0, 7.0]);
        assert_eq!(sampler.history().lag_seconds, [Some(10.0), Some(20.0)]);
    }

    #[test]
    fn an_hour_is_kept_and_no_more() {
        let sampler = sampled((1..=4000).map(|second| (second, 0)));
        assert_eq!(sampler.history().lag_seconds.len(), SAMPLES);
        assert_eq!(sampler.history().lag_seconds.back(), Some(&Some(4000.0)));
        assert_eq!(sampler.history().lag_seconds.front(), Some(&Some(410.0)));
    }

    #[test]
    fn a_pause_in_the_looks_does_not_shorten_the_hour() {
        let sampler = sampled([(35, 350)]);
        assert_eq!(sampler.history().records_per_second, [10.0, 10.0, 10.0]);
        assert_eq!(sampled([(86_400, 1)]).history().lag_seconds.len(), SAMPLES);
    }

    #[test]
    fn the_current_rate_is_that_of_the_last_looks() {
        assert!(sampled([]).records_per_second().abs() < f64::EPSILON);
        let burst = sampled((1..=30).map(|second| (second, if second > 20 { 100 * (second - 20) } else { 0 })));
        assert!((burst.records_per_second() - 100.0).abs() < f64::EPSILON);
    }
}
