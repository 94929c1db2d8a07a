//! Credentials that expire while the daemon runs: held, said, and read on as soon as they are good again.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use super::{PATIENCE, Scene};
use crate::support::daemon::Daemon;
use crate::support::kinesis::Fault;

const SHARD_STALLED: &str = "shard shardId-000000000000: stalled";

#[tokio::test(flavor = "multi_thread")]
async fn rd_3_an_expired_token_is_held_and_alarmed_until_it_is_good_again() {
    let mut scene = Scene::new(1, |config| config["source"]["stalled_after"] = json!("1s")).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put(2).await;
    scene.until_lines(&daemon, 2).await;
    for operation in ["GetRecords", "GetShardIterator", "ListShards", "DescribeStreamSummary"] {
        scene.kinesis.faults().inject_always(operation, Fault::EXPIRED_TOKEN);
    }
    scene.put(3).await;
    scene.until_unready(&daemon, SHARD_STALLED).await;
    let alarmed = |line: &String| line.contains("ExpiredTokenException") && line.contains("an operator has to act");
    let alarm = || async { daemon.log().iter().find(|line| alarmed(line)).cloned() };
    let alarm = daemon.until(PATIENCE, "the alarm", alarm).await;
    assert!(alarm.contains(r#""level":"ERROR""#), "{alarm}");
    scene.kinesis.faults().clear();
    daemon.ready().await;
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
    scene.assert_once();
}

/// Credentials for two seconds more than the SDK takes for too little, and a note of each time they are asked for.
const PROCESS: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo asked >> asked
test -e revoked && exit 1
until=$(date -u -d '+12 seconds' +%Y-%m-%dT%H:%M:%SZ)
echo "{\"Version\":1,\"AccessKeyId\":\"local\",\"SecretAccessKey\":\"s\",\"SessionToken\":\"t\",\"Expiration\":\"$until\"}"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn rd_3_short_lived_credentials_are_renewed_and_their_absence_is_outlived() {
    let mut scene = Scene::new(1, |config| config["source"]["stalled_after"] = json!("2s")).await;
    let process = scene.home.write("credentials.sh", PROCESS);
    std::fs::set_permissions(&process, std::fs::Permissions::from_mode(0o700)).expect("it is ours");
    std::fs::create_dir(scene.home.path(".aws")).expect("the folder is writable");
    scene.home.write(".aws/config", format!("[default]\ncredential_process = {}\n", process.display()));
    let mut command = scene.home.with_config(&["run"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let daemon = Daemon::spawn(command);
    daemon.ready().await;
    scene.put(2).await;
    scene.until_lines(&daemon, 2).await;
    let asked = || std::fs::read_to_string(scene.home.path("asked")).unwrap_or_default().lines().count();
    let first = asked();
    daemon.until(PATIENCE, "a renewal", || async { (asked() > first).then_some(()) }).await;

    scene.home.write("revoked", "");
    scene.put(3).await;
    scene.until_unready(&daemon, SHARD_STALLED).await;
    std::fs::remove_file(scene.home.path("revoked")).expect("it is there");
    daemon.ready().await;
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
    scene.assert_once();
}
