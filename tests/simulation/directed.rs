//! Schedules that chance finds too seldom, each told step by step.

use trailrisk::engine::{Checkpoint, Input, Position, ShardId, Timing};
use trailrisk::risk_event::{Pane, RiskEvent, Stage};
use trailrisk::time::Arrival;

use crate::bench::{Bench, at, each, event, instant, row, shard, volume};
use crate::detections::{Detection, Rule};
use crate::log::LogEvent;

#[test]
fn rd_1_a_child_waits_for_a_parent_that_is_not_yet_known() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("5", &[]), shard("6", &[])]);
    bench.record("6", 1, 20, &[]);
    // 5 was split into 7 and 8, and 8 merged with 6, all after the listing.
    bench.drained("6", &[shard("9", &["8", "6"])]);
    bench.tip("5", 90);
    assert_eq!(bench.read, ["5@start", "6@start"]);
    assert_eq!(bench.engine.gauges().watermark, instant(20), "9 is not drained, and begins where 6 has ended");
    bench.drained("5", &[shard("7", &["5"]), shard("8", &["5"])]);
    bench.drained("8", &[shard("9", &["8", "6"])]);
    assert_eq!(bench.read[2..], ["7@start", "8@start", "9@start"]);
}

#[test]
fn rd_1_a_parent_missing_in_a_listing_of_its_child_is_gone() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("6", &[])]);
    bench.drained("6", &[shard("9", &["8", "6"])]);
    assert_eq!(bench.read, ["6@start"]);
    bench.list(&[shard("9", &["8", "6"])]);
    assert_eq!(bench.read, ["6@start", "9@start"]);
}

/// Listings need not agree: one may show a child before its parent. Then the child is read at once, and a later listing
/// must not make it wait.
#[test]
fn cp_3_the_p_of_a_child_does_not_go_back_when_its_parent_is_found_behind_it() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("c", &["p"])]);
    bench.record("c", 1, 20, &[event(1, 20)]);
    bench.acknowledge_all();
    let processed = |bench: &mut Bench| row(&bench.checkpoint(), "c").processed.clone();
    assert_eq!(processed(&mut bench), at(1));
    bench.list(&[shard("p", &[]), shard("c", &["p"])]);
    assert_eq!(bench.read, ["c@start", "p@start"]);
    bench.record("c", 2, 21, &[event(2, 20)]);
    assert_eq!(processed(&mut bench), at(2));
}

/// The child would wait for the end of its parent (RD-1), the parent for the `P` of the child.
#[test]
fn cp_5_a_parent_that_is_found_behind_its_child_makes_nobody_wait_for_ever_after_a_restart() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("c", &["p"]), shard("d", &["c"])]);
    bench.record("c", 1, 20, &[event(1, 20)]);
    bench.acknowledge_all();
    let stored = bench.checkpoint();
    let mut again = bench.restart(stored);
    again.list(&[shard("p", &[]), shard("c", &["p"]), shard("d", &["c"])]);
    assert_eq!(again.read, ["c@start", "p@start"]);
    again.record("p", 1, 19, &[event(2, 20)]);
    again.record("c", 1, 20, &[event(1, 20)]);
    assert!(!again.engine.is_replaying());
    again.drained("p", &[shard("c", &["p"])]);
    again.drained("c", &[shard("d", &["c"])]);
    again.tip("d", 60);
    assert_eq!(again.counts(Stage::Final), [2]);
}

#[test]
fn semantics_1_the_effective_arrival_at_c_survives_a_restart() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[])]);
    bench.record("a", 1, 14, &[]);
    bench.record("a", 2, 12, &[event(2, 5)]);
    bench.acknowledge_all();
    let stored = bench.checkpoint();
    assert_eq!((&row(&stored, "a").resume_after, row(&stored, "a").effective_arrival), (&at(1), instant(14)));
    // 12 alone would be on time: the window [0, 10) is complete at 13.
    let mut again = bench.restart(stored);
    again.list(&[shard("a", &[])]);
    again.record("a", 2, 12, &[event(2, 5)]);
    again.tip("a", 60);
    assert_eq!(again.emitted.iter().map(|event| event.pane).collect::<Vec<_>>(), [Pane::Late(instant(10))]);
}

#[test]
fn cp_4_replay_does_not_rebuild_what_is_released() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[])]);
    bench.record("a", 1, 11, &[event(1, 11)]);
    bench.record("a", 2, 12, &[event(2, 5), event(3, 11)]);
    bench.tip("a", 13);
    bench.acknowledge_all();
    let stored = bench.checkpoint();
    assert_eq!((stored.horizon, &row(&stored, "a").resume_after), (instant(13), &Position::Start));
    let mut again = bench.restart(stored);
    again.list(&[shard("a", &[])]);
    again.record("a", 1, 11, &[event(1, 11)]);
    again.record("a", 2, 12, &[event(2, 5), event(3, 11)]);
    again.tip("a", 60);
    assert_eq!(again.counts(Stage::Final), [2], "only the window of events 1 and 3");
    assert_eq!(again.engine.counters().plans[0].replayed, 1);
}

