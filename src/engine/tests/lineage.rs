//! Splits and merges: who is read when, and with which clock (RD-1, RD-2, semantics 2).

use super::family::{Family, SEARCH, START, of};
use super::support::{Stream, after, event, plan};
use crate::engine::{
    Checkpoint, Engine, EngineConfig, Input, Output, Position, ShardId, ShardLife, StartPosition, Timing,
};
use crate::risk_event::{Pane, Stage};
use crate::time::Arrival;

#[test]
fn rd_1_a_child_of_two_is_read_when_both_are_drained() {
    let mut family = Family::new(&[of("a", ""), of("b", ""), of("c", "a b")]);
    assert_eq!(family.names(), ["a", "b"]);
    assert_eq!(family.lives(), [ShardLife::Reading, ShardLife::Reading, ShardLife::Waiting]);
    family.drain("c", &[]);
    assert_eq!(family.lives()[2], ShardLife::Waiting, "what is not read has no end yet");
    family.drain("a", &[of("c", "a b")]);
    assert_eq!(family.names(), [""; 0]);
    family.drain("b", &[of("c", "a b")]);
    assert_eq!(family.names(), ["c"]);
    assert_eq!(family.lives(), [ShardLife::Drained, ShardLife::Drained, ShardLife::Reading]);
}

/// The other parent may be younger than the latest listing, the child of a shard that is still read.
#[test]
fn rd_1_a_parent_that_a_listing_of_its_child_does_not_know_counts_as_drained_and_before_it_none_does() {
    let mut family = Family::new(&[of("a", ""), of("orphan", "gone")]);
    assert_eq!(family.names(), ["a", "orphan"]);
    family.drain("a", &[of("c", "a unknown")]);
    assert_eq!(family.names(), [""; 0]);
    family.list(&[of("a", ""), of("orphan", "gone")]);
    assert_eq!(family.names(), [""; 0], "that listing is older than it");
    family.list(&[of("orphan", "gone"), of("c", "a unknown")]);
    assert_eq!(family.names(), ["c"]);
}

#[test]
fn rd_4_only_what_the_first_listing_shows_begins_where_reading_was_to_begin() {
    let mut family = Family::new(&[of("a", ""), of("b", "a")]);
    let begins = |name: &str, start| (name.to_owned(), Position::Start, start);
    assert_eq!(family.opened(), [begins("a", START)]);
    family.drain("a", &[of("c", "a")]);
    let children = [begins("b", START), begins("c", StartPosition::TrimHorizon)];
    assert_eq!(family.opened(), children);
    family.list(&[of("a", ""), of("b", "a"), of("c", "a"), of("d", "")]);
    assert_eq!(family.opened(), [begins("d", StartPosition::TrimHorizon)]);

    let stored = family.engine.checkpoint().1;
    let mut next = Family::restored(stored).listing(&[of("a", ""), of("b", "a"), of("c", "a"), of("e", "")]);
    let again = next.opened();
    assert!(
        again.contains(&begins("b", START)) && again.contains(&begins("e", StartPosition::TrimHorizon)),
        "{again:?}"
    );
}

#[test]
fn semantics_2_a_childs_clock_begins_as_the_largest_of_its_parents() {
    let late = |latest: &str| {
        let mut family = Family::new(&[of("a", ""), of("b", ""), of("c", "a b")]);
        let other = if latest == "a" { "b" } else { "a" };
        family.read(latest, 11_000, &event("1", 10_900, "ann"));
        family.read(other, 1_000, &event("2", 500, "ann"));
        family.tip(other, 20_000);
        for parent in ["a", "b"] {
            family.drain(parent, &[]);
        }
        assert_eq!((family.read_through("c"), family.watermark()), (Arrival(20_000), Arrival(20_000)));
        // Of a window that closes at 11 s of arrival: the effective arrival of either parent is enough.
        family.read("c", 10_500, &event("3", 600, "ann"));
        let (told, _) = family.settle();
        told.iter().any(|event| matches!(event.pane, Pane::Late(_)))
    };
    assert!(late("a") && late("b"));
}

#[test]
fn rd_1_a_shard_leaves_the_watermark_only_when_its_children_are_in() {
    let mut family = Family::new(&[of("a", ""), of("b", "")]);
    family.tip("a", 5_000);
    family.tip("b", 9_000);
    assert_eq!(family.watermark(), Arrival(5_000));
    family.drain("a", &[of("c", "a"), of("d", "a")]);
    assert_eq!(family.watermark(), Arrival(5_000), "the children begin where it ended");
    family.tip("c", 8_000);
    assert_eq!(family.watermark(), Arrival(5_000));
    family.tip("d", 7_000);
    assert_eq!(family.watermark(), Arrival(7_000));
    // A child that waits for a listing holds it as well.
    family.drain("d", &[of("e", "d unknown")]);
    family.tip("b", 50_000);
    family.tip("c", 60_000);
    assert_eq!(family.watermark(), Arrival(7_000));
    family.list(&[of("b", ""), of("c", "a"), of("e", "d unknown")]);
    family.tip("e", 40_000);
    assert_eq!(family.watermark(), Arrival(40_000));
}

