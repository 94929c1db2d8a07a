//! A checkpoint in a DynamoDB table, for a host without a disk: one item a shard, one for the scope, the plans apart.
//!
//! **One document in many items.** The engine's checkpoint is one document, replaced atomically (CP-3), and so it stays.
//! A shard's item has two slots: the part that counts, and the one that is about to. Storing a checkpoint writes the
//! changed shards' next slots and, where they changed, the plans under keys of their own; last it writes the scope's item,
//! conditional on the lease, with `H` and the [`Tag`] of this attempt. That one write is the commit: before it, every
//! reader finds the old slots by the old tag; after it, the new ones. So a crash between any two writes leaves one whole
//! checkpoint, and the order of CP-3 holds by construction: no `P`, `C` or `H` of it counts before all of them are
//! durable. The digest in the scope's item proves at every start that what was put together is what was committed.
//!
//! **Why no other process can spoil it.** Every holder of the lease has an epoch of its own. The scope's item is written
//! only while its counter is what the holder wrote last, so a holder that was replaced commits nothing. Its writes of
//! shards that are still on their way carry its epoch: they are refused where the next holder has written, and elsewhere
//! they fill a next slot that never counts, beside the one that does. With its first checkpoint a holder writes all
//! shards; from then on nothing of an earlier epoch counts. Within an epoch tags only grow, so a write that was given up
//! and lands late is refused as well; and before an attempt the lease's task makes sure that no commit is on its way.
//! What is deleted has no tag to refuse by: so a shard that leaves is written as gone, and deleted only once a later epoch
//! counts.

mod acquire;
mod aws;
mod items;
mod lease;
mod load;
mod notes;
mod port;
mod save;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

pub use acquire::Claim;
pub use aws::DynamoTable;
pub use lease::LeaseWatch;
pub use load::{inspect, reset};
pub use port::{Attribute, COUNTER, EPOCH, GENERATION, Guard, Item, KEY, Table, TableError, Tag, Trouble, Written};

use super::{CheckpointStore, Notes, StoreError};
use crate::engine::{Checkpoint, ShardId};
use crate::metrics::Metrics;
use items::{Plans, Scope, Slot};
use lease::Lease;
use notes::TableNotes;

/// How long a request that fails is tried again, within one save.
const PATIENCE: Duration = Duration::from_secs(10);

/// Keeps the checkpoint in a table, whose scope no other process may use meanwhile.
pub struct TableStore<T> {
    table: Arc<T>,
    claim: Claim,
    place: String,
    lease: Lease,
    epoch: u64,
    /// What counts in the table.
    known: Known,
    /// The last attempt, while it is not known whether it counts.
    attempt: Option<Attempt>,
    generation: u64,
    /// Items that count for nothing once a checkpoint of this epoch does.
    strays: Vec<String>,
}

/// A checkpoint and the slots that it is made of.
#[derive(Clone, Debug, Default)]
struct Known {
    checkpoint: Option<Checkpoint>,
    rows: BTreeMap<ShardId, Slot>,
    plans: Option<Plans>,
}

/// A checkpoint on its way.
#[derive(Debug)]
struct Attempt {
    tag: Tag,
    then: Known,
    /// Shards whose items it may have written: they hold its slots.
    touched: BTreeSet<ShardId>,
}

impl<T: Table> TableStore<T> {
    /// Takes the scope for this process, as soon as no other one holds it; reads what is there. `waiting` is told why it
    /// is waited, and `None` at the end.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when `stop` is cancelled meanwhile; else when the table cannot be used and will not be
    /// soon, or holds what this build does not understand. What only fails for the moment is waited for.
    pub async fn open(
        table: T,
        claim: Claim,
        metrics: Metrics,
        waiting: impl Fn(Option<String>) + Send + Sync,
        stop: &CancellationToken,
    ) -> Result<Self, StoreError> {
        let table = Arc::new(table);
        let place = acquire::place(&table, &claim);
        let taken = acquire::acquire(&table, &claim, &waiting, stop).await?;
        let (epoch, committed) = (taken.scope.epoch, taken.scope.committed.clone());
        let lease = Lease::hold(Arc::clone(&table), &claim, taken, metrics);
        match load::load(&*table, &claim.scope, committed.as_ref(), &place).await {
            Ok((known, strays)) => {
                Ok(Self { table, claim, place, lease, epoch, known, attempt: None, generation: 0, strays })
            }
            Err(error) => {
                let error = replaced(&*table, &claim, epoch, &place).await.unwrap_or(error);
                lease.release().await;
                Err(error)
            }
        }
    }
}

impl<T: Table> CheckpointStore for TableStore<T> {
    async fn load(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.known.checkpoint.clone())
    }

    async fn save(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.store(checkpoint).await
    }

    fn lease(&self) -> LeaseWatch {
        self.lease.watch()
    }

    async fn release(&mut self) {
        self.lease.release().await;
    }

    fn notes(&self) -> Option<Box<dyn Notes>> {
        Some(Box::new(TableNotes::new(Arc::clone(&self.table), &self.claim.scope, self.place.clone(), self.epoch)))
    }
}

/// Why what was read may not be whole: a later holder stores, because this process was suspended when it had just taken the
/// lease. That is no damage, and nothing to be restored or given up.
async fn replaced<T: Table>(table: &T, claim: &Claim, epoch: u64, place: &str) -> Option<StoreError> {
    let stands = patiently(|| table.get(&claim.scope)).await.ok()?;
    let is_later = stands.as_ref().and_then(Scope::read).is_some_and(|stands| stands.epoch > epoch);
    is_later.then(|| StoreError::Lost { place: place.to_owned(), detail: lease::describe(stands) })
}

/// Tries again what only fails for the moment, for as long as [`PATIENCE`] lasts.
async fn patiently<R, F>(mut request: impl FnMut() -> F) -> Result<R, TableError>
where
    F: Future<Output = Result<R, TableError>>,
{
    let (begun, mut pause) = (tokio::time::Instant::now(), Duration::from_millis(50));
    loop {
        match request().await {
            Err(error) if error.is_passing() && begun.elapsed() + pause < PATIENCE => {
                tokio::time::sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
            answer => return answer,
        }
    }
}
