//! What a checkpoint says of `H`, `P`, `C` and `R`, to the record and the millisecond (CP-1 to CP-3).

use super::support::{Stream, after, event, plan};
use crate::cloudtrail::{RejectReason, Rejected};
use crate::engine::{Checkpoint, EvaluatedRecord, Input, Output, Position, ShardCheckpoint, ShardId, ShardRef};
use crate::risk_event::{DeliveryKey, Stage};
use crate::time::Arrival;

/// No early stage.
const LATER: &str = "eventName=E | stats count by user | where count < 100";
const AT_ONCE: &str = "eventName=E | stats count by user";

fn row(checkpoint: &Checkpoint, shard: u32) -> ShardCheckpoint {
    checkpoint.shards[&ShardId::new(&format!("shard-{shard}"))].clone()
}

/// Evidence of the tip; nothing that comes of it is sent.
fn see_tip(stream: &mut Stream, shard: u32, read_through: i64) {
    let shard = ShardId::new(&format!("shard-{shard}"));
    stream.engine.handle_input(Input::AtTip { shard, read_through: Arrival(read_through) });
}

/// What is to be delivered, and its stage.
fn deliveries(stream: &mut Stream) -> Vec<DeliveryKey> {
    let outputs = std::iter::from_fn(|| stream.engine.poll_output());
    outputs
        .filter_map(|output| if let Output::Emit(event) = output { Some(event.delivery_key()) } else { None })
        .collect()
}

#[test]
fn cp_3_h_is_the_watermark_but_stays_below_what_is_not_released_and_never_goes_back() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 1);
    let h = |stream: &mut Stream| stream.checkpoint().horizon;
    see_tip(&mut stream, 0, 400);
    assert_eq!(h(&mut stream), Arrival(400));
    stream.read(0, 500, &[event("1", 500, "ann"), event("2", 12_000, "ann")]);
    see_tip(&mut stream, 0, 10_000);
    assert_eq!(h(&mut stream), Arrival(10_000), "the first window closes at 11 s");
    see_tip(&mut stream, 0, 15_000);
    assert_eq!(h(&mut stream), Arrival(10_999), "it is due");
    let [last] = deliveries(&mut stream)[..] else { panic!("one final") };
    assert_eq!((last.stage, h(&mut stream)), (Stage::Final, Arrival(10_999)));
    stream.engine.handle_input(Input::Delivered(last));
    assert_eq!(h(&mut stream), Arrival(15_000));
    see_tip(&mut stream, 0, 50_000);
    assert_eq!(h(&mut stream), Arrival(20_999), "the second one");
    stream.read(0, 50_000, &[event("3", 30_000, "bob")]);
    assert_eq!(h(&mut stream), Arrival(20_999), "a late pane behind it changes nothing");
}

#[test]
fn cp_3_h_does_not_pass_the_first_record_beyond_any_p() {
    let mut stream = Stream::new(vec![plan("a", AT_ONCE)], 2);
    stream.put(0, 1_000, &[event("1", 90_000, "bob")]);
    stream.read(0, 2_000, &[event("2", 90_000, "ann")]);
    let [early] = deliveries(&mut stream)[..] else { panic!("one early risk event") };
    stream.read(0, 3_000, &[event("3", 90_000, "ann")]);
    for shard in [0, 1] {
        see_tip(&mut stream, shard, 8_000);
    }
    let held = stream.checkpoint();
    assert_eq!((held.horizon, row(&held, 0).processed), (Arrival(2_000), after(0, 1)));
    assert_eq!(row(&held, 0).processed_arrival, Arrival(1_000));
    stream.engine.handle_input(Input::Delivered(early));
    let free = stream.checkpoint();
    assert_eq!((free.horizon, row(&free, 0).processed), (Arrival(8_000), after(0, 3)));
    assert_eq!(row(&free, 0).processed_arrival, Arrival(3_000));
}

