//! Each key with the values that the schema names: the reader takes and refuses them alike, the default is the default,
//! and a reload takes what it is said to take.

use regex::Regex;

use super::keys::{NAMED_SOURCE, Variant};
use super::*;

/// What must stand beside a key so that all of its values can be told apart.
const BESIDE: [(&str, &str, &str); 21] = [
    ("source.reader", "source.consumer", "c"),
    ("source.register_consumer", "source.consumer", "c"),
    ("source.register_consumer", "source.reader", "fan_out"),
    ("source.external_id", "source.role_arn", "arn:aws:iam::222222222222:role/reader"),
    ("source.poll_interval", "source.stalled_after", "1h"),
    ("source.stalled_after", "source.poll_interval", "200ms"),
    ("source.idle_poll_interval", "source.poll_interval", "200ms"),
    ("source.idle_poll_interval", "source.stalled_after", "1h"),
    ("source.poll_interval", "source.idle_poll_interval", "1m"),
    ("limits.max_values", "limits.max_distinct_values", "10_000_000"),
    ("limits.max_distinct_values", "limits.max_values", "1"),
    ("checkpoint.lease_duration", "checkpoint.store", "dynamodb"),
    ("checkpoint.lease_duration", "checkpoint.table", "leases"),
    ("sinks[].retry_min", "sinks[].retry_max", "1h"),
    ("sinks[].retry_max", "sinks[].retry_min", "10ms"),
    ("sinks[].keep", "sinks[].rotate_bytes", "1MiB"),
    ("sinks[].ocsf_version", "sinks[].format", "ocsf"),
    ("sinks[].cloudevents_source", "sinks[].format", "cloudevents"),
    ("sinks[].template_values", "sinks[].format", "template"),
    ("sinks[].template_values", "sinks[].template", "t.j2"),
    ("sinks[].template", "sinks[].format", "template"),
];

/// Words that need more than themselves; the table of what both refuse has them.
const CONDITIONAL: [(&str, &str); 3] =
    [("sinks[].format", "template"), ("sinks[].format", "cloudevents_binary"), ("checkpoint.store", "dynamodb")];

/// A configuration with one value set or, without one, with the key left out.
fn configuration(variant: &Variant, key: &str, value: Option<Value>) -> String {
    let mut whole = variant.configuration();
    // The keys of one of several sources are those of the only one.
    let named = |key: &str| key.replacen("source.", "sources[].", usize::from(variant.prefix == NAMED_SOURCE));
    let beside = BESIDE.iter().filter(|(probed, ..)| named(probed) == key);
    beside.for_each(|(_, key, value)| *place(&mut whole, &named(key)) = json!(value));
    if let Some(value) = value {
        *place(&mut whole, key) = value;
    }
    whole.to_string()
}

fn place<'v>(whole: &'v mut Value, key: &str) -> &'v mut Value {
    key.split('.').fold(whole, |node, name| match name.strip_suffix("[]") {
        Some(list) => &mut node[list][0],
        None => &mut node[if name == "*" { "x" } else { name }],
    })
}

fn taken(text: &str) -> Result<Config, ConfigError> {
    read_with(text, &[], &[])
}

