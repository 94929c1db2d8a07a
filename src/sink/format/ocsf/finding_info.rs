//! `finding_info`: which rule found it, when, and in which events.

use serde_json::{Value as Json, json};

use super::{object, since_1_5};
use crate::config::OcsfVersion;
use crate::detection::only_tactic;
use crate::plan::{Evidence, PlanText};
use crate::risk_event::RiskEvent;

/// The Cyber Kill Chain as the schema numbers it; Splunk spells the sixth one out.
const PHASES: [(&str, u32); 8] = [
    ("Reconnaissance", 1),
    ("Weaponization", 2),
    ("Delivery", 3),
    ("Exploitation", 4),
    ("Installation", 5),
    ("Command & Control", 6),
    ("Command and Control", 6),
    ("Actions on Objectives", 7),
];
const OTHER: u32 = 99;

pub(super) fn finding_info(event: &RiskEvent, version: OcsfVersion) -> Json {
    let plan = &*event.detection;
    let risk = &plan.risk;
    object([
        ("uid", event.id.to_string().into()),
        ("title", plan.name.as_str().into()),
        ("types", json!([plan.kind])),
        ("analytic", analytic(plan)),
        ("attacks", risk.mitre_attack.iter().map(|id| attack(id)).collect()),
        ("kill_chain", risk.kill_chain_phases.iter().map(|phase| kill_chain_phase(phase)).collect()),
        ("data_sources", json!(["AWS CloudTrail"])),
        ("first_seen_time", event.first_event.0.into()),
        ("last_seen_time", event.last_event.0.into()),
        ("related_events", event.evidence.iter().map(|evidence| related_event(evidence, version)).collect()),
        ("related_events_count", since_1_5(version, || event.event_count.into())),
    ])
}

fn analytic(plan: &PlanText) -> Json {
    json!({
        "type_id": 1,
        "type": "Rule",
        "uid": plan.id,
        "name": plan.name,
        "version": plan.version.to_string(),
    })
}

/// `T1078.004` is a sub-technique of `T1078`.
fn attack(id: &str) -> Json {
    let technique = id.split('.').next().unwrap_or(id);
    object([
        ("technique", json!({"uid": technique})),
        ("sub_technique", if technique == id { Json::Null } else { json!({"uid": id}) }),
        ("tactic", only_tactic(id).map_or(Json::Null, |(uid, name)| json!({"uid": uid, "name": name}))),
    ])
}

fn kill_chain_phase(phase: &str) -> Json {
    let known = PHASES.iter().find(|(name, _)| *name == phase);
    json!({"phase_id": known.map_or(OTHER, |(_, id)| *id), "phase": phase})
}

/// A CloudTrail event by its `eventID`.
fn related_event(evidence: &Evidence, version: OcsfVersion) -> Json {
    object([
        ("uid", (&*evidence.event_id).into()),
        ("type", "AWS CloudTrail event".into()),
        ("first_seen_time", since_1_5(version, || evidence.time.0.into())),
    ])
}
