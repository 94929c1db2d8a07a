//! RD-1 through real lineage: parents before children, nothing lost, children by `ChildShards`.

use std::time::Duration;

use trailrisk::config::SourceConfig;
use trailrisk::engine::StartPosition;

use super::emulator::Emulator;
use crate::source::reader::{Reader, connect, read};
use crate::source::{assert_in_order, expected, numbered};

#[tokio::test]
async fn rd_1_splits_and_merges_while_running_are_followed_by_the_children_that_answers_name() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "lineage-running";
    kinesis.create_stream(stream, 2).await;
    kinesis.put(stream, numbered(0, 100)).await;
    let config = SourceConfig { list_interval: Duration::from_secs(3600), ..kinesis.source_config(stream) };
    let mut reader = read(&kinesis, &config).await;
    reader.until("the first records", |reader| !reader.came.is_empty()).await;
    kinesis.split(stream, &shard(0)).await;
    kinesis.put(stream, numbered(100, 200)).await;
    reader.until("the end of the parent", |reader| reader.drained.len() == 1).await;
    kinesis.merge(stream, &shard(3), &shard(1)).await;
    kinesis.put(stream, numbered(200, 300)).await;
    reader.until("everything", |reader| reader.came.len() >= 300 && reader.drained.len() == 3).await;
    assert_complete(&reader, 300);
    assert_ended(&reader, &[0, 1, 3]);
    let listings = reader.metrics.kinesis_requests_total.with_label_values(&[stream, "ListShards", "ok"]).get();
    assert_eq!(listings, 1, "the listing of the start; the children came with the ends of their parents");
}

#[tokio::test]
async fn rd_1_generations_that_passed_while_nobody_read_come_parents_first() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "lineage-down";
    kinesis.create_stream(stream, 2).await;
    kinesis.put(stream, numbered(0, 100)).await;
    reshard(&kinesis, stream, 100).await;
    let mut reader = read(&kinesis, &kinesis.source_config(stream)).await;
    reader.until("everything", |reader| reader.came.len() >= 400 && reader.drained.len() == 5).await;
    assert_complete(&reader, 400);
    assert_ended(&reader, &[0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn rd_1_a_reader_that_stopped_goes_on_behind_its_positions_through_the_generations_since() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "lineage-resumed";
    kinesis.create_stream(stream, 2).await;
    kinesis.put(stream, numbered(0, 100)).await;
    let config = kinesis.source_config(stream);
    let mut before = read(&kinesis, &config).await;
    before.until("the first records", |reader| reader.came.len() >= 100).await;
    let (positions, mut came) = (before.positions, before.came);
    before.source.shutdown().await.expect("no task failed");

    reshard(&kinesis, stream, 100).await;
    let mut reader = connect(&kinesis, &config).await.expect("the stream is there");
    reader.positions = positions;
    reader.begin(StartPosition::TrimHorizon).await;
    reader.until("the rest", |reader| reader.came.len() >= 300 && reader.drained.len() == 5).await;
    came.append(&mut reader.came);
    reader.came = came;
    assert_complete(&reader, 400);
    assert_ended(&reader, &[0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn rd_1_update_shard_count_up_and_down_loses_nothing() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "lineage-count";
    kinesis.create_stream(stream, 4).await;
    kinesis.put(stream, numbered(0, 100)).await;
    let mut reader = read(&kinesis, &kinesis.source_config(stream)).await;
    let mut put = 100;
    for shards in [8, 4, 2] {
        kinesis.update_shard_count(stream, shards).await;
        kinesis.put(stream, numbered(put, put + 100)).await;
        put += 100;
    }
    reader.until("everything", |reader| reader.came.len() >= 400 && reader.drained.len() == 16).await;
    assert_complete(&reader, 400);
    assert_eq!(reader.known.len(), 18, "4, their 8, the 4 and then 2 that came of those");
}

/// 0 into 2 and 3, 3 into 4 and 5, 4 and 2 into 6, 1 into 7 and 8: 0, 1, 2, 3 and 4 end, and three times 100 records
/// come, numbered from `put` on.
async fn reshard(kinesis: &Emulator, stream: &str, put: usize) {
    kinesis.split(stream, &shard(0)).await;
    kinesis.put(stream, numbered(put, put + 100)).await;
    kinesis.split(stream, &shard(3)).await;
    kinesis.put(stream, numbered(put + 100, put + 200)).await;
    kinesis.merge(stream, &shard(2), &shard(4)).await;
    kinesis.split(stream, &shard(1)).await;
    kinesis.put(stream, numbered(put + 200, put + 300)).await;
}

fn shard(index: u32) -> String {
    format!("shardId-{index:012}")
}

fn assert_complete(reader: &Reader, put: usize) {
    assert_eq!(reader.texts(), expected(0, put));
    assert_in_order(reader);
    let children = reader.came.iter().filter(|(shard, _)| !reader.known[shard].is_empty()).count();
    assert!(children > 0, "some records are in children");
}

fn assert_ended(reader: &Reader, indices: &[u32]) {
    let mut ended: Vec<_> = reader.drained.iter().map(|shard| shard.as_str().to_owned()).collect();
    ended.sort();
    assert_eq!(ended, indices.iter().map(|index| shard(*index)).collect::<Vec<_>>());
}
