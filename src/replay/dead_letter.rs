//! Lines of a dead-letter file: what was rejected is read again as it came, what a receiver refused is handed back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

/// How every line begins; nothing else is looked at more closely.
const HEAD: &[u8] = br#"{"schema":"trailrisk.dead_letter/v1","#;

/// What a dead letter holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    /// The bytes that could not be decoded: a record, or the bad event in it.
    Record(Vec<u8>),
    /// The line of a risk event that a sink did not deliver, without its newline.
    RiskEvent(Vec<u8>),
}

/// Opens a line of a dead-letter file; none if it is something else, or torn.
pub fn open(line: &[u8]) -> Option<Opened> {
    #[derive(Deserialize)]
    struct Letter {
        origin: String,
        data: String,
    }
    let line = line.trim_ascii();
    let letter: Letter = line.starts_with(HEAD).then(|| serde_json::from_slice(line).ok()).flatten()?;
    let data = STANDARD.decode(letter.data).ok()?;
    match letter.origin.as_str() {
        "record" => Some(Opened::Record(data)),
        "sink" => Some(Opened::RiskEvent(data)),
        _ => None,
    }
}

/// Whether a line is one of a dead-letter file, torn or not.
pub fn is_letter(line: &[u8]) -> bool {
    line.starts_with(HEAD) || line.len() > 1 && HEAD.starts_with(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(origin: &str) -> String {
        format!(r#"{{"schema":"trailrisk.dead_letter/v1","origin":"{origin}","reason":"x","data":"eyJhIjoxfQ=="}}"#)
    }

    #[test]
    fn po_1_both_origins_are_opened_and_nothing_else() {
        let data = br#"{"a":1}"#.to_vec();
        assert_eq!(open(line("record").as_bytes()), Some(Opened::Record(data.clone())));
        assert_eq!(open(format!("{}\r\n", line("sink")).as_bytes()), Some(Opened::RiskEvent(data)));
        let torn = &line("record").into_bytes()[..70];
        for other in [line("elsewhere").as_bytes(), torn, br#"{"schema":"trailrisk.risk_event/v1"}"#, b"{}"] {
            assert_eq!(open(other), None);
        }
    }
}
