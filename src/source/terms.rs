//! What may be changed of a stream while it is read. It is kept here alone, and looked up when something is judged by it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::api::StreamDescription;
use crate::time::Arrival;

const HOUR_MS: i64 = 3_600_000;

/// What a stream was when it was last described. A clone is the same one.
#[derive(Clone, Debug)]
pub struct Terms(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    retention_hours: u32,
    placed_by_key: bool,
    /// What arrived before is gone for good: a retention that is raised brings nothing back.
    trimmed: Arrival,
}

impl Terms {
    /// As the stream is described at this time of Kinesis's.
    pub fn of(described: &StreamDescription, now: Option<Arrival>) -> Self {
        let StreamDescription { retention_hours, placed_by_key, .. } = *described;
        let terms = Self(Arc::new(Mutex::new(Kept { retention_hours, placed_by_key, trimmed: Arrival::MIN })));
        terms.learn(described, now);
        terms
    }

    /// It was described again.
    pub fn learn(&self, described: &StreamDescription, now: Option<Arrival>) {
        let mut kept = self.lock();
        (kept.retention_hours, kept.placed_by_key) = (described.retention_hours, described.placed_by_key);
        kept.trimmed = now.map_or(kept.trimmed, |now| kept.horizon(now));
    }

    /// How long the stream keeps a record.
    pub fn retention_hours(&self) -> u32 {
        self.lock().retention_hours
    }

    /// Whether the hash keys of records say to which shard they go.
    pub(super) fn placed_by_key(&self) -> bool {
        self.lock().placed_by_key
    }

    /// The trim horizon at this time of Kinesis's: what arrived before is gone.
    pub(super) fn horizon(&self, now: Arrival) -> Arrival {
        self.lock().horizon(now)
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // Nothing that holds it can panic halfway through a change.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn horizon(&self, now: Arrival) -> Arrival {
        self.trimmed.max(now.plus(-i64::from(self.retention_hours) * HOUR_MS))
    }
}
