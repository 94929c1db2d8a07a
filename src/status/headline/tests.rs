use std::time::Duration;

use super::*;
use crate::status::{Failing, Shard, ShardState, Sink, Status, WatermarkHold};

/// A daemon in which all is well, as the documentation shows it.
fn healthy() -> Snapshot {
    let status: Status = serde_json::from_str(include_str!("../../../docs/status.example.json")).expect("a status");
    let mut snapshot = status.snapshot;
    snapshot.watermark.lag_seconds = Some(6.2);
    snapshot.watermark.held_by = Some(WatermarkHold::Shard("shardId-000000000001".to_owned()));
    snapshot.shards.truncate(1);
    Shard { state: ShardState::Open, stalled_since: None, failure: None, paused: false, ..snapshot.shards[0].clone() }
        .clone_into(&mut snapshot.shards[0]);
    snapshot.sinks.truncate(1);
    snapshot.sinks[0].failing = None;
    snapshot
}

fn situation(snapshot: &Snapshot) -> Situation<'_> {
    Situation {
        snapshot,
        age: Duration::ZERO,
        checks: Vec::new(),
        starting: None,
        draining: false,
        lease: None,
        checkpoint: None,
        silent: Vec::new(),
    }
}

/// The verdict and the headline.
fn said(snapshot: &Snapshot) -> (Health, String) {
    let status = situation(snapshot).status();
    (status.health, status.headline())
}

fn stalled(snapshot: &mut Snapshot) -> &mut Shard {
    let shard = &mut snapshot.shards[0];
    shard.id = "shardId-000000000002".to_owned();
    shard.state = ShardState::Stalled;
    shard.stalled_since = Some("2026-11-24T12:01:05Z".to_owned());
    shard
}

fn failing(sink: &mut Sink, kind: &str) {
    let error = "HTTP 503".to_owned();
    sink.name = "soc".to_owned();
    sink.pending = 12;
    sink.failing =
        Some(Failing { kind: kind.to_owned(), since: "2026-11-24T12:01:05Z".to_owned(), seconds: 200.0, error });
}

#[test]
fn where_nothing_is_wrong_the_headline_says_how_far_behind_it_is() {
    let expected = "Healthy: 6.2 s behind, 1 shard read, the sink delivers";
    assert_eq!(said(&healthy()), (Health::Healthy, expected.to_owned()));
    assert!(situation(&healthy()).findings().is_empty());
}

#[test]
fn rd_3_a_stalled_shard_is_named_with_its_cause_and_how_far_it_leaves_everything_behind() {
    let mut snapshot = healthy();
    snapshot.watermark.lag_seconds = Some(199.0);
    stalled(&mut snapshot).failure = Some("GetRecords: AccessDeniedException".to_owned());
    let expected = "Behind by 3 min: shardId-...02 is stalled since 12:01 UTC (GetRecords: AccessDeniedException)";
    assert_eq!(said(&snapshot), (Health::Failing, expected.to_owned()));
    let findings = situation(&snapshot).findings();
    assert_eq!(findings.len(), 1, "the lag has its cause: {findings:?}");
    assert_eq!(findings[0].name.as_deref(), Some("shardId-000000000002"), "in full");
    assert!(findings[0].runbook.as_ref().is_some_and(|url| url.ends_with("docs/runbook.md#trailriskshardstalled")));
}

#[test]
fn several_stalled_shards_are_one_sentence() {
    let mut snapshot = healthy();
    let shard = stalled(&mut snapshot).clone();
    snapshot.shards.push(shard);
    assert_eq!(said(&snapshot).1, "shardId-...02 is stalled since 12:01 UTC, and 1 more");
}

#[test]
fn cp_7_a_failing_sink_is_bad_only_where_it_is_required() {
    let mut snapshot = healthy();
    failing(&mut snapshot.sinks[0], "unavailable");
    let expected = "Sink soc is unavailable since 12:01 UTC, 12 deliveries waiting: HTTP 503";
    assert_eq!(said(&snapshot), (Health::Failing, expected.to_owned()));
    snapshot.sinks[0].required = false;
    assert_eq!(said(&snapshot), (Health::Attention, expected.to_owned()));
    failing(&mut snapshot.sinks[0], "misconfigured");
    assert!(said(&snapshot).1.starts_with("Sink soc refuses its configuration since 12:01 UTC"));
}

