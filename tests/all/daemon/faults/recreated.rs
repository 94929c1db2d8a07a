//! CP-8: a stream that is deleted and created again under its name, under a running daemon.

use serde_json::json;

use super::{PATIENCE, Scene};
use crate::daemon::STREAM;
use crate::support::{wait_until, wall_millis};

/// Deletes the stream and creates it again, with another creation time.
async fn recreate(scene: &Scene, shards: i32) {
    // Streams tell their creation in whole seconds.
    let second = wall_millis() / 1000;
    let client = scene.kinesis.client();
    client.delete_stream().stream_name(STREAM).send().await.expect("the stream is deleted");
    wait_until("another second", || async { (wall_millis() / 1000 > second).then_some(()) }).await;
    wait_until("the name is free again", || async {
        client.create_stream().stream_name(STREAM).shard_count(shards).send().await.ok()
    })
    .await;
}

/// With as many shards the old iterators go on working here; with fewer they do not.
#[tokio::test(flavor = "multi_thread")]
async fn cp_8_a_stream_created_again_ends_the_daemon_loudly_and_stops_the_next_start() {
    for shards in [2, 1] {
        let mut scene = Scene::new(2, |config| config["source"]["list_interval"] = json!("1s")).await;
        let daemon = scene.home.start();
        daemon.ready().await;
        scene.put(4).await;
        scene.until_final(&daemon).await;
        recreate(&scene, shards).await;
        let ended = tokio::time::timeout(PATIENCE, daemon.ended()).await.expect("it does not go on");
        assert_eq!(ended.code, Some(70), "{}", ended.log);
        let loud = |line: &&str| line.contains("was deleted and created again") && line.contains("is lost");
        assert!(ended.log.lines().any(|line| loud(&line)), "{}", ended.log);
        scene.said.extend(ended.lines);
        scene.assert_exact().await;

        let refused = scene.home.start().ended().await;
        assert_eq!(refused.code, Some(78), "{}", refused.log);
        assert!(refused.log.contains("the checkpoint belongs to stream"), "{}", refused.log);
    }
}
