//! The dead-letter file as its reader sees it.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::line::text;
use crate::support::daemon::Home;

/// One line of the file.
pub struct DeadLetter {
    pub reason: String,
    /// The original bytes.
    pub data: Vec<u8>,
    pub json: Value,
}

/// All lines of the file; a crash may have torn the last one of a life, which stands alone then.
pub fn dead_letters(home: &Home) -> Vec<DeadLetter> {
    read_dead_letters(&home.path("dead-letters.ndjson"))
}

/// As [`dead_letters`], of a file elsewhere.
pub fn read_dead_letters(path: &Path) -> Vec<DeadLetter> {
    let file = std::fs::read_to_string(path).unwrap_or_default();
    let whole = file.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let read = |json: Value| DeadLetter {
        reason: text(&json["reason"]).to_owned(),
        data: STANDARD.decode(text(&json["data"])).expect("base64"),
        json,
    };
    whole.map(read).collect()
}
