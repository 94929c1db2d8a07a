//! A stream of one shard that holds given records, of any size that Kinesis allows: what the in-process Kinesis would
//! take too long to take in, or refuses (it knows no records above 1 MiB).
//!
//! All records arrived in one instant, so neither the speed of the test nor that of the daemon makes any of them late.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::Endpoint;

const SHARD: &str = "shardId-000000000000";
/// What one `GetRecords` answers at most.
const ANSWER_BYTES: usize = 10 << 20;
/// Sequence numbers count from here.
const FIRST: usize = 1000;

/// A running stream; it stops when dropped.
pub struct CannedStream {
    /// Where it answers.
    pub endpoint: Endpoint,
    server: JoinHandle<()>,
}

struct Shard {
    stream: String,
    /// In base64, as answers carry them.
    records: Vec<String>,
    arrived: f64,
    settings: StreamSettings,
}

/// What Kinesis may have set for a stream.
#[derive(Clone, Copy)]
pub struct StreamSettings {
    /// `RetentionPeriodHours`: 24 to 8760.
    pub retention_hours: u32,
    /// Whether records have a partition key: with AUTO record distribution they need none.
    pub keyed: bool,
    /// `EncryptionType`.
    pub encryption: &'static str,
    /// `StreamMode`.
    pub mode: &'static str,
}

impl Default for StreamSettings {
    fn default() -> Self {
        Self { retention_hours: 24, keyed: true, encryption: "NONE", mode: "PROVISIONED" }
    }
}

impl CannedStream {
    /// Starts a stream in which these records arrived at this instant, in milliseconds since 1970.
    pub async fn start(stream: &str, arrived: i64, records: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::start_with(StreamSettings::default(), stream, arrived, records).await
    }

    /// As [`Self::start`], with settings.
    pub async fn start_with(
        settings: StreamSettings,
        stream: &str,
        arrived: i64,
        records: impl IntoIterator<Item = Vec<u8>>,
    ) -> Self {
        let records = records.into_iter().map(|record| STANDARD.encode(record)).collect();
        let shard = Shard { stream: stream.to_owned(), records, arrived: arrived as f64 / 1000.0, settings };
        let app = Router::new().route("/", post(answer)).with_state(Arc::new(shard));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = Endpoint::new(format!("http://{}", listener.local_addr().expect("bound")));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
        Self { endpoint, server }
    }
}

impl Drop for CannedStream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(shard): State<Arc<Shard>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).expect("the client sends JSON");
    let target = headers["x-amz-target"].to_str().expect("ASCII");
    let answer = match target.rsplit('.').next() {
        Some("DescribeStreamSummary") => shard.summary(),
        Some("ListShards") => shard.list(),
        Some("GetShardIterator") => json!({"ShardIterator": shard.place(&asked).to_string()}),
        Some("GetRecords") => shard.records(&asked),
        _ => return StatusCode::NOT_IMPLEMENTED.into_response(),
    };
    // Without a request id the daemon takes the `Date` for that of something between.
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "canned")];
    (headers, answer.to_string()).into_response()
}

impl Shard {
    fn summary(&self) -> Value {
        json!({"StreamDescriptionSummary": {
            "StreamName": self.stream,
            "StreamARN": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{}", self.stream),
            "StreamStatus": "ACTIVE",
            "RetentionPeriodHours": self.settings.retention_hours,
            "EncryptionType": self.settings.encryption,
            "StreamModeDetails": {"StreamMode": self.settings.mode},
            "StreamCreationTimestamp": 1_700_000_000,
            "EnhancedMonitoring": [],
            "OpenShardCount": 1,
        }})
    }

    fn list(&self) -> Value {
        json!({"Shards": [{
            "ShardId": SHARD,
            "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": u128::MAX.to_string()},
            "SequenceNumberRange": {"StartingSequenceNumber": FIRST.to_string()},
        }]})
    }

    /// The index of the record that an iterator stands before.
    fn place(&self, asked: &Value) -> usize {
        let number = || asked["StartingSequenceNumber"].as_str().and_then(|text| text.parse::<usize>().ok());
        match asked["ShardIteratorType"].as_str() {
            Some("AFTER_SEQUENCE_NUMBER") => number().expect("a number") + 1 - FIRST,
            Some("AT_SEQUENCE_NUMBER") => number().expect("a number") - FIRST,
            Some("TRIM_HORIZON") => 0,
            Some("AT_TIMESTAMP") if asked["Timestamp"].as_f64().is_some_and(|at| at > self.arrived) => {
                self.records.len()
            }
            Some("AT_TIMESTAMP") => 0,
            other => panic!("an iterator of the type {other:?} is not canned"),
        }
    }

    fn records(&self, asked: &Value) -> Value {
        let from: usize = asked["ShardIterator"].as_str().and_then(|text| text.parse().ok()).expect("one of ours");
        let limit = asked["Limit"].as_u64().unwrap_or(10_000) as usize;
        let mut room = ANSWER_BYTES;
        // An answer holds at least one record, however large.
        let fits = |(index, record): &(usize, &String)| {
            let bytes = record.len() / 4 * 3;
            let fits = *index == from || bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        };
        let numbered = self.records.iter().enumerate().skip(from).take(limit);
        let records: Vec<Value> = numbered.take_while(fits).map(|(index, data)| self.record(index, data)).collect();
        let next = from + records.len();
        let behind = if next < self.records.len() { 1000 } else { 0 };
        json!({"Records": records, "NextShardIterator": next.to_string(), "MillisBehindLatest": behind})
    }

    fn record(&self, index: usize, data: &str) -> Value {
        let mut record = json!({
            "SequenceNumber": (FIRST + index).to_string(),
            "ApproximateArrivalTimestamp": self.arrived,
            "Data": data,
        });
        if self.settings.keyed {
            record["PartitionKey"] = json!("key");
        }
        record
    }
}
