use std::sync::Arc;

use super::*;
use crate::plan::{PlanText, Scalar, Value};
use crate::risk_event::{Marks, RiskEventId, RiskObject, ThreatObject};
use crate::sink::testing::{meta, seed_event};
use crate::time::Arrival;

fn finding_of(event: &RiskEvent, version: OcsfVersion) -> Json {
    serde_json::from_slice(&body(event, &meta(), version)).unwrap()
}

fn latest(event: &RiskEvent) -> Json {
    finding_of(event, OcsfVersion::V1_8_0)
}

fn with_row(columns: &[(&str, Value)]) -> RiskEvent {
    let row = columns.iter().map(|(name, value)| (Arc::from(*name), value.clone())).collect();
    RiskEvent { row, ..seed_event() }
}

fn many(texts: &[&str]) -> Value {
    Value::from_scalars(texts.iter().map(|text| Scalar::text(*text)).collect())
}

#[test]
fn the_seed_is_a_detection_finding() {
    let mut finding = latest(&seed_event());
    let unmapped = finding.as_object_mut().unwrap().remove("unmapped").unwrap();
    assert_eq!(
        finding,
        json!({
            "activity_id": 2, "activity_name": "Update", "category_uid": 2, "category_name": "Findings",
            "class_uid": 2004, "class_name": "Detection Finding", "type_uid": 200_402,
            "type_name": "Detection Finding: Update", "severity_id": 4, "severity": "High",
            "time": 1_682_380_277_000_i64, "start_time": 1_682_380_277_000_i64, "end_time": 1_682_380_277_000_i64,
            "count": 1, "is_alert": true, "risk_score": 64, "risk_level_id": 3, "risk_level": "High",
            "impact_score": 80, "confidence_score": 80,
            "message": "AWS Batch Job is created on account id - 111111111111 from src_ip s3.amazonaws.com",
            "metadata": {
                "version": "1.8.0", "uid": "0123456789abcdef0123456789abcdef-final",
                "correlation_uid": "0123456789abcdef0123456789abcdef", "profiles": ["cloud"],
                "product": {"name": "trailrisk", "vendor_name": "trailrisk", "version": "0.1.0"},
                "logged_time": 1_682_380_278_500_i64,
            },
            "cloud": {"provider": "AWS", "account": {"uid": "111111111111", "type_id": 10, "type": "AWS Account"}},
            "finding_info": {
                "uid": "0123456789abcdef0123456789abcdef", "title": "AWS Exfiltration via Batch Service", "types": ["TTP"],
                "analytic": {
                    "type_id": 1, "type": "Rule", "uid": "04455dd3-ced7-480f-b8e6-5469b99e98e2",
                    "name": "AWS Exfiltration via Batch Service", "version": "1",
                },
                "attacks": [{"technique": {"uid": "T1119"}, "tactic": {"uid": "TA0009", "name": "Collection"}}],
                "kill_chain": [{"phase_id": 4, "phase": "Exploitation"}], "data_sources": ["AWS CloudTrail"],
                "first_seen_time": 1_682_380_277_000_i64, "last_seen_time": 1_682_380_277_000_i64,
                "related_events": [{
                    "uid": "894153ad-ed86-4719-bb66-6c52ef7dc767", "type": "AWS CloudTrail event",
                    "first_seen_time": 1_682_380_277_000_i64,
                }],
                "related_events_count": 1,
            },
            "observables": [
                {"name": "unmapped.row.aws_account_id", "type_id": 35, "type": "Account Object: uid", "value": "111111111111"},
                {"name": "unmapped.row.src_ip", "type_id": 1, "type": "Hostname", "value": "s3.amazonaws.com"},
            ],
            "evidences": [{"api": {"operation": "JobCreated"}, "src_endpoint": {"svc_name": "s3.amazonaws.com"}}],
        })
    );
    assert_eq!(unmapped["row"]["status"], "New");
    assert_eq!((&unmapped["cis20"][0], &unmapped["nist"][0]), (&json!("CIS 10"), &json!("DE.CM")));
}

#[test]
fn an_early_stage_creates_the_finding_that_the_final_one_updates() {
    let early = latest(&RiskEvent { stage: Stage::Early, ..seed_event() });
    assert_eq!((&early["activity_id"], &early["type_uid"]), (&json!(1), &json!(200_401)));
    let last = latest(&seed_event());
    assert_eq!(early["finding_info"]["uid"], last["finding_info"]["uid"]);
    assert_ne!(early["metadata"]["uid"], last["metadata"]["uid"]);
}

#[test]
fn severities_and_risk_levels_have_the_schemas_numbers() {
    let expected = [(10.0, 1, 0), (30.0, 2, 1), (50.0, 3, 2), (64.0, 4, 3), (100.0, 5, 4)];
    for (score, severity_id, risk_level_id) in expected {
        let mut plan = PlanText::clone(&seed_event().detection);
        plan.risk.score = score;
        let finding = latest(&RiskEvent { detection: plan.into(), ..seed_event() });
        assert_eq!((&finding["severity_id"], &finding["risk_level_id"]), (&json!(severity_id), &json!(risk_level_id)));
    }
}

