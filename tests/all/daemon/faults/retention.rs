//! CP-8: an outage that the stream's retention does not outlast. What was trimmed is gone; it is said, with its range.

use std::time::Duration;

use super::{PATIENCE, Scene};
use crate::daemon::STREAM;
use crate::support::daemon::Daemon;
use crate::support::wall_millis;

/// The retention is 24 h.
const OUTAGE: Duration = Duration::from_secs(30 * 3600);
const HOUR: i64 = 3_600_000;

/// A daemon that had everything when its Kinesis's clock was 30 h behind.
async fn before() -> (Scene, Daemon) {
    let mut scene = Scene::new(1, |_| {}).await;
    scene.kinesis.faults().set_clock_behind(OUTAGE);
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put_at(3, wall_millis() - OUTAGE.as_millis() as i64).await;
    scene.until_final(&daemon).await;
    (scene, daemon)
}

/// 30 hours pass, and with them what nobody read.
async fn outage(scene: &mut Scene) {
    let kept = scene.events.len();
    scene.put_at(2, wall_millis() - OUTAGE.as_millis() as i64).await;
    scene.events.truncate(kept);
    scene.kinesis.trim(STREAM).await;
    scene.kinesis.faults().set_clock_behind(Duration::ZERO);
}

/// The error with the range: from when the old process had read everything, to the oldest record that is kept.
async fn assert_reported(daemon: &Daemon) {
    let report = &daemon.until_logged("records may be lost").await[0];
    assert!(report.contains(r#""level":"ERROR""#) && report.contains("shardId-000000000000"), "{report}");
    for (field, ago) in [("from", 30 * HOUR), ("to", 24 * HOUR)] {
        let value = report.split_once(&format!(r#""{field}":""#)).and_then(|(_, rest)| rest.split_once('"'));
        let at: jiff::Timestamp = value.expect("it has the range").0.parse().expect("a time stamp");
        let off = (wall_millis() - ago - at.as_millisecond()).abs();
        assert!(off < 120_000, "{field} is off by {off} ms: {report}");
    }
    let loss = format!(r#"trailrisk_kinesis_possible_loss_total{{stream="{STREAM}"}}"#);
    assert!(daemon.metric(&loss).await >= 1.0, "it is counted");
    let said = || async { daemon.get("/").await.filter(|(_, page)| page.contains("Records may have been lost")) };
    daemon.until(PATIENCE, "the status page says it", said).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_8_an_outage_longer_than_the_retention_is_reported_with_its_range_at_the_start() {
    let (mut scene, daemon) = before().await;
    scene.stop(daemon).await;
    outage(&mut scene).await;
    let daemon = scene.home.start();
    assert_reported(&daemon).await;
    scene.put(3).await;
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;

    let daemon = scene.home.start();
    daemon.ready().await;
    let log = scene.stop(daemon).await;
    assert!(!log.contains("may be lost"), "said once: {log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_8_a_process_suspended_for_longer_than_the_retention_reports_it_too() {
    let (mut scene, daemon) = before().await;
    daemon.signal("STOP").await;
    outage(&mut scene).await;
    daemon.signal("CONT").await;
    assert_reported(&daemon).await;
    scene.put(3).await;
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
}

/// The shard of the checkpoint went with its records; its children, split off during the outage, are there.
#[tokio::test(flavor = "multi_thread")]
async fn cp_8_a_shard_that_the_stream_forgot_is_reported_and_its_children_are_read() {
    let (mut scene, daemon) = before().await;
    scene.stop(daemon).await;
    outage(&mut scene).await;
    scene.kinesis.split(STREAM, "shardId-000000000000").await;
    scene.kinesis.faults().forget_shard("shardId-000000000000");
    scene.put(6).await;
    let daemon = scene.home.start();
    assert_reported(&daemon).await;
    scene.until_final(&daemon).await;
    daemon.ready().await;
    scene.stop(daemon).await;
    scene.assert_exact().await;

    let daemon = scene.home.start();
    daemon.ready().await;
    let log = scene.stop(daemon).await;
    assert!(!log.contains("may be lost"), "said once: {log}");
}