/// All of a configuration but the places in it.
fn shown(config: &Config) -> String {
    let places = Regex::new(r#"Position\([^)]*\)"#).expect("a pattern");
    places.replace_all(&format!("{config:?}"), "").into_owned()
}

fn each_key(mut probe: impl FnMut(&Variant, &Key)) {
    for variant in VARIANTS {
        variant.keys().iter().for_each(|key| probe(&variant, key));
    }
}

/// Whether it decides which other keys there are.
fn is_type(key: &Key) -> bool {
    ["sinks[].type", "dead_letter.type"].contains(&key.path.as_str())
}

/// The values of a key that are told apart: the ends of its range, or its words.
fn values(key: &Key) -> Vec<Value> {
    let is_count = key.schema["minimum"].is_u64();
    let value = |text: &str| if is_count { text.parse::<u64>().expect("a count").into() } else { json!(text) };
    match key.range() {
        Some((least, most)) => vec![value(least), value(most)],
        None if key.definition == "flag" => vec![json!(true), json!(false)],
        None => {
            let is_conditional = |word: &&str| CONDITIONAL.contains(&(key.path.as_str(), *word));
            key.words().into_iter().filter(|word| !is_conditional(word)).map(|word| json!(word)).collect()
        }
    }
}

#[test]
fn the_reader_and_the_schema_take_the_values_that_are_named_and_each_means_something_else() {
    each_key(|variant, key| {
        let mut meanings = BTreeSet::new();
        let values = if is_type(key) { Vec::new() } else { values(key) };
        for value in &values {
            let text = configuration(variant, &key.path, Some(value.clone()));
            let config = taken(&text).unwrap_or_else(|error| panic!("{}: {error}", key.path));
            assert_eq!(objections(&text), [""; 0], "{text}");
            meanings.insert(shown(&config));
        }
        assert_eq!(meanings.len(), values.len(), "{}: {values:?}", key.path);
    });
}

#[test]
fn the_reader_refuses_what_is_beyond_a_range() {
    let mut ranges = 0;
    each_key(|variant, key| {
        let Some((least, most)) = key.range() else { return };
        for value in [below(least), above(most)].into_iter().flatten() {
            let text = configuration(variant, &key.path, Some(json!(value)));
            let error = taken(&text).expect_err(&text).to_string();
            assert!(error.contains("out of range"), "{}: {value}: {error}", key.path);
        }
        ranges += 1;
    });
    assert!(ranges > 40, "{ranges} keys have one");
}

/// A little less than a duration, a size or a count; nothing is less than none.
fn below(least: &str) -> Option<String> {
    if let Ok(duration) = units::duration(least) {
        return duration.checked_sub(Duration::from_millis(1)).map(|less| format!("{}ms", less.as_millis()));
    }
    if let Ok(size) = units::size(least) {
        return Some(format!("{}B", size - 1));
    }
    least.parse::<u64>().expect("a count").checked_sub(1).map(|less| less.to_string())
}

fn above(most: &str) -> Option<String> {
    if let Ok(duration) = units::duration(most) {
        return Some(format!("{}ms", duration.as_millis() + 1));
    }
    if let Ok(size) = units::size(most) {
        return Some(format!("{}B", size + 1));
    }
    Some((most.parse::<u64>().expect("a count") + 1).to_string())
}

#[test]
fn what_is_no_value_of_a_key_is_refused_by_both() {
    each_key(|variant, key| {
        let wrong = match key.schema["type"][0].as_str().or(key.schema["type"].as_str()) {
            Some("array" | "object") => json!("a: b"),
            _ if !values(key).is_empty() => json!("zzz"),
            _ => json!([["a"]]),
        };
        // A list of paths may also be one of them.
        if key.path == "detections.macros" {
            return;
        }
        let text = configuration(variant, &key.path, Some(wrong));
        assert!(taken(&text).is_err(), "the reader takes\n{text}");
        assert!(!objections(&text).is_empty(), "the schema takes\n{text}");
    });
}

#[test]
fn the_defaults_of_the_schema_are_those_of_the_reader() {
    each_key(|variant, key| {
        let Some(default) = key.schema.get("default").filter(|default| !default.is_null()) else { return };
        let read = |value| shown(&taken(&configuration(variant, &key.path, value)).unwrap_or_else(|e| panic!("{e}")));
        let is_set_already = *place(&mut variant.configuration(), &key.path) != Value::Null;
        assert!(is_set_already || read(None) == read(Some(default.clone())), "{}: {default}", key.path);
    });
}

#[test]
fn a_key_without_a_default_may_be_left_out_unless_it_is_required() {
    each_key(|variant, key| {
        let mut whole = variant.configuration();
        if key.path.contains("at_timestamp") || key.path.contains(".basic") {
            return;
        }
        *place(&mut whole, &key.path) = Value::Null;
        let text = whole.to_string();
        let may_be_null = key.schema["type"].as_array().is_some_and(|types| types.contains(&json!("null")));
        let is_optional = may_be_null || key.schema.get("default").is_some();
        let is_discriminated = key.path == "dead_letter.type" && variant.name != "file";
        assert!(is_discriminated || taken(&text).is_ok() == is_optional, "{}", key.path);
        assert!(is_discriminated || objections(&text).is_empty() == is_optional, "{}", key.path);
    });
}

#[test]
fn a_reload_takes_the_detections_and_nothing_else() {
    each_key(|variant, key| {
        let read = |value: &Value| taken(&configuration(variant, &key.path, Some(value.clone()))).expect("valid");
        let values = if is_type(key) { Vec::new() } else { values(key) };
        let [first, .., last] = &*values else { return };
        let differences = read(first).differences_beyond_detections(&read(last));
        assert_eq!(differences.is_empty(), key.path.starts_with("detections."), "{}: {differences:?}", key.path);
    });
}
