//! The native format: one JSON object, field order fixed, `meta` last.
//!
//! `schema` names it: `trailrisk.risk_event/v1`. The bytes outside `meta` are the compared bytes (EM-4): a pure
//! function of the risk event.

use std::fmt::Display;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use super::to_json;
use crate::engine::{SequenceNumber, ShardId};
use crate::plan::PlanText;
use crate::plan::{Scalar, Value};
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

/// Written as its `Display`: ids as 32 hexadecimal digits, instants as RFC 3339 in UTC.
struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Named values as an object, in their own order.
struct Columns<'a>(&'a [(Arc<str>, Value)]);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(&**name, &ValueBody(value))?;
        }
        map.end()
    }
}

/// A multivalue field is a list; an absent one is null, so that the row's shape does not depend on the data.
struct ValueBody<'a>(&'a Value);

impl Serialize for ValueBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::One(scalar) => ScalarBody(scalar).serialize(serializer),
            Value::Many(scalars) => {
                let mut list = serializer.serialize_seq(Some(scalars.len()))?;
                for scalar in scalars {
                    list.serialize_element(&ScalarBody(scalar))?;
                }
                list.end()
            }
        }
    }
}

/// Text stays text, also where it looks like a number.
struct ScalarBody<'a>(&'a Scalar);

impl Serialize for ScalarBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Scalar::Text(text) => serializer.serialize_str(text),
            Scalar::Number(number) => serialize_number(*number, serializer),
        }
    }
}

/// The largest magnitude below which every integer is a double of its own.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Integers without decimals, other numbers in the shortest form that reads back as the same double; infinities, which
/// JSON lacks, as Splunk prints them.
fn serialize_number<S: Serializer>(number: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_infinite() {
        return serializer.serialize_str(if number > 0.0 { "inf" } else { "-inf" });
    }
    if number.fract() == 0.0 && number.abs() <= EXACT_INTEGER {
        #[expect(clippy::cast_possible_truncation, reason = "an integer within 2^53")]
        return serializer.serialize_i64(number as i64);
    }
    serializer.serialize_f64(number)
}

#[cfg(test)]
mod tests;
