//! How long after `PutRecord` an early risk event is with its webhook (EM-1): events one at a time into the in-process
//! Kinesis, the daemon, a receiver; with polling, which waits for its next read, and with enhanced fan-out. The emulator
//! looks every 50 ms whether there is something to push.
//!
//! `cargo bench --bench latency -- [EVENTS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[expect(dead_code, unused_imports, reason = "integration tests use the rest")]
#[path = "../tests/support/mod.rs"]
mod support;

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, timeout};

use support::daemon::{Daemon, Home, package};
use support::kinesis::LocalKinesis;

const STREAM: &str = "trail";
const SHARDS: i32 = 4;
const JOB_CREATED: &str = include_str!("../tests/data/cloudtrail/jobcreated.json");
const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let events: u64 = arguments.next().map_or(200, |text| text.parse().expect("a number of events"));
    for (name, source) in [
        ("polling, every second", json!({})),
        ("polling, every 200 ms", json!({"poll_interval": "200ms"})),
        ("fan_out", json!({"reader": "fan_out", "consumer": "trailrisk", "register_consumer": true})),
    ] {
        let mut latencies = run(source, events).await;
        latencies.sort_unstable();
        let of = |percent: usize| latencies[(latencies.len() * percent).div_ceil(100) - 1].as_secs_f64() * 1e3;
        println!(
            "{name:<22} {events} events: median {:.0} ms, p99 {:.0} ms, longest {:.0} ms",
            of(50),
            of(99),
            of(100)
        );
    }
}

async fn run(source: Value, events: u64) -> Vec<Duration> {
    let (url, mut received) = receiver().await;
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, SHARDS).await;
    let home = Home::new(env!("CARGO_BIN_EXE_trailrisk"), &[]);
    home.configure(configuration(kinesis.url(), &url, source));
    let daemon = home.start();
    let is_ready = || async { (tip(&daemon).await == f64::from(SHARDS)).then_some(()) };
    daemon.until(PATIENCE, "every shard is read", is_ready).await;
    let mut latencies = Vec::new();
    for number in 0..=events {
        let sent = Instant::now();
        kinesis.put(STREAM, [(number.to_string(), job_created(number).into_bytes())]).await;
        let (account, arrived) = timeout(PATIENCE, received.recv()).await.expect("it is told").expect("it runs");
        assert_eq!(account, format!("{number:012}"), "one early risk event for each account");
        latencies.push(arrived - sent);
        // Not in step with the reads.
        tokio::time::sleep(Duration::from_millis(number * 617 % 1009)).await;
    }
    assert_eq!(daemon.stop().await.code, Some(0));
    // It found connections that were not open yet.
    latencies.remove(0);
    latencies
}

fn configuration(endpoint: &str, webhook: &str, more: Value) -> String {
    let mut source = json!({"stream": STREAM, "region": "us-east-1", "endpoint_url": endpoint, "start": "latest"});
    let (Value::Object(keys), Value::Object(more)) = (&mut source, more) else { unreachable!("both are objects") };
    keys.extend(more);
    json!({
        "source": source,
        "detections": {"paths": [package("config/detections")], "macros": package("config/macros.yaml")},
        "sinks": [{"name": "soc", "type": "webhook", "url": webhook, "allow_http": true, "allow_private": true}],
        "dead_letter": {"path": "dead-letters.ndjson"},
        "checkpoint": {"store": "file", "path": "checkpoint.json"},
        "admin": {"listen": "127.0.0.1:0"},
    })
    .to_string()
}

/// An event of now, of an account of its own.
fn job_created(number: u64) -> String {
    let mut event: Value = serde_json::from_str(JOB_CREATED).expect("the sample is JSON");
    let now = jiff::Timestamp::from_millisecond(support::wall_millis()).expect("this century");
    event["eventTime"] = json!(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    event["eventID"] = json!(format!("894153ad-ed86-4719-bb66-{number:012}"));
    event["userIdentity"]["accountId"] = json!(format!("{number:012}"));
    event.to_string()
}

/// Where risk events go; of each early one the account, and when it was here.
async fn receiver() -> (String, Receiver<(String, Instant)>) {
    let (sender, receiver) = channel(64);
    let app = Router::new().route("/", post(receive)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
    (url, receiver)
}

async fn receive(State(sender): State<Sender<(String, Instant)>>, body: Bytes) {
    let arrived = Instant::now();
    let event: Value = serde_json::from_slice(&body).expect("a risk event");
    let early =
        (event["stage"] == "early").then(|| event["group"]["aws_account_id"].as_str().expect("text").to_owned());
    if let Some(account) = early {
        // Whoever measures may have ended.
        let _ = sender.send((account, arrived)).await;
    }
}

/// Shards that are open and read.
async fn tip(daemon: &Daemon) -> f64 {
    let metrics = daemon.metrics().await;
    let open = metrics.lines().find(|line| line.starts_with("trailrisk_kinesis_shards{state=\"open\""));
    open.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}
