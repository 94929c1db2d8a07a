//! What streams of many shards cost: the time until each was read, processor and memory while nothing comes, and how fast a
//! backlog in every shard is caught up with. Kinesis is canned: this process answers, from memory and after 10 ms, without
//! TLS; it works on the same cores, so that processor time is what carries over.
//!
//! `cargo bench --bench shards -- idle [SHARDS] [IDLE_POLL_INTERVAL]`, `-- backlog [SHARDS] [MEGABYTES]`; and
//! `-- reader [MEGABYTES] [MATCHES]`: what it costs only to read and count a backlog with the SDK, with each
//! `source.protocol` and with the daemon, each in a process of its own, by turns; of a million events so many match.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../examples/events/generate.rs"]
#[expect(dead_code, reason = "the other wrappers are for the other benches")]
mod generate;
#[path = "process/mod.rs"]
mod process;
#[expect(dead_code, unused_imports, reason = "integration tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

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
use tokio::time::Instant;

use generate::{Generator, Spec, Wrapper};
use process::processor_time;
use support::daemon::{Daemon, Home, package};
use trailrisk::config::{ProtocolConfig, SourceConfig};
use trailrisk::metrics::Metrics;
use trailrisk::source::{AwsKinesis, IteratorStart, KinesisApi as _};

const STREAM: &str = "trail";
const CORPUS: &[u8] = include_bytes!("../tests/data/cloudtrail/corpus.ndjson.gz");
/// How long an answer takes.
const LATENCY: Duration = Duration::from_millis(10);
/// What one `GetRecords` answers at most.
const ANSWER_BYTES: usize = 10 << 20;
/// How far back the backlog reaches.
const HOUR_MS: i64 = 3_600_000;
const PATIENCE: Duration = Duration::from_secs(600);
/// Until an idle shard is asked as seldom as may be, and for how long it is looked at then.
const SETTLED: Duration = Duration::from_secs(45);
const WATCHED: Duration = Duration::from_secs(30);

struct Stream {
    shards: usize,
    /// Of each shard, or of all alike, as an answer carries them, with the length of their data.
    records: Vec<Vec<(String, usize)>>,
    read: Mutex<BTreeSet<String>>,
    requests: AtomicU64,
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |index: usize, default| arguments.get(index).map_or(default, |text| text.parse().expect("a number"));
    let word = arguments.get(2).map_or("1s", String::as_str);
    match arguments.first().map(String::as_str) {
        Some("idle") => idle(number(1, 1000), word).await,
        Some("backlog") => backlog(number(1, 1000), number(2, 500)).await,
        Some("reader") => reader(number(1, 500), number(2, 1000)).await,
        Some("loop") => plain_loop(&arguments[1], &arguments[2]).await,
        _ => {
            for (shards, megabytes) in [(1, 20), (100, 500), (1000, 500)] {
                idle(shards, "1s").await;
                idle(shards, "5s").await;
                backlog(shards, megabytes).await;
            }
        }
    }
}