/// The record that holds is the very first: `P` stays where it was, and `H` behind it.
#[test]
fn cp_3_h_does_not_pass_a_held_record_at_the_start_of_a_shard() {
    let mut stream = Stream::new(vec![plan("a", AT_ONCE)], 1);
    stream.read(0, 2_000, &[event("2", 90_000, "ann")]);
    stream.read(0, 3_000, &[event("3", 90_000, "bob")]);
    see_tip(&mut stream, 0, 8_000);
    let held = stream.checkpoint();
    assert_eq!((held.horizon, row(&held, 0).processed), (Arrival(2_000), Position::Start));
}

#[test]
fn cp_2_h_and_c_wait_for_what_is_still_to_be_told_of_a_window() {
    for bound in [usize::MAX, 0] {
        let mut stream = Stream::bounded(vec![plan("a", LATER)], 1, bound);
        stream.read(0, 500, &[event("1", 500, "ann"), event("2", 500, "bob")]);
        see_tip(&mut stream, 0, 15_000);
        for user in ["ann", "bob"] {
            let held = stream.checkpoint();
            assert_eq!(
                (held.horizon, row(&held, 0).resume_after),
                (Arrival(10_999), Position::Start),
                "{user} {bound}"
            );
            let Some(Output::Emit(told)) = stream.engine.poll_output() else { panic!("the final of {user}") };
            assert_eq!(told.risk_message, user);
            stream.engine.handle_input(Input::Delivered(told.delivery_key()));
        }
        assert!(stream.engine.poll_output().is_none());
        assert_eq!(stream.checkpoint().horizon, Arrival(15_000));
    }
}

#[test]
fn cp_3_h_does_not_go_back_at_a_restart() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 1);
    stream.read(0, 500, &[event("1", 12_000, "ann")]);
    see_tip(&mut stream, 0, 15_000);
    let stored = stream.checkpoint();
    assert_eq!((stored.horizon, row(&stored, 0).effective_arrival), (Arrival(15_000), Arrival::MIN));
    let mut next = Stream::restored(vec![plan("a", LATER)], 1, stored, 0);
    assert_eq!(next.checkpoint().horizon, Arrival(15_000), "however far back the clock is");
}

#[test]
fn cp_1a_an_early_risk_event_of_another_group_holds_nothing_of_this_one() {
    let mut stream = Stream::new(vec![plan("a", AT_ONCE)], 3);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.read(1, 1_000, &[event("2", 500, "bob")]);
    stream.read(2, 1_000, &[event("3", 500, "ann")]);
    let stored = stream.checkpoint();
    assert_eq!([1, 2].map(|shard| row(&stored, shard).processed), [Position::Start, after(0, 1)]);
}

/// Two windows of which the later one holds the earlier record, and a dead letter between them.
#[test]
fn cp_2_c_stands_before_the_oldest_record_that_is_held() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 1);
    stream.read(0, 1_000, &[]);
    stream.read(0, 1_001, &[event("1", 12_000, "ann")]);
    stream.read(0, 1_002, &["no JSON".to_owned()]);
    stream.read(0, 1_003, &[event("2", 500, "ann")]);
    let c = |stream: &mut Stream| {
        let row = row(&stream.checkpoint(), 0);
        (row.resume_after, row.effective_arrival)
    };
    assert_eq!(c(&mut stream), (Position::Start, Arrival::MIN), "an empty record is a dead letter as well");
    stream.tip(0, 2_000);
    assert_eq!(c(&mut stream), (after(0, 1), Arrival(1_000)));
    stream.tip(0, 11_000);
    assert_eq!(c(&mut stream), (after(0, 1), Arrival(1_000)), "the first window is released, the second open");
    stream.tip(0, 21_000);
    assert_eq!(c(&mut stream), (after(0, 4), Arrival(1_003)));
}

