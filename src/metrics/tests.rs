//! The names and labels against Prometheus's naming rules, and the series against their life cycle.

use std::collections::{BTreeMap, BTreeSet};

use prometheus::TextEncoder;
use prometheus::proto::{MetricFamily, MetricType};

use super::*;
use crate::engine::ShardId;
use crate::plan::Severity;

mod page;

/// Labels whose values are bounded by the configuration, by closed enums or by the stream's shards.
const BOUNDED_LABELS: [&str; 17] = [
    "cause",
    "detection",
    "envelope",
    "event",
    "field",
    "filter",
    "operation",
    "origin",
    "outcome",
    "reason",
    "revision",
    "severity",
    "shard",
    "sink",
    "stage",
    "state",
    "stream",
];

/// A registry in which every metric has at least one series.
fn populated() -> (Registry, Metrics) {
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).expect("an empty registry takes every metric");
    metrics.know_stream("s");
    metrics.know_detection("d", Severity::High);
    metrics.process.build_info.with_label_values(&["0.1.0", "abc"]).set(1);
    metrics.know_shard("s", &ShardId::new("shard"));
    metrics.kinesis_stream_retention_seconds.with_label_values(&["s"]).set(86400.0);
    metrics.kinesis_shard_behind_latest_seconds.with_label_values(&["s", "shard"]).set(1.0);
    metrics.kinesis_shard_last_read_timestamp_seconds.with_label_values(&["s", "shard"]).set(1.0);
    metrics.checkpoint_lag_seconds.with_label_values(&["shard"]).set(1.0);
    metrics.detection_null_field_total.with_label_values(&["d", "f"]).inc();
    metrics.detection_cut_rows_total.with_label_values(&["d"]).inc();
    metrics.detection_hidden_rows_total.with_label_values(&["d", "f"]).inc();
    metrics.filter_expiry_timestamp_seconds.with_label_values(&["d", "f"]).set(1.0);
    for outcome in ["ok", "retryable", "refused"] {
        metrics.process.sink_attempts_total.with_label_values(&["soc", outcome]);
    }
    for outcome in ["acknowledged", "dead_lettered", "dropped"] {
        metrics.process.sink_deliveries_total.with_label_values(&["soc", outcome]);
    }
    metrics.process.sink_delivery_seconds.with_label_values(&["soc"]).observe(0.1);
    metrics.process.sink_circuit_open.with_label_values(&["soc"]).set(0);
    metrics.process.sink_pending.with_label_values(&["soc"]).set(1);
    metrics.process.sink_oldest_pending_seconds.with_label_values(&["soc"]).set(1.0);
    (registry, metrics)
}

fn ours(registry: &Registry) -> Vec<MetricFamily> {
    registry.gather().into_iter().filter(|family| family.name().starts_with("trailrisk_")).collect()
}

fn series(registry: &Registry) -> BTreeMap<String, f64> {
    let text = TextEncoder::new().encode_to_string(&registry.gather()).expect("metrics are text");
    let lines = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    lines.map(|(name, value)| (name.to_owned(), value.parse().expect("a number"))).collect()
}

#[test]
fn names_follow_the_rules() {
    for family in ours(&populated().0) {
        let (name, kind) = (family.name(), family.get_field_type());
        let is_counter = kind == MetricType::COUNTER;
        assert_eq!(name.ends_with("_total"), is_counter, "{name}: _total marks counters alone");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{name}");
        let is_base_unit =
            !["_ms", "_millis", "_minutes", "_hours", "_kib", "_mib"].iter().any(|unit| name.contains(unit));
        assert!(is_base_unit, "{name}: seconds and bytes are the units");
        assert!(kind != MetricType::HISTOGRAM || name.ends_with("_seconds"), "{name}: a histogram names its unit");
        assert!(family.help().ends_with('.') && family.help().len() > 10, "{name}: its help is a sentence");
    }
}

#[test]
fn labels_are_bounded() {
    let bounded: BTreeSet<&str> = BOUNDED_LABELS.into_iter().chain(["version"]).collect();
    for family in ours(&populated().0) {
        for label in family.get_metric().iter().flat_map(|metric| metric.get_label()) {
            assert!(bounded.contains(label.name()), "{}: {}", family.name(), label.name());
        }
    }
}

#[test]
fn every_metric_of_the_struct_can_be_gathered() {
    let structs = concat!(include_str!("../metrics.rs"), include_str!("detections.rs"), include_str!("process.rs"));
    let fields = structs.lines().filter(|line| line.starts_with("    /// `")).count();
    assert_eq!(ours(&populated().0).len(), fields, "one documented field a metric, each with a series");
}

