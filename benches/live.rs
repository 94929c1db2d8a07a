//! How fast the daemon catches up with a stream that holds a backlog, against the plainest loop over the same records:
//! parse each to a `serde_json::Value` and look at its `eventName`. The in-process Kinesis works on the same cores, so
//! processor time is compared. A shard gives 2 MB a second at most: the time that passes is mostly a matter of shards.
//!
//! `cargo bench --bench live -- [MEGABYTES] [SHARDS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "process/mod.rs"]
mod process;
#[expect(dead_code, unused_imports, reason = "integration tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Read as _;
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::{Value, json};

use process::processor_time;
use support::daemon::{Daemon, Home, package};
use support::kinesis::LocalKinesis;

const STREAM: &str = "trail";
const JOB_CREATED: &str = include_str!("../tests/data/cloudtrail/jobcreated.json");
const CORPUS: &[u8] = include_bytes!("../tests/data/cloudtrail/corpus.ndjson.gz");
const MATCH_EVERY: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let megabytes: usize = arguments.next().map_or(100, |text| text.parse().expect("megabytes"));
    let shards: i32 = arguments.next().map_or(4, |text| text.parse().expect("a number of shards"));
    let records = records(megabytes * 1_000_000);
    let bytes: usize = records.iter().map(|(_, data)| data.len()).sum();
    let jobs = records.len().div_ceil(MATCH_EVERY);
    println!("{} records, {:.0} MB, {jobs} match, {shards} shards", records.len(), bytes as f64 / 1e6);

    let before = processor_time(std::process::id());
    assert_eq!(plain_loop(&records), jobs, "the loop finds what was made");
    let plain = processor_time(std::process::id()) - before;

    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, shards).await;
    let count = records.len();
    kinesis.put(STREAM, records).await;
    let home = Home::new(env!("CARGO_BIN_EXE_trailrisk"), &[]);
    home.configure(configuration(kinesis.url()));
    let caught_up = catch_up(&home, count, jobs).await;

    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    let seconds = |time: Duration| time.as_secs_f64();
    println!("serde_json::Value loop: {:.2} s of processor time, {:.0} MB/s", seconds(plain), rate(plain));
    let (passed, worked) = caught_up;
    println!("daemon: {:.2} s from its start until caught up, {:.0} MB/s", seconds(passed), rate(passed));
    println!("daemon: {:.2} s of processor time, {:.0} MB/s", seconds(worked), rate(worked));
    println!("the loop takes {:.1} times the daemon's processor time", seconds(plain) / seconds(worked));
}

/// Partition key and data: the corpus over and over, with a JobCreated of another account and job in between.
fn records(bytes: usize) -> Vec<(String, Vec<u8>)> {
    let mut corpus = String::new();
    GzDecoder::new(CORPUS).read_to_string(&mut corpus).expect("the corpus inflates");
    let noise: Vec<&str> = corpus.lines().filter(|line| !line.contains("JobCreated")).collect();
    let (mut records, mut size) = (Vec::new(), 0);
    while size < bytes {
        let number = records.len();
        let job = number.is_multiple_of(MATCH_EVERY);
        let data = if job { job_created(number) } else { noise[number % noise.len()].to_owned() };
        size += data.len();
        records.push((number.to_string(), data.into_bytes()));
    }
    records
}

fn job_created(number: usize) -> String {
    let mut event: Value = serde_json::from_str(JOB_CREATED).expect("the sample is JSON");
    event["eventID"] = json!(format!("894153ad-ed86-4719-bb66-{number:012}"));
    event["userIdentity"]["accountId"] = json!(format!("{:012}", number % 997));
    event.to_string()
}

fn plain_loop(records: &[(String, Vec<u8>)]) -> usize {
    let events = records.iter().map(|(_, data)| serde_json::from_slice::<Value>(data).expect("JSON"));
    events.filter(|event| event["eventName"] == "JobCreated").count()
}

fn configuration(endpoint: &str) -> String {
    json!({
        "source": {"stream": STREAM, "region": "us-east-1", "endpoint_url": endpoint, "start": "trim_horizon"},
        "detections": {"paths": [package("config/detections")], "macros": package("config/macros.yaml")},
        "sinks": [{"name": "stdout", "type": "stdout"}],
        "dead_letter": {"path": "dead-letters.ndjson"},
        "checkpoint": {"store": "file", "path": "checkpoint.json"},
        "admin": {"listen": "127.0.0.1:0"},
    })
    .to_string()
}

/// Until everything is read and each match has been told early: the time that passed, and the processor's.
async fn catch_up(home: &Home, records: usize, matches: usize) -> (Duration, Duration) {
    let start = tokio::time::Instant::now();
    let daemon = home.start();
    daemon
        .until(PATIENCE, "everything is read", || async { (read(&daemon).await >= records as f64).then_some(()) })
        .await;
    let told = || async { (daemon.lines().len() >= matches).then_some(()) };
    daemon.until(PATIENCE, "every match is told", told).await;
    let figures = (start.elapsed(), processor_time(daemon.pid()));
    assert_eq!(daemon.stop().await.code, Some(0));
    figures
}

async fn read(daemon: &Daemon) -> f64 {
    let metrics = daemon.metrics().await;
    let series = metrics.lines().filter(|line| line.starts_with("trailrisk_kinesis_records_total{"));
    series.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}
