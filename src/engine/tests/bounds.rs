//! BD-2: what a bound on the state makes of windows.

use super::support::{Stream, event, named, plan};
use crate::engine::shard::ShardIx;
use crate::engine::{Input, Polled, Position, ShardId};
use crate::risk_event::{Pane, RiskEvent, Stage};
use crate::time::Arrival;

const COUNT: &str = "eventName=E | stats count by user";

/// Of each final its window's end, its pane, and whether it is the rest of a window of which parts were closed early.
fn shown(events: &[RiskEvent]) -> Vec<(i64, Pane, bool)> {
    let finals = events.iter().filter(|event| event.stage == Stage::Final);
    finals.map(|event| (event.window_end.0, event.pane, event.marks.truncated)).collect()
}

#[test]
fn bd_2_the_parts_of_a_window_are_numbered_and_each_but_the_first_says_that_it_is_a_rest() {
    let mut stream = Stream::bounded(vec![plan("a", COUNT), plan("b", "eventName=F | stats count by user")], 1, 0);
    // Two parts wait to be told while the third is cut off, and one has been told.
    let mut seen = stream.put(0, 1_000, &[event("1", 500, "ann")]);
    for id in ["2", "3", "4"] {
        stream.read(0, 1_000, &[event(id, 500, "ann")]);
    }
    stream.read(0, 1_000, &[named("F", "5", 500, "ann")]);
    stream.read(0, 1_000, &[event("6", 500, "ann"), event("7", 10_500, "ann")]);
    seen.extend(stream.tip_all(100_000));
    let [mut a, b] =
        ["a", "b"].map(|id| seen.iter().filter(|event| event.detection.id == id).cloned().collect::<Vec<_>>());
    a.sort_by_key(|event| (event.window_end, event.pane.to_string()));
    let part = |number, is_rest| (10_000, Pane::Forced(number), is_rest);
    assert_eq!(
        shown(&a),
        [part(1, false), part(2, true), part(3, true), part(4, true), part(5, true), (20_000, Pane::Forced(1), false)]
    );
    assert_eq!(shown(&b), [(10_000, Pane::Forced(1), false)], "another detection's window is another one");
    assert_eq!(stream.engine.counters().forced, 7);
}

/// Of a late pane other parts are told than of the window itself, and of each window others.
#[test]
fn bd_2_parts_are_numbered_within_one_window_and_close() {
    let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, 0);
    let mut seen = stream.put(0, 1_000, &[event("1", 500, "ann")]);
    seen.extend(stream.put(0, 25_000, &[event("2", 600, "ann")]));
    seen.extend(stream.put(0, 25_000, &[event("3", 11_000, "ann")]));
    let part = |window_end| (window_end, Pane::Forced(1), false);
    assert_eq!(shown(&seen), [part(10_000), part(10_000), part(20_000)]);
    assert!(seen.iter().filter(|event| matches!(event.pane, Pane::Forced(_))).all(|event| event.supplements.is_none()));
}

/// Events of any number of windows may come at once, each of which is closed early by the next one. What is remembered of
/// them until the horizon has passed them, no bound counts.
#[test]
fn bd_2_however_many_windows_are_closed_early_they_hold_one_record_a_shard_together() {
    let mut stream = Stream::bounded(vec![plan("a", COUNT)], 2, 0);
    for n in 0..100 {
        stream.put(u32::from(n >= 50), 10_000_000, &[event(&n.to_string(), 10_000 * n + 500, "ann")]);
    }
    assert_eq!(stream.engine.counters().forced, 100);
    let held = |stream: &Stream| {
        let held = stream.engine.ledger.holds_of_c(Arrival::MIN);
        held.map(|(shard, mark)| (shard, mark.before.clone())).collect::<Vec<_>>()
    };
    assert_eq!(held(&stream), [ShardIx(0), ShardIx(1)].map(|shard| (shard, Position::Start)), "the first of each");
    let at_start = stream.checkpoint().shards.values().filter(|shard| shard.resume_after == Position::Start).count();
    assert_eq!(at_start, 2);
    stream.tip_all(20_000_000);
    stream.checkpoint();
    assert_eq!(held(&stream), [], "the horizon has passed them");
}

#[test]
fn bd_2_what_is_announced_of_a_rest_says_that_it_is_one() {
    let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, 0);
    let mut early = |id: &str| {
        let told = stream.put(0, 1_000, &[event(id, 500, "ann")]);
        let early = told.into_iter().filter(|event| event.stage == Stage::Early);
        early.map(|event| event.marks.truncated).collect::<Vec<_>>()
    };
    assert_eq!([early("1"), early("2")], [[false], [true]]);
}

