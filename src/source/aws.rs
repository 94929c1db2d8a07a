//! The port on aws-sdk-kinesis.
//!
//! Owns: the client, time-outs (the SDK has none on reads), Kinesis's clock, the translation of answers. Deliberately
//! absent: retries. The SDK tries once; when to try again is `super::pacing`'s matter.

mod body;
mod clock;
mod errors;
mod fan_out;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::Builder;
use aws_sdk_kinesis::config::retry::RetryConfig;
use aws_sdk_kinesis::config::timeout::TimeoutConfig;
use aws_sdk_kinesis::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kinesis::operation::get_records::GetRecordsOutput;
use aws_sdk_kinesis::primitives::DateTime;
use aws_sdk_kinesis::types::{
    self, RecordDistributionStrategy, ShardFilter, ShardFilterType, ShardIteratorType, StreamStatus,
};
use tokio::time::Instant;

use self::body::BodyReader;
use self::clock::{DateReader, ServerClock};
pub use self::fan_out::AwsSubscription;
use super::Record;
use super::api::{
    ApiError, ConsumerDescription, ErrorKind, IteratorStart, KinesisApi, ListedShard, ReadAnswer, ShardIterator,
    StreamDescription,
};
use super::error::SourceError;
use crate::config::{ConsumerRef, ProtocolConfig, SourceConfig, StreamRef};
use crate::engine::{Position, SequenceNumber, ShardId, ShardRef};
use crate::kpl::HashRange;
use crate::metrics::Metrics;
use crate::time::Arrival;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// What resolving credentials may add to a request.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(10);

/// Not knowing how far behind we are proves as little as being behind (RD-3).
const UNKNOWN_BEHIND: i64 = 1;

/// The stream as aws-sdk-kinesis reaches it.
pub struct AwsKinesis {
    client: Client,
    protocol: ProtocolConfig,
    name: Option<String>,
    arn: Option<String>,
    /// The label of the metrics.
    stream: String,
    /// Longest wait for one answer.
    request_timeout: Duration,
    clock: Arc<ServerClock>,
    metrics: Metrics,
}

impl AwsKinesis {
    /// Resolves region and credentials by the SDK's standard chain. Kinesis is not asked yet.
    ///
    /// # Errors
    /// No region, no credentials.
    pub async fn connect(config: &SourceConfig, metrics: Metrics) -> Result<Self, SourceError> {
        let (region, endpoint_url) = (config.region.as_deref(), config.endpoint_url.as_deref());
        let sdk = crate::aws::connect(region, endpoint_url, config.role.as_ref()).await?;
        let sdk = sdk.ok_or(SourceError::NoRegion)?;
        let credentials = crate::aws::check_credentials(&sdk).await;
        credentials.map_err(|detail| match &config.role {
            Some(role) => SourceError::NotAssumed { role: role.arn.clone(), detail },
            None => SourceError::NoCredentials { detail },
        })?;
        Ok(Self::new(&sdk, config, metrics))
    }

    /// Over a region, an endpoint and credentials that are resolved already.
    pub fn new(sdk: &SdkConfig, config: &SourceConfig, metrics: Metrics) -> Self {
        let clock = Arc::new(ServerClock::default());
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(config.request_timeout)
            .operation_timeout(config.request_timeout + CREDENTIALS_TIMEOUT)
            .build();
        let settings = Builder::from(sdk)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts)
            .interceptor(DateReader(Arc::clone(&clock)));
        let (name, arn) = match &config.stream {
            StreamRef::Name(name) => (Some(name.clone()), None),
            StreamRef::Arn(arn) => (None, Some(arn.clone())),
        };
        let stream = config.stream.name().to_owned();
        Self {
            client: Client::from_conf(settings.build()),
            protocol: config.protocol,
            name,
            arn,
            stream,
            request_timeout: config.request_timeout,
            clock,
            metrics,
        }
    }

    /// Every page of a listing.
    async fn list(&self, filter: Option<ShardFilter>) -> Result<Vec<ListedShard>, ApiError> {
        let mut shards = Vec::new();
        let mut token = None;
        loop {
            let request = self.client.list_shards();
            // A token has to be sent alone: it stands for the stream and the filter too.
            let request = match token {
                Some(token) => request.next_token(token),
                None => {
                    let request = request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone());
                    request.set_shard_filter(filter.clone())
                }
            };
            let page = self.call("ListShards", None, Box::pin(request.send())).await?;
            // A page may be empty, but it is there: an answer without one is not Kinesis's.
            let listing = page.shards.ok_or_else(|| foreign("ListShards", None, "no list of shards"))?;
            shards.extend(listing.into_iter().map(listed));
            token = page.next_token;
            if token.is_none() {
                return Ok(shards);
            }
        }
    }

    /// Sends one request, measures it, and sorts its error. The SDK's futures are of tens of kilobytes: boxed, they take that
    /// while they are under way, and not in every task that may ever send one.
    async fn call<T, E>(
        &self,
        operation: &'static str,
        shard: Option<&ShardId>,
        request: Pin<Box<impl Future<Output = Result<T, SdkError<E>>>>>,
    ) -> Result<T, ApiError>
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let begun = Instant::now();
        let answer = request.await.map_err(|error| errors::api_error(operation, shard, &error));
        let outcome = match answer.as_ref().map_err(|error| error.kind) {
            Ok(_) => "ok",
            Err(ErrorKind::Throttled) => "throttled",
            Err(ErrorKind::NewIterator) => "expired_iterator",
            Err(ErrorKind::Retry | ErrorKind::Refused | ErrorKind::NotFound | ErrorKind::Fatal) => "error",
        };
        let stream = self.stream.as_str();
        self.metrics.kinesis_requests_total.with_label_values(&[stream, operation, outcome]).inc();
        let duration = self.metrics.kinesis_request_duration_seconds.with_label_values(&[stream, operation]);
        duration.observe(begun.elapsed().as_secs_f64());
        answer
    }
}

