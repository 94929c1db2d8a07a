//! What isolation keeps beside the checkpoint (PO-2), in one item of the scope.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::items::{inflated, part, starts_item, starts_key};
use super::patiently;
use super::port::{Guard, Table, TableError, Tag, Written, tag_of};
use crate::checkpoint::{Notes, StoreError};

/// See the module. It must be used on a runtime of several threads, since it waits for the table.
pub(super) struct TableNotes<T> {
    table: Arc<T>,
    scope: String,
    place: String,
    epoch: u64,
    writes: AtomicU64,
}

impl<T: Table> TableNotes<T> {
    pub fn new(table: Arc<T>, scope: &str, place: String, epoch: u64) -> Self {
        Self { table, scope: scope.to_owned(), place, epoch, writes: AtomicU64::new(0) }
    }

    fn failed(&self, source: TableError) -> StoreError {
        StoreError::Table { place: self.place.clone(), source }
    }

    async fn put(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let tag = Tag { epoch: self.epoch, generation: self.writes.fetch_add(1, Ordering::Relaxed) + 1 };
        let item = starts_item(&self.scope, tag, bytes);
        match patiently(|| self.table.put(item.clone(), Guard::Older(tag))).await.map_err(|it| self.failed(it))? {
            Written::Done => Ok(()),
            Written::Refused(stands) if stands.as_ref().and_then(tag_of) == Some(tag) => Ok(()),
            Written::Refused(_) => {
                let detail = "a later process has written the starts".to_owned();
                Err(StoreError::Lost { place: self.place.clone(), detail })
            }
        }
    }
}

impl<T: Table> Notes for TableNotes<T> {
    fn place(&self) -> String {
        format!("the starts of {}", self.place)
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        blocking(read(&*self.table, &self.scope, &self.place()))
    }

    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        blocking(self.put(bytes))
    }
}

impl<T> fmt::Debug for TableNotes<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableNotes").field("place", &self.place).finish_non_exhaustive()
    }
}

/// What is stored; none if there is no item.
pub(super) async fn read<T: Table>(table: &T, scope: &str, place: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let key = starts_key(scope);
    let item = patiently(|| table.get(&key)).await;
    let Some(item) = item.map_err(|source| StoreError::Table { place: place.to_owned(), source })? else {
        return Ok(None);
    };
    let bytes = part(&item).and_then(|bytes| inflated(bytes).ok());
    let damaged = || StoreError::Unreadable { place: place.to_owned(), detail: format!("the item {key} is damaged") };
    bytes.map(Some).ok_or_else(damaged)
}

/// Waits here, and lets the thread's other tasks, the lease's among them, go on elsewhere meanwhile.
fn blocking<R>(work: impl Future<Output = R>) -> R {
    tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(work))
}