#[test]
fn rd_2_a_shard_found_late_begins_at_the_watermark_and_does_not_turn_it_back() {
    let mut family = Family::new(&[of("a", "")]);
    family.tip("a", 5_000);
    family.list(&[of("a", ""), of("found", "")]);
    assert_eq!((family.read_through("found"), family.watermark()), (Arrival(5_000), Arrival(5_000)));
    family.tip("a", 9_000);
    assert_eq!(family.watermark(), Arrival(5_000), "it is waited for from then on");
    assert_eq!(family.engine.counters().tip_slack_violations, 0);
    family.read("found", 4_999, &event("1", 4_000, "ann"));
    assert_eq!(family.engine.counters().tip_slack_violations, 1, "lifted, and counted");
}

#[test]
fn rd_2_before_the_first_listing_there_is_no_watermark() {
    let mut family = Family::new(&[of("a", "")]);
    family.read("a", 1_000, &event("1", 500, "ann"));
    family.tip("a", 20_000);
    family.settle();
    let stored = family.engine.checkpoint().1;
    let mut next = Family::restored(stored);
    let shard = ShardId::new("a");
    next.engine.handle_input(Input::ShardStalled { shard, stalled: false });
    assert_eq!((next.watermark(), next.names()), (Arrival::MIN, vec![]));
    next.list(&[of("a", "")]);
    assert_eq!(next.names(), ["a"]);
    assert_eq!(next.watermark(), Arrival(20_000));
}

/// The replay of an ancestor would wait for the child (CP-5), the child for the ancestor's end (RD-1).
#[test]
fn cp_1a_a_childs_p_stays_at_its_start_until_that_of_every_ancestor_is_its_end() {
    let mut family = Family::new(&[of("a", ""), of("b", "")]);
    family.read("a", 1_000, &event("1", 500, "ann"));
    let Some(Output::Emit(early)) =
        std::iter::from_fn(|| family.engine.poll_output()).find(|output| matches!(output, Output::Emit(_)))
    else {
        panic!("the early risk event of ann")
    };
    family.drain("a", &[of("c", "a")]);
    family.read("c", 1_100, &event("2", 600, "bob"));
    family.drain("c", &[of("d", "b c")]);
    family.drain("b", &[of("d", "b c")]);
    family.read("d", 1_200, &event("3", 700, "cat"));
    family.settle();
    let start = Position::Start;
    assert_eq!(family.processed(), [start.clone(), Position::End, start.clone(), start]);
    family.engine.handle_input(Input::Delivered(early.delivery_key()));
    let end = Position::End;
    assert_eq!(family.processed(), [end.clone(), end.clone(), end, after(0, 1)]);
}

#[test]
fn cp_1_what_is_drained_is_not_read_again_and_its_children_are() {
    let mut family = Family::new(&[of("a", "")]);
    family.read("a", 1_000, &event("1", 500, "ann"));
    family.drain("a", &[of("b", "a")]);
    family.tip("b", 20_000);
    assert_eq!(family.settle().0.iter().filter(|event| event.stage == Stage::Final).count(), 1);
    let stored = family.engine.checkpoint().1;
    let mut next = Family::restored(stored).listing(&[of("a", ""), of("b", "a")]);
    assert_eq!(next.names(), ["b"]);
    assert_eq!(next.lives(), [ShardLife::Drained, ShardLife::Reading]);
    assert_eq!(next.watermark(), Arrival(20_000), "nothing is held, so the evidence of the tip counts");
}

/// Though its parent is read again, and is ahead of it: it is a shard that is not drained, and its windows are open.
#[test]
fn semantics_2_a_child_that_waits_for_its_parents_second_reading_holds_the_watermark() {
    let mut family = Family::new(&[of("a", "")]);
    let (ann, bob) = (event("1", 500, "ann"), event("2", 600, "bob"));
    family.read("a", 1_000, &ann);
    family.drain("a", &[of("b", "a")]);
    family.read("b", 1_100, &bob);
    family.settle();
    let stored = family.engine.checkpoint().1;
    let mut next = Family::restored(stored).listing(&[of("a", ""), of("b", "a")]);
    assert_eq!(next.names(), ["a"], "its window is open");
    next.read("a", 1_000, &ann);
    next.tip("a", 50_000);
    assert_eq!(next.watermark(), Arrival(1_000));
    let finals = |family: &mut Family| family.settle().0.iter().filter(|event| event.stage == Stage::Final).count();
    assert_eq!(finals(&mut next), 0);
    next.drain("a", &[of("b", "a")]);
    next.read("b", 1_100, &bob);
    next.tip("b", 50_000);
    assert_eq!(finals(&mut next), 2);
}

