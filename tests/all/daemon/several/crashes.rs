//! Ends of all kinds: every stream goes on where it stood.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn em_4_after_kills_the_finals_of_each_stream_are_those_of_a_replay_of_it_alone() {
    let mut scene = Scene::new(|_| {}).await;
    for round in 0..4 {
        let daemon = scene.home.start();
        let before = scene.said.len();
        scene.put_both(8).await;
        let some = || async { (daemon.lines().len() > 4 * round).then_some(()) };
        daemon.until(PATIENCE, &format!("some lines beyond {before}"), some).await;
        scene.kill(daemon).await;
    }
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.until_final(&daemon, &[0, 1]).await;
    scene.stop(daemon).await;
    scene.assert_exact(&scene.said).await;
    for name in SOURCES {
        for suffix in ["", ".lock", ".starts"] {
            assert!(scene.home.path(&format!("checkpoint.{name}.json{suffix}")).exists(), "{name}{suffix}");
        }
    }
    assert!(!scene.home.path("checkpoint.json").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_6_after_a_stop_nothing_of_either_stream_is_emitted_twice() {
    let mut scene = Scene::new(|_| {}).await;
    for _ in 0..3 {
        let daemon = scene.home.start();
        daemon.ready().await;
        scene.put_both(4).await;
        scene.put(1, 3).await;
        scene.until_final(&daemon, &[0, 1]).await;
        scene.stop(daemon).await;
    }
    scene.assert_once();
    scene.assert_exact(&scene.said).await;
}

/// ST-1: what ends one pipeline ends the process; the others end in order. The stream's checkpoint is reset alone.
#[tokio::test(flavor = "multi_thread")]
async fn st_1_a_stream_that_is_created_anew_ends_the_process_and_the_other_drains() {
    let mut scene = Scene::new(|_| {}).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put_both(5).await;
    scene.until_final(&daemon, &[0, 1]).await;
    let second = wall_millis() / 1000;
    let client = scene.kinesis[1].client();
    client.delete_stream().stream_name(STREAM).send().await.expect("the stream is deleted");
    crate::support::wait_until("another second", || async { (wall_millis() / 1000 > second).then_some(()) }).await;
    crate::support::wait_until("the name is free again", || async {
        client.create_stream().stream_name(STREAM).shard_count(2).send().await.ok()
    })
    .await;
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(70), "{}", ended.log);
    assert!(ended.log.contains("the source west failed") && ended.log.contains("created again"), "{}", ended.log);
    let drained = ended.log.lines().filter(|line| line.contains("drained, last checkpoint stored"));
    assert!(drained.clone().any(|line| line.contains(r#""source":"east""#)), "{}", ended.log);
    scene.said.extend(ended.lines);

    let refused = scene.home.start().ended().await;
    assert_eq!(refused.code, Some(78), "{}", refused.log);
    assert!(refused.log.contains("the source west failed: the checkpoint belongs to stream"), "{}", refused.log);
    scene.said.extend(refused.lines);
    let reset = scene.command(&["checkpoint", "reset", "--stream", STREAM]).await;
    assert_eq!(reset.code, Some(64), "{}", reset.log);
    let reset = scene.command(&["checkpoint", "reset", "--source", "west", "--stream", STREAM]).await;
    assert_eq!((reset.code, reset.log.as_str()), (Some(0), "The checkpoint is deleted."));
    assert!(scene.home.path("checkpoint.east.json").exists() && !scene.home.path("checkpoint.west.json").exists());
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put_both(5).await;
    scene.until_final(&daemon, &[0, 1]).await;
    scene.stop(daemon).await;
    scene.assert_exact(&scene.said).await;
    scene.assert_once();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_not_there_ends_the_start_with_its_name() {
    let scene = Scene::new(|config| config["sources"][1]["stream"] = json!("absent")).await;
    let refused = scene.home.start().ended().await;
    assert_eq!(refused.code, Some(78), "{}", refused.log);
    for words in ["the source west failed", "there is no stream absent"] {
        assert!(refused.log.contains(words), "{words:?} is not in {}", refused.log);
    }
}
