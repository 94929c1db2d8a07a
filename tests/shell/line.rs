//! A risk event as it is written, in the oracle's words.

use serde_json::Value;
use trailrisk::risk_event::Pane;
use trailrisk::time::Arrival;

use crate::detections::number;
use crate::oracle::{Body, Key, named};
use crate::whole::{EVENT, PART};

/// The compared bytes: all but `meta` (EM-4).
pub fn compared(line: &[u8]) -> &[u8] {
    let meta = b",\"meta\":";
    let at = line.windows(meta.len()).rposition(|bytes| bytes == meta);
    &line[..at.expect("every line has a meta")]
}

/// What it is about, and what it says. The columns of a row by their names.
pub fn read(line: &[u8]) -> (Key, Body) {
    let document: Value = serde_json::from_slice(line).expect("a line is one JSON document");
    let columns = |name: &str| -> Vec<(String, Vec<String>)> {
        let object = document[name].as_object().expect("columns");
        object.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), texts(value))).collect()
    };
    let evidence: Vec<(i64, String)> = document["evidence"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|event| (instant(&event["event_time"]), text(&event["event_id"])))
        .collect();
    let group: Vec<String> = columns("group").into_iter().map(|(_, values)| values.join(",")).collect();
    let row = columns("row");
    let detection = &document["detection"];
    let key = Key {
        detection: format!("{}/{}", text(&detection["id"]), detection["version"]),
        window: instant(&document["window"]["start"]),
        pane: pane(&document),
        event: group.is_empty().then(|| named(&row, EVENT).unwrap_or_else(|| evidence[0].1.clone())),
        part: named(&row, PART).unwrap_or_default(),
        group,
    };
    let objects = document["risk_objects"].as_array().expect("a list");
    let body = Body {
        row,
        event_count: document["event_count"].as_u64().expect("a count"),
        first: instant(&document["first_event"]),
        last: instant(&document["last_event"]),
        window_end: instant(&document["window"]["end"]),
        message: text(&document["risk_message"]),
        objects: objects.iter().map(|object| text(&object["value"])).collect(),
        partial: document["partial"] == true,
        evidence,
    };
    (key, body)
}

/// The same, of the oracle's body.
pub fn by_name(mut body: Body) -> Body {
    body.row.sort();
    body
}

fn pane(document: &Value) -> Pane {
    let bucket = || Arrival(instant(&document["pane_bucket"]));
    match document["pane"].as_str() {
        Some("on_time") => Pane::OnTime,
        Some("late") => Pane::Late(bucket()),
        Some("future") => Pane::Future(bucket()),
        Some(forced) if forced.starts_with("forced-") => {
            Pane::Forced(forced["forced-".len()..].parse().expect("a number"))
        }
        other => panic!("a pane that no run makes: {other:?}"),
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().map(text).collect(),
        other => vec![text(other)],
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => number(other.as_f64().expect("a number")),
    }
}

fn instant(value: &Value) -> i64 {
    let instant: jiff::Timestamp = text(value).parse().expect("an instant");
    instant.as_millisecond()
}
