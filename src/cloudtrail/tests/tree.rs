//! Any JSON, in any spelling, has the fields of `docs/fields.md`: against a second reading, by `serde_json`'s values.

use std::collections::BTreeMap;
use std::fmt::Write;

use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use crate::cloudtrail::testing::{decoded, event, reasons};
use crate::cloudtrail::tree::Document;
use crate::cloudtrail::{Event, RejectReason, field, fields_under};
use crate::value::{Scalar, Value};

fn json() -> impl Strategy<Value = Json> {
    let text = prop_oneof!["[a-z]{0,3}", "[\"\\\\/\n\té😀{}\\[\\],: -]{0,4}"];
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        text.prop_map(Json::from),
    ];
    let key = prop_oneof!["[ab]{1,2}", "[a\"\\\\é😀\n]{1,3}", Just("a.b".to_owned())];
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::btree_map(key.clone(), inner, 0..12)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// A text in quotes, plain where JSON allows it or all in escapes.
fn quoted(text: &str, escaped: bool) -> String {
    if !escaped {
        return Json::from(text).to_string();
    }
    let mut quoted = String::from("\"");
    for unit in text.encode_utf16() {
        write!(quoted, "\\u{unit:04x}").expect("to memory");
    }
    quoted + "\""
}

fn spelled(value: &Json, escaped: bool, space: &str) -> String {
    match value {
        Json::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| spelled(item, escaped, space)).collect();
            format!("[{space}{}{space}]", items.join(&format!("{space},{space}")))
        }
        Json::Object(members) => {
            let member = |(key, value): (&String, &Json)| {
                format!("{}{space}:{space}{}", quoted(key, escaped), spelled(value, escaped, space))
            };
            format!("{{{space}{}{space}}}", members.iter().map(member).collect::<Vec<_>>().join(&format!("{space},")))
        }
        Json::String(text) => quoted(text, escaped),
        other => other.to_string(),
    }
}

/// By name, what stands under it, objects by key.
fn flattened(value: &Json, name: &str, fields: &mut BTreeMap<String, Vec<Scalar>>) {
    match value {
        Json::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            sorted.into_iter().for_each(|(key, member)| flattened(member, &format!("{name}.{key}"), fields));
        }
        Json::Array(items) => items.iter().for_each(|item| flattened(item, &format!("{name}{{}}"), fields)),
        Json::Null => {}
        Json::String(text) => fields.entry(name.to_owned()).or_default().push(Scalar::text(text.as_str())),
        other => fields.entry(name.to_owned()).or_default().push(Scalar::text(other.to_string())),
    }
}

fn text_with(member: &str) -> String {
    format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","x":{member},"z":1}}"#)
}

fn with(member: &str) -> Event<'static> {
    event(text_with(member))
}

