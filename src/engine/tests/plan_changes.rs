//! WN-7: plans change while the stream is read, and between two processes.

use super::support::{Stream, after, event, plan};
use super::turnover::{changed, old, spans, told};
use super::{AT_LEAST_2, COUNT, finals};
use crate::engine::{Input, Output, PlanSpan, Position, ShardId};
use crate::risk_event::{Pane, RiskEvent, Stage};
use crate::time::Arrival;

fn comparable(events: Vec<RiskEvent>) -> Vec<RiskEvent> {
    let of_one = |event: RiskEvent| RiskEvent { positions: vec![], newest_arrival: Arrival::MIN, ..event };
    events.into_iter().map(of_one).collect()
}

#[test]
fn wn_7_the_old_plan_keeps_what_was_read_and_the_new_one_counts_what_arrives_later() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![changed()]);
    stream.checkpoint();
    stream.put(0, 1_001, &[event("2", 600, "ann"), event("3", 700, "ann")]);
    assert_eq!(told(&finals(stream.tip_all(11_000))), [(false, 1, true), (true, 2, true)]);
    stream.put(0, 112_000, &[event("4", 112_000, "ann")]);
    assert_eq!(told(&finals(stream.tip_all(200_000))), [(true, 1, false)], "its first window that no cut goes through");
}

#[test]
fn wn_7_an_unchanged_detection_keeps_its_windows_and_ids() {
    let run = |change: bool| {
        let mut stream = Stream::new(vec![old(), plan("b", COUNT), plan("c", COUNT)], 1);
        stream.put(0, 1_000, &[event("1", 500, "ann")]);
        if change {
            // Before, behind and instead of it in the order of plans.
            stream.change(vec![plan("0", COUNT), changed(), plan("b", COUNT)]);
            stream.checkpoint();
        }
        stream.put(0, 1_001, &[event("2", 600, "ann")]);
        let of_b = |event: &RiskEvent| event.detection.id == "b";
        finals(stream.tip_all(100_000)).into_iter().filter(of_b).collect::<Vec<_>>()
    };
    assert_eq!(run(true), run(false));
    assert_eq!((run(true)[0].event_count, run(true)[0].marks.partial), (2, false));
}

#[test]
fn wn_7_what_arrived_before_the_cut_is_the_old_plans_however_late_it_is_read() {
    let mut stream = Stream::new(vec![old()], 2);
    stream.put(0, 5_000, &[event("1", 4_000, "ann")]);
    stream.change(vec![changed()]);
    stream.checkpoint();
    stream.put(1, 4_500, &[event("2", 4_100, "ann")]);
    stream.put(1, 5_001, &[event("3", 4_200, "ann")]);
    assert_eq!(told(&finals(stream.tip_all(11_000))), [(false, 2, true), (true, 1, true)]);
}

#[test]
fn wn_7_a_window_that_was_complete_at_the_cut_is_not_partial() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    // Complete at 11 s, but nothing was polled yet.
    let shard = ShardId::new("shard-0");
    stream.engine.handle_input(Input::AtTip { shard, read_through: Arrival(11_000) });
    stream.change(vec![changed()]);
    let (ticket, _) = stream.engine.checkpoint();
    assert_eq!(told(&finals(stream.stored(ticket))), [(false, 1, false)]);
}

#[test]
fn wn_7_a_change_holds_what_is_behind_it_until_it_is_durable() {
    let mut stream = Stream::new(vec![old()], 2);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let [before, also_before] = [(); 2].map(|()| stream.engine.checkpoint().0);
    stream.change(vec![changed()]);
    let shard = ShardId::new("shard-0");
    assert!(!stream.engine.is_paused(&shard));
    let waits = [1_000, 1_001].map(|at| stream.engine.next_waits(&shard, &after(0, 2), Arrival(at)));
    assert_eq!(waits, [false, true], "the cut is behind what was read");
    assert!(stream.put(0, 1_001, &[event("2", 600, "ann")]).is_empty());
    assert!(stream.engine.is_paused(&shard), "frozen, not idle");
    stream.put(1, 1_000, &[event("3", 700, "ann")]);
    assert!(!stream.engine.is_paused(&ShardId::new("shard-1")), "before the cut nothing waits");
    assert!(stream.stored(before).is_empty(), "that checkpoint was taken before the change");
    assert!(stream.engine.is_changing_plans());
    let (ticket, holding) = stream.engine.checkpoint();
    assert_eq!(holding.plans.len(), 2);
    assert!(stream.stored(also_before).is_empty() && stream.engine.is_changing_plans(), "nor does that one hold it");
    assert_eq!(told(&stream.stored(ticket)), [(true, 1, true)], "announced by the new plan");
    assert!(!stream.engine.is_changing_plans() && !stream.engine.is_paused(&shard));
    assert_eq!(told(&finals(stream.tip_all(11_000))), [(false, 2, true), (true, 1, true)]);
}

