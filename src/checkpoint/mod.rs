//! Where checkpoints are kept.
//!
//! Deliberately absent: what is in them (`engine::Checkpoint`), and when they are taken (the pipeline's).

mod document;
mod file;
mod memory;
mod progress;
mod show;
#[cfg(test)]
mod tests;

pub use document::encode;
pub use file::{FileStore, inspect, reset};
pub(crate) use file::{STARTS_SUFFIX, beside, io_error, write_whole};
pub use memory::MemoryStore;
pub use show::show;

use std::future::Future;

use crate::engine::Checkpoint;

/// A store of one worker scope's checkpoint. One document is replaced atomically, so P, H and C become durable
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
}

/// Why a store failed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store could not be read or written.
    #[error("cannot {action} {place}")]
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
    /// What is stored is newer than what was to be stored (CP-3).
    #[error("{place} holds newer values than this process: {detail}")]
    Newer {
        /// The path, or what names the store.
        place: String,
        /// Which values.
        detail: String,
    },
}
