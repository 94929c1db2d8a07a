//! What the tests of this module share.

use std::sync::Arc;
use std::time::Duration;

use crate::config::{SinkConfig, SinkKind};
use crate::detection::{PlanText, RiskModel, Severity};
use crate::engine::{SequenceNumber, ShardId};
use crate::plan::{Scalar, Value};
use crate::risk_event::{Evidence, Marks, Pane, RiskEvent, RiskEventId, RiskObject, Stage, ThreatObject};
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
        kind: SinkKind::Stdout,
    }
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

/// Waits for what must become true; panics after ten seconds of the runtime's clock.
pub(super) async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_secs(10), waiting).await.is_ok(), "never: {what}");
}
