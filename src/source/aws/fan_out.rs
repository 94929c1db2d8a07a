//! Enhanced fan-out on aws-sdk-kinesis: the registered consumer, and what is pushed to it.

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::error::SdkError;
use aws_sdk_kinesis::primitives::{DateTime, event_stream::EventReceiver};
use aws_sdk_kinesis::types::error::SubscribeToShardEventStreamError;
use aws_sdk_kinesis::types::{ShardIteratorType, StartingPosition, SubscribeToShardEvent, SubscribeToShardEventStream};

use super::{AwsKinesis, CREDENTIALS_TIMEOUT, child, errors, record};
use crate::config::ConsumerRef;
use crate::engine::{SequenceNumber, ShardId};
use crate::source::api::{ApiError, ConsumerDescription, IteratorStart, Subscription, SubscriptionEvent};

const SUBSCRIBE: &str = "SubscribeToShard";

/// What Kinesis pushes to a consumer of one shard.
pub struct AwsSubscription {
    shard: ShardId,
    events: EventReceiver<SubscribeToShardEventStream, SubscribeToShardEventStreamError>,
    /// Its own connection: HTTP/2 counts what was not taken yet by connection, too, so a few shards that are held back would
    /// keep all others of one connection from being read, for which they may be waiting; and it bounds the streams of one.
    _connection: Client,
}

pub(super) async fn describe(
    kinesis: &AwsKinesis,
    stream_arn: &str,
    consumer: &ConsumerRef,
) -> Result<ConsumerDescription, ApiError> {
    const OPERATION: &str = "DescribeStreamConsumer";
    let request = kinesis.client.describe_stream_consumer();
    let request = match consumer {
        ConsumerRef::Arn(arn) => request.consumer_arn(arn),
        ConsumerRef::Name(name) => request.stream_arn(stream_arn).consumer_name(name),
    };
    let answer = kinesis.call(OPERATION, None, Box::pin(request.send())).await?;
    let described = answer.consumer_description;
    let described = described.ok_or_else(|| errors::unreadable(OPERATION, None, "no description"))?;
    let (arn, status) = (described.consumer_arn, described.consumer_status.as_str().to_owned());
    let stream_arn = Some(described.stream_arn).filter(|arn| !arn.is_empty());
    Ok(ConsumerDescription { arn, stream_arn, status })
}

pub(super) async fn register(
    kinesis: &AwsKinesis,
    stream_arn: &str,
    name: &str,
) -> Result<ConsumerDescription, ApiError> {
    const OPERATION: &str = "RegisterStreamConsumer";
    let request = kinesis.client.register_stream_consumer().stream_arn(stream_arn).consumer_name(name);
    let answer = kinesis.call(OPERATION, None, Box::pin(request.send())).await?;
    let consumer = answer.consumer.ok_or_else(|| errors::unreadable(OPERATION, None, "no consumer"))?;
    let (arn, status) = (consumer.consumer_arn, consumer.consumer_status.as_str().to_owned());
    Ok(ConsumerDescription { arn, stream_arn: None, status })
}

pub(super) async fn subscribe(
    kinesis: &AwsKinesis,
    consumer_arn: &str,
    shard: &ShardId,
    start: &IteratorStart,
) -> Result<AwsSubscription, ApiError> {
    // A client that is made anew opens connections of its own.
    let connection = Client::from_conf(kinesis.client.config().clone());
    let request = connection.subscribe_to_shard().consumer_arn(consumer_arn).shard_id(shard.as_str());
    let request = request.starting_position(starting_position(start));
    // The SDK's time-outs end with the head of the answer, before the first event, which it waits for.
    let longest = kinesis.request_timeout + CREDENTIALS_TIMEOUT;
    let accepted = async {
        match tokio::time::timeout(longest, request.send()).await {
            Ok(answer) => answer,
            Err(silence) => Err(SdkError::timeout_error(silence)),
        }
    };
    let answer = kinesis.call(SUBSCRIBE, Some(shard), Box::pin(accepted)).await;
    let events = answer.map_err(|error| errors::of_iterator(error, start))?.event_stream;
    Ok(AwsSubscription { shard: shard.clone(), events, _connection: connection })
}

impl Subscription for AwsSubscription {
    async fn next(&mut self) -> Result<Option<SubscriptionEvent>, ApiError> {
        loop {
            match self.events.recv().await {
                Ok(Some(SubscribeToShardEventStream::SubscribeToShardEvent(pushed))) => {
                    return event(&self.shard, pushed).map(Some);
                }
                // Of a kind that is newer than the SDK.
                Ok(Some(_)) => {}
                Ok(None) => return Ok(None),
                Err(error) => return Err(errors::of_event(SUBSCRIBE, &self.shard, &error)),
            }
        }
    }
}

fn event(shard: &ShardId, event: SubscribeToShardEvent) -> Result<SubscriptionEvent, ApiError> {
    let number = event.continuation_sequence_number;
    let continuation = (!number.is_empty()).then(|| SequenceNumber::try_new(&number)).transpose();
    Ok(SubscriptionEvent {
        continuation: continuation.map_err(|error| errors::unreadable(SUBSCRIBE, Some(shard), &error.to_string()))?,
        records: event.records.into_iter().map(|it| record(shard, it)).collect::<Result<_, _>>()?,
        millis_behind_latest: event.millis_behind_latest,
        children: event.child_shards.unwrap_or_default().into_iter().map(child).collect(),
    })
}

fn starting_position(start: &IteratorStart) -> StartingPosition {
    let position = StartingPosition::builder();
    let position = match start {
        IteratorStart::TrimHorizon => position.r#type(ShardIteratorType::TrimHorizon),
        IteratorStart::AtTimestamp(at) => {
            position.r#type(ShardIteratorType::AtTimestamp).timestamp(DateTime::from_millis(at.0))
        }
        IteratorStart::At(number) => {
            position.r#type(ShardIteratorType::AtSequenceNumber).sequence_number(number.as_str())
        }
        IteratorStart::After(number) => {
            position.r#type(ShardIteratorType::AfterSequenceNumber).sequence_number(number.as_str())
        }
    };
    position.build().expect("it has a type")
}