impl KinesisApi for AwsKinesis {
    async fn describe(&self) -> Result<StreamDescription, ApiError> {
        let request = self.client.describe_stream_summary();
        let request = request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone());
        let answer = self.call("DescribeStreamSummary", None, Box::pin(request.send())).await?;
        let summary = answer.stream_description_summary;
        summary.map(description).ok_or_else(|| errors::unreadable("DescribeStreamSummary", None, "no description"))
    }

    async fn list_shards(&self) -> Result<Vec<ListedShard>, ApiError> {
        self.list(None).await
    }

    async fn list_shards_from(&self, since: Arrival) -> Result<Vec<ListedShard>, ApiError> {
        let filter = ShardFilter::builder().r#type(ShardFilterType::FromTimestamp);
        let filter = filter.timestamp(DateTime::from_millis(since.0)).build();
        let filter = filter.map_err(|error| errors::unreadable("ListShards", None, &error.to_string()))?;
        self.list(Some(filter)).await
    }

    async fn shard_iterator(&self, shard: &ShardId, start: &IteratorStart) -> Result<ShardIterator, ApiError> {
        const OPERATION: &str = "GetShardIterator";
        let request = self.client.get_shard_iterator().shard_id(shard.as_str());
        let request = request.set_stream_name(self.name.clone()).set_stream_arn(self.arn.clone());
        let request = match start {
            IteratorStart::TrimHorizon => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
            IteratorStart::AtTimestamp(at) => {
                request.shard_iterator_type(ShardIteratorType::AtTimestamp).timestamp(DateTime::from_millis(at.0))
            }
            IteratorStart::At(number) => request
                .shard_iterator_type(ShardIteratorType::AtSequenceNumber)
                .starting_sequence_number(number.as_str()),
            IteratorStart::After(number) => request
                .shard_iterator_type(ShardIteratorType::AfterSequenceNumber)
                .starting_sequence_number(number.as_str()),
        };
        let answer = self.call(OPERATION, Some(shard), Box::pin(request.send())).await;
        let answer = answer.map_err(|error| errors::of_iterator(error, start))?;
        let iterator = answer.shard_iterator.map(ShardIterator);
        iterator.ok_or_else(|| errors::unreadable(OPERATION, Some(shard), "no iterator"))
    }

    async fn get_records(&self, shard: &ShardId, iterator: &ShardIterator, limit: u16) -> Result<ReadAnswer, ApiError> {
        let request = self.client.get_records().shard_iterator(&iterator.0).limit(i32::from(limit));
        let request = request.set_stream_arn(self.arn.clone()).customize();
        let body = BodyReader::default();
        let request = match self.protocol {
            ProtocolConfig::Own => request.interceptor(body.clone()),
            ProtocolConfig::Sdk => request,
        };
        let answer = self.call("GetRecords", Some(shard), Box::pin(request.send())).await?;
        if let Some(answer) = body.take() {
            return Ok(answer);
        }
        if !is_of_kinesis(&answer) {
            return Err(foreign(
                "GetRecords",
                Some(shard),
                "neither a next iterator nor a word on where the shard ends",
            ));
        }
        Ok(ReadAnswer {
            records: answer.records.into_iter().map(|it| record(shard, it)).collect::<Result<_, _>>()?,
            next: answer.next_shard_iterator.map(ShardIterator),
            millis_behind_latest: answer.millis_behind_latest.unwrap_or(UNKNOWN_BEHIND),
            children: answer.child_shards.unwrap_or_default().into_iter().map(child).collect(),
        })
    }

    async fn describe_consumer(
        &self,
        stream_arn: &str,
        consumer: &ConsumerRef,
    ) -> Result<ConsumerDescription, ApiError> {
        fan_out::describe(self, stream_arn, consumer).await
    }

    async fn register_consumer(&self, stream_arn: &str, name: &str) -> Result<ConsumerDescription, ApiError> {
        fan_out::register(self, stream_arn, name).await
    }

    type Subscription = AwsSubscription;

    async fn subscribe(
        &self,
        consumer_arn: &str,
        shard: &ShardId,
        start: &IteratorStart,
    ) -> Result<AwsSubscription, ApiError> {
        fan_out::subscribe(self, consumer_arn, shard, start).await
    }

    fn server_time(&self) -> Option<Arrival> {
        self.clock.now()
    }
}

