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
#[path = "shards/stream.rs"]
mod stream;
#[expect(dead_code, unused_imports, reason = "integration tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use process::processor_time;
use stream::{ANSWER_BYTES, STREAM, Stream, corpus, generated, serve};
use support::daemon::{Daemon, Home, package};
use trailrisk::config::{ProtocolConfig, SourceConfig};
use trailrisk::metrics::Metrics;
use trailrisk::source::{AwsKinesis, IteratorStart, KinesisApi as _};

const PATIENCE: Duration = Duration::from_secs(600);
/// Until an idle shard is asked as seldom as may be, and for how long it is looked at then.
const SETTLED: Duration = Duration::from_secs(45);
const WATCHED: Duration = Duration::from_secs(30);

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |index: usize, default| arguments.get(index).map_or(default, |text| text.parse().expect("a number"));
    let word = arguments.get(2).map_or("1s", String::as_str);
    match arguments.first().map(String::as_str) {
        Some("idle") => idle(number(1, 1000), word).await,
        Some("backlog") => backlog(number(1, 1000), number(2, 500)).await,
        Some("reader") => reader(number(1, 500), number(2, 1000)).await,
        // Where the daemon reads, too: on a thread that also serves the connection.
        Some("loop") => {
            tokio::spawn(async move { plain_loop(&arguments[1], &arguments[2]).await }).await.expect("it ends")
        }
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
    let all = || async { (stream.read.lock().expect("nobody panics").len() == shards).then_some(()) };
    daemon.until(PATIENCE, "every shard is read", all).await;
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
    let is_taken = || async { (taken(&daemon).await >= records as f64).then_some(()) };
    daemon.until(PATIENCE, "everything is taken", is_taken).await;
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

/// Every look at `/metrics` is the daemon's work as well, so there are few.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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

/// Processor time of the daemon, until it has matched everything.
async fn daemon_loop(stream: &Arc<Stream>, protocol: &str) -> f64 {
    let home = home(stream, json!({"protocol": protocol})).await;
    let daemon = home.start();
    let everything = async {
        while taken(&daemon).await < stream.size().0 as f64 {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, everything).await.expect("everything is taken");
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

/// Records that the engine has taken: those that were skipped unparsed, and the events of the others, one each. What is
/// counted as read may still wait to be matched.
async fn taken(daemon: &Daemon) -> f64 {
    let metrics = daemon.metrics().await;
    let counts =
        |line: &&str| line.starts_with("trailrisk_records_skipped_total") || line.starts_with("trailrisk_events_total");
    metrics.lines().filter(counts).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
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