/// A time of 0 would be an alert: there is none before a read has told it.
#[test]
fn what_only_a_read_can_tell_does_not_start_at_zero() {
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).expect("an empty registry");
    metrics.know_stream("s");
    metrics.know_shard("s", &ShardId::new("a"));
    let series = series(&registry);
    for name in ["behind_latest", "last_read", "retention"] {
        assert!(!series.keys().any(|series| series.contains(name)), "{name}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_process_is_measured() {
    let names: BTreeSet<String> = populated().0.gather().iter().map(|family| family.name().to_owned()).collect();
    for name in
        ["process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"]
    {
        assert!(names.contains(name), "{name}");
    }
}

#[test]
fn known_label_values_start_at_zero() {
    let registry = Registry::new();
    let metrics = Metrics::new(&registry).expect("an empty registry");
    metrics.know_stream("s");
    metrics.know_detection("d", Severity::High);
    metrics.know_shard("s", &ShardId::new("a"));
    let series = series(&registry);
    for name in [
        "trailrisk_records_rejected_total{reason=\"no_event_time\"}",
        "trailrisk_events_total{envelope=\"bare\"}",
        "trailrisk_checkpoints_total{outcome=\"failed\"}",
        "trailrisk_window_closes_total{cause=\"forced\"}",
        "trailrisk_dead_letters_total{origin=\"sink\"}",
        "trailrisk_backpressure_seconds_total{stage=\"read\"}",
        "trailrisk_kinesis_requests_total{operation=\"GetRecords\",outcome=\"throttled\",stream=\"s\"}",
        "trailrisk_kinesis_shards{state=\"stalled\",stream=\"s\"}",
        "trailrisk_kinesis_possible_loss_total{stream=\"s\"}",
        "trailrisk_risk_events_total{detection=\"d\",severity=\"high\",stage=\"early\"}",
        "trailrisk_detection_matches_total{detection=\"d\"}",
        "trailrisk_risk_events_withheld_total{detection=\"d\",reason=\"no_sink\",stage=\"early\"}",
        "trailrisk_filters_expired",
        "trailrisk_checkpoint_last_stored_timestamp_seconds",
        "trailrisk_kinesis_request_duration_seconds_count{operation=\"GetRecords\",stream=\"s\"}",
        "trailrisk_detection_latency_seconds_count{stage=\"final\"}",
        "trailrisk_kinesis_records_total{shard=\"a\",stream=\"s\"}",
        "trailrisk_kinesis_record_bytes_total{shard=\"a\",stream=\"s\"}",
    ] {
        assert_eq!(series.get(name), Some(&0.0), "{name}");
    }
}

#[test]
fn a_forgotten_shard_leaves_no_series_and_takes_no_other_along() {
    let (registry, metrics) = populated();
    metrics.kinesis_records_total.with_label_values(&["s", "other"]).inc();
    metrics.forget_shard("s", &ShardId::new("shard"));
    metrics.forget_shard("s", &ShardId::new("never-seen"));
    let of_shard =
        |shard: &str| series(&registry).into_keys().filter(|name| name.contains(&format!("shard=\"{shard}\""))).count();
    assert_eq!((of_shard("shard"), of_shard("other")), (0, 1));
}

#[test]
fn a_registry_takes_the_metrics_once() {
    let (registry, _) = populated();
    assert!(Metrics::new(&registry).is_err());
}

/// Of several sources, everything that is a stream's says its name, what is the process's comes once, and a family has one
/// head.
#[test]
fn several_sources_are_one_page_of_series_that_say_whose_they_are() {
    let registry = Registry::new();
    let process = ProcessMetrics::new(&registry).expect("an empty registry");
    let mut registries = Registries::new(registry);
    for (count, source) in (1..).zip(["east", "west"]) {
        let own = registries.add_source(source);
        let metrics = Metrics::beside(process.clone(), &own).expect("an empty registry");
        metrics.records_skipped_total.inc_by(count);
        metrics.know_stream("trail");
    }
    let text = TextEncoder::new().encode_to_string(&registries.gather()).expect("metrics are text");
    for line in [
        "trailrisk_records_skipped_total{source=\"east\"} 1",
        "trailrisk_records_skipped_total{source=\"west\"} 2",
        "trailrisk_dead_letters_total{origin=\"sink\"} 0",
    ] {
        assert_eq!(text.lines().filter(|known| *known == line).count(), 1, "{line}\n{text}");
    }
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("# TYPE ")).collect();
    let names: BTreeSet<&str> = heads.iter().copied().collect();
    assert_eq!(heads.len(), names.len(), "{heads:?}");
    assert!(heads.is_sorted(), "in the order of their names: {heads:?}");
    let loss = text.lines().filter(|line| line.starts_with("trailrisk_kinesis_possible_loss_total{"));
    assert_eq!(loss.count(), 2, "streams of one name are told apart");
}
