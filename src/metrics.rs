//! The metrics: one struct, registered in a registry that the caller passes.
//!
//! Label values come from the configuration, from closed enums and from shard ids; never from events. Known label
//! values start at zero; the series of a shard that is gone are removed. `docs/metrics.md` is this table for its reader.

use prometheus::{
    Error, Gauge, GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};

use maker::{Maker, histogram, options};

mod detections;
mod gather;
mod maker;
mod process;
mod series;
#[cfg(test)]
mod tests;

pub use detections::DetectionMetrics;
pub use gather::Registries;
pub use process::ProcessMetrics;

/// Every metric of the daemon, for one of its streams. Names are the fields' with the prefix `trailrisk_`.
#[derive(Clone)]
pub struct Metrics {
    /// `kinesis_records_total{stream, shard}`
    pub kinesis_records_total: IntCounterVec,
    /// `kinesis_record_bytes_total{stream, shard}`
    pub kinesis_record_bytes_total: IntCounterVec,
    /// `kinesis_aggregates_total{stream, outcome}`: split, bad
    pub kinesis_aggregates_total: IntCounterVec,
    /// `kinesis_subscriptions_total{stream, outcome}`: broken, drained, expired, silent
    pub kinesis_subscriptions_total: IntCounterVec,
    /// `kinesis_requests_total{stream, operation, outcome}`
    pub kinesis_requests_total: IntCounterVec,
    /// `kinesis_request_duration_seconds{stream, operation}`
    pub kinesis_request_duration_seconds: HistogramVec,
    /// `kinesis_shard_behind_latest_seconds{stream, shard}`
    pub kinesis_shard_behind_latest_seconds: GaugeVec,
    /// `kinesis_shard_last_read_timestamp_seconds{stream, shard}`
    pub kinesis_shard_last_read_timestamp_seconds: GaugeVec,
    /// `kinesis_stream_retention_seconds{stream}`
    pub kinesis_stream_retention_seconds: GaugeVec,
    /// `kinesis_shards{stream, state}`: open, draining, stalled
    pub kinesis_shards: IntGaugeVec,
    /// `kinesis_hash_range_holes{stream}`
    pub kinesis_hash_range_holes: IntGaugeVec,
    /// `kinesis_possible_loss_total{stream}`: positions that could not be continued from
    pub kinesis_possible_loss_total: IntCounterVec,
    /// `checkpoints_total{outcome}`: stored, failed
    pub checkpoints_total: IntCounterVec,
    /// `checkpoint_last_stored_timestamp_seconds`: by the host's clock; 0 before the first
    pub checkpoint_last_stored_timestamp_seconds: Gauge,
    /// `unclean_starts`: processes in a row that came to no orderly end, without progress in some shard (PO-2)
    pub unclean_starts: IntGauge,
    /// `checkpoint_lag_seconds{shard}`: newest processed arrival minus the arrival at `C`
    pub checkpoint_lag_seconds: GaugeVec,
    /// `lease_events_total{event}`: acquired, taken_over, renewal_failed, released, lost
    pub lease_events_total: IntCounterVec,
    /// `leases_held`: 1 while this process may act on its checkpoint, otherwise 0
    pub leases_held: IntGauge,
    /// `replayed_records_total{stream}`
    pub replayed_records_total: IntCounterVec,
    /// `tip_slack_violations_total{stream}`
    pub tip_slack_violations_total: IntCounterVec,
    /// `events_total{envelope}`
    pub events_total: IntCounterVec,
    /// `records_skipped_total`: can match no search, not parsed (PO-3)
    pub records_skipped_total: IntCounter,
    /// `entries_skipped_total`: of records with several events, those that can match no search, not parsed (PO-3)
    pub entries_skipped_total: IntCounter,
    /// `records_rejected_total{reason}`
    pub records_rejected_total: IntCounterVec,
    /// `events_duplicate_total{detection}`
    pub events_duplicate_total: IntCounterVec,
    /// `events_late_total{detection}`
    pub events_late_total: IntCounterVec,
    /// `events_future_total{detection}`
    pub events_future_total: IntCounterVec,
    /// `event_id_conflicts_total{detection}`: copies with one id and different content (AG-2)
    pub event_id_conflicts_total: IntCounterVec,
    /// `ingest_delay_seconds`: arrival minus event time
    pub ingest_delay_seconds: Histogram,
    /// `detection_matches_total{detection}`
    pub detection_matches_total: IntCounterVec,
    /// `detection_null_field_total{detection, field}`
    pub detection_null_field_total: IntCounterVec,
    /// `detection_hidden_rows_total{detection, filter}`
    pub detection_hidden_rows_total: IntCounterVec,
    /// `detection_cut_rows_total{detection}`
    pub detection_cut_rows_total: IntCounterVec,
    /// `watermark_timestamp_seconds`
    pub watermark_timestamp_seconds: Gauge,
    /// `watermark_lag_seconds`
    pub watermark_lag_seconds: Gauge,
    /// `open_instances`
    pub open_instances: IntGauge,
    /// `open_groups`
    pub open_groups: IntGauge,
    /// `state_bytes`
    pub state_bytes: IntGauge,
    /// `state_bytes_limit`
    pub state_bytes_limit: IntGauge,
    /// `window_closes_total{cause}`: watermark, forced
    pub window_closes_total: IntCounterVec,
    /// `risk_events_total{detection, stage, severity}`
    pub risk_events_total: IntCounterVec,
    /// `risk_events_withheld_total{detection, stage, reason}`: staged, stage, severity, no_sink
    pub risk_events_withheld_total: IntCounterVec,
    /// `filter_expiry_timestamp_seconds{detection, filter}`
    pub filter_expiry_timestamp_seconds: GaugeVec,
    /// `filters_expired`
    pub filters_expired: IntGauge,
    /// `detection_latency_seconds{stage}`: emission minus arrival of the newest contributing event
    pub detection_latency_seconds: HistogramVec,
    /// `backpressure_seconds_total{stage}`: read, sink
    pub backpressure_seconds_total: prometheus::CounterVec,
    /// What is loaded, and how reloads went.
    pub detections: DetectionMetrics,
    /// What there is once, however many streams are read.
    pub process: ProcessMetrics,
}

