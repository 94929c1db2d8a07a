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
mod tests;