#[test]
fn an_older_version_has_only_what_it_knows() {
    let finding = finding_of(&seed_event(), OcsfVersion::V1_1_0);
    assert_eq!(finding["metadata"]["version"], "1.1.0");
    assert!(finding.get("is_alert").is_none() && finding["finding_info"].get("related_events_count").is_none());
    assert_eq!(finding["observables"][0]["type_id"], 99, "an account id has no type yet");
    assert_eq!(finding["observables"][0]["type"], "other");
    assert_eq!(finding_of(&seed_event(), OcsfVersion::V1_5_0)["is_alert"], true);
}

#[test]
fn what_is_one_of_a_kind_is_one_evidence() {
    let event = with_row(&[
        ("signature", Value::text("ConsoleLogin")),
        ("eventSource", Value::text("signin.amazonaws.com")),
        ("errorCode", Value::text("AccessDenied")),
        ("src", Value::text("2001:DB8::1")),
        ("user", Value::text("eve")),
        ("user_arn", Value::text("arn:aws:iam::111111111111:user/eve")),
        ("vendor_region", Value::text("us-west-2")),
        ("vendor_account", Value::text("not an account")),
    ]);
    let finding = latest(&event);
    let api = json!({
        "operation": "ConsoleLogin", "service": {"name": "signin.amazonaws.com"}, "response": {"error": "AccessDenied"},
    });
    let actor = json!({"user": {"name": "eve", "uid": "arn:aws:iam::111111111111:user/eve"}});
    assert_eq!(finding["evidences"], json!([{"api": api, "src_endpoint": {"ip": "2001:db8::1"}, "actor": actor}]));
    assert_eq!(finding["cloud"], json!({"provider": "AWS", "region": "us-west-2"}));
}

#[test]
fn of_what_there_are_several_each_is_an_evidence() {
    let event = with_row(&[
        ("src", Value::text("AWS Internal")),
        ("user", many(&["eve", "mallory"])),
        ("eventName", many(&["A", "B"])),
    ]);
    let source = json!({"name": "AWS Internal"});
    assert_eq!(
        latest(&event)["evidences"],
        json!([
            {"src_endpoint": source, "api": {"operation": "A"}},
            {"src_endpoint": source, "api": {"operation": "B"}},
            {"src_endpoint": source, "actor": {"user": {"name": "eve"}}},
            {"src_endpoint": source, "actor": {"user": {"name": "mallory"}}},
        ])
    );
    assert!(latest(&with_row(&[("count", Value::number(3.0))])).get("evidences").is_none());
}

#[test]
fn observables_are_typed_by_word_and_value_and_named_once() {
    let object = |field: &str, kind: &str, value: &str| ThreatObject {
        field: field.into(),
        kind: kind.into(),
        value: Scalar::text(value),
    };
    let threat_objects = vec![
        object("src", "ip_address", "198.51.100.1"),
        object("src", "ip_address", "AWS Internal"),
        object("agent", "http_user_agent", "curl"),
        object("user", "user", "eve"),
        object("x", "tls_hash", "abc"),
    ];
    let risk = RiskObject { field: "user".into(), kind: "user".into(), value: Scalar::text("eve"), score: 1.0 };
    let finding = latest(&RiskEvent { risk_objects: vec![risk], threat_objects, ..seed_event() });
    let types: Vec<_> = finding["observables"].as_array().unwrap().iter().map(|o| o["type_id"].clone()).collect();
    assert_eq!(types, [4, 2, 99, 16, 99], "the user is there once, first");
}

#[test]
fn sub_techniques_and_phases_are_told_apart() {
    let mut plan = PlanText::clone(&seed_event().detection);
    plan.risk.mitre_attack = vec!["T1078.004".to_owned()];
    plan.risk.kill_chain_phases = vec!["Command and Control".to_owned(), "Lunch".to_owned()];
    let info = latest(&RiskEvent { detection: plan.into(), ..seed_event() })["finding_info"].clone();
    assert_eq!(info["attacks"], json!([{"technique": {"uid": "T1078"}, "sub_technique": {"uid": "T1078.004"}}]));
    let ids: Vec<_> = info["kill_chain"].as_array().unwrap().iter().map(|phase| phase["phase_id"].clone()).collect();
    assert_eq!(ids, [6, 99]);
}

#[test]
fn wn_3_what_the_schema_has_no_place_for_is_not_lost() {
    let event = RiskEvent {
        pane: Pane::Late(Arrival(1_682_380_800_000)),
        supplements: Some(RiskEventId(255)),
        marks: Marks { partial: true, ..Marks::default() },
        ..seed_event()
    };
    let unmapped = latest(&event)["unmapped"].clone();
    assert_eq!((&unmapped["pane"], &unmapped["pane_bucket"]), (&json!("late"), &json!("2023-04-25T00:00:00Z")));
    assert_eq!((&unmapped["supplements"], &unmapped["partial"]), (&json!(format!("{:032x}", 255)), &json!(true)));
    assert!(unmapped.get("truncated").is_none());
}
