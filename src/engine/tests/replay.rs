//! CP-5: replay is silent, and what passes in it counts as announced.

use super::support::{Stream, event, plan};
use super::{AT_LEAST_2, COUNT, finals};
use crate::engine::{Input, ShardId};
use crate::risk_event::{RiskEvent, Stage};

/// Stage, user and number of events, of each.
fn told(events: &[RiskEvent]) -> Vec<(Stage, &str, u64)> {
    events.iter().map(|event| (event.stage, &*event.risk_message, event.event_count)).collect()
}

#[test]
fn cp_5_a_row_that_passes_in_replay_is_not_announced_then_nor_later() {
    for (search, first) in [(COUNT, 1), (AT_LEAST_2, 2)] {
        let records = [(1_000, "1"), (1_001, "2")].map(|(arrival, id)| (arrival, [event(id, 500, "ann")]));
        let mut stream = Stream::new(vec![plan("a", search)], 1);
        let announced: Vec<_> = records.iter().flat_map(|(arrival, events)| stream.put(0, *arrival, events)).collect();
        assert_eq!(told(&announced), [(Stage::Early, "ann", first)]);
        let stored = stream.checkpoint();

        let mut next = Stream::restored(vec![plan("a", search)], 1, stored, 5_000);
        let again: Vec<_> = records.iter().flat_map(|(arrival, events)| next.put(0, *arrival, events)).collect();
        assert_eq!(told(&again), [], "{search}");
        assert!(next.put(0, 1_002, &[event("3", 500, "ann")]).is_empty(), "an earlier process has announced it");
        let beyond = next.put(0, 1_003, &[event("4", 500, "bob"), event("5", 500, "bob")]);
        assert_eq!(told(&beyond), [(Stage::Early, "bob", first)]);
        assert_eq!(told(&finals(next.tip_all(11_000))), [(Stage::Final, "ann", 3), (Stage::Final, "bob", 2)]);
    }
}

/// After a stall the others announce, so what the slow one replays may complete what no process has announced.
#[test]
fn cp_5_a_shard_that_was_not_waited_for_announces_what_its_replay_completes() {
    let mut stream = Stream::new(vec![plan("a", AT_LEAST_2)], 2);
    assert!(stream.put(0, 1_000, &[event("1", 500, "ann")]).is_empty());
    assert!(stream.put(1, 1_000, &[event("2", 500, "bob")]).is_empty());
    let stored = stream.checkpoint();

    let mut next = Stream::restored(vec![plan("a", AT_LEAST_2)], 2, stored, 5_000);
    let slow = |stalled| Input::ShardStalled { shard: ShardId::new("shard-1"), stalled };
    next.engine.handle_input(slow(true));
    next.put(0, 1_000, &[event("1", 500, "ann")]);
    let beyond = next.put(0, 1_001, &[event("3", 500, "bob"), event("4", 500, "ann")]);
    assert_eq!(told(&beyond), [(Stage::Early, "ann", 2)], "nobody waits for a shard that stalls");
    next.engine.handle_input(slow(false));
    assert_eq!(told(&next.put(1, 1_000, &[event("2", 500, "bob")])), [(Stage::Early, "bob", 2)]);
}