#[test]
fn cp_4_after_a_restart_reading_begins_at_c() {
    let mut family = Family::new(&[of("a", ""), of("b", "")]);
    family.read("a", 1_000, &event("1", 500, "ann"));
    family.read("a", 1_001, &event("2", 20_000, "ann"));
    family.read("b", 1_002, &event("3", 500, "bob"));
    for shard in ["a", "b"] {
        family.tip(shard, 12_000);
    }
    family.settle();
    let stored = family.engine.checkpoint().1;
    let mut next = Family::restored(stored).listing(&[of("a", ""), of("b", "")]);
    let read = next.opened().into_iter().map(|(_, after, _)| after).collect::<Vec<_>>();
    assert_eq!(read, [after(0, 1), after(0, 1)], "the first window is released, the second holds its record");
}

#[test]
fn cp_1_what_an_earlier_process_had_drained_leaves_the_checkpoint_when_it_is_no_longer_listed() {
    let mut family = Family::new(&[of("a", "")]);
    family.drain("a", &[of("b", "a")]);
    let stored = family.engine.checkpoint().1;
    let mut next = Family::restored(stored).listing(&[of("a", ""), of("b", "a")]);
    next.processed();
    assert_eq!(next.engine.checkpoint().1.shards.len(), 2, "it is listed");
    next.list(&[of("b", "a")]);
    assert_eq!(next.processed().len(), 2, "one listing alone may lack it");
    next.list(&[of("a", ""), of("b", "a")]);
    next.list(&[of("b", "a")]);
    assert_eq!(next.processed().len(), 2, "another has shown it again");
    next.list(&[of("b", "a")]);
    assert_eq!(next.processed(), [Position::Start], "b alone");

    let mut family = Family::new(&[of("a", "")]);
    family.drain("a", &[of("b", "a")]);
    let mut next = Family::restored(family.engine.checkpoint().1).listing(&[of("b", "a")]).listing(&[of("b", "a")]);
    assert_eq!(next.processed(), [Position::Start], "the first listings of the next process show it no longer");
}

/// A child is named at the end of its parent, by a listing, or by both.
#[test]
fn cp_1_a_checkpoint_holds_parents_and_children() {
    let mut family = Family::new(&[of("a", ""), of("b", "a")]);
    family.drain("a", &[of("b", "a"), of("c", "a")]);
    family.list(&[of("a", ""), of("b", "a"), of("c", "a"), of("d", "a")]);
    let stored = family.engine.checkpoint().1;
    let lineage = |stored: &Checkpoint, shard: &str| {
        let row = &stored.shards[&ShardId::new(shard)];
        (row.parents.clone(), row.children.clone())
    };
    let children = ["b", "c", "d"].map(ShardId::new).to_vec();
    assert_eq!(lineage(&stored, "a"), (vec![], children));
    assert_eq!(lineage(&stored, "c"), (vec![ShardId::new("a")], vec![]));
    let mut next = Family::restored(stored.clone());
    assert_eq!(next.engine.checkpoint().1.shards, stored.shards);
}

#[test]
fn rd_3_a_shard_whose_records_wait_or_that_is_at_its_end_gives_no_evidence() {
    let mut family = Family::new(&[of("a", ""), of("b", ""), of("c", "")]);
    family.read("a", 1_000, &event("1", 500, "ann"));
    family.engine.handle_input(Input::PlansChanged(vec![plan("a", "eventName=F | stats count by user")]));
    family.read("a", 1_001, &event("2", 600, "ann"));
    family.tip("b", 2_000);
    family.drain("b", &[]);
    for shard in ["a", "b", "c"] {
        family.tip(shard, 5_000);
    }
    let through = ["a", "b", "c"].map(|shard| family.read_through(shard));
    assert_eq!(through, [1_000, 2_000, 5_000].map(Arrival), "a is frozen, b has ended");
}

/// Nothing follows the end of a batch; on a live stream children may.
#[test]
fn semantics_6_windows_close_at_the_end_of_a_batch_and_not_where_all_live_shards_have_ended() {
    let finals = |timing: Timing| {
        let mut family = Family::new(&[]);
        let config = EngineConfig { timing, ..Stream::config("source", usize::MAX, Arrival::MIN) };
        family.engine = Engine::new(config, vec![plan("a", SEARCH)]);
        family.list(&[of("a", "")]);
        family.read("a", 1_000, &event("1", 500, "ann"));
        family.drain("a", &[]);
        let told = family.settle().0;
        told.iter().filter(|event| event.stage == Stage::Final).count()
    };
    assert_eq!([finals(Timing::Batch), finals(Timing::Live)], [1, 0]);
}
