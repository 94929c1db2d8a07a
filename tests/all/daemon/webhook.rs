//! CP-7: a required webhook that is down holds everything back and loses nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, interval};

use super::event::JobCreated;
use super::line::{Line, finals, read_all};
use super::{STREAM, config, home, size};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::LocalKinesis;
use crate::support::measured::measured;
use crate::support::{PATIENCE, wall_millis};

const TICK: Duration = Duration::from_millis(100);
/// Bytes that make what is put during an outage much larger than what the daemon may grow by.
const PADDING: usize = 100_000;
/// The read buffer of this configuration is 10 MiB; a read passes through it as text, bytes and records.
const MAX_GROWTH: u64 = 64 << 20;

/// A receiver that can be told to fail.
pub struct Receiver {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    down: bool,
    refused: usize,
    delivered: Vec<(String, String)>,
}

impl Receiver {
    /// Starts one that accepts.
    pub async fn start() -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let app = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&seen));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/hook", listener.local_addr().expect("bound"));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
        Self { url, seen, server }
    }

    /// Whether it answers 500 from now on.
    pub fn set_down(&self, down: bool) {
        self.seen.lock().expect("no handler panics").down = down;
    }

    /// How often it answered 500.
    pub fn refused(&self) -> usize {
        self.seen.lock().expect("no handler panics").refused
    }

    /// Delivery key and body of what it accepted, in order.
    pub fn delivered(&self) -> Vec<(String, String)> {
        self.seen.lock().expect("no handler panics").delivered.clone()
    }

    /// How much it accepted.
    pub fn count(&self) -> usize {
        self.seen.lock().expect("no handler panics").delivered.len()
    }

    /// The `sinks` section for it.
    pub fn sink(&self) -> Value {
        json!([{
            "name": "soc", "type": "webhook", "url": self.url, "allow_http": true, "allow_private": true,
            "retry_min": "50ms", "retry_max": "500ms", "queue_bytes": "64KiB",
        }])
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn receive(State(seen): State<Arc<Mutex<Seen>>>, headers: HeaderMap, body: String) -> StatusCode {
    let mut seen = seen.lock().expect("no handler panics");
    if seen.down {
        seen.refused += 1;
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    let key = headers["idempotency-key"].to_str().expect("a delivery key is ASCII").to_owned();
    seen.delivered.push((key, body));
    StatusCode::OK
}

/// A stream that goes on: large JobCreated events, each of an account of its own, so that each is announced.
struct Producer {
    kinesis: LocalKinesis,
    texts: Vec<String>,
    /// Records a tick, and bytes of padding in each.
    pace: usize,
    padding: usize,
}

impl Producer {
    async fn put_for(&mut self, span: Duration, mut each_tick: impl AsyncFnMut()) {
        let (begun, mut pace) = (Instant::now(), interval(TICK));
        while begun.elapsed() < span {
            pace.tick().await;
            let texts: Vec<String> = (0..self.pace).map(|ahead| self.text(ahead)).collect();
            let records = texts.iter().enumerate();
            let records: Vec<_> = records.map(|(n, text)| (format!("key-{n}"), text.clone().into_bytes())).collect();
            self.kinesis.put(STREAM, records).await;
            self.texts.extend(texts);
            each_tick().await;
        }
    }

    fn text(&self, ahead: usize) -> String {
        let number = (self.texts.len() + ahead) as u64;
        let mut event = JobCreated::new(number, wall_millis(), &format!("{:012}", 111_111_111_111 + number)).json();
        event["requestParameters"] = json!({ "padding": "x".repeat(self.padding) });
        event.to_string()
    }
}

/// Seconds that the receiver is down: `TRAILRISK_WEBHOOK_OUTAGE`, such as `60s`.
fn outage() -> Duration {
    let text = std::env::var("TRAILRISK_WEBHOOK_OUTAGE").unwrap_or("8s".to_owned());
    let seconds = text.trim_end_matches('s').parse();
    Duration::from_secs(seconds.unwrap_or_else(|_| panic!("TRAILRISK_WEBHOOK_OUTAGE is seconds, not {text:?}")))
}

/// The finals that a replay of these events makes, under the home's configuration.
pub async fn replayed(home: &Home, texts: &[String]) -> BTreeMap<String, String> {
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.write("events.ndjson", texts.join("\n")));
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    finals(&read_all(&ended.lines))
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_7_a_webhook_that_is_down_loses_nothing_keeps_memory_flat_and_is_named_by_readyz() {
    let (receiver, kinesis, home) = (Receiver::start().await, LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    let mut config = config(&kinesis);
    config["sinks"] = receiver.sink();
    config["limits"] = json!({"read_buffer_bytes": "10MiB"});
    // A large record may take a busy machine seconds from its event time to its arrival, and none is to be late.
    config["detections"]["grace"] = json!("3s");
    home.configure(config.to_string());
    let daemon = home.start();
    let (pace, padding) = (size("TRAILRISK_WEBHOOK_RECORDS", 5), size("TRAILRISK_WEBHOOK_PADDING", PADDING));
    let mut producer = Producer { kinesis, texts: Vec::new(), pace, padding };

    producer.put_for(Duration::from_secs(2), async || {}).await;
    let flows = || async { (receiver.count() > 10).then_some(()) };
    daemon.until(PATIENCE, "risk events arrive", flows).await;
    daemon.ready().await;

    receiver.set_down(true);
    let mut resident = vec![daemon.resident_bytes()];
    let before = producer.texts.len();
    producer.put_for(outage(), async || resident.push(daemon.resident_bytes())).await;
    let waiting = 2 * (producer.texts.len() - before);
    let put = waiting / 2 * padding;
    let reason = || async { daemon.get("/readyz").await.filter(|(status, _)| *status == 503) };
    let (_, reason) = daemon.until(PATIENCE, "it is not ready", reason).await;
    assert!(reason.contains("sink soc: unavailable for ") && reason.contains("the receiver answers 500"), "{reason}");
    let (first, most) = (resident[0], resident.iter().copied().max().unwrap_or(0));
    println!(
        "outage of {:?}: {waiting} risk events and {put} bytes of padding waited, {} attempts refused, resident memory {first} at first, {most} at most",
        outage(),
        receiver.refused()
    );
    let figures = json!({
        "seconds down": outage().as_secs(), "risk events waiting": waiting, "most MiB grown": (most - first).div_ceil(1 << 20),
    });
    measured(&figures);
    assert!(most - first < MAX_GROWTH, "memory grew by {} bytes", most - first);
    assert!(daemon.metric(r#"trailrisk_backpressure_seconds_total{stage="sink"}"#).await > 0.0, "reading paused");

    receiver.set_down(false);
    let back = Instant::now();
    // Each event has an account of its own, so that it makes an early risk event and a final one.
    let all = || async { (receiver.count() >= 2 * producer.texts.len()).then_some(()) };
    let patience = PATIENCE + outage() + Duration::from_millis(10) * waiting as u32;
    daemon.until(patience, "everything is delivered", all).await;
    println!("recovery took {:?}, resident memory {} after it", back.elapsed(), daemon.resident_bytes());
    daemon.ready().await;
    let replayed = replayed(&home, &producer.texts).await;
    assert_eq!(daemon.stop().await.code, Some(0));
    assert_delivered(&receiver.delivered(), &replayed);
}

/// Every result once as early and once as final, in this order, and the finals are those of the replay.
fn assert_delivered(delivered: &[(String, String)], replayed: &BTreeMap<String, String>) {
    let mut stages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (key, body) in delivered {
        let line = Line::read(body);
        assert_eq!(*key, line.key);
        stages.entry(line.id().to_owned()).or_default().push(line.stage().to_owned());
    }
    assert_eq!(finals(&read_all(delivered.iter().map(|(_, body)| body))), *replayed);
    for (id, stages) in stages {
        assert_eq!(stages, ["early", "final"], "{id}");
    }
}
