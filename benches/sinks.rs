//! How many risk events a second each sink delivers, acknowledgements included, to a receiver in the same process: the
//! receiver's work is part of the time.
//!
//! `cargo bench --bench sinks -- [RISK EVENTS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::Uri;
use serde_json::{Value as Json, json};
use tokio_util::sync::CancellationToken;
use trailrisk::clock;
use trailrisk::config::{self, DeadLetterConfig, Environment, Overrides, SinkConfig};
use trailrisk::metrics::Metrics;
use trailrisk::plan::{PlanText, RiskModel, Scalar, Value};
use trailrisk::risk_event::{Evidence, Marks, Pane, RiskEvent, RiskEventId, RiskObject, Stage};
use trailrisk::sink::{DeadLetterDeps, DeadLetters, Origin, SharedStdout, SinkDeps, Sinks, StdoutWriter, WallClock};
use trailrisk::time::{Arrival, EventTime};

const HOUR_MS: i64 = 3_600_000;
const TIME: EventTime = EventTime(1_682_380_277_000);

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let count: u128 = arguments.next().map_or(50_000, |text| text.parse().expect("a number of risk events"));
    let receiver = receiver().await;
    println!("{count} risk events each\n\n{:<44} {:>14} {:>8}", "sink", "risk events/s", "seconds");
    for (what, sink) in cases(&receiver) {
        let writer = stdout_of(what).await;
        let folder = tempfile::tempdir().expect("a folder for temporary files");
        let took = run(&configured(sink, folder.path()), writer, count).await;
        println!("{what:<44} {:>14.0} {:>8.2}", count as f64 / took.as_secs_f64(), took.as_secs_f64());
    }
}

/// What is measured, and its sink as an operator would write it.
fn cases(receiver: &str) -> Vec<(&'static str, Json)> {
    let file = |fsync| json!({"type": "file", "path": "risk-events.ndjson", "fsync": fsync});
    let webhook = |more| over_http("webhook", receiver, more);
    let splunk = |more| over_http("splunk_hec", receiver, more);
    vec![
        ("stdout to /dev/null", json!({"type": "stdout"})),
        ("stdout to a pipe", json!({"type": "stdout"})),
        ("file, fsync always", file("always")),
        ("file, fsync interval", file("interval")),
        ("file, fsync never", file("never")),
        ("webhook, 1 in flight", webhook(json!({"concurrency": 1}))),
        ("webhook, 4 in flight", webhook(json!({}))),
        ("webhook, 4 in flight, batches of 100", webhook(json!({"batch_max_events": 100}))),
        ("webhook, the same compressed", webhook(json!({"batch_max_events": 100, "compression": "gzip"}))),
        ("splunk_hec", splunk(json!({"token": "t"}))),
        ("splunk_hec with acknowledgement", splunk(json!({"token": "t", "acknowledgement": true}))),
    ]
}

fn over_http(kind: &str, receiver: &str, more: Json) -> Json {
    let mut sink = json!({"type": kind, "url": receiver, "allow_http": true, "allow_private": true});
    let (Json::Object(keys), Json::Object(more)) = (&mut sink, more) else { unreachable!("both are written above") };
    keys.extend(more);
    sink
}

fn configured(mut sink: Json, folder: &std::path::Path) -> SinkConfig {
    sink["name"] = json!("measured");
    let config = json!({"source": {"stream": "trail"}, "detections": {"paths": ["none"]}, "sinks": [sink]});
    let path = folder.join("trailrisk.yaml");
    std::fs::write(&path, config.to_string()).expect("the folder is writable");
    let config = config::read(&path, &Environment::default(), &Overrides::default());
    config.unwrap_or_else(|error| panic!("{error}")).sinks.remove(0)
}

async fn stdout_of(what: &str) -> StdoutWriter {
    if what != "stdout to a pipe" {
        return Box::new(tokio::fs::File::create("/dev/null").await.expect("it is there"));
    }
    let reader = tokio::process::Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    Box::new(reader.expect("cat is there").stdin.take().expect("it is piped"))
}

