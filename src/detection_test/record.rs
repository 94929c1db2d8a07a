//! The records of a test, and when they arrive.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};

use super::reader::Reader;
use crate::config::duration;
use crate::replay::{files_of, read_blocks};
use crate::time::Arrival;
use crate::yaml::Node;

const RECORD_KEYS: [&str; 7] = ["event", "record", "file", "with", "arrives", "times", "every"];

/// What stands for the number of a copy, from 1, in the texts of `with`.
const NUMBER: &str = "$n$";

/// One record of the stream.
#[derive(Clone, Debug, PartialEq)]
pub struct TestRecord {
    /// Its bytes.
    pub data: Vec<u8>,
    /// When it arrives.
    pub arrives: Arrives,
}

/// `arrives`: when a record arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrives {
    /// So many milliseconds after its newest event's own time; before it where negative. Default 0.
    After(i64),
    /// At this instant.
    At(Arrival),
}

/// The records that an item of `events` stands for.
pub(super) fn read_records(
    reader: &mut Reader,
    folder: &Path,
    templates: &BTreeMap<String, Value>,
    node: Node<'_>,
) -> Vec<TestRecord> {
    if reader.keys(node, "an event of a test", &RECORD_KEYS).is_none() {
        return Vec::new();
    }
    let arrives = node.get("arrives").map_or(Some(Arrives::After(0)), |node| read_arrives(reader, node));
    let Some(arrives) = arrives else { return Vec::new() };
    let record = |data: Vec<u8>| TestRecord { data, arrives };
    match (node.get("event"), node.get("record"), node.get("file")) {
        (Some(event), None, None) => {
            let base = event_of(reader, templates, event);
            base.map(|base| copies(reader, node, &base)).unwrap_or_default().into_iter().map(record).collect()
        }
        (None, Some(raw), None) => {
            only_with_an_event(reader, node);
            reader.text(raw, "`record`").map(|text| record(text.as_bytes().to_vec())).into_iter().collect()
        }
        (None, None, Some(file)) => {
            only_with_an_event(reader, node);
            documents(reader, folder, file).into_iter().map(record).collect()
        }
        _ => {
            reader.problem(
                node,
                "give one of `event` (a mapping, or a name of the file's `events`), `record` (text) and `file`",
            );
            Vec::new()
        }
    }
}

fn only_with_an_event(reader: &mut Reader, node: Node<'_>) {
    for key in ["with", "times", "every"] {
        if let Some(value) = node.get(key) {
            reader.problem(value, format!("`{key}` changes an `event`; a record or a file is taken as it is"));
        }
    }
}

fn event_of(reader: &mut Reader, templates: &BTreeMap<String, Value>, node: Node<'_>) -> Option<Value> {
    if node.entries().is_some() {
        return Some(node.json());
    }
    let name = reader.text(node, "`event`")?;
    let found = templates.get(name).cloned();
    if found.is_none() {
        let names: Vec<&str> = templates.keys().map(String::as_str).collect();
        let known = if names.is_empty() { "it has none".to_owned() } else { format!("known are {}", names.join(", ")) };
        reader.problem(node, format!("`{name}` is not among the file's `events`; {known}"));
    }
    found
}

/// `with` changes the event as a JSON merge patch (RFC 7396) does. `times: N` makes N of it, `every` so far apart, each
/// with an `eventID` of its own.
fn copies(reader: &mut Reader, node: Node<'_>, base: &Value) -> Vec<Vec<u8>> {
    let patch = node.get("with").and_then(|node| reader.mapping(node, "`with`"));
    let times = node.get("times").and_then(|node| reader.count(node, "`times`", 1));
    let every = node.get("every").and_then(|node| reader.duration(node, "`every`"));
    if let Some(every) = node.get("every").filter(|_| times.is_none()) {
        reader.problem(every, "`every` is the time between the events that `times` makes");
    }
    let step = every.map_or(0, |every| i64::try_from(every.as_millis()).unwrap_or(i64::MAX));
    let mut made = Vec::new();
    for index in 0..times.unwrap_or(1) {
        let mut event = base.clone();
        if let Some(patch) = &patch {
            merge(&mut event, &numbered(patch, index + 1));
        }
        if times.is_some() {
            event["eventID"] = json!(format!("{}-{}", event["eventID"].as_str().unwrap_or("event"), index + 1));
        }
        let later = step.saturating_mul(i64::try_from(index).unwrap_or(i64::MAX));
        if later > 0 && !shift(&mut event, later) {
            reader.problem(node, "`every` needs an `eventTime` such as 2026-01-31T12:00:00Z in the event");
            return Vec::new();
        }
        made.push(event.to_string().into_bytes());
    }
    made
}

fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(changes) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, change) in changes {
        match (change, target.as_object_mut()) {
            (Value::Null, Some(object)) => drop(object.remove(key)),
            (change, Some(object)) => merge(object.entry(key).or_insert(Value::Null), change),
            (_, None) => {}
        }
    }
}

fn numbered(patch: &Value, number: u64) -> Value {
    match patch {
        Value::String(text) => json!(text.replace(NUMBER, &number.to_string())),
        Value::Array(items) => items.iter().map(|item| numbered(item, number)).collect(),
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), numbered(value, number))).collect())
        }
        other => other.clone(),
    }
}

/// Moves `eventTime`, in milliseconds. False where there is none to read.
fn shift(event: &mut Value, later: i64) -> bool {
    let time = event["eventTime"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let moved = time.and_then(|time| time.checked_add(jiff::SignedDuration::from_millis(later)).ok());
    moved.map(|moved| event["eventTime"] = json!(moved.to_string())).is_some()
}

fn documents(reader: &mut Reader, folder: &Path, node: Node<'_>) -> Vec<Vec<u8>> {
    let Some(path) = reader.text(node, "`file`").map(|text| folder.join(text)) else { return Vec::new() };
    let mut documents = Vec::new();
    let read = files_of(&[path]).and_then(|files| {
        files.into_iter().try_for_each(|file| {
            read_blocks(&file?, &mut |_| {}, &mut |block| {
                let bytes = block.bytes();
                documents.extend(block.map(|(_, range)| bytes[range].to_vec()));
            })
        })
    });
    if let Err(error) = read {
        reader.problem(node, format!("{error}: {}", error.source));
    }
    documents
}

fn read_arrives(reader: &mut Reader, node: Node<'_>) -> Option<Arrives> {
    let text = reader.text(node, "`arrives`")?;
    let (sign, length) = text.strip_prefix('-').map_or((1, text), |length| (-1, length));
    if let Ok(length) = duration(length) {
        return Some(Arrives::After(sign * i64::try_from(length.as_millis()).unwrap_or(i64::MAX)));
    }
    let instant = text.parse::<jiff::Timestamp>().ok();
    if instant.is_none() {
        reader.problem(
            node,
            format!(
                "`arrives` is a duration after the event's own time (20m; -1m for before), or an instant such as \
                 2026-01-31T12:00:00Z, not {text:?}"
            ),
        );
    }
    instant.map(|instant| Arrives::At(Arrival(instant.as_millisecond())))
}
