//! Log lines about failing calls, of all shards together: a Kinesis that is down is one line and then one a minute,
//! however many shards ask it.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::api::{ApiError, ErrorKind};
use crate::engine::ShardId;
use crate::telemetry::Alarm;

/// What fails, and what was said of it.
#[derive(Debug, Default)]
pub(super) struct FailingCalls {
    /// Failures that pass by themselves.
    failed: Alarm,
    /// Those that an operator has to end.
    refused: Alarm,
    /// The shards whose last call failed; none stands for the listing.
    failing: Mutex<BTreeSet<Option<ShardId>>>,
}

impl FailingCalls {
    /// Says what failed, as loudly as it deserves: an expired iterator and a throttle are everyday life, a failed try
    /// recovers, a refusal needs an operator.
    pub(super) fn raise(&self, shard: Option<&ShardId>, error: &ApiError) {
        if matches!(error.kind, ErrorKind::NewIterator | ErrorKind::Throttled) {
            tracing::debug!(%error, "Kinesis call failed");
            return;
        }
        let failing = {
            let mut failing = self.lock();
            failing.insert(shard.cloned());
            failing.iter().flatten().count()
        };
        if error.kind == ErrorKind::Retry {
            if let Some(repeats) = self.failed.raise() {
                tracing::warn!(%error, repeats, shards = failing, "Kinesis calls fail, trying again");
            }
        } else if let Some(repeats) = self.refused.raise() {
            tracing::error!(
                %error, repeats, shards = failing,
                "Kinesis refuses, an operator has to act; what is refused is tried again every ten seconds"
            );
        }
    }

    /// Nobody asks for the shard any more.
    pub(super) fn forget(&self, shard: &ShardId) {
        self.lock().remove(&Some(shard.clone()));
    }

    /// The shard, or the listing, is answered again.
    pub(super) fn clear(&self, shard: Option<&ShardId>) {
        let mut failing = self.lock();
        if !failing.remove(&shard.cloned()) || !failing.is_empty() {
            return;
        }
        let ended = [&self.failed, &self.refused].map(Alarm::clear);
        let calls: u64 = ended.iter().flatten().map(|ended| ended.times).sum();
        if let Some(seconds) = ended.iter().flatten().map(|ended| ended.seconds).max() {
            tracing::info!(calls, seconds, "Kinesis answers every call again");
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Option<ShardId>>> {
        // Nothing that holds it can panic halfway through a change.
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;
    use crate::telemetry::testing::Log;

    fn shard(number: u32) -> ShardId {
        ShardId::new(&format!("shardId-{number:012}"))
    }

    fn error(kind: ErrorKind) -> ApiError {
        let (code, message) = ("InternalFailure".to_owned(), "no".to_owned());
        ApiError { kind, operation: "GetRecords", shard: None, code, message, request_id: Some("r-1".to_owned()) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_kinesis_that_is_down_is_one_line_a_minute_for_all_shards_and_one_when_it_is_back() {
        let (log, calls) = (Log::default(), FailingCalls::default());
        let _guard = log.start();
        let fail = || (0..500).for_each(|number| calls.raise(Some(&shard(number)), &error(ErrorKind::Retry)));
        let fields = ["repeats", "shards"];
        fail();
        assert_eq!(log.said("Kinesis calls fail", &fields), [["WARN", "0", "1"]]);
        for _ in 0..11 {
            advance(Duration::from_secs(5)).await;
            fail();
        }
        assert_eq!(log.said("Kinesis calls fail", &fields), [[""; 3]; 0], "nothing more within the minute");
        advance(Duration::from_secs(5)).await;
        calls.raise(None, &error(ErrorKind::Retry));
        let lines = log.take("Kinesis calls fail");
        assert_eq!((lines.len(), &lines[0]["repeats"], &lines[0]["shards"]), (1, &5999.into(), &500.into()));
        assert!(lines[0]["error"].as_str().unwrap().ends_with("(request r-1)"), "for AWS support: {}", lines[0]);
        (0..500).for_each(|number| calls.clear(Some(&shard(number))));
        assert!(log.take("answers").is_empty(), "the listing still fails");
        calls.clear(None);
        assert_eq!(log.said("Kinesis answers", &["calls", "seconds"]), [["INFO", "6001", "60"]]);
        calls.clear(None);
        assert!(log.take("answers").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_an_error_and_everyday_life_is_no_line() {
        let (log, calls) = (Log::default(), FailingCalls::default());
        let _guard = log.start();
        for kind in [ErrorKind::Throttled, ErrorKind::NewIterator] {
            calls.raise(Some(&shard(1)), &error(kind));
            calls.clear(Some(&shard(1)));
        }
        assert_eq!(log.said("Kinesis", &[]), [["DEBUG"], ["DEBUG"]]);
        for kind in [ErrorKind::Refused, ErrorKind::NotFound] {
            calls.raise(Some(&shard(1)), &error(kind));
        }
        assert_eq!(log.said("an operator has to act", &["repeats"]), [["ERROR", "0"]]);
    }
}
