//! The canned Kinesis: it answers from memory and after 10 ms, without TLS.

use std::collections::BTreeSet;
use std::io::Read as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use super::generate::{self, Generator, Spec, Wrapper};
use super::support;

pub const STREAM: &str = "trail";
const CORPUS: &[u8] = include_bytes!("../../tests/data/cloudtrail/corpus.ndjson.gz");
/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(10);
/// What one `GetRecords` answers at most.
pub const ANSWER_BYTES: usize = 10 << 20;
/// How far back the backlog reaches.
const HOUR_MS: i64 = 3_600_000;

/// What is served.
pub struct Stream {
    pub shards: usize,
    /// Of each shard, or of all alike, as an answer carries them, with the length of their data.
    records: Vec<Vec<(String, usize)>>,
    /// Shards that were read.
    pub read: Mutex<BTreeSet<String>>,
    pub requests: AtomicU64,
}

/// Where a stream is served from now on.
pub async fn serve(stream: &Arc<Stream>) -> String {
    let app = Router::new().route("/", post(answer)).with_state(Arc::clone(stream));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
    endpoint
}

async fn answer(State(stream): State<Arc<Stream>>, headers: HeaderMap, body: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&body).expect("the client sends JSON");
    stream.requests.fetch_add(1, Ordering::Relaxed);
    tokio::time::sleep(LATENCY).await;
    let answer = match headers["x-amz-target"].to_str().expect("ASCII").rsplit('.').next() {
        Some("DescribeStreamSummary") => stream.summary().to_string(),
        Some("ListShards") => stream.list().to_string(),
        Some("GetShardIterator") => stream.iterator(&asked),
        Some("GetRecords") => stream.get_records(&asked),
        _ => return StatusCode::NOT_IMPLEMENTED.into_response(),
    };
    // Without a request id the daemon takes the `Date` for that of something between.
    ([("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", "canned")], answer).into_response()
}

/// So many bytes of real events, of which none matches.
pub fn corpus(bytes: usize) -> Vec<String> {
    let mut corpus = String::new();
    GzDecoder::new(CORPUS).read_to_string(&mut corpus).expect("the corpus inflates");
    let lines: Vec<&str> = corpus.lines().filter(|line| !line.contains("JobCreated")).collect();
    up_to(bytes, lines.into_iter().cycle().map(str::to_owned))
}

/// So many bytes of generated events in each shard, of an hour ago.
pub fn generated(shards: usize, bytes: usize, matches_per_million: usize) -> Vec<Vec<String>> {
    let matches_per_million = matches_per_million as u64;
    let spec = Spec { events: u64::MAX, matches_per_million, groups: 10_000, seed: 1, wrapper: Wrapper::Bare };
    let mut generator = Generator::new(spec);
    let hour = jiff::Timestamp::from_millisecond(support::wall_millis() - HOUR_MS).expect("this century");
    let hour = hour.strftime("%Y-%m-%dT%H:").to_string();
    let mut next = || {
        let mut record = Vec::new();
        let text = generator.record(&mut record).then(|| String::from_utf8(record).expect("JSON"));
        text.map(|text| text.replace(generate::START, &hour))
    };
    (0..shards).map(|_| up_to(bytes, std::iter::from_fn(&mut next))).collect()
}

fn up_to(bytes: usize, records: impl Iterator<Item = String>) -> Vec<String> {
    let mut size = 0;
    let fits = |record: &String| {
        size += record.len();
        size <= bytes
    };
    records.take_while(fits).collect()
}

impl Stream {
    /// With a backlog for each shard, or one for all, which came over the last hour.
    pub fn new(shards: usize, data: impl IntoIterator<Item = Vec<String>>) -> Arc<Self> {
        let records = data.into_iter().map(Self::backlog).collect();
        Arc::new(Self { shards, records, read: Mutex::default(), requests: AtomicU64::new(0) })
    }

    fn backlog(data: Vec<String>) -> Vec<(String, usize)> {
        let (begin, count) = (support::wall_millis() - HOUR_MS, data.len() as i64);
        let record = |(number, line): (usize, &String)| {
            let arrival = (begin + HOUR_MS * number as i64 / count) as f64 / 1000.0;
            let record = json!({
                "SequenceNumber": (number + 1).to_string(),
                "ApproximateArrivalTimestamp": arrival,
                "PartitionKey": "key",
                "Data": STANDARD.encode(line),
            });
            (record.to_string(), line.len())
        };
        data.iter().enumerate().map(record).collect()
    }

    /// Records and bytes of all shards.
    pub fn size(&self) -> (usize, usize) {
        let of = |shard: usize| self.records[shard % self.records.len()].iter().map(|(_, bytes)| *bytes);
        let all = || (0..self.shards).flat_map(of);
        (all().count(), all().sum())
    }

    fn summary(&self) -> Value {
        json!({"StreamDescriptionSummary": {
            "StreamName": STREAM,
            "StreamARN": format!("arn:aws:kinesis:us-east-1:000000000000:stream/{STREAM}"),
            "StreamStatus": "ACTIVE",
            "RetentionPeriodHours": 24,
            "EncryptionType": "NONE",
            "StreamModeDetails": {"StreamMode": "PROVISIONED"},
            "StreamCreationTimestamp": 1_700_000_000,
            "EnhancedMonitoring": [],
            "OpenShardCount": self.shards,
        }})
    }

    fn list(&self) -> Value {
        let share = u128::MAX / self.shards as u128;
        let end = |number: usize| if number + 1 == self.shards { u128::MAX } else { share * (number as u128 + 1) - 1 };
        let shard = |number: usize| {
            json!({
                "ShardId": format!("shardId-{number:012}"),
                "HashKeyRange": {
                    "StartingHashKey": (share * number as u128).to_string(), "EndingHashKey": end(number).to_string(),
                },
                "SequenceNumberRange": {"StartingSequenceNumber": "1"},
            })
        };
        json!({"Shards": (0..self.shards).map(shard).collect::<Vec<_>>()})
    }

    /// Iterators are a shard's id and the number of records before them.
    fn iterator(&self, asked: &Value) -> String {
        let before: usize = match asked["ShardIteratorType"].as_str() {
            Some("AFTER_SEQUENCE_NUMBER") => {
                asked["StartingSequenceNumber"].as_str().expect("text").parse().expect("ours")
            }
            _ => 0,
        };
        json!({"ShardIterator": format!("{}:{before}", asked["ShardId"].as_str().expect("text"))}).to_string()
    }

    fn get_records(&self, asked: &Value) -> String {
        let iterator = asked["ShardIterator"].as_str().expect("text");
        let (shard, before) = iterator.split_once(':').expect("one of ours");
        self.read.lock().expect("nobody panics").insert(shard.to_owned());
        let before: usize = before.parse().expect("one of ours");
        let (mut bytes, mut next, mut records) = (0, before, String::new());
        let limit = asked["Limit"].as_u64().unwrap_or(10_000) as usize;
        let number: usize = shard.rsplit('-').next().and_then(|number| number.parse().ok()).expect("one of ours");
        let all = &self.records[number % self.records.len()];
        for (record, size) in all[before..].iter().take(limit) {
            bytes += size;
            if bytes > ANSWER_BYTES {
                break;
            }
            records += if next == before { "" } else { "," };
            records += record;
            next += 1;
        }
        let behind = if next < all.len() { 1000 } else { 0 };
        format!(r#"{{"Records":[{records}],"NextShardIterator":"{shard}:{next}","MillisBehindLatest":{behind}}}"#)
    }
}
