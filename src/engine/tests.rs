//! Rules of the contract that one small stream shows. What needs many schedules is the simulation's.

mod bounds;
mod checkpoints;
mod clocks;
mod corpus;
mod counters;
mod early;
mod family;
mod filters;
mod forced;
mod identity;
mod lineage;
mod pause;
mod plan_changes;
mod progress;
mod replay;
pub(super) mod support;
mod turnover;
mod waiting;

use std::collections::BTreeMap;

use super::{Checkpoint, Input, Output, Position};
use crate::plan::Early;
use crate::risk_event::{RiskEvent, Stage};
use crate::time::Arrival;
use support::{Stream, event, plan};

const COUNT: &str = "eventName=E | stats count by user";
const AT_LEAST_2: &str = "eventName=E | stats count by user | where count >= 2";

fn ids(events: &[RiskEvent]) -> Vec<String> {
    events.iter().map(|event| event.id.to_string()).collect()
}

fn finals(events: Vec<RiskEvent>) -> Vec<RiskEvent> {
    events.into_iter().filter(|event| event.stage == Stage::Final).collect()
}

#[test]
fn em_1_the_early_risk_event_comes_with_the_record_that_lets_the_row_pass() {
    let mut stream = Stream::new(vec![plan("a", AT_LEAST_2)], 1);
    assert!(stream.put(0, 1_000, &[event("1", 500, "ann")]).is_empty());
    let early = stream.put(0, 1_001, &[event("2", 501, "ann")]);
    assert_eq!(early.iter().map(|event| (event.stage, event.event_count)).collect::<Vec<_>>(), [(Stage::Early, 2)]);
    assert!(stream.put(0, 1_002, &[event("3", 502, "ann")]).is_empty(), "once a group");
}

