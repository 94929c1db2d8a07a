//! Which series there are on the real binary: those of the shards that are read, and no others.

use std::time::Duration;

use super::{STREAM, config, home};
use crate::support::kinesis::LocalKinesis;

/// A closed shard without records is at its end before any checkpoint has shown it as being read.
#[tokio::test]
async fn the_series_of_a_shard_that_ended_at_once_go_as_those_of_any_other() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    home.configure(config(&kinesis).to_string());
    let daemon = home.start();
    daemon.ready().await;
    let children = || async {
        let metrics = daemon.metrics().await;
        let of = |shard: &str| metrics.contains(&format!(r#"shard="shardId-00000000000{shard}""#));
        (of("1") && of("2") && !of("0")).then_some(())
    };
    let drained = || async { daemon.log().iter().any(|line| line.contains("shard drained")).then_some(()) };
    daemon.until(Duration::from_secs(30), "the parent is read to its end", drained).await;
    daemon.until(Duration::from_secs(30), "only the children have series", children).await;
    assert_eq!(daemon.stop().await.code, Some(0));
}
