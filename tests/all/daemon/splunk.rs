//! Splunk's HTTP Event Collector behind the real binary: what is indexed is what a replay gives.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::event::JobCreated;
use super::line::{Line, finals};
use super::webhook::replayed;
use super::{STREAM, config, home};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const TOKEN: &str = "b0221cd8-c4b4-465a-9a3c-273e3a75aa29";
const ACCOUNTS: u64 = 40;
/// Of each kind that it gives.
const TROUBLES: usize = 3;

/// A collector with acknowledgement. It is busy at first, then loses batches, then is slow to index them.
#[derive(Default)]
struct Collector {
    busy: usize,
    /// Batches that it took, in the order of their ids, each with the questions for it so far.
    batches: Vec<(Vec<Line>, usize)>,
    channels: BTreeSet<String>,
    asked_for_health: usize,
}

#[derive(Deserialize)]
struct Object {
    event: Box<RawValue>,
    fields: BTreeMap<String, String>,
}

type Reply = (StatusCode, Json<Value>);

impl Collector {
    async fn start() -> (Arc<Mutex<Self>>, String) {
        let collector = Arc::<Mutex<Self>>::default();
        let app = Router::new().fallback(answer).with_state(Arc::clone(&collector));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        tokio::spawn(async move { axum::serve(listener, app).await.expect("serving never fails") });
        (collector, url)
    }

    /// What it has said that it indexed.
    fn indexed(&self) -> Vec<Line> {
        let indexed = self.batches.iter().enumerate().filter(|(id, (_, asked))| Self::is_indexed(*id, *asked));
        indexed.flat_map(|(_, (lines, _))| lines.clone()).collect()
    }

    fn is_indexed(id: usize, asked: usize) -> bool {
        id >= TROUBLES && asked > 1
    }

    fn take(&mut self, body: &[u8]) -> Reply {
        if self.busy < TROUBLES {
            self.busy += 1;
            return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"text": "Server is busy", "code": 9})));
        }
        let objects = serde_json::Deserializer::from_slice(body).into_iter::<Object>();
        let lines = objects.map(|object| {
            let object = object.expect("an object of the collector");
            let line = Line::read(object.event.get());
            assert_eq!(object.fields["delivery_key"], line.key);
            line
        });
        self.batches.push((lines.collect(), 0));
        (StatusCode::OK, Json(json!({"text": "Success", "code": 0, "ackId": self.batches.len() - 1})))
    }

    fn acknowledge(&mut self, body: &[u8]) -> Reply {
        let question: Value = serde_json::from_slice(body).expect("JSON");
        let id = question["acks"][0].as_u64().and_then(|id| usize::try_from(id).ok()).expect("an id");
        let (_, asked) = &mut self.batches[id];
        *asked += 1;
        let is_indexed = Self::is_indexed(id, *asked);
        (StatusCode::OK, Json(json!({"acks": {id.to_string(): is_indexed}})))
    }
}

async fn answer(State(state): State<Arc<Mutex<Collector>>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Reply {
    let mut body = body.to_vec();
    if headers.get("content-encoding").is_some_and(|encoding| encoding == "gzip") {
        body = inflated(&body);
    }
    let mut collector = state.lock().expect("no handler panics");
    if uri.path() == "/services/collector/health" {
        collector.asked_for_health += 1;
        return (StatusCode::OK, Json(json!({"text": "HEC is healthy", "code": 17})));
    }
    assert_eq!(headers["authorization"], format!("Splunk {TOKEN}"));
    collector.channels.insert(headers["x-splunk-request-channel"].to_str().expect("ASCII").to_owned());
    match uri.path() {
        "/services/collector/event" => collector.take(&body),
        "/services/collector/ack" => collector.acknowledge(&body),
        other => panic!("{other} is asked for"),
    }
}

fn inflated(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(body).read_to_end(&mut plain).expect("gzip");
    plain
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_7_what_splunk_has_indexed_is_what_a_replay_gives_and_nothing_counts_before() {
    let (kinesis, home, (collector, url)) = (LocalKinesis::start().await, home(), Collector::start().await);
    kinesis.create_stream(STREAM, 2).await;
    let mut config = config(&kinesis);
    config["sinks"] = json!([{
        "name": "splunk", "type": "splunk_hec", "url": url, "allow_http": true, "allow_private": true, "token": TOKEN,
        "acknowledgement": true, "acknowledgement_timeout": "1s", "compression": "gzip",
        "retry_min": "50ms", "retry_max": "200ms",
    }]);
    home.configure(config.to_string());
    let event = |number| JobCreated::new(number, wall_millis(), &format!("{:012}", 100 + number)).text();
    let texts: Vec<String> = (0..ACCOUNTS).map(event).collect();
    let records = texts.iter().enumerate();
    kinesis.put(STREAM, records.map(|(n, text)| (format!("key-{n}"), text.clone().into_bytes()))).await;
    let daemon = home.start();
    let acknowledged = r#"trailrisk_sink_deliveries_total{outcome="acknowledged",sink="splunk"}"#;
    let all = || async { (daemon.metric(acknowledged).await >= 2.0 * ACCOUNTS as f64).then_some(()) };
    daemon.until(PATIENCE, "every early and final one is acknowledged", all).await;
    daemon.ready().await;
    let replayed = replayed(&home, &texts).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let collector = collector.lock().unwrap();
    let indexed = collector.indexed();
    assert_eq!(finals(&indexed), replayed);
    let keys: BTreeSet<_> = indexed.iter().map(|line| line.key.clone()).collect();
    assert_eq!(keys.len(), 2 * texts.len(), "both stages of each");
    assert!(collector.batches.len() > TROUBLES, "what was not indexed in time was sent again");
    assert!(collector.asked_for_health > 0, "after it was busy");
    assert_eq!(collector.channels.len(), 1, "one channel a process");
}
