//! What goes into the engine and what comes out of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::checkpoint::StartPosition;
use super::ids::{Position, ShardId};
use crate::cloudtrail::EventKey;
use crate::plan::{Plan, PlanOutcome};
use crate::risk_event::{DeliveryKey, RiskEvent};
use crate::time::{Arrival, EventTime};

/// A shard and its parents, as `ListShards` or `ChildShards` names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardRef {
    /// The shard.
    pub shard: ShardId,
    /// Its parents: none, one (split), two (merge).
    pub parents: Vec<ShardId>,
}

/// Everything that can happen to the engine.
#[derive(Clone, Debug)]
pub enum Input {
    /// Shards that a listing shows, complete. Known ones are ignored; new ones are registered (RD-2). To be repeated:
    /// a child whose other parent was not yet known waits for one.
    ShardsListed(Vec<ShardRef>),
    /// Records of one shard, in shard order, following what was delivered before.
    Records {
        /// The shard.
        shard: ShardId,
        /// The records, evaluated against the plans of [`super::Engine::plans`].
        records: Vec<EvaluatedRecord>,
    },
    /// The next record of one shard, which is not evaluated because processes died of it (PO-2): rejected whole. Its
    /// dead letter is stored beyond `P`, and in replay as well unless it is `told` already.
    Isolated {
        /// The shard.
        shard: ShardId,
        /// The record, rejected.
        record: Box<EvaluatedRecord>,
        /// Whether its dead letter was acknowledged before.
        told: bool,
    },
    /// RD-3: two empty reads in a row at the tip; everything that arrived up to `read_through` has been delivered
    /// (`T - tip_slack`).
    AtTip {
        /// The shard.
        shard: ShardId,
        /// The evidence.
        read_through: Arrival,
    },
    /// The end of a closed shard was reached, behind all of its records. `children` may be empty only where the
    /// listing knows none.
    ShardDrained {
        /// The shard.
        shard: ShardId,
        /// Its children.
        children: Vec<ShardRef>,
    },
    /// No successful read for `stalled_after` (true), or reading again (false). Only lets announcing go on (CP-5).
    ShardStalled {
        /// The shard.
        shard: ShardId,
        /// Stalled or not.
        stalled: bool,
    },
    /// Every required sink that subscribes to this stage has acknowledged (or dead-lettered) the delivery; also
    /// given where no required sink subscribes.
    Delivered(DeliveryKey),
    /// The dead-letter sink has acknowledged.
    DeadLettered(DeadLetterId),
    /// The checkpoint taken at this point is durable.
    CheckpointStored(CheckpointTicket),
    /// These are the detections from now on, all of them (WN-7). Takes effect once a checkpoint that is taken
    /// afterwards is durable; until then what arrived later waits. Nothing happens where none has changed.
    PlansChanged(Vec<Arc<Plan>>),
}

/// What the engine wants done, in order.
#[derive(Clone, Debug)]
pub enum Output {
    /// Start reading a shard: its parents are drained into the engine (RD-1).
    Read {
        /// The shard.
        shard: ShardId,
        /// After which position; [`Position::Start`] means from `start`.
        after: Position,
        /// Where the first read begins.
        start: StartPosition,
    },
    /// Send a risk event; answer with [`Input::Delivered`].
    Emit(Box<RiskEvent>),
    /// Store a dead letter; answer with [`Input::DeadLettered`].
    DeadLetter(DeadLetter),
}

/// Names a dead letter until it is acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeadLetterId(pub u64);

/// Names a checkpoint until it is durable. A later ticket covers the earlier ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CheckpointTicket(pub u64);

/// A piece of a record that could not be decoded, with where it came from (PO-1).
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// For the acknowledgement.
    pub id: DeadLetterId,
    /// The shard.
    pub shard: ShardId,
    /// The record.
    pub position: Position,
    /// Its arrival.
    pub arrival: Arrival,
    /// What was rejected and why.
    pub rejected: crate::cloudtrail::Rejected,
}

/// One record, decoded and matched: all that the engine needs of it.
#[derive(Clone, Debug)]
pub struct EvaluatedRecord {
    /// Its position; strictly ascending within a shard.
    pub position: Position,
    /// `ApproximateArrivalTimestamp`.
    pub arrival: Arrival,
    /// The decoded events; only those that some plan has something to say of (matches or null by-fields).
    pub events: Vec<EvaluatedEvent>,
    /// How many events were decoded in all (AG-4).
    pub decoded: u32,
    /// What could not be decoded.
    pub rejected: Vec<crate::cloudtrail::Rejected>,
}

/// One event, matched against every plan.
#[derive(Clone, Debug)]
pub struct EvaluatedEvent {
    /// Recognises its copies (AG-2).
    pub key: EventKey,
    /// Its `eventID`, or what stands in for one.
    pub id: Arc<str>,
    /// Tells copies with one id and different content apart.
    pub content_hash: u64,
    /// WN-5.
    pub time: EventTime,
    /// Per plan (its index in [`super::Engine::plans`]): what it makes of the event. Plans that do not match the
    /// event at all are not listed.
    pub outcomes: Vec<(usize, PlanOutcome)>,
}

/// Counters of the engine; plain integers that the shell turns into metrics.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records processed, replayed ones included.
    pub records: u64,
    /// Records at positions at or before `P` at start (CP-4).
    pub replayed_records: u64,
    /// Events decoded.
    pub events: u64,
    /// Arrivals that a floor lifted beyond `P`: Kinesis showed a record more than `tip_slack` after its arrival.
    pub tip_slack_violations: u64,
    /// By reason.
    pub rejected: BTreeMap<crate::cloudtrail::RejectReason, u64>,
    /// Per plan, in the order of [`super::Engine::plans`].
    pub plans: Vec<PlanCounters>,
    /// Instances closed by the watermark.
    pub closed: u64,
    /// Instances closed early because a bound was hit (BD-2).
    pub forced: u64,
}

/// AG-4: every event ends in exactly one of these per plan; they add up to the events decoded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanCounters {
    /// Counted in a group.
    pub counted: u64,
    /// The search does not match.
    pub unmatched: u64,
    /// A by-field is null.
    pub null_by: u64,
    /// Every row made from it was already counted.
    pub duplicate: u64,
    /// At or before `P`, of an instance that is released (CP-4).
    pub replayed: u64,
    /// Outside the instants between which the plan counts, or decoded before it was loaded (WN-7).
    pub outside_activation: u64,
    /// Of `null_by`: by by-field, in the plan's order.
    pub null_by_field: Vec<u64>,
    /// Of `counted`: gathered in a late pane.
    pub late: u64,
    /// Of `counted`: gathered in a future pane.
    pub future: u64,
    /// Copies with one id and different content (AG-2).
    pub conflicts: u64,
    /// Rows hidden at close, per filter macro of the plan, in its order.
    pub hidden_rows: Vec<u64>,
    /// Rows not made, at least so many: beyond the bound on the rows that one event or one row may become.
    pub cut_rows: u64,
    /// Rows without a by-field (AG-3): of events that count by other rows, and at close those that a further `stats`
    /// drops.
    pub null_by_rows: u64,
}

impl PlanCounters {
    /// AG-4: the events of all buckets.
    pub fn events(&self) -> u64 {
        self.counted + self.unmatched + self.null_by + self.duplicate + self.replayed + self.outside_activation
    }
}
