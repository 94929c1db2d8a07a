//! Why the source cannot start, or cannot go on. Every message says what to do.

use super::api::ApiError;
use crate::aws::NoAuthorities;
use crate::engine::ShardId;
use crate::time::Arrival;

/// Why the source cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The SDK's chain names no region.
    #[error(
        "no AWS region for the stream: set source.region, AWS_REGION, or a region in the profile (an endpoint_url needs \
         one too, for signing)"
    )]
    NoRegion,
    /// No certificate authorities.
    #[error(transparent)]
    NoAuthorities(#[from] NoAuthorities),
    /// The SDK's chain yields no credentials.
    #[error(
        "no AWS credentials: give the task or pod a role, set AWS_PROFILE, or AWS_ACCESS_KEY_ID and \
         AWS_SECRET_ACCESS_KEY ({detail})"
    )]
    NoCredentials {
        /// What the chain tried.
        detail: String,
    },
    /// The role for the stream cannot be assumed.
    #[error(
        "the role {role} of source.role_arn cannot be assumed: allow sts:AssumeRole on it for the identity of this process, \
         and this identity (with source.external_id, if it asks for one) in the role's trust policy ({detail})"
    )]
    NotAssumed {
        /// Its ARN.
        role: String,
        /// What STS or the chain said.
        detail: String,
    },
    /// Kinesis could not be reached, or did not answer properly.
    #[error("cannot reach Kinesis at {endpoint}: check source.endpoint_url, source.region and the network")]
    Unreachable {
        /// The endpoint or region.
        endpoint: String,
        /// The last try.
        source: Box<ApiError>,
    },
    /// The stream does not exist there.
    #[error("there is no stream {stream} at {endpoint}: check source.stream, source.region and the account")]
    NoSuchStream {
        /// Name or ARN, as configured.
        stream: String,
        /// The endpoint or region.
        endpoint: String,
        /// The answer.
        source: Box<ApiError>,
    },
    /// IAM, KMS or Kinesis refuse.
    #[error(
        "reading the stream {stream} is refused: allow kinesis:DescribeStreamSummary, ListShards, GetShardIterator and \
         GetRecords on it, and kms:Decrypt if it is encrypted"
    )]
    Refused {
        /// Name or ARN, as configured.
        stream: String,
        /// The answer.
        source: Box<ApiError>,
    },
    /// Kinesis does not take the request itself.
    #[error(
        "Kinesis does not understand the stream {stream}: check source.stream, a name or a whole ARN, and the region"
    )]
    Misconfigured {
        /// Name or ARN, as configured.
        stream: String,
        /// The answer.
        source: Box<ApiError>,
    },
    /// The stream is being created or deleted.
    #[error("the stream {stream} is {status}: it can be read once it is ACTIVE")]
    NotReadable {
        /// The stream.
        stream: String,
        /// `StreamStatus`.
        status: String,
    },
    /// No consumer of that name or ARN is registered.
    #[error(
        "the stream {stream} has no consumer {consumer}: register it, set source.register_consumer: true, or check \
         source.consumer"
    )]
    NoSuchConsumer {
        /// Name or ARN, as configured.
        consumer: String,
        /// The stream.
        stream: String,
        /// The answer.
        source: Box<ApiError>,
    },
    /// IAM or Kinesis refuse.
    #[error(
        "the consumer {consumer} of the stream {stream} is refused: allow kinesis:DescribeStreamConsumer and \
         SubscribeToShard on it, and RegisterStreamConsumer on the stream where it is to be registered"
    )]
    ConsumerRefused {
        /// Name or ARN, as configured.
        consumer: String,
        /// The stream.
        stream: String,
        /// The answer.
        source: Box<ApiError>,
    },
    /// The stream takes no further consumer now.
    #[error(
        "the consumer {consumer} cannot be registered: the stream {stream} has as many as Kinesis allows, or five are \
         being registered; deregister one, or read with reader: polling"
    )]
    TooManyConsumers {
        /// As configured.
        consumer: String,
        /// The stream.
        stream: String,
        /// The answer.
        source: Box<ApiError>,
    },
    /// The consumer cannot be asked for.
    #[error(
        "cannot find out about the consumer {consumer} of the stream {stream}: check source.consumer and the network"
    )]
    NoConsumer {
        /// Name or ARN, as configured.
        consumer: String,
        /// The stream.
        stream: String,
        /// The last try.
        source: Box<ApiError>,
    },
    /// The consumer's ARN names another stream, perhaps one of the same name that was deleted.
    #[error("the consumer {consumer} is registered at another stream than {stream}: check source.consumer")]
    ForeignConsumer {
        /// As configured.
        consumer: String,
        /// The stream.
        stream: String,
    },
    /// The consumer is being created or deleted.
    #[error("the consumer {consumer} is {status}: it can be read with once it is ACTIVE")]
    ConsumerNotReady {
        /// As configured.
        consumer: String,
        /// `ConsumerStatus`.
        status: String,
    },
    /// RD-4 needs Kinesis's clock, and no answer had a `Date`.
    #[error(
        "source.start: latest needs the server's time, but no answer of Kinesis had a Date header: set at_timestamp"
    )]
    NoServerTime,
    /// `at_timestamp` lies in the future.
    #[error(
        "source.start: at_timestamp {start} lies after Kinesis's time {now}: take an instant in the past, or latest"
    )]
    StartInFuture {
        /// As configured.
        start: Arrival,
        /// Kinesis's clock.
        now: Arrival,
    },
    /// CP-8: while running, the stream was deleted and created again.
    #[error(
        "the stream {stream} was deleted and created again while it was read: what the old one still held is lost; \
         restart, and decide on the checkpoint"
    )]
    Recreated {
        /// The stream.
        stream: String,
    },
    /// A request that can never succeed.
    #[error("cannot go on reading shard {shard}")]
    Shard {
        /// The shard.
        shard: ShardId,
        /// The answer.
        source: Box<ApiError>,
    },
    /// The stream's shards cannot be listed.
    #[error("cannot list the shards of the stream {stream}")]
    Listing {
        /// The stream.
        stream: String,
        /// The answer.
        source: Box<ApiError>,
    },
    /// A task of the source panicked: a bug.
    #[error("a task of the source ended by a panic: {task}: {detail}")]
    Panicked {
        /// Which one.
        task: String,
        /// The panic's message.
        detail: String,
    },
}
