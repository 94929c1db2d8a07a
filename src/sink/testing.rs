//! What the tests of this module share.

mod receiver;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::format::native;
use super::format::schema::check_dead_letter;
pub(super) use receiver::{Answer, Receiver, Request, quick, webhook_config};
pub(super) use tls::{Authority, Leaf, TlsReceiver};

use super::format::Body;
use super::queue::Delivery;
use super::{DeadLetterAcknowledgements, DeadLetterDeps, DeadLetters, Origin, SharedStdout, SinkDeps, StdoutWriter};
use crate::cloudtrail::{RejectReason, Rejected};
use crate::config::{BatchLimit, DeadLetterConfig, DeliveryConfig, FormatConfig, SinkConfig, SinkKind};
use crate::engine::{DeadLetter, DeadLetterId, Position, SequenceNumber, ShardId};
use crate::metrics::Metrics;
use crate::plan::{PlanText, RiskModel, Severity};
use crate::plan::{Scalar, Value};
use crate::risk_event::{DeliveryKey, Evidence, Marks, Pane, RiskEvent, RiskEventId, RiskObject, Stage, ThreatObject};
use crate::time::{Arrival, EventTime};

/// A required stdout sink that subscribes to everything.
pub(super) fn sink_config(name: &str) -> SinkConfig {
    SinkConfig {
        name: name.to_owned(),
        required: true,
        stages: Stage::ALL.to_vec(),
        min_severity: Severity::Informational,
        detections: Vec::new(),
        queue_bytes: 1024 * 1024,
        format: FormatConfig::Native,
        delivery: DeliveryConfig::default(),
        kind: SinkKind::Stdout,
    }
}

/// What an emission of a test has beside the risk event.
pub(super) fn meta() -> native::Meta<'static> {
    let emitted_at = "2023-04-24T23:51:18.5Z".parse().unwrap();
    native::Meta { emitted_at, producer: "trailrisk/0.1.0", worker: "w1", stream: "trail", source: None }
}

/// The seed's risk event: its golden row, as the final of its hour.
pub(super) fn seed_event() -> RiskEvent {
    let text = |name: &str, value: &str| (Arc::from(name), Value::text(value));
    let group = vec![
        text("src_ip", "s3.amazonaws.com"),
        text("aws_account_id", "111111111111"),
        text("eventName", "JobCreated"),
        text("errorCode", "success"),
        text("userAgent", "s3.amazonaws.com"),
    ];
    let aggregates = vec![
        ("count".into(), Value::number(1.0)),
        text("firstTime", "2023-04-24T23:51:17"),
        text("lastTime", "2023-04-24T23:51:17"),
        text("job_arn", "arn:aws:s3:us-west-2:111111111111:job/bb54efd8-937d-4f0c-967d-aa8443998dac"),
        text("status", "New"),
    ];
    RiskEvent {
        id: RiskEventId(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef),
        stage: Stage::Final,
        pane: Pane::OnTime,
        supplements: None,
        detection: seed_plan().into(),
        risk_message: "AWS Batch Job is created on account id - 111111111111 from src_ip s3.amazonaws.com".to_owned(),
        risk_objects: vec![RiskObject {
            field: "aws_account_id".into(),
            kind: "other".into(),
            value: Scalar::text("111111111111"),
            score: 64.0,
        }],
        threat_objects: vec![ThreatObject {
            field: "src_ip".into(),
            kind: "ip_address".into(),
            value: Scalar::text("s3.amazonaws.com"),
        }],
        row: group.iter().cloned().chain(aggregates).collect(),
        group,
        window_start: EventTime(1_682_377_200_000),
        window_end: EventTime(1_682_380_800_000),
        event_count: 1,
        first_event: EventTime(1_682_380_277_000),
        last_event: EventTime(1_682_380_277_000),
        evidence: vec![Evidence {
            time: EventTime(1_682_380_277_000),
            event_id: "894153ad-ed86-4719-bb66-6c52ef7dc767".into(),
        }],
        evidence_truncated: false,
        marks: Marks::default(),
        positions: vec![(ShardId::new("shardId-000000000000"), SequenceNumber::try_new("4957").unwrap())],
        newest_arrival: Arrival(1_682_380_280_000),
    }
}

