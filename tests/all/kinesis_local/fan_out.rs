//! The whole daemon by enhanced fan-out: an emulator that nobody here wrote accepts its consumer, its subscriptions and
//! where they go on. (Where a shard ends kinesis-local does not say it as Kinesis does.)

use serde_json::json;

use super::daemon::{matches, put};
use super::emulator::Emulator;
use crate::daemon::fan_out::fan_out;
use crate::daemon::line::{finals, read_all};
use crate::daemon::{config, home};
use crate::support::PATIENCE;

const STREAM: &str = "fan-out";

#[tokio::test]
async fn rd_1_by_fan_out_a_killed_daemon_goes_on_behind_its_checkpoint() {
    let Some(kinesis) = Emulator::get().await else { return };
    kinesis.create_stream(STREAM, 2).await;
    let home = home();
    let mut config = config(&kinesis);
    config["source"]["stream"] = json!(STREAM);
    config["detections"]["window"] = json!("4s");
    config["detections"]["grace"] = json!("5s");
    fan_out(&mut config);
    home.configure(config.to_string());

    let mut events = put(&kinesis, STREAM, 0).await;
    let first = home.start();
    first.until(PATIENCE, "an early risk event", || async { first.lines().first().map(drop) }).await;
    let mut said = first.kill().await.lines;
    events.extend(put(&kinesis, STREAM, 1).await);
    let second = home.start();
    second.ready().await;
    events.extend(put(&kinesis, STREAM, 2).await);

    home.write("events.ndjson", events.iter().map(|event| event.text() + "\n").collect::<String>());
    let replay = home.run(&["replay", "--config", "trailrisk.yaml", "events.ndjson"]).await;
    assert_eq!(replay.code, Some(0), "{}", replay.log);
    let replayed = read_all(&replay.lines);
    assert_eq!(replayed.iter().map(matches).sum::<u64>(), 60, "every event, each of them once");
    let so_far = || finals(&read_all(said.iter().chain(&second.lines())));
    let enough = || async { (so_far().len() >= replayed.len()).then_some(()) };
    second.until(PATIENCE, "the final risk events", enough).await;
    let ended = second.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    said.extend(ended.lines);
    assert_eq!(finals(&read_all(&said)), finals(&replayed));
}
