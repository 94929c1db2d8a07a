//! The native format: one JSON object, field order fixed, `meta` last.
//!
//! `schema` names it: `trailrisk.risk_event/v1`. The bytes outside `meta` are the compared bytes (EM-4): a pure
//! function of the risk event.

use serde::Serialize;

use super::to_json;
use super::value::{Columns, ScalarBody, Text};
use crate::engine::{SequenceNumber, ShardId};
use crate::plan::PlanText;
use crate::risk_event::{Evidence, Pane, RiskEvent, RiskObject, ThreatObject};
use crate::time::Arrival;

/// What may differ between two emissions of one delivery key (EM-4).
#[derive(Clone, Copy, Debug)]
pub struct Meta<'a> {
    /// When it is emitted, by the wall clock; written with milliseconds.
    pub emitted_at: jiff::Timestamp,
    /// `trailrisk/<version>`.
    pub producer: &'a str,
    /// Who emits it.
    pub worker: &'a str,
    /// The stream that it was read from; empty for a replay over files.
    pub stream: &'a str,
}

/// The risk event without `meta`: a complete JSON object, byte-identical whenever a final is emitted again (EM-4).
pub fn compared(event: &RiskEvent) -> Vec<u8> {
    to_json(&Body::of(event))
}

/// The risk event with `meta`, as one line with its newline.
pub fn line(event: &RiskEvent, meta: &Meta<'_>) -> Vec<u8> {
    let mut line = compared(event);
    let closing = line.pop();
    debug_assert_eq!(closing, Some(b'}'), "the body is an object");
    line.extend_from_slice(b",\"meta\":");
    line.extend_from_slice(&to_json(&MetaBody::of(event, meta)));
    line.extend_from_slice(b"}\n");
    #[cfg(test)]
    super::schema::check_risk_event(&line);
    line
}

#[derive(Serialize)]
struct Body<'a> {
    schema: &'static str,
    id: Text<crate::risk_event::RiskEventId>,
    stage: &'static str,
    pane: Text<Pane>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pane_bucket: Option<Text<Arrival>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    supplements: Option<Text<crate::risk_event::RiskEventId>>,
    detection: DetectionBody<'a>,
    severity: &'static str,
    risk_score: f64,
    impact: Option<u32>,
    confidence: Option<u32>,
    risk_message: &'a str,
    risk_objects: Vec<RiskObjectBody<'a>>,
    threat_objects: Vec<ThreatObjectBody<'a>>,
    annotations: Annotations<'a>,
    group: Columns<'a>,
    row: Columns<'a>,
    window: Window,
    event_count: u64,
    first_event: Text<crate::time::EventTime>,
    last_event: Text<crate::time::EventTime>,
    evidence: Vec<EvidenceBody<'a>>,
    evidence_truncated: bool,
    #[serde(skip_serializing_if = "is_false")]
    partial: bool,
    #[serde(skip_serializing_if = "is_false")]
    truncated: bool,
    #[serde(skip_serializing_if = "is_false")]
    count_is_upper_bound: bool,
    #[serde(skip_serializing_if = "is_false")]
    values_truncated: bool,
}

#[derive(Serialize)]
struct DetectionBody<'a> {
    id: &'a str,
    name: &'a str,
    version: u32,
    r#type: &'a str,
}

#[derive(Serialize)]
struct RiskObjectBody<'a> {
    field: &'a str,
    r#type: &'a str,
    value: ScalarBody<'a>,
    score: f64,
}

#[derive(Serialize)]
struct ThreatObjectBody<'a> {
    field: &'a str,
    r#type: &'a str,
    value: ScalarBody<'a>,
}

#[derive(Serialize)]
struct Annotations<'a> {
    mitre_attack: &'a [String],
    kill_chain_phases: &'a [String],
    nist: &'a [String],
    cis20: &'a [String],
    analytic_story: &'a [String],
}

#[derive(Serialize)]
struct Window {
    start: Text<crate::time::EventTime>,
    end: Text<crate::time::EventTime>,
}

