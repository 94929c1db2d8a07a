//! Kinesis: shards in, records out.
//!
//! Owns: the API port, one consumer a shard, the listing of shards. Deliberately absent: which shards to read and from
//! where (the engine says so), decoding, checkpoints.

mod alarm;
mod api;
mod aws;
mod budget;
mod ceiling;
mod consumer;
mod coordinator;
mod error;
#[cfg(test)]
mod fake;
mod fan_out;
mod holes;
mod pacing;
mod shared;
mod terms;
mod trim;
mod user_records;

pub use api::{
    ApiError, ConsumerDescription, ErrorKind, IteratorStart, KinesisApi, ListedShard, ReadAnswer, ShardIterator,
    StreamDescription, Subscription, SubscriptionEvent,
};
pub use aws::{AwsKinesis, AwsSubscription};
pub use coordinator::Source;
pub use error::SourceError;
pub use pacing::expected_lag;
pub use terms::Terms;
pub use user_records::{UserRecords, user_records};

use crate::cloudtrail::{RejectReason, Rejected};
use crate::engine::{EvaluatedRecord, Position, ShardId, ShardRef, StartPosition};
use crate::time::Arrival;

/// One user record; what [`KinesisApi`] answers may still be an aggregate of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its position.
    pub position: Position,
    /// `ApproximateArrivalTimestamp`.
    pub arrival: Arrival,
    /// Its data, as the producer put it.
    pub data: Vec<u8>,
    /// Why it must not be evaluated: it is rejected whole, with this reason (PO-1).
    pub refusal: Option<Refusal>,
}

impl Record {
    /// What stands in for it where it is refused: nothing of it is evaluated.
    pub fn refused(&self) -> Option<EvaluatedRecord> {
        let Refusal { reason, detail } = self.refusal?;
        let rejected = Rejected { reason, detail: detail.to_owned(), bytes: self.data.as_slice().into() };
        let (position, arrival) = (self.position.clone(), self.arrival);
        Some(EvaluatedRecord { position, arrival, events: Vec::new(), decoded: 0, rejected: vec![rejected] })
    }
}

/// What taking an aggregate apart holds against a user record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why; a metric label.
    pub reason: RejectReason,
    /// For the dead letter.
    pub detail: &'static str,
}

/// How reading a shard fares: for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// `MillisBehindLatest` of the last read; none before the first.
    pub behind_latest: Option<std::time::Duration>,
    /// When it was last read successfully, by Kinesis's clock.
    pub last_read: Option<Arrival>,
    /// Whether a listing shows it closed: it is read to its end and takes no more records.
    pub closed: bool,
    /// Operation and error code of the last call that has failed since the last read. Kinesis's own words are in the log
    /// alone: they name accounts and roles.
    pub failure: Option<String>,
    /// Its request id, which AWS support asks for.
    pub request_id: Option<String>,
}

/// What a consumer tells, in the order in which it happened. One channel carries the messages of all shards. Whoever
/// receives them also logs them; the source itself logs only the errors of its calls.
#[derive(Debug)]
pub enum ShardMessage {
    /// Records, in shard order.
    Records {
        /// The shard.
        shard: ShardId,
        /// At least one.
        records: Vec<Record>,
        /// `MillisBehindLatest` of the read.
        millis_behind_latest: i64,
        /// BD-1: bytes of the read budget, returned when dropped (the engine has the batch).
        permit: tokio::sync::OwnedSemaphorePermit,
        /// Let the consumer read on. Until it is used the shard is frozen (RD-3): not reading, and never idle.
        resume: tokio::sync::oneshot::Sender<()>,
    },
    /// RD-3: two empty reads in a row, at least 1 s apart, with `MillisBehindLatest` = 0.
    AtTip {
        /// The shard.
        shard: ShardId,
        /// `T - tip_slack`, T being the server's time when the second request was sent.
        read_through: Arrival,
    },
    /// The shard is closed and everything in it was sent.
    Drained {
        /// The shard.
        shard: ShardId,
        /// Its children, from `ChildShards` or a listing.
        children: Vec<ShardRef>,
    },
    /// No successful read for `stalled_after` (true); reading again (false).
    Stalled {
        /// The shard.
        shard: ShardId,
        /// Stalled or not.
        stalled: bool,
    },
    /// Records may have been lost: the shard, or what follows the position, is older than the stream's retention.
    PossibleLoss {
        /// The shard.
        shard: ShardId,
        /// The position that could not be continued from.
        after: Position,
        /// The arrivals that may be missing, from what was read to what the stream still holds; none if unknown.
        range: Option<(Arrival, Arrival)>,
        /// The explanation for the operator.
        detail: String,
    },
    /// A listing of all shards of the stream, taken every `list_interval`.
    Listed(Vec<ShardRef>),
}

/// A shard to read, as [`crate::engine::Output::Read`] names it.
#[derive(Clone, Debug)]
pub struct ReadRequest {
    /// The shard.
    pub shard: ShardId,
    /// After which position.
    pub after: Position,
    /// Where the first read begins, if `after` is [`Position::Start`].
    pub start: StartPosition,
}
