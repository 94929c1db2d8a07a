//! From `source` to `sources` and back, and the commands that take one of several.

use super::*;

/// The configuration with the first stream alone, under `source`.
fn one(config: &Value) -> Value {
    let mut one = config.clone();
    one["source"] = config["sources"][0].clone();
    one.as_object_mut().expect("a mapping").remove("sources");
    one
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_8_a_checkpoint_under_the_name_of_the_other_form_is_not_passed_over_and_goes_on_when_moved() {
    let mut scene = Scene::new(|_| {}).await;
    scene.home.configure(one(&scene.config).to_string());
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put(0, 5).await;
    let told = || async { (finals(&read_all(&daemon.lines())).len() >= 5).then_some(()) };
    daemon.until(PATIENCE, "every final", told).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let alone = finals(&read_all(&ended.lines));
    assert_eq!(alone, scene.replayed(0).await);
    assert!(ended.lines.iter().all(|line| !line.contains(r#""source":"east""#)), "nothing is named where there is one");

    scene.home.configure(scene.config.to_string());
    let refused = scene.home.start().ended().await;
    assert_eq!(refused.code, Some(78), "{}", refused.log);
    // The streams may be created in one second: then it could be either's.
    for words in ["checkpoint.json holds a checkpoint of this stream", "it is kept in", "move it there"] {
        assert!(refused.log.contains(words), "{words:?} is not in {}", refused.log);
    }
    for suffix in ["", ".starts"] {
        let (from, to) = (format!("checkpoint.json{suffix}"), format!("checkpoint.east.json{suffix}"));
        std::fs::rename(scene.home.path(&from), scene.home.path(&to)).expect("it is there");
    }
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put_both(3).await;
    scene.until_final_beyond(&daemon, &alone).await;
    scene.stop(daemon).await;
    let lines = read_all(&scene.said);
    let mut all = finals(of(&lines, 0));
    assert!(all.keys().all(|id| !alone.contains_key(id)), "CP-6: nothing is told again");
    all.extend(alone);
    assert_eq!(all, scene.replayed(0).await);

    scene.home.configure(one(&scene.config).to_string());
    let refused = scene.home.start().ended().await;
    assert_eq!(refused.code, Some(78), "{}", refused.log);
    assert!(refused.log.contains("checkpoint.east.json holds a checkpoint of this stream"), "{}", refused.log);
}

impl Scene {
    /// Waits until each stream told a final of every event, those of the first one before these included.
    async fn until_final_beyond(&self, daemon: &Daemon, before: &BTreeMap<String, String>) {
        let all = || async {
            let lines = read_all(&daemon.lines());
            let counts = [0, 1].map(|source| finals(of(&lines, source)).len());
            (counts == [self.events[0].len() - before.len(), self.events[1].len()]).then_some(())
        };
        daemon.until(PATIENCE, "every further final", all).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_on_one_of_several_streams_asks_which() {
    let mut scene = Scene::new(|_| {}).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put(0, 2).await;
    scene.until_final(&daemon, &[0]).await;
    let tail = ["tail", "--since", "trim_horizon", "--no-follow", "--set", "detections.window=2s"];
    for arguments in [&["checkpoint", "show"][..], &["checkpoint", "export"], &tail] {
        let refused = scene.command(arguments).await;
        assert_eq!(refused.code, Some(64), "{arguments:?}: {}", refused.log);
        assert!(refused.log.contains("say which with --source NAME: east, west"), "{}", refused.log);
        let unknown = scene.command(&[arguments, &["--source", "north"]].concat()).await;
        assert_eq!(unknown.code, Some(64), "{arguments:?}: {}", unknown.log);
        assert!(unknown.log.contains("\"north\" is no source of this configuration"), "{}", unknown.log);
        let named = scene.command(&[arguments, &["--source", "east"]].concat()).await;
        assert_eq!(named.code, Some(0), "{arguments:?}: {}", named.log);
    }
    let replay = scene.command(&["replay", "/dev/null"]).await;
    assert_eq!(replay.code, Some(64), "{}", replay.log);
    assert!(replay.log.contains("--source-name: east, west"), "{}", replay.log);
    scene.stop(daemon).await;
}
