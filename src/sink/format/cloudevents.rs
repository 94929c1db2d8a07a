//! CloudEvents 1.0: the attributes of a risk event, in JSON beside the data or in headers beside it (HTTP binding).

use std::fmt::Write as _;

use serde::Serialize;
use tokio_util::bytes::Bytes;

use super::native::Meta;
use super::{Body, to_json};
use crate::config::CloudEventsConfig;
use crate::risk_event::RiskEvent;

const TYPE: &str = "io.github.trailrisk.risk_event.v1";
/// The `$id` of `docs/risk_event.schema.json`.
const DATA_SCHEMA: &str = "urn:trailrisk:risk_event:v1";
const JSON: &str = "application/json";

/// Characters of a subject: it is for filters, the whole value is in the data. A header must not grow with a user agent.
const SUBJECT_CHARS: usize = 256;

/// The context attributes; `stage` and `severity` are extensions, for filters.
#[derive(Serialize)]
struct Attributes<'a> {
    specversion: &'static str,
    id: String,
    source: String,
    r#type: &'static str,
    datacontenttype: &'static str,
    dataschema: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: String,
    stage: &'a str,
    severity: &'a str,
}

/// Attributes and data in one JSON object.
pub(super) fn structured(event: &RiskEvent, meta: &Meta<'_>, config: &CloudEventsConfig, native: &Body) -> Body {
    let mut bytes = to_json(&Attributes::of(event, meta, config));
    let closing = bytes.pop();
    debug_assert_eq!(closing, Some(b'}'), "the attributes are an object");
    bytes.extend_from_slice(b",\"data\":");
    bytes.extend_from_slice(&native.bytes);
    bytes.push(b'}');
    Body { bytes: Bytes::from(bytes), content_type: "application/cloudevents+json", headers: Vec::new() }
}