#[test]
fn cp_1_r_is_stored_only_where_nothing_is_read_again() {
    let mut stream = Stream::new(vec![plan("a", LATER), plan("b", "eventName=F | stats count by user")], 3);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.read(1, 1_000, &[super::support::named("F", "2", 90_000, "ann")]);
    for shard in 0..3 {
        see_tip(&mut stream, shard, 5_000);
    }
    let stored = |stream: &mut Stream| {
        let checkpoint = stream.checkpoint();
        [0, 1, 2].map(|shard| row(&checkpoint, shard).read_through)
    };
    let idle = Some(Arrival(5_000));
    assert_eq!(stored(&mut stream), [None, None, idle], "an open window, and an early risk event on its way");
    for key in deliveries(&mut stream) {
        stream.engine.handle_input(Input::Delivered(key));
    }
    assert_eq!(stored(&mut stream), [None, None, idle], "two open windows");
    stream.tip_all(20_000);
    let idle = Some(Arrival(20_000));
    assert_eq!(stored(&mut stream), [idle, None, idle]);
}

/// Its end was processed, and its window is still open.
#[test]
fn cp_3_drained_never_goes_back_while_a_shard_is_read_again() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 2);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.engine.handle_input(Input::ShardDrained { shard: ShardId::new("shard-0"), children: vec![] });
    let stored = stream.checkpoint();
    assert_eq!((row(&stored, 0).drained, row(&stored, 1).drained), (true, false));
    assert_eq!((row(&stored, 0).processed, row(&stored, 0).resume_after), (Position::End, Position::Start));
    let mut next = Stream::restored(vec![plan("a", LATER)], 2, stored, 5_000);
    let again = next.checkpoint();
    assert_eq!((row(&again, 0).drained, row(&again, 1).drained), (true, false), "though it is read again");
    assert_eq!(row(&again, 0).processed, Position::End);
}

#[test]
fn cp_1_checkpoints_are_told_apart() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 1);
    let mut tickets: Vec<_> = (0..5).map(|_| stream.engine.checkpoint().0).collect();
    assert!(tickets.is_sorted());
    tickets.dedup();
    assert_eq!(tickets.len(), 5);
}

/// Two checkpoints are on their way at once, and become durable one after the other.
#[test]
fn cp_3_that_one_checkpoint_is_durable_takes_nothing_from_the_next() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 1);
    let first = stream.engine.checkpoint().0;
    stream.change(vec![plan("a", AT_ONCE)]);
    let second = stream.engine.checkpoint().0;
    stream.stored(first);
    assert!(stream.engine.is_changing_plans());
    stream.stored(second);
    assert!(!stream.engine.is_changing_plans(), "the second one holds the change");
}

/// The dead letter of a record that is isolated while it is read again holds `C`; `P` was further already.
#[test]
fn cp_3_p_does_not_go_back_for_a_record_that_is_isolated_in_replay() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 1);
    let records = [1_000, 1_001].map(|arrival| (arrival, [event(&arrival.to_string(), 500, "ann")]));
    records.iter().for_each(|(arrival, events)| drop(stream.put(0, *arrival, events)));
    let stored = stream.checkpoint();
    assert_eq!((row(&stored, 0).resume_after, row(&stored, 0).processed), (Position::Start, after(0, 2)));
    let mut next = Stream::restored(vec![plan("a", LATER)], 1, stored, 5_000);
    let isolated = EvaluatedRecord {
        position: after(0, 1),
        arrival: Arrival(1_000),
        events: vec![],
        decoded: 0,
        rejected: vec![Rejected { reason: RejectReason::KillsProcess, detail: String::new(), bytes: (*b"x").into() }],
    };
    let shard = ShardId::new("shard-0");
    next.engine.handle_input(Input::Isolated { shard, record: Box::new(isolated), told: false });
    let held = next.checkpoint();
    assert_eq!((row(&held, 0).resume_after, row(&held, 0).processed), (Position::Start, after(0, 2)));
    // Behind P, while the dead letter is on its way.
    next.skip_record(0);
    next.read(0, 1_001, &records[1].1);
    next.read(0, 1_002, &[event("3", 500, "ann")]);
    let held = next.checkpoint();
    assert_eq!((row(&held, 0).resume_after, row(&held, 0).processed), (Position::Start, after(0, 2)));
}

