//! One CloudTrail record's text to an event.

use std::borrow::Cow;
use std::hash::Hasher as _;
use std::ops::Range;

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

use super::envelope::Facts;
use super::event::{EnvelopeFacts, Event, EventKey, RejectReason};
use super::tree::{Document, Tree, View};
use super::{event_time, json};
use crate::time::EventTime;

/// Why a text is not an event: the counted reason, and an explanation without any of its text.
pub(super) type Refusal = (RejectReason, String);

/// Reads one record, of which the members may be known.
pub(super) fn read<'t>(text: &'t str, known: Option<Document<'t>>, facts: &Facts<'_>) -> Result<Event<'t>, Refusal> {
    let tree = Tree::read(text, known).map_err(refuse_json)?;
    let event = tree.root();
    recognise(event)?;
    let own_time = time(event);
    let envelope = facts.lacked(event, own_time);
    let time = own_time.or(envelope.time).ok_or_else(no_time)?;
    let key = key(event, text);
    Ok(Event { key, time, tree, envelope })
}

/// [`Event::content_hash`].
pub(super) fn content_hash(text: &str, facts: &EnvelopeFacts) -> u64 {
    let mut content = SipHasher13::new();
    content.write(text.as_bytes());
    // Behind a text that is an object nothing else can stand.
    let mut add = |mark: u8, fact: &[u8]| {
        content.write(&[mark]);
        content.write(&(fact.len() as u64).to_be_bytes());
        content.write(fact);
    };
    facts.account.iter().for_each(|account| add(1, account.as_bytes()));
    facts.region.iter().for_each(|region| add(2, region.as_bytes()));
    facts.time.iter().for_each(|time| add(3, &time.0.to_be_bytes()));
    content.finish()
}

/// What is a CloudTrail record: it has a text `eventName` (Insights events have none) or `eventVersion`, and its
/// `eventSource`, if it has one, is a host name. The source is what tells it from the look-alikes that share its
/// format: Lambda triggers and S3 notifications have `aws:<service>`, custom events of CloudTrail Lake and samples a
/// bare word, Alibaba's ActionTrail a host of `aliyuncs.com`. Any other host passes: a real event that is turned away
/// is worse than a foreign one that no search matches.
fn recognise(event: View<'_>) -> Result<(), Refusal> {
    let text = |name: &str| event.member(name).and_then(View::as_str);
    if text("eventName").or_else(|| text("eventVersion")).is_none() {
        return Err(not_cloudtrail("neither eventName nor eventVersion"));
    }
    match text("eventSource") {
        Some(source) if !source.contains('.') || source.ends_with(".aliyuncs.com") => {
            Err(not_cloudtrail("eventSource is not the host name of an AWS service"))
        }
        _ => Ok(()),
    }
}

fn time(event: View<'_>) -> Option<EventTime> {
    event_time::parse(&event.member("eventTime")?.as_str()?)
}

/// AG-2. The two hashes have different prefixes, so that no `eventID` can be written that equals another event's bytes.
fn key(event: View<'_>, text: &str) -> EventKey {
    match id(event) {
        Some(id) => uuid(&id).unwrap_or_else(|| hash("event-id", &id)),
        None => hash("event-bytes", text),
    }
}

/// The text of `eventID`, if it has one.
pub(super) fn id(event: View<'_>) -> Option<Cow<'_, str>> {
    let id = event.member("eventID")?;
    id.as_str().or_else(|| id.as_number().map(Cow::Borrowed)).filter(|id| !id.is_empty())
}

/// The value of a UUID in its hyphenated form.
fn uuid(text: &str) -> Option<EventKey> {
    let bytes: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let digit = |number: u64, byte: &u8| Some(number << 4 | u64::from(char::from(*byte).to_digit(16)?));
    let part = |places: Range<usize>| bytes[places].iter().try_fold(0, digit);
    if [8, 13, 18, 23].iter().any(|place| bytes[*place] != b'-') {
        return None;
    }
    let high = part(0..8)? << 32 | part(9..13)? << 16 | part(14..18)?;
    let low = part(19..23)? << 48 | part(24..36)?;
    Some(EventKey(u128::from(high) << 64 | u128::from(low)))
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
        json::Fault::NotAnObject => not_cloudtrail("the event is not a JSON object"),
        json::Fault::NotJson(detail) => (RejectReason::BadJson, detail),
    }
}

fn not_cloudtrail(detail: &str) -> Refusal {
    (RejectReason::NotCloudTrail, detail.to_owned())
}

fn no_time() -> Refusal {
    (RejectReason::NoEventTime, "eventTime is absent or cannot be read, and no envelope gives a time".to_owned())
}