/// A stream in which nothing happens.
async fn idle(shards: usize, idle_poll_interval: &str) {
    let stream = Stream::new(shards, [vec![]]);
    let home = home(&stream, json!({"idle_poll_interval": idle_poll_interval})).await;
    let start = Instant::now();
    let daemon = home.start();
    stream.every_shard_is_read(&daemon).await;
    let started = start.elapsed();
    let begun = processor_time(daemon.pid());
    tokio::time::sleep(SETTLED).await;
    let (before, requests) = (processor_time(daemon.pid()), stream.requests.load(Ordering::Relaxed));
    tokio::time::sleep(WATCHED).await;
    let worked = (processor_time(daemon.pid()) - before).as_secs_f64() / WATCHED.as_secs_f64();
    let requests = (stream.requests.load(Ordering::Relaxed) - requests) / WATCHED.as_secs();
    println!(
        "{shards} idle shards, idle_poll_interval {idle_poll_interval}: each read {:.2} s after the start ({:.2} s of \
         processor time), then {requests} requests/s, {:.1} % of a core, {:.0} MB resident",
        started.as_secs_f64(),
        begun.as_secs_f64(),
        worked * 100.0,
        daemon.resident_bytes() as f64 / 1e6,
    );
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// A stream of which every shard has the same backlog.
async fn backlog(shards: usize, megabytes: usize) {
    let stream = Stream::new(shards, [corpus(megabytes * 1_000_000 / shards)]);
    let (records, bytes) = stream.size();
    let home = home(&stream, json!({})).await;
    let start = Instant::now();
    let daemon = home.start();
    let is_read = || async { (read(&daemon).await >= records as f64).then_some(()) };
    daemon.until(PATIENCE, "everything is read", is_read).await;
    let (passed, worked) = (start.elapsed().as_secs_f64(), processor_time(daemon.pid()).as_secs_f64());
    println!(
        "{shards} shards, a backlog of {records} records, {:.0} MB: caught up in {passed:.1} s ({:.1} MB/s, {:.0} records/s) \
         with {worked:.1} s of processor time ({:.0} MB/s), waited for room {:.1} s, {:.0} MB resident",
        bytes as f64 / 1e6,
        bytes as f64 / 1e6 / passed,
        records as f64 / passed,
        bytes as f64 / 1e6 / worked,
        daemon.metric("trailrisk_backpressure_seconds_total{stage=\"read\"}").await,
        daemon.resident_bytes() as f64 / 1e6,
    );
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// Rounds of which the median counts.
const ROUNDS: usize = 3;

/// The daemon reads no shard faster than Kinesis lets it, so the backlog is in as many as one answer each takes to read.
async fn reader(megabytes: usize, matches_per_million: usize) {
    let shards = (megabytes * 1_000_000).div_ceil(ANSWER_BYTES);
    let stream = Stream::new(shards, generated(shards, megabytes * 1_000_000 / shards, matches_per_million));
    let (records, bytes) = stream.size();
    let bytes = bytes as f64 / 1e6;
    println!("{records} records, {bytes:.0} MB in {shards} shards, {matches_per_million} of a million match");
    let readers = ["bare sdk", "port sdk", "port own", "daemon sdk", "daemon own"];
    let mut seconds = readers.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (reader, seconds) in readers.iter().zip(&mut seconds) {
            seconds.push(match reader.split_once(' ') {
                Some(("daemon", protocol)) => daemon_loop(&stream, protocol).await,
                _ => child_loop(&stream, reader).await,
            });
        }
    }
    let medians = seconds.map(|mut rounds| {
        rounds.sort_by(f64::total_cmp);
        rounds[ROUNDS / 2]
    });
    for (reader, median) in readers.iter().zip(medians) {
        println!("{reader:<10} {median:.2} s, {:.0} MB/s, {:.2} of the bare loop", bytes / median, medians[0] / median);
    }
}

/// Processor time of the daemon, until it has read everything.
async fn daemon_loop(stream: &Arc<Stream>, protocol: &str) -> f64 {
    let home = home(stream, json!({"protocol": protocol})).await;
    let daemon = home.start();
    let is_read = || async { (read(&daemon).await >= stream.size().0 as f64).then_some(()) };
    daemon.until(PATIENCE, "everything is read", is_read).await;
    let worked = processor_time(daemon.pid()).as_secs_f64();
    assert_eq!(daemon.stop().await.code, Some(0));
    worked
}

/// That of a process that reads and counts.
async fn child_loop(stream: &Arc<Stream>, reader: &str) -> f64 {
    let endpoint = serve(stream).await;
    let mut child = tokio::process::Command::new(std::env::current_exe().expect("it runs"));
    let child = child.args(["loop", &endpoint, reader]).output().await.expect("it runs again");
    let said = String::from_utf8(child.stdout).expect("ASCII");
    let (seconds, bytes) = said.trim().split_once(' ').expect("two figures");
    assert_eq!(bytes, stream.size().1.to_string(), "every byte was read");
    seconds.parse().expect("a number")
}

/// Reads one shard after the other, counts the bytes, drops them; prints the processor time of this process, and the bytes.
async fn plain_loop(endpoint: &str, reader: &str) {
    let endpoint = support::kinesis::Endpoint::new(endpoint.to_owned());
    let bytes = if reader == "bare sdk" { bare(endpoint.client()).await } else { port(&endpoint, reader).await };
    println!("{} {bytes}", processor_time(std::process::id()).as_secs_f64());
}

async fn bare(client: &aws_sdk_kinesis::Client) -> usize {
    let shards = client.list_shards().stream_name(STREAM).send().await.expect("shards").shards.unwrap_or_default();
    let mut bytes = 0;
    for shard in shards {
        let start = client.get_shard_iterator().stream_name(STREAM).shard_id(shard.shard_id);
        let start = start.shard_iterator_type(aws_sdk_kinesis::types::ShardIteratorType::TrimHorizon).send().await;
        let mut iterator = start.expect("an iterator").shard_iterator;
        loop {
            let answer = client.get_records().set_shard_iterator(iterator).send().await.expect("records");
            bytes += answer.records.iter().map(|record| record.data.as_ref().len()).sum::<usize>();
            if answer.millis_behind_latest == Some(0) {
                break;
            }
            iterator = answer.next_shard_iterator;
        }
    }
    bytes
}

/// By the daemon's own port.
async fn port(endpoint: &support::kinesis::Endpoint, reader: &str) -> usize {
    let protocol = if reader.ends_with("own") { ProtocolConfig::Own } else { ProtocolConfig::Sdk };
    let config = SourceConfig { protocol, ..endpoint.source_config(STREAM) };
    let metrics = Metrics::new(&prometheus::Registry::new()).expect("a new registry");
    let port = AwsKinesis::new(&endpoint.sdk_config(), &config, metrics);
    let mut bytes = 0;
    for listed in port.list_shards().await.expect("shards") {
        let shard = listed.shard.shard;
        let mut iterator = port.shard_iterator(&shard, &IteratorStart::TrimHorizon).await.expect("an iterator");
        loop {
            let answer = port.get_records(&shard, &iterator, 10_000).await.expect("records");
            bytes += answer.records.iter().map(|record| record.data.len()).sum::<usize>();
            if answer.millis_behind_latest == 0 {
                break;
            }
            iterator = answer.next.expect("it goes on");
        }
    }
    bytes
}

async fn read(daemon: &Daemon) -> f64 {
    let metrics = daemon.metrics().await;
    let series = metrics.lines().filter(|line| line.starts_with("trailrisk_kinesis_records_total{"));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Where a stream is served from now on.
async fn serve(stream: &Arc<Stream>) -> String {
    let app = Router::new().route("/", post(answer)).with_state(Arc::clone(stream));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
    endpoint
}

/// A folder with the configuration for a stream that is served from now on.
async fn home(stream: &Arc<Stream>, source: Value) -> Home {
    let endpoint = serve(stream).await;
    let mut config = json!({
        "source": {"stream": STREAM, "region": "us-east-1", "endpoint_url": endpoint, "start": "trim_horizon"},
        "detections": {"paths": [package("config/detections")], "macros": package("config/macros.yaml")},
        "sinks": [{"name": "stdout", "type": "stdout"}],
        "dead_letter": {"path": "dead-letters.ndjson"},
        "checkpoint": {"store": "file", "path": "checkpoint.json"},
        "admin": {"listen": "127.0.0.1:0"},
    });
    let keys = source.as_object().expect("a mapping").clone();
    keys.into_iter().for_each(|(key, value)| config["source"][key] = value);
    let home = Home::new(env!("CARGO_BIN_EXE_trailrisk"), &[]);
    home.configure(config.to_string());
    home
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
fn corpus(bytes: usize) -> Vec<String> {
    let mut corpus = String::new();
    GzDecoder::new(CORPUS).read_to_string(&mut corpus).expect("the corpus inflates");
    let lines: Vec<&str> = corpus.lines().filter(|line| !line.contains("JobCreated")).collect();
    up_to(bytes, lines.into_iter().cycle().map(str::to_owned))
}

/// So many bytes of generated events in each shard, of an hour ago.
fn generated(shards: usize, bytes: usize, matches_per_million: usize) -> Vec<Vec<String>> {
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
    fn new(shards: usize, data: impl IntoIterator<Item = Vec<String>>) -> Arc<Self> {
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
    fn size(&self) -> (usize, usize) {
        let of = |shard: usize| self.records[shard % self.records.len()].iter().map(|(_, bytes)| *bytes);
        let all = || (0..self.shards).flat_map(of);
        (all().count(), all().sum())
    }

    async fn every_shard_is_read(&self, daemon: &Daemon) {
        let all = || async { (self.read.lock().expect("nobody panics").len() == self.shards).then_some(()) };
        daemon.until(PATIENCE, "every shard is read", all).await;
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
