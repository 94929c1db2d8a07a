//! The native format: one JSON object, field order fixed, `meta` last.
//!
//! `schema` names it: `trailrisk.risk_event/v1`. The bytes outside `meta` are the compared bytes (EM-4): a pure
//! function of the risk event.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::escape;
use super::json::Json;
use crate::plan::{PlanText, RiskModel, Scalar};
use crate::risk_event::{Marks, Pane, RiskEvent};

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
    /// The logical name of its source, where several have one.
    pub source: Option<&'a str>,
}

/// How every line begins.
const HEAD: &str = r#"{"schema":"trailrisk.risk_event/v1","#;

/// What most risk events take.
const USUAL_BYTES: usize = 2048;

/// The risk event without `meta`: a complete JSON object, byte-identical whenever a final is emitted again (EM-4).
pub fn compared(event: &RiskEvent) -> Vec<u8> {
    let mut json = Json(Vec::with_capacity(USUAL_BYTES));
    write_compared(&mut json, event, &PlanJson::of(&event.detection));
    json.raw("}");
    json.0
}

/// The risk event with `meta`, as one line with its newline. Who writes many has [`Lines`].
pub fn line(event: &RiskEvent, meta: &Meta<'_>) -> Vec<u8> {
    Lines::default().line(event, meta).to_vec()
}

/// Whether these bytes are a line as [`line`] writes it, but for its newline: a risk event in JSON, in which nothing acts on
/// a terminal. Of what comes back from a file that is not certain.
pub fn is_line(bytes: &[u8]) -> bool {
    let is_event = |text: &str| text.starts_with(HEAD) && serde_json::from_str::<IgnoredAny>(text).is_ok();
    std::str::from_utf8(bytes).is_ok_and(|text| is_event(text) && !escape::acts(text))
}

/// Writes lines one after the other; a third of each is its detection, which was written for the one before.
#[derive(Default)]
pub struct Lines {
    last: Option<PlanJson>,
    /// Its memory is used again.
    line: Vec<u8>,
}

/// What is the same in every risk event of a detection, as it is written.
struct PlanJson {
    plan: Arc<PlanText>,
    detection: Vec<u8>,
    annotations: Vec<u8>,
}

impl Lines {
    /// As [`line`].
    pub fn line(&mut self, event: &RiskEvent, meta: &Meta<'_>) -> &[u8] {
        let mut json = Json(std::mem::take(&mut self.line));
        json.0.clear();
        let last = self.last.take().filter(|last| Arc::ptr_eq(&last.plan, &event.detection));
        let plan = self.last.insert(last.unwrap_or_else(|| PlanJson::of(&event.detection)));
        write_compared(&mut json, event, plan);
        write_meta(&mut json, event, meta);
        json.raw("}\n");
        #[cfg(test)]
        super::schema::check_risk_event(&json.0);
        self.line = json.0;
        &self.line
    }
}

impl PlanJson {
    fn of(plan: &Arc<PlanText>) -> Self {
        let written = |write: &dyn Fn(&mut Json)| {
            let mut json = Json(Vec::new());
            write(&mut json);
            json.0
        };
        Self {
            plan: Arc::clone(plan),
            detection: written(&|json| write_detection(json, plan)),
            annotations: written(&|json| write_annotations(json, &plan.risk)),
        }
    }
}

