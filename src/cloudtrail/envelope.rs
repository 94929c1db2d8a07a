//! Recognises the envelope of one JSON document by its top-level keys.

use std::sync::Arc;

use super::event::EnvelopeFacts;
use super::tree::{self, Document, View};
use super::{event_time, json};
use crate::time::EventTime;

/// One document, recognised. The slices are parts of the document's own text.
pub(super) enum Shape<'a> {
    /// A bare CloudTrail record.
    Bare,
    /// An EventBridge event with its `detail`.
    EventBridge(&'a str, Facts<'a>),
    /// `Records` of a CloudTrail file: an array.
    File(&'a str),
    /// `logEvents` of a CloudWatch Logs subscription: an array.
    Logs(&'a str),
    /// A CloudWatch Logs control message.
    Control,
    /// None of these.
    Unknown,
}

/// What an envelope says that the event in it may lack: JSON, as it is written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Facts<'a> {
    pub account: Option<&'a str>,
    pub region: Option<&'a str>,
    pub time: Option<&'a str>,
}

impl Facts<'_> {
    /// What the event lacks of them.
    pub fn lacked(&self, event: View<'_>, own_time: Option<EventTime>) -> EnvelopeFacts {
        let lacks = |name: &str| event.member(name).and_then(View::scalar).is_none_or(|text| text.is_empty());
        let fact = |written: Option<&str>, name| text(written.filter(|_| lacks(name))?).map(Arc::from);
        let time = || event_time::parse(&text(self.time?)?);
        EnvelopeFacts {
            account: fact(self.account, "recipientAccountId"),
            region: fact(self.region, "awsRegion"),
            time: if own_time.is_none() { time() } else { None },
        }
    }
}

/// A text that is not empty.
fn text(written: &str) -> Option<String> {
    json::parse_string(written).filter(|text| !text.is_empty())
}

/// Recognises a document by its members. The order matters only for documents that no AWS service makes: the outermost
/// envelope wins.
pub(super) fn recognise<'a>(document: &Document<'a>) -> Shape<'a> {
    let get = |key| document.get(key);
    let has = |key| get(key).is_some();
    if let Some(detail) = get("detail").filter(|_| has("detail-type")) {
        return Shape::EventBridge(detail, Facts { account: get("account"), region: get("region"), time: get("time") });
    }
    if let Some(records) = get("Records") {
        return file(document, records);
    }
    match (get("messageType"), get("logEvents")) {
        (Some(kind), Some(events)) => logs(kind, events),
        _ if has("eventName") || has("eventVersion") => Shape::Bare,
        _ => Shape::Unknown,
    }
}

/// A `Records` array is a CloudTrail file, unless its first element says that it is something else that AWS wraps in
/// the same way: a trigger of Lambda (Kinesis, SQS, SNS) or a notification of S3, whose source is `aws:<service>`.
fn file<'a>(document: &Document<'a>, records: &'a str) -> Shape<'a> {
    let mut first = None;
    let is_array = document.elements(records, |record| {
        first.get_or_insert(record);
    });
    if is_array && !first.is_some_and(is_trigger) { Shape::File(records) } else { Shape::Unknown }
}

fn is_trigger(record: &str) -> bool {
    let source = tree::member(record, "eventSource").or_else(|| tree::member(record, "EventSource"));
    source.and_then(json::parse_string).is_some_and(|source| source.starts_with("aws:"))
}

fn logs<'a>(kind: &str, events: &'a str) -> Shape<'a> {
    match kind {
        "\"CONTROL_MESSAGE\"" => Shape::Control,
        "\"DATA_MESSAGE\"" if events.starts_with('[') => Shape::Logs(events),
        _ => Shape::Unknown,
    }
}
