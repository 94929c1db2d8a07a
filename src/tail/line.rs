//! One event, one line. Everything in it may be an attacker's text: for people it is made visible and cut, in JSON it is
//! escaped.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::cloudtrail::{Envelope, Event, Rejected, field};
use crate::engine::{Position, ShardId};
use crate::telemetry::visible;
use crate::time::{Arrival, EventTime};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}

/// Where a record came from.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The shard.
    pub shard: &'a ShardId,
    /// The record.
    pub position: &'a Position,
    /// Its arrival.
    pub arrival: Arrival,
}

/// Characters of a value that people are shown.
const SHOWN: usize = 100;
/// The columns of the text form behind shard and envelope: the first field that an event has.
const COLUMNS: [&[&str]; 6] = [
    &["recipientAccountId", "userIdentity.accountId"],
    &["awsRegion"],
    &["eventSource"],
    &["eventName"],
    &["userIdentity.arn", "userIdentity.userName", "userIdentity.invokedBy", "userIdentity.type"],
    &["sourceIPAddress"],
];

/// The line of an event, without its end.
pub fn event(shown: Shown, place: &Place<'_>, envelope: Envelope, event: &Event) -> String {
    let delay = place.arrival.0.saturating_sub(event.time.0);
    match shown {
        Shown::Text => {
            let values = COLUMNS.iter().map(|names| names.iter().find_map(|name| text(event, name)));
            // As searches see it, the field says `success` of an event without one.
            let error = text(event, "errorCode").filter(|code| code != "success");
            let error = error.map(|code| format!("errorCode={code}"));
            let columns = values.map(|value| value.unwrap_or_else(|| "-".to_owned())).chain(error);
            let columns: Vec<String> = columns.collect();
            format!(
                "{} {:>8} {} {} {} {}",
                place.arrival,
                seconds(delay),
                visible(place.shard.as_str()),
                envelope.as_str(),
                event.time,
                columns.join(" ")
            )
        }
        Shown::Json => json(&EventLine {
            arrival: place.arrival.to_string(),
            delay_ms: delay,
            shard: place.shard.as_str(),
            position: place.position.to_string(),
            envelope: envelope.as_str(),
            event_time: event.time.to_string(),
            event: raw(event.raw()),
        }),
    }
}

/// The line of what cannot be decoded, without its end.
pub fn rejected(shown: Shown, place: &Place<'_>, rejected: &Rejected) -> String {
    let (reason, bytes) = (rejected.reason.as_str(), rejected.bytes.len());
    match shown {
        Shown::Text => {
            let (arrival, shard, position) = (place.arrival, visible(place.shard.as_str()), place.position);
            format!("{arrival} {:>8} {shard} rejected: {reason}: {} ({bytes} bytes, {position})", "-", rejected.detail)
        }
        Shown::Json => json(&RejectedLine {
            arrival: place.arrival.to_string(),
            shard: place.shard.as_str(),
            position: place.position.to_string(),
            rejected: reason,
            detail: &rejected.detail,
            bytes,
        }),
    }
}

#[derive(Serialize)]
struct EventLine<'a> {
    arrival: String,
    delay_ms: i64,
    shard: &'a str,
    position: String,
    envelope: &'a str,
    event_time: String,
    event: Box<RawValue>,
}

#[derive(Serialize)]
struct RejectedLine<'a> {
    arrival: String,
    shard: &'a str,
    position: String,
    rejected: &'a str,
    detail: &'a str,
    bytes: usize,
}

fn json(line: &impl Serialize) -> String {
    serde_json::to_string(line).expect("texts and numbers become JSON")
}

/// The event as it came, on one line: outside of texts line ends are blanks, and in texts they are escaped.
fn raw(text: &str) -> Box<RawValue> {
    let line = text.replace(['\n', '\r'], " ");
    RawValue::from_string(line).expect("a decoded event is JSON")
}

/// A field's values for people: nothing in them acts, and blanks do not look like the end of a column.
fn text(event: &Event, name: &str) -> Option<String> {
    let value = field(event, name);
    let texts: Vec<String> = value.scalars().iter().map(|scalar| scalar.to_text().to_string()).collect();
    let joined = texts.join(",");
    if joined.is_empty() {
        return None;
    }
    let cut: String = match joined.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    };
    let is_plain = !cut.contains([' ', '"']);
    let shown = visible(&cut).into_owned();
    Some(if is_plain { shown } else { format!("\"{}\"", shown.replace('"', "\\\"")) })
}