const SHORT: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
const LONG: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0];

impl Metrics {
    /// Registers every metric, those of the process included.
    ///
    /// # Errors
    /// When the registry already holds one of the names.
    pub fn new(registry: &Registry) -> Result<Self, Error> {
        Self::beside(ProcessMetrics::new(registry)?, registry)
    }

    /// Registers those of one stream. Those of the process are shared.
    ///
    /// # Errors
    /// When the registry already holds one of the names.
    #[expect(clippy::too_many_lines, reason = "a table: one metric a line")]
    pub fn beside(process: ProcessMetrics, registry: &Registry) -> Result<Self, Error> {
        let make = Maker::new(registry);
        let metrics = Self {
            kinesis_records_total: make.counters(
                "kinesis_records_total",
                "User records read from Kinesis.",
                &["stream", "shard"],
            )?,
            kinesis_record_bytes_total: make.counters(
                "kinesis_record_bytes_total",
                "Bytes of record data read from Kinesis.",
                &["stream", "shard"],
            )?,
            kinesis_aggregates_total: make.counters(
                "kinesis_aggregates_total",
                "Aggregates of the Kinesis Producer Library, by whether they could be taken apart.",
                &["stream", "outcome"],
            )?,
            kinesis_subscriptions_total: make.counters(
                "kinesis_subscriptions_total",
                "Subscriptions of enhanced fan-out by how they ended.",
                &["stream", "outcome"],
            )?,
            kinesis_requests_total: make.counters(
                "kinesis_requests_total",
                "Requests to Kinesis by what came of them.",
                &["stream", "operation", "outcome"],
            )?,
            kinesis_request_duration_seconds: make.histograms(
                "kinesis_request_duration_seconds",
                "How long a request to Kinesis took.",
                SHORT,
                &["stream", "operation"],
            )?,
            kinesis_shard_behind_latest_seconds: make.gauges(
                "kinesis_shard_behind_latest_seconds",
                "MillisBehindLatest of the last read.",
                &["stream", "shard"],
            )?,
            kinesis_shard_last_read_timestamp_seconds: make.gauges(
                "kinesis_shard_last_read_timestamp_seconds",
                "When the shard was last read successfully.",
                &["stream", "shard"],
            )?,
            kinesis_stream_retention_seconds: make.gauges(
                "kinesis_stream_retention_seconds",
                "How long the stream keeps a record, as it was last described.",
                &["stream"],
            )?,
            kinesis_shards: make.int_gauges("kinesis_shards", "Shards by state.", &["stream", "state"])?,
            kinesis_hash_range_holes: make.int_gauges(
                "kinesis_hash_range_holes",
                "Ranges of hash keys that no open shard has, in three listings in a row.",
                &["stream"],
            )?,
            kinesis_possible_loss_total: make.counters(
                "kinesis_possible_loss_total",
                "Positions that could not be continued from, because the stream no longer holds them.",
                &["stream"],
            )?,
            checkpoints_total: make.counters("checkpoints_total", "Checkpoints by outcome.", &["outcome"])?,
            checkpoint_last_stored_timestamp_seconds: make.gauge(
                "checkpoint_last_stored_timestamp_seconds",
                "When a checkpoint was last stored; 0 before the first.",
            )?,
            unclean_starts: make.int_gauge(
                "unclean_starts",
                "Processes before this one, in a row, that came to no orderly end, without progress in some shard; 0 once this \
                 one has gone on for a quarter of an hour.",
            )?,
            checkpoint_lag_seconds: make.gauges(
                "checkpoint_lag_seconds",
                "Newest processed arrival minus the arrival at the checkpoint.",
                &["shard"],
            )?,
            lease_events_total: make.counters(
                "lease_events_total",
                "What happened to the lease of the checkpoint's table.",
                &["event"],
            )?,
            leases_held: make.int_gauge("leases_held", "Whether this process may act on its checkpoint.")?,
            replayed_records_total: make.counters(
                "replayed_records_total",
                "Records read again after a restart, in silence.",
                &["stream"],
            )?,
            tip_slack_violations_total: make.counters(
                "tip_slack_violations_total",
                "Records that Kinesis made readable later than tip_slack after their arrival.",
                &["stream"],
            )?,
            events_total: make.counters("events_total", "CloudTrail events decoded, by envelope.", &["envelope"])?,
            records_skipped_total: make.register(IntCounter::with_opts(options(
                "records_skipped_total",
                "Records skipped unparsed, because their text shows that no search can match an event in them.",
            ))?)?,
            entries_skipped_total: make.register(IntCounter::with_opts(options(
                "entries_skipped_total",
                "Entries skipped unparsed of records with several events that are not skipped whole, for the same reason.",
            ))?)?,
            records_rejected_total: make.counters(
                "records_rejected_total",
                "Records or events that could not be decoded.",
                &["reason"],
            )?,
            events_duplicate_total: make.counters(
                "events_duplicate_total",
                "Copies of events that were already counted.",
                &["detection"],
            )?,
            events_late_total: make.counters("events_late_total", "Events gathered in a late pane.", &["detection"])?,
            events_future_total: make.counters(
                "events_future_total",
                "Events dated after their arrival, gathered in a future pane.",
                &["detection"],
            )?,
            event_id_conflicts_total: make.counters(
                "event_id_conflicts_total",
                "Copies with one event id and different content.",
                &["detection"],
            )?,
            ingest_delay_seconds: make.register(Histogram::with_opts(histogram(
                "ingest_delay_seconds",
                "Arrival minus event time.",
                LONG,
            ))?)?,
            detection_matches_total: make.counters(
                "detection_matches_total",
                "Events counted in a group.",
                &["detection"],
            )?,
            detection_null_field_total: make.counters(
                "detection_null_field_total",
                "Events dropped because a by-field does not exist in them.",
                &["detection", "field"],
            )?,
            detection_hidden_rows_total: make.counters(
                "detection_hidden_rows_total",
                "Result rows hidden by a filter macro.",
                &["detection", "filter"],
            )?,
            detection_cut_rows_total: make.counters(
                "detection_cut_rows_total",
                "Rows not made: beyond the bounds on the rows of one event and of one window (at least so many).",
                &["detection"],
            )?,
            watermark_timestamp_seconds: make
                .gauge("watermark_timestamp_seconds", "Everything that arrived up to this instant is processed.")?,
            watermark_lag_seconds: make.gauge("watermark_lag_seconds", "Now minus the watermark.")?,
            open_instances: make.int_gauge("open_instances", "Window instances not yet closed.")?,
            open_groups: make.int_gauge("open_groups", "Groups in open instances.")?,
            state_bytes: make.int_gauge("state_bytes", "Estimated size of the open instances.")?,
            state_bytes_limit: make.int_gauge("state_bytes_limit", "The bound of state_bytes.")?,
            window_closes_total: make.counters("window_closes_total", "Instances closed, by cause.", &["cause"])?,
            risk_events_total: make.counters(
                "risk_events_total",
                "Risk events that were made, withheld ones included.",
                &["detection", "stage", "severity"],
            )?,
            risk_events_withheld_total: make.counters(
                "risk_events_withheld_total",
                "Risk events that no sink gets, by the first reason why.",
                &["detection", "stage", "reason"],
            )?,
            filter_expiry_timestamp_seconds: make.gauges(
                "filter_expiry_timestamp_seconds",
                "End of the last window in which a filter macro applies.",
                &["detection", "filter"],
            )?,
            filters_expired: make.int_gauge("filters_expired", "Filters of loaded detections that have expired.")?,
            detection_latency_seconds: make.histograms(
                "detection_latency_seconds",
                "Emission minus arrival of the newest contributing event.",
                LONG,
                &["stage"],
            )?,
            backpressure_seconds_total: make.register(prometheus::CounterVec::new(
                options("backpressure_seconds_total", "Time spent waiting for room."),
                &["stage"],
            )?)?,
            detections: DetectionMetrics::new(&make)?,
            process,
        };
        metrics.start_at_zero();
        Ok(metrics)
    }
}