#[test]
fn bd_1_a_full_sink_that_holds_reading_is_the_cause_of_the_lag() {
    let mut snapshot = healthy();
    snapshot.watermark.lag_seconds = Some(400.0);
    snapshot.watermark.held_by = Some(WatermarkHold::Sink("soc".to_owned()));
    assert_eq!(said(&snapshot).1, "Behind by 6 min: nothing is read while the queue of sink soc is full");
    failing(&mut snapshot.sinks[0], "unavailable");
    let findings = situation(&snapshot).findings();
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].text.starts_with("Behind by 6 min: sink soc is unavailable since"), "{findings:?}");
}

#[test]
fn a_lag_is_measured_against_what_the_configuration_makes_normal() {
    let mut snapshot = healthy();
    snapshot.watermark.expected_lag_seconds = 600.0;
    let at = |snapshot: &mut Snapshot, lag| {
        snapshot.watermark.lag_seconds = Some(lag);
        said(snapshot).0
    };
    let verdicts = [660.0, 661.0, 901.0].map(|lag| at(&mut snapshot, lag));
    assert_eq!(verdicts, [Health::Healthy, Health::Attention, Health::Failing]);
    snapshot.shards[0].id = "shardId-000000000001".to_owned();
    assert_eq!(said(&snapshot).1, "Behind by 15 min: shardId-...01 is still being read");
    snapshot.stream.replaying = true;
    assert_eq!(said(&snapshot).0, Health::Transition, "a restart catches up by itself");
}

#[test]
fn a_stuck_pipeline_comes_before_everything_that_it_can_no_longer_say() {
    let mut snapshot = healthy();
    stalled(&mut snapshot);
    let situation = Situation {
        age: Duration::from_secs(80),
        silent: vec![("pipeline".to_owned(), Duration::from_secs(75))],
        checkpoint: Some("the disk is full".to_owned()),
        ..situation(&snapshot)
    };
    let texts: Vec<_> = situation.findings().into_iter().map(|finding| finding.text).collect();
    assert_eq!(texts[0], "Stuck: pipeline has given no sign of life for 75 s");
    assert!(texts[1].ends_with(": the disk is full") && texts[2].contains("is stalled"), "{texts:?}");
}

#[test]
fn old_figures_are_said_to_be_old() {
    let snapshot = healthy();
    let aged = |seconds| Situation { age: Duration::from_secs(seconds), ..situation(&snapshot) }.status().headline();
    assert!(aged(15).starts_with("Healthy"));
    assert_eq!(aged(16), "The pipeline is busy: the figures are 16 s old");
}

#[test]
fn start_and_stop_are_no_faults() {
    let snapshot = healthy();
    let starting = Situation { starting: Some("not listed yet".to_owned()), ..situation(&snapshot) }.status();
    assert_eq!((starting.health, starting.headline().as_str()), (Health::Transition, "Starting: not listed yet"));
    assert_eq!(starting.findings[0].runbook, None, "nothing is to be done");
    let draining = Situation { draining: true, ..situation(&snapshot) }.status();
    assert!(draining.headline().starts_with("Stopping"));
}

#[test]
fn cp_8_a_shard_that_nears_the_retention_is_said_before_its_cause() {
    let mut snapshot = healthy();
    let behind = |snapshot: &mut Snapshot, seconds| {
        snapshot.shards[0].behind_latest_seconds = Some(seconds);
        said(snapshot)
    };
    assert_eq!(behind(&mut snapshot, 43_200.0).0, Health::Healthy, "half of the 24 h that the stream keeps");
    let expected = "Records will be lost: shardId-...02 is 12 h behind, and the stream keeps 24 h";
    assert_eq!(behind(&mut snapshot, 43_201.0), (Health::Failing, expected.to_owned()));
    snapshot.stream.replaying = true;
    assert_eq!(said(&snapshot).0, Health::Transition, "a restart reads again what was read");
    snapshot.stream.replaying = false;
    // What Kinesis said of a stalled shard's tip stands still.
    (snapshot.shards[0].behind_latest_seconds, snapshot.shards[0].lag_seconds) = (Some(0.0), Some(46_800.0));
    stalled(&mut snapshot);
    let links: Vec<_> = situation(&snapshot).findings().into_iter().filter_map(|finding| finding.runbook).collect();
    let anchors: Vec<_> = links.iter().filter_map(|link| Some(link.split_once('#')?.1)).collect();
    assert_eq!(anchors, ["trailriskretentionrisk", "trailriskshardstalled"]);
    snapshot.stream.retention_seconds = None;
    assert!(said(&snapshot).1.contains("is stalled"), "nobody knows yet how long it is kept");
}

