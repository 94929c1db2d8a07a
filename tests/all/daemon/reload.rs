//! WN-7: the detections change on disk while the daemon runs.

mod takeover;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::event::JobCreated;
use super::line::{self, Line, text};
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Ended, Home, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const SHIPPED: &str = "config/detections/aws_exfiltration_via_batch_service.yml";
const APPLIED: &str = r#"trailrisk_detections_reloads_total{outcome="applied"}"#;
const REFUSED: &str = r#"trailrisk_detections_reloads_total{outcome="refused"}"#;
const UNCHANGED: &str = r#"trailrisk_detections_reloads_total{outcome="unchanged"}"#;
const SUCCESSFUL: &str = "trailrisk_detections_last_reload_successful";

/// A daemon over two detections in a folder of its own: one that is changed, and one that stays.
struct Scene {
    kinesis: LocalKinesis,
    home: Home,
    config: Value,
    events: u64,
}

impl Scene {
    async fn new(window: &str, reload_interval: &str) -> Self {
        let (kinesis, home) = (LocalKinesis::start().await, home());
        kinesis.create_stream(STREAM, 1).await;
        std::fs::create_dir(home.path("detections")).expect("the folder is writable");
        let mut config = config(&kinesis);
        config["detections"]["paths"] = json!(["detections"]);
        config["detections"]["window"] = json!(window);
        config["detections"]["reload_interval"] = json!(reload_interval);
        config["limits"] = json!({"max_evidence": 1000});
        home.configure(config.to_string());
        let scene = Self { kinesis, home, config, events: 0 };
        scene.write("changes", 1);
        scene.write("stays", 1);
        scene
    }

    /// The shipped detection under this name, in this version.
    fn write(&self, name: &str, version: u32) {
        let shipped = std::fs::read_to_string(package(SHIPPED)).expect("it is shipped");
        let id = if name == "changes" {
            "04455dd3-ced7-480f-b8e6-5469b99e98e2"
        } else {
            "14455dd3-ced7-480f-b8e6-5469b99e98e2"
        };
        let changed = shipped
            .replace("name: AWS Exfiltration via Batch Service", &format!("name: {name}"))
            .replace("04455dd3-ced7-480f-b8e6-5469b99e98e2", id)
            .replace("version: 1\n", &format!("version: {version}\n"));
        self.home.write(&format!("detections/{name}.yml"), changed);
    }

    /// An event of now, all of one group; its text.
    async fn put(&mut self) -> String {
        self.events += 1;
        let event = JobCreated::new(self.events, wall_millis(), "111111111111");
        self.kinesis.put(STREAM, [("key".to_owned(), event.text().into_bytes())]).await;
        event.text()
    }
}

async fn until_metric(daemon: &Daemon, series: &str, value: f64) {
    let reached = || async { (daemon.metric(series).await == value).then_some(()) };
    daemon.until(PATIENCE, &format!("{series} is {value}"), reached).await;
}

async fn until_lines(daemon: &Daemon, count: usize) -> Vec<Line> {
    let enough = || async { Some(daemon.lines()).filter(|lines| lines.len() >= count) };
    line::read_all(&daemon.until(PATIENCE, &format!("{count} risk events"), enough).await)
}

/// The lines of the log with these words.
fn logged(ended: &Ended, words: &str) -> usize {
    ended.log.lines().filter(|line| line.contains(words)).count()
}

/// Name, version, stage, number of events, and whether it is partial.
fn told(lines: &[Line]) -> Vec<(&str, u64, &str, u64, bool)> {
    let number = |value: &Value| value.as_u64().expect("a number");
    let of_one = |line: &'_ Line| (number(&line.json["detection"]["version"]), number(&line.json["event_count"]));
    let mut told: Vec<_> = lines
        .iter()
        .map(|line| {
            let (version, count) = of_one(line);
            (text(&line.json["detection"]["name"]), version, line.stage(), count, line.json.get("partial").is_some())
        })
        .collect();
    told.sort_unstable();
    told
}

