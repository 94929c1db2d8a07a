//! A Kinesis that answers at some address, and what tests do with it: streams, records, reshards.

use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, ScalingType, Shard, StreamStatus};
use trailrisk::config::{HashRangeCheck, ProtocolConfig, ReaderConfig, SourceConfig, StartConfig, StreamRef};

/// The access key of the tests' own requests, which no fault meets.
pub const TESTS: &str = "tests";

/// A Kinesis that answers at some address. It belongs to the runtime that it was made in.
pub struct Endpoint {
    url: String,
    sdk: aws_config::SdkConfig,
    client: Client,
}

impl Endpoint {
    /// The Kinesis at `url`.
    pub fn new(url: String) -> Self {
        let sdk = |key| {
            let credentials = Credentials::new(key, "local", None, None, "tests");
            aws_config::SdkConfig::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::new("us-east-1"))
                .endpoint_url(&url)
                .credentials_provider(SharedCredentialsProvider::new(credentials))
                .build()
        };
        let (client, sdk) = (Client::new(&sdk(TESTS)), sdk("local"));
        Self { url, sdk, client }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of it that no fault meets.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Region, endpoint and credentials for [`trailrisk::source::AwsKinesis::new`].
    pub fn sdk_config(&self) -> aws_config::SdkConfig {
        self.sdk.clone()
    }

    /// The `source` section for a stream in it: short pauses, no slack, from the oldest record.
    pub fn source_config(&self, stream: &str) -> SourceConfig {
        SourceConfig {
            name: stream.to_owned(),
            stream: StreamRef::Name(stream.to_owned()),
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(self.url.clone()),
            role: None,
            start: StartConfig::TrimHorizon,
            reader: ReaderConfig::Polling,
            hash_range_check: HashRangeCheck::Auto,
            protocol: ProtocolConfig::Own,
            poll_interval: Duration::from_millis(200),
            idle_poll_interval: Duration::from_millis(200),
            tip_slack: Duration::ZERO,
            stalled_after: Duration::from_secs(60),
            request_timeout: Duration::from_secs(10),
            list_interval: Duration::from_secs(60),
            outage_budget: Duration::from_secs(3600),
        }
    }

    /// Creates a stream and waits until it can be used.
    pub async fn create_stream(&self, stream: &str, shards: i32) {
        let request = self.client.create_stream().stream_name(stream).shard_count(shards);
        request.send().await.expect("the stream is created");
        self.active(stream).await;
    }

    /// Puts records, at most 500 a request: (partition key, data).
    pub async fn put(&self, stream: &str, records: impl IntoIterator<Item = (String, Vec<u8>)>) {
        let entry = |(key, data): (String, Vec<u8>)| {
            let entry = PutRecordsRequestEntry::builder().partition_key(key).data(Blob::new(data));
            entry.build().expect("key and data are set")
        };
        let entries: Vec<_> = records.into_iter().map(entry).collect();
        for chunk in entries.chunks(500) {
            let request = self.client.put_records().stream_name(stream).set_records(Some(chunk.to_vec()));
            let answer = request.send().await.expect("the records are put");
            assert_eq!(answer.failed_record_count.unwrap_or(0), 0, "no record is refused");
        }
    }

    /// All shards, closed ones too.
    pub async fn shards(&self, stream: &str) -> Vec<Shard> {
        let answer = self.client.list_shards().stream_name(stream).send().await.expect("the shards are listed");
        answer.shards.unwrap_or_default()
    }

    /// Splits a shard in the middle.
    pub async fn split(&self, stream: &str, shard: &str) {
        let shards = self.shards(stream).await;
        let parent = shards.iter().find(|it| it.shard_id == shard).expect("the shard exists");
        let range = parent.hash_key_range.as_ref().expect("a shard has a range");
        let (low, high) = (number(&range.starting_hash_key), number(&range.ending_hash_key));
        let middle = (low + (high - low) / 2).to_string();
        let request = self.client.split_shard().stream_name(stream).shard_to_split(shard);
        request.new_starting_hash_key(middle).send().await.expect("the shard is split");
        self.active(stream).await;
    }

    /// Merges two neighbouring shards.
    pub async fn merge(&self, stream: &str, lower: &str, upper: &str) {
        let request = self.client.merge_shards().stream_name(stream);
        let request = request.shard_to_merge(lower).adjacent_shard_to_merge(upper);
        request.send().await.expect("the shards are merged");
        self.active(stream).await;
    }

    /// Splits or merges as many shards as it takes; at most doubles or halves their number.
    pub async fn update_shard_count(&self, stream: &str, shards: i32) {
        let request = self.client.update_shard_count().stream_name(stream).target_shard_count(shards);
        request.scaling_type(ScalingType::UniformScaling).send().await.expect("the shard count is updated");
        self.active(stream).await;
    }

    async fn active(&self, stream: &str) {
        super::super::wait_until("the stream is active", || async {
            let answer = self.client.describe_stream_summary().stream_name(stream).send().await.ok()?;
            let summary = answer.stream_description_summary?;
            (summary.stream_status == StreamStatus::Active).then_some(())
        })
        .await;
    }
}

fn number(text: &str) -> u128 {
    text.parse().expect("a hash key is a number")
}
