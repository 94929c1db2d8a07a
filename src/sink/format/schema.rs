//! The published JSON Schemas against the code: whatever a test writes is checked on its way out.

use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value as Json;

const RISK_EVENT: &str = include_str!("../../../docs/risk_event.schema.json");
const DEAD_LETTER: &str = include_str!("../../../docs/dead_letter.schema.json");

/// Panics where a line is no risk event by `docs/risk_event.schema.json`.
pub(in crate::sink) fn check_risk_event(line: &[u8]) {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(RISK_EVENT));
    check(&VALIDATOR, line);
}

/// Panics where a line is no dead letter by `docs/dead_letter.schema.json`.
pub(in crate::sink) fn check_dead_letter(line: &[u8]) {
    static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| validator(DEAD_LETTER));
    check(&VALIDATOR, line);
}

fn validator(schema: &str) -> Validator {
    let schema: Json = serde_json::from_str(schema).expect("the schema is JSON");
    jsonschema::meta::validate(&schema).expect("the schema is one of its draft");
    jsonschema::validator_for(&schema).expect("the schema can be used")
}

fn check(validator: &Validator, line: &[u8]) {
    let json: Json = serde_json::from_slice(line).expect("a line is JSON");
    let problems = problems(validator, &json);
    assert!(problems.is_empty(), "not by the published schema: {problems:?} in {json}");
}

