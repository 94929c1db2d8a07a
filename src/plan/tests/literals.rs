//! PO-3: the literals of the prefilter are never missing from an event that matches.

use proptest::prelude::*;

use super::*;
use crate::spl::ast::{CompareOp, Pipeline, SearchExpr, SearchTerm, Spanned};

fn literals(search: &str) -> Option<Vec<String>> {
    plan(search).required_literals()
}

fn some(literals: &[&str]) -> Option<Vec<String>> {
    Some(literals.iter().map(|&literal| literal.to_owned()).collect())
}

#[test]
fn literals_come_from_terms_that_must_hold() {
    for (search, expected) in [
        ("eventName=JobCreated", some(&["jobcreated"])),
        ("index=aws sourcetype=aws:cloudtrail eventName=JobCreated", some(&["jobcreated"])),
        ("(index=aws OR eventName=JobCreated)", None),
        ("signature=JobCreated", some(&["jobcreated"])),
        ("eventName=A1 OR eventName=B22", some(&["a1", "b22"])),
        ("eventName IN (Create*, Delete*)", some(&["create", "delete"])),
        // The conjunct whose shortest literal is longest admits least.
        ("eventName=Put* eventSource=s3.amazonaws.com", some(&["s3.amazonaws.com"])),
        ("eventName=*Bucket*Policies", some(&["policies"])),
        ("requestParameters.name=\"a/bcd\\\"e\"", some(&["bcd"])),
        ("\"access key\"", some(&["access key"])),
        ("* | search eventName=JobCreated", some(&["jobcreated"])),
        // A branch without a literal, a negation, a derived value, a number, an inequality, a written field: nothing.
        ("eventName=A OR foo=*", None),
        ("NOT eventName=A", None),
        ("errorCode=success", None),
        ("requestParameters.port=22", None),
        ("requestParameters.port=1*", None),
        ("eventName!=A", None),
        ("* | eval eventName=\"A\" | search eventName=A", None),
        ("date_wday=monday", None),
        ("*", None),
    ] {
        assert_eq!(literals(search), expected, "{search}");
    }
}

const FIELDS: [&str; 6] = ["eventName", "signature", "errorCode", "a.b", "list{}", "n"];
const VALUES: [&str; 12] =
    ["Get", "get*", "*USER*", "GetUser", "success", "1", "1e3", "1*0", "x\"y", "s*s", "\u{212a}ey", "key"];

fn term() -> impl Strategy<Value = SearchTerm> {
    let field = || prop::sample::select(&FIELDS[..]).prop_map(str::to_owned);
    let value = || prop::sample::select(&VALUES[..]).prop_map(str::to_owned);
    let op = prop::sample::select(vec![CompareOp::Eq, CompareOp::Eq, CompareOp::Ne, CompareOp::Lt, CompareOp::Ge]);
    prop_oneof![
        4 => (field(), op, value()).prop_map(|(field, op, value)| SearchTerm::Compare { field, op, value }),
        1 => (field(), prop::collection::vec(value(), 1..3)).prop_map(|(field, values)| SearchTerm::In { field, values }),
        1 => value().prop_map(SearchTerm::Raw),
    ]
}

fn expression() -> impl Strategy<Value = SearchExpr> {
    let leaf = term().prop_map(|node| SearchExpr::Term(Spanned { node, span: 0..0 }));
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..3).prop_map(SearchExpr::And),
            prop::collection::vec(inner.clone(), 1..3).prop_map(SearchExpr::Or),
            inner.prop_map(|inner| SearchExpr::Not(Box::new(inner))),
        ]
    })
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let text =
        prop::sample::select(vec!["GetUser", "Get", "PutUser", "success", "S3s", "x\"y", "\u{212a}ey", "KEY", "1", ""]);
    prop_oneof![
        3 => text.prop_map(serde_json::Value::from),
        1 => prop::sample::select(vec![1.0, 1000.0, 10.0]).prop_map(serde_json::Value::from),
        1 => Just(serde_json::Value::Null),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_event_that_matches_holds_a_literal(
        base in expression(), name in "(GetUser|PutKey|get)", b in json_value(), item in json_value(), n in json_value(),
    ) {
        let event = event(serde_json::json!({"eventName": name, "a": {"b": b}, "list": [item], "n": n}));
        let plan = Plan::from_pipeline(&text("*"), &Pipeline { base, commands: Vec::new() }).expect("it compiles");
        if let (Some(_), Some(literals)) = (plan.evaluate(&event), plan.required_literals()) {
            let raw = event.raw.to_ascii_lowercase();
            prop_assert!(literals.iter().any(|literal| raw.contains(literal.as_str())), "{literals:?} not in {raw}");
        }
    }
}