#[test]
fn em_2_each_group_whose_row_passes_has_one_final_and_the_others_none() {
    let mut stream = Stream::new(vec![plan("a", AT_LEAST_2)], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann"), event("2", 501, "ann"), event("3", 502, "bob")]);
    let finals = finals(stream.tip_all(100_000));
    assert_eq!(finals.iter().map(|event| (event.event_count, &*event.risk_message)).collect::<Vec<_>>(), [(2, "ann")]);
}

#[test]
fn em_3_ids_depend_on_what_they_are_about_and_on_nothing_else() {
    let run = |source: &str, search: &str, user: &str, time: i64, arrival: i64| {
        let mut stream = Stream::named(source, vec![plan("a", search)], 1);
        stream.put(0, arrival, &[event("1", time, user)]);
        ids(&finals(stream.tip_all(1_000_000)))
    };
    let same = run("s", COUNT, "ann", 500, 1_000);
    assert_eq!(run("s", COUNT, "ann", 700, 2_000), same, "another event of the same group and window");
    let others = [
        run("t", COUNT, "ann", 500, 1_000),
        run("s", "eventName=E | stats count dc(src) by user", "ann", 500, 1_000),
        run("s", COUNT, "bob", 500, 1_000),
        run("s", COUNT, "ann", 20_500, 21_000),
        run("s", COUNT, "ann", 500, 50_000),
    ];
    for other in &others {
        assert_ne!(*other, same);
        assert_eq!(other.len(), 1);
    }
}

#[test]
fn em_4_a_final_is_the_same_whatever_the_order_of_the_shards() {
    let run = |order: [u32; 2]| {
        let mut stream = Stream::new(vec![plan("a", COUNT)], 2);
        for shard in order {
            let id = format!("{shard}");
            stream.put(shard, 1_000 + i64::from(shard), &[event(&id, 500, "ann"), event("both", 501, "ann")]);
        }
        let finals = finals(stream.tip_all(100_000));
        finals.into_iter().map(|event| RiskEvent { positions: vec![], ..event }).collect::<Vec<_>>()
    };
    assert_eq!(run([0, 1]), run([1, 0]));
    assert_eq!(run([0, 1])[0].event_count, 3);
}

#[test]
fn em_5_a_condition_that_a_later_event_may_take_back_has_no_early_stage() {
    let fewer = plan("a", "eventName=E | stats count by user | where count < 2");
    assert!(matches!(fewer.early(), Early::AtClose(_)));
    let mut stream = Stream::new(vec![fewer], 1);
    assert!(stream.put(0, 1_000, &[event("1", 500, "ann"), event("2", 500, "bob")]).is_empty());
    stream.put(0, 1_001, &[event("3", 501, "ann")]);
    assert_eq!(stream.tip_all(100_000).iter().map(|event| &*event.risk_message).collect::<Vec<_>>(), ["bob"]);
}

#[test]
fn wn_6_instances_close_by_close_at_then_detection_then_window_then_group() {
    let mut stream = Stream::new(vec![plan("b", COUNT), plan("a", COUNT)], 1);
    let events = [event("1", 10_500, "x"), event("2", 500, "y"), event("3", 501, "x")];
    stream.put(0, 11_000, &events);
    let closed = finals(stream.tip_all(1_000_000));
    let order: Vec<_> = closed
        .iter()
        .map(|event| (event.window_start.0, event.detection.id.clone(), event.risk_message.clone()))
        .collect();
    let expected = [(0, "a", "x"), (0, "a", "y"), (0, "b", "x"), (0, "b", "y"), (10_000, "a", "x"), (10_000, "b", "x")];
    assert_eq!(order, expected.map(|(window, id, user)| (window, id.to_owned(), user.to_owned())));
}

#[test]
fn ag_1_shards_contribute_partials_that_are_merged_when_the_row_is_made() {
    let mut stream = Stream::new(vec![plan("a", AT_LEAST_2)], 2);
    assert!(stream.put(0, 1_000, &[event("1", 500, "ann")]).is_empty());
    let early = stream.put(1, 1_000, &[event("2", 500, "ann")]);
    assert_eq!(early.len(), 1, "the row passes only with both shards' partials");
    assert_eq!(early[0].positions.len(), 2);
}

#[test]
fn ag_2_a_copy_in_another_shard_counts_once_and_is_counted_as_duplicate() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 2);
    for shard in [0, 1] {
        stream.put(shard, 1_000, &[event("1", 500, "ann")]);
    }
    let counters = &stream.engine.counters().plans[0];
    assert_eq!((counters.counted, counters.duplicate), (1, 1));
    assert_eq!(finals(stream.tip_all(100_000))[0].event_count, 1);
}

#[test]
fn ag_3_a_null_by_field_is_counted_by_its_name() {
    let mut stream = Stream::new(vec![plan("a", "eventName=E | stats count by user absent")], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    assert_eq!(stream.engine.counters().plans[0].null_by_field, [0, 1]);
    assert!(stream.tip_all(100_000).is_empty());
}

#[test]
fn ag_5_aggregates_do_not_depend_on_the_order_of_the_events() {
    let search = "eventName=E | stats values(src) as src first(src) as first list(src) as list by user";
    let run = |order: &[usize]| {
        let mut stream = Stream::new(vec![plan("a", search)], 1);
        let events = [event("1", 500, "ann"), event("2", 400, "ann"), event("3", 600, "ann")];
        for (n, at) in order.iter().enumerate() {
            stream.put(0, 1_000 + i64::try_from(n).unwrap(), &events[*at..=*at]);
        }
        finals(stream.tip_all(100_000)).remove(0).row
    };
    let row = run(&[0, 1, 2]);
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        assert_eq!(run(&order), row);
    }
}

/// An event of several groups is counted if it is new to any of them, whichever comes first.
#[test]
fn ag_4_an_event_that_is_a_copy_to_one_group_and_new_to_another_is_counted() {
    for groups in ["x,y", "w,x"] {
        let mut stream = Stream::new(vec![plan("a", "eventName=E | eval k=split(user, \",\") | stats count by k")], 1);
        stream.put(0, 1_000, &[event("1", 500, "x"), event("1", 500, groups), event("1", 500, groups)]);
        let counters = &stream.engine.counters().plans[0];
        assert_eq!((counters.counted, counters.duplicate, counters.events()), (2, 1, 3), "{groups}");
    }
}

