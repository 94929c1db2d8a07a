//! Which series there are on the real binary: what is known from the start on, those of the shards that are read, and no
//! others.

use std::collections::BTreeSet;

use serde_json::json;

use super::{STREAM, config, home};
use crate::metrics_page::{self, Row};
use crate::support::PATIENCE;
use crate::support::kinesis::{Fault, LocalKinesis};

/// What has no value before it is told: only a filter that may expire has an end.
const LATER: [&str; 1] = ["trailrisk_filter_expiry_timestamp_seconds"];
/// What the first read tells; a shard without one has no such series.
const READ: [&str; 2] =
    ["trailrisk_kinesis_shard_behind_latest_seconds", "trailrisk_kinesis_shard_last_read_timestamp_seconds"];

/// Whether a sample is one of the metric, with this label value where there is one.
fn is_of(line: &str, row: &Row, value: Option<&(String, String)>) -> bool {
    let Some(rest) = line.strip_prefix(&row.name) else { return false };
    let rest = rest.strip_prefix("_count").unwrap_or(rest);
    rest.starts_with(['{', ' '])
        && value.is_none_or(|(label, value)| {
            [format!("{{{label}=\"{value}\""), format!(",{label}=\"{value}\"")].iter().any(|pair| rest.contains(pair))
        })
}

/// Every metric of the page, with every label value that it names: an increase of what was not there before is not seen.
#[tokio::test]
async fn everything_that_is_known_is_there_before_the_first_record() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["checkpoint"]["interval"] = json!("1s");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let read = || async { daemon.metrics().await.contains(READ[1]).then_some(()) };
    daemon.until(PATIENCE, "the first, empty read", read).await;
    let known = || async { daemon.metrics().await.contains("trailrisk_checkpoint_lag_seconds{").then_some(()) };
    daemon.until(PATIENCE, "a checkpoint with the shard", known).await;
    let metrics = daemon.metrics().await;
    let mut missing = BTreeSet::new();
    for row in metrics_page::rows().iter().filter(|row| !LATER.contains(&row.name.as_str())) {
        let values = row.values.iter().map(Some).chain([None]);
        let absent = values.filter(|value| !metrics.lines().any(|line| is_of(line, row, *value)));
        missing.extend(absent.map(|value| format!("{} {value:?}", row.name)));
    }
    assert!(missing.is_empty(), "{missing:#?}");
    let records = format!(r#"trailrisk_kinesis_records_total{{shard="shardId-000000000000",stream="{STREAM}"}} 0"#);
    assert!(metrics.lines().any(|line| line == records), "nothing was put");
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// Other metrics of the process do not tell when and how long.
#[tokio::test]
async fn the_last_checkpoint_and_the_retention_of_the_stream_are_told_as_they_are() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    home.configure(config(&kinesis).to_string());
    let daemon = home.start();
    daemon.ready().await;
    let retention = format!(r#"trailrisk_kinesis_stream_retention_seconds{{stream="{STREAM}"}}"#);
    assert_eq!(daemon.metric(&retention).await, 86_400.0);
    let request = kinesis.client().increase_stream_retention_period().stream_name(STREAM).retention_period_hours(48);
    request.send().await.expect("it is raised");
    let raised = || async { (daemon.metric(&retention).await == 172_800.0).then_some(()) };
    daemon.until(PATIENCE, "the next listing tells that it was raised", raised).await;
    let stored = async || daemon.metric("trailrisk_checkpoint_last_stored_timestamp_seconds").await;
    let first = stored().await;
    let now = crate::support::wall_millis() as f64 / 1000.0;
    assert!((now - 60.0..=now + 1.0).contains(&first), "{first} is not now, {now}");
    let newer = || async { (stored().await > first).then_some(()) };
    daemon.until(PATIENCE, "another checkpoint", newer).await;
    let obstacle = || async {
        std::fs::remove_file(home.path("checkpoint.json")).ok()?;
        // It may have been stored again meanwhile.
        std::fs::create_dir(home.path("checkpoint.json")).ok()
    };
    daemon.until(PATIENCE, "nothing can be stored there", obstacle).await;
    let failed = r#"trailrisk_checkpoints_total{outcome="failed"}"#;
    let fails = || async { (daemon.metric(failed).await >= 1.0).then_some(()) };
    daemon.until(PATIENCE, "a checkpoint cannot be stored", fails).await;
    let (last, count) = (stored().await, daemon.metric(failed).await);
    let again = || async { (daemon.metric(failed).await > count).then_some(()) };
    daemon.until(PATIENCE, "another failure", again).await;
    assert_eq!(stored().await, last, "a failure is no checkpoint");
    daemon.kill().await;
}

/// A shard that passes its retention while it is stalled is read by nobody any more who could take its check back.
#[tokio::test]
async fn a_stalled_shard_that_disappears_is_no_reason_against_readiness_and_leaves_no_series() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    let mut config = config(&kinesis);
    config["source"]["stalled_after"] = json!("1s");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    // Each try asks for a new iterator, as after a long outage.
    kinesis.faults().inject_always("GetRecords", Fault::EXPIRED_ITERATOR);
    let stalled = || async { daemon.get("/readyz").await.filter(|(_, body)| body.matches("stalled").count() == 2) };
    daemon.until(PATIENCE, "both shards are stalled", stalled).await;
    kinesis.faults().forget_shard("shardId-000000000000");
    kinesis.faults().clear();
    daemon.ready().await;
    let (_, report) = daemon.get("/readyz?verbose").await.expect("it answers");
    assert!(!report.contains("shardId-000000000000"), "{report}");
    let gone = || async { (!daemon.metrics().await.contains(r#"shard="shardId-000000000000""#)).then_some(()) };
    daemon.until(PATIENCE, "its series go", gone).await;
    let states = format!(r#"trailrisk_kinesis_shards{{state="stalled",stream="{STREAM}"}}"#);
    assert_eq!(daemon.metric(&states).await, 0.0);
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// Both its beginning and its end are between two checkpoints: none shows it as being read.
#[tokio::test]
async fn the_series_of_a_shard_that_began_and_ended_between_two_checkpoints_go() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["checkpoint"]["interval"] = json!("8s");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    kinesis.split(STREAM, "shardId-000000000001").await;
    let left = || async {
        let metrics = daemon.metrics().await;
        let of = |shard: &str| metrics.contains(&format!(r#"shard="shardId-00000000000{shard}""#));
        (of("2") && of("3") && of("4") && !of("0") && !of("1")).then_some(())
    };
    daemon.until(PATIENCE, "only the open shards have series", left).await;
    assert_eq!(daemon.stop().await.code, Some(0));
}