#[test]
fn cp_8_a_loss_stays_to_be_looked_at_and_is_worse_than_nothing_that_fails() {
    let mut snapshot = healthy();
    snapshot.stream.possible_losses = 1;
    let expected = "Records may have been lost: the log has shard and range";
    assert_eq!(said(&snapshot), (Health::Attention, expected.to_owned()));
    snapshot.stream.possible_losses = 4;
    assert!(said(&snapshot).1.contains("lost, 4 times since the start"), "{}", said(&snapshot).1);
    failing(&mut snapshot.sinks[0], "unavailable");
    assert!(said(&snapshot).1.starts_with("Sink soc"));
}

#[test]
fn po_2_three_unclean_ends_in_a_row_are_said() {
    let mut snapshot = healthy();
    snapshot.about.unclean_starts = 2;
    assert_eq!(said(&snapshot).0, Health::Healthy);
    snapshot.about.unclean_starts = 3;
    let expected = "The process before this one, and 2 more, came to no orderly end";
    assert_eq!(said(&snapshot), (Health::Failing, expected.to_owned()));
}

/// A disk that hangs reports nothing.
#[test]
fn a_checkpoint_that_neither_fails_nor_comes_is_said_when_its_alert_fires() {
    let mut snapshot = healthy();
    snapshot.checkpoint.stored_at = Some("2026-11-24T12:01:05Z".to_owned());
    snapshot.checkpoint.age_seconds = Some(900.0);
    assert_eq!(said(&snapshot).0, Health::Healthy);
    snapshot.checkpoint.age_seconds = Some(901.0);
    let expected = "No checkpoint was stored since 12:01 UTC: does its folder answer?";
    assert_eq!(said(&snapshot), (Health::Failing, expected.to_owned()));
}

#[test]
fn bd_2_state_is_said_to_be_short_before_windows_are_closed_early() {
    let mut snapshot = healthy();
    (snapshot.state.bytes, snapshot.state.limit_bytes) = (749, 1000);
    assert_eq!(said(&snapshot).0, Health::Healthy);
    snapshot.state.bytes = 750;
    assert_eq!(
        said(&snapshot),
        (Health::Attention, "Open windows take 750 B of 1000 B: at the bound they are closed early".to_owned())
    );
}

#[test]
fn what_is_worse_is_said_first() {
    let mut snapshot = healthy();
    snapshot.detections_on_disk_valid = false;
    assert!(said(&snapshot).1.starts_with("The detections on disk are refused"));
    stalled(&mut snapshot);
    let findings = situation(&snapshot).findings();
    assert_eq!(findings.iter().map(|finding| finding.health).collect::<Vec<_>>(), [Health::Failing, Health::Attention]);
}

#[test]
fn a_process_without_its_lease_waits_at_its_start_and_fails_later() {
    let snapshot = healthy();
    let held = Some("the lease of trail is held by worker-1".to_owned());
    let waits = Situation { lease: held.clone(), starting: Some("not listed yet".to_owned()), ..situation(&snapshot) };
    assert_eq!(waits.clone().status().health, Health::Transition);
    assert!(waits.findings().iter().any(|finding| finding.text.contains("held by worker-1")));
    let fails = Situation { lease: held, ..situation(&snapshot) }.status();
    assert_eq!(
        (fails.health, fails.headline().as_str()),
        (Health::Failing, "Nothing is read: the lease of trail is held by worker-1")
    );
}
