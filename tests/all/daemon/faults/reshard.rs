//! Shards that split and merge while nobody reads.

use super::Scene;
use crate::daemon::STREAM;

/// A split, a merge of one child with its neighbour, and a split of that, all between two lives; records before, between
/// and after.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_generations_that_passed_while_the_daemon_was_down_are_read_parents_first() {
    for killed in [false, true] {
        let mut scene = Scene::new(2, |_| {}).await;
        let daemon = scene.home.start();
        daemon.ready().await;
        scene.put(10).await;
        scene.until_lines(&daemon, 5).await;
        if killed {
            scene.kill(daemon).await;
        } else {
            scene.stop(daemon).await;
        }
        scene.put(10).await;
        scene.kinesis.split(STREAM, "shardId-000000000000").await;
        scene.put(10).await;
        scene.kinesis.merge(STREAM, "shardId-000000000003", "shardId-000000000001").await;
        scene.put(10).await;
        scene.kinesis.split(STREAM, "shardId-000000000004").await;
        scene.put(10).await;
        let daemon = scene.home.start();
        scene.until_final(&daemon).await;
        scene.stop(daemon).await;
        scene.assert_exact().await;
        if !killed {
            scene.assert_once();
        }
    }
}