/// What chance hardly finds: a crash aimed between two writes, of which the one with `H` is missing.
#[test]
fn cp_3_a_c_that_is_stored_before_its_h_rebuilds_a_sent_window_from_its_tail() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[])]);
    bench.record("a", 1, 4, &[event(1, 4)]);
    bench.record("a", 2, 12, &[event(2, 5), event(3, 11)]);
    bench.tip("a", 13);
    bench.acknowledge_all();
    let stored = bench.checkpoint();
    assert_eq!((stored.horizon, &row(&stored, "a").resume_after), (instant(13), &at(1)));
    let sent = bench.emitted.iter().find(|event| event.stage == Stage::Final).expect("the window [0, 10)");
    let sent_again = |checkpoint: Checkpoint| {
        let mut again = bench.restart(checkpoint);
        again.list(&[shard("a", &[])]);
        again.record("a", 2, 12, &[event(2, 5), event(3, 11)]);
        again.tip("a", 60);
        let same = |event: &&RiskEvent| event.stage == Stage::Final && event.id == sent.id;
        again.emitted.iter().find(same).map(|event| event.event_count)
    };
    assert_eq!(sent.event_count, 2);
    assert_eq!(sent_again(Checkpoint { horizon: instant(12), ..stored.clone() }), Some(1), "the torn one");
    assert_eq!(sent_again(stored), None, "the whole one");
}

#[test]
fn cp_2_a_hold_ends_with_the_horizon_not_with_the_own_acknowledgement() {
    // The window [0, 10) of one closes at 13, that of the other at 12.
    let other = Detection::new(Rule::Tagged, 1, 10_000, 2_000, 3_000);
    let mut bench = Bench::new(&[each(), other]);
    bench.list(&[shard("a", &[]), shard("b", &[])]);
    bench.record("a", 1, 4, &[event(1, 4)]);
    bench.record("b", 1, 4, &[LogEvent { name: "Beta", tags: vec!["t0"], ..event(2, 4) }]);
    bench.acknowledge_all();
    bench.tip("a", 14);
    bench.tip("b", 14);
    let finals: Vec<_> = bench.emitted.iter().filter(|event| event.stage == Stage::Final).collect();
    let keys: Vec<_> = finals.iter().map(|event| event.delivery_key()).collect();
    bench.input(Input::Delivered(keys[1]));
    let stored = bench.checkpoint();
    assert_eq!(stored.horizon, Arrival(instant(12).0 - 1));
    assert_eq!(row(&stored, "a").resume_after, Position::Start, "acknowledged, but above the horizon");
    bench.input(Input::Delivered(keys[0]));
    let stored = bench.checkpoint();
    assert_eq!((stored.horizon, &row(&stored, "a").resume_after), (instant(14), &at(1)));
}

#[test]
fn cp_1a_an_early_risk_event_holds_the_later_records_of_its_group_in_every_shard() {
    let mut bench = Bench::new(&[volume()]);
    bench.list(&[shard("a", &[]), shard("b", &[])]);
    bench.record("a", 1, 1, &[event(1, 1), event(2, 1)]);
    bench.record("b", 1, 2, &[event(3, 2)]);
    bench.record("a", 2, 3, &[event(4, 3)]);
    assert_eq!(bench.counts(Stage::Early), [3]);
    let unacknowledged = bench.checkpoint();
    assert_eq!(row(&unacknowledged, "a").processed, at(1));
    assert_eq!(row(&unacknowledged, "b").processed, Position::Start);
    // A crash: whichever shard is read first, the early risk event comes again.
    let mut again = bench.restart(unacknowledged);
    again.list(&[shard("a", &[]), shard("b", &[])]);
    again.record("a", 1, 1, &[event(1, 1), event(2, 1)]);
    again.record("a", 2, 3, &[event(4, 3)]);
    assert_eq!(again.counts(Stage::Early), [3]);
    bench.acknowledge_all();
    let acknowledged = bench.checkpoint();
    assert_eq!((&row(&acknowledged, "a").processed, &row(&acknowledged, "b").processed), (&at(2), &at(1)));
}

#[test]
fn cp_1a_the_p_of_a_child_waits_for_the_end_of_its_parents_p() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[])]);
    bench.record("a", 1, 1, &[event(1, 1)]);
    bench.drained("a", &[shard("b", &["a"])]);
    bench.record("b", 1, 2, &[event(2, 21)]);
    let early_of_child = bench.emitted[1].delivery_key();
    bench.input(Input::Delivered(early_of_child));
    let stored = bench.checkpoint();
    assert_eq!(row(&stored, "b").processed, Position::Start, "the parent's early is not acknowledged");
    bench.acknowledge_all();
    let stored = bench.checkpoint();
    assert_eq!((&row(&stored, "a").processed, &row(&stored, "b").processed), (&Position::End, &at(1)));
}