/// From the first push to the last acknowledgement.
async fn run(config: &SinkConfig, writer: StdoutWriter, count: u128) -> Duration {
    let metrics = Metrics::new(&prometheus::Registry::new()).expect("no name is taken");
    let (stop, wall): (_, WallClock) = (CancellationToken::new(), Arc::new(jiff::Timestamp::default));
    let deps = DeadLetterDeps {
        metrics: metrics.process.clone(),
        stdout: SharedStdout::new(Box::new(tokio::io::sink())),
        clock: Arc::clone(&wall),
        stop: stop.clone(),
    };
    let (dead_letters, _) = DeadLetters::start(&DeadLetterConfig::Stdout, deps).await.expect("nothing is opened");
    let deps = SinkDeps {
        metrics: metrics.clone(),
        dead_letters,
        producer: "trailrisk/bench".to_owned(),
        worker: "bench".to_owned(),
        origin: Origin { stream: "trail".to_owned(), source: None },
        clock: wall,
        stdout: SharedStdout::new(writer),
        stop,
    };
    let (mut sinks, mut done) = Sinks::start(std::slice::from_ref(config), deps).expect("the sink can be used");
    let events: Vec<RiskEvent> = (0..count).map(sample).collect();
    let begun = clock::monotonic();
    let mut waiting = 0;
    for event in events {
        while !sinks.has_room() {
            done.next().await.expect("the sinks run");
            waiting -= 1;
        }
        sinks.push(event);
        waiting += 1;
    }
    for _ in 0..waiting {
        done.next().await.expect("the sinks run");
    }
    let took = clock::monotonic() - begun;
    let refused = metrics.process.dead_letters_total.with_label_values(&["sink"]).get();
    assert_eq!(refused, 0, "everything was delivered");
    took
}

/// Takes everything, as a webhook and as Splunk's collector, which has indexed what it is asked for.
async fn receiver() -> String {
    let batches = Arc::new(AtomicU64::new(0));
    let app = Router::new().fallback(move |uri: Uri, body: Bytes| {
        let batches = Arc::clone(&batches);
        async move {
            match uri.path() {
                "/services/collector/ack" => {
                    let asked: Json = serde_json::from_slice(&body).expect("JSON");
                    json!({"acks": {asked["acks"][0].to_string(): true}}).to_string()
                }
                _ => json!({"code": 0, "ackId": batches.fetch_add(1, Ordering::Relaxed)}).to_string(),
            }
        }
    });
    let app = app.layer(axum::extract::DefaultBodyLimit::disable());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
    url
}

/// As the shipped detection makes them: about 1.5 KB.
fn sample(id: u128) -> RiskEvent {
    let text = |name: &str, value: &str| (Arc::from(name), Value::text(value));
    let group = vec![
        text("src_ip", "s3.amazonaws.com"),
        text("aws_account_id", "111111111111"),
        text("eventName", "JobCreated"),
        text("errorCode", "success"),
        text("userAgent", "s3.amazonaws.com"),
    ];
    let job = "arn:aws:s3:us-west-2:111111111111:job/bb54efd8-937d-4f0c-967d-aa8443998dac";
    let shown = vec![text("firstTime", "2023-04-24T23:51:17"), text("job_arn", job), text("status", "New")];
    RiskEvent {
        id: RiskEventId(id),
        stage: Stage::Final,
        pane: Pane::OnTime,
        supplements: None,
        detection: Arc::new(detection()),
        risk_message: "AWS Batch Job is created on account id - 111111111111 from src_ip s3.amazonaws.com".to_owned(),
        risk_objects: vec![RiskObject {
            field: "aws_account_id".into(),
            kind: "other".into(),
            value: Scalar::text("111111111111"),
            score: 64.0,
        }],
        threat_objects: Vec::new(),
        row: group.iter().cloned().chain(shown).collect(),
        group,
        window_start: EventTime(TIME.0 - TIME.0 % HOUR_MS),
        window_end: EventTime(TIME.0 - TIME.0 % HOUR_MS + HOUR_MS),
        event_count: 1,
        first_event: TIME,
        last_event: TIME,
        evidence: vec![Evidence { time: TIME, event_id: "894153ad-ed86-4719-bb66-6c52ef7dc767".into() }],
        evidence_truncated: false,
        marks: Marks::default(),
        positions: Vec::new(),
        newest_arrival: Arrival(TIME.0),
    }
}

fn detection() -> PlanText {
    let list = |value: &str| vec![value.to_owned()];
    PlanText {
        id: "04455dd3-ced7-480f-b8e6-5469b99e98e2".to_owned(),
        name: "AWS Exfiltration via Batch Service".to_owned(),
        version: 1,
        kind: "TTP".to_owned(),
        search: String::new(),
        filters: Vec::new(),
        lookups: Vec::new(),
        risk: RiskModel {
            message: String::new(),
            score: 64.0,
            impact: Some(80),
            confidence: Some(80),
            risk_objects: Vec::new(),
            threat_objects: Vec::new(),
            mitre_attack: list("T1119"),
            kill_chain_phases: list("Exploitation"),
            nist: list("DE.CM"),
            cis20: list("CIS 10"),
            analytic_story: list("Data Exfiltration"),
        },
        window_ms: HOUR_MS,
        grace_ms: 900_000,
        max_future_skew_ms: 300_000,
    }
}
