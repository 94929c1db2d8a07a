//! The port to Kinesis: the four calls that reading a stream needs, in this project's words.
//!
//! Owns: what a call answers, and errors sorted by what the caller must do about them. Deliberately absent: the SDK
//! (`super::aws`), pacing and retries (`super::consumer`).

use std::fmt;
use std::future::Future;

use super::Record;
use crate::config::ConsumerRef;
use crate::engine::{SequenceNumber, ShardId, ShardRef};
use crate::kpl::HashRange;
use crate::time::Arrival;

/// What the source needs of Kinesis. One try a call: pacing and repeating are the caller's.
pub trait KinesisApi: Send + Sync + 'static {
    /// `DescribeStreamSummary`.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn describe(&self) -> impl Future<Output = Result<StreamDescription, ApiError>> + Send;

    /// `ListShards`, every page of it, closed shards included.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn list_shards(&self) -> impl Future<Output = Result<Vec<ListedShard>, ApiError>> + Send;

    /// `ListShards` with the filter `FROM_TIMESTAMP`: at least the shards that can hold what arrived at `since` or
    /// later, so that a stream with a long history of reshards need not be read from its first shards on.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn list_shards_from(&self, _since: Arrival) -> impl Future<Output = Result<Vec<ListedShard>, ApiError>> + Send {
        self.list_shards()
    }

    /// `GetShardIterator`.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn shard_iterator(
        &self,
        shard: &ShardId,
        start: &IteratorStart,
    ) -> impl Future<Output = Result<ShardIterator, ApiError>> + Send;

    /// `GetRecords`: at most `limit` (1 to 10,000) records.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn get_records(
        &self,
        shard: &ShardId,
        iterator: &ShardIterator,
        limit: u16,
    ) -> impl Future<Output = Result<ReadAnswer, ApiError>> + Send;

    /// `DescribeStreamConsumer`, by ARN or by the stream's ARN and a name.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn describe_consumer(
        &self,
        stream_arn: &str,
        consumer: &ConsumerRef,
    ) -> impl Future<Output = Result<ConsumerDescription, ApiError>> + Send;

    /// `RegisterStreamConsumer`; of a name that is registered, an error with the code `ResourceInUseException`.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn register_consumer(
        &self,
        stream_arn: &str,
        name: &str,
    ) -> impl Future<Output = Result<ConsumerDescription, ApiError>> + Send;

    /// A subscription's events.
    type Subscription: Subscription;

    /// `SubscribeToShard`. Ends when Kinesis has accepted it, or has not.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    fn subscribe(
        &self,
        consumer_arn: &str,
        shard: &ShardId,
        start: &IteratorStart,
    ) -> impl Future<Output = Result<Self::Subscription, ApiError>> + Send;

    /// Kinesis's clock at this moment: the `Date` of the last answer plus the monotonic time since (semantics 1).
    /// Never the host's wall clock. It lags by up to a second and the answer's way back, and never runs ahead. None
    /// before the first answer that had a `Date`.
    fn server_time(&self) -> Option<Arrival>;
}

/// What is pushed after `SubscribeToShard`. Dropping it ends the subscription.
pub trait Subscription: Send + 'static {
    /// The next event; none when Kinesis has ended the subscription, as it does after five minutes.
    ///
    /// # Errors
    /// See [`ErrorKind`]; nothing follows.
    fn next(&mut self) -> impl Future<Output = Result<Option<SubscriptionEvent>, ApiError>> + Send;
}

/// What `DescribeStreamSummary` tells of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamDescription {
    /// The stream's name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `StreamCreationTimestamp`, milliseconds since the epoch: another one means another stream (CP-8).
    pub created_at: i64,
    /// Whether it can be read: its status is `ACTIVE` or `UPDATING`.
    pub readable: bool,
    /// `StreamStatus`, as Kinesis spells it.
    pub status: String,
    /// `RetentionPeriodHours`.
    pub retention_hours: u32,
    /// `EncryptionType`: `NONE` or `KMS`.
    pub encryption: String,
    /// `StreamMode`: `PROVISIONED` or `ON_DEMAND`.
    pub mode: String,
    /// Whether producers' keys say where a record goes, as always but on a stream with `RecordDistributionStrategy` `AUTO`.
    pub placed_by_key: bool,
    /// `OpenShardCount`.
    pub open_shards: u32,
}

/// A shard of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedShard {
    /// The shard and its parents.
    pub shard: ShardRef,
    /// Whether it still takes records: it has no ending sequence number.
    pub open: bool,
    /// Which hash keys are its own; none if the listing does not say.
    pub hash_range: Option<HashRange>,
}

/// Where an iterator begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IteratorStart {
    /// The oldest record that the stream holds.
    TrimHorizon,
    /// The first record that arrived at or after this instant.
    AtTimestamp(Arrival),
    /// This record, or the next one that the stream still holds.
    At(SequenceNumber),
    /// The record after this one.
    After(SequenceNumber),
}

/// An opaque shard iterator. It expires five minutes after its issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardIterator(pub String);

/// What `GetRecords` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadAnswer {
    /// Records in shard order; none proves nothing by itself (RD-3).
    pub records: Vec<Record>,
    /// Where to go on; none means that the shard is closed and this was its end.
    pub next: Option<ShardIterator>,
    /// `MillisBehindLatest`.
    pub millis_behind_latest: i64,
    /// `ChildShards`: at the end of a closed shard, its children. May be empty even there.
    pub children: Vec<ShardRef>,
}

/// What a consumer is that was registered at a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsumerDescription {
    /// Its ARN.
    pub arn: String,
    /// The ARN of its stream; none where the answer does not say.
    pub stream_arn: Option<String>,
    /// `ConsumerStatus`, as Kinesis spells it.
    pub status: String,
}

/// One `SubscribeToShardEvent`.
#[derive(Clone, Debug)]
pub struct SubscriptionEvent {
    /// Records in shard order; Kinesis sends events without any every few seconds.
    pub records: Vec<Record>,
    /// `ContinuationSequenceNumber`: behind what the next subscription begins. None where it is empty: the shard's end.
    pub continuation: Option<SequenceNumber>,
    /// `MillisBehindLatest`.
    pub millis_behind_latest: i64,
    /// `ChildShards`: at the end of a closed shard, its children.
    pub children: Vec<ShardRef>,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// What the caller must do.
    pub kind: ErrorKind,
    /// The operation, as Kinesis spells it.
    pub operation: &'static str,
    /// The shard, if the call was about one.
    pub shard: Option<ShardId>,
    /// Kinesis's error code, or what kept the request from being answered.
    pub code: String,
    /// Kinesis's words, or the chain of causes.
    pub message: String,
    /// `x-amzn-RequestId`, which AWS support asks for.
    pub request_id: Option<String>,
}

/// What the caller must do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The iterator is of no use any more: get a new one behind the last record that was sent.
    NewIterator,
    /// Slow down: the limits of the shard or the account are reached, perhaps by another reader.
    Throttled,
    /// Try again: transport, time-out, 5xx, KMS throttling, a stream that is just being changed.
    Retry,
    /// Kinesis, KMS or IAM refuses until an operator acts. Hold, say so loudly, try again slowly.
    Refused,
    /// The stream or the shard does not exist; which of them, the caller has to find out.
    NotFound,
    /// The request can never succeed: the configuration, or the position, does not belong to this stream.
    Fatal,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation)?;
        if let Some(shard) = &self.shard {
            write!(f, " of {shard}")?;
        }
        write!(f, " failed: {}: {}", self.code, self.message)?;
        match &self.request_id {
            Some(id) => write!(f, " (request {id})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for ApiError {}
