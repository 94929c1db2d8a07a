//! How a pipeline ends.

use crate::checkpoint::StoreError;
use crate::source::SourceError;

/// Why the pipeline ended.
#[derive(Debug)]
pub enum Ended {
    /// Asked to; everything that a checkpoint is held for is acknowledged and stored. What best-effort sinks leave unwritten,
    /// for which none is, [`DeadLetters::unclaimed`](crate::sink::DeadLetters::unclaimed) counts.
    Clean,
    /// The reader of a required standard output went away; a checkpoint is stored.
    ReaderGone {
        /// Deliveries and dead letters without acknowledgement. They will be emitted again (CP-6).
        pending: usize,
    },
    /// Asked to; at the deadline something was still to be done.
    DeadlineMissed {
        /// Deliveries and dead letters without acknowledgement. They will be emitted again (CP-6).
        pending: usize,
    },
}

/// What cannot be worked around (ST-1).
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The source cannot go on.
    #[error("the source failed")]
    Source(#[from] SourceError),
    /// The first or the last checkpoint could not be stored.
    #[error("the checkpoint cannot be stored")]
    Checkpoint(#[from] StoreError),
    /// The last checkpoint is still being stored some time after the drain deadline.
    #[error(
        "the last checkpoint is not stored: the store does not answer. What came since the one before is told again after \
         the restart"
    )]
    StoreHangs,
    /// Another process has taken the checkpoint over. Nothing was drained: what is unacknowledged is that one's now.
    #[error("another process has taken over: {0}")]
    LeaseLost(String),
    /// A task ended that must not.
    #[error("{0} ended unexpectedly")]
    Task(&'static str),
    /// A sink's worker failed.
    #[error("the worker of sink {0:?} failed")]
    Sink(String),
}
