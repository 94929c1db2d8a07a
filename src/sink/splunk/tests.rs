use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Mutex;

use axum::body::Body as HttpBody;
use axum::extract::Request as HttpRequest;
use axum::http::Response;
use serde_json::Value as Json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::config::{Compression, FormatConfig, Secret, SinkConfig, SinkKind, SplunkEnvelope, WebhookConfig};
use crate::risk_event::{RiskEvent, Stage};
use crate::sink::Sinks;
use crate::sink::format::{BodyFormat, native};
use crate::sink::testing::{
    DeadLetterFile, batches_of, delivery, deps, event, meta, metrics, quick, seed_event, sink_config, webhook_config,
};

/// Both cookies of the balancer.
const SESSION: &str = "AWSALB=one; AWSALBCORS=one";
const TOKEN: &str = "b0221cd8-c4b4-465a-9a3c-273e3a75aa29";

/// A collector that answers as Splunk documents it.
#[derive(Default)]
struct Collector {
    acknowledges: bool,
    /// Questions after which a batch is indexed.
    polls_until_indexed: usize,
    /// Answers of "busy" that are still to be given.
    busy: usize,
    is_full: bool,
    /// What stands before it lets nobody ask for its health.
    is_hidden: bool,
    /// It is one of several behind a balancer, and the others know nothing of its batches.
    is_balanced: bool,
    /// The code of its success.
    warning: u32,
    /// What an event must not contain.
    refuses: Option<String>,
    /// Each accepted batch.
    batches: Vec<Vec<Json>>,
    polls: BTreeMap<u64, usize>,
    requests: Vec<String>,
}

type Shared = Arc<Mutex<Collector>>;
type Reply = (u16, Json);

impl Collector {
    async fn start(self) -> (Shared, SplunkHecConfig) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let acknowledgement = self.acknowledges;
        let shared = Arc::new(Mutex::new(self));
        let state = Arc::clone(&shared);
        let app = axum::Router::new().fallback(move |request: HttpRequest| answer(Arc::clone(&state), request));
        tokio::spawn(async move { axum::serve(listener, app).await });
        let WebhookConfig { http, .. } = webhook_config(&url);
        let config = SplunkHecConfig {
            http,
            token: Secret(TOKEN.to_owned()),
            acknowledgement,
            acknowledgement_timeout: Duration::from_secs(1),
        };
        (shared, config)
    }

    fn events(&mut self, body: &[u8]) -> Reply {
        if self.busy > 0 {
            self.busy -= 1;
            return (503, json!({"text": "Server is busy", "code": 9}));
        }
        let objects: Result<Vec<Json>, _> = serde_json::Deserializer::from_slice(body).into_iter().collect();
        let objects = objects.unwrap();
        if objects.is_empty() {
            return (400, json!({"text": "No data", "code": 5}));
        }
        for (number, object) in objects.iter().enumerate() {
            let code = match object.get("event") {
                None => 12,
                Some(event) if self.refuses.as_ref().is_some_and(|text| event.to_string().contains(text)) => 6,
                Some(_) => continue,
            };
            return (400, json!({"text": "Invalid data format", "code": code, "invalid-event-number": number}));
        }
        self.batches.push(objects);
        match self.acknowledges {
            true => (200, json!({"text": "Success", "code": self.warning, "ackId": self.batches.len() - 1})),
            false => (200, json!({"text": "Success", "code": self.warning})),
        }
    }

    fn acknowledgements(&mut self, body: &[u8]) -> Reply {
        if !self.acknowledges {
            return (400, json!({"text": "ACK is disabled", "code": 14}));
        }
        let question: Json = serde_json::from_slice(body).unwrap();
        let mut acks = BTreeMap::new();
        for id in question["acks"].as_array().unwrap().iter().map(|id| id.as_u64().unwrap()) {
            let asked = self.polls.entry(id).or_default();
            *asked += 1;
            acks.insert(id.to_string(), *asked > self.polls_until_indexed);
        }
        (200, json!({"acks": acks}))
    }
}

