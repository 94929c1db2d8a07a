//! Log lines about failing calls of one shard, rate-limited: a new kind of failure at once, the same one once a minute.

use std::time::Duration;

use super::api::{ApiError, ErrorKind};
use super::pacing::Moment;
use crate::engine::ShardId;

const REPEAT: Duration = Duration::from_secs(60);

/// What was said last.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    last: Option<(ErrorKind, Moment)>,
}

impl Alarm {
    /// Says what failed, as loudly as it deserves: an expired iterator and a throttle are everyday life, a failed try
    /// recovers, a refusal needs an operator.
    pub(super) fn raise(&mut self, error: &ApiError, now: Moment) {
        let repeated = self.last.is_some_and(|(kind, at)| kind == error.kind && now.saturating_sub(at) < REPEAT);
        if repeated {
            tracing::debug!(%error, "Kinesis call failed again");
            return;
        }
        self.last = Some((error.kind, now));
        match error.kind {
            ErrorKind::NewIterator | ErrorKind::Throttled => tracing::debug!(%error, "Kinesis call failed"),
            ErrorKind::Retry => tracing::warn!(%error, "Kinesis call failed, trying again"),
            ErrorKind::Refused | ErrorKind::NotFound | ErrorKind::Fatal => {
                tracing::error!(%error, "Kinesis refuses, an operator has to act; the shard is held");
            }
        }
    }

    /// The shard is read again.
    pub(super) fn clear(&mut self, shard: &ShardId, failures: u32) {
        if let Some((kind, _)) = self.last.take()
            && !matches!(kind, ErrorKind::NewIterator | ErrorKind::Throttled)
        {
            tracing::info!(%shard, failures, "the shard is read again");
        }
    }
}
