//! WN-7: what is kept of plans that come and go, and in which order.

use std::sync::Arc;

use super::support::{Stream, after, event, plan};
use super::{COUNT, finals};
use crate::engine::{Engine, EngineConfig, Input, Output, PlanSpan, ShardId, ShardRef};
use crate::plan::{Fingerprint, Plan};
use crate::risk_event::{Pane, RiskEvent};
use crate::time::Arrival;

/// The same detection as `plan("a", COUNT)`, changed.
pub fn changed() -> Arc<Plan> {
    plan("a", "eventName=E | stats count values(src) as src by user")
}

pub fn old() -> Arc<Plan> {
    plan("a", COUNT)
}

/// Whether it is the changed plan's, number of events, partial; of each risk event.
pub fn told(events: &[RiskEvent]) -> Vec<(bool, u64, bool)> {
    let mut told: Vec<_> = events
        .iter()
        .map(|event| (event.detection.search != *old().text().search, event.event_count, event.marks.partial))
        .collect();
    told.sort_unstable();
    told
}

pub fn spans(stream: &Stream) -> Vec<Vec<PlanSpan>> {
    stream.engine.plan_spans().map(|(_, spans)| spans.to_vec()).collect()
}

/// As [`Stream::tip_all`] of a stream of one shard; nothing that comes of it is sent.
fn see_tip(stream: &mut Stream, read_through: i64) {
    let shard = ShardId::new("shard-0");
    stream.engine.handle_input(Input::AtTip { shard, read_through: Arrival(read_through) });
}

fn emitted(stream: &mut Stream) -> Vec<RiskEvent> {
    let outputs = std::iter::from_fn(|| stream.engine.poll_output());
    outputs.filter_map(|output| if let Output::Emit(event) = output { Some(*event) } else { None }).collect()
}

/// Kinesis does not promise that arrivals only grow.
#[test]
fn wn_7_the_side_of_a_cut_is_that_of_the_effective_arrival() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![changed()]);
    stream.checkpoint();
    stream.put(0, 1_001, &[event("2", 600, "ann")]);
    stream.put(0, 1_000, &[event("3", 700, "ann")]);
    assert_eq!(told(&finals(stream.tip_all(11_000))), [(false, 1, true), (true, 2, true)]);
}

#[test]
fn wn_7_a_further_change_lets_nothing_go_on_that_waits_for_the_first() {
    let mut stream = Stream::new(vec![old()], 1);
    let shard = ShardId::new("shard-0");
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![changed()]);
    stream.put(0, 1_001, &[event("2", 600, "ann")]);
    stream.change(vec![plan("b", COUNT)]);
    assert!(stream.engine.has_parked(&shard));
    stream.checkpoint();
    assert!(!stream.engine.has_parked(&shard));
}

#[test]
fn wn_7_the_first_checkpoint_that_holds_a_change_is_enough() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.change(vec![changed()]);
    let [first, _] = [(); 2].map(|()| stream.engine.checkpoint().0);
    stream.stored(first);
    assert!(!stream.engine.is_changing_plans());
}

#[test]
fn wn_7_a_plan_is_retired_once() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![plan("b", COUNT)]);
    stream.checkpoint();
    stream.put(0, 5_000, &[event("2", 500, "ann")]);
    stream.change(vec![plan("c", COUNT)]);
    let span = |activated: Option<i64>, retired: Option<i64>| {
        vec![PlanSpan { activated: activated.map(Arrival), retired: retired.map(Arrival) }]
    };
    assert_eq!(spans(&stream), [span(None, Some(1_001)), span(Some(1_001), Some(5_001)), span(Some(5_001), None)]);
}

/// Here nothing is known of what earlier processes have read but what they have stored.
#[test]
fn wn_7_after_a_restart_the_cut_is_behind_all_that_the_checkpoint_knows() {
    let retired = |next: &Stream, place: usize| spans(next)[place][0].retired;
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let next = Stream::restored(vec![plan("b", COUNT)], 1, stream.checkpoint(), 0);
    assert_eq!(retired(&next, 0), Some(Arrival(1_001)), "what was processed");
    stream.tip_all(5_000);
    let stored = stream.checkpoint();
    assert_eq!(stored.horizon, Arrival(5_000));
    let next = Stream::restored(vec![plan("b", COUNT)], 1, stored.clone(), 0);
    assert_eq!(retired(&next, 0), Some(Arrival(5_000)), "the horizon");
    let mut next = Stream::restored(vec![plan("b", COUNT)], 1, stored, 9_000);
    let last = Stream::restored(vec![plan("c", COUNT)], 1, next.checkpoint(), 0);
    assert_eq!([retired(&last, 0), retired(&last, 1)], [Some(Arrival(9_000)); 2], "an earlier cut");
}

