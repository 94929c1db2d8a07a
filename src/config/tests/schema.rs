//! `docs/configuration.schema.json` against the reader: the same keys, and of each key the same values.

mod keys;
mod page;
mod probes;

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::{Value, json};

use super::*;
use keys::{Key, VARIANTS};

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(SCHEMA).expect("the schema is JSON"));
static VALIDATOR: LazyLock<Validator> =
    LazyLock::new(|| jsonschema::validator_for(&DOCUMENT).expect("the schema is a JSON Schema"));

/// What the schema says against a configuration.
pub(super) fn objections(text: &str) -> Vec<String> {
    let documents = crate::yaml::Documents::read(text).expect("YAML");
    let instance = documents.nodes().next().map_or(Value::Null, |root| root.json());
    VALIDATOR.iter_errors(&instance).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The keys that the reader asks for.
fn asked(configuration: &Value) -> BTreeSet<String> {
    let environment = Environment::default();
    let text = configuration.to_string();
    let (config, known) = read_text(&text, Path::new("conf/t.yaml"), &environment, &Overrides::default());
    config.unwrap_or_else(|error| panic!("{error}"));
    known.into_iter().map(|key| key.replace(".lookups.x", ".lookups.*")).collect()
}

#[test]
fn the_schema_has_exactly_the_keys_that_the_reader_asks_for() {
    for variant in VARIANTS {
        let read = asked(&variant.configuration());
        let described: BTreeSet<String> = variant.keys().into_iter().map(|key| key.path).collect();
        let read: BTreeSet<String> = read.into_iter().filter(|key| variant.has(key)).collect();
        assert_eq!(described, read, "{}", variant.name);
    }
}

#[test]
fn the_schema_is_one_and_every_key_says_what_it_is() {
    assert!(jsonschema::meta::is_valid(&DOCUMENT), "{:?}", jsonschema::meta::validate(&DOCUMENT));
    assert_eq!(DOCUMENT["$schema"], "https://json-schema.org/draft/2020-12/schema");
    for Key { path, schema, .. } in VARIANTS.iter().flat_map(|variant| variant.keys()) {
        let description = schema["description"].as_str().unwrap_or_default();
        assert!(description.ends_with('.'), "{path}: {description:?}");
        assert!(!description.contains('\n'), "{path}");
    }
}

#[test]
fn what_is_shipped_is_valid_with_and_without_its_examples() {
    let shipped = include_str!("../../../config/trailrisk.yaml");
    for text in [shipped, &shipped::with_examples()] {
        assert_eq!(objections(text), [""; 0]);
    }
}

/// Each is refused by the reader as well as by the schema.
#[test]
fn what_is_wrong_is_refused_by_both() {
    let file = |keys: &str| LEAST.replace("type: stdout", &format!("type: file, {keys}"));
    let webhook = |keys: &str| with("webhook", &format!("url: 'https://x/', {keys}"));
    for text in [
        String::new(),
        LEAST.replace("source: {stream: cloudtrail}\n", ""),
        LEAST.replace("{stream: cloudtrail}", "5"),
        LEAST.replace("cloudtrail", "a/b"),
        format!("{LEAST}sources: [{{stream: a}}]\n"),
        LEAST.replace("source: {stream: cloudtrail}", "sources: []"),
        LEAST.replace("source: {stream: cloudtrail}", "sources: [{name: a}]"),
        LEAST.replace("source: {stream: cloudtrail}", "sources: [{stream: a, name: 'b/c'}]"),
        LEAST.replace("cloudtrail", "'arn:aws:s3:::bucket'"),
        LEAST.replace("[d]", "[]"),
        LEAST.replace("[d]", "d"),
        LEAST.replace("[{name: out, type: stdout}]", "[]"),
        LEAST.replace("name: out, ", ""),
        LEAST.replace("name: out", "name: Out"),
        LEAST.replace(", type: stdout", ""),
        LEAST.replace("stdout", "kafka"),
        LEAST.replace("stdout}", "stdout}, {name: again, type: stdout}"),
        with("sink", "url: 'https://x/'"),
        with("sink", "format: ocsf"),
        with("sink", "stages: []"),
        with("sink", "stages: [late]"),
        with("webhook", "timeout: 5s"),
        with("webhook", "url: 'http://x/'"),
        webhook("token: t"),
        webhook("ocsf_version: '1.8.0'"),
        webhook("format: template"),
        webhook("template: t.j2"),
        webhook("template_values: {a: b}"),
        webhook("cloudevents_source: 'urn:x'"),
        webhook("format: cloudevents_binary, batch_max_events: 2"),
        webhook("auth: {}"),
        webhook("auth: {bearer: a, basic: {user: u, password: p}}"),
        webhook("auth: {basic: {user: 'a:b', password: p}}"),
        webhook("auth: {basic: {user: u}}"),
        webhook("signing_secrets: []"),
        webhook("signing_secrets: [s3cret]"),
        webhook("headers: {A: null}"),
        webhook("tls: {client_key: '${K}'}"),
        file("fsync: always"),
        file("path: a, keep: 3"),
        file("path: a, format: cloudevents_binary"),
        with("admin", "listen: 'localhost:9464'"),
        with("shutdown", "drain_deadline: 20"),
    ] {
        assert_both_refuse(&text);
    }
}

#[test]
fn what_is_wrong_beside_the_sinks_is_refused_by_both() {
    for text in [
        with("source", "role_arn: 'arn:aws:iam::222222222222:user/reader'"),
        with("source", "role_arn: 'arn:aws:iam::222222222222:role/reader', external_id: 'a b'"),
        with("source", "start: newest"),
        with("source", "start: {}"),
        with("source", "start: {at_timestamp: '2026-01-31T12:00:00'}"),
        with("detections", "settings: [{enabled: false}]"),
        with("detections", "lookups: {a b: x.csv}"),
        with("detections", "lookups: {a: {case_sensitive_match: true}}"),
        with("detections", "lookups: {a: {path: f, match_type: ['IP(x)']}}"),
        with("dead_letter", "type: stdout, path: x"),
        with("dead_letter", "type: s3"),
        with("checkpoint", "store: dynamodb"),
        with("checkpoint", "table: leases"),
        with("checkpoint", "store: dynamodb, table: a"),
        with("checkpoint", "store: dynamodb, table: 'arn:aws:dynamodb:eu-central-1:111111111111:table/a:b'"),
        with("checkpoint", "store: dynamodb, table: leases, scope: 'a:b'"),
        with("dead_letter", "url: 's3://bucket/x'"),
    ] {
        assert_both_refuse(&text);
    }
}

#[track_caller]
fn assert_both_refuse(text: &str) {
    assert!(read_with(text, &[], &[]).is_err(), "the reader takes\n{text}");
    assert!(!objections(text).is_empty(), "the schema takes\n{text}");
}
