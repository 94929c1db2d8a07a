//! OCSF: a risk event as a Detection Finding (class 2004), in the version that the receiver takes.
//!
//! Every member is chosen by what the schema says that it means; what the schema has no place for stands in `unmapped`,
//! so that nothing is lost. `docs/formats.md` argues the choices. Checked from outside by `tests/validators`.

mod evidence;
mod finding_info;
mod observable;

use serde_json::{Map, Value as Json, json};

use super::native::Meta;
use super::to_json;
use super::value::{Columns, Text};
use crate::config::OcsfVersion;
use crate::plan::Severity;
use crate::risk_event::{Pane, RiskEvent, Stage};

const CATEGORY_UID: u32 = 2;
const CLASS_UID: u32 = 2004;

/// The body of one risk event.
pub(super) fn body(event: &RiskEvent, meta: &Meta<'_>, version: OcsfVersion) -> Vec<u8> {
    to_json(&finding(event, meta, version))
}

fn finding(event: &RiskEvent, meta: &Meta<'_>, version: OcsfVersion) -> Json {
    let risk = &event.detection.risk;
    let (activity_id, activity_name) = activity(event.stage);
    let (severity_id, severity) = severity(risk.severity());
    let (risk_level_id, risk_level) = risk_level(risk.severity());
    object([
        ("activity_id", activity_id.into()),
        ("activity_name", activity_name.into()),
        ("category_uid", CATEGORY_UID.into()),
        ("category_name", "Findings".into()),
        ("class_uid", CLASS_UID.into()),
        ("class_name", "Detection Finding".into()),
        ("type_uid", (CLASS_UID * 100 + activity_id).into()),
        ("type_name", format!("Detection Finding: {activity_name}").into()),
        ("severity_id", severity_id.into()),
        ("severity", severity.into()),
        ("time", event.last_event.0.into()),
        ("start_time", event.first_event.0.into()),
        ("end_time", event.last_event.0.into()),
        ("count", event.event_count.into()),
        ("message", event.risk_message.as_str().into()),
        ("metadata", metadata(event, meta, version)),
        ("cloud", evidence::cloud(&event.row)),
        ("finding_info", finding_info::finding_info(event, version)),
        ("is_alert", since_1_5(version, || true.into())),
        ("risk_score", whole(risk.score)),
        ("risk_level_id", risk_level_id.into()),
        ("risk_level", risk_level.into()),
        ("impact_score", risk.impact.into()),
        ("confidence_score", risk.confidence.into()),
        ("observables", observable::observables(event, version)),
        ("evidences", evidence::evidences(&event.row)),
        ("unmapped", unmapped(event)),
    ])
}

/// The early stage makes the finding that the final one completes.
fn activity(stage: Stage) -> (u32, &'static str) {
    match stage {
        Stage::Early => (1, "Create"),
        Stage::Final => (2, "Update"),
    }
}

fn severity(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Informational => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
        Severity::Critical => (5, "Critical"),
    }
}

fn risk_level(severity: Severity) -> (u32, &'static str) {
    match severity {
        Severity::Informational => (0, "Info"),
        Severity::Low => (1, "Low"),
        Severity::Medium => (2, "Medium"),
        Severity::High => (3, "High"),
        Severity::Critical => (4, "Critical"),
    }
}

/// The delivery key is the event's, so that a repeat is recognised; what the stages of a finding share is its id.
fn metadata(event: &RiskEvent, meta: &Meta<'_>, version: OcsfVersion) -> Json {
    let product_version = meta.producer.rsplit('/').next().unwrap_or_default();
    json!({
        "version": version.as_str(),
        "uid": event.delivery_key().to_string(),
        "correlation_uid": event.id.to_string(),
        "profiles": ["cloud"],
        "product": {"name": "trailrisk", "vendor_name": "trailrisk", "version": product_version},
        "logged_time": meta.emitted_at.as_millisecond(),
    })
}

/// What has no place of its own in the schema.
fn unmapped(event: &RiskEvent) -> Json {
    let risk = &event.detection.risk;
    let mark = |is_set: bool| if is_set { Json::Bool(true) } else { Json::Null };
    let bucket = match event.pane {
        Pane::Late(bucket) | Pane::Future(bucket) => Some(bucket.to_string()),
        Pane::OnTime | Pane::Forced(_) => None,
    };
    object([
        ("stage", event.stage.as_str().into()),
        ("pane", event.pane.to_string().into()),
        ("pane_bucket", bucket.into()),
        ("supplements", event.supplements.map(|id| id.to_string()).into()),
        ("window", json!({"start": Text(event.window_start), "end": Text(event.window_end)})),
        ("group", json!(Columns(&event.group))),
        ("row", json!(Columns(&event.row))),
        ("nist", json!(risk.nist)),
        ("cis20", json!(risk.cis20)),
        ("analytic_story", json!(risk.analytic_story)),
        ("evidence_truncated", mark(event.evidence_truncated)),
        ("partial", mark(event.marks.partial)),
        ("truncated", mark(event.marks.truncated)),
        ("count_is_upper_bound", mark(event.marks.count_is_upper_bound)),
        ("values_truncated", mark(event.marks.values_truncated)),
        ("rows_cut", mark(event.marks.rows_cut)),
    ])
}

/// An object of the members that there are: null and the empty list stand for nothing to say.
fn object(members: impl IntoIterator<Item = (&'static str, Json)>) -> Json {
    let says_something = |value: &Json| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let members = members.into_iter().filter(|(_, value)| says_something(value));
    Json::Object(members.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn since_1_5(version: OcsfVersion, value: impl FnOnce() -> Json) -> Json {
    if version >= OcsfVersion::V1_5_0 { value() } else { Json::Null }
}

/// Scores are integers in the schema.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a score is 0 to 100")]
fn whole(score: f64) -> Json {
    (score.round() as u32).into()
}

#[cfg(test)]
mod tests;
