//! The risk index: one event a risk object, under the names that Splunk's own searches, dashboards and data model use.
//!
//! In the JSON of an event Splunk calls an array `name{}`. Multivalue fields therefore stand in `fields`, which keeps
//! their names.

use serde_json::{Map, Value as Json, json};

use super::{seconds, without_nulls};
use crate::config::SplunkEnvelope;
use crate::risk_event::{RiskEvent, RiskObject};
use crate::sink::format::native::Meta;
use crate::sink::format::value::{ScalarBody, ValueBody};

/// One object of the collector for each risk object.
pub(in crate::sink::format) fn risk(event: &RiskEvent, meta: &Meta<'_>, envelope: &SplunkEnvelope) -> Vec<Json> {
    let common = common(event, meta);
    event.risk_objects.iter().map(|object| enveloped(event, envelope, with_object(common.clone(), object))).collect()
}

/// Columns of the row first: what Splunk names wins over a column of the same name.
fn common(event: &RiskEvent, meta: &Meta<'_>) -> Map<String, Json> {
    let (plan, risk) = (&event.detection, &event.detection.risk);
    let mut fields: Map<String, Json> =
        event.row.iter().map(|(name, value)| (name.to_string(), json!(ValueBody(value)))).collect();
    let threats = || event.threat_objects.iter();
    let annotations = json!({
        "mitre_attack": risk.mitre_attack,
        "kill_chain_phases": risk.kill_chain_phases,
        "nist": risk.nist,
        "cis20": risk.cis20,
        "analytic_story": risk.analytic_story,
    });
    let named = [
        ("search_name", search_name(event).into()),
        ("savedsearch_description", plan.name.as_str().into()),
        ("risk_message", event.risk_message.as_str().into()),
        ("threat_object", threats().map(|threat| json!(ScalarBody(&threat.value))).collect()),
        ("threat_object_type", threats().map(|threat| json!(threat.kind)).collect()),
        ("analyticstories", json!(risk.analytic_story)),
        ("annotations", annotations.to_string().into()),
        ("annotations.mitre_attack", json!(risk.mitre_attack)),
        ("annotations.kill_chain_phases", json!(risk.kill_chain_phases)),
        ("annotations.nist", json!(risk.nist)),
        ("annotations.cis20", json!(risk.cis20)),
        ("info_min_time", seconds(event.window_start).into()),
        ("info_max_time", seconds(event.window_end).into()),
        ("info_search_time", (meta.emitted_at.as_millisecond() as f64 / 1000.0).into()),
        ("orig_time", seconds(event.last_event).into()),
        ("source_event_id", event.id.to_string().into()),
    ];
    fields.extend(named.map(|(name, value)| (name.to_owned(), value)));
    fields
}

fn with_object(mut fields: Map<String, Json>, object: &RiskObject) -> Map<String, Json> {
    let named = [
        ("risk_object", json!(ScalarBody(&object.value))),
        ("risk_object_type", json!(object.kind)),
        ("risk_score", object.score.into()),
    ];
    fields.extend(named.map(|(name, value)| (name.to_owned(), value)));
    fields
}

fn enveloped(event: &RiskEvent, envelope: &SplunkEnvelope, fields: Map<String, Json>) -> Json {
    let (mut single, mut multivalue) = (Map::new(), Map::new());
    for (name, value) in fields {
        match value {
            Json::Null => {}
            Json::Array(values) if values.is_empty() => {}
            Json::Array(mut values) if values.len() == 1 => {
                single.extend(values.pop().map(|value| (name, value)));
            }
            // Indexed fields are texts.
            Json::Array(values) => {
                multivalue.insert(name, values.into_iter().map(text).collect());
            }
            value => {
                single.insert(name, value);
            }
        }
    }
    let source = envelope.source.clone().unwrap_or_else(|| search_name(event));
    without_nulls(json!({
        "time": seconds(event.last_event),
        "host": envelope.host,
        "source": source,
        "sourcetype": envelope.sourcetype,
        "index": envelope.index.as_deref().unwrap_or("risk"),
        "event": single,
        "fields": if multivalue.is_empty() { Json::Null } else { multivalue.into() },
    }))
}

fn text(value: Json) -> Json {
    if value.is_string() { value } else { value.to_string().into() }
}

/// As Splunk names the saved search of an ESCU detection.
fn search_name(event: &RiskEvent) -> String {
    format!("ESCU - {} - Rule", event.detection.name)
}