fn problems(validator: &Validator, json: &Json) -> Vec<String> {
    validator.iter_errors(json).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{PlanText, Scalar, Value};
    use crate::risk_event::{Marks, Pane, RiskEvent, RiskEventId, Stage};
    use crate::sink::format::native;
    use crate::sink::testing::{meta, seed_event};
    use crate::time::{Arrival, EventTime};

    /// One of every kind that semantics knows.
    fn representative() -> Vec<RiskEvent> {
        let bucket = Arrival(1_682_380_800_000);
        let supplements = Some(RiskEventId(255));
        let marked = |partial, truncated| Marks { partial, truncated, ..Marks::default() };
        let mut scoreless = PlanText::clone(&seed_event().detection);
        (scoreless.risk.impact, scoreless.risk.confidence, scoreless.risk.score) = (None, None, 12.5);
        let values = [
            Value::Null,
            Value::number(f64::INFINITY),
            Value::number(0.1),
            Value::Many(vec![Scalar::text("a"), Scalar::Number(2.0)]),
        ];
        let columns = values.into_iter().enumerate().map(|(index, value)| (format!("c{index}").into(), value));
        vec![
            seed_event(),
            RiskEvent { stage: Stage::Early, ..seed_event() },
            RiskEvent { pane: Pane::Late(bucket), supplements, ..seed_event() },
            RiskEvent { pane: Pane::Future(bucket), supplements, ..seed_event() },
            RiskEvent { pane: Pane::Forced(12), marks: marked(false, true), ..seed_event() },
            RiskEvent { marks: marked(true, false), ..seed_event() },
            RiskEvent {
                marks: Marks { count_is_upper_bound: true, values_truncated: true, rows_cut: true, ..Marks::default() },
                evidence_truncated: true,
                ..seed_event()
            },
            RiskEvent { detection: scoreless.into(), ..seed_event() },
            // Without `stats` there is no group; appended rows have columns of their own.
            RiskEvent { group: Vec::new(), row: columns.collect(), ..seed_event() },
            RiskEvent {
                risk_objects: Vec::new(),
                threat_objects: Vec::new(),
                evidence: Vec::new(),
                positions: Vec::new(),
                first_event: EventTime(-1),
                ..seed_event()
            },
        ]
    }

    #[test]
    fn em_4_every_kind_of_risk_event_is_one_by_the_published_schema() {
        for event in representative() {
            check_risk_event(&native::line(&event, &meta()));
        }
    }

    #[test]
    fn em_4_the_published_schema_refuses_what_is_no_risk_event() {
        let validator = validator(RISK_EVENT);
        let event: Json = serde_json::from_slice(&native::line(&seed_event(), &meta())).unwrap();
        let faults: [(&str, Json); 20] = [
            ("/schema", json!("trailrisk.risk_event/v2")),
            ("/id", json!("0123456789ABCDEF0123456789abcdef")),
            ("/stage", json!("update")),
            ("/pane", json!("late")),
            ("/pane", json!("forced-0")),
            ("/severity", json!("fatal")),
            ("/risk_score", json!(100.5)),
            ("/risk_score", json!("64")),
            ("/impact", json!(0.8)),
            ("/confidence", json!("80")),
            ("/detection/version", json!("1")),
            ("/risk_objects/0/score", json!(null)),
            ("/risk_objects/0/value", json!(["a", "b"])),
            ("/threat_objects", json!({})),
            ("/annotations/mitre_attack/0", json!(1119)),
            ("/row/count", json!({"a": 1})),
            ("/row/status", json!(["New"])),
            ("/window/end", json!("2023-04-25 00:00:00")),
            ("/event_count", json!(-1)),
            ("/meta/source_positions/0/sequence_number", json!(4957)),
        ];
        for (place, fault) in faults {
            let mut wrong = event.clone();
            *wrong.pointer_mut(place).expect("the place is in the event") = fault.clone();
            assert!(!problems(&validator, &wrong).is_empty(), "{place} = {fault} is let through");
        }
    }

    #[test]
    fn em_4_the_published_schema_is_closed_and_nothing_of_it_may_be_missing() {
        let validator = validator(RISK_EVENT);
        let event: Json = serde_json::from_slice(&native::line(&seed_event(), &meta())).unwrap();
        for place in ["", "/detection", "/risk_objects/0", "/annotations", "/window", "/evidence/0", "/meta"] {
            let members = event.pointer(place).and_then(Json::as_object).expect("an object");
            for member in members.keys() {
                let mut wrong = event.clone();
                wrong.pointer_mut(place).and_then(Json::as_object_mut).expect("an object").remove(member);
                assert!(!problems(&validator, &wrong).is_empty(), "{place}/{member} may be missing");
            }
            let mut wrong = event.clone();
            wrong.pointer_mut(place).expect("an object")["surprise"] = json!(1);
            assert!(!problems(&validator, &wrong).is_empty(), "{place} takes a surprise");
        }
        let unmarked = json!({"partial": false});
        let mut wrong = event;
        wrong["partial"] = unmarked["partial"].clone();
        assert!(!problems(&validator, &wrong).is_empty(), "a mark is written only where it is true");
    }

    #[test]
    fn po_1_the_published_schema_tells_the_two_origins_of_a_dead_letter_apart() {
        let validator = validator(DEAD_LETTER);
        let both = json!({"schema": "trailrisk.dead_letter/v1", "detail": "d", "data": "eyJhIjoxfQ=="});
        let with = |more: Json| {
            let mut letter = both.clone();
            letter.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            problems(&validator, &letter)
        };
        let key = "0123456789abcdef0123456789abcdef-final";
        let record =
            json!({"origin": "record", "reason": "not_json", "shard": "s", "sequence_number": "1", "arrival": "a"});
        assert_eq!(with(record.clone()), [""; 0]);
        assert_eq!(with(json!({"origin": "sink", "reason": "refused", "sink": "soc", "delivery_key": key})), [""; 0]);
        for wrong in [
            json!({"origin": "sink", "reason": "not_json", "sink": "soc", "delivery_key": key}),
            json!({"origin": "sink", "reason": "refused", "sink": "soc", "delivery_key": "x"}),
            json!({"origin": "sink", "reason": "refused", "sink": "soc", "delivery_key": key, "shard": "s"}),
            json!({"origin": "record", "reason": "not_json", "arrival": "a"}),
            json!({"origin": "elsewhere", "reason": "refused", "sink": "soc", "delivery_key": key}),
        ] {
            assert!(!with(wrong.clone()).is_empty(), "{wrong} is let through");
        }
        let mut raw = record;
        raw["data"] = json!("{\"a\":1}");
        assert!(!with(raw).is_empty(), "the original is in base64");
    }
}