fn seed_plan() -> PlanText {
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
        window_ms: 3_600_000,
        grace_ms: 900_000,
        max_future_skew_ms: 300_000,
    }
}

/// A delivery of this native line, queued now, of which nobody waits for the acknowledgement.
pub(super) fn delivery(key: DeliveryKey, line: &'static str) -> Delivery {
    let line = Bytes::from_static(line.as_bytes());
    Delivery { key, body: Body::native(&line), line, queued_at: Instant::now(), share: None }
}

/// As many events in one attempt.
pub(super) fn batches_of(events: usize) -> BatchLimit {
    BatchLimit { events, ..BatchLimit::default() }
}

/// Waits for what must become true; panics after ten seconds of the runtime's clock.
pub(super) async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok(), "never: {what}");
}

/// The seed's risk event under another id and stage.
pub(super) fn event(id: u128, stage: Stage) -> RiskEvent {
    RiskEvent { id: RiskEventId(id), stage, ..seed_event() }
}

/// Fresh metrics in a registry of their own.
pub(super) fn metrics() -> Metrics {
    Metrics::new(&prometheus::Registry::new()).unwrap()
}

/// Dead letters in a file of a folder of their own.
pub(super) struct DeadLetterFile {
    pub(super) letters: DeadLetters,
    pub(super) acknowledged: DeadLetterAcknowledgements,
    folder: tempfile::TempDir,
}

impl DeadLetterFile {
    pub(super) async fn start(metrics: &Metrics) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = DeadLetterConfig::File(folder.path().join("dead.ndjson"));
        let (letters, acknowledged) = DeadLetters::start(&config, dead_letter_deps(metrics)).await.unwrap();
        Self { letters, acknowledged, folder }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("dead.ndjson")
    }

    /// The whole lines: the last one may be on its way into the file.
    pub(super) fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8_lossy(&std::fs::read(self.path()).unwrap()).into_owned();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let checked = whole.lines().inspect(|line| check_dead_letter(line.as_bytes()));
        checked.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A record that is no JSON.
pub(super) fn letter(id: u64, bytes: &[u8]) -> DeadLetter {
    DeadLetter {
        id: DeadLetterId(id),
        shard: ShardId::new("shardId-000000000003"),
        position: Position::After(SequenceNumber::try_new("4957").unwrap(), 0),
        arrival: Arrival(1_682_380_280_000),
        rejected: Rejected { reason: RejectReason::BadJson, detail: "not JSON\u{9b}".into(), bytes: bytes.into() },
    }
}

/// What dead letters are given.
pub(super) fn dead_letter_deps(metrics: &Metrics) -> DeadLetterDeps {
    DeadLetterDeps {
        metrics: metrics.process.clone(),
        stdout: SharedStdout::new(Box::new(tokio::io::sink())),
        clock: Arc::new(|| "2023-04-24T23:51:18Z".parse().unwrap()),
        stop: CancellationToken::new(),
    }
}

/// What the sinks are given, with standard output going to `stdout`.
pub(super) fn deps(metrics: &Metrics, dead_letters: &DeadLetters, stdout: StdoutWriter) -> SinkDeps {
    SinkDeps {
        metrics: metrics.clone(),
        dead_letters: dead_letters.clone(),
        producer: "trailrisk/0.1.0".to_owned(),
        worker: "w1".to_owned(),
        origin: Origin { stream: "trail".to_owned(), source: None },
        clock: Arc::new(|| "2023-04-24T23:51:18Z".parse().unwrap()),
        stdout: SharedStdout::new(stdout),
        stop: CancellationToken::new(),
    }
}

/// Whether a future is still pending after a moment in which everything else can run.
pub(super) async fn is_pending<F: Future>(future: F) -> bool {
    tokio::time::timeout(Duration::from_millis(20), future).await.is_err()
}
