//! Risk events as lines of output.

use std::collections::BTreeMap;

use serde_json::Value;

/// A risk event that was printed.
#[derive(Clone, Debug)]
pub struct Line {
    /// `<id>-<stage>`.
    pub key: String,
    /// The compared bytes: everything before `meta` (EM-4).
    pub body: String,
    /// All of it.
    pub json: Value,
}

impl Line {
    /// Reads a line.
    pub fn read(line: &str) -> Self {
        let json: Value = serde_json::from_str(line).expect("a risk event is one line of JSON");
        let (body, _) = line.rsplit_once(r#","meta":"#).expect("it ends in meta");
        let key = format!("{}-{}", text(&json["id"]), text(&json["stage"]));
        Self { key, body: body.to_owned(), json }
    }

    pub fn stage(&self) -> &str {
        text(&self.json["stage"])
    }

    pub fn id(&self) -> &str {
        text(&self.json["id"])
    }
}

/// Reads lines.
pub fn read_all<'a>(lines: impl IntoIterator<Item = &'a String>) -> Vec<Line> {
    lines.into_iter().map(|line| Line::read(line)).collect()
}

/// The compared bytes of every final risk event, by id.
///
/// # Panics
/// When one id has two of them (EM-4).
pub fn finals<'a>(lines: impl IntoIterator<Item = &'a Line>) -> BTreeMap<String, String> {
    let mut finals = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line.stage() == "final") {
        let before = finals.insert(line.id().to_owned(), line.body.clone());
        assert!(before.as_ref().is_none_or(|before| *before == line.body), "EM-4: {before:?}\nbecame {}", line.body);
    }
    finals
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text"))
}
