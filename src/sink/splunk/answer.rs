//! What the collector's answers mean, by the code in their body.

use serde::Deserialize;
use serde_json::Value;

use crate::sink::health::FailureKind;

/// The body of an answer, as far as it matters. Its text is not told: it may repeat what was sent.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Reply {
    pub(super) code: Option<u32>,
    /// From 0, over the objects of the request.
    #[serde(rename = "invalid-event-number")]
    pub(super) invalid_event_number: Option<usize>,
    #[serde(rename = "ackId")]
    pub(super) ack_id: Option<u64>,
}

impl Reply {
    /// What is no such answer (a proxy's page) says nothing.
    pub(super) fn of(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// What a success says of the events that were sent. Splunk Web, a login page or a firewall's page answers 200 as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Success {
    /// That the receiver has them.
    Taken,
    /// Nothing: it is empty, or has broken off.
    Unreadable,
    /// Something that no collector says.
    Foreign,
}

impl Success {
    /// Splunk and most that speak like it say code 0, or warn with 24 or 25. OpenObserve repeats the status; the receiver of
    /// OpenTelemetry said `"OK"` until 2024, and Logstash's HTTP input says `ok`.
    pub(super) fn of(body: &[u8]) -> Self {
        let is_word = |text: &str| ["ok", "success"].iter().any(|word| text.trim().eq_ignore_ascii_case(word));
        let is_taken = match serde_json::from_slice(body) {
            Err(error) if error.is_eof() => return Self::Unreadable,
            Err(_) => str::from_utf8(body).is_ok_and(is_word),
            Ok(Value::String(text)) => is_word(&text),
            Ok(answer) => match answer.get("code") {
                Some(code) => code.as_u64().is_some_and(|code| matches!(code, 0 | 24 | 25 | 200)),
                None => answer.get("text").and_then(Value::as_str).is_some_and(is_word),
            },
        };
        if is_taken { Self::Taken } else { Self::Foreign }
    }
}

/// What a code calls for, and what it says; none where the status has to decide: 0 and 17, which say that all is well,
/// and 24 and 25, which come with a 200 and warn that a queue is filling up.
pub(super) fn meaning(code: u32) -> Option<(FailureKind, &'static str)> {
    use FailureKind::{EventRefused, Misconfigured, Unavailable};
    let meaning = match code {
        1 => (Misconfigured, "the token is disabled"),
        2 | 3 => (Misconfigured, "the token is not accepted as authorization"),
        4 | 21 => (Misconfigured, "the token is unknown"),
        22 => (Misconfigured, "the token is disabled"),
        5 => (Misconfigured, "no data arrived: something between here and Splunk takes the body away"),
        6 => (EventRefused, "the data format is invalid"),
        7 => (Misconfigured, "the token does not allow this index"),
        8 => (Unavailable, "internal server error"),
        9 => (Unavailable, "the server is busy"),
        10 | 28 => (Misconfigured, "the token has indexer acknowledgement: set `acknowledgement: true`"),
        11 => (Misconfigured, "the channel is invalid"),
        12 => (EventRefused, "the field `event` is missing"),
        13 => (EventRefused, "the field `event` is blank"),
        14 => (Misconfigured, "the token has no indexer acknowledgement: set `acknowledgement: false`"),
        15 => (EventRefused, "the indexed fields are not accepted"),
        16 => (Misconfigured, "the URL holds a token, which this collector does not take from there"),
        18 | 26 => (Unavailable, "the queues are full"),
        19 => (Unavailable, "acknowledgement is unavailable"),
        20 => (Unavailable, "the queues are full and acknowledgement is unavailable"),
        27 => (Unavailable, "the channel of acknowledgements is full"),
        23 => (Unavailable, "the server is shutting down"),
        _ => return None,
    };
    Some(meaning)
}

#[cfg(test)]
mod tests;
