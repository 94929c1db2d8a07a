//! When a shard may be read again, when it counts as stalled, and what empty reads prove. Pure: moments are given, as
//! monotonic time since the consumer began; no clock is read here.

use std::time::Duration;

use super::api::ErrorKind;

/// Monotonic time since the consumer began.
pub(super) type Moment = Duration;

/// Pause between reads while there is more to read: four of the five calls a second that all polling readers of a
/// shard share.
const CATCH_UP: Duration = Duration::from_millis(250);
/// What a shard gives a second; reading faster is answered with throttles, after 10 MiB for five seconds.
const SHARD_BYTES_PER_SECOND: f64 = 2.0 * 1024.0 * 1024.0;
/// A throttled shard refuses for the rest of the second.
const THROTTLED: Duration = Duration::from_secs(1);
/// First pause after a failed try; doubled at each further one.
const RETRY_MIN: Duration = Duration::from_millis(250);
/// Longest pause between tries that may succeed by themselves.
const RETRY_MAX: Duration = Duration::from_secs(5);
/// Pause where an operator has to act first.
const REFUSED: Duration = Duration::from_secs(10);
/// How far apart two empty reads must be to prove anything (RD-3).
const TIP_DISTANCE: Duration = Duration::from_secs(1);

/// The times of one shard's reads.
#[derive(Debug)]
pub(super) struct Pacing {
    poll_interval: Duration,
    stalled_after: Duration,
    next_read: Moment,
    /// The last successful read, moved on by the time that our own back-pressure took.
    last_success: Moment,
    failures: u32,
    stalled: bool,
}

impl Pacing {
    /// A shard that may be read at once.
    pub(super) fn new(poll_interval: Duration, stalled_after: Duration, now: Moment) -> Self {
        Self { poll_interval, stalled_after, next_read: now, last_success: now, failures: 0, stalled: false }
    }

    /// The earliest moment for the next call.
    pub(super) fn next_read(&self) -> Moment {
        self.next_read
    }

    /// When the shard becomes stalled unless a read succeeds before (RD-3); none if it is already.
    pub(super) fn stalls_at(&self) -> Option<Moment> {
        (!self.stalled).then(|| self.last_success + self.stalled_after)
    }

    /// The moment of [`Self::stalls_at`] has come.
    pub(super) fn stall(&mut self) {
        self.stalled = true;
    }

    /// Whether the shard is stalled.
    pub(super) fn is_stalled(&self) -> bool {
        self.stalled
    }

    /// How many tries failed since the last success.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Our own back-pressure held the shard for so long: frozen, which does not count towards stalled (RD-3).
    pub(super) fn frozen(&mut self, held: Duration) {
        self.last_success += held;
    }

    /// A read sent at `sent` brought what cost `bytes`. `more` says that there is more to read: behind the tip, or cut
    /// off by the limit of records.
    pub(super) fn on_read(&mut self, sent: Moment, bytes: usize, more: bool) {
        let pause = if more { CATCH_UP } else { self.poll_interval };
        let drained = Duration::from_secs_f64(bytes as f64 / SHARD_BYTES_PER_SECOND);
        self.next_read = sent + pause.max(drained);
    }

    /// The shard answers: no failures, not stalled, its time begins anew.
    pub(super) fn recover(&mut self, now: Moment) {
        self.last_success = now;
        self.failures = 0;
        self.stalled = false;
    }

    /// A call failed. `jitter`, in `0.0..1.0`, keeps shards from trying in step.
    pub(super) fn on_error(&mut self, now: Moment, kind: ErrorKind, jitter: f64) {
        let pause = match kind {
            // An iterator expires in peace while the shard is frozen; only a second refusal in a row is a failure.
            ErrorKind::NewIterator if self.failures == 0 => Duration::ZERO,
            ErrorKind::NewIterator | ErrorKind::Retry => {
                let longest = RETRY_MIN.saturating_mul(1 << self.failures.min(10)).min(RETRY_MAX);
                longest.mul_f64(0.5 + jitter / 2.0)
            }
            ErrorKind::Throttled => THROTTLED.mul_f64(1.0 + jitter / 2.0),
            ErrorKind::Refused | ErrorKind::NotFound | ErrorKind::Fatal => REFUSED.mul_f64(1.0 + jitter / 10.0),
        };
        self.failures = self.failures.saturating_add(1);
        self.next_read = now + pause;
    }
}

/// RD-3: which empty reads prove that everything up to the sending of the request was delivered.
#[derive(Debug, Default)]
pub(super) struct TipEvidence {
    /// When the last empty read at the tip was sent that began or gave evidence.
    since: Option<Moment>,
}

