//! The pure state machine: windows, watermark, instances, groups, emission, checkpoint. Sans-IO.

mod checkpoint;
mod ids;
mod io;

pub use checkpoint::{
    CHECKPOINT_VERSION, Checkpoint, PlanCheckpoint, PlanCut, ShardCheckpoint, StartPosition, StreamIdentity,
};
pub use ids::{InvalidSequenceNumber, Position, SequenceNumber, ShardId};
pub use io::{
    CheckpointTicket, Counters, DeadLetter, DeadLetterId, EvaluatedEvent, EvaluatedRecord, Input, Output, PlanCounters,
    ShardRef,
};

pub use crate::plan::PlanOutcome;
