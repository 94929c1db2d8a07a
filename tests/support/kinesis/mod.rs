//! An in-process Kinesis on a free port of 127.0.0.1: ferrokinesis, behind a layer that repairs where it differs from
//! Kinesis (`repairs`) and fails on demand (`faults`).

mod arrivals;
mod faults;
mod repairs;

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_kinesis::Client;
use aws_sdk_kinesis::config::{BehaviorVersion, Credentials, Region, SharedCredentialsProvider};
use aws_sdk_kinesis::primitives::Blob;
use aws_sdk_kinesis::types::{PutRecordsRequestEntry, Shard, StreamStatus};
use ferrokinesis::store::StoreOptions;
use tokio::task::JoinHandle;
use trailrisk::config::{SourceConfig, StartConfig, StreamRef};

pub use faults::{Fault, Faults};

use repairs::Repairs;

/// A running in-process Kinesis; it stops when dropped.
pub struct LocalKinesis {
    url: String,
    client: Client,
    faults: Arc<Faults>,
    server: JoinHandle<()>,
}

impl LocalKinesis {
    /// Starts one in which streams and reshards are ready after a millisecond.
    pub async fn start() -> Self {
        Self::start_with(StoreOptions {
            create_stream_ms: 1,
            update_stream_ms: 1,
            delete_stream_ms: 1,
            shard_limit: 1000,
            ..StoreOptions::default()
        })
        .await
    }

    /// Starts one with options of one's own.
    pub async fn start_with(options: StoreOptions) -> Self {
        let (app, store) = ferrokinesis::create_app(options);
        let faults = Arc::new(Faults::default());
        let repairs = Repairs::new(store, Arc::clone(&faults));
        // The repairs are inside, so that a fault replaces the whole answer.
        let app = repairs::layer(app, repairs);
        let app = faults::layer(app, Arc::clone(&faults));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
        let client = Client::new(&sdk_config(&url));
        Self { url, client, faults, server }
    }

    /// Where it listens.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A client of it.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// What shall go wrong.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Region, endpoint and credentials for [`trailrisk::source::AwsKinesis::new`].
    pub fn sdk_config(&self) -> aws_config::SdkConfig {
        sdk_config(&self.url)
    }

    /// The `source` section for a stream in it: short pauses, no slack, from the oldest record.
    pub fn source_config(&self, stream: &str) -> SourceConfig {
        SourceConfig {
            name: stream.to_owned(),
            stream: StreamRef::Name(stream.to_owned()),
            region: Some("us-east-1".to_owned()),
            endpoint_url: Some(self.url.clone()),
            start: StartConfig::TrimHorizon,
            poll_interval: Duration::from_millis(200),
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

    async fn active(&self, stream: &str) {
        super::wait_until("the stream is active", || async {
            let answer = self.client.describe_stream_summary().stream_name(stream).send().await.ok()?;
            let summary = answer.stream_description_summary?;
            (summary.stream_status == StreamStatus::Active).then_some(())
        })
        .await;
    }
}

impl Drop for LocalKinesis {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn sdk_config(url: &str) -> aws_config::SdkConfig {
    aws_config::SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .endpoint_url(url)
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "tests")))
        .build()
}

fn number(text: &str) -> u128 {
    text.parse().expect("a hash key is a number")
}