#[test]
fn em_4_a_crash_before_the_change_is_durable_leaves_no_trace_of_it() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let stored = stream.checkpoint();
    stream.change(vec![changed()]);
    assert!(stream.tip_all(50_000).is_empty(), "a final now would be partial, and that of the next process is not");
    assert_eq!(stream.engine.gauges().watermark, Arrival(1_001));

    let mut next = Stream::restored(vec![old()], 1, stored, 60_000);
    next.put(0, 1_000, &[event("1", 500, "ann")]);
    assert_eq!(told(&finals(next.tip_all(50_000))), [(false, 1, false)]);
}

/// Cut at the stored P instead, the second process would tell of one event, partial, under the id of both.
#[test]
fn em_4_a_restart_with_other_plans_repeats_what_the_process_before_had_told() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let stored = stream.checkpoint();
    stream.put(0, 1_001, &[event("2", 600, "ann")]);
    let told_before = comparable(finals(stream.tip_all(11_000)));
    assert_eq!(told(&told_before), [(false, 2, false)]);

    let mut next = Stream::restored(vec![changed()], 1, stored, 12_000);
    next.put(0, 1_000, &[event("1", 500, "ann")]);
    next.put(0, 1_001, &[event("2", 600, "ann")]);
    let closed = finals(next.put(0, 12_000, &[event("3", 11_500, "ann")]));
    assert_eq!(comparable(closed), told_before);
    assert_eq!(told(&finals(next.tip_all(100_000))), [(true, 1, true)]);
}

#[test]
fn em_4_a_change_soon_after_a_restart_cuts_nothing_that_the_process_before_may_have_told_of() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let stored = stream.checkpoint();
    stream.put(0, 1_001, &[event("2", 600, "ann")]);
    let told_before = comparable(finals(stream.tip_all(11_000)));

    let mut next = Stream::restored(vec![old()], 1, stored, 12_000);
    next.put(0, 1_000, &[event("1", 500, "ann")]);
    next.change(vec![changed()]);
    next.checkpoint();
    next.put(0, 1_001, &[event("2", 600, "ann")]);
    assert_eq!(comparable(finals(next.tip_all(11_500))), told_before);
}

#[test]
fn wn_7_a_stored_cut_stands_after_a_crash() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![changed()]);
    let stored = stream.checkpoint();
    stream.put(0, 1_001, &[event("2", 600, "ann")]);
    let told_before = comparable(finals(stream.tip_all(11_000)));
    assert_eq!(told(&told_before), [(false, 1, true), (true, 1, true)]);

    let mut next = Stream::restored(vec![changed()], 1, stored, 12_000);
    next.put(0, 1_000, &[event("1", 500, "ann")]);
    next.put(0, 1_001, &[event("2", 600, "ann")]);
    assert_eq!(comparable(finals(next.tip_all(11_000))), told_before);
}

#[test]
fn wn_7_a_plan_that_comes_back_before_it_has_drained_goes_on_with_its_windows() {
    let mut stream = Stream::new(vec![old()], 1);
    for (n, plans) in [vec![old()], vec![changed()], vec![old()]].into_iter().enumerate() {
        stream.change(plans);
        stream.checkpoint();
        let n = i64::try_from(n).unwrap();
        stream.put(0, 1_000 + n, &[event(&n.to_string(), 500, "ann")]);
    }
    let cut = Some(Arrival(1_001));
    let back = PlanSpan { activated: Some(Arrival(1_002)), retired: None };
    assert!(spans(&stream).contains(&vec![PlanSpan { activated: None, retired: cut }, back]));
    assert_eq!(told(&finals(stream.tip_all(11_000))), [(false, 2, true), (true, 1, true)]);
}

#[test]
fn wn_7_a_plan_that_has_drained_leaves_and_its_text_with_it() {
    let mut stream = Stream::new(vec![old(), plan("b", COUNT)], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![plan("b", COUNT)]);
    assert_eq!(stream.checkpoint().plans.len(), 2, "its window is open");
    let version = stream.engine.plans_version();
    let closed = finals(stream.tip_all(11_000));
    assert_eq!(closed.iter().map(|event| (&*event.detection.id, event.marks.partial)).collect::<Vec<_>>().len(), 2);
    assert_eq!(stream.checkpoint().plans.len(), 1);
    assert_eq!(stream.engine.plans().iter().map(|plan| plan.text().id.clone()).collect::<Vec<_>>(), ["b"]);
    assert_ne!(stream.engine.plans_version(), version);
    // What is left goes on under its new number.
    stream.put(0, 12_000, &[event("2", 12_000, "ann")]);
    assert_eq!(finals(stream.tip_all(100_000)).len(), 1);
}

#[test]
fn wn_7_a_retired_plan_stays_until_nothing_can_arrive_before_its_cut() {
    let mut stream = Stream::new(vec![old()], 2);
    stream.put(0, 5_000, &[event("1", 4_000, "ann")]);
    stream.change(vec![]);
    stream.checkpoint();
    assert_eq!(stream.checkpoint().plans.len(), 1, "the other shard was not read to the cut");
    stream.put(1, 1_000, &[event("2", 500, "bob")]);
    assert_eq!(told(&finals(stream.tip_all(11_000))), [(false, 1, true), (false, 1, true)]);
    stream.checkpoint();
    assert!(stream.engine.plans().is_empty());
}