/// What a checkpoint says after one record that is held, and once more when nothing is.
#[test]
fn cp_1_a_checkpoint_holds_c_h_p_and_the_plans() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let held = stream.checkpoint();
    assert_eq!(row_of(&held), (Position::Start, support::after(0, 1)), "the window is open, the early acknowledged");
    stream.tip_all(100_000);
    let released = stream.checkpoint();
    assert_eq!(row_of(&released), (support::after(0, 1), support::after(0, 1)));
    assert_eq!(released.horizon, Arrival(100_000));
    assert_eq!(released.plans.iter().map(|plan| plan.text.id.as_str()).collect::<Vec<_>>(), ["a"]);
    let json = serde_json::to_string(&released).unwrap();
    assert_eq!(serde_json::from_str::<Checkpoint>(&json).unwrap(), released);
}

/// CP-4: a process that dies before it has read anything leaves what it found.
#[test]
fn cp_1_what_is_restored_is_what_was_stored() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 4);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.put(0, 1_500, &[event("2", 12_000, "ann")]);
    stream.put(1, 1_200, &[event("3", 600, "bob")]);
    let parent = super::ShardId::new("shard-1");
    let child = super::ShardRef { shard: super::ShardId::new("child"), parents: vec![parent.clone()] };
    stream.engine.handle_input(Input::ShardDrained { shard: parent, children: vec![child] });
    stream.tip(2, 3_000);
    let stored = stream.checkpoint();
    assert_eq!(stored.shards.len(), 5, "the child, too");
    let config = Stream::config("source", usize::MAX, Arrival(5_000));
    let mut next =
        super::Engine::restore(config, vec![plan("a", COUNT)], stored.clone()).expect("stored plans compile");
    assert_eq!(next.checkpoint().1, stored);
}

/// A final says all that the early risk event of its id would; that of another id stays due.
#[test]
fn cp_1a_an_acknowledged_final_settles_the_early_risk_event_of_its_id() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    stream.read(0, 1_000, &[event("1", 500, "ann"), event("2", 500, "bob")]);
    let tip = Input::AtTip { shard: super::ShardId::new("shard-0"), read_through: Arrival(11_000) };
    stream.engine.handle_input(tip);
    let told: Vec<_> = std::iter::from_fn(|| stream.engine.poll_output()).collect();
    let keys = told.iter().filter_map(|output| if let Output::Emit(event) = output { Some(event) } else { None });
    let finals: Vec<_> = keys.filter(|event| event.stage == Stage::Final).map(|event| event.delivery_key()).collect();
    assert_eq!((finals.len(), stream.engine.gauges().pending), (2, 4));
    stream.engine.handle_input(Input::Delivered(finals[0]));
    assert_eq!(stream.engine.gauges().pending, 2);
    assert_eq!(row_of(&stream.checkpoint()).1, Position::Start, "the other early one holds P");
    stream.engine.handle_input(Input::Delivered(finals[1]));
    assert_eq!(stream.engine.gauges().pending, 0);
    assert_eq!(row_of(&stream.checkpoint()), (support::after(0, 1), support::after(0, 1)));
}

/// A later record of its group would be replayed in silence, and the early risk event be lost, if it did not wait as well.
#[test]
fn cp_1a_an_early_risk_event_holds_later_records_of_its_group_alone_until_it_is_acknowledged() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 3);
    stream.read(0, 1_000, &[event("1", 500, "ann")]);
    let Some(Output::Emit(early)) = stream.engine.poll_output() else { panic!("the early risk event of ann") };
    stream.put(1, 1_000, &[event("2", 500, "ann")]);
    stream.put(2, 1_000, &[event("3", 500, "bob")]);
    let processed =
        |stream: &mut Stream| stream.checkpoint().shards.into_values().map(|shard| shard.processed).collect::<Vec<_>>();
    let after = support::after(0, 1);
    assert_eq!(processed(&mut stream), [Position::Start, Position::Start, after.clone()]);
    stream.engine.handle_input(Input::Delivered(early.delivery_key()));
    assert_eq!(processed(&mut stream), [after.clone(), after.clone(), after]);
}

