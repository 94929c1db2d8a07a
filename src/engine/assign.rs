//! Which window and pane an event belongs to (WN-2, WN-3, WN-4). Pure functions of the event's content and of the
//! effective arrival of its record.

use crate::plan::Plan;
use crate::risk_event::Pane;
use crate::time::{Arrival, EventTime};

/// How completeness is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timing {
    /// On arrival time, as everywhere in the contract.
    Live,
    /// There are no arrivals (semantics 4): everything is on time, nothing is future-dated, and windows close at the
    /// end of the input.
    Batch,
}

/// One window of one plan, in one pane, and the instant at which it is complete. The order is that of closing (WN-6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Slot {
    pub close_at: Arrival,
    pub window_start: EventTime,
    pub pane: Pane,
}

/// The three durations that cut a plan's windows, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct WindowSpec {
    pub size: i64,
    pub grace: i64,
    pub max_future_skew: i64,
}

impl WindowSpec {
    pub fn of(plan: &Plan) -> Self {
        let text = plan.text();
        Self { size: plan.window_ms(), grace: text.grace_ms, max_future_skew: text.max_future_skew_ms }
    }

    /// The start of the window that holds `time`: Euclidean, so that times before 1970 floor as well.
    pub fn start_of(self, time: EventTime) -> EventTime {
        EventTime(time.0.saturating_sub(time.0.rem_euclid(self.size)))
    }

    /// The exclusive end of the window that starts at `start`.
    pub fn end_of(self, start: EventTime) -> EventTime {
        EventTime(start.0.saturating_add(self.size))
    }

    /// Where an event goes. `effective` is the effective arrival of its record.
    pub fn assign(self, time: EventTime, effective: Arrival, timing: Timing) -> Slot {
        let window_start = self.start_of(time);
        let on_time = Arrival(self.end_of(window_start).0.saturating_add(self.grace));
        let bucket = Arrival(effective.0.saturating_sub(effective.0.rem_euclid(self.size)));
        let bucket_end = Arrival(bucket.0.saturating_add(self.size));
        match timing {
            // WN-4 is tested before WN-2.
            Timing::Live if time.0 > effective.0.saturating_add(self.max_future_skew) => {
                Slot { close_at: bucket_end, window_start, pane: Pane::Future(bucket) }
            }
            Timing::Live if effective >= on_time => {
                Slot { close_at: bucket_end, window_start, pane: Pane::Late(bucket) }
            }
            Timing::Live | Timing::Batch => Slot { close_at: on_time, window_start, pane: Pane::OnTime },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: WindowSpec = WindowSpec { size: 100, grace: 30, max_future_skew: 20 };

    fn slot(time: i64, effective: i64) -> (i64, i64, Pane) {
        let slot = SPEC.assign(EventTime(time), Arrival(effective), Timing::Live);
        (slot.window_start.0, slot.close_at.0, slot.pane)
    }

    #[test]
    fn wn_2_on_time_is_strictly_before_end_plus_grace() {
        assert_eq!(slot(150, 229), (100, 230, Pane::OnTime));
        assert_eq!(slot(150, 230), (100, 300, Pane::Late(Arrival(200))));
    }

    #[test]
    fn wn_2_windows_before_the_epoch_floor_as_well() {
        assert_eq!(slot(-1, 0), (-100, 30, Pane::OnTime));
        assert_eq!(slot(-100, 0), (-100, 30, Pane::OnTime));
    }

    #[test]
    fn wn_3_late_buckets_are_half_open_and_one_window_long() {
        assert_eq!(slot(150, 299), (100, 300, Pane::Late(Arrival(200))));
        assert_eq!(slot(150, 300), (100, 400, Pane::Late(Arrival(300))));
    }

    #[test]
    fn wn_4_an_event_dated_beyond_the_skew_goes_to_a_future_pane_of_its_own_window() {
        assert_eq!(slot(270, 250), (200, 330, Pane::OnTime));
        assert_eq!(slot(271, 250), (200, 300, Pane::Future(Arrival(200))));
    }

    #[test]
    fn semantics_4_in_a_batch_everything_is_on_time() {
        let slot = SPEC.assign(EventTime(1_000_000), Arrival::MIN, Timing::Batch);
        assert_eq!(slot.pane, Pane::OnTime);
        assert_eq!(slot.window_start, EventTime(1_000_000));
    }
}