/// The data alone, its attributes in headers.
pub(super) fn binary(event: &RiskEvent, meta: &Meta<'_>, config: &CloudEventsConfig, native: Body) -> Body {
    let attributes = Attributes::of(event, meta, config);
    let mut headers = vec![
        ("ce-specversion", attributes.specversion.to_owned()),
        ("ce-id", attributes.id),
        ("ce-source", attributes.source),
        ("ce-type", attributes.r#type.to_owned()),
        ("ce-dataschema", attributes.dataschema.to_owned()),
        ("ce-time", attributes.time),
        ("ce-stage", attributes.stage.to_owned()),
        ("ce-severity", attributes.severity.to_owned()),
    ];
    headers.extend(attributes.subject.map(|subject| ("ce-subject", subject)));
    Body { headers: headers.into_iter().map(|(name, value)| (name, header_value(&value))).collect(), ..native }
}

impl<'a> Attributes<'a> {
    fn of(event: &'a RiskEvent, meta: &Meta<'_>, config: &CloudEventsConfig) -> Self {
        Self {
            specversion: "1.0",
            id: event.delivery_key().to_string(),
            source: config.source.clone().unwrap_or_else(|| source(meta.stream)),
            r#type: TYPE,
            datacontenttype: JSON,
            dataschema: DATA_SCHEMA,
            subject: subject(event),
            time: event.last_event.to_string(),
            stage: event.stage.as_str(),
            severity: event.detection.risk.severity().as_str(),
        }
    }
}

/// A stream's name has no character that a URN could not hold; a replay has no stream.
fn source(stream: &str) -> String {
    format!("urn:trailrisk:{}", if stream.is_empty() { "replay" } else { stream })
}

/// The first risk object, without what a CloudEvents string must not hold: controls and noncharacters.
fn subject(event: &RiskEvent) -> Option<String> {
    let value = event.risk_objects.first()?.value.to_text();
    let is_noncharacter =
        |c: char| matches!(u32::from(c) & 0xffff, 0xfffe | 0xffff | 0xfdd0..=0xfdef if c >= '\u{fdd0}');
    let clean = |c: char| if c.is_control() || is_noncharacter(c) { char::REPLACEMENT_CHARACTER } else { c };
    Some(value.chars().take(SUBJECT_CHARS).map(clean).collect()).filter(|subject: &String| !subject.is_empty())
}

/// What the HTTP binding has percent-encoded: spaces, quotes, the percent sign, and all but visible ASCII.
fn header_value(text: &str) -> String {
    let mut value = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && !b"\"%".contains(&byte) {
            value.push(char::from(byte));
        } else {
            write!(value, "%{byte:02X}").expect("writing to memory cannot fail");
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::plan::Scalar;
    use crate::sink::format::native;
    use crate::sink::testing::{meta, seed_event};

    fn native_body(event: &RiskEvent) -> Body {
        Body::native(&Bytes::from(native::line(event, &meta())))
    }

    fn structured_json(event: &RiskEvent) -> Json {
        let body = structured(event, &meta(), &CloudEventsConfig::default(), &native_body(event));
        assert_eq!(body.content_type, "application/cloudevents+json");
        serde_json::from_slice(&body.bytes).unwrap()
    }

    fn about(subject: &str) -> RiskEvent {
        let mut event = seed_event();
        event.risk_objects[0].value = Scalar::text(subject);
        event
    }

    #[test]
    fn the_structured_form_has_the_attributes_and_the_native_data() {
        let mut event = structured_json(&seed_event());
        let data = event.as_object_mut().unwrap().remove("data").unwrap();
        assert_eq!(data, serde_json::from_slice::<Json>(&native_body(&seed_event()).bytes).unwrap());
        assert_eq!(
            event,
            json!({
                "specversion": "1.0", "id": "0123456789abcdef0123456789abcdef-final", "source": "urn:trailrisk:trail",
                "type": "io.github.trailrisk.risk_event.v1", "datacontenttype": "application/json",
                "dataschema": "urn:trailrisk:risk_event:v1", "subject": "111111111111",
                "time": "2023-04-24T23:51:17Z", "stage": "final", "severity": "high",
            })
        );
    }

    #[test]
    fn the_binary_form_has_the_same_attributes_in_headers() {
        let config = CloudEventsConfig { source: Some("https://soc.example.com/trailrisk".to_owned()) };
        let body = binary(&about("Grün \"50%\"\r\nx: y"), &meta(), &config, native_body(&seed_event()));
        assert_eq!((body.content_type, &body.bytes), ("application/json", &native_body(&seed_event()).bytes));
        let mut headers = body.headers;
        headers.sort();
        let expected = [
            ("ce-dataschema", "urn:trailrisk:risk_event:v1"),
            ("ce-id", "0123456789abcdef0123456789abcdef-final"),
            ("ce-severity", "high"),
            ("ce-source", "https://soc.example.com/trailrisk"),
            ("ce-specversion", "1.0"),
            ("ce-stage", "final"),
            ("ce-subject", "Gr%C3%BCn%20%2250%25%22%EF%BF%BD%EF%BF%BDx:%20y"),
            ("ce-time", "2023-04-24T23:51:17Z"),
            ("ce-type", "io.github.trailrisk.risk_event.v1"),
        ];
        assert_eq!(headers, expected.map(|(name, value)| (name, value.to_owned())));
    }

    #[test]
    fn a_hostile_subject_is_cut_and_cleaned() {
        let long = "\u{1b}[2J\u{fdd0}\u{1fffe}é".repeat(1000);
        let subject = structured_json(&about(&long))["subject"].as_str().unwrap().to_owned();
        assert_eq!(subject.chars().count(), SUBJECT_CHARS);
        assert!(subject.starts_with("\u{fffd}[2J\u{fffd}\u{fffd}é"), "{subject:?}");
        assert!(structured_json(&about("")).get("subject").is_none(), "an empty subject is none");
        let nobody = RiskEvent { risk_objects: Vec::new(), ..seed_event() };
        assert!(structured_json(&nobody).get("subject").is_none());
    }

    #[test]
    fn a_replay_has_a_source_of_its_own() {
        assert_eq!(source(""), "urn:trailrisk:replay");
    }
}