/// Two windows that close together: while the horizon waits for one, a crash would rebuild the other from what is left.
#[test]
fn cp_2_what_is_acknowledged_holds_c_until_the_horizon_has_passed_it() {
    let mut stream = Stream::new(vec![plan("a", COUNT), plan("b", "eventName=F | stats count by user")], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.put(0, 1_001, &[support::named("F", "2", 500, "ann")]);
    let tip = Input::AtTip { shard: super::ShardId::new("shard-0"), read_through: Arrival(11_000) };
    stream.engine.handle_input(tip);
    let told: Vec<_> = std::iter::from_fn(|| stream.engine.poll_output()).collect();
    let [Output::Emit(of_a), Output::Emit(of_b)] = &told[..] else { panic!("two finals: {told:?}") };
    stream.engine.handle_input(Input::Delivered(of_a.delivery_key()));
    for _ in 0..3 {
        assert_eq!(row_of(&stream.checkpoint()).0, Position::Start, "as often as one is stored");
    }
    stream.engine.handle_input(Input::Delivered(of_b.delivery_key()));
    assert_eq!(row_of(&stream.checkpoint()).0, support::after(0, 2));
}

#[test]
fn cp_1_each_dead_letter_holds_p_until_it_is_stored() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    let [first, second] = [1, 2].map(|n| format!("{{\"no event\":{n}}}"));
    stream.read(0, 1_000, &[first, second, event("1", 500, "ann")]);
    let told: Vec<_> = std::iter::from_fn(|| stream.engine.poll_output()).collect();
    let [Output::DeadLetter(one), Output::DeadLetter(two), Output::Emit(early)] = &told[..] else { panic!("{told:?}") };
    let held = |stream: &mut Stream| (row_of(&stream.checkpoint()).1, stream.engine.gauges().pending);
    assert_eq!(held(&mut stream), (Position::Start, 3));
    stream.engine.handle_input(Input::Delivered(early.delivery_key()));
    assert_eq!(held(&mut stream), (Position::Start, 2));
    stream.engine.handle_input(Input::DeadLettered(one.id));
    assert_eq!(held(&mut stream), (Position::Start, 1));
    stream.engine.handle_input(Input::DeadLettered(two.id));
    assert_eq!(held(&mut stream), (support::after(0, 1), 0));
}

fn row_of(checkpoint: &Checkpoint) -> (Position, Position) {
    let row = checkpoint.shards.values().next().unwrap();
    (row.resume_after.clone(), row.processed.clone())
}

#[test]
fn rd_2_an_unread_shard_blocks_the_watermark() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 2);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    assert!(finals(stream.tip(0, 100_000)).is_empty());
    assert_eq!(stream.engine.gauges().watermark, Arrival::MIN);
    assert_eq!(finals(stream.tip(1, 100_000)).len(), 1);
}

#[test]
fn spurious_inputs_change_nothing() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let before = (stream.engine.gauges(), stream.checkpoint());
    let unknown = super::ShardId::new("unknown");
    stream.engine.handle_input(Input::AtTip { shard: unknown.clone(), read_through: Arrival(5) });
    stream.engine.handle_input(Input::ShardDrained { shard: unknown.clone(), children: vec![] });
    stream.engine.handle_input(Input::ShardStalled { shard: unknown, stalled: true });
    stream.engine.handle_input(Input::DeadLettered(super::DeadLetterId(9)));
    stream.engine.handle_input(Input::CheckpointStored(super::CheckpointTicket(99)));
    assert!(stream.engine.poll_output().is_none());
    assert_eq!((stream.engine.gauges(), stream.checkpoint()), before);
    let groups: BTreeMap<_, _> = stream.engine.shards().map(|(id, at, drained)| (id.clone(), (at, drained))).collect();
    assert_eq!(groups.len(), 1);
}