#[tokio::test]
async fn wn_7_a_changed_detection_drains_and_the_others_do_not_notice() {
    let mut scene = Scene::new("20s", "off").await;
    let daemon = scene.home.start();
    daemon.ready().await;
    // Early enough in a window for all that follows.
    let early = || async { (wall_millis().rem_euclid(20_000) < 4_000).then_some(()) };
    daemon.until(PATIENCE, "a window begins", early).await;
    let first = scene.put().await;
    until_lines(&daemon, 2).await;
    scene.write("changes", 2);
    daemon.signal("HUP").await;
    until_metric(&daemon, APPLIED, 1.0).await;
    assert_eq!(daemon.metric("trailrisk_detections_loaded").await, 2.0);
    assert_eq!(daemon.metric("trailrisk_detections_draining").await, 1.0);
    let second = scene.put().await;
    let lines = until_lines(&daemon, 6).await;
    let expected = [
        ("changes", 1, "early", 1, false),
        ("changes", 1, "final", 1, true),
        ("changes", 2, "early", 1, true),
        ("changes", 2, "final", 1, true),
        ("stays", 1, "early", 1, false),
        ("stays", 1, "final", 2, false),
    ];
    assert_eq!(told(&lines), expected);
    let id = |version: u64, stage: &str| {
        let of = |line: &&Line| line.json["detection"]["version"] == version && line.stage() == stage;
        lines.iter().filter(of).find(|line| line.json["detection"]["name"] == "changes").map(Line::id)
    };
    assert_eq!(id(1, "early"), id(1, "final"), "the old window closes under its old id");
    assert_eq!(id(2, "early"), id(2, "final"));
    assert_ne!(id(1, "final"), id(2, "final"));
    until_metric(&daemon, "trailrisk_detections_draining", 0.0).await;

    // A crash, and what comes of the same stream again.
    let killed = daemon.kill().await;
    let daemon = scene.home.start();
    daemon.ready().await;
    let rest = daemon.stop().await;
    let all = line::read_all(killed.lines.iter().chain(&rest.lines));
    let finals = line::finals(&all);
    assert_eq!(finals.len(), 3, "EM-4 holds for each of them");

    // The detection that stayed tells what a batch over the same events does, byte for byte.
    scene.home.write("events.ndjson", format!("{first}\n{second}\n"));
    let mut command = scene.home.with_config(&["replay"]);
    command.arg("events.ndjson");
    let replayed = line::read_all(&Daemon::spawn(command).ended().await.lines);
    let of_stays = |line: &&Line| line.json["detection"]["name"] == "stays";
    let batch = replayed.iter().find(of_stays).expect("it fires in a batch as well");
    assert_eq!(finals[batch.id()], batch.body);
}

#[tokio::test]
async fn a_changed_file_is_found_and_a_broken_one_changes_nothing() {
    let mut scene = Scene::new("2s", "1s").await;
    let daemon = scene.home.start();
    daemon.ready().await;
    assert_eq!(daemon.metric(SUCCESSFUL).await, 1.0);
    scene.write("changes", 2);
    until_metric(&daemon, APPLIED, 1.0).await;

    scene.home.write("detections/changes.yml", "name: changes\nsearch: [");
    scene.write("stays", 9);
    until_metric(&daemon, REFUSED, 1.0).await;
    assert_eq!(daemon.metric(SUCCESSFUL).await, 0.0);
    assert_eq!(daemon.get("/readyz").await.map(|(status, _)| status), Some(200), "it works as before");
    scene.put().await;
    let lines = until_lines(&daemon, 4).await;
    let versions: Vec<_> = told(&lines).iter().map(|(name, version, ..)| ((*name).to_owned(), *version)).collect();
    let expected = [("changes", 2), ("changes", 2), ("stays", 1), ("stays", 1)].map(|(name, v)| (name.to_owned(), v));
    assert_eq!(versions, expected, "all or nothing");

    scene.write("changes", 3);
    until_metric(&daemon, APPLIED, 2.0).await;
    assert_eq!(daemon.metric(SUCCESSFUL).await, 1.0);
    let refused = daemon.metric(REFUSED).await;
    let ended = daemon.stop().await;
    assert_eq!((ended.code, logged(&ended, "the detections are not reloaded") as f64), (Some(0), refused));
    assert!(refused <= 2.0, "once a content, of which two files make two, however often it is looked at");
    assert!(logged(&ended, "changes.yml:") > 0, "with the place: {}", ended.log);
}

