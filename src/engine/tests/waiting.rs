//! CP-5, WN-7: which records wait inside the engine, and until when.

use super::support::{Stream, after, event, plan};
use super::{COUNT, turnover::changed};
use crate::engine::{Input, ShardId};
use crate::time::Arrival;

fn shard(number: u32) -> ShardId {
    ShardId::new(&format!("shard-{number}"))
}

/// The event of a shard's first record.
fn first(number: u32) -> [String; 1] {
    [event(&number.to_string(), 500, "ann")]
}

/// The next process after one that read a record of each shard, all of which are read again.
fn restarted(shards: u32) -> Stream {
    let mut stream = Stream::new(vec![plan("a", COUNT)], shards);
    (0..shards).for_each(|number| drop(stream.put(number, 1_000, &first(number))));
    let stored = stream.checkpoint();
    Stream::restored(vec![plan("a", COUNT)], shards, stored, 0)
}

/// Who would wait for what is trimmed would wait for ever.
#[test]
fn cp_5_a_record_beyond_p_says_that_nothing_is_left_before_it() {
    let mut next = restarted(1);
    next.skip_record(0);
    assert!(next.engine.is_replaying());
    next.put(0, 1_001, &[event("9", 500, "bob")]);
    assert_eq!((next.engine.counters().records, next.engine.is_replaying()), (1, false));
}

#[test]
fn cp_5_once_the_wait_for_the_others_is_over_it_does_not_come_back() {
    let mut next = restarted(2);
    let stall = |stalled| Input::ShardStalled { shard: shard(1), stalled };
    next.engine.handle_input(stall(true));
    next.put(0, 1_000, &first(0));
    next.put(0, 1_001, &[event("8", 500, "bob")]);
    assert_eq!(next.engine.counters().records, 2, "nobody waits for a shard that stalls");
    next.engine.handle_input(stall(false));
    assert!(next.engine.is_replaying());
    assert!(!next.engine.next_waits(&shard(0), &after(0, 3), Arrival(1_002)));
    next.put(0, 1_002, &[event("9", 500, "bob")]);
    assert_eq!(next.engine.counters().records, 3);
}

/// Shard 1 waits for shard 2 alone, shard 0 for the change, too.
#[test]
fn wn_7_what_waits_for_a_change_keeps_no_other_shard_waiting() {
    let mut next = restarted(3);
    (0..2).for_each(|number| drop(next.put(number, 1_000, &first(number))));
    next.put(1, 1_500, &[event("8", 500, "bob")]);
    next.change(vec![changed()]);
    next.put(0, 1_501, &[event("9", 500, "bob")]);
    let parked = |next: &Stream| [0, 1].map(|number| next.engine.has_parked(&shard(number)));
    assert_eq!(parked(&next), [true, true]);
    next.put(2, 1_000, &first(2));
    assert_eq!(parked(&next), [true, false]);
    next.checkpoint();
    assert_eq!(parked(&next), [false, false]);
}

/// RD-1: records of a shard are processed in order, whatever their arrivals.
#[test]
fn rd_1_what_follows_a_record_that_waits_for_a_change_waits_as_well() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    stream.put(0, 1_000, &first(0));
    stream.change(vec![changed()]);
    assert!(!stream.engine.next_waits(&shard(0), &after(0, 2), Arrival(1_000)), "it stands before the cut");
    stream.put(0, 1_001, &[event("8", 500, "bob")]);
    assert!(stream.engine.next_waits(&shard(0), &after(0, 3), Arrival(1_000)));
}