/// The store refuses a checkpoint that leaves out a shard of which the one before does not say that it is drained.
#[test]
fn cp_3_a_forgotten_shard_stays_in_the_checkpoint_until_a_durable_one_says_that_it_is_drained() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 2);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let [gone, kept] = ["shard-0", "shard-1"].map(super::ShardId::new);
    assert!(!stream.checkpoint().shards[&gone].drained);
    stream.engine.handle_input(Input::ShardDrained { shard: gone.clone(), children: vec![] });
    stream.list_twice(&[super::ShardRef { shard: kept, parents: vec![] }]);
    assert_eq!(finals(stream.tip(1, 100_000)).len(), 1, "nothing is held any more");

    let (ticket, first) = stream.engine.checkpoint();
    assert!(first.shards[&gone].drained);
    let (_, second) = stream.engine.checkpoint();
    assert!(second.shards.contains_key(&gone), "the first one is not durable yet");
    stream.engine.handle_input(Input::CheckpointStored(ticket));
    assert!(!stream.checkpoint().shards.contains_key(&gone));
}

/// A parent that is read again names its children again.
#[test]
fn rd_1_a_forgotten_shard_stays_in_the_checkpoint_as_long_as_its_parent_does() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let [parent, child, last] = ["shard-0", "child", "last"].map(super::ShardId::new);
    let listed = |shard: &super::ShardId, parents: &[&super::ShardId]| super::ShardRef {
        shard: shard.clone(),
        parents: parents.iter().map(|parent| (*parent).clone()).collect(),
    };
    let [first, second, third] = [listed(&parent, &[]), listed(&child, &[&parent]), listed(&last, &[&child])];
    stream.engine.handle_input(Input::ShardDrained { shard: parent.clone(), children: vec![second.clone()] });
    stream.engine.handle_input(Input::ShardDrained { shard: child.clone(), children: vec![third.clone()] });
    stream.engine.handle_input(Input::ShardsListed(vec![first.clone(), second, third.clone()]));
    stream.list_twice(&[first, third.clone()]);
    stream.checkpoint();
    let held = stream.checkpoint();
    assert!(held.shards[&parent].resume_after != Position::End, "the parent's window is open");
    assert!(held.shards.contains_key(&child));

    stream.list_twice(&[third]);
    stream.engine.handle_input(Input::AtTip { shard: last.clone(), read_through: super::Arrival(100_000) });
    let (ticket, _) = stream.engine.checkpoint();
    assert_eq!(finals(stream.stored(ticket)).len(), 1);
    stream.checkpoint();
    assert_eq!(stream.checkpoint().shards.into_keys().collect::<Vec<_>>(), [last], "both are done, and leave together");
}

/// A record that was isolated only after an earlier process had read past it.
#[test]
fn po_2_an_isolated_record_is_told_of_in_replay_unless_it_was() {
    let letters = |told: bool| {
        let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
        stream.put(0, 1_000, &[event("1", 500, "ann")]);
        let stored = stream.checkpoint();
        let shard = super::ShardId::new("shard-0");
        assert!(stored.shards[&shard].resume_after < stored.shards[&shard].processed, "it is read again");
        let mut next = Stream::restored(vec![plan("a", COUNT)], 1, stored, 5_000);
        let rejected = crate::cloudtrail::Rejected {
            reason: crate::cloudtrail::RejectReason::KillsProcess,
            detail: String::new(),
            bytes: (*b"x").into(),
        };
        let record = super::EvaluatedRecord {
            position: support::after(0, 1),
            arrival: Arrival(1_000),
            events: vec![],
            decoded: 0,
            rejected: vec![rejected],
        };
        next.engine.handle_input(Input::Isolated { shard, record: Box::new(record), told });
        let outputs = std::iter::from_fn(|| next.engine.poll_output());
        outputs.filter(|output| matches!(output, super::Output::DeadLetter(_))).count()
    };
    assert_eq!([letters(false), letters(true)], [1, 0]);
}
