//! WN-7: window, grace or the search itself change across a restart, while windows are open.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Scene;
use crate::daemon::event::JobCreated;
use crate::daemon::line::{Line, text};
use crate::support::daemon::{Daemon, package};
use crate::support::{PATIENCE, wall_millis};

const DETECTION: &str = "config/detections/aws_exfiltration_via_batch_service.yml";
/// Final risk events by id.
type Bodies = BTreeMap<String, Value>;

/// The finals by id, without the mark of an instance that was cut, and without what may differ (EM-4).
fn bodies<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Bodies {
    let mut bodies = Bodies::new();
    for line in lines.into_iter().filter(|line| line.stage() == "final") {
        let mut json = line.json.clone();
        let fields = json.as_object_mut().expect("a risk event");
        fields.remove("meta");
        fields.remove("partial");
        let before = bodies.insert(line.id().to_owned(), json.clone());
        assert!(before.is_none_or(|before| before == json), "EM-4: {} differs", line.id());
    }
    bodies
}

async fn replayed(scene: &Scene, events: &[JobCreated]) -> Bodies {
    let replayed = scene.replayed(events).await;
    let read = |(id, body): (String, String)| {
        let mut json: Value = serde_json::from_str(&format!("{body}}}")).expect("all but meta");
        json.as_object_mut().expect("a risk event").remove("partial");
        (id, json)
    };
    replayed.into_iter().map(read).collect()
}

fn event_id(body: &Value) -> &str {
    text(&body["evidence"][0]["event_id"])
}

/// Events under one configuration, a stop or a crash, events of the same windows under another: each counts once, under
/// the old plan before the cut and under the new one behind it.
async fn across(before: impl Fn(&Scene, &mut Value), after: impl Fn(&Scene, &mut Value), killed: bool) {
    let mut scene = Scene::new(2, |_| {}).await;
    let plain = crate::daemon::config(&scene.kinesis);
    let configured = |change: &dyn Fn(&Scene, &mut Value), scene: &Scene| {
        let mut config = plain.clone();
        change(scene, &mut config);
        scene.home.configure(config.to_string());
    };
    configured(&before, &scene);
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put(6).await;
    scene.until_lines(&daemon, 6).await;
    let open = daemon.metric("trailrisk_open_instances").await;
    if killed {
        scene.kill(daemon).await;
    } else {
        scene.stop(daemon).await;
    }
    println!("{open} instances were open");
    let first = scene.events.len();
    scene.put(6).await;
    let second = scene.events.len();
    let mut expected = replayed(&scene, &scene.events).await;

    configured(&after, &scene);
    let daemon = scene.home.start();
    behind_the_cut(&daemon).await;
    scene.put(6).await;
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    let came = bodies(&scene.lines());
    // What arrived about the restart belongs to one of the two, never both, never none.
    expected.extend(replayed(&scene, &scene.events[first..]).await);
    let new = replayed(&scene, &scene.events[second..]).await;
    assert!(new.keys().all(|id| came.contains_key(id)), "behind the cut the new plan counts");
    if !killed {
        scene.assert_once();
    }
    for (id, body) in &came {
        assert_eq!(expected.get(id), Some(body), "{id}");
    }
    let mut counted: Vec<&str> = came.values().map(event_id).collect();
    counted.sort_unstable();
    let mut put: Vec<&str> = scene.events.iter().map(|event| event.id.as_str()).collect();
    put.sort_unstable();
    assert_eq!(counted, put, "every event once, under one of the plans");
}

/// Waits until what arrives now is the new plan's.
async fn behind_the_cut(daemon: &Daemon) {
    let cut = || async {
        let log = daemon.log();
        let line = log.iter().find(|line| line.contains("detection activated"))?;
        let line: Value = serde_json::from_str(line).expect("JSON");
        let from: jiff::Timestamp = text(&line["from"]).parse().expect("an instant");
        (wall_millis() >= from.as_millisecond()).then_some(())
    };
    daemon.until(PATIENCE, "the new plan counts", cut).await;
}

fn timing(window: &'static str, grace: &'static str) -> impl Fn(&Scene, &mut Value) {
    move |_, config| {
        config["detections"]["window"] = json!(window);
        config["detections"]["grace"] = json!(grace);
    }
}

/// The shipped detection with another `where`.
fn searching(condition: &'static str) -> impl Fn(&Scene, &mut Value) {
    move |scene, config| {
        let shipped = std::fs::read_to_string(package(DETECTION)).expect("it is shipped");
        let changed = shipped.replacen("|  stats count", &format!("| where {condition} |  stats count"), 1);
        assert_ne!(changed, shipped);
        config["detections"]["paths"] = json!([scene.home.write("changed.yml", changed)]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wn_7_window_and_grace_change_across_a_restart_and_every_event_counts_once() {
    for killed in [false, true] {
        across(timing("6s", "1s"), timing("4s", "3s"), killed).await;
        across(timing("4s", "3s"), timing("6s", "1s"), killed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wn_7_a_detection_changes_while_its_windows_are_open_and_every_event_counts_once() {
    for killed in [false, true] {
        across(searching("1 = 1"), searching("2 = 2"), killed).await;
    }
}
