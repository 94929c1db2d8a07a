//! A daemon that has waited for the lease of another one: it goes on with what was reloaded meanwhile.

use serde_json::json;

use super::{APPLIED, REFUSED, SUCCESSFUL, Scene, told, until_lines, until_metric};
use crate::daemon::line;
use crate::dynamodb::LocalDynamo;
use crate::support::{PATIENCE, wall_millis};

/// A window gathers from so long before it begins (WN-7).
const SKEW_MS: i64 = 1_000;
const READ_AT: &str = "trailrisk_detections_last_reload_success_timestamp_seconds";

async fn scene() -> (LocalDynamo, Scene) {
    let dynamo = LocalDynamo::start().await;
    dynamo.create_table("leases").await;
    let mut scene = Scene::new("60s", "off").await;
    scene.config["checkpoint"] = json!({
        "store": "dynamodb", "table": "leases", "region": "us-east-1", "endpoint_url": dynamo.url(),
        "lease_duration": "3s", "interval": "200ms",
    });
    scene.config["detections"]["max_future_skew"] = json!(format!("{SKEW_MS}ms"));
    scene.home.configure(scene.config.to_string());
    (dynamo, scene)
}

#[tokio::test]
async fn wn_7_who_takes_over_goes_on_with_what_was_reloaded_while_the_files_are_broken() {
    let (_dynamo, mut scene) = scene().await;
    let first = scene.home.start();
    first.ready().await;
    let second = scene.home.start();
    let waits = || async { second.get("/readyz").await.filter(|(_, body)| body.contains("lease: the lease of")) };
    second.until(PATIENCE, "it waits", waits).await;
    let read_at = second.metric(READ_AT).await;
    scene.write("changes", 2);
    first.signal("HUP").await;
    second.signal("HUP").await;
    until_metric(&first, APPLIED, 1.0).await;
    let reloaded_at = wall_millis();
    let read = || async { (second.metric(READ_AT).await > read_at).then_some(()) };
    second.until(PATIENCE, "who waits has read the files as well", read).await;
    scene.home.write("detections/changes.yml", "oops: [");
    second.signal("HUP").await;
    until_metric(&second, REFUSED, 1.0).await;

    // In force for all that the window gathers, and early enough in it for a takeover.
    let drained = || async { (first.metric("trailrisk_detections_draining").await == 0.0).then_some(()) };
    first.until(PATIENCE, "the version before has drained", drained).await;
    let early = || async {
        let now = wall_millis();
        let begun_ms = now.rem_euclid(60_000);
        (now - begun_ms - SKEW_MS > reloaded_at && begun_ms < 5_000).then_some(())
    };
    first.until(PATIENCE, "a window begins", early).await;
    scene.put().await;
    until_lines(&first, 2).await;
    let mut said = first.kill().await.lines;
    second.ready().await;
    scene.put().await;
    let finals =
        || async { (second.lines().iter().filter(|line| line.contains(r#""final""#)).count() >= 2).then_some(()) };
    second.until(PATIENCE, "both final risk events", finals).await;
    assert_eq!(second.metric(SUCCESSFUL).await, 0.0, "the files are as broken as before");
    said.extend(second.stop().await.lines);
    let lines = line::read_all(&said);
    let finals: Vec<_> = told(&lines).into_iter().filter(|(_, _, stage, ..)| *stage == "final").collect();
    assert_eq!(finals, [("changes", 2, "final", 2, false), ("stays", 1, "final", 2, false)]);
}
