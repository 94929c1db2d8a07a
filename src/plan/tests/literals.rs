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
        // Any address of it matches.
        ("sourceIPAddress=\"2001:db8::/32\"", None),
        ("*", None),
    ] {
        assert_eq!(literals(search), expected, "{search}");
    }
}

const FIELDS: [&str; 8] = ["eventName", "eventName", "userAgent", "signature", "errorCode", "a.b", "list{}", "n"];
const VALUES: [&str; 15] = [
    "JobCreated",
    "a/*",
    "*created",
    "Get",
    "get*",
    "*USER*",
    "GetUser",
    "success",
    "1",
    "1e3",
    "1*0",
    "x\"y",
    "s*s",
    "\u{212a}ey",
    "key",
];

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
            let raw = event.raw().to_ascii_lowercase();
            prop_assert!(literals.iter().any(|literal| raw.contains(literal.as_str())), "{literals:?} not in {raw}");
        }
    }
}

#[test]
fn po_3_clauses_say_where_a_value_stands_and_that_several_things_hold() {
    use crate::cloudtrail::{Beginning, Clause};
    let member = |name: &str, values: &[(&str, bool)]| Clause::Member {
        name: name.to_owned(),
        values: values.iter().map(|&(text, whole)| Beginning { text: text.to_owned(), whole }).collect(),
    };
    let literals = |texts: &[&str]| Clause::Literals(texts.iter().map(|&text| text.to_owned()).collect());
    for (search, expected) in [
        ("eventName=JobCreated", vec![member("eventName", &[("jobcreated", true)])]),
        ("signature=Job*", vec![member("eventName", &[("job", false)])]),
        (
            "eventName=A1 OR signature IN (B2*, c3)",
            vec![member("eventName", &[("a1", true), ("b2", false), ("c3", true)])],
        ),
        (
            "eventName=A eventSource=s3.amazonaws.com errorCode=AccessDenied NOT userAgent=x",
            vec![member("eventName", &[("a", true)]), member("eventSource", &[("s3.amazonaws.com", true)])],
        ),
        ("userAgent=\"a/b\"", vec![member("userAgent", &[("a", false)])]),
        ("eventName=*User", vec![literals(&["user"])]),
        ("eventName=Get* OR a.b=other", vec![literals(&["get", "other"])]),
        ("eventName=A* OR \"raw term\"", vec![literals(&["a", "raw term"])]),
        ("* | search eventName=JobCreated", vec![member("eventName", &[("jobcreated", true)])]),
        // Of different members either may be the one that is there.
        ("eventName=A1 OR userAgent=Boto*", vec![literals(&["a1", "boto"])]),
        ("eventName IN (A1, B2) OR (userAgent=Boto* eventSource=s3*)", vec![literals(&["a1", "b2", "boto"])]),
        // JSON may write such a name in several ways.
        ("a/b=some", vec![literals(&["some"])]),
        ("x-y_z=some", vec![member("x-y_z", &[("some", true)])]),
        ("eventName=A OR foo=*", vec![]),
        ("errorCode=success date_foo=x requestParameters.port=22 eventName!=A apiVersion=1e3", vec![]),
    ] {
        assert_eq!(plan(search).requirements(), [expected], "{search}");
    }
    assert_eq!(plan("eventName=A | append [search eventName=B]").requirements().len(), 2);
}

/// A way to write an event down: everything in which JSON leaves the writer free.
#[derive(Clone, Debug)]
struct Style {
    reversed: bool,
    space: &'static str,
    escapes: Vec<u8>,
    envelope: u8,
}

fn style() -> impl Strategy<Value = Style> {
    let space = prop::sample::select(vec!["", " ", "\n", "\r\n\t "]);
    let escapes = prop::collection::vec(any::<u8>(), 1..8);
    (any::<bool>(), space, escapes, 0..5_u8).prop_map(|(reversed, space, escapes, envelope)| Style {
        reversed,
        space,
        escapes,
        envelope,
    })
}

impl Style {
    /// A character is an escape where its turn in `escapes` says so.
    fn string(&self, text: &str) -> String {
        let mut written = String::from("\"");
        for (c, turn) in text.chars().zip(self.escapes.iter().cycle()) {
            match (c, turn % 16) {
                ('"' | '\\', _) | ('/', 1) => written.extend(['\\', c]),
                ('\n', _) => written.push_str("\\n"),
                ('\r', _) => written.push_str("\\r"),
                ('\t', _) => written.push_str("\\t"),
                (c, 0) if c.is_ascii() => written.push_str(&format!("\\u{:04X}", u32::from(c))),
                (c, _) => written.push(c),
            }
        }
        written + "\""
    }

    fn write(&self, json: &serde_json::Value) -> String {
        let space = self.space;
        match json {
            serde_json::Value::String(text) => self.string(text),
            serde_json::Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.write(item)).collect();
                format!("[{space}{}{space}]", items.join(&format!("{space},{space}")))
            }
            serde_json::Value::Object(members) => {
                let mut members: Vec<String> = members
                    .iter()
                    .map(|(key, value)| format!("{}{space}:{space}{}", self.string(key), self.write(value)))
                    .collect();
                if self.reversed {
                    members.reverse();
                }
                format!("{{{space}{}{space}}}", members.join(&format!("{space},{space}")))
            }
            other => other.to_string(),
        }
    }

    /// The record that holds this event.
    fn record(&self, event: &serde_json::Value) -> Vec<u8> {
        let text = self.write(event);
        match self.envelope {
            0 => text.into_bytes(),
            1 => self.write(&serde_json::json!({"detail-type": "x", "detail": event})).into_bytes(),
            2 => self.write(&serde_json::json!({"Records": [event]})).into_bytes(),
            3 => self.logs(&text).into_bytes(),
            _ => crate::cloudtrail::testing::gzip(self.logs(&text)),
        }
    }

    /// In CloudWatch Logs an event is a string.
    fn logs(&self, event: &str) -> String {
        let space = self.space;
        format!(r#"{{"messageType"{space}:"DATA_MESSAGE","logEvents":[{{"message":{space}{}}}]}}"#, self.string(event))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// The prefilter against full decoding: over escapes, the order of keys, white space, case and envelopes.
    #[test]
    fn po_3_the_prefilter_admits_every_record_with_an_event_that_matches(
        base in expression(), name in "(GetUser|GETUSER|PutKey|get|JobCreated)",
        b in json_value(), item in json_value(), n in json_value(), style in style(),
    ) {
        let event = serde_json::json!({
            "eventVersion": "1.08", "eventID": "x", "eventTime": "2023-04-24T23:51:17Z", "eventSource": "iam.amazonaws.com",
            "eventName": name, "a": {"b": b}, "list": [item], "n": n, "userAgent": "a/\"b\"\\ \u{e9}",
        });
        let data = style.record(&event);
        let plan = Plan::from_pipeline(&text("*"), &Pipeline { base, commands: Vec::new() }).expect("it compiles");
        let decoded = decode(&data, &DecodeLimits::default());
        prop_assert_eq!((decoded.events.len(), decoded.rejected.len()), (1, 0), "{}", String::from_utf8_lossy(&data));
        let prefilter = crate::cloudtrail::Prefilter::new(&plan.requirements());
        let (admits, mut read) = (|text: &[u8]| prefilter.admits(text), 0);
        crate::cloudtrail::decode_each(&data, &DecodeLimits::default(), &admits, &mut |_| read += 1);
        if plan.evaluate(&decoded.events[0]).is_some() {
            prop_assert!(prefilter.admits(&data) && read == 1, "{:?}", plan.requirements());
        }
    }
}
