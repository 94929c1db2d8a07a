//! What a backtest has to read for a range, and which results are its answer. Pure arithmetic on Kinesis's time.

use std::sync::Arc;

use crate::plan::Plan;
use crate::risk_event::{Pane, RiskEvent};
use crate::time::Arrival;

/// Arrival stamps are approximate and not monotone, so where an `AT_TIMESTAMP` iterator begins is approximate too.
/// Reading begins this much earlier, in milliseconds, so that what the running maximum needs is certainly read.
const STAMP_DISORDER_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

/// The instances that are wanted: those with `close_at` in `(from, to]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    from: Arrival,
    to: Arrival,
}

/// What is known of the stream when a range is asked for.
#[derive(Clone, Copy, Debug)]
pub struct StreamAge {
    /// Kinesis's time.
    pub now: Arrival,
    /// When the stream was created.
    pub created_at: Arrival,
    /// How long it keeps records.
    pub retention_hours: u32,
}

/// Why a range cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// Nothing closes in it.
    #[error("the range is empty: --from {from} is not before --to {to}")]
    Empty {
        /// As given.
        from: Arrival,
        /// As given.
        to: Arrival,
    },
    /// What arrives until then is not known yet.
    #[error("--to {to} lies in the future: by Kinesis's clock it is {now}; `--to now` is the latest")]
    InFuture {
        /// As given.
        to: Arrival,
        /// Kinesis's clock.
        now: Arrival,
    },
    /// CP-8: some of what the first instances hold is gone.
    #[error(
        "the stream no longer holds the range whole: windows that close after {from} can hold what arrived since \
         {needed}, and it keeps {retention_hours} h, since {oldest}. The earliest --from is {earliest}; for older events \
         use `trailrisk replay` over the trail's files in S3"
    )]
    Trimmed {
        /// As given.
        from: Arrival,
        /// The earliest arrival that counts.
        needed: Arrival,
        /// The oldest arrival that the stream holds.
        oldest: Arrival,
        /// The earliest start of a range that it holds whole.
        earliest: Arrival,
        /// The stream's retention.
        retention_hours: u32,
    },
}

impl Range {
    /// The instances that close in `(from, to]`.
    ///
    /// # Errors
    /// When that is nothing.
    pub fn new(from: Arrival, to: Arrival) -> Result<Self, RangeError> {
        if from < to { Ok(Self { from, to }) } else { Err(RangeError::Empty { from, to }) }
    }

    /// Its start, which is not in it.
    pub fn from(self) -> Arrival {
        self.from
    }

    /// Its end: a shard of which everything up to here is read has nothing more to add. A record with this effective
    /// arrival, or a later one, counts only in instances that close later (WN-2, WN-3, WN-4).
    pub fn to(self) -> Arrival {
        self.to
    }

    /// Whether an instance belongs to the range.
    pub fn holds(self, close_at: Arrival) -> bool {
        self.from < close_at && close_at <= self.to
    }

    /// The arrival from which on records count in its instances.
    pub fn needed_from(self, plans: &[Arc<Plan>]) -> Arrival {
        self.from.plus(-reach_ms(plans))
    }

    /// Where reading begins: a little earlier than what counts.
    pub fn read_from(self, plans: &[Arc<Plan>]) -> Arrival {
        self.needed_from(plans).plus(-STAMP_DISORDER_MS)
    }

    /// Whether the stream holds everything that counts, and everything that arrives has arrived.
    ///
    /// # Errors
    /// What is wrong with the range.
    pub fn check(self, plans: &[Arc<Plan>], stream: &StreamAge) -> Result<(), RangeError> {
        if self.to > stream.now {
            return Err(RangeError::InFuture { to: self.to, now: stream.now });
        }
        let oldest = stream.now.plus(-i64::from(stream.retention_hours) * HOUR_MS);
        let needed = self.needed_from(plans);
        // From a stream that is younger than its retention nothing was trimmed yet.
        if needed >= oldest || stream.created_at >= oldest {
            return Ok(());
        }
        let earliest = oldest.plus(reach_ms(plans));
        let (from, retention_hours) = (self.from, stream.retention_hours);
        Err(RangeError::Trimmed { from, needed, oldest, earliest, retention_hours })
    }
}

/// How long before `close_at` a record can have arrived that counts, in milliseconds: an on-time pane closes grace after
/// its window, and takes an event up to the skew before the window begins; a late or future bucket is one window long.
/// The largest of all plans.
fn reach_ms(plans: &[Arc<Plan>]) -> i64 {
    let reach = |plan: &Arc<Plan>| {
        let text = plan.text();
        plan.window_ms().saturating_add(text.grace_ms).saturating_add(text.max_future_skew_ms)
    };
    plans.iter().map(reach).max().unwrap_or(0)
}

