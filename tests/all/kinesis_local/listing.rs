//! The listing over more pages than one: kinesis-local gives 100 shards a page.

use std::collections::BTreeSet;

use trailrisk::config::{SourceConfig, StreamRef};

use super::emulator::Emulator;
use crate::source::reader::connect;

#[tokio::test]
async fn rd_2_more_shards_than_a_page_holds_are_listed_with_the_closed_ones_by_name_and_by_arn() {
    let Some(kinesis) = Emulator::get().await else { return };
    let stream = "listing";
    kinesis.create_stream(stream, 130).await;
    kinesis.split(stream, "shardId-000000000042").await;
    let by_name = kinesis.source_config(stream);
    let mut reader = connect(&kinesis, &by_name).await.expect("the stream is there");
    let arn = reader.source.description().arn.clone();
    let listed = reader.source.list().await.expect("the shards are listed");
    let pages =
        |outcome| reader.metrics.kinesis_requests_total.with_label_values(&[stream, "ListShards", outcome]).get();
    assert_eq!((pages("ok"), pages("error")), (2, 0));
    let names: BTreeSet<_> = listed.iter().map(|listed| listed.shard.as_str().to_owned()).collect();
    assert_eq!(names, (0..132).map(|index| format!("shardId-{index:012}")).collect());
    let children: Vec<_> = listed.iter().filter(|listed| !listed.parents.is_empty()).collect();
    assert_eq!(children.len(), 2);
    assert!(children.iter().all(|child| child.parents.iter().map(|it| it.as_str()).eq(["shardId-000000000042"])));
    assert_eq!(reader.metrics.kinesis_shards.with_label_values(&[stream, "open"]).get(), 131);

    let by_arn = SourceConfig { stream: StreamRef::Arn(arn), ..by_name };
    let mut reader = connect(&kinesis, &by_arn).await.expect("the stream is there");
    assert_eq!(reader.source.list().await.expect("the shards are listed"), listed);
}