/// What was closed early and is not told yet takes memory, but nothing that closing another window would give back.
#[test]
fn bd_2_what_waits_to_be_told_closes_nothing_else_early() {
    let flood = |time: i64| -> Vec<String> {
        (0..40).map(|user| event(&format!("{time}{user}"), time, &format!("user-{user}"))).collect()
    };
    let mut unbounded = Stream::new(vec![plan("a", COUNT)], 1);
    unbounded.read(0, 1_000, &flood(500));
    let takes = unbounded.engine.gauges().state_bytes;
    let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, takes + takes / 2);
    for time in [500, 10_500] {
        stream.read(0, 1_000, &flood(time));
    }
    assert_eq!(stream.engine.counters().forced, 1);
    stream.read(0, 1_000, &[event("1", 20_500, "ann")]);
    assert_eq!(stream.engine.counters().forced, 1);
}

/// The bound itself may be taken, and what is closing already is nothing that could be closed.
#[test]
fn bd_2_nothing_is_closed_early_up_to_the_bound() {
    let users = |from: u32, time: i64| -> Vec<String> {
        (from..from + 10).map(|user| event(&user.to_string(), time, &format!("user-{user}"))).collect()
    };
    let mut unbounded = Stream::new(vec![plan("a", COUNT)], 1);
    unbounded.read(0, 1_000, &users(0, 500));
    let takes = unbounded.engine.gauges().state_bytes;
    for (bound, forced) in [(takes - 1, 1), (takes, 0)] {
        let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, bound);
        stream.put(0, 1_000, &users(0, 500));
        assert_eq!(stream.engine.counters().forced, forced, "{bound}");
    }

    let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, takes + takes / 2);
    stream.put(0, 1_000, &users(0, 500));
    let tip = Input::AtTip { shard: ShardId::new("shard-0"), read_through: Arrival(11_000) };
    stream.engine.handle_input(tip);
    assert!(matches!(stream.engine.poll(), Polled::Busy | Polled::Output(_)), "the first window is closing");
    stream.read(0, 11_000, &users(10, 10_500));
    assert!(stream.engine.gauges().state_bytes > takes + takes / 2);
    assert_eq!(stream.engine.counters().forced, 0);
}

/// By-values are texts of whoever makes the events.
#[test]
fn bd_2_long_by_values_count_as_what_they_take() {
    let forced = |length: usize| {
        let mut stream = Stream::bounded(vec![plan("a", COUNT)], 1, 200_000);
        let users = (0..40).map(|user| event(&user.to_string(), 500, &format!("{user}{}", "x".repeat(length))));
        let made = stream.put(0, 1_000, &users.collect::<Vec<_>>());
        shown(&made).len()
    };
    assert_eq!(forced(10), 0, "40 groups fit");
    assert_eq!(forced(10_000), 40, "400 kB of names do not");
}

/// Their rows are made all at once when the window closes.
#[test]
fn bd_2_of_a_search_that_needs_all_rows_these_count_as_they_come() {
    let state = |search: &str| {
        let mut stream = Stream::new(vec![plan("a", search)], 1);
        let users = (0..100).map(|user| event(&user.to_string(), 500, &format!("user-{user}")));
        stream.put(0, 1_000, &users.collect::<Vec<_>>());
        stream.engine.gauges().state_bytes
    };
    let one_by_one = state(&format!("{COUNT} | where count > 1"));
    for command in ["sort - count", "eventstats avg(count) as mean", "head 1", "stats max(count) as most by user"] {
        let taken = state(&format!("{COUNT} | {command}")) - one_by_one;
        assert!((100_000..200_000).contains(&taken), "{command}: {taken} bytes for 100 rows");
    }
}

#[test]
fn bd_4_the_detection_that_takes_most_is_closed_early_and_the_others_stay_exact() {
    for (flooded, calm) in [("E", "F"), ("F", "E")] {
        let plans = ["E", "F"].map(|name| plan(name, &format!("eventName={name} | stats count by user")));
        let mut stream = Stream::bounded(plans.into(), 1, 20_000);
        stream.put(0, 1_000, &[named(calm, "f", 500, "calm")]);
        let mut seen = Vec::new();
        for n in 0..200 {
            seen.extend(stream.put(0, 1_001 + n, &[named(flooded, &format!("{n}"), 500, &format!("flood-{n}"))]));
        }
        assert!(stream.engine.counters().forced > 0);
        seen.extend(stream.tip_all(100_000));
        let calm: Vec<_> = seen.iter().filter(|event| event.detection.id == calm).collect();
        let shown: Vec<_> = calm.iter().map(|event| (event.stage, event.pane, event.event_count)).collect();
        assert_eq!(shown, [(Stage::Final, Pane::OnTime, 1)], "{flooded} floods");
    }
}