#[test]
fn cp_3_the_horizon_stays_below_the_first_record_beyond_p() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[])]);
    bench.record("a", 1, 1, &[event(1, 1)]);
    bench.acknowledge_all();
    bench.record("a", 2, 40, &[event(2, 40)]);
    bench.tip("a", 45);
    let finals: Vec<_> = bench.emitted.iter().filter(|event| event.stage == Stage::Final).collect();
    assert_eq!(finals.len(), 1);
    let final_key = finals[0].delivery_key();
    bench.input(Input::Delivered(final_key));
    let stored = bench.checkpoint();
    assert_eq!((&row(&stored, "a").processed, stored.horizon), (&at(1), instant(40)));
}

#[test]
fn cp_5_records_beyond_p_wait_until_every_shard_has_reached_its_p() {
    let mut bench = Bench::new(&[volume()]);
    bench.list(&[shard("a", &[]), shard("b", &[])]);
    bench.record("a", 1, 1, &[event(1, 1)]);
    bench.record("b", 1, 1, &[event(2, 1)]);
    let stored = bench.checkpoint();
    let mut again = bench.restart(stored);
    again.list(&[shard("a", &[]), shard("b", &[])]);
    again.record("a", 1, 1, &[event(1, 1)]);
    again.record("a", 2, 2, &[event(3, 2)]);
    assert!(again.engine.is_paused(&ShardId::new("a")));
    assert!(again.emitted.is_empty());
    again.record("b", 1, 1, &[event(2, 1)]);
    assert!(!again.engine.is_paused(&ShardId::new("a")));
    assert_eq!(again.counts(Stage::Early), [3]);
}

#[test]
fn cp_5_a_stalled_shard_makes_nobody_wait() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[]), shard("b", &[])]);
    bench.record("b", 1, 1, &[event(2, 1)]);
    bench.acknowledge_all();
    let stored = bench.checkpoint();
    let mut again = bench.restart(stored);
    again.list(&[shard("a", &[]), shard("b", &[])]);
    again.record("a", 1, 50, &[event(3, 50)]);
    assert!(again.emitted.is_empty());
    again.input(Input::ShardStalled { shard: ShardId::new("b"), stalled: true });
    assert_eq!(again.counts(Stage::Early), [1]);
    again.tip("a", 90);
    assert!(again.counts(Stage::Final).is_empty(), "stalled is not idle: windows hold");
}

#[test]
fn semantics_4_a_batch_is_all_on_time() {
    let mut bench = Bench::timed(&[each()], Timing::Batch);
    bench.list(&[shard("file", &[])]);
    bench.record("file", 1, 0, &[event(1, 500_000), event(2, 3)]);
    bench.record("file", 2, 0, &[event(3, 4), event(1, 500_000)]);
    bench.drained("file", &[]);
    assert!(bench.emitted.iter().all(|event| event.pane == Pane::OnTime && event.stage == Stage::Final));
    assert_eq!(bench.counts(Stage::Final), [2, 1]);
}

#[test]
fn wn_7_a_late_bucket_that_begins_at_the_cut_is_partial() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[])]);
    bench.record("a", 1, 40, &[event(1, 5)]);
    bench.acknowledge_all();
    let mut again = Bench::restore(vec![each().changed(2).plan], bench.checkpoint());
    again.list(&[shard("a", &[])]);
    again.record("a", 1, 40, &[event(1, 5)]);
    again.record("a", 2, 45, &[event(2, 6)]);
    again.tip("a", 60);
    assert_eq!(again.finals_of("g0"), [(1, 1, true), (2, 1, true)]);
}

#[test]
fn wn_7_a_drained_shard_whose_p_is_held_before_its_end_is_cut_there() {
    let mut bench = Bench::new(&[each()]);
    bench.list(&[shard("a", &[]), shard("b", &[])]);
    bench.record("b", 1, 4, &[event(1, 4)]);
    bench.acknowledge_all();
    // The early risk event of this group is not acknowledged, and holds P of a at its start.
    bench.record("a", 1, 4, &[LogEvent { group: Some("g1"), ..event(2, 4) }]);
    bench.record("a", 2, 5, &[event(3, 5)]);
    bench.drained("a", &[]);
    // The window is complete at 13; its final risk events are emitted, but not delivered.
    bench.tip("b", 20);
    let mut again = Bench::restore(vec![each().changed(2).plan], bench.checkpoint());
    again.list(&[shard("a", &[]), shard("b", &[])]);
    again.record("b", 1, 4, &[event(1, 4)]);
    again.record("a", 1, 4, &[LogEvent { group: Some("g1"), ..event(2, 4) }]);
    again.record("a", 2, 5, &[event(3, 5)]);
    again.drained("a", &[]);
    again.tip("b", 60);
    assert_eq!(again.finals_of("g0"), [(1, 1, true), (2, 1, true)]);
}