async fn answer(state: Shared, request: HttpRequest) -> Response<HttpBody> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let header = |name: &str| parts.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let mut plain = Vec::new();
    if header("content-encoding").as_deref() == Some("gzip") {
        flate2::read::GzDecoder::new(&*body).read_to_end(&mut plain).unwrap();
    } else {
        plain.extend_from_slice(&body);
    }
    let mut state = state.lock().unwrap();
    state.requests.push(format!("{} {}", parts.method, parts.uri.path()));
    let (channel, query) = (header(CHANNEL), parts.uri.query().unwrap_or_default());
    let (status, reply) = match (header("authorization"), parts.uri.path()) {
        (_, "/services/collector/health") if state.is_hidden => (503, json!("no such route")),
        (_, "/services/collector/health") if state.is_full => (503, json!({"text": "HEC is unhealthy", "code": 18})),
        (_, "/services/collector/health") => (200, json!({"text": "HEC is healthy", "code": 17})),
        (None, _) => (401, json!({"text": "Token is required", "code": 2})),
        (Some(token), _) if token != format!("Splunk {TOKEN}") => (403, json!({"text": "Invalid token", "code": 4})),
        (Some(_), "/services/collector/event") if state.acknowledges && channel.is_none() => {
            (400, json!({"text": "Data channel is missing", "code": 10}))
        }
        (Some(_), "/services/collector/event") => state.events(&plain),
        (Some(_), "/services/collector/ack") if query != format!("channel={}", channel.unwrap_or_default()) => {
            (400, json!({"text": "Invalid data channel", "code": 11}))
        }
        (Some(_), "/services/collector/ack") if state.is_balanced && header("cookie").as_deref() != Some(SESSION) => {
            (200, json!({"acks": {"0": false}}))
        }
        (Some(_), "/services/collector/ack") => state.acknowledgements(&plain),
        _ => (404, json!({"text": "The requested URL was not found on this server.", "code": 404})),
    };
    let cookies = if state.is_balanced {
        &["AWSALB=one; Expires=Wed, 09 Dec 2026 00:00:00 GMT; Path=/", "AWSALBCORS=one"][..]
    } else {
        &[]
    };
    let response = Response::builder().status(status);
    let response = cookies.iter().fold(response, |response, cookie| response.header("set-cookie", *cookie));
    response.body(reply.to_string().into()).unwrap()
}

fn splunk(config: &SplunkHecConfig) -> SplunkHec {
    SplunkHec::new("splunk", config, "trailrisk/0.1.0", &(Arc::new(jiff::Timestamp::default) as WallClock)).unwrap()
}

fn written(format: &FormatConfig, event: &RiskEvent) -> Delivery {
    let line = tokio_util::bytes::Bytes::from(native::line(event, &meta()));
    Delivery {
        body: BodyFormat::of(format).unwrap().body(event, &meta(), &line).unwrap(),
        line,
        ..delivery(event.delivery_key(), "")
    }
}

fn batch(ids: std::ops::Range<u128>) -> Vec<Delivery> {
    let format = FormatConfig::SplunkEvent(SplunkEnvelope::default());
    ids.map(|id| written(&format, &event(id, Stage::Final))).collect()
}