/// Of EventBridge, with these members, keys and values, at its end.
fn in_envelope(members: &[(String, String)]) -> String {
    let members: String = members.iter().map(|(key, value)| format!(", {key}: {value}")).collect();
    format!(r#" {{"version":"0","detail-type":"AWS API Call via CloudTrail"{members}}}"#)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_event_has_the_fields_that_its_values_have(value in json(), escaped in any::<bool>(), space in "[ \n]{0,1}") {
        let event = with(&spelled(&value, escaped, &space));
        let mut expected = BTreeMap::new();
        flattened(&value, "x", &mut expected);
        let expected: Vec<_> =
            expected.into_iter().map(|(name, scalars)| (name, Value::from_scalars(scalars))).collect();
        prop_assert_eq!(&fields_under(&event, "x"), &expected);
        for (name, value) in expected {
            prop_assert_eq!(field(&event, &name), value, "{}", name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// What is read with the envelope is what is read alone, whichever of several members counts, the last one, and however
    /// its key is written.
    #[test]
    fn an_event_in_an_envelope_is_that_event(
        details in prop::collection::vec((json(), any::<bool>(), any::<bool>(), any::<bool>()), 1..4), behind in json(),
    ) {
        let detail = |(value, is_event, escaped_key, escaped): &(Json, bool, bool, bool)| {
            let value = spelled(value, *escaped, "");
            (quoted("detail", *escaped_key), if *is_event { text_with(&value) } else { value })
        };
        let mut members: Vec<_> = details.iter().map(detail).collect();
        let last = text_with(&members.last().expect("one at least").1);
        members.last_mut().expect("one at least").1.clone_from(&last);
        members.push(("\"id\"".to_owned(), behind.to_string()));
        let (event, alone) = (event(in_envelope(&members)), event(&last));
        prop_assert_eq!((event.raw(), event.key, event.time), (last.as_str(), alone.key, alone.time));
        prop_assert_eq!(fields_under(&event, ""), fields_under(&alone, ""));
        for (name, value) in fields_under(&alone, "") {
            prop_assert_eq!(field(&event, &name), value, "{}", name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whichever member was looked into with the document, and whatever it is.
    #[test]
    fn the_elements_of_any_member_are_those_that_serde_json_finds(
        members in prop::collection::vec(
            (prop::sample::select(vec!["Records", "logEvents", "detail", "other"]), any::<bool>(), json(), "[ \n]{0,1}"), 0..6,
        ),
    ) {
        let member = |(key, escaped, value, space): &(&str, bool, Json, String)| {
            format!("{}:{}", quoted(key, *escaped), spelled(value, false, space))
        };
        let text = format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(","));
        let document = Document::read(&text).expect("an object");
        for key in ["Records", "logEvents", "detail", "other"] {
            let last = members.iter().rfind(|(name, ..)| *name == key);
            let written = last.map(|(_, _, value, space)| spelled(value, false, space));
            prop_assert_eq!(document.get(key), written.as_deref(), "{}", text);
            let expected = written.and_then(|value| {
                let elements: Vec<Box<RawValue>> = serde_json::from_str(&value).ok()?;
                Some(elements.iter().map(|element| element.get().to_owned()).collect::<Vec<_>>())
            });
            let found = document.get(key).and_then(|value| {
                let mut elements = Vec::new();
                document.elements(value, |element| elements.push(element.to_owned())).then_some(elements)
            });
            prop_assert_eq!(found, expected, "{} of {}", key, text);
        }
    }
}

/// Names that begin alike, or alike and equally long; at every length up to where a comparison is a call. Those of an event
/// of few members are found by an index.
fn names() -> impl Strategy<Value = String> {
    let (letter, end) = (prop::sample::select(vec!["a", "b", "é"]), prop::sample::select(vec!["", "x", "y"]));
    (0..20_usize, letter, 0..12_usize, end)
        .prop_map(|(before, letter, behind, end)| format!("{}{letter}{}{end}", "k".repeat(before), "k".repeat(behind)))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn of_members_with_one_name_the_last_is_found_however_many_there_are(
        names in prop_oneof![prop::collection::vec(names(), 0..12), prop::collection::vec(names(), 55..75)],
        absent in names(), escaped in prop::collection::vec(any::<bool>(), 75), inside in any::<bool>(),
    ) {
        let member = |(number, (name, escaped)): (usize, (&String, &bool))| format!(",{}:{number}", quoted(name, *escaped));
        let members: String = names.iter().zip(&escaped).enumerate().map(member).collect();
        let event = if inside {
            event(format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","x":{{"":0{members}}}}}"#))
        } else {
            event(format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z"{members}}}"#))
        };
        for name in names.iter().chain([&absent]) {
            let expected = names.iter().rposition(|known| known == name).map(|number| Value::text(number.to_string()));
            let path = if inside { format!("x.{name}") } else { name.clone() };
            prop_assert_eq!(field(&event, &path), expected.unwrap_or_default(), "{}", name);
        }
    }
}

#[test]
fn keys_are_found_by_all_of_their_bytes_however_they_are_written() {
    let event = with(r#"{"ab":"first","ac":"second","a":"third","\u0061d":"fourth","ad2":"fifth"}"#);
    for (name, expected) in [("ab", "first"), ("ac", "second"), ("a", "third"), ("ad", "fourth"), ("ad2", "fifth")] {
        assert_eq!(field(&event, &format!("x.{name}")), Value::text(expected), "{name}");
    }
    for name in ["b", "ae", "abc", "A", "", "\\u0061d"] {
        assert_eq!(field(&event, &format!("x.{name}")), Value::Null, "{name}");
    }
    for length in 1..=20 {
        let other_at = |place: usize| (0..length).map(|at| if at == place { 'q' } else { 'k' }).collect::<String>();
        let names: Vec<_> = (0..=length).map(other_at).collect();
        let members: Vec<_> = names.iter().map(|name| format!("\"{name}\":\"of {name}\"")).collect();
        let event = with(&format!("{{{0}}},{0}", members.join(",")));
        for name in names {
            for path in [format!("x.{name}"), name.clone()] {
                assert_eq!(field(&event, &path), Value::text(format!("of {name}")), "{path}");
            }
        }
    }
}

/// `true`, `false`, and numbers are their text; of an id a number is one as well (AG-2).
#[test]
fn what_is_no_text_is_its_text_and_what_is_no_value_is_none() {
    for text in ["0", "-1", "18446744073709551616", "-9223372036854775809", "1.50", "-0", "1e400", "true", "false"] {
        assert_eq!(field(&with(text), "x"), Value::text(text), "{text}");
    }
    for text in ["null", "{}", "[]", "[1]", r#"{"a":1}"#] {
        assert_eq!(field(&with(text), "x"), Value::Null, "{text}");
    }
    let of_id = |id: &str| {
        let id = format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","eventID":{id}}}"#);
        event(id).id().into_owned()
    };
    for id in ["7", "-7", "18446744073709551616", "1.5", "-0"] {
        assert_eq!(&*of_id(id), id);
    }
    for id in ["null", "true", "{}", "[7]", "\"\""] {
        assert_eq!(of_id(id).len(), 32, "{id}");
    }
}

/// Brackets in a text nest nothing, however many there are, in objects or arrays or both.
#[test]
fn only_what_is_nested_is_deep() {
    for brackets in ["{", "[", "[{", "}"] {
        let text = json!(brackets.repeat(300)).to_string();
        assert_eq!(field(&with(&text), "x"), Value::text(brackets.repeat(300)));
    }
    let flat = vec!["{}"; 300].join(",");
    assert_eq!(field(&with(&format!("[{flat},1]")), "x{}"), Value::text("1"));
    for (open, close, levels) in [("[", "]", 126), ("{\"a\":", "}", 126), ("[{\"a\":", "}]", 63)] {
        let nested = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        with(&nested(levels));
        let deeper = format!(r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","x":{}}}"#, nested(levels + 1));
        assert_eq!(reasons(&decoded(&deeper)), [RejectReason::TooDeep], "{open}");
        // An envelope around it is none of its levels.
        let wrapped = |event: String| in_envelope(&[("\"detail\"".to_owned(), event)]);
        assert_eq!(reasons(&decoded(wrapped(deeper))), [RejectReason::TooDeep], "{open}");
        assert_eq!(event(wrapped(text_with(&nested(levels)))).id().len(), 32, "{open}");
    }
}

/// What is kept of a document is bounded; what it holds is not.
#[test]
fn bd_1_of_countless_entries_none_is_lost() {
    for count in [262_143, 262_144, 262_145] {
        for before in ["", &r#""":1,"#.repeat(262_144)] {
            let text = format!(r#"{{{before}"Records":[{}]}}"#, vec!["1"; count].join(","));
            let document = Document::read(&text).expect("an object");
            let records = document.get("Records").map(|records| {
                let mut found = 0;
                document.elements(records, |_| found += 1).then_some(found)
            });
            assert_eq!(records, before.is_empty().then_some(Some(count)));
        }
    }
}

/// Whatever stands around an event: what is kept of the envelope takes no room from it.
#[test]
fn bd_1_an_envelope_of_countless_members_hides_nothing_of_its_event() {
    let many = format!("[{}]", vec!["7"; 1_000].join(","));
    let detail = text_with(&format!(r#"{{"arn":"arn:x","of":[{{"b":"1"}}],"many":{many}}}"#));
    let detail = ("\"detail\"".to_owned(), detail);
    let around = |count| vec![("\"\"".to_owned(), "1".to_owned()); count];
    for count in [261_000, 262_100, 262_141, 262_144] {
        // Behind as many the envelope is none, since its last members are not kept.
        for members in [[vec![detail.clone()], around(count)], [around(count.min(262_141)), vec![detail.clone()]]] {
            let event = event(in_envelope(&members.concat()));
            let fields = ["x.arn", "x.of{}.b", "z"].map(|name| field(&event, name));
            assert_eq!(fields, ["arn:x", "1", "1"].map(Value::text), "{count}");
            assert_eq!(field(&event, "x.many{}").scalars().len(), 1_000, "{count}");
        }
    }
}

/// What holds events in an envelope means nothing in an event, nor inside of what it holds.
#[test]
fn a_member_of_an_event_may_have_the_name_of_one_of_an_envelope() {
    for name in ["detail", "Records", "logEvents"] {
        for value in [json!({"a": "1", name: {"b": "2"}}), json!([{"a": "1"}, {name: [{"b": "2"}]}])] {
            let text = format!(
                r#"{{"eventName":"A","eventTime":"2024-01-01T00:00:00Z","before":{{"c":"3"}},"{name}":{value},"behind":{{"d":["4"]}}}}"#
            );
            let mut expected = BTreeMap::new();
            flattened(&serde_json::from_str(&text).expect("JSON"), "", &mut expected);
            let expected: Vec<_> = expected
                .into_iter()
                .map(|(name, scalars)| (name[1..].to_owned(), Value::from_scalars(scalars)))
                .collect();
            let wrapped = in_envelope(&[("\"detail\"".to_owned(), text.clone())]);
            for record in
                [&wrapped, &text].into_iter().filter(|record| name != "Records" || record.contains("detail-type"))
            {
                assert_eq!(fields_under(&event(record), ""), expected, "{record}");
            }
        }
    }
}

/// Often enough for those of a large one to be put in order.
#[test]
fn threat_3_a_member_of_a_large_object_is_found_however_often_it_is_asked_for() {
    for members in [63, 64, 65, 1_000] {
        // Every third key twice, every fifth written with an escape.
        let key = |member: usize| format!("{}{}", "k".repeat(member % 20), member / 20);
        let spelled = |member: usize| format!("{}:\"{member}\"", quoted(&key(member), member.is_multiple_of(5)));
        let twice = (0..members).step_by(3).map(|member| format!("{}:\"again {member}\"", quoted(&key(member), false)));
        let inside: Vec<String> = (0..members).map(spelled).chain(twice).collect();
        let event = event(text_with(&format!("{{{}}}", inside.join(","))));
        for member in 0..members {
            let expected = if member.is_multiple_of(3) { format!("again {member}") } else { member.to_string() };
            assert_eq!(field(&event, &format!("x.{}", key(member))), Value::text(expected), "{member} of {members}");
        }
        for missing in ["", "k", "l", "kkkkkkkkkkkkkkkkkkk9999", "é"] {
            assert_eq!(field(&event, &format!("x.{missing}")), Value::Null, "{missing} of {members}");
        }
    }
}

#[test]
fn bd_1_of_an_event_of_countless_members_only_so_many_are_kept_and_it_is_too_large() {
    for member in [r#""":1"#, r#""\n":1"#] {
        let text = |count| format!(r#"{{"eventName":"A",{},"last":1}}"#, vec![member; count].join(","));
        for (count, last) in [(262_142, Some("1")), (262_143, None)] {
            let text = text(count);
            assert_eq!(Document::read(&text).expect("an object").get("last"), last);
        }
        assert_eq!(reasons(&decoded(text(300_000))), [RejectReason::TooLarge], "{member}");
        let wrapped = in_envelope(&[("\"detail\"".to_owned(), text(300_000))]);
        assert_eq!(reasons(&decoded(wrapped)), [RejectReason::TooLarge], "{member}");
    }
}