#[test]
fn wn_7_after_a_restart_too_a_change_waits_until_it_is_durable() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let config = Stream::config("source", usize::MAX, Arrival(2_000));
    let mut engine = Engine::restore(config, vec![changed()], stream.checkpoint()).expect("stored plans compile");
    let shard = ShardId::new("shard-0");
    engine.handle_input(Input::ShardsListed(vec![ShardRef { shard: shard.clone(), parents: vec![] }]));
    let waits = [1_999, 2_000].map(|arrival| engine.next_waits(&shard, &after(0, 2), Arrival(arrival)));
    assert_eq!((waits, engine.is_changing_plans()), ([false, true], true));
    let (ticket, _) = engine.checkpoint();
    engine.handle_input(Input::CheckpointStored(ticket));
    assert!(!engine.next_waits(&shard, &after(0, 2), Arrival(2_000)));
}

#[test]
fn wn_6_plans_of_one_detection_close_in_the_order_of_their_fingerprints() {
    for (first, then) in [(old(), changed()), (changed(), old())] {
        let mut stream = Stream::new(vec![first], 1);
        stream.put(0, 1_000, &[event("1", 500, "ann")]);
        stream.change(vec![then]);
        stream.checkpoint();
        stream.put(0, 1_001, &[event("2", 600, "ann")]);
        let closed = finals(stream.tip_all(11_000));
        let fingerprints: Vec<_> = closed.iter().map(|event| Fingerprint::of(&event.detection)).collect();
        assert!(fingerprints.len() == 2 && fingerprints.is_sorted(), "{fingerprints:?}");
    }
}

/// The plan that comes is before it in the order: it has another number then.
#[test]
fn wn_7_a_plan_stays_while_a_part_of_its_window_waits_to_be_told() {
    let mut stream = Stream::bounded(vec![old()], 1, 0);
    stream.read(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![plan("0", COUNT)]);
    stream.checkpoint();
    see_tip(&mut stream, 50_000);
    stream.checkpoint();
    assert_eq!(stream.engine.plans().len(), 2);
    let parts: Vec<_> =
        finals(emitted(&mut stream)).into_iter().map(|event| (event.detection.id.clone(), event.pane)).collect();
    assert_eq!(parts, [("a".to_owned(), Pane::Forced(1))]);
}

#[test]
fn wn_7_a_change_while_a_window_is_told_changes_nothing_of_it() {
    let mut stream = Stream::new(vec![old()], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann"), event("2", 500, "bob")]);
    see_tip(&mut stream, 11_000);
    let Some(Output::Emit(first)) = stream.engine.poll_output() else { panic!("the final of ann") };
    stream.change(vec![plan("0", COUNT)]);
    let rest = emitted(&mut stream);
    let told: Vec<_> =
        [&*first].into_iter().chain(&rest).map(|event| (&*event.detection.id, &*event.risk_message)).collect();
    assert_eq!(told, [("a", "ann"), ("a", "bob")]);
}

#[test]
fn wn_7_a_retired_plan_stays_until_the_horizon_that_has_passed_its_windows_is_durable() {
    let mut stream = Stream::new(vec![old(), plan("c", "eventName=F | stats count by user")], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![plan("b", COUNT)]);
    stream.checkpoint();
    see_tip(&mut stream, 20_000);
    let [last] = &emitted(&mut stream)[..] else { panic!("one final") };
    let (first, held) = stream.engine.checkpoint();
    let ids: Vec<_> = held.plans.iter().map(|plan| &*plan.text.id).collect();
    assert_eq!((held.horizon, ids), (Arrival(10_999), vec!["a", "b"]), "c has no window");
    stream.engine.handle_input(Input::Delivered(last.delivery_key()));
    let (second, free) = stream.engine.checkpoint();
    assert_eq!(free.horizon, Arrival(20_000));
    let plans = [first, second].map(|ticket| {
        stream.stored(ticket);
        stream.engine.plans().len()
    });
    assert_eq!(plans, [2, 1]);
}

#[test]
fn ag_4_the_counters_of_an_unchanged_plan_go_on() {
    let mut stream = Stream::new(vec![old(), plan("b", COUNT)], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann"), event("2", 500, "ann")]);
    stream.change(vec![plan("0", COUNT), changed(), plan("b", COUNT)]);
    stream.checkpoint();
    let place = stream.engine.plans().iter().position(|plan| plan.text().id == "b").expect("it is loaded");
    let of_b = &stream.engine.counters().plans[place];
    assert_eq!((of_b.counted, of_b.outside_activation), (2, 0));
}

#[test]
fn wn_7_windows_that_began_before_the_first_read_are_partial_in_the_next_process_too() {
    let config = EngineConfig { started_at: Arrival(5_000), ..Stream::config("source", usize::MAX, Arrival::MIN) };
    let mut stream = Stream::around(Engine::new(config, vec![old()]), 1);
    assert_eq!(stream.checkpoint().horizon, Arrival::MIN, "nothing was read");
    let both = [event("1", 5_500, "ann"), event("2", 10_500, "ann")];
    let expected = [(false, 1, false), (false, 1, true)];
    assert_eq!(told(&stream.put(0, 6_000, &both)), expected, "early");
    let mut next = Stream::restored(vec![old()], 1, stream.checkpoint(), 20_000);
    next.put(0, 6_000, &both);
    assert_eq!(told(&finals(next.tip_all(100_000))), expected);
}