#[tokio::test]
async fn a_hangup_without_a_change_says_so_and_what_cannot_be_reloaded_is_named() {
    let mut scene = Scene::new("2s", "off").await;
    let daemon = scene.home.start();
    daemon.ready().await;
    daemon.signal("HUP").await;
    until_metric(&daemon, UNCHANGED, 1.0).await;
    daemon.until_logged("nothing changed in the detections").await;

    scene.config["checkpoint"]["interval"] = json!("300ms");
    scene.config["sinks"][0]["min_severity"] = json!("low");
    scene.home.configure(scene.config.to_string());
    daemon.signal("HUP").await;
    until_metric(&daemon, UNCHANGED, 2.0).await;
    let warned = daemon.until_logged("needs a restart").await;
    assert!(warned[0].contains("checkpoint.interval, sinks[0].min_severity"), "{}", warned[0]);

    // Settings of `detections` take effect: one is off, the other has another window.
    scene.config["detections"]["settings"] =
        json!([{"detection": "stays", "enabled": false}, {"detection": "changes", "grace": "2s"}]);
    scene.home.configure(scene.config.to_string());
    daemon.signal("HUP").await;
    until_metric(&daemon, APPLIED, 1.0).await;
    assert_eq!(daemon.metric("trailrisk_detections_loaded").await, 1.0);
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// What waits for a restart is not in force: the hash is that of a daemon that never saw it.
#[tokio::test]
async fn the_hash_of_a_reload_is_of_what_is_in_force() {
    let mut scene = Scene::new("2s", "off").await;
    let daemon = scene.home.start();
    daemon.ready().await;
    let interval = scene.config["checkpoint"]["interval"].take();
    scene.config["checkpoint"]["interval"] = json!("300ms");
    scene.config["detections"]["settings"] = json!([{"detection": "changes", "grace": "2s"}]);
    scene.home.configure(scene.config.to_string());
    daemon.signal("HUP").await;
    let in_force = daemon.until_logged("the changed detections are in force").await;
    assert_eq!(daemon.stop().await.code, Some(0));

    scene.config["checkpoint"]["interval"] = interval;
    scene.home.configure(scene.config.to_string());
    let daemon = scene.home.start();
    let started = daemon.until_logged(r#""message":"started""#).await;
    let hash = |line: &str| text(&serde_json::from_str::<Value>(line).expect("JSON")["configuration"]).to_owned();
    assert_eq!(hash(&in_force[0]), hash(&started[0]));
    assert_eq!(daemon.stop().await.code, Some(0));
}

#[tokio::test]
async fn cp_8_a_reload_that_needs_more_than_the_retention_is_refused() {
    let mut scene = Scene::new("2s", "off").await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.config["detections"]["window"] = json!("23h");
    scene.home.configure(scene.config.to_string());
    daemon.signal("HUP").await;
    until_metric(&daemon, REFUSED, 1.0).await;
    daemon.until_logged("retains only 24 h").await;
    scene.config["detections"]["window"] = json!("2s");
    scene.config["sinks"][0]["detections"] = json!(["changes"]);
    scene.home.configure(scene.config.to_string());
    std::fs::remove_file(scene.home.path("detections/changes.yml")).expect("it is there");
    daemon.signal("HUP").await;
    // The sinks are those of the start: they ask for nothing by name.
    until_metric(&daemon, APPLIED, 1.0).await;
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// A detection that runs must not go away because its new form uses what is not supported.
#[tokio::test]
async fn a_reload_that_would_end_a_detection_is_refused() {
    let scene = Scene::new("2s", "off").await;
    let daemon = scene.home.start();
    daemon.ready().await;
    let path = scene.home.path("detections/changes.yml");
    let text = std::fs::read_to_string(&path).expect("it is there");
    let unsupported = text.replace("|  stats count", "| transaction src_ip | stats count");
    scene.home.write("detections/changes.yml", &unsupported);
    daemon.signal("HUP").await;
    until_metric(&daemon, REFUSED, 1.0).await;
    assert_eq!(daemon.metric("trailrisk_detections_loaded").await, 2.0);

    // Beside those that run, one that cannot is only named, as at the start.
    scene.home.write("detections/changes.yml", &text);
    let other = unsupported.replace("04455dd3", "24455dd3").replace("name: changes", "name: other");
    scene.home.write("detections/other.yml", other);
    daemon.signal("HUP").await;
    until_metric(&daemon, UNCHANGED, 1.0).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0));
    for words in ["uses what is not supported in its new form", "a detection does not run"] {
        assert_eq!(logged(&ended, words), 1, "{words}");
    }
}

#[tokio::test]
async fn delivery_and_filters_are_reloaded_too() {
    let mut scene = Scene::new("1h", "off").await;
    scene.home.write("macros.yaml", "");
    scene.config["detections"]["macros"] = json!("macros.yaml");
    scene.home.configure(scene.config.to_string());
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.config["detections"]["settings"] = json!([{"detection": "stays", "staged": true}]);
    scene.home.configure(scene.config.to_string());
    daemon.signal("HUP").await;
    until_metric(&daemon, APPLIED, 1.0).await;
    scene.put().await;
    let withheld = r#"trailrisk_risk_events_withheld_total{detection="stays",reason="staged",stage="early"}"#;
    until_metric(&daemon, withheld, 1.0).await;
    assert_eq!(told(&until_lines(&daemon, 1).await), [("changes", 1, "early", 1, false)]);

    // A sink that only a restart will bring would swallow what is sent to it.
    scene.config["sinks"] =
        json!([{"name": "stdout", "type": "stdout"}, {"name": "more", "type": "file", "path": "more.ndjson"}]);
    scene.config["detections"]["settings"] = json!([{"detection": "stays", "sinks": ["more"]}]);
    scene.home.configure(scene.config.to_string());
    daemon.signal("HUP").await;
    until_metric(&daemon, REFUSED, 1.0).await;
    scene.config["detections"]["settings"] = json!([{"detection": "stays", "staged": true}]);
    scene.home.configure(scene.config.to_string());

    let filter = "changes_filter: {definition: search NOT src_ip=x, expires: 2020-01-01}\n";
    scene.home.write("macros.yaml", filter);
    daemon.signal("HUP").await;
    until_metric(&daemon, "trailrisk_filters_expired", 1.0).await;
    let ended = daemon.stop().await;
    assert_eq!((ended.code, logged(&ended, "a new sink needs a restart")), (Some(0), 1));
}

/// A change that cannot be stored would hold the reading, so none is begun; what runs goes on.
#[tokio::test]
async fn wn_7_a_reload_waits_until_checkpoints_can_be_stored() {
    let mut scene = Scene::new("2s", "off").await;
    let daemon = scene.home.start();
    daemon.ready().await;
    let stored =
        || async { (daemon.metric(r#"trailrisk_checkpoints_total{outcome="stored"}"#).await > 1.0).then_some(()) };
    daemon.until(PATIENCE, "the first checkpoints are stored", stored).await;
    // Where the store writes before it renames.
    let obstacle = scene.home.path("checkpoint.json.tmp");
    let placed = || async { std::fs::create_dir(&obstacle).ok() };
    daemon.until(PATIENCE, "there is a moment between two writes", placed).await;
    let failed =
        || async { (daemon.metric(r#"trailrisk_checkpoints_total{outcome="failed"}"#).await > 0.0).then_some(()) };
    daemon.until(PATIENCE, "a checkpoint cannot be stored", failed).await;
    scene.write("changes", 2);
    daemon.signal("HUP").await;
    scene.put().await;
    assert!(told(&until_lines(&daemon, 4).await).iter().all(|(_, version, ..)| *version == 1));
    assert_eq!(daemon.metric(APPLIED).await, 0.0);
    std::fs::remove_dir(&obstacle).expect("it was placed there");
    until_metric(&daemon, APPLIED, 1.0).await;
    scene.put().await;
    let lines = until_lines(&daemon, 8).await;
    assert!(told(&lines).iter().any(|(name, version, ..)| (*name, *version) == ("changes", 2)), "{lines:?}");
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// EM-4, WN-7: whenever the process dies around a change, each event is in one final of the changed detection and in one
/// of the other, and no id ever has two bodies.
#[tokio::test]
async fn wn_7_crashes_around_reloads_lose_nothing_and_tell_nothing_twice_differently() {
    let mut scene = Scene::new("2s", "off").await;
    let mut lines = Vec::new();
    for round in 0..6_u32 {
        let daemon = scene.home.start();
        daemon.ready().await;
        scene.put().await;
        scene.write("changes", 2 + round);
        daemon.signal("HUP").await;
        scene.put().await;
        match round % 3 {
            0 => {}
            1 => until_metric(&daemon, APPLIED, 1.0).await,
            // Long enough for windows to close, and for records behind the cut that a restart makes.
            _ => {
                let last =
                    || async { daemon.lines().iter().any(|line| line.contains(r#""stage":"final""#)).then_some(()) };
                daemon.until(PATIENCE, "a window closes", last).await;
            }
        }
        scene.put().await;
        lines.extend(daemon.kill().await.lines);
    }
    let daemon = scene.home.start();
    daemon.ready().await;
    let (events, before) = (scene.events, lines.len());
    let all_told = || async {
        let all: Vec<String> = lines.iter().take(before).cloned().chain(daemon.lines()).collect();
        Some(line::read_all(&all)).filter(|all| appearances(all).len() as u64 == 2 * events)
    };
    let all = daemon.until(PATIENCE, "each event is in a final of each detection", all_told).await;
    assert!(!line::finals(&all).is_empty(), "EM-4 holds for each of them");
    for ((detection, event), ids) in appearances(&all) {
        assert_eq!(ids.len(), 1, "{detection}: {event} is in {ids:?}");
    }
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// Of each detection and event, the ids of the finals that hold it.
fn appearances(lines: &[Line]) -> BTreeMap<(String, String), BTreeSet<String>> {
    let mut appearances: BTreeMap<_, BTreeSet<String>> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.stage() == "final") {
        let detection = text(&line.json["detection"]["name"]);
        for event in line.json["evidence"].as_array().expect("a list") {
            let key = (detection.to_owned(), text(&event["event_id"]).to_owned());
            appearances.entry(key).or_default().insert(line.id().to_owned());
        }
    }
    appearances
}
