use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::bytes::Bytes;

use super::*;
use crate::config::FormatConfig;
use crate::plan::{Scalar, Value};
use crate::risk_event::{RiskObject, ThreatObject};
use crate::sink::format::{BodyFormat, native};
use crate::sink::testing::{meta, seed_event};

/// The page of the outputs.
const SPLUNKS_NAMES: [&str; 19] = [
    "search_name",
    "risk_object",
    "risk_object_type",
    "risk_score",
    "risk_message",
    "threat_object",
    "threat_object_type",
    "analyticstories",
    "annotations",
    "annotations.mitre_attack",
    "annotations.kill_chain_phases",
    "annotations.nist",
    "annotations.cis20",
    "savedsearch_description",
    "info_min_time",
    "info_max_time",
    "info_search_time",
    "orig_time",
    "source_event_id",
];

fn two_objects() -> RiskEvent {
    let object = |value: &str, score| RiskObject {
        field: "user".into(),
        kind: "user".into(),
        value: Scalar::text(value),
        score,
    };
    let threat =
        |value: &str| ThreatObject { field: "src".into(), kind: "ip_address".into(), value: Scalar::text(value) };
    let mut event = seed_event();
    event.row.push(("values(x)".into(), Value::Many(vec![Scalar::text("a"), Scalar::Number(2.0)])));
    event.row.push(("risk_score".into(), Value::text("a column of the search")));
    event.row.push(("absent".into(), Value::Null));
    RiskEvent {
        risk_objects: vec![object("eve", 40.0), object("mallory", 24.5)],
        threat_objects: vec![threat("198.51.100.1"), threat("198.51.100.2")],
        ..event
    }
}

#[test]
fn a_risk_index_event_has_exactly_splunks_names_and_the_columns_of_the_row() {
    let events = risk(&seed_event(), &meta(), &SplunkEnvelope::default());
    let [event] = &*events else { panic!("one risk object") };
    let names: BTreeSet<&str> = event["event"].as_object().unwrap().keys().map(String::as_str).collect();
    let seed = seed_event();
    let columns = seed.row.iter().map(|(name, _)| &**name);
    assert_eq!(names, SPLUNKS_NAMES.into_iter().chain(columns).collect());
    assert_eq!(event["source"], "ESCU - AWS Exfiltration via Batch Service - Rule");
    assert_eq!((&event["index"], &event["time"]), (&json!("risk"), &json!(1_682_380_277.0)));
    let fields = &event["event"];
    assert_eq!((&fields["risk_object"], &fields["risk_object_type"]), (&json!("111111111111"), &json!("other")));
    assert_eq!((&fields["risk_score"], &fields["annotations.mitre_attack"]), (&json!(64.0), &json!("T1119")));
    assert_eq!((&fields["threat_object"], &fields["count"]), (&json!("s3.amazonaws.com"), &json!(1)));
    assert_eq!(
        (&fields["info_min_time"], &fields["info_max_time"]),
        (&json!(1_682_377_200.0), &json!(1_682_380_800.0))
    );
    assert_eq!((&fields["info_search_time"], &fields["orig_time"]), (&json!(1_682_380_278.5), &json!(1_682_380_277.0)));
    let annotations: Json = serde_json::from_str(fields["annotations"].as_str().unwrap()).unwrap();
    assert_eq!(annotations["analytic_story"], json!(["Data Exfiltration"]));
}

#[test]
fn every_risk_object_is_an_event_with_its_own_score_and_several_values_keep_their_name() {
    let events = risk(&two_objects(), &meta(), &SplunkEnvelope::default());
    let scores: Vec<_> = events.iter().map(|event| event["event"]["risk_score"].as_f64().unwrap()).collect();
    assert_eq!(scores, [40.0, 24.5], "of each object, and Splunk's name wins over the row's");
    for event in &events {
        assert_eq!(event["fields"]["threat_object"], json!(["198.51.100.1", "198.51.100.2"]));
        assert_eq!(event["fields"]["threat_object_type"], json!(["ip_address", "ip_address"]));
        assert_eq!(event["fields"]["values(x)"], json!(["a", "2"]));
        let single = event["event"].as_object().unwrap();
        assert!(single.values().all(|value| !value.is_array() && !value.is_null()), "{single:?}");
    }
    let lines = risk_lines(&two_objects(), &meta(), &SplunkEnvelope::default());
    assert_eq!(lines.split(|byte| *byte == b'\n').count(), 2);
}

#[test]
fn without_a_risk_object_there_is_nothing_to_add_up() {
    let event = RiskEvent { risk_objects: Vec::new(), ..seed_event() };
    assert!(risk_lines(&event, &meta(), &SplunkEnvelope::default()).is_empty());
}

#[test]
fn the_event_variant_wraps_the_native_risk_event() {
    let line = native::line(&seed_event(), &meta());
    let native = Body::native(&line.clone().into());
    let envelope = SplunkEnvelope {
        index: Some("aws".to_owned()),
        source: None,
        sourcetype: Some("st".to_owned()),
        host: Some("h".to_owned()),
    };
    let mut wrapped: Json = serde_json::from_slice(&event(&seed_event(), &envelope, &native)).unwrap();
    let inner = wrapped.as_object_mut().unwrap().remove("event").unwrap();
    assert_eq!(inner, serde_json::from_slice::<Json>(&line).unwrap());
    let key = "0123456789abcdef0123456789abcdef-final";
    assert_eq!(
        wrapped,
        json!({
            "time": 1_682_380_277.0, "host": "h", "source": "trailrisk", "sourcetype": "st", "index": "aws",
            "fields": {"delivery_key": key, "stage": "final", "severity": "high"},
        })
    );
    let plain: Json = serde_json::from_slice(&event(&seed_event(), &SplunkEnvelope::default(), &native)).unwrap();
    assert!(plain.get("index").is_none() && plain.get("host").is_none(), "Splunk's defaults apply");
}

#[test]
fn hostile_values_stay_on_their_line() {
    let hostile = "a\n{\"event\":1}\u{1b}[2J\u{2028}";
    let mut event = two_objects();
    event.row.push((Arc::from(hostile), Value::text(hostile)));
    event.risk_objects[0].value = Scalar::text(hostile);
    let lines = String::from_utf8(risk_lines(&event, &meta(), &SplunkEnvelope::default())).unwrap();
    assert_eq!(lines.lines().count(), 2);
    assert!(!lines.contains(['\u{1b}', '\u{2028}']));
    let first: Json = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!((&first["event"]["risk_object"], &first["event"][hostile]), (&json!(hostile), &json!(hostile)));
}

/// Every object has the whole row (BD-1): what is too large becomes a dead letter, which holds the row once.
#[test]
fn bd_1_many_objects_with_a_long_row_are_not_written() {
    let format = BodyFormat::of(&FormatConfig::SplunkRisk(SplunkEnvelope::default())).unwrap();
    let written = |objects: usize, value: usize| {
        let row = vec![("policy".into(), Value::text("x".repeat(value)))];
        let risk_objects = vec![seed_event().risk_objects[0].clone(); objects];
        let event = RiskEvent { row, risk_objects, ..seed_event() };
        format.body(&event, &meta(), &Bytes::from(native::line(&event, &meta()))).map(|body| body.bytes.len())
    };
    assert!(written(20, 1 << 20).is_ok_and(|bytes| bytes > 20 << 20));
    assert!(written(80, 1 << 20).is_err_and(|problem| problem.contains("80 risk objects")));
}
