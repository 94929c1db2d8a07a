//! One sample risk event through one configured sink, once: what `trailrisk sink test` sends.
//!
//! Deliberately absent: queue, retries, filters, dead letters.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use super::error::SinkError;
use super::format::native;
use super::health::FailureKind;
use super::queue::Delivery;
use super::sinks::{WallClock, formats};
use super::start::Transports;
use super::stdout::SharedStdout;
use super::transport::{Failure, Outcome};
use crate::config::SinkConfig;
use crate::plan::{PlanText, RiskModel, Scalar, Value};
use crate::risk_event::{DeliveryKey, Evidence, Marks, Pane, RiskEvent, RiskEventId, RiskObject, Stage, ThreatObject};
use crate::time::{Arrival, EventTime};

const HOUR_MS: i64 = 3_600_000;
/// A receiver that adds scores up adds nothing.
const SCORE: f64 = 0.0;
const NIL: &str = "00000000-0000-0000-0000-000000000000";

/// What a sample is sent with.
pub struct ProbeDeps<'a> {
    /// `meta.producer`, also the `user-agent`: `trailrisk/<version>`.
    pub producer: &'a str,
    /// `meta.worker`.
    pub worker: &'a str,
    /// `meta.stream`.
    pub stream: &'a str,
    /// The wall clock.
    pub clock: WallClock,
    /// Where a stdout sink writes.
    pub stdout: SharedStdout,
}

/// What came of it.
#[derive(Debug)]
pub struct Probe {
    /// What was sent.
    pub key: DeliveryKey,
    /// What the sink made of it.
    pub outcome: Outcome,
    /// The status of the receiver's last answer, where it has answered over HTTP.
    pub status: Option<u16>,
    /// From the attempt to its outcome.
    pub took: Duration,
}

/// Sends the sample through the sink, in its format and at a stage that it receives; its other filters do not hold.
///
/// # Errors
/// When the sink's configuration cannot work, as at the daemon's start.
pub async fn probe(config: &SinkConfig, deps: ProbeDeps<'_>) -> Result<Probe, SinkError> {
    let configs = std::slice::from_ref(config);
    let format = formats(configs)?.pop().expect("a format for each sink");
    let transport = Transports::of_all(configs, deps.stdout, deps.producer, &deps.clock)?;
    let transport = transport.into_iter().next().expect("a transport for each sink");
    let emitted_at = (deps.clock)();
    let meta =
        native::Meta { emitted_at, producer: deps.producer, worker: deps.worker, stream: deps.stream, source: None };
    let event = sample(config.stages.iter().copied().max().unwrap_or(Stage::Final), emitted_at);
    let line = Bytes::from(native::line(&event, &meta));
    let (key, queued_at) = (event.delivery_key(), Instant::now());
    let (outcome, status) = match format.body(&event, &meta, &line) {
        Ok(body) => transport.attempt(&[Delivery { key, line, body, queued_at, share: None }]).await,
        Err(detail) => (Outcome::Failed(Failure::new(FailureKind::EventRefused, detail)), None),
    };
    Ok(Probe { key, outcome, status, took: queued_at.elapsed() })
}

/// With the columns of the sample that templates are tried with, so that what fits one fits the other.
fn sample(stage: Stage, now: jiff::Timestamp) -> RiskEvent {
    let at = EventTime(now.as_millisecond());
    let hour = at.0 - at.0.rem_euclid(HOUR_MS);
    let group = vec![(Arc::from("user"), Value::text("sample")), (Arc::from("src"), Value::text("192.0.2.1"))];
    let count = [(Arc::from("count"), Value::number(1.0))];
    RiskEvent {
        id: RiskEventId(0),
        stage,
        pane: Pane::OnTime,
        supplements: None,
        detection: Arc::new(detection()),
        risk_message: "This is a test of a trailrisk sink; nothing has happened".to_owned(),
        risk_objects: vec![RiskObject {
            field: "user".into(),
            kind: "user".into(),
            value: Scalar::text("sample"),
            score: SCORE,
        }],
        threat_objects: vec![ThreatObject {
            field: "src".into(),
            kind: "ip_address".into(),
            value: Scalar::text("192.0.2.1"),
        }],
        row: group.iter().cloned().chain(count).collect(),
        group,
        window_start: EventTime(hour),
        window_end: EventTime(hour + HOUR_MS),
        event_count: 1,
        first_event: at,
        last_event: at,
        evidence: vec![Evidence { time: at, event_id: NIL.into() }],
        evidence_truncated: false,
        marks: Marks::default(),
        positions: Vec::new(),
        newest_arrival: Arrival(at.0),
    }
}

fn detection() -> PlanText {
    let list = |value: &str| vec![value.to_owned()];
    PlanText {
        id: NIL.to_owned(),
        name: "Test of a trailrisk sink".to_owned(),
        version: 1,
        kind: "TTP".to_owned(),
        search: String::new(),
        filters: Vec::new(),
        lookups: Vec::new(),
        risk: RiskModel {
            message: String::new(),
            score: SCORE,
            impact: Some(0),
            confidence: Some(0),
            risk_objects: Vec::new(),
            threat_objects: Vec::new(),
            mitre_attack: list("T1119"),
            kill_chain_phases: list("Exploitation"),
            nist: list("DE.CM"),
            cis20: list("CIS 10"),
            analytic_story: list("Data Exfiltration"),
        },
        window_ms: HOUR_MS,
        grace_ms: 0,
        max_future_skew_ms: 0,
    }
}

#[cfg(test)]
mod tests;