#[test]
fn wn_7_the_same_detections_are_no_change() {
    let mut stream = Stream::new(vec![old(), plan("b", COUNT)], 1);
    let before = stream.engine.plans_version();
    stream.change(vec![plan("b", COUNT), old()]);
    assert_eq!((stream.engine.plans_version(), stream.engine.is_changing_plans()), (before, false));
}

#[test]
fn wn_7_windows_that_began_before_the_stream_was_read_are_partial_under_a_new_plan_as_well() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 500_000, &[event("1", 500_000, "ann")]);
    stream.change(vec![changed()]);
    stream.checkpoint();
    // Late, in the bucket that the cut goes through.
    let late = stream.put(0, 500_001, &[event("2", 100_000, "ann")]);
    assert!(matches!(late[0].pane, Pane::Late(_)));
    assert_eq!(told(&late), [(true, 1, true)]);
}

#[test]
fn cp_5_records_that_wait_for_the_replay_of_others_are_the_old_plans() {
    let mut stream = Stream::new(vec![plan("a", AT_LEAST_2)], 2);
    for shard in [0, 1] {
        stream.put(shard, 1_000, &[event(&shard.to_string(), 500, "ann")]);
    }
    let stored = stream.checkpoint();
    let mut next = Stream::restored(vec![plan("a", AT_LEAST_2)], 2, stored, 0);
    let shard = ShardId::new("shard-0");
    let is_replay = [1, 2].map(|record| next.engine.is_replay(&shard, &after(0, record)));
    assert_eq!(is_replay, [true, false]);
    assert!(!next.engine.next_waits(&shard, &after(0, 1), Arrival(1_000)));
    next.put(0, 1_000, &[event("0", 500, "ann")]);
    assert!(next.engine.next_waits(&shard, &after(0, 2), Arrival(1_500)));
    assert!(next.put(0, 1_500, &[event("2", 600, "ann")]).is_empty(), "shard 1 has not reached its P");
    assert!(next.engine.is_replaying());
    next.change(vec![plan("0", COUNT), changed()]);
    next.checkpoint();
    let shown = next.put(1, 1_000, &[event("1", 500, "ann")]);
    assert!(shown.iter().all(|event| event.stage == Stage::Early), "{shown:?}");
    next.put(0, 1_501, &[event("3", 700, "ann")]);
    let closed = finals(next.tip_all(11_000));
    let of = |id: &str, partial| closed.iter().filter(|e| e.detection.id == id && e.marks.partial == partial).count();
    assert_eq!((of("0", true), of("a", true), closed.len()), (1, 2, 3));
    let counts: Vec<u64> = closed.iter().map(|event| event.event_count).collect();
    assert_eq!((counts.iter().sum::<u64>(), counts.iter().max()), (5, Some(&3)), "{closed:?}");
}

#[test]
fn ag_4_the_buckets_of_a_plan_loaded_later_add_up_as_well() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann"), event("2", 500, "ann")]);
    stream.change(vec![changed(), plan("b", "eventName=F | stats count by user")]);
    stream.checkpoint();
    stream.put(0, 1_001, &[event("3", 500, "ann")]);
    let counters = stream.engine.counters();
    assert_eq!(counters.events, 3);
    for of in &counters.plans {
        let sum = of.counted + of.unmatched + of.null_by + of.duplicate + of.replayed + of.outside_activation;
        assert_eq!((sum, of.events()), (3, 3), "{of:?}");
    }
}

#[test]
fn wn_7_what_is_unacknowledged_at_the_cut_stays_the_old_plans_and_comes_again_after_a_crash() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.read(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![changed()]);
    let stored = stream.engine.checkpoint().1;
    assert_eq!(stored.shards.values().next().unwrap().processed, Position::Start, "the early risk event holds P");

    let mut next = Stream::restored(vec![changed()], 1, stored, 2_000);
    assert_eq!(told(&next.put(0, 1_000, &[event("1", 500, "ann")])), [(false, 1, true)]);
    assert_eq!(told(&finals(next.tip_all(11_000))), [(false, 1, true)]);
}

#[test]
fn wn_7_a_plan_whose_final_is_not_acknowledged_stays_and_its_text_is_stored() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let shard = ShardId::new("shard-0");
    stream.engine.handle_input(Input::AtTip { shard, read_through: Arrival(11_000) });
    let Some(Output::Emit(last)) = stream.engine.poll_output() else { panic!("the final") };
    assert!(stream.engine.poll_output().is_none());
    // Plans before and behind it in the order: it has another number now.
    stream.change(vec![plan("0", COUNT), plan("b", COUNT)]);
    let ids = |stream: &mut Stream| stream.checkpoint().plans.into_iter().map(|plan| plan.text.id).collect::<Vec<_>>();
    assert_eq!(ids(&mut stream), ["0", "a", "b"]);
    stream.engine.handle_input(Input::Delivered(last.delivery_key()));
    assert_eq!(ids(&mut stream), ["0", "b"]);
    assert_eq!(stream.engine.plans().len(), 2);
}
