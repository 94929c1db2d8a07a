//! Splunk's HTTP Event Collector: the native risk event in an envelope, or one event of the risk index a risk object.
//!
//! Several objects of one risk event are several lines: the collector takes concatenated objects.

mod risk;

use serde_json::{Value as Json, json};

use super::Body;
use super::native::Meta;
use super::to_json;
use crate::config::SplunkEnvelope;
use crate::risk_event::RiskEvent;
use crate::time::EventTime;

pub(super) use risk::risk;

/// The native risk event; its key and what searches begin with are indexed fields.
pub(super) fn event(event: &RiskEvent, envelope: &SplunkEnvelope, native: &Body) -> Vec<u8> {
    let head = json!({
        "time": seconds(event.last_event),
        "host": envelope.host,
        "source": envelope.source.as_deref().unwrap_or("trailrisk"),
        "sourcetype": envelope.sourcetype.as_deref().unwrap_or("trailrisk:risk_event"),
        "index": envelope.index,
        "fields": {
            "delivery_key": event.delivery_key().to_string(),
            "stage": event.stage.as_str(),
            "severity": event.detection.risk.severity().as_str(),
        },
    });
    let mut bytes = to_json(&without_nulls(head));
    let closing = bytes.pop();
    debug_assert_eq!(closing, Some(b'}'), "the envelope is an object");
    bytes.extend_from_slice(b",\"event\":");
    bytes.extend_from_slice(&native.bytes);
    bytes.push(b'}');
    bytes
}

/// Every risk object has the whole row: of objects and values, whose number and length an attacker may choose, a body is
/// the product. More than this no collector takes, and the memory for it has no other bound (BD-1).
const MAX_RISK_BYTES: usize = 64 * 1024 * 1024;

/// Whether the events of the risk index stay within 64 MiB; one of them takes hardly more than the native line.
///
/// # Errors
/// Says that they do not.
pub(super) fn check_risk_bytes(event: &RiskEvent, native_bytes: usize) -> Result<(), String> {
    let objects = event.risk_objects.len();
    if objects.saturating_mul(native_bytes) <= MAX_RISK_BYTES {
        return Ok(());
    }
    Err(format!("the row, once for each of {objects} risk objects, takes more than 64 MiB"))
}

/// The body of risk index events, which may be empty: without a risk object there is no score to add.
pub(super) fn risk_lines(event: &RiskEvent, meta: &Meta<'_>, envelope: &SplunkEnvelope) -> Vec<u8> {
    let lines: Vec<Vec<u8>> = risk(event, meta, envelope).iter().map(to_json).collect();
    lines.join(&b'\n')
}

/// Seconds since the epoch, to the millisecond.
fn seconds(time: EventTime) -> f64 {
    time.as_seconds()
}

/// The collector takes a null for a value.
fn without_nulls(mut object: Json) -> Json {
    if let Json::Object(members) = &mut object {
        members.retain(|_, value| !value.is_null());
    }
    object
}

#[cfg(test)]
mod tests;
