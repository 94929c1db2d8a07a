//! Recognises the envelope of one JSON document by its top-level keys.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::EnvelopeFacts;
use super::tree::Members;
use super::{event_time, json};

/// One document, recognised. The slices are parts of the document's own text.
pub(super) enum Shape<'a> {
    /// A bare CloudTrail record.
    Bare,
    /// An EventBridge event with its `detail`.
    EventBridge(&'a str, EnvelopeFacts),
    /// `Records` of a CloudTrail file.
    File(Vec<&'a RawValue>),
    /// `logEvents` of a CloudWatch Logs subscription.
    Logs(Vec<&'a RawValue>),
    /// A CloudWatch Logs control message.
    Control,
    /// None of these.
    Unknown,
}

/// Recognises a document by its members. The order matters only for documents that no AWS service makes: the outermost
/// envelope wins.
pub(super) fn recognise<'a>(document: &'a str, members: &Members) -> Shape<'a> {
    let get = |key| members.get(document, key);
    let has = |key| get(key).is_some();
    if let Some(detail) = get("detail").filter(|_| has("detail-type")) {
        return Shape::EventBridge(detail, facts(get("account"), get("region"), get("time")));
    }
    if let Some(records) = get("Records") {
        return file(records);
    }
    match (get("messageType"), get("logEvents")) {
        (Some(kind), Some(events)) => logs(kind, events),
        _ if has("eventName") || has("eventVersion") => Shape::Bare,
        _ => Shape::Unknown,
    }
}

fn facts(account: Option<&str>, region: Option<&str>, time: Option<&str>) -> EnvelopeFacts {
    let text = |raw: Option<&str>| raw.and_then(json::parse_string);
    let fact = |raw| text(raw).filter(|text| !text.is_empty()).map(Arc::from);
    let time = text(time).and_then(|time| event_time::parse(&time));
    EnvelopeFacts { account: fact(account), region: fact(region), time }
}

/// A `Records` array is a CloudTrail file, unless its first element says that it is something else that AWS wraps in
/// the same way: a trigger of Lambda (Kinesis, SQS, SNS) or a notification of S3, whose source is `aws:<service>`.
fn file(records: &str) -> Shape<'_> {
    match serde_json::from_str::<Vec<&RawValue>>(records) {
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

fn logs<'a>(kind: &str, events: &'a str) -> Shape<'a> {
    match (kind, serde_json::from_str(events)) {
        ("\"CONTROL_MESSAGE\"", _) => Shape::Control,
        ("\"DATA_MESSAGE\"", Ok(events)) => Shape::Logs(events),
        _ => Shape::Unknown,
    }
}
