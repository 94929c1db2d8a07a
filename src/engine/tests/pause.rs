//! BD-2: who waits for whom while state is short.

use super::support::{Stream, event, plan};
use crate::engine::{Input, ShardId};
use crate::time::Arrival;

/// Nothing is told before the close, so that the state is what the groups take.
const SEARCH: &str = "eventName=E | stats count by user | where count < 100";
/// Of a window that closes at 201 s.
const AHEAD: i64 = 200_000;

fn shard(number: u32) -> ShardId {
    ShardId::new(&format!("shard-{number}"))
}

fn crowd() -> Vec<String> {
    (0..50).map(|user| event(&user.to_string(), AHEAD - 5_000, &format!("user{user}"))).collect()
}

/// Shard 0 has brought many groups at 200 s; the state is at nine tenths of its bound, or of one that is far away.
fn crowded(shards: u32, is_short: bool) -> Stream {
    let events = crowd();
    let mut roomy = Stream::new(vec![plan("a", SEARCH)], 1);
    roomy.put(0, AHEAD, &events);
    let bytes = roomy.engine.gauges().state_bytes;
    let mut stream =
        Stream::bounded(vec![plan("a", SEARCH)], shards, if is_short { bytes / 9 * 10 } else { bytes * 2 });
    stream.put(0, AHEAD, &events);
    stream
}

fn stall(stream: &mut Stream, number: u32, stalled: bool) {
    stream.engine.handle_input(Input::ShardStalled { shard: shard(number), stalled });
}

fn paused(stream: &Stream, shards: u32) -> Vec<bool> {
    (0..shards).map(|number| stream.engine.is_paused(&shard(number))).collect()
}

#[test]
fn bd_2_a_shard_far_ahead_of_the_slowest_pauses_until_that_comes_near() {
    let mut stream = crowded(2, true);
    stream.tip(1, 100_000);
    assert_eq!(paused(&stream, 2), [true, false]);
    stream.tip(1, AHEAD - 60_000);
    assert_eq!(paused(&stream, 2), [false, false], "a minute apart they are read side by side");
}

#[test]
fn bd_2_it_goes_on_as_well_when_the_state_is_no_longer_short() {
    let mut stream = crowded(2, true);
    stream.put(1, 100_000, &[event("1", 99_000, "ann")]);
    assert_eq!(paused(&stream, 2), [true, false]);
    stream.tip(0, 1_000_000);
    assert!(stream.engine.is_paused(&shard(0)));
    assert!(!stream.tip(1, AHEAD + 1_000).is_empty(), "the window closes");
    assert_eq!(stream.engine.ceiling(), None, "and the state is empty, however far shard 0 is ahead");
}

#[test]
fn bd_2_nobody_pauses_while_there_is_room() {
    let mut stream = crowded(2, false);
    stream.tip(1, 100_000);
    assert_eq!((stream.engine.ceiling(), paused(&stream, 2)), (None, vec![false, false]));
}

/// Who waits for the replay of the others may be the one that holds the watermark.
#[test]
fn bd_2_nobody_pauses_while_records_are_read_again() {
    let slow = [event("99", 99_000, "zed")];
    let mut stream = crowded(2, false);
    stream.put(1, 100_000, &slow);
    let stored = stream.checkpoint();
    let mut next = Stream::restored(vec![plan("a", SEARCH)], 2, stored, 0);
    next.put(0, AHEAD, &crowd());
    next.engine.config.max_state_bytes = next.engine.gauges().state_bytes;
    assert!(next.engine.is_replaying());
    assert_eq!((next.engine.ceiling(), paused(&next, 2)), (None, vec![false, false]));
    next.put(1, 100_000, &slow);
    assert_eq!(paused(&next, 2), [true, false]);
}

#[test]
fn bd_2_a_shard_that_was_never_read_is_waited_for() {
    let stream = crowded(2, true);
    assert_eq!(paused(&stream, 2), [true, false]);
}

/// Waiting for a shard that cannot be read would blind all others for as long.
#[test]
fn bd_2_a_stalled_shard_is_not_waited_for_unless_another_one_is_as_far_behind() {
    let mut stream = crowded(3, true);
    stream.tip(1, 100_000);
    stream.tip(2, 150_000);
    stall(&mut stream, 1, true);
    assert_eq!(paused(&stream, 3), [false; 3]);
    stall(&mut stream, 1, false);
    assert_eq!(paused(&stream, 3), [true, false, false], "it is read again");
    stall(&mut stream, 1, true);
    stall(&mut stream, 2, true);
    stream.tip(1, 150_000);
    assert_eq!(paused(&stream, 3), [false; 3]);
    stall(&mut stream, 2, false);
    stream.tip(0, 300_000);
    assert_eq!(paused(&stream, 3), [true, false, false], "shard 2 holds the watermark and is read");
}

#[test]
fn bd_2_whatever_pauses_there_is_somebody_who_holds_the_watermark_and_reads() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut pauses = 0;
    for _ in 0..200 {
        let mut stream = crowded(5, true);
        for _ in 0..20 {
            let number = random.u32(..5);
            if random.u8(..4) == 0 {
                stall(&mut stream, number, random.bool());
            } else {
                stream
                    .engine
                    .handle_input(Input::AtTip { shard: shard(number), read_through: Arrival(random.i64(..AHEAD)) });
            }
            let paused = paused(&stream, 5);
            if !paused.contains(&true) {
                continue;
            }
            pauses += 1;
            let watermark = stream.engine.gauges().watermark;
            let progress = stream.engine.shard_progress();
            let reads = progress.iter().zip(&paused).any(|(shard, paused)| {
                shard.read_through == watermark && !shard.stalled && !paused && shard.paused == *paused
            });
            assert!(reads, "{progress:?}");
        }
    }
    assert!(pauses > 500, "{pauses}");
}

/// Whoever reads a shard on while records of it wait would fill the memory with more of them.
#[test]
fn wn_7_records_that_wait_for_a_change_to_be_durable_are_known_to_wait() {
    let mut stream = Stream::new(vec![plan("a", SEARCH)], 2);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.change(vec![plan("a", "eventName=F | stats count by user")]);
    let parked = |stream: &Stream| [0, 1].map(|number| stream.engine.has_parked(&shard(number)));
    assert_eq!(parked(&stream), [false, false], "nothing stands behind the change yet");
    stream.put(0, 1_001, &[event("2", 600, "ann")]);
    assert_eq!(parked(&stream), [true, false]);
    stream.checkpoint();
    assert_eq!(parked(&stream), [false, false]);
    assert!(!stream.engine.has_parked(&shard(9)), "a shard that nobody knows has none");
}

#[test]
fn bd_2_only_a_shard_that_is_read_is_shown_as_paused() {
    let mut stream = crowded(2, true);
    stream.tip(1, 100_000);
    let shown = |stream: &Stream| -> Vec<bool> {
        stream.engine.shard_progress().into_iter().map(|shard| shard.paused).collect()
    };
    assert_eq!(shown(&stream), [true, false]);
    stream.engine.handle_input(Input::ShardDrained { shard: shard(0), children: vec![] });
    assert_eq!(shown(&stream), [false, false], "far ahead, but at its end");
}
