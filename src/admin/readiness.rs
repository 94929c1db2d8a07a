//! Whether the daemon does its work, and if not, why not: each reason by name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::engine::ShardId;

/// Something that has to be in order. The order is that of the body of `/readyz`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Check {
    /// The configuration and the detections are read and valid.
    Configuration,
    /// This process holds the lease of its checkpoint, where that is in a table.
    Lease,
    /// The stream was found and the start frontier is registered (RD-2).
    ShardsListed,
    /// The restart has read up to where it had been (CP-5).
    Replayed,
    /// Not stopping (ST-1).
    NotDraining,
    /// Checkpoints can be stored.
    Checkpoint,
    /// The shard is read, or is known to be idle (RD-3: stalled is not idle).
    Shard(ShardId),
    /// The required sink takes events (CP-7), by name.
    Sink(String),
}

impl Check {
    /// The checks that exist in every run; shards and sinks come as they are met, a lease with its table.
    pub const ALWAYS: [Self; 5] =
        [Self::Configuration, Self::ShardsListed, Self::Replayed, Self::NotDraining, Self::Checkpoint];
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configuration => f.write_str("configuration"),
            Self::Lease => f.write_str("lease"),
            Self::ShardsListed => f.write_str("shards listed"),
            Self::Replayed => f.write_str("replayed"),
            Self::NotDraining => f.write_str("not draining"),
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Shard(shard) => write!(f, "shard {shard}"),
            Self::Sink(name) => write!(f, "sink {name}"),
        }
    }
}

/// The checks that fail, with their reasons; and the shards and sinks that passed. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    checks: Arc<Mutex<BTreeMap<Check, Option<String>>>>,
}

impl Readiness {
    /// At the start: nothing is read, nothing is listed, and nobody has asked yet what an earlier process had done.
    pub fn starting() -> Self {
        let readiness = Self::default();
        readiness.fail(Check::Configuration, "not read yet");
        readiness.fail(Check::ShardsListed, "not listed yet");
        readiness.fail(Check::Replayed, "not reading yet");
        readiness
    }

    /// The check fails, for a reason that names the cause and holds no secret. Replaces an earlier reason.
    pub fn fail(&self, check: Check, reason: impl Into<String>) {
        self.lock().insert(check, Some(reason.into()));
    }

    /// The check passes.
    pub fn pass(&self, check: Check) {
        self.lock().insert(check, None);
    }

    /// The shard or sink is gone: it is neither in order nor out of order.
    pub fn forget(&self, check: &Check) {
        self.lock().remove(check);
    }

    /// The failing checks with their reasons, in order. Empty means ready.
    pub fn failures(&self) -> Vec<(Check, String)> {
        let checks = self.lock();
        checks.iter().filter_map(|(check, reason)| Some((check.clone(), reason.clone()?))).collect()
    }

    /// Every check with its reason where it fails: those of [`Check::ALWAYS`], the lease where there is
    /// one, and the shards and sinks met.
    pub fn report(&self) -> Vec<(Check, Option<String>)> {
        let mut checks = self.lock().clone();
        for check in Check::ALWAYS {
            checks.entry(check).or_insert(None);
        }
        checks.into_iter().collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Check, Option<String>>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_that_starts_is_not_ready() {
        let checks: Vec<_> = Readiness::starting().failures().into_iter().map(|(check, _)| check).collect();
        assert_eq!(checks, [Check::Configuration, Check::ShardsListed, Check::Replayed]);
    }

    #[test]
    fn each_reason_comes_and_goes_by_its_own_key() {
        let readiness = Readiness::default();
        let (first, second) = (Check::Sink("soc".to_owned()), Check::Sink("siem".to_owned()));
        readiness.fail(first.clone(), "HTTP 500");
        readiness.fail(second.clone(), "timed out");
        readiness.fail(first.clone(), "HTTP 503");
        readiness.pass(second);
        assert_eq!(readiness.failures(), [(first.clone(), "HTTP 503".to_owned())]);
        readiness.forget(&first);
        assert!(readiness.failures().is_empty());
    }

    #[test]
    fn the_report_names_what_passes_as_well() {
        let readiness = Readiness::default();
        readiness.fail(Check::Shard(ShardId::new("shardId-000000000001")), "stalled for 75 s");
        let report: Vec<_> = readiness.report().iter().map(|(check, why)| (check.to_string(), why.is_none())).collect();
        assert_eq!(report.len(), Check::ALWAYS.len() + 1);
        assert_eq!(report[0], ("configuration".to_owned(), true));
        assert_eq!(report[5], ("shard shardId-000000000001".to_owned(), false));
    }
}
