//! What is said of rejected records: the first of a reason at once, then how many more there were, once a minute.
//!
//! Their bytes are an attacker's, so only where one stands is said.

use std::collections::BTreeMap;

use crate::cloudtrail::RejectReason;
use crate::engine::DeadLetter;
use crate::telemetry::Alarm;

/// By reason.
#[derive(Debug, Default)]
pub(super) struct Rejections(BTreeMap<RejectReason, Alarm>);

impl Rejections {
    /// A record is rejected.
    pub(super) fn say(&mut self, letter: &DeadLetter) {
        let reason = letter.rejected.reason;
        if let Some(repeats) = self.0.entry(reason).or_default().raise() {
            let reason = reason.as_str();
            tracing::warn!(
                shard = %letter.shard, position = %letter.position, reason, repeats,
                "record rejected, dead-lettered"
            );
        }
    }

    /// A burst may be over with its last record, so its count is not left to the next one.
    pub(super) fn say_rest(&self) {
        for (reason, alarm) in &self.0 {
            if let Some(repeats) = alarm.unsaid() {
                tracing::warn!(reason = reason.as_str(), repeats, "more records rejected, dead-lettered");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cloudtrail::Rejected;
    use crate::engine::{DeadLetterId, Position, SequenceNumber, ShardId};
    use crate::telemetry::testing::Log;
    use crate::time::Arrival;

    fn letter(reason: RejectReason) -> DeadLetter {
        DeadLetter {
            id: DeadLetterId(0),
            shard: ShardId::new("shardId-000000000000"),
            position: Position::After(SequenceNumber::try_new("7").unwrap(), 0),
            arrival: Arrival(0),
            rejected: Rejected { reason, detail: "an event's text".into(), bytes: b"an event's text"[..].into() },
        }
    }

    #[tokio::test(start_paused = true)]
    async fn po_1_a_flood_of_rejected_records_is_one_line_and_one_with_its_count() {
        let (log, mut rejections) = (Log::default(), Rejections::default());
        let _guard = log.start();
        (0..10_000).for_each(|_| rejections.say(&letter(RejectReason::BadJson)));
        rejections.say(&letter(RejectReason::BadGzip));
        rejections.say_rest();
        let fields = ["reason", "repeats"];
        assert_eq!(log.said("rejected", &fields), [["WARN", "bad_json", "0"], ["WARN", "bad_gzip", "0"]]);
        tokio::time::advance(Duration::from_secs(60)).await;
        rejections.say_rest();
        rejections.say_rest();
        assert_eq!(log.said("rejected", &fields), [["WARN", "bad_json", "9999"]]);
        assert!(log.take("text").is_empty(), "no line holds text of an event");
    }
}
