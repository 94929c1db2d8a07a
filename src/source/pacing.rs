//! When a shard may be read again, when it counts as stalled, and what empty reads prove. Pure: moments are given, as
//! monotonic time since the consumer began; no clock is read here.

use std::time::Duration;

use super::api::ErrorKind;
use crate::config::SourceConfig;

/// Monotonic time since the consumer began.
pub(super) type Moment = Duration;

/// A shard takes five calls a second, of all its polling readers together: this reader never makes more.
const FIVE_A_SECOND: Duration = Duration::from_millis(200);
/// Pause between reads while there is more to read: four of those five.
const CATCH_UP: Duration = Duration::from_millis(250);
/// The same where throttles show that others read the shard, too. It costs nothing: with larger answers the shard gives as
/// many bytes.
const CATCH_UP_SHARED: Duration = Duration::from_secs(2);
/// Kinesis is asked at least so often within the time for which a shard has brought nothing, so that a record waits for a
/// small part of the time for which it was awaited.
const QUIET_READS: u32 = 8;
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

/// How far the watermark is behind where all is well: what Kinesis may hold back, and the pauses between the reads that
/// prove the tip (RD-3).
pub fn expected_lag(settings: &SourceConfig) -> Duration {
    let two_polls = settings.poll_interval.max(TIP_DISTANCE) * 2;
    settings.tip_slack + two_polls.max(settings.idle_poll_interval)
}

/// The times of one shard's reads.
#[derive(Debug)]
pub(super) struct Pacing {
    poll_interval: Duration,
    idle_poll_interval: Duration,
    stalled_after: Duration,
    next_read: Moment,
    /// Not before this, whatever came of the last call.
    earliest: Moment,
    /// Pause while there is more to read.
    catch_up: Duration,
    /// Since then the shard has brought nothing, at its tip; moved on by the time that our own back-pressure took.
    quiet_since: Moment,
    /// The last successful read, moved on by the time that our own back-pressure took.
    last_success: Moment,
    failures: u32,
    stalled: bool,
}

impl Pacing {
    /// A shard that is read from `begin` on.
    pub(super) fn new(settings: &SourceConfig, begin: Moment) -> Self {
        Self {
            poll_interval: settings.poll_interval,
            idle_poll_interval: settings.idle_poll_interval,
            stalled_after: settings.stalled_after,
            next_read: begin,
            earliest: begin,
            catch_up: CATCH_UP,
            quiet_since: begin,
            last_success: begin,
            failures: 0,
            stalled: false,
        }
    }

    /// The earliest moment for the next call.
    pub(super) fn next_read(&self) -> Moment {
        self.next_read.max(self.earliest)
    }

    /// A read is sent, whatever will come of it.
    pub(super) fn on_send(&mut self, now: Moment) {
        self.earliest = now + FIVE_A_SECOND;
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
        self.quiet_since += held;
    }

    /// A read sent at `sent` brought what cost `bytes`. `more` says that there is more to read: behind the tip, or cut
    /// off by the limit of records.
    pub(super) fn on_read(&mut self, sent: Moment, bytes: usize, more: bool) {
        if bytes > 0 || more {
            self.quiet_since = sent;
        }
        let pause = if more { self.catch_up } else { self.at_tip(sent) };
        self.catch_up = (self.catch_up * 7 / 8).max(CATCH_UP);
        let drained = Duration::from_secs_f64(bytes as f64 / SHARD_BYTES_PER_SECOND);
        self.next_read = sent + pause.max(drained);
    }

