//! One CloudTrail record's text to an event.

use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::envelope::Origin;
use super::event::{Event, EventKey, RejectReason};
use super::{event_time, json};
use crate::time::EventTime;

/// Why a text is not an event: the counted reason, and an explanation without any of its text.
pub(super) type Refusal = (RejectReason, String);

/// Reads one record.
pub(super) fn read(text: &str, origin: &Origin) -> Result<Event, Refusal> {
    let json = json::parse(text).map_err(refuse_json)?;
    let members = json.as_object().ok_or_else(|| not_cloudtrail("the event is not a JSON object"))?;
    recognise(members)?;
    let time = time(members).or(origin.time).ok_or_else(no_time)?;
    let (key, id) = identity(members, text);
    let [content_hash, ..] = words(&Sha256::digest(text));
    Ok(Event { key, id, content_hash, time, raw: text.into(), json, envelope: origin.facts.clone() })
}

/// What is a CloudTrail record: it has a text `eventName` (Insights events have none) or `eventVersion`, and its
/// `eventSource`, if it has one, is a host name. The source is what tells it from the look-alikes that share its
/// format: Lambda triggers and S3 notifications have `aws:<service>`, custom events of CloudTrail Lake and samples a
/// bare word, Alibaba's ActionTrail a host of `aliyuncs.com`. Any other host passes: a real event that is turned away
/// is worse than a foreign one that no search matches.
fn recognise(members: &Map<String, Value>) -> Result<(), Refusal> {
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("eventName").or(text("eventVersion")).is_none() {
        return Err(not_cloudtrail("neither eventName nor eventVersion"));
    }
    match text("eventSource") {
        Some(source) if !source.contains('.') || source.ends_with(".aliyuncs.com") => {
            Err(not_cloudtrail("eventSource is not the host name of an AWS service"))
        }
        _ => Ok(()),
    }
}

fn time(members: &Map<String, Value>) -> Option<EventTime> {
    event_time::parse(members.get("eventTime")?.as_str()?)
}

/// AG-2. The two hashes have different prefixes, so that no `eventID` can be written that equals another event's bytes.
fn identity(members: &Map<String, Value>, text: &str) -> (EventKey, Arc<str>) {
    let id = match members.get("eventID") {
        Some(Value::String(id)) if !id.is_empty() => id.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => {
            let key = hash("event-bytes", text);
            return (key, format!("{:032x}", key.0).into());
        }
    };
    (uuid(&id).unwrap_or_else(|| hash("event-id", &id)), id.into())
}

/// The value of a UUID in its hyphenated form.
fn uuid(text: &str) -> Option<EventKey> {
    let hyphens_hold = text.len() == 36 && [8, 13, 18, 23].iter().all(|&at| text.as_bytes()[at] == b'-');
    let digits: String = text.chars().filter(|&c| c != '-').collect();
    let is_uuid = hyphens_hold && digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_uuid.then(|| u128::from_str_radix(&digits, 16).ok().map(EventKey)).flatten()
}

fn hash(domain: &str, text: &str) -> EventKey {
    let digest = Sha256::new().chain_update(domain).chain_update([0]).chain_update(text).finalize();
    let [high, low, ..] = words(&digest);
    EventKey(u128::from(high) << 64 | u128::from(low))
}

/// The first two big-endian words of a digest.
fn words(digest: &[u8]) -> [u64; 2] {
    let word = |at: usize| digest[at..at + 8].iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
    [word(0), word(8)]
}

fn refuse_json(fault: json::Fault) -> Refusal {
    match fault {
        json::Fault::TooDeep => (RejectReason::TooDeep, "nested deeper than 127 levels".to_owned()),
        json::Fault::NotJson(detail) => (RejectReason::BadJson, detail),
    }
}

fn not_cloudtrail(detail: &str) -> Refusal {
    (RejectReason::NotCloudTrail, detail.to_owned())
}

fn no_time() -> Refusal {
    (RejectReason::NoEventTime, "eventTime is absent or cannot be read, and no envelope gives a time".to_owned())
}
