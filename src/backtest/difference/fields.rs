//! Where two bodies of one id differ, for people: paths into the JSON with both values.

use serde_json::Value;

/// As many of them are named.
const NAMED: usize = 8;
/// Characters of a value that are shown.
const SHOWN: usize = 80;

/// One line for each place: the value in the file, and that of the stream.
pub(super) fn differing(live: &str, stream: &str) -> Vec<String> {
    let read = |text| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let mut found = Vec::new();
    walk("", Some(&read(live)), Some(&read(stream)), &mut found);
    let more = found.len().saturating_sub(NAMED);
    found.truncate(NAMED);
    if more > 0 {
        found.push(format!("and {more} more places"));
    }
    if found.is_empty() {
        found.push("the content is the same, the bytes are not: was the file rewritten?".to_owned());
    }
    found
}

fn walk(path: &str, live: Option<&Value>, stream: Option<&Value>, found: &mut Vec<String>) {
    match (live, stream) {
        (Some(Value::Object(live)), Some(Value::Object(stream))) => {
            let added = stream.keys().filter(|key| !live.contains_key(*key));
            for key in live.keys().chain(added) {
                let path = if path.is_empty() { shortened(key) } else { format!("{path}.{}", shortened(key)) };
                walk(&path, live.get(key), stream.get(key), found);
            }
        }
        (Some(Value::Array(live)), Some(Value::Array(stream))) => {
            for index in 0..live.len().max(stream.len()) {
                walk(&format!("{path}[{index}]"), live.get(index), stream.get(index), found);
            }
        }
        (live, stream) if live != stream => {
            found.push(format!("{path}: {} in the file, {} by the stream", shown(live), shown(stream)));
        }
        _ => {}
    }
}

fn shown(value: Option<&Value>) -> String {
    value.map_or_else(|| "nothing".to_owned(), |value| shortened(&value.to_string()))
}

/// The beginning of a text that may be long.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A text as JSON writes it: with quotes, nothing in it acts.
pub(super) fn json_text(text: &str) -> String {
    shortened(&Value::from(text).to_string())
}
