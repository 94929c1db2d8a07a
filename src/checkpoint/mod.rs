//! Where checkpoints are kept.
//!
//! Deliberately absent: what is in them (`engine::Checkpoint`), and when they are taken (the pipeline's).

mod document;
mod file;
mod memory;
mod notes;
mod progress;
mod show;
pub mod table;
#[cfg(test)]
mod tests;

pub use document::encode;
pub use file::{FileStore, inspect, reset};
pub use memory::MemoryStore;
pub use notes::{FileNotes, Notes};
pub use show::show;
pub use table::{LeaseWatch, TableStore};

use std::future::Future;

use crate::aws::NoAuthorities;
use crate::engine::Checkpoint;
use table::TableError;

/// A store of one worker scope's checkpoint. It is replaced atomically, as one document, so P, H and C become durable
/// together (CP-3).
pub trait CheckpointStore: Send + 'static {
    /// What is stored; none on a first start.
    ///
    /// # Errors
    /// When the store cannot be read, or holds something that this build does not understand. Never a silent none.
    fn load(&mut self) -> impl Future<Output = Result<Option<Checkpoint>, StoreError>> + Send;

    /// Replaces what is stored. Returns once it is durable.
    ///
    /// # Errors
    /// When the store cannot be written, or holds newer values (CP-3); then what was stored before still stands.
    fn save(&mut self, checkpoint: &Checkpoint) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether this process still is the one that may act on what is stored.
    fn lease(&self) -> LeaseWatch {
        LeaseWatch::always()
    }

    /// Lets the next process have the store at once. Nothing is saved any more.
    fn release(&mut self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Where isolation keeps what outlives a crash (PO-2); none where nothing does.
    fn notes(&self) -> Option<Box<dyn Notes>> {
        None
    }
}

/// What has to be so for the first that is done at a path, behind what cannot be done.
fn remedy(action: &str) -> &'static str {
    if action == "lock" { ": the folder of checkpoint.path must exist and be writable" } else { "" }
}

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be read or written.
    #[error("cannot {action} {place}{}", remedy(action))]
    Io {
        /// `read`, `write`, `lock`, ...
        action: &'static str,
        /// The path, or what names the store.
        place: String,
        /// The cause.
        source: std::io::Error,
    },
    /// What is stored cannot be understood.
    #[error("{place} does not hold a checkpoint that this build can read: {detail}")]
    Unreadable {
        /// The path, or what names the store.
        place: String,
        /// What is wrong, and what to do.
        detail: String,
    },
    /// Another process uses the store.
    #[error("{place} is in use by another process")]
    InUse {
        /// The path, or what names the store.
        place: String,
    },
    /// The table that holds the store could not be used.
    #[error("cannot use {place}")]
    Table {
        /// What names the store.
        place: String,
        /// The cause, with what to do.
        source: TableError,
    },
    /// The SDK's chain names no region.
    #[error("no AWS region for {place}: set checkpoint.region, AWS_REGION, or a region in the profile")]
    NoRegion {
        /// What names the store.
        place: String,
    },
    /// No certificate authorities.
    #[error(transparent)]
    NoAuthorities(#[from] NoAuthorities),
    /// The SDK's chain yields no credentials.
    #[error(
        "no AWS credentials for {place}: give the task or pod a role, set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY ({detail})"
    )]
    NoCredentials {
        /// What names the store.
        place: String,
        /// What the chain tried.
        detail: String,
    },
    /// Another process has taken the store over: this one may neither save nor tell anything.
    #[error("the lease of {place} is lost: {detail}")]
    Lost {
        /// What names the store.
        place: String,
        /// Who has it.
        detail: String,
    },
    /// The process was asked to stop while it waited for the store.
    #[error("stopped while it waited for the lease of {place}")]
    Stopped {
        /// What names the store.
        place: String,
    },
    /// What is stored is newer than what was to be stored (CP-3).
    #[error("{place} holds newer values than this process: {detail}")]
    Newer {
        /// The path, or what names the store.
        place: String,
        /// Which values.
        detail: String,
    },
}