/// A delay in the unit that people read: `+2.4s`, `+12m`, `-3.0s`.
pub(super) fn seconds(millis: i64) -> String {
    let (sign, amount) = (if millis < 0 { '-' } else { '+' }, millis.unsigned_abs());
    match amount {
        0..60_000 => format!("{sign}{}.{}s", amount / 1000, amount % 1000 / 100),
        60_000..3_600_000 => format!("{sign}{}m{:02}s", amount / 60_000, amount % 60_000 / 1000),
        3_600_000..172_800_000 => format!("{sign}{}h{:02}m", amount / 3_600_000, amount % 3_600_000 / 60_000),
        _ => format!("{sign}{}d", amount / 86_400_000),
    }
}

/// For the header of the text form.
pub const HEADER: &str =
    "arrival, delay, shard, envelope, eventTime, account, region, eventSource, eventName, user, source, error";

/// The time of an event that is only used to tell it late.
pub(super) fn delay(arrival: Arrival, time: EventTime) -> i64 {
    arrival.0.saturating_sub(time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::{DecodeLimits, RejectReason, decode};
    use crate::engine::SequenceNumber;

    const TEXT: &str = r#"{"eventVersion":"1.08",
        "eventName":"GetObject","eventSource":"s3.amazonaws.com","eventTime":"2026-01-31T12:00:00Z",
        "recipientAccountId":"111111111111","awsRegion":"eu-central-1","sourceIPAddress":"198.51.100.7",
        "userIdentity":{"arn":"arn:aws:iam::1:user/AGENT"},"errorCode":"AccessDenied","n":1.50}"#;

    fn lines(agent: &str, millis: i64) -> [String; 2] {
        let (shard, number) = (ShardId::new("shardId-000000000003"), SequenceNumber::try_new("77").expect("digits"));
        let position = Position::After(number, 0);
        let text = TEXT.replace("AGENT", agent);
        let decoded = decode(text.as_bytes(), &DecodeLimits::default());
        let [one] = &decoded.events[..] else { panic!("one event: {:?}", decoded.rejected) };
        let place = Place { shard: &shard, position: &position, arrival: Arrival(one.time.0 + millis) };
        [Shown::Text, Shown::Json].map(|shown| event(shown, &place, Envelope::Bare, one))
    }

    #[test]
    fn people_see_when_it_arrived_how_late_where_and_what_it_is() {
        let [text, _] = lines("alice", 2450);
        assert_eq!(
            text,
            "2026-01-31T12:00:02.45Z    +2.4s shardId-000000000003 bare 2026-01-31T12:00:00Z 111111111111 eu-central-1 \
             s3.amazonaws.com GetObject arn:aws:iam::1:user/alice 198.51.100.7 errorCode=AccessDenied"
        );
    }

    #[test]
    fn json_has_the_event_as_it_came_on_one_line() {
        let [_, json] = lines("alice", 2450);
        assert!(!json.contains('\n'), "{json}");
        let read: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!((&read["delay_ms"], &read["position"]), (&2450.into(), &"77".into()));
        assert_eq!((&read["envelope"], &read["event"]["eventName"]), (&"bare".into(), &"GetObject".into()));
        assert!(json.contains(r#""n":1.50"#), "no number is rewritten: {json}");
    }

    #[test]
    fn threat_1_nothing_of_an_event_acts_on_a_terminal_or_looks_like_another_column() {
        let [text, _] = lines(r"a\u001b[2J\u202e b\n\u0022c", 0);
        assert!(!text.chars().any(|character| character.is_control() || character == '\u{202e}'), "{text:?}");
        assert!(text.contains(r#" "arn:aws:iam::1:user/a\u{1b}[2J\u{202e} b\u{a}\"c" 198.51.100.7"#), "{text}");
    }

    #[test]
    fn long_values_are_cut_for_people() {
        let [text, json] = lines(&"é".repeat(5000), 0);
        assert!(text.len() < 600 && text.contains("é…"), "{}", text.len());
        assert!(json.len() > 5000);
    }

    #[test]
    fn delays_are_read_at_a_glance() {
        let shown = [0, 59_999, 60_000, 3_599_000, 3_600_000, 172_800_000, -3_000].map(seconds);
        assert_eq!(shown, ["+0.0s", "+59.9s", "+1m00s", "+59m59s", "+1h00m", "+2d", "-3.0s"]);
    }

    #[test]
    fn po_1_what_cannot_be_decoded_is_shown_without_its_text() {
        let (shard, position) = (ShardId::new("s"), Position::Start);
        let place = Place { shard: &shard, position: &position, arrival: Arrival(0) };
        let bad = Rejected { reason: RejectReason::BadJson, detail: "why".to_owned(), bytes: b"{evil"[..].into() };
        let text = rejected(Shown::Text, &place, &bad);
        assert!(text.ends_with("s rejected: bad_json: why (5 bytes, start)"), "{text}");
        let json: serde_json::Value = serde_json::from_str(&rejected(Shown::Json, &place, &bad)).expect("JSON");
        assert_eq!((&json["rejected"], &json["bytes"]), (&"bad_json".into(), &5.into()));
    }
}
