//! WN-7, to the millisecond.

use super::*;
use crate::engine::instance::PlanIx;
use crate::engine::tests::support;
use crate::time::EventTime;

/// Of a plan with a skew of 100 s.
fn slot(spans: &[(Option<i64>, Option<i64>)]) -> PlanSlot {
    let span = |&(activated, retired): &(Option<i64>, Option<i64>)| PlanSpan {
        activated: activated.map(Arrival),
        retired: retired.map(Arrival),
    };
    PlanSlot { plan: support::plan("a", "E | stats count by user"), spans: spans.iter().map(span).collect() }
}

fn key(window_start: i64, pane: Pane, close_at: i64) -> InstanceKey {
    InstanceKey { close_at: Arrival(close_at), plan: PlanIx(0), window_start: EventTime(window_start), pane }
}

#[test]
fn wn_7_the_old_plan_counts_what_arrived_before_the_cut_and_the_new_one_the_rest() {
    let counted = |spans| [4_999, 5_000, 7_999, 8_000].map(|arrival| slot(spans).counts_at(Arrival(arrival)));
    assert_eq!(counted(&[(None, None)]), [true; 4]);
    assert_eq!(counted(&[(None, Some(5_000))]), [true, false, false, false]);
    assert_eq!(counted(&[(Some(5_000), None)]), [false, true, true, true]);
    assert_eq!(counted(&[(Some(5_000), Some(8_000))]), [false, true, true, false]);
    assert_eq!(counted(&[(None, Some(5_000)), (Some(8_000), None)]), [true, false, false, true], "it came back");
}

#[test]
fn wn_7_a_window_that_began_before_the_stream_was_read_is_partial() {
    let whole = slot(&[(None, None)]);
    let partial = |pane: fn(Arrival) -> Pane| {
        let of = |start| {
            let pane = pane(Arrival(start));
            whole.is_partial(&key(start, pane, start + 11_000), pane, Arrival(20_000))
        };
        [10_000, 20_000, 30_000].map(of)
    };
    assert_eq!(partial(|_| Pane::OnTime), [true, false, false]);
    assert_eq!(partial(|_| Pane::Forced(1)), [true, false, false]);
    assert_eq!(partial(Pane::Late), [true, false, false]);
    assert_eq!(partial(Pane::Future), [true, false, false]);
}

/// Later than the earliest arrival that it can gather, and earlier than its close.
#[test]
fn wn_7_a_cut_goes_through_what_gathers_before_it_and_behind_it() {
    let cut = |key: &InstanceKey, cuts: [i64; 4]| {
        cuts.map(|cut| {
            let [activated, retired] = [[(Some(cut), None)], [(None, Some(cut))]].map(|spans| slot(&spans));
            let is_partial = activated.is_partial(key, key.pane, Arrival::MIN);
            assert_eq!(is_partial, retired.is_partial(key, key.pane, Arrival::MIN), "both plans' share of it");
            is_partial
        })
    };
    let expected = [false, true, true, false];
    for pane in [Pane::OnTime, Pane::Forced(1)] {
        assert_eq!(cut(&key(200_000, pane, 211_000), [100_000, 100_001, 210_999, 211_000]), expected, "{pane}");
    }
    for pane in [Pane::Late(Arrival(220_000)), Pane::Future(Arrival(220_000))] {
        assert_eq!(cut(&key(200_000, pane, 230_000), [220_000, 220_001, 229_999, 230_000]), expected, "{pane}");
    }
}
