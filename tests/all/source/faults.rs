//! What goes wrong, and what the source makes of it: nothing is lost, nothing comes twice.

use std::time::Duration;

use tokio::time::Instant;
use trailrisk::config::SourceConfig;
use trailrisk::source::SourceError;

use super::reader::read;
use super::{STREAM, assert_in_order, expected, numbered, wall_millis};
use crate::support::kinesis::{Fault, LocalKinesis};
use crate::support::wait_until;

#[tokio::test]
async fn expired_iterators_are_replaced_without_loss_or_repetition() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.faults().inject("GetRecords", Fault::EXPIRED_ITERATOR, 1);
    kinesis.put(STREAM, numbered(0, 300)).await;
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("what was there", |reader| reader.came.len() >= 300).await;
    kinesis.faults().inject("GetRecords", Fault::EXPIRED_ITERATOR, 2);
    kinesis.put(STREAM, numbered(300, 600)).await;
    reader.until("the rest", |reader| reader.came.len() >= 600).await;
    assert_eq!(reader.texts(), expected(0, 600));
    assert_in_order(&reader);
    assert!(kinesis.faults().calls("GetShardIterator") >= 3);
}

#[tokio::test]
async fn throttles_failures_and_cut_connections_lose_nothing() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    kinesis.put(STREAM, numbered(0, 500)).await;
    for fault in [Fault::THROTTLE, Fault::INTERNAL, Fault::Reset, Fault::Latency(Duration::from_millis(50))] {
        kinesis.faults().inject("GetRecords", fault, 2);
    }
    kinesis.faults().inject("GetShardIterator", Fault::THROTTLE, 1);
    kinesis.faults().inject("GetShardIterator", Fault::Reset, 1);
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("everything", |reader| reader.came.len() >= 500).await;
    assert_eq!(reader.texts(), expected(0, 500));
    assert_in_order(&reader);
    assert!(reader.stalled.is_empty(), "nothing lasted long enough to stall");
}

#[tokio::test]
async fn rd_3_a_hanging_kinesis_stalls_the_shard_until_it_answers_again() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.faults().inject_always("GetRecords", Fault::Hang);
    let config = SourceConfig {
        request_timeout: Duration::from_millis(300),
        stalled_after: Duration::from_millis(700),
        ..kinesis.source_config(STREAM)
    };
    let mut reader = read(&kinesis, &config).await;
    kinesis.put(STREAM, numbered(0, 10)).await;
    reader.until("the stall", |reader| reader.stalled == [true]).await;
    let stalled = || reader.metrics.kinesis_shards.with_label_values(&[STREAM, "stalled"]).get();
    assert_eq!(stalled(), 1);
    assert!(reader.came.is_empty() && reader.tips.is_empty(), "stalled is not idle");
    kinesis.faults().clear();
    reader.until("the records", |reader| reader.came.len() == 10).await;
    assert_eq!(reader.stalled, [true, false]);
    assert_eq!(reader.metrics.kinesis_shards.with_label_values(&[STREAM, "stalled"]).get(), 0);
}

#[tokio::test]
async fn a_refused_read_is_held_and_another_shard_goes_on() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    kinesis.put(STREAM, numbered(0, 200)).await;
    kinesis.faults().inject("GetRecords", Fault::KMS_DISABLED, 1);
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("one shard's records and its tip", |reader| !reader.came.is_empty() && !reader.tips.is_empty()).await;
    let read: std::collections::BTreeSet<_> = reader.came.iter().map(|(shard, _)| shard).collect();
    assert_eq!(read.len(), 1, "the refused shard waits");
    reader.until("the other's after the slow retry", |reader| reader.came.len() >= 200).await;
    assert_eq!(reader.texts(), expected(0, 200));
}

#[tokio::test]
async fn cp_8_a_stream_deleted_and_created_again_ends_the_source() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    let created = wall_millis();
    // Held back, so that the reads find the second stream and not the gap.
    kinesis.faults().inject_always("GetRecords", Fault::THROTTLE);
    kinesis.client().delete_stream().stream_name(STREAM).send().await.expect("the stream is deleted");
    wait_until("another creation time, in seconds", || async { (wall_millis() > created + 1000).then_some(()) }).await;
    wait_until("the name is free again", || async {
        kinesis.client().create_stream().stream_name(STREAM).shard_count(1).send().await.ok()
    })
    .await;
    kinesis.faults().clear();
    let error = reader.failure().await;
    assert!(matches!(error, SourceError::Recreated { .. }), "{error:?}");
}

#[tokio::test]
async fn st_1_a_read_in_flight_does_not_hold_up_the_shutdown() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    kinesis.faults().inject_always("GetRecords", Fault::Hang);
    let reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    wait_until("both shards hang", || async { (kinesis.faults().calls("GetRecords") == 2).then_some(()) }).await;
    let begun = Instant::now();
    reader.source.shutdown().await.expect("no task failed");
    assert!(begun.elapsed() < Duration::from_secs(5), "a request hangs longer: {:?}", begun.elapsed());
}
