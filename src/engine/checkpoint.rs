//! What a checkpoint stores (CP-1). Pure data; where it is kept is `crate::checkpoint`'s matter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ids::{Position, ShardId};
use crate::plan::PlanText;
use crate::time::Arrival;

/// The format that this build writes and reads.
pub const CHECKPOINT_VERSION: u32 = 2;

/// CP-1: everything that a restart needs, for one worker scope.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// [`CHECKPOINT_VERSION`].
    pub version: u32,
    /// The stream that it belongs to.
    pub stream: StreamIdentity,
    /// `H`: every instance with `close_at <= H` is released.
    pub horizon: Arrival,
    /// The instant from which the stream was first read: windows that began earlier are partial (WN-7).
    pub started_at: Arrival,
    /// The active plan of each detection and the plans that still drain.
    pub plans: Vec<PlanCheckpoint>,
    /// Per shard: where to read again, what is done.
    pub shards: BTreeMap<ShardId, ShardCheckpoint>,
}

/// Which stream a checkpoint belongs to; a stream recreated under the same name has another creation time (CP-8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StreamIdentity {
    /// The stream's name.
    pub name: String,
    /// `StreamCreationTimestamp`, milliseconds since the epoch.
    pub created_at: i64,
}

/// A plan, its text, and between which instants it counts (WN-7).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCheckpoint {
    /// What it is compiled from.
    pub text: PlanText,
    /// Where it counts; several spans where it was retired and activated again before it had drained.
    pub spans: Vec<PlanSpan>,
}

/// A stretch of the stream in which a plan counts, by effective arrival: in every shard, also in those that are not yet
/// known, an instant says for each record on which side it stands, and the next process comes to the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanSpan {
    /// Contributions that arrived before are ignored; none: it counts from the first record.
    pub activated: Option<Arrival>,
    /// Contributions that arrived at this instant or later are ignored; none while it is the active plan of its
    /// detection.
    pub retired: Option<Arrival>,
}

/// One shard's part of the checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardCheckpoint {
    /// The parents, as Kinesis lists them (also of shards no longer listed).
    pub parents: Vec<ShardId>,
    /// The children, once known.
    pub children: Vec<ShardId>,
    /// Where a read that has no position yet begins.
    pub start: StartPosition,
    /// `C`: read again after this position.
    pub resume_after: Position,
    /// The effective arrival at `C`.
    pub effective_arrival: Arrival,
    /// `P`: processed, announced, acknowledged up to here.
    pub processed: Position,
    /// The effective arrival at `P`.
    pub processed_arrival: Arrival,
    /// `R`, only where `C = P`, nothing being held (idle shards keep their evidence).
    pub read_through: Option<Arrival>,
    /// Whether the shard's end was reached.
    pub drained: bool,
    /// CP-4: effective arrivals that a floor lifted, between `C` and `P`.
    pub lifts: Vec<(Position, Arrival)>,
}

/// Where the first read of a shard begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartPosition {
    /// The oldest record that the stream holds. Children always start here.
    TrimHorizon,
    /// The first record that arrived at or after this instant. `LATEST` is resolved to this once (RD-4).
    AtTimestamp(Arrival),
}
