//! RD-4 with the emulator's own iterators at a timestamp.

use trailrisk::config::{SourceConfig, StartConfig};
use trailrisk::engine::StartPosition;
use trailrisk::time::Arrival;

use super::emulator::Emulator;
use crate::source::reader::connect;
use crate::source::{expected, numbered};
use crate::support::{wait_until, wall_millis};

#[tokio::test]
async fn rd_4_latest_begins_at_the_moment_of_the_start_whenever_the_first_read_comes() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "start-latest";
    kinesis.create_stream(stream, 2).await;
    kinesis.put(stream, numbered(0, 50)).await;
    let put = wall_millis();
    let config = SourceConfig { start: StartConfig::Latest, ..kinesis.source_config(stream) };
    let mut reader = connect(&kinesis, &config).await.expect("the stream is there");
    let start = wait_until("Kinesis's clock, which lags up to 1 s, is past the records", || async {
        let start = reader.source.resolve_start().expect("its answers have a Date");
        matches!(start, StartPosition::AtTimestamp(at) if at.0 > put).then_some(start)
    })
    .await;
    kinesis.put(stream, numbered(50, 100)).await;
    reader.begin(start).await;
    reader.until("what was put since", |reader| reader.came.len() >= 50).await;
    assert_eq!(reader.texts(), expected(50, 100));
}

#[tokio::test]
async fn rd_4_at_timestamp_begins_with_the_first_record_at_that_instant_in_every_shard() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "start-timestamp";
    kinesis.create_stream(stream, 2).await;
    kinesis.put(stream, numbered(0, 50)).await;
    let between = wall_millis() + 1;
    wait_until("the next millisecond", || async { (wall_millis() > between).then_some(()) }).await;
    kinesis.put(stream, numbered(50, 100)).await;
    let start = StartConfig::AtTimestamp(Arrival(between));
    let config = SourceConfig { start, ..kinesis.source_config(stream) };
    let mut reader = connect(&kinesis, &config).await.expect("the stream is there");
    let start = wait_until("Kinesis's clock, which lags up to 1 s, is past the instant", || async {
        reader.source.resolve_start().ok()
    })
    .await;
    reader.begin(start).await;
    reader.until("what follows the instant", |reader| reader.came.len() >= 50).await;
    assert_eq!(reader.texts(), expected(50, 100));
}