impl TipEvidence {
    /// A read sent at `sent` was answered. True if it is an empty read at the tip that follows another one, sent at
    /// least a second before, with nothing but empty reads at the tip between them.
    pub(super) fn on_read(&mut self, sent: Moment, empty: bool, millis_behind_latest: i64) -> bool {
        if !empty || millis_behind_latest > 0 {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(sent);
        let proves = sent.saturating_sub(since) >= TIP_DISTANCE;
        if proves {
            self.since = Some(sent);
        }
        proves
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_secs(1);

    fn ms(millis: u64) -> Moment {
        Duration::from_millis(millis)
    }

    fn pacing() -> Pacing {
        Pacing::new(POLL, Duration::from_secs(60), Duration::ZERO)
    }

    #[test]
    fn at_the_tip_reads_are_a_poll_interval_apart() {
        let mut pacing = pacing();
        assert_eq!(pacing.next_read(), ms(0));
        pacing.on_read(ms(100), 10, false);
        assert_eq!(pacing.next_read(), ms(1100));
    }

    #[test]
    fn behind_the_tip_reads_stay_below_five_a_second() {
        let mut pacing = pacing();
        pacing.on_read(ms(100), 10, true);
        assert_eq!(pacing.next_read(), ms(350));
    }

    #[test]
    fn a_large_answer_is_followed_by_the_pause_that_kinesis_asks_for() {
        let mut pacing = pacing();
        pacing.on_read(ms(0), 10 * 1024 * 1024, true);
        assert_eq!(pacing.next_read(), ms(5000));
        pacing.on_read(ms(6000), 1024 * 1024, true);
        assert_eq!(pacing.next_read(), ms(6500));
    }

    #[test]
    fn throttles_pause_at_least_a_second() {
        for jitter in [0.0, 0.5, 0.999] {
            let mut pacing = pacing();
            pacing.on_error(ms(10), ErrorKind::Throttled, jitter);
            assert!(pacing.next_read() >= ms(1010) && pacing.next_read() <= ms(1510), "{:?}", pacing.next_read());
        }
    }

    #[test]
    fn retries_back_off_to_five_seconds_and_begin_anew_after_a_success() {
        let mut pacing = pacing();
        let mut pauses = Vec::new();
        for _ in 0..7 {
            pacing.on_error(ms(0), ErrorKind::Retry, 1.0);
            pauses.push(pacing.next_read().as_millis());
        }
        assert_eq!(pauses, [250, 500, 1000, 2000, 4000, 5000, 5000]);
        pacing.recover(ms(9000));
        pacing.on_error(ms(9100), ErrorKind::Retry, 0.0);
        assert_eq!(pacing.next_read(), ms(9225));
    }

    #[test]
    fn an_expired_iterator_costs_no_pause_but_two_in_a_row_do() {
        let mut pacing = pacing();
        pacing.on_error(ms(10), ErrorKind::NewIterator, 0.5);
        assert_eq!(pacing.next_read(), ms(10));
        pacing.on_error(ms(20), ErrorKind::NewIterator, 0.5);
        assert!(pacing.next_read() >= ms(270), "{:?}", pacing.next_read());
    }

    #[test]
    fn refusals_are_tried_again_slowly() {
        let mut pacing = pacing();
        pacing.on_error(ms(0), ErrorKind::Refused, 0.0);
        assert_eq!(pacing.next_read(), ms(10_000));
    }

    #[test]
    fn rd_3_time_frozen_does_not_count_towards_stalled() {
        let mut pacing = pacing();
        pacing.recover(ms(1000));
        assert_eq!(pacing.stalls_at(), Some(ms(61_000)));
        pacing.frozen(ms(30_000));
        assert_eq!(pacing.stalls_at(), Some(ms(91_000)));
        pacing.on_error(ms(2000), ErrorKind::Throttled, 0.0);
        assert_eq!(pacing.stalls_at(), Some(ms(91_000)), "a failure is no progress");
    }

    #[test]
    fn rd_3_stalled_lasts_until_a_read_succeeds() {
        let mut pacing = pacing();
        pacing.stall();
        pacing.on_error(ms(70_000), ErrorKind::Retry, 0.0);
        assert!(pacing.is_stalled());
        assert_eq!(pacing.stalls_at(), None);
        pacing.recover(ms(80_000));
        assert!(!pacing.is_stalled());
    }

    #[test]
    fn rd_3_one_empty_read_proves_nothing_and_a_second_one_does_after_a_second() {
        let mut tip = TipEvidence::default();
        assert!(!tip.on_read(ms(0), true, 0));
        assert!(!tip.on_read(ms(999), true, 0), "less than 1 s after the first");
        assert!(tip.on_read(ms(1000), true, 0));
    }

    #[test]
    fn rd_3_further_empty_reads_prove_again_a_second_apart() {
        let mut tip = TipEvidence::default();
        let proofs: Vec<u64> = (0..=20).map(|i| i * 200).filter(|at| tip.on_read(ms(*at), true, 0)).collect();
        assert_eq!(proofs, [1000, 2000, 3000, 4000]);
    }

    #[test]
    fn rd_3_records_and_lag_begin_the_count_anew() {
        for (empty, behind) in [(false, 0), (true, 1), (false, 5000)] {
            let mut tip = TipEvidence::default();
            tip.on_read(ms(0), true, 0);
            assert!(!tip.on_read(ms(2000), empty, behind), "empty: {empty}, behind: {behind}");
            assert!(!tip.on_read(ms(4000), true, 0), "the run before does not count");
            assert!(tip.on_read(ms(5000), true, 0));
        }
    }
}