#[derive(Serialize)]
struct EvidenceBody<'a> {
    event_id: &'a str,
    event_time: Text<crate::time::EventTime>,
}

#[derive(Serialize)]
struct MetaBody<'a> {
    emitted_at: String,
    producer: &'a str,
    worker: &'a str,
    stream: &'a str,
    source_positions: Vec<PositionBody<'a>>,
}

#[derive(Serialize)]
struct PositionBody<'a> {
    shard: &'a str,
    sequence_number: &'a str,
}

impl<'a> Body<'a> {
    fn of(event: &'a RiskEvent) -> Self {
        let risk = &event.detection.risk;
        Self {
            schema: "trailrisk.risk_event/v1",
            id: Text(event.id),
            stage: event.stage.as_str(),
            pane: Text(event.pane),
            pane_bucket: bucket(event.pane).map(Text),
            supplements: event.supplements.map(Text),
            detection: DetectionBody::of(&event.detection),
            severity: risk.severity().as_str(),
            risk_score: risk.score,
            impact: risk.impact,
            confidence: risk.confidence,
            risk_message: &event.risk_message,
            risk_objects: event.risk_objects.iter().map(RiskObjectBody::of).collect(),
            threat_objects: event.threat_objects.iter().map(ThreatObjectBody::of).collect(),
            annotations: Annotations::of(&event.detection),
            group: Columns(&event.group),
            row: Columns(&event.row),
            window: Window { start: Text(event.window_start), end: Text(event.window_end) },
            event_count: event.event_count,
            first_event: Text(event.first_event),
            last_event: Text(event.last_event),
            evidence: event.evidence.iter().map(EvidenceBody::of).collect(),
            evidence_truncated: event.evidence_truncated,
            partial: event.marks.partial,
            truncated: event.marks.truncated,
            count_is_upper_bound: event.marks.count_is_upper_bound,
            values_truncated: event.marks.values_truncated,
        }
    }
}

fn bucket(pane: Pane) -> Option<Arrival> {
    match pane {
        Pane::Late(bucket) | Pane::Future(bucket) => Some(bucket),
        Pane::OnTime | Pane::Forced(_) => None,
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_false(mark: &bool) -> bool {
    !mark
}

impl<'a> DetectionBody<'a> {
    fn of(plan: &'a PlanText) -> Self {
        Self { id: &plan.id, name: &plan.name, version: plan.version, r#type: &plan.kind }
    }
}

impl<'a> RiskObjectBody<'a> {
    fn of(object: &'a RiskObject) -> Self {
        Self { field: &object.field, r#type: &object.kind, value: ScalarBody(&object.value), score: object.score }
    }
}

impl<'a> ThreatObjectBody<'a> {
    fn of(object: &'a ThreatObject) -> Self {
        Self { field: &object.field, r#type: &object.kind, value: ScalarBody(&object.value) }
    }
}

impl<'a> Annotations<'a> {
    fn of(plan: &'a PlanText) -> Self {
        let risk = &plan.risk;
        Self {
            mitre_attack: &risk.mitre_attack,
            kill_chain_phases: &risk.kill_chain_phases,
            nist: &risk.nist,
            cis20: &risk.cis20,
            analytic_story: &risk.analytic_story,
        }
    }
}

impl<'a> EvidenceBody<'a> {
    fn of(evidence: &'a Evidence) -> Self {
        Self { event_id: &evidence.event_id, event_time: Text(evidence.time) }
    }
}

impl<'a> MetaBody<'a> {
    fn of(event: &'a RiskEvent, meta: &Meta<'a>) -> Self {
        Self {
            emitted_at: format!("{:.3}", meta.emitted_at),
            producer: meta.producer,
            worker: meta.worker,
            stream: meta.stream,
            source_positions: event.positions.iter().map(PositionBody::of).collect(),
        }
    }
}

impl<'a> PositionBody<'a> {
    fn of((shard, number): &'a (ShardId, SequenceNumber)) -> Self {
        Self { shard: shard.as_str(), sequence_number: number.as_str() }
    }
}

#[cfg(test)]
mod tests;