    /// The longer nothing comes, the less often the shard is asked.
    fn at_tip(&self, sent: Moment) -> Duration {
        let quiet = sent.saturating_sub(self.quiet_since);
        (quiet / QUIET_READS).min(self.idle_poll_interval).max(self.poll_interval)
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
        if kind == ErrorKind::Throttled {
            self.catch_up = (self.catch_up * 2).min(CATCH_UP_SHARED);
        }
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
    use crate::source::fake;

    fn ms(millis: u64) -> Moment {
        Duration::from_millis(millis)
    }

    /// Polls every second, an idle shard every five.
    fn pacing() -> Pacing {
        let settings = SourceConfig { idle_poll_interval: Duration::from_secs(5), ..fake::settings() };
        Pacing::new(&settings, Duration::ZERO)
    }

    /// The pauses after empty reads at the tip, from now on, in milliseconds.
    fn idle_pauses(pacing: &mut Pacing, reads: usize) -> Vec<u128> {
        let pause = |_| {
            let sent = pacing.next_read();
            pacing.on_read(sent, 0, false);
            (pacing.next_read() - sent).as_millis()
        };
        (0..reads).map(pause).collect()
    }

    #[test]
    fn at_the_tip_reads_are_a_poll_interval_apart() {
        let mut pacing = pacing();
        assert_eq!(pacing.next_read(), ms(0));
        pacing.on_read(ms(100), 10, false);
        assert_eq!(pacing.next_read(), ms(1100));
    }

    #[test]
    fn the_lag_that_is_expected_counts_the_reads_that_prove_the_tip() {
        let lag = |poll, idle| {
            let [poll_interval, idle_poll_interval] = [ms(poll), ms(idle)];
            expected_lag(&SourceConfig { poll_interval, idle_poll_interval, ..fake::settings() }).as_millis()
        };
        assert_eq!(lag(200, 400), 7000, "reads prove a second apart at the least");
        assert_eq!(lag(1000, 2000), 7000);
        assert_eq!(lag(1000, 5000), 10_000);
        assert_eq!(lag(3000, 3000), 11_000);
    }

    #[test]
    fn an_idle_shard_is_asked_less_and_less_often_up_to_the_idle_interval() {
        let mut pacing = pacing();
        let pauses = idle_pauses(&mut pacing, 60);
        assert!(
            pauses[..9].iter().all(|pause| *pause == 1000),
            "what waits for eight seconds may wait for one: {pauses:?}"
        );
        assert!(pauses.is_sorted(), "{pauses:?}");
        assert!(pauses.iter().any(|pause| (1001..5000).contains(pause)), "by degrees: {pauses:?}");
        assert_eq!(pauses[50..], [5000; 10]);
    }

    #[test]
    fn a_record_waits_for_an_eighth_of_the_time_for_which_it_was_awaited() {
        let mut pacing = pacing();
        while pacing.next_read() < ms(300_000) {
            let sent = pacing.next_read();
            pacing.on_read(sent, 0, false);
            let pause = (pacing.next_read() - sent).as_millis();
            assert!(pause <= 1000.max(sent.as_millis() / 8), "{pause} ms after {sent:?}");
        }
    }

    #[test]
    fn the_first_record_and_any_lag_bring_an_idle_shard_back_to_its_pace() {
        for (bytes, more, pause) in [(1, false, 1000), (1, true, 250), (0, true, 250)] {
            let mut pacing = pacing();
            idle_pauses(&mut pacing, 60);
            let sent = pacing.next_read();
            pacing.on_read(sent, bytes, more);
            assert_eq!((pacing.next_read() - sent).as_millis(), pause, "{bytes} bytes, more: {more}");
            assert_eq!(idle_pauses(&mut pacing, 3), [1000; 3], "it is not idle at once");
        }
    }

    #[test]
    fn rd_3_a_shard_that_was_frozen_is_not_idle() {
        let mut pacing = pacing();
        pacing.on_read(ms(0), 10, false);
        pacing.frozen(ms(3_600_000));
        pacing.on_read(ms(3_600_000), 0, false);
        assert_eq!(pacing.next_read(), ms(3_601_000));
    }

    #[test]
    fn whatever_comes_of_them_no_second_holds_more_than_five_reads() {
        use ErrorKind::{NewIterator, Refused, Retry, Throttled};
        let mut random = fastrand::Rng::with_seed(7);
        for kinds in [&[NewIterator][..], &[Retry], &[Throttled], &[NewIterator, Retry, Throttled, Refused]] {
            let (mut pacing, mut sent) = (pacing(), Vec::new());
            for _ in 0..2000 {
                let now = pacing.next_read();
                sent.push(now);
                pacing.on_send(now);
                if random.u8(..3) > 0 {
                    pacing.on_read(now, 100, true);
                    pacing.recover(now);
                } else {
                    pacing.on_error(now, kinds[random.usize(..kinds.len())], random.f64());
                }
            }
            let sixth_comes_late = |reads: &[Moment]| reads[5] - reads[0] >= ms(1000);
            assert!(sent.windows(6).all(sixth_comes_late), "{kinds:?}");
        }
    }

    #[test]
    fn throttles_leave_other_readers_room_behind_the_tip_and_are_forgotten_when_they_end() {
        let mut pacing = pacing();
        let read = |pacing: &mut Pacing| {
            let sent = pacing.next_read();
            pacing.recover(sent);
            pacing.on_read(sent, 10, true);
            (pacing.next_read() - sent).as_millis()
        };
        pacing.on_error(ms(0), ErrorKind::Throttled, 0.0);
        assert_eq!(read(&mut pacing), 500);
        for _ in 0..5 {
            pacing.on_error(pacing.next_read(), ErrorKind::Throttled, 0.0);
        }
        assert_eq!(read(&mut pacing), 2000, "at most");
        let pauses: Vec<u128> = (0..20).map(|_| read(&mut pacing)).collect();
        assert!(pauses.is_sorted_by(|a, b| a >= b), "{pauses:?}");
        assert_eq!(pauses.last(), Some(&250));
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
