//! Which series there are: known label values start at zero, so that their first increase is seen; what is gone leaves none.

use super::Metrics;
use crate::cloudtrail::{Envelope, RejectReason};
use crate::engine::ShardId;
use crate::plan::Severity;
use crate::risk_event::Stage;

/// The requests that the source makes, as Kinesis spells them.
const KINESIS_OPERATIONS: [&str; 7] = [
    "DescribeStreamSummary",
    "ListShards",
    "GetShardIterator",
    "GetRecords",
    "DescribeStreamConsumer",
    "RegisterStreamConsumer",
    "SubscribeToShard",
];

/// Why a risk event goes to no sink.
const WITHHELD_REASONS: [&str; 4] = ["staged", "stage", "severity", "no_sink"];

impl Metrics {
    pub(super) fn start_at_zero(&self) {
        for envelope in Envelope::ALL {
            self.events_total.with_label_values(&[envelope.as_str()]);
        }
        for reason in RejectReason::ALL {
            self.records_rejected_total.with_label_values(&[reason.as_str()]);
        }
        for outcome in ["stored", "failed"] {
            self.checkpoints_total.with_label_values(&[outcome]);
        }
        for event in ["acquired", "taken_over", "renewal_failed", "released", "lost"] {
            self.lease_events_total.with_label_values(&[event]);
        }
        for cause in ["watermark", "forced"] {
            self.window_closes_total.with_label_values(&[cause]);
        }
        for stage in ["read", "sink"] {
            self.backpressure_seconds_total.with_label_values(&[stage]);
        }
        for stage in Stage::ALL {
            self.detection_latency_seconds.with_label_values(&[stage.as_str()]);
        }
    }

    /// Lets the series of a stream start at zero, so that their first increase is seen.
    pub fn know_stream(&self, stream: &str) {
        let counters =
            [&self.kinesis_possible_loss_total, &self.replayed_records_total, &self.tip_slack_violations_total];
        for counter in counters {
            counter.with_label_values(&[stream]);
        }
        self.kinesis_hash_range_holes.with_label_values(&[stream]);
        for outcome in ["bad", "split"] {
            self.kinesis_aggregates_total.with_label_values(&[stream, outcome]);
        }
        for outcome in ["broken", "drained", "expired", "silent"] {
            self.kinesis_subscriptions_total.with_label_values(&[stream, outcome]);
        }
        for operation in KINESIS_OPERATIONS {
            self.kinesis_request_duration_seconds.with_label_values(&[stream, operation]);
            for outcome in ["ok", "throttled", "expired_iterator", "error"] {
                self.kinesis_requests_total.with_label_values(&[stream, operation, outcome]);
            }
        }
        for state in ["open", "draining", "stalled"] {
            self.kinesis_shards.with_label_values(&[stream, state]);
        }
    }

    /// Lets the series of a loaded detection start at zero; `detection` is the label's value.
    pub fn know_detection(&self, detection: &str, severity: Severity) {
        let counters = [
            &self.events_duplicate_total,
            &self.events_late_total,
            &self.events_future_total,
            &self.event_id_conflicts_total,
            &self.detection_matches_total,
        ];
        for counter in counters {
            counter.with_label_values(&[detection]);
        }
        for stage in Stage::ALL {
            self.risk_events_total.with_label_values(&[detection, stage.as_str(), severity.as_str()]);
            for reason in WITHHELD_REASONS {
                self.risk_events_withheld_total.with_label_values(&[detection, stage.as_str(), reason]);
            }
        }
    }

    /// Lets the counters of a shard that is about to be read start at zero. What its first read tells has no value before.
    pub fn know_shard(&self, stream: &str, shard: &ShardId) {
        for counter in [&self.kinesis_records_total, &self.kinesis_record_bytes_total] {
            counter.with_label_values(&[stream, shard.as_str()]);
        }
    }

    /// Removes the series of a shard that is drained and released.
    pub fn forget_shard(&self, stream: &str, shard: &ShardId) {
        let labels = &[stream, shard.as_str()];
        // An absent series is as good as a removed one.
        let _ = self.kinesis_records_total.remove_label_values(labels);
        let _ = self.kinesis_record_bytes_total.remove_label_values(labels);
        let _ = self.kinesis_shard_behind_latest_seconds.remove_label_values(labels);
        let _ = self.kinesis_shard_last_read_timestamp_seconds.remove_label_values(labels);
        let _ = self.checkpoint_lag_seconds.remove_label_values(&[shard.as_str()]);
    }
}
