//! The source against an in-process Kinesis, over real HTTP.

mod faults;
pub mod reader;
mod start;

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::config::StreamRef;
use trailrisk::engine::Position;

use self::reader::{Reader, connect, read, text};
use crate::support::kinesis::LocalKinesis;
use crate::support::wall_millis;

const STREAM: &str = "trail";

/// `from..to` as records: "key/number", spread over 50 partition keys.
pub fn numbered(from: usize, to: usize) -> Vec<(String, Vec<u8>)> {
    let record = |number: usize| {
        let key = format!("key-{}", number % 50);
        let data = format!("{key}/{number:06}").into_bytes();
        (key, data)
    };
    (from..to).map(record).collect()
}

pub fn expected(from: usize, to: usize) -> Vec<String> {
    let mut texts: Vec<_> =
        numbered(from, to).into_iter().map(|(_, data)| String::from_utf8(data).unwrap_or_default()).collect();
    texts.sort();
    texts
}

/// RD-1: positions ascend within a shard, and the records of a key come in the order in which they were put.
pub fn assert_in_order(reader: &Reader) {
    let mut positions: BTreeMap<_, Position> = BTreeMap::new();
    let mut keys: BTreeMap<String, String> = BTreeMap::new();
    for (shard, record) in &reader.came {
        let before = positions.insert(shard.clone(), record.position.clone());
        assert!(before.is_none_or(|before| before < record.position), "{shard} steps back to {}", record.position);
        let text = text(record);
        let key = text.split('/').next().unwrap_or_default().to_owned();
        let before = keys.insert(key, text.clone());
        assert!(before.is_none_or(|before| before < text), "{text} comes late");
    }
}

#[tokio::test]
async fn rd_1_all_records_of_four_shards_come_once_and_in_order() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 4).await;
    kinesis.put(STREAM, numbered(0, 3000)).await;
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("what was there", |reader| reader.came.len() >= 3000).await;
    kinesis.put(STREAM, numbered(3000, 4000)).await;
    reader.until("what was put meanwhile", |reader| reader.came.len() >= 4000).await;
    assert_eq!(reader.texts(), expected(0, 4000));
    assert_in_order(&reader);
    let shards: BTreeSet<_> = reader.came.iter().map(|(shard, _)| shard).collect();
    assert_eq!(shards.len(), 4);
}

#[tokio::test]
async fn rd_1_a_split_and_a_merge_lose_nothing_and_keep_parents_before_children() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 3).await;
    kinesis.put(STREAM, numbered(0, 500)).await;
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("the first records", |reader| reader.came.len() >= 100).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    kinesis.put(STREAM, numbered(500, 1000)).await;
    kinesis.merge(STREAM, "shardId-000000000001", "shardId-000000000002").await;
    kinesis.put(STREAM, numbered(1000, 1500)).await;
    reader.until("everything", |reader| reader.came.len() >= 1500 && reader.drained.len() == 3).await;
    assert_eq!(reader.texts(), expected(0, 1500));
    assert_in_order(&reader);
    let of_children = reader.came.iter().filter(|(shard, _)| shard.as_str() > "shardId-000000000002").count();
    assert!(of_children >= 500, "what was put last is in the children: {of_children}");
}

#[tokio::test]
async fn a_shard_that_was_closed_before_the_start_is_read_to_its_end() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.put(STREAM, numbered(0, 100)).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    kinesis.put(STREAM, numbered(100, 200)).await;
    kinesis.faults().hide_children();
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("parent and children", |reader| reader.came.len() >= 200).await;
    assert_eq!(reader.texts(), expected(0, 200));
    assert_in_order(&reader);
}

#[tokio::test]
async fn children_that_the_answer_does_not_name_are_found_by_listing() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.faults().hide_children();
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    kinesis.put(STREAM, numbered(0, 100)).await;
    reader.until("the children's records", |reader| reader.came.len() >= 100).await;
    assert_eq!(reader.texts(), expected(0, 100));
}

#[tokio::test]
async fn listings_of_many_pages_are_complete_by_name_and_by_arn() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 7).await;
    kinesis.faults().set_page_size(2);
    let by_name = kinesis.source_config(STREAM);
    let mut reader = connect(&kinesis, &by_name).await.expect("the stream is there");
    let arn = reader.source.description().arn.clone();
    let listed = reader.source.list().await.expect("the shards are listed");
    assert_eq!(kinesis.faults().calls("ListShards"), 4);
    let names: BTreeSet<_> = listed.iter().map(|shard| shard.shard.as_str().to_owned()).collect();
    assert_eq!(names, (0..7).map(|index| format!("shardId-{index:012}")).collect());

    let by_arn = trailrisk::config::SourceConfig { stream: StreamRef::Arn(arn), ..by_name };
    kinesis.put(STREAM, numbered(0, 100)).await;
    let mut reader = read(&kinesis, &by_arn).await;
    reader.until("everything by ARN", |reader| reader.came.len() >= 100).await;
    assert_eq!(reader.texts(), expected(0, 100));
}

#[tokio::test]
async fn rd_3_the_tip_is_proved_by_the_servers_clock() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    let begun = wall_millis();
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("evidence of both shards", |reader| reader.tips.len() == 2).await;
    let now = wall_millis();
    for (shard, read_through) in &reader.tips {
        assert!(*read_through <= now, "{shard}: the evidence lies in the future by {} ms", read_through - now);
        assert!(*read_through >= begun - 1000, "{shard}: the evidence is {} ms too old", begun - read_through);
    }
}

#[tokio::test]
async fn what_the_source_does_can_be_seen_in_the_metrics() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.put(STREAM, [("key".to_owned(), vec![b'x'; 100])]).await;
    kinesis.faults().inject("GetRecords", crate::support::kinesis::Fault::THROTTLE, 1);
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("the record", |reader| reader.came.len() == 1).await;
    let metrics = &reader.metrics;
    let shard = [STREAM, "shardId-000000000000"];
    assert_eq!(metrics.kinesis_records_total.with_label_values(&shard).get(), 1);
    assert_eq!(metrics.kinesis_record_bytes_total.with_label_values(&shard).get(), 100);
    assert_eq!(metrics.kinesis_shards.with_label_values(&[STREAM, "open"]).get(), 1);
    let requests = |outcome| metrics.kinesis_requests_total.with_label_values(&[STREAM, "GetRecords", outcome]).get();
    assert_eq!((requests("throttled"), requests("error")), (1, 0));
    assert!(requests("ok") >= 1);
}
