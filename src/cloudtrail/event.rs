//! One decoded CloudTrail event.

use std::borrow::Cow;
use std::sync::Arc;

use super::record;
use super::tree::Tree;
use crate::time::EventTime;

/// What recognises copies of one event (AG-2): 128 bits, from `eventID` where there is one, otherwise from the
/// event's bytes. A UUID is taken as it is; any other text is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(pub u128);

/// One CloudTrail event, decoded from an envelope. Its text may be borrowed from the record.
#[derive(Clone, Debug)]
pub struct Event<'t> {
    /// Recognises its copies.
    pub key: EventKey,
    /// WN-5: `eventTime`, else the envelope's `time`.
    pub time: EventTime,
    /// The event's own text, taken apart. Duplicate keys: the last one wins. Numbers have the source's text, half a
    /// surrogate pair is U+FFFD: nothing is rounded and nothing refused.
    pub(super) tree: Tree<'t>,
    /// What its envelope adds.
    pub envelope: EnvelopeFacts,
}

impl Event<'_> {
    /// The event's own JSON text: `_raw`.
    pub fn raw(&self) -> &str {
        self.tree.text()
    }

    /// The text of `eventID`; where there is none, the 32 hexadecimal digits of [`Self::key`].
    pub fn id(&self) -> Cow<'_, str> {
        record::id(self.tree.root()).unwrap_or_else(|| Cow::Owned(format!("{:032x}", self.key.0)))
    }

    /// With a copy of its text.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        let Self { key, time, tree, envelope } = self;
        Event { key, time, tree: tree.into_owned(), envelope }
    }

    /// SipHash-1-3 under a key of zeros over the event's own bytes, and over what its envelope adds to them: tells copies
    /// with one id and different content apart, unless somebody made two of one hash. Whatever a search reads of two events
    /// of one content is the same (AG-2). Computed anew each time.
    pub fn content_hash(&self) -> u64 {
        record::content_hash(self.raw(), &self.envelope)
    }
}

/// Facts of an EventBridge envelope that stand in for what the event itself lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvelopeFacts {
    /// `account`, for `recipientAccountId`.
    pub account: Option<Arc<str>>,
    /// `region`, for `awsRegion`.
    pub region: Option<Arc<str>>,
    /// `time`, for an `eventTime` that can be read (WN-5).
    pub time: Option<EventTime>,
}

/// Why something was rejected. The set is closed: it is a metric label (PO-1, WN-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RejectReason {
    /// Gzip that does not inflate.
    BadGzip,
    /// Inflated, it exceeds the cap; or an event in it holds more JSON values than any real one.
    TooLarge,
    /// Not UTF-8, or not JSON (or a document that is no object or array).
    BadJson,
    /// An event deeper than 127 levels: the parser's limit.
    TooDeep,
    /// JSON, but none of the envelopes that we know.
    UnknownEnvelope,
    /// An envelope that we know, whose content is not a CloudTrail event.
    NotCloudTrail,
    /// No readable `eventTime`, nor an envelope's `time` (WN-5).
    NoEventTime,
    /// An empty record.
    Empty,
    /// A KPL aggregate whose digest or protobuf does not hold.
    BadKpl,
    /// A user record of a KPL aggregate whose hash key belongs to another shard. Never found by decoding.
    WrongShard,
    /// Two processes died while they evaluated it alone (PO-2). Never found by decoding.
    KillsProcess,
}

impl RejectReason {
    /// Every reason, for counters that start at zero.
    pub const ALL: [Self; 11] = [
        Self::BadGzip,
        Self::TooLarge,
        Self::BadJson,
        Self::TooDeep,
        Self::UnknownEnvelope,
        Self::NotCloudTrail,
        Self::NoEventTime,
        Self::Empty,
        Self::BadKpl,
        Self::WrongShard,
        Self::KillsProcess,
    ];

    /// The metric label and the dead letter's `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BadGzip => "bad_gzip",
            Self::TooLarge => "too_large",
            Self::BadJson => "bad_json",
            Self::TooDeep => "too_deep",
            Self::UnknownEnvelope => "unknown_envelope",
            Self::NotCloudTrail => "not_cloudtrail",
            Self::NoEventTime => "no_event_time",
            Self::Empty => "empty",
            Self::BadKpl => "bad_kpl",
            Self::WrongShard => "wrong_shard",
            Self::KillsProcess => "kills_process",
        }
    }
}

/// Which envelope a record came in; a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Envelope {
    /// A bare CloudTrail record.
    Bare,
    /// An EventBridge event.
    EventBridge,
    /// `{"Records": [...]}`.
    File,
    /// A CloudWatch Logs subscription message with data.
    CloudWatchLogs,
    /// A CloudWatch Logs control message: counted, holds no event.
    CloudWatchControl,
}

impl Envelope {
    /// Every envelope, for counters that start at zero.
    pub const ALL: [Self; 5] =
        [Self::Bare, Self::EventBridge, Self::File, Self::CloudWatchLogs, Self::CloudWatchControl];

    /// The metric label.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::EventBridge => "eventbridge",
            Self::File => "file",
            Self::CloudWatchLogs => "cloudwatch_logs",
            Self::CloudWatchControl => "cloudwatch_control",
        }
    }
}

/// A piece of a record that could not be decoded.
#[derive(Clone, Debug)]
pub struct Rejected {
    /// Why.
    pub reason: RejectReason,
    /// A short explanation for the dead letter; never holds text of the event.
    pub detail: String,
    /// The bytes that were rejected: the whole record, or the one bad event inside it.
    pub bytes: Arc<[u8]>,
}

/// What one record decodes to. One bad event does not take its neighbours along (PO-1).
#[derive(Clone, Debug, Default)]
pub struct Decoded {
    /// The events, in the record's order.
    pub events: Vec<Event<'static>>,
    /// What could not be decoded.
    pub rejected: Vec<Rejected>,
    /// The envelope of each document of the record (an NDJSON record has several), with the number of events in it.
    pub envelopes: Vec<(Envelope, u32)>,
    /// Whether it is gzip whose text was turned away by the prefilter, unread (PO-3).
    pub skipped: bool,
    /// Entries of `Records` or `logEvents` that were turned away by the prefilter, unread (PO-3).
    pub skipped_entries: u32,
}

/// Limits of the decoder.
#[derive(Clone, Copy, Debug)]
pub struct DecodeLimits {
    /// The most bytes that one record may inflate to.
    pub max_inflated_bytes: usize,
}

impl Default for DecodeLimits {
    fn default() -> Self {
        Self { max_inflated_bytes: 64 * 1024 * 1024 }
    }
}