fn failure(outcome: Outcome) -> Failure {
    match outcome {
        Outcome::Failed(failure) => failure,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_batch_is_concatenated_objects_also_compressed() {
    for compression in Compression::ALL {
        let (collector, mut config) = Collector::default().start().await;
        config.http.compression = compression;
        assert_eq!(splunk(&config).attempt(&batch(1..4)).await, Outcome::Delivered);
        let collector = collector.lock().unwrap();
        let ids: Vec<_> = collector.batches[0].iter().map(|object| object["event"]["id"].clone()).collect();
        assert_eq!(ids, [1, 2, 3].map(|id| json!(format!("{id:032x}"))));
        assert_eq!(collector.requests, ["POST /services/collector/event"]);
    }
}

#[tokio::test]
async fn cp_7_with_acknowledgement_a_batch_is_delivered_when_it_is_indexed() {
    let (collector, config) =
        Collector { acknowledges: true, polls_until_indexed: 2, ..Collector::default() }.start().await;
    assert_eq!(splunk(&config).attempt(&batch(1..3)).await, Outcome::Delivered);
    let collector = collector.lock().unwrap();
    assert_eq!((collector.batches.len(), collector.polls[&0]), (1, 3));
}

/// Splunk asks for sticky sessions where a balancer stands before indexers that acknowledge; these are kept by cookies
/// (docs.splunk.com, Splunk Connect for Kafka, load balancing). Without, every batch would be sent again without an end.
#[tokio::test]
async fn cp_7_behind_a_balancer_the_indexer_that_has_the_batch_is_asked() {
    let (collector, config) = Collector { acknowledges: true, is_balanced: true, ..Collector::default() }.start().await;
    let config = SplunkHecConfig { acknowledgement_timeout: Duration::from_millis(150), ..config };
    assert_eq!(splunk(&config).attempt(&batch(1..3)).await, Outcome::Delivered);
    assert_eq!(collector.lock().unwrap().batches.len(), 1);
}

#[tokio::test]
async fn cp_7_what_is_not_indexed_in_time_is_sent_again() {
    let (collector, config) =
        Collector { acknowledges: true, polls_until_indexed: usize::MAX, ..Collector::default() }.start().await;
    let config = SplunkHecConfig { acknowledgement_timeout: Duration::from_millis(150), ..config };
    let mut splunk = splunk(&config);
    let failure = failure(splunk.attempt(&batch(1..2)).await);
    assert_eq!(failure.kind, FailureKind::Unavailable);
    collector.lock().unwrap().polls_until_indexed = 0;
    assert_eq!(splunk.attempt(&batch(1..2)).await, Outcome::Delivered);
    assert_eq!(collector.lock().unwrap().batches.len(), 2);
}

#[tokio::test]
async fn a_token_with_or_without_acknowledgement_must_be_configured_so() {
    let (_, config) = Collector { acknowledges: true, ..Collector::default() }.start().await;
    let config = SplunkHecConfig { acknowledgement: false, ..config };
    let without = failure(splunk(&config).attempt(&batch(1..2)).await);
    assert!(without.kind == FailureKind::Misconfigured && without.detail.contains("code 10"), "{without:?}");
    let (_, config) = Collector::default().start().await;
    let config = SplunkHecConfig { acknowledgement: true, ..config };
    let with = failure(splunk(&config).attempt(&batch(1..2)).await);
    assert!(with.kind == FailureKind::Misconfigured && with.detail.contains("acknowledgement: false"), "{with:?}");
}

/// It says neither an id nor that there is none, and the advice of code 14 would take the acknowledgement away for good.
#[tokio::test]
async fn cp_7_a_success_that_breaks_off_is_no_word_on_the_token() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let WebhookConfig { http, .. } = webhook_config(&format!("http://{}", listener.local_addr().unwrap()));
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 64 * 1024];
        assert!(stream.read(&mut request).await.unwrap() > 0);
        let head = "HTTP/1.1 200 OK\r\ncontent-length: 41\r\n\r\n";
        stream.write_all(format!("{head}{{\"text\":\"Success\",").as_bytes()).await.unwrap();
    });
    let acknowledgement_timeout = Duration::from_secs(1);
    let config =
        SplunkHecConfig { http, token: Secret(TOKEN.to_owned()), acknowledgement: true, acknowledgement_timeout };
    let broken = failure(splunk(&config).attempt(&batch(1..2)).await);
    assert!(broken.kind == FailureKind::Unavailable && !broken.detail.contains("set `"), "{broken:?}");
}

#[tokio::test]
async fn a_collector_that_was_unavailable_is_asked_for_its_health_before_it_gets_a_batch() {
    let (collector, config) = Collector { busy: 1, is_full: true, ..Collector::default() }.start().await;
    let mut splunk = splunk(&config);
    let busy = failure(splunk.attempt(&batch(1..2)).await);
    assert!(busy.kind == FailureKind::Unavailable && busy.detail.contains("code 9"), "{busy:?}");
    let full = failure(splunk.attempt(&batch(1..2)).await);
    assert!(full.kind == FailureKind::Unavailable && full.detail.contains("code 18"), "{full:?}");
    collector.lock().unwrap().is_full = false;
    assert_eq!(splunk.attempt(&batch(1..2)).await, Outcome::Delivered);
    assert_eq!(splunk.attempt(&batch(2..3)).await, Outcome::Delivered);
    let (event, health) = ("POST /services/collector/event", "GET /services/collector/health");
    assert_eq!(collector.lock().unwrap().requests, [event, health, health, event, event]);
}

/// The word of something else says nothing of the collector: a required sink would hold for ever (CP-7).
#[tokio::test]
async fn cp_7_a_collector_whose_health_is_hidden_gets_its_batch_all_the_same() {
    let (collector, config) = Collector { busy: 1, is_hidden: true, ..Collector::default() }.start().await;
    let mut splunk = splunk(&config);
    assert_eq!(failure(splunk.attempt(&batch(1..2)).await).kind, FailureKind::Unavailable);
    assert_eq!(splunk.attempt(&batch(1..2)).await, Outcome::Delivered);
    assert_eq!(collector.lock().unwrap().batches.len(), 1);
}

#[tokio::test]
async fn the_refused_delivery_is_the_one_that_holds_the_invalid_object() {
    let (_, config) = Collector { refuses: Some("mallory".to_owned()), ..Collector::default() }.start().await;
    let format = FormatConfig::SplunkRisk(SplunkEnvelope::default());
    let with_objects = |id: u128, users: &[&str]| {
        let seed = seed_event();
        let object = |user: &&str| crate::risk_event::RiskObject {
            value: crate::plan::Scalar::text(*user),
            ..seed.risk_objects[0].clone()
        };
        written(&format, &RiskEvent { risk_objects: users.iter().map(object).collect(), ..event(id, Stage::Final) })
    };
    let batch = [with_objects(1, &["a", "b"]), with_objects(2, &[]), with_objects(3, &["c", "mallory"])];
    let refusal = failure(splunk(&config).attempt(&batch).await);
    assert_eq!((refusal.kind, refusal.refused), (FailureKind::EventRefused, Some(2)));
    assert_eq!(splunk(&config).attempt(&batch[1..2]).await, Outcome::Delivered, "nothing to send is no error");
}

