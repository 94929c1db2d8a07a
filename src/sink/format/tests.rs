use std::path::Path;

use serde_json::Value as Json;

use super::*;
use crate::config::{Secret, TemplateConfig};
use crate::plan::{Scalar, Value};
use crate::sink::testing::{meta, seed_event};

/// What an attacker can write into a user agent; what was no UTF-8 came in as U+FFFD.
const HOSTILE: &str = "\"},{\"a\":1}\r\n\\ <!channel> {{ id }} \u{1b}]0;x\u{7}\u{9b}31m\u{2028}\u{202e}\u{fffd}";

/// Every format that a configuration can name.
fn formats() -> Vec<BodyFormat> {
    let templates = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/templates");
    let template = |name: &str| {
        let values = vec![("routing_key".to_owned(), Secret("key".to_owned()))];
        FormatConfig::Template(TemplateConfig { path: templates.join(name), values })
    };
    let own = ["slack.json.j2", "pagerduty.json.j2", "teams.json.j2"].map(template);
    let others = [
        FormatConfig::Native,
        FormatConfig::CloudEvents(CloudEventsConfig::default()),
        FormatConfig::CloudEventsBinary(CloudEventsConfig::default()),
        FormatConfig::SplunkEvent(SplunkEnvelope::default()),
        FormatConfig::SplunkRisk(SplunkEnvelope::default()),
    ];
    let findings = OcsfVersion::ALL.map(FormatConfig::Ocsf);
    own.iter().chain(&others).chain(&findings).map(|config| BodyFormat::of(config).unwrap()).collect()
}

/// In the message, an object, the group and the row, as value and as the name of a column.
fn with(text: &str) -> RiskEvent {
    let mut event = seed_event();
    event.risk_message = text.to_owned();
    event.risk_objects[0].value = Scalar::text(text);
    event.threat_objects[0].value = Scalar::text(text);
    event.group.push(("userAgent".into(), Value::text(text)));
    event.row.push((text.into(), Value::Many(vec![Scalar::text(text), Scalar::text("b")])));
    event
}

#[test]
fn hostile_values_stay_in_their_place_in_every_format_and_a_mebibyte_is_no_problem() {
    let mut large = seed_event();
    large.row.push(("userAgent".into(), Value::text(format!("{HOSTILE}{}", "x".repeat(1 << 20)))));
    for event in [with(HOSTILE), large] {
        let line = Bytes::from(native::line(&event, &meta()));
        for format in formats() {
            let body = format.body(&event, &meta(), &line).unwrap();
            let shown = std::str::from_utf8(&body.bytes).unwrap();
            assert!(!shown.contains(|c: char| c.is_control() || "\u{2028}\u{202e}".contains(c)), "{format:?}");
            let json: Json = serde_json::from_str(shown).unwrap();
            assert!(json.is_object() && json.get("a").is_none(), "{format:?}");
            for (_, value) in &body.headers {
                assert!(value.bytes().all(|byte| byte.is_ascii_graphic()) && value.len() <= 4096, "{value}");
            }
        }
    }
}
