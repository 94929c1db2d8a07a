//! What people are shown.

use super::support::{Stream, event, plan};
use crate::engine::{Input, OpenWindows, ShardId, ShardLife, WatermarkHold};
use crate::time::Arrival;

const SEARCH: &str = "eventName=E | stats count by user";

fn stream(shards: u32) -> Stream {
    Stream::new(vec![plan("d", SEARCH), plan("e", "eventName=Other | stats count by user")], shards)
}

fn held_by(stream: &Stream) -> Option<WatermarkHold> {
    stream.engine.watermark_hold()
}

#[test]
fn rd_2_the_watermark_waits_for_the_shard_that_is_processed_least_far() {
    let shard = |name: &str| Some(WatermarkHold::Shard(ShardId::new(name)));
    let mut stream = stream(3);
    stream.tip(0, 5_000);
    assert_eq!(held_by(&stream), shard("shard-1"), "never read; of two the first");
    stream.tip(1, 3_000);
    stream.tip(2, 4_000);
    assert_eq!(held_by(&stream), shard("shard-1"));
    stream.tip(1, 9_000);
    assert_eq!(held_by(&stream), shard("shard-2"));
    for name in ["shard-0", "shard-1", "shard-2"] {
        stream.engine.handle_input(Input::ShardDrained { shard: ShardId::new(name), children: vec![] });
    }
    assert_eq!(held_by(&stream), None, "nothing is waited for");
}

#[test]
fn wn_7_a_change_of_detections_holds_the_watermark_until_it_is_durable() {
    let mut stream = stream(1);
    stream.tip(0, 5_000);
    stream.change(vec![plan("d", "eventName=F | stats count by user")]);
    stream.tip(0, 9_000);
    assert_eq!(held_by(&stream), Some(WatermarkHold::Reload));
    stream.checkpoint();
    assert_eq!(held_by(&stream), Some(WatermarkHold::Shard(ShardId::new("shard-0"))));
}

#[test]
fn open_windows_are_counted_by_plan_until_they_close() {
    let mut stream = stream(1);
    stream.put(0, 1_000, &[event("1", 1_000, "a"), event("2", 2_000, "b")]);
    stream.put(0, 12_000, &[event("3", 12_000, "a")]);
    let [open, other] = stream.engine.open_windows()[..] else { panic!("two plans") };
    // Windows of 10 s, the first of which was closed by its grace of 1 s.
    assert_eq!((open.instances, open.groups, open.next_close), (1, 1, Some(Arrival(21_000))));
    assert_eq!(open.bytes, stream.engine.gauges().state_bytes);
    assert_eq!(other, OpenWindows::default());
}

#[test]
fn rd_3_shards_show_how_far_they_are_and_whether_they_stall() {
    let mut stream = stream(2);
    stream.tip(0, 5_000);
    stream.engine.handle_input(Input::ShardStalled { shard: ShardId::new("shard-1"), stalled: true });
    stream.engine.handle_input(Input::ShardStalled { shard: ShardId::new("shard-0"), stalled: true });
    stream.engine.handle_input(Input::ShardDrained { shard: ShardId::new("shard-0"), children: vec![] });
    let shown: Vec<_> = stream
        .engine
        .shard_progress()
        .into_iter()
        .map(|shard| (shard.life, shard.read_through, shard.stalled))
        .collect();
    assert_eq!(shown, [(ShardLife::Drained, Arrival(5_000), false), (ShardLife::Reading, Arrival::MIN, true)]);
    let shards: Vec<_> = stream.engine.shards().map(|(id, through, drained)| (&*id.0, through, drained)).collect();
    assert_eq!(shards, [("shard-0", Arrival(5_000), true), ("shard-1", Arrival::MIN, false)]);
}

#[test]
fn the_stream_is_shown_by_its_own_name_not_by_the_logical_one() {
    let stream = Stream::named("logical", vec![plan("d", SEARCH)], 1);
    assert_eq!(stream.engine.stream_name(), "stream");
}