#[test]
fn cp_4_what_a_floor_lifted_is_stored_for_every_record_beyond_c() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 1);
    stream.tip(0, 5_000);
    stream.put(0, 4_000, &[event("1", 500, "ann")]);
    stream.put(0, 4_500, &[event("2", 12_000, "ann")]);
    stream.put(0, 6_000, &[event("3", 12_000, "ann")]);
    stream.tip(0, 8_000);
    stream.put(0, 7_000, &[event("4", 12_000, "ann")]);
    let lifts = |stream: &mut Stream| row(&stream.checkpoint(), 0).lifts;
    assert_eq!(lifts(&mut stream), [(after(0, 1), Arrival(5_000)), (after(0, 4), Arrival(8_000))]);
    stream.tip(0, 11_000);
    let held = row(&stream.checkpoint(), 0);
    assert_eq!(
        (held.resume_after, held.lifts),
        (after(0, 1), vec![(after(0, 4), Arrival(8_000))]),
        "C is at the first"
    );
    stream.tip(0, 21_000);
    assert_eq!(lifts(&mut stream), []);
}

#[test]
fn cp_1_a_drained_shard_stays_while_c_is_before_its_end() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 2);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    let [gone, kept] = [0, 1].map(|number| ShardId::new(&format!("shard-{number}")));
    stream.engine.handle_input(Input::ShardDrained { shard: gone.clone(), children: vec![] });
    stream.list_twice(&[ShardRef { shard: kept, parents: vec![] }]);
    for _ in 0..3 {
        assert_eq!(row(&stream.checkpoint(), 0).resume_after, Position::Start, "its window is open");
    }
    stream.tip(1, 11_000);
    assert!(!stream.checkpoint().shards.contains_key(&gone));
}

#[test]
fn cp_4_the_r_of_a_shard_without_records_outlives_a_restart() {
    let mut stream = Stream::new(vec![plan("a", LATER)], 2);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    see_tip(&mut stream, 1, 12_000);
    let read_through = |stream: &mut Stream| row(&stream.checkpoint(), 1).read_through;
    assert_eq!(read_through(&mut stream), Some(Arrival(12_000)));
    let mut next = Stream::restored(vec![plan("a", LATER)], 2, stream.checkpoint(), 0);
    assert_eq!(read_through(&mut next), Some(Arrival(12_000)));
}

/// What lay between `C` and `P` is trimmed: `P` counts as reached (CP-5).
#[test]
fn cp_5_a_shard_whose_end_comes_before_its_p_hands_the_clock_of_p_down() {
    let mut checkpoint = Stream::new(vec![plan("a", LATER)], 1).checkpoint();
    let parent = checkpoint.shards.get_mut(&ShardId::new("shard-0")).expect("it was listed");
    (parent.resume_after, parent.effective_arrival) = (after(0, 1), Arrival(5));
    (parent.processed, parent.processed_arrival) = (after(0, 7), Arrival(12_000));
    let mut next = Stream::restored(vec![plan("a", LATER)], 1, checkpoint, 0);
    let [shard, child] = ["shard-0", "child"].map(ShardId::new);
    let child_of = || ShardRef { shard: child.clone(), parents: vec![shard.clone()] };
    next.engine.handle_input(Input::ShardDrained { shard: shard.clone(), children: vec![child_of()] });
    next.engine.handle_input(Input::ShardsListed(vec![child_of()]));
    assert_eq!(next.checkpoint().shards[&child].effective_arrival, Arrival(12_000));
}
