//! Recognises the envelope of one JSON document by its top-level keys.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::event::EnvelopeFacts;
use super::{event_time, json};
use crate::time::EventTime;

/// One document, recognised. The slices are parts of the document's own text.
pub(super) enum Shape<'a> {
    /// A bare CloudTrail record.
    Bare,
    /// An EventBridge event with its `detail`.
    EventBridge(&'a RawValue, Origin),
    /// `Records` of a CloudTrail file.
    File(Vec<&'a RawValue>),
    /// `logEvents` of a CloudWatch Logs subscription.
    Logs(Vec<&'a RawValue>),
    /// A CloudWatch Logs control message.
    Control,
    /// None of these.
    Unknown,
}

/// What an EventBridge envelope says of its event.
#[derive(Clone, Debug, Default)]
pub(super) struct Origin {
    /// Stand-ins for absent fields.
    pub facts: EnvelopeFacts,
    /// Stand-in for an absent `eventTime` (WN-5).
    pub time: Option<EventTime>,
}

/// Recognises a document.
pub(super) fn recognise(document: &str) -> Shape<'_> {
    match serde_json::from_str::<Head<'_>>(document) {
        Ok(head) => head.shape(),
        Err(_) => Shape::Unknown,
    }
}

/// The keys that tell envelopes apart.
#[derive(Deserialize)]
#[serde(field_identifier)]
enum Key {
    #[serde(rename = "detail-type")]
    DetailType,
    #[serde(rename = "detail")]
    Detail,
    #[serde(rename = "account")]
    Account,
    #[serde(rename = "region")]
    Region,
    #[serde(rename = "time")]
    Time,
    Records,
    #[serde(rename = "messageType")]
    MessageType,
    #[serde(rename = "logEvents")]
    LogEvents,
    #[serde(rename = "eventName", alias = "eventVersion")]
    Event,
    #[serde(other)]
    Other,
}

/// What stands under the keys that tell envelopes apart.
#[derive(Default)]
struct Head<'a> {
    detail_type: bool,
    detail: Option<&'a RawValue>,
    account: Option<&'a RawValue>,
    region: Option<&'a RawValue>,
    time: Option<&'a RawValue>,
    records: Option<&'a RawValue>,
    message_type: Option<&'a RawValue>,
    log_events: Option<&'a RawValue>,
    event: bool,
}

impl<'a> Head<'a> {
    /// The order matters only for documents that no AWS service makes: the outermost envelope wins.
    fn shape(self) -> Shape<'a> {
        match (self.detail, self.records, self.message_type, self.log_events) {
            (Some(detail), ..) if self.detail_type => Shape::EventBridge(detail, self.origin()),
            (_, Some(records), ..) => file(records),
            (_, _, Some(kind), Some(events)) => logs(kind, events),
            _ if self.event => Shape::Bare,
            _ => Shape::Unknown,
        }
    }

    fn origin(&self) -> Origin {
        let text = |raw: Option<&RawValue>| raw.and_then(|raw| json::parse_string(raw.get()));
        let fact = |raw| text(raw).filter(|text| !text.is_empty()).map(Arc::from);
        let facts = EnvelopeFacts { account: fact(self.account), region: fact(self.region) };
        Origin { facts, time: text(self.time).and_then(|time| event_time::parse(&time)) }
    }
}

/// A `Records` array is a CloudTrail file, unless its first element says that it is something else that AWS wraps in
/// the same way: a trigger of Lambda (Kinesis, SQS, SNS) or a notification of S3, whose source is `aws:<service>`.
fn file(records: &RawValue) -> Shape<'_> {
    match serde_json::from_str::<Vec<&RawValue>>(records.get()) {
        Ok(records) if !records.first().is_some_and(|first| is_trigger(first)) => Shape::File(records),
        _ => Shape::Unknown,
    }
}

fn is_trigger(record: &RawValue) -> bool {
    #[derive(Deserialize)]
    struct Trigger {
        #[serde(rename = "eventSource", alias = "EventSource")]
        source: String,
    }
    serde_json::from_str::<Trigger>(record.get()).is_ok_and(|record| record.source.starts_with("aws:"))
}

fn logs<'a>(kind: &'a RawValue, events: &'a RawValue) -> Shape<'a> {
    match (kind.get(), serde_json::from_str(events.get())) {
        ("\"CONTROL_MESSAGE\"", _) => Shape::Control,
        ("\"DATA_MESSAGE\"", Ok(events)) => Shape::Logs(events),
        _ => Shape::Unknown,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Head<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadVisitor)
    }
}

/// Written out because the derived one refuses duplicate keys, which real events have.
struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = Head<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Head<'de>, A::Error> {
        let mut head = Head::default();
        while let Some(key) = map.next_key::<Key>()? {
            let slot = match key {
                Key::Detail => &mut head.detail,
                Key::Account => &mut head.account,
                Key::Region => &mut head.region,
                Key::Time => &mut head.time,
                Key::Records => &mut head.records,
                Key::MessageType => &mut head.message_type,
                Key::LogEvents => &mut head.log_events,
                Key::DetailType | Key::Event | Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                    head.detail_type |= matches!(key, Key::DetailType);
                    head.event |= matches!(key, Key::Event);
                    continue;
                }
            };
            *slot = Some(map.next_value()?);
        }
        Ok(head)
    }
}