/// The object but for its closing brace.
fn write_compared(json: &mut Json, event: &RiskEvent, plan: &PlanJson) {
    json.raw(HEAD);
    json.raw(r#""id":"#);
    json.hexadecimal(event.id.0);
    json.raw(r#","stage":"#);
    json.text(event.stage.as_str());
    json.raw(r#","pane":"#);
    json.shown(event.pane);
    if let Pane::Late(bucket) | Pane::Future(bucket) = event.pane {
        json.raw(r#","pane_bucket":"#);
        json.shown(bucket);
    }
    if let Some(supplemented) = event.supplements {
        json.raw(r#","supplements":"#);
        json.hexadecimal(supplemented.0);
    }
    json.0.extend_from_slice(&plan.detection);
    write_risk(json, event);
    json.0.extend_from_slice(&plan.annotations);
    json.raw(r#","group":"#);
    json.columns(&event.group);
    json.raw(r#","row":"#);
    json.columns(&event.row);
    write_events(json, event);
    write_marks(json, event.marks);
}

fn write_detection(json: &mut Json, plan: &PlanText) {
    json.raw(r#","detection":{"id":"#);
    json.text(&plan.id);
    json.raw(r#","name":"#);
    json.text(&plan.name);
    json.raw(r#","version":"#);
    json.integer(plan.version.into());
    json.raw(r#","type":"#);
    json.text(&plan.kind);
    json.raw(r#"},"severity":"#);
    json.text(plan.risk.severity().as_str());
    json.raw(r#","risk_score":"#);
    json.float(plan.risk.score);
    for (name, value) in [(r#","impact":"#, plan.risk.impact), (r#","confidence":"#, plan.risk.confidence)] {
        json.raw(name);
        match value {
            Some(value) => json.integer(value.into()),
            None => json.raw("null"),
        }
    }
}

fn write_risk(json: &mut Json, event: &RiskEvent) {
    json.raw(r#","risk_message":"#);
    json.text(&event.risk_message);
    json.raw(r#","risk_objects":"#);
    json.list(&event.risk_objects, |json, object| {
        write_object(json, &object.field, &object.kind, &object.value);
        json.raw(r#","score":"#);
        json.float(object.score);
        json.raw("}");
    });
    json.raw(r#","threat_objects":"#);
    json.list(&event.threat_objects, |json, object| {
        write_object(json, &object.field, &object.kind, &object.value);
        json.raw("}");
    });
}

/// But for its closing brace.
fn write_object(json: &mut Json, field: &str, kind: &str, value: &Scalar) {
    json.raw(r#"{"field":"#);
    json.text(field);
    json.raw(r#","type":"#);
    json.text(kind);
    json.raw(r#","value":"#);
    json.scalar(value);
}

fn write_annotations(json: &mut Json, risk: &RiskModel) {
    let lists = [
        (r#","annotations":{"mitre_attack":"#, &risk.mitre_attack),
        (r#","kill_chain_phases":"#, &risk.kill_chain_phases),
        (r#","nist":"#, &risk.nist),
        (r#","cis20":"#, &risk.cis20),
        (r#","analytic_story":"#, &risk.analytic_story),
    ];
    for (name, list) in lists {
        json.raw(name);
        json.list(list, |json, text| json.text(text));
    }
    json.raw("}");
}

fn write_events(json: &mut Json, event: &RiskEvent) {
    json.raw(r#","window":{"start":"#);
    json.instant(event.window_start);
    json.raw(r#","end":"#);
    json.instant(event.window_end);
    json.raw(r#"},"event_count":"#);
    json.integer(event.event_count);
    json.raw(r#","first_event":"#);
    json.instant(event.first_event);
    json.raw(r#","last_event":"#);
    json.instant(event.last_event);
    json.raw(r#","evidence":"#);
    json.list(&event.evidence, |json, evidence| {
        json.raw(r#"{"event_id":"#);
        json.text(&evidence.event_id);
        json.raw(r#","event_time":"#);
        json.instant(evidence.time);
        json.raw("}");
    });
    json.raw(r#","evidence_truncated":"#);
    json.boolean(event.evidence_truncated);
}

/// Only those that are true.
fn write_marks(json: &mut Json, marks: Marks) {
    let marks = [
        (marks.partial, r#","partial":true"#),
        (marks.truncated, r#","truncated":true"#),
        (marks.count_is_upper_bound, r#","count_is_upper_bound":true"#),
        (marks.values_truncated, r#","values_truncated":true"#),
        (marks.rows_cut, r#","rows_cut":true"#),
    ];
    marks.iter().filter(|(is_set, _)| *is_set).for_each(|(_, mark)| json.raw(mark));
}

fn write_meta(json: &mut Json, event: &RiskEvent, meta: &Meta<'_>) {
    json.raw(r#","meta":{"emitted_at":"#);
    json.milliseconds(meta.emitted_at);
    for (name, value) in
        [(r#","producer":"#, meta.producer), (r#","worker":"#, meta.worker), (r#","stream":"#, meta.stream)]
    {
        json.raw(name);
        json.text(value);
    }
    if let Some(source) = meta.source {
        json.raw(r#","source":"#);
        json.text(source);
    }
    json.raw(r#","source_positions":"#);
    json.list(&event.positions, |json, (shard, number)| {
        json.raw(r#"{"shard":"#);
        json.text(shard.as_str());
        json.raw(r#","sequence_number":"#);
        json.text(number.as_str());
        json.raw("}");
    });
    json.raw("}");
}

#[cfg(test)]
mod tests;