/// RD-1: an empty body with status 200, which a proxy may make of a failure, reads like the end of a shard. Kinesis
/// names the children there, and always says how far behind an answer is.
fn is_of_kinesis(answer: &GetRecordsOutput) -> bool {
    answer.next_shard_iterator.is_some() || answer.child_shards.is_some() || answer.millis_behind_latest.is_some()
}

/// An answer of somebody else, who may step aside again.
fn foreign(operation: &'static str, shard: Option<&ShardId>, message: &str) -> ApiError {
    ApiError { kind: ErrorKind::Retry, ..errors::unreadable(operation, shard, message) }
}

fn description(summary: types::StreamDescriptionSummary) -> StreamDescription {
    let mode = summary.stream_mode_details.map_or("PROVISIONED".to_owned(), |it| it.stream_mode.as_str().to_owned());
    StreamDescription {
        name: summary.stream_name,
        arn: summary.stream_arn,
        created_at: millis(&summary.stream_creation_timestamp),
        readable: matches!(summary.stream_status, StreamStatus::Active | StreamStatus::Updating),
        status: summary.stream_status.as_str().to_owned(),
        retention_hours: u32::try_from(summary.retention_period_hours).unwrap_or(0),
        encryption: summary.encryption_type.map_or("NONE".to_owned(), |it| it.as_str().to_owned()),
        mode,
        placed_by_key: summary.record_distribution_strategy != Some(RecordDistributionStrategy::Auto),
        open_shards: u32::try_from(summary.open_shard_count).unwrap_or(0),
    }
}

fn listed(shard: types::Shard) -> ListedShard {
    let parents = shard.parent_shard_id.iter().chain(&shard.adjacent_parent_shard_id);
    let open = shard.sequence_number_range.is_none_or(|range| range.ending_sequence_number.is_none());
    let hash_range = shard.hash_key_range.as_ref().and_then(hash_range);
    let parents = parents.map(|parent| ShardId::new(parent)).collect();
    ListedShard { shard: ShardRef { shard: ShardId::new(&shard.shard_id), parents }, open, hash_range }
}

fn hash_range(range: &types::HashKeyRange) -> Option<HashRange> {
    Some(HashRange { from: range.starting_hash_key.parse().ok()?, to: range.ending_hash_key.parse().ok()? })
}

fn child(child: types::ChildShard) -> ShardRef {
    let parents = child.parent_shards.iter().map(|parent| ShardId::new(parent)).collect();
    ShardRef { shard: ShardId::new(&child.shard_id), parents }
}

fn record(shard: &ShardId, record: types::Record) -> Result<Record, ApiError> {
    let number = SequenceNumber::try_new(&record.sequence_number);
    let number = number.map_err(|error| errors::unreadable("GetRecords", Some(shard), &error.to_string()))?;
    // Without a stamp the effective arrival, a running maximum, is that of the record before.
    let arrival = record.approximate_arrival_timestamp.map_or(Arrival::MIN, |at| arrival(&at));
    Ok(Record { position: Position::After(number, 0), arrival, data: record.data.into_inner(), refusal: None })
}

/// To the nearest millisecond: Kinesis writes whole ones, and the double that a stamp is read as is often a little less.
fn arrival(at: &DateTime) -> Arrival {
    let millis = (i64::from(at.subsec_nanos()) + 500_000) / 1_000_000;
    Arrival(at.secs().saturating_mul(1000).saturating_add(millis))
}

fn millis(at: &DateTime) -> i64 {
    at.to_millis().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use aws_sdk_kinesis::primitives::Blob;

    use super::*;

    /// As Kinesis writes a stamp, and as it is read from JSON.
    fn stamped(millis: i64) -> types::Record {
        let stamp = format!("{}.{:03}", millis / 1000, millis % 1000).parse().unwrap();
        let record = types::Record::builder().sequence_number("1").partition_key("p").data(Blob::new("x"));
        record.approximate_arrival_timestamp(DateTime::from_secs_f64(stamp)).build().unwrap()
    }

    #[test]
    fn arrivals_are_the_milliseconds_that_kinesis_wrote() {
        for millis in 1_767_609_000_000..1_767_609_001_000 {
            assert_eq!(record(&ShardId::new("s"), stamped(millis)).unwrap().arrival, Arrival(millis));
        }
    }
}