/// The whole way: queue, worker, dead letters.
#[tokio::test]
async fn cp_7_of_a_batch_only_the_refused_event_becomes_a_dead_letter() {
    let (collector, config) =
        Collector { refuses: Some(format!("{:032x}", 3)), acknowledges: true, ..Collector::default() }.start().await;
    let metrics = metrics();
    let dead = DeadLetterFile::start(&metrics).await;
    let delivery = crate::config::DeliveryConfig { batch: batches_of(100), ..quick() };
    let sink = SinkConfig {
        kind: SinkKind::SplunkHec(config),
        format: FormatConfig::SplunkEvent(SplunkEnvelope::default()),
        delivery: crate::config::DeliveryConfig { concurrency: 1, ..delivery },
        ..sink_config("splunk")
    };
    let deps = deps(&metrics, &dead.letters, Box::new(tokio::io::sink()));
    let (mut sinks, mut done) = Sinks::start(&[sink], deps).unwrap();
    for id in 1..=6 {
        sinks.push(event(id, Stage::Final));
    }
    for _ in 1..=6 {
        done.next().await.unwrap();
    }
    let letters = dead.lines();
    assert_eq!((letters.len(), &letters[0]["reason"]), (1, &json!("refused")));
    assert_eq!(letters[0]["delivery_key"], format!("{:032x}-final", 3));
    let collector = collector.lock().unwrap();
    let mut ids: Vec<_> = collector.batches.iter().flatten().map(|object| object["event"]["id"].to_string()).collect();
    ids.sort();
    assert_eq!(ids, [1, 2, 4, 5, 6].map(|id| format!("\"{id:032x}\"")));
}

#[tokio::test]
async fn threat_10_the_token_is_in_no_failure() {
    let (_, config) = Collector::default().start().await;
    let config = SplunkHecConfig { token: Secret("s3cr3t-canary".to_owned()), ..config };
    let wrong = failure(splunk(&config).attempt(&batch(1..2)).await);
    assert!(wrong.kind == FailureKind::Misconfigured && wrong.detail.contains("code 4"), "{wrong:?}");
    assert!(!format!("{wrong:?} {config:?}").contains("s3cr3t"));
}

#[test]
fn cp_7_codes_are_told_apart_by_what_they_call_for() {
    let groups: [(FailureKind, &[u32]); 3] = [
        (FailureKind::Misconfigured, &[1, 2, 3, 4, 5, 7, 10, 11, 14, 16, 21, 22, 28]),
        (FailureKind::EventRefused, &[6, 12, 13, 15]),
        (FailureKind::Unavailable, &[8, 9, 18, 19, 20, 23, 26, 27]),
    ];
    for (kind, codes) in groups {
        for code in codes {
            assert_eq!(meaning(*code).map(|(kind, _)| kind), Some(kind), "{code}");
        }
    }
    for code in [0, 17, 24, 25] {
        assert_eq!(meaning(code), None, "{code}");
    }
}

/// 24 and 25 are warnings: the events have been taken, and sending them again would fill the queue sooner.
#[tokio::test]
async fn a_collector_that_warns_of_its_queues_has_the_events() {
    for code in [24, 25] {
        for acknowledges in [false, true] {
            let (collector, config) = Collector { acknowledges, warning: code, ..Collector::default() }.start().await;
            assert_eq!(splunk(&config).attempt(&batch(1..3)).await, Outcome::Delivered, "{code}");
            assert_eq!(collector.lock().unwrap().batches.len(), 1);
        }
    }
}

#[test]
fn the_url_may_name_the_host_a_proxys_path_or_the_collector_itself() {
    for (base, expected) in [
        ("https://s:8088", "https://s:8088/services/collector/event"),
        ("https://s:8088/services/collector", "https://s:8088/services/collector/event"),
        ("https://s:8088/services/collector/event", "https://s:8088/services/collector/event"),
        ("https://s/splunk/", "https://s/splunk/services/collector/event"),
    ] {
        assert_eq!(endpoint(&Url::parse(base).unwrap(), "event").as_str(), expected);
    }
}

#[test]
fn a_channel_is_a_guid() {
    let guid = guid();
    let lengths: Vec<_> = guid.split('-').map(str::len).collect();
    assert_eq!((lengths, guid.as_bytes()[14]), (vec![8, 4, 4, 4, 12], b'4'));
}
