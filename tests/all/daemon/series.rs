//! Which series there are on the real binary: those of the shards that are read, and no others.

use std::time::Duration;

use serde_json::json;

use super::{STREAM, config, home};
use crate::support::kinesis::LocalKinesis;

/// Both its beginning and its end are between two checkpoints: none shows it as being read.
#[tokio::test]
async fn the_series_of_a_shard_that_began_and_ended_between_two_checkpoints_go() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["checkpoint"]["interval"] = json!("8s");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    kinesis.split(STREAM, "shardId-000000000001").await;
    let left = || async {
        let metrics = daemon.metrics().await;
        let of = |shard: &str| metrics.contains(&format!(r#"shard="shardId-00000000000{shard}""#));
        (of("2") && of("3") && of("4") && !of("0") && !of("1")).then_some(())
    };
    daemon.until(Duration::from_secs(25), "only the open shards have series", left).await;
    assert_eq!(daemon.stop().await.code, Some(0));
}
