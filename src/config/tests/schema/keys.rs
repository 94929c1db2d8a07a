//! The keys of the schema, with what it says of each.

use super::*;

/// A part of the configuration that has keys of its own, and the least configuration in which it is read.
pub(super) struct Variant {
    pub(super) name: &'static str,
    /// What its keys begin with, as the reader writes it.
    pub(super) prefix: &'static str,
    /// Where the schema describes it.
    definition: &'static str,
    /// What is laid over the least configuration, in place of what is at `prefix`.
    least: &'static str,
}

pub(super) const VARIANTS: [Variant; 9] = [
    Variant { name: "all but sinks and dead letters", prefix: "", definition: "", least: "" },
    Variant {
        name: "one of several sources",
        prefix: NAMED_SOURCE,
        definition: "/$defs/named_source",
        least: r#"{"stream": "s", "start": {"at_timestamp": "2026-01-31T12:00:00Z"}}"#,
    },
    sink("stdout", "/$defs/sink_stdout", r#"{"name": "out", "type": "stdout"}"#),
    sink("file", "/$defs/sink_file", r#"{"name": "out", "type": "file", "path": "a"}"#),
    sink("webhook", "/$defs/sink_webhook", r#"{"name": "out", "type": "webhook", "url": "https://x/"}"#),
    sink(
        "splunk_hec",
        "/$defs/sink_splunk_hec",
        r#"{"name": "out", "type": "splunk_hec", "url": "https://x/", "token": "t"}"#,
    ),
    dead_letter("file", "/$defs/dead_letter_file", r#"{"type": "file"}"#),
    dead_letter("stdout", "/$defs/dead_letter_stdout", r#"{"type": "stdout"}"#),
    dead_letter("s3", "/$defs/dead_letter_s3", r#"{"type": "s3", "url": "s3://bucket"}"#),
];

/// Its keys are those of `source`.
pub(super) const NAMED_SOURCE: &str = "sources[]";

const fn sink(name: &'static str, definition: &'static str, least: &'static str) -> Variant {
    Variant { name, prefix: "sinks[]", definition, least }
}

const fn dead_letter(name: &'static str, definition: &'static str, least: &'static str) -> Variant {
    Variant { name, prefix: "dead_letter", definition, least }
}

/// A key.
pub(super) struct Key {
    /// As the reader writes it: `sinks[].name`; the name of a lookup is `*`.
    pub(super) path: String,
    /// The definition that it is of, such as `duration`; empty where it is of none.
    pub(super) definition: String,
    /// What the schema says of it, with what it refers to.
    pub(super) schema: Value,
}

impl Key {
    /// The words that it takes.
    pub(super) fn words(&self) -> Vec<&str> {
        let words = self.schema["enum"].as_array().or_else(|| self.schema["anyOf"][0]["enum"].as_array());
        words.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The least and the most, as its description says in its last sentence.
    pub(super) fn range(&self) -> Option<(&str, &str)> {
        let last = self.schema["description"].as_str()?.trim_end_matches('.').rsplit(". ").next()?;
        let range = last.split_once(" to ")?;
        (!range.0.contains(' ') && !range.1.contains(' ')).then_some(range)
    }
}

impl Variant {
    /// Whether a key belongs to it, as the reader writes the key.
    pub(super) fn has(&self, key: &str) -> bool {
        match self.prefix {
            "" => !["sinks[]", "dead_letter.", NAMED_SOURCE].iter().any(|other| key.starts_with(other)),
            prefix => key.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
        }
    }

    /// Its keys, in alphabetical order.
    pub(super) fn keys(&self) -> Vec<Key> {
        let mut keys = Vec::new();
        let (definition, node) = resolved(DOCUMENT.pointer(self.definition).expect("it is there"));
        collect(&Key { path: self.prefix.to_owned(), definition, schema: node }, &mut keys);
        keys.retain(|key| self.has(&key.path));
        keys
    }

    /// The least configuration in which every key of the variant is asked for.
    pub(super) fn configuration(&self) -> Value {
        let mut least = json!({
            "source": {"stream": "s", "start": {"at_timestamp": "2026-01-31T12:00:00Z"}},
            "detections": {"paths": ["d"], "lookups": {"x": {"path": "x.csv"}}, "settings": [{"detection": "A"}]},
            "sinks": [{"name": "out", "type": "stdout"}],
        });
        let own = || serde_json::from_str(self.least).expect("JSON");
        match self.prefix {
            "sinks[]" => least["sinks"][0] = own(),
            NAMED_SOURCE => {
                least["sources"] = json!([own()]);
                least.as_object_mut().expect("a mapping").remove("source");
            }
            "" => {}
            section => least[section] = own(),
        }
        if self.name == "webhook" {
            least["sinks"][0]["auth"] = json!({"basic": {"user": "u", "password": "p"}});
        }
        least
    }
}

fn collect(key: &Key, keys: &mut Vec<Key>) {
    let of = |path: String, node: &Value| {
        let (definition, schema) = resolved(node);
        Key { path, definition, schema }
    };
    let alternatives = key.schema["anyOf"].as_array().into_iter().flatten().map(|node| resolved(node).1);
    for node in std::iter::once(key.schema.clone()).chain(alternatives) {
        for (name, property) in node["properties"].as_object().into_iter().flatten() {
            let path = if key.path.is_empty() { name.clone() } else { format!("{}.{name}", key.path) };
            let below = of(path, property);
            collect(&below, keys);
            keys.push(below);
        }
        if node["items"].is_object() {
            collect(&of(format!("{}[]", key.path), &node["items"]), keys);
        }
        if node["additionalProperties"].is_object() {
            collect(&of(format!("{}.*", key.path), &node["additionalProperties"]), keys);
        }
    }
}

/// A node with what it refers to, under what it says itself; and the name of the innermost definition.
fn resolved(node: &Value) -> (String, Value) {
    let Some(reference) = node["$ref"].as_str() else { return (String::new(), node.clone()) };
    let name = reference.strip_prefix("#/$defs/").expect("a reference to a definition");
    let (inner, mut whole) = resolved(&DOCUMENT["$defs"][name]);
    for (keyword, value) in node.as_object().into_iter().flatten().filter(|(keyword, _)| *keyword != "$ref") {
        whole[keyword] = value.clone();
    }
    (if inner.is_empty() { name.to_owned() } else { inner }, whole)
}