/// The instant at which the instance of a risk event is complete. Of a forced pane: the one at which its window would have
/// been.
pub fn close_at(event: &RiskEvent) -> Arrival {
    let size = event.window_end.0.saturating_sub(event.window_start.0);
    match event.pane {
        Pane::OnTime | Pane::Forced(_) => Arrival(event.window_end.0.saturating_add(event.detection.grace_ms)),
        Pane::Late(bucket) | Pane::Future(bucket) => bucket.plus(size),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::text;

    fn plan(window_ms: i64, grace_ms: i64, max_future_skew_ms: i64) -> Arc<Plan> {
        let text = text("eventName=A | stats count by user");
        let text = crate::plan::PlanText { window_ms, grace_ms, max_future_skew_ms, ..text };
        Arc::new(Plan::compile(&text).expect("it compiles"))
    }

    fn range(from: i64, to: i64) -> Range {
        Range::new(Arrival(from), Arrival(to)).expect("not empty")
    }

    #[test]
    fn wn_6_the_range_is_open_at_its_start_and_closed_at_its_end() {
        let range = range(100, 200);
        assert_eq!([100, 101, 200, 201].map(|at| range.holds(Arrival(at))), [false, true, true, false]);
        assert!(matches!(Range::new(Arrival(5), Arrival(5)), Err(RangeError::Empty { .. })));
    }

    #[test]
    fn wn_2_what_counts_begins_a_window_its_grace_and_the_skew_before_the_first_close_by_the_neediest_plan() {
        let plans = [plan(1000, 50, 5), plan(600, 900, 20)];
        assert_eq!(range(1_000_000, 2_000_000).needed_from(&plans), Arrival(1_000_000 - 1520));
        assert!(range(1_000_000, 2_000_000).read_from(&plans) < range(1_000_000, 2_000_000).needed_from(&plans));
    }

    fn stream(now: i64, created_at: i64) -> StreamAge {
        StreamAge { now: Arrival(now), created_at: Arrival(created_at), retention_hours: 24 }
    }

    #[test]
    fn cp_8_a_range_that_the_stream_no_longer_holds_whole_is_refused_with_the_earliest_that_it_does() {
        let (plans, now) = ([plan(HOUR_MS, HOUR_MS / 2, 0)], 1000 * HOUR_MS);
        let oldest = now - 24 * HOUR_MS;
        let first = oldest + HOUR_MS + HOUR_MS / 2;
        assert_eq!(range(first, now).check(&plans, &stream(now, 0)), Ok(()));
        let refused = range(first - 1, now).check(&plans, &stream(now, 0)).expect_err("1 ms too early");
        let RangeError::Trimmed { oldest: kept, earliest, .. } = &refused else { panic!("{refused}") };
        assert_eq!((*kept, *earliest), (Arrival(oldest), Arrival(first)));
        let message = refused.to_string();
        assert!(message.contains("24 h") && message.contains(&Arrival(first).to_string()), "{message}");
    }

    #[test]
    fn cp_8_a_stream_younger_than_its_retention_has_trimmed_nothing() {
        let (plans, now) = ([plan(HOUR_MS, 0, 0)], 1000 * HOUR_MS);
        let (oldest, from) = (now - 24 * HOUR_MS, now - 30 * HOUR_MS);
        assert_eq!(range(from, now).check(&plans, &stream(now, oldest)), Ok(()));
        assert!(range(from, now).check(&plans, &stream(now, oldest - 1)).is_err());
    }

    #[test]
    fn what_has_not_arrived_yet_cannot_be_backtested() {
        let refused = range(0, 101).check(&[], &stream(100, 0)).expect_err("it is the future");
        assert_eq!(refused, RangeError::InFuture { to: Arrival(101), now: Arrival(100) });
        assert_eq!(range(0, 100).check(&[], &stream(100, 0)), Ok(()));
    }

    #[test]
    fn a_year_of_retention_is_a_year() {
        let now = 400 * 24 * HOUR_MS;
        let year = StreamAge { retention_hours: 8760, ..stream(now, 0) };
        let plans = [plan(HOUR_MS, 0, 0)];
        let oldest = now - 365 * 24 * HOUR_MS;
        assert_eq!(range(oldest + HOUR_MS, now).check(&plans, &year), Ok(()));
        assert!(range(oldest + HOUR_MS - 1, now).check(&plans, &year).is_err());
    }
}
