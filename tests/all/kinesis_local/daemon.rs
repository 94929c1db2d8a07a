//! The whole daemon over a split and a merge, judged by `replay` over the same events.

use serde_json::json;

use super::emulator::Emulator;
use crate::daemon::event::JobCreated;
use crate::daemon::line::{Line, finals, read_all};
use crate::daemon::{config, home};
use crate::support::{PATIENCE, wall_millis};

const STREAM: &str = "daemon";

#[tokio::test]
async fn the_final_risk_events_over_a_split_and_a_merge_are_those_of_a_replay() {
    let Some(kinesis) = Emulator::get().await else { return };
    kinesis.create_stream(STREAM, 2).await;
    let home = home();
    let mut config = config(&kinesis);
    config["source"]["stream"] = json!(STREAM);
    // The children come with the ends of their parents, not with a listing.
    config["source"]["list_interval"] = json!("10m");
    // The emulator is slow; nothing may be late.
    config["detections"]["window"] = json!("4s");
    config["detections"]["grace"] = json!("5s");
    home.configure(config.to_string());

    let mut events = put(&kinesis, STREAM, 0).await;
    let daemon = home.start();
    daemon.until(PATIENCE, "an early risk event", || async { daemon.lines().first().map(drop) }).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    events.extend(put(&kinesis, STREAM, 1).await);
    kinesis.merge(STREAM, "shardId-000000000003", "shardId-000000000001").await;
    events.extend(put(&kinesis, STREAM, 2).await);

    let text: String = events.iter().map(|event| event.text() + "\n").collect();
    home.write("events.ndjson", text);
    let replay = home.run(&["replay", "--config", "trailrisk.yaml", "events.ndjson"]).await;
    assert_eq!(replay.code, Some(0), "{}", replay.log);
    let replayed = read_all(&replay.lines);
    assert_eq!(replayed.iter().map(matches).sum::<u64>(), 60, "every event, each of them once");

    let finals_so_far = || finals(&read_all(&daemon.lines()));
    let enough = || async { (finals_so_far().len() >= replayed.len()).then_some(()) };
    daemon.until(PATIENCE, "the final risk events", enough).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(finals(&read_all(&ended.lines)), finals(&replayed));
}

/// Puts 20 events that happen now, in two accounts, each of them twice under different keys. Returns them.
pub(super) async fn put(kinesis: &Emulator, stream: &str, round: u64) -> Vec<JobCreated> {
    let account = |number: u64| if number.is_multiple_of(2) { "111111111111" } else { "222222222222" };
    let now = wall_millis() / 1000 * 1000;
    let events: Vec<_> = (0..20).map(|number| JobCreated::new(100 * round + number, now, account(number))).collect();
    let records = events.iter().chain(&events).enumerate();
    kinesis.put(stream, records.map(|(index, event)| (format!("key-{index}"), event.text().into_bytes()))).await;
    events
}

pub(super) fn matches(line: &Line) -> u64 {
    line.json["row"]["count"].as_u64().expect("the search counts")
}
