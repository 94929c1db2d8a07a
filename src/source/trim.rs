//! What can have passed the stream's retention between two reads of a shard (CP-8). Pure; times are Kinesis's.
//!
//! Deliberately absent: a checkpoint that is too old at the start, which is judged before anything is read.

use crate::time::Arrival;

/// How far a shard was read in time, against how far back the stream reaches.
#[derive(Debug)]
pub(super) struct TrimWatch {
    /// What arrived since is owed; none if nobody knows.
    begun: Option<Arrival>,
    /// Everything that arrived before was read; none before the first read.
    reached: Option<Arrival>,
}

impl TrimWatch {
    /// Nothing is read yet. What arrived before `begun` may be lost, and is no news.
    pub(super) fn new(begun: Option<Arrival>) -> Self {
        Self { begun, reached: None }
    }

    /// A read was answered: the arrivals of its first and last record, `MillisBehindLatest`, the time at which it was
    /// sent, and the trim horizon now. Returns the range of arrivals that may be lost. A record from before the horizon
    /// proves that nothing was trimmed yet.
    pub(super) fn on_read(
        &mut self,
        arrivals: Option<(Arrival, Arrival)>,
        millis_behind_latest: i64,
        sent_at: Option<Arrival>,
        horizon: Option<Arrival>,
    ) -> Option<(Arrival, Arrival)> {
        let (first, last) = match arrivals {
            Some((first, last)) => (first, last),
            None if millis_behind_latest == 0 => (Arrival(i64::MAX), sent_at?),
            None => return None,
        };
        let range = self.range(horizon).filter(|(_, oldest)| first > *oldest);
        self.reached = self.reached.max(Some(last));
        range
    }

    /// From what was read to what the stream still holds, if there is anything between.
    pub(super) fn range(&self, horizon: Option<Arrival>) -> Option<(Arrival, Arrival)> {
        let (reached, oldest) = (self.reached.or(self.begun)?, horizon?);
        (reached < oldest).then_some((reached, oldest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;

    fn at(hours: i64) -> Arrival {
        Arrival(hours * HOUR)
    }

    /// The trim horizon at this hour, of a retention of 24 h.
    fn horizon(now: i64) -> Option<Arrival> {
        Some(at(now - 24))
    }

    /// Read up to the hour 100.
    fn watch() -> TrimWatch {
        let mut watch = TrimWatch::new(None);
        assert_eq!(watch.on_read(Some((at(1), at(100))), 0, Some(at(100)), horizon(100)), None, "the first read");
        watch
    }

    #[test]
    fn cp_8_a_gap_longer_than_the_retention_is_reported_once_with_its_range() {
        for arrivals in [None, Some((at(129), at(130)))] {
            let mut watch = watch();
            assert_eq!(watch.on_read(arrivals, 0, Some(at(130)), horizon(130)), Some((at(100), at(106))));
            assert_eq!(watch.on_read(None, 0, Some(at(131)), horizon(131)), None);
        }
    }

    #[test]
    fn cp_8_a_first_read_that_comes_too_late_is_reported_from_where_reading_began() {
        let mut watch = TrimWatch::new(Some(at(100)));
        assert_eq!(watch.on_read(Some((at(80), at(90))), 34 * HOUR, Some(at(124)), horizon(124)), None);
        let lost = watch.on_read(Some((at(107), at(108))), 0, Some(at(130)), horizon(130));
        assert_eq!(lost, Some((at(90), at(106))), "and from then on from what was read");
        let mut watch = TrimWatch::new(Some(at(100)));
        assert_eq!(watch.on_read(None, 0, Some(at(130)), horizon(130)), Some((at(100), at(106))));
    }

    #[test]
    fn cp_8_a_gap_within_the_retention_is_none() {
        assert_eq!(watch().on_read(Some((at(124), at(124))), 0, Some(at(124)), horizon(124)), None);
    }

    #[test]
    fn cp_8_an_idle_shard_that_is_read_loses_nothing() {
        let mut watch = watch();
        for hour in (110..200).step_by(10) {
            assert_eq!(watch.on_read(None, 0, Some(at(hour)), horizon(hour)), None);
        }
    }

    #[test]
    fn cp_8_records_from_before_the_horizon_prove_that_nothing_was_trimmed() {
        let mut watch = watch();
        assert_eq!(watch.on_read(Some((at(101), at(102))), 28 * HOUR, Some(at(130)), horizon(130)), None);
        let lost = watch.on_read(Some((at(107), at(108))), 22 * HOUR, Some(at(130)), horizon(130));
        assert_eq!(lost, Some((at(102), at(106))), "and then the horizon overtook the reader");
    }

    #[test]
    fn cp_8_an_empty_answer_behind_the_tip_proves_nothing() {
        let mut watch = watch();
        assert_eq!(watch.on_read(None, 1, Some(at(130)), horizon(130)), None);
        assert_eq!(watch.on_read(Some((at(101), at(101))), 0, Some(at(130)), horizon(130)), None);
    }
}
