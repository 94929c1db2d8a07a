//! Semantics 2: the clocks of shards that follow each other, and of those that are waited for.

use super::family::{Family, START, of};
use super::support::event;
use crate::engine::{Input, Position, ShardId, StartPosition};
use crate::risk_event::Stage;
use crate::time::Arrival;

#[test]
fn cp_1_a_childs_row_begins_with_the_largest_effective_arrival_of_its_parents() {
    for (a, b) in [(5_000, 3_000), (3_000, 5_000)] {
        let mut family = Family::new(&[of("a", ""), of("b", ""), of("c", "a b")]);
        family.read("a", a, &event("1", 90_000, "ann"));
        family.read("b", b, &event("2", 90_000, "ann"));
        family.settle();
        ["a", "b"].iter().for_each(|parent| family.drain(parent, &[]));
        let row = family.engine.checkpoint().1.shards.remove(&ShardId::new("c")).expect("it is known");
        assert_eq!((row.effective_arrival, row.processed_arrival), (Arrival(5_000), Arrival(5_000)));
    }
}

#[test]
fn semantics_2_a_child_that_waits_holds_nothing_while_its_parent_is_read() {
    let mut family = Family::new(&[of("a", ""), of("c", "a")]);
    family.tip("a", 5_000);
    assert_eq!(family.watermark(), Arrival(5_000));
}

#[test]
fn rd_4_an_empty_listing_is_the_first_one_too() {
    let mut family = Family::new(&[]);
    family.list(&[of("a", "")]);
    let begins = |start| ("a".to_owned(), Position::Start, start);
    assert_eq!(family.opened(), [begins(StartPosition::TrimHorizon)]);
    assert_eq!(Family::new(&[of("a", "")]).opened(), [begins(START)]);
}

/// Of the parent `P` is its end, so that the child's is beyond its start.
#[test]
fn cp_5_nobody_waits_for_a_child_of_a_shard_that_stalls() {
    let mut family = Family::new(&[of("a", ""), of("b", "")]);
    family.read("a", 1_000, &event("1", 90_000, "ann"));
    family.read("b", 1_000, &event("2", 90_000, "bob"));
    family.drain("a", &[of("c", "a")]);
    family.read("c", 1_000, &event("3", 90_000, "cat"));
    family.settle();
    let stored = family.engine.checkpoint().1;
    assert!(stored.shards.values().all(|row| row.processed != Position::Start && row.resume_after == Position::Start));

    let mut next = Family::restored(stored).listing(&[of("a", ""), of("b", ""), of("c", "a")]);
    next.read("b", 1_000, &event("2", 90_000, "bob"));
    next.read("b", 1_001, &event("4", 90_000, "dan"));
    assert!(next.settle().0.is_empty(), "shard a has not reached its P");
    next.engine.handle_input(Input::ShardStalled { shard: ShardId::new("a"), stalled: true });
    let told: Vec<_> = next.settle().0.into_iter().map(|event| (event.stage, event.risk_message)).collect();
    assert_eq!(told, [(Stage::Early, "dan".to_owned())]);
}

/// Along splits and merges the ways to an ancestor double with each generation. The youngest has the first name, and is
/// looked at first.
#[test]
fn cp_5_each_ancestor_is_looked_at_once() {
    let name = |part: &str, left: u32| format!("{left:02}-{part}");
    let (generations, root) = (64, name("merged", 64));
    let mut listing = vec![of(&root, "")];
    let mut family = Family::new(&listing);
    family.read(&root, 1_000, &event("0", 90_000, "ann"));
    for left in (0..generations).rev() {
        let (parent, halves) = (name("merged", left + 1), ["first", "second"].map(|part| name(part, left)));
        let split = [of(&halves[0], &parent), of(&halves[1], &parent)];
        let merged = [of(&name("merged", left), &halves.join(" "))];
        family.drain(&parent, &split);
        halves.iter().for_each(|half| family.drain(half, &merged));
        listing.extend(split.into_iter().chain(merged));
    }
    family.read(&name("merged", 0), 1_000, &event("1", 90_000, "bob"));
    family.settle();
    let stored = family.engine.checkpoint().1;
    let mut next = Family::restored(stored).listing(&listing);
    assert!(next.engine.is_replaying());
    next.engine.handle_input(Input::ShardStalled { shard: ShardId::new(&root), stalled: true });
    assert!(!next.engine.is_replaying());
}
