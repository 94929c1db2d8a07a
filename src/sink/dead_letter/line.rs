//! One dead letter as one line: `trailrisk.dead_letter/v1`.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::engine::{DeadLetter, DeadLetterId, Position};
use crate::sink::acknowledgement::Share;
use crate::sink::format::to_json;
use crate::sink::queue::Delivery;

/// What is held in memory beside a letter's own bytes; makes a flood of empty records count.
const OVERHEAD: usize = 256;

/// A risk event that a sink does not deliver.
pub(in crate::sink) struct Refusal {
    pub(in crate::sink) sink: Arc<str>,
    pub(in crate::sink) reason: RefusalReason,
    /// Holds neither secrets nor text of events or receivers.
    pub(in crate::sink) detail: String,
    pub(in crate::sink) delivery: Delivery,
}

/// Why a sink does not deliver a risk event. The set is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::sink) enum RefusalReason {
    /// The receiver refused it three times (CP-7).
    Refused,
    /// A best-effort sink could not deliver it in time.
    GivenUp,
    /// A best-effort sink had no room for it.
    QueueFull,
    /// The sink's format does not fit it: a template, or the bound of the risk index's events.
    NotWritten,
}

/// A dead letter of either origin, until it is durable.
pub(super) enum Letter {
    Record(Rejection),
    Sink(Refusal),
}

/// A record that could not be decoded.
pub(super) struct Rejection {
    pub(super) letter: DeadLetter,
    /// Where sources are named.
    pub(super) source: Option<Arc<str>>,
    /// The pipeline that waits for it.
    pub(super) ids: mpsc::UnboundedSender<DeadLetterId>,
}

/// Whom to tell that a letter is durable.
pub(super) enum Receipt {
    Record(DeadLetterId, mpsc::UnboundedSender<DeadLetterId>),
    /// None on a best-effort sink.
    Sink(Option<Share>),
}

#[derive(Serialize)]
struct Line<'a> {
    schema: &'static str,
    origin: &'static str,
    reason: &'static str,
    detail: &'a str,
    #[serde(flatten)]
    from: From<'a>,
    data: String,
}

/// Where a letter comes from.
#[derive(Serialize)]
#[serde(untagged)]
enum From<'a> {
    Record {
        #[serde(skip_serializing_if = "Option::is_none")]
        source: Option<&'a str>,
        shard: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        sequence_number: Option<&'a str>,
        /// Within a KPL aggregate.
        #[serde(skip_serializing_if = "Option::is_none")]
        sub_sequence_number: Option<u32>,
        arrival: String,
    },
    Sink {
        sink: &'a str,
        delivery_key: String,
    },
}

impl RefusalReason {
    /// How many there are.
    pub(in crate::sink) const COUNT: usize = 4;

    pub(in crate::sink) fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::GivenUp => "given_up",
            Self::QueueFull => "queue_full",
            Self::NotWritten => "not_written",
        }
    }
}

impl Letter {
    /// The metric label and the line's `origin`.
    pub(super) fn origin(&self) -> &'static str {
        match self {
            Self::Record(_) => "record",
            Self::Sink(_) => "sink",
        }
    }

    /// What it costs the queue's budget.
    pub(super) fn bytes(&self) -> usize {
        OVERHEAD + self.data().len()
    }

    /// As it is written, with its newline. `data` is the original: the record's bytes, or the risk event's line
    /// without its newline.
    pub(super) fn line(&self) -> Vec<u8> {
        let (reason, detail, from) = match self {
            Self::Record(rejection) => {
                let rejected = &rejection.letter.rejected;
                (rejected.reason.as_str(), &rejected.detail, From::record(rejection))
            }
            Self::Sink(refusal) => (refusal.reason.as_str(), &refusal.detail, From::sink(refusal)),
        };
        let data = STANDARD.encode(self.data());
        let line = Line { schema: "trailrisk.dead_letter/v1", origin: self.origin(), reason, detail, from, data };
        let mut bytes = to_json(&line);
        bytes.push(b'\n');
        bytes
    }

    /// Whether somebody waits for its acknowledgement: after a stop without one, what it stands for comes again.
    pub(super) fn is_claimed(&self) -> bool {
        match self {
            Self::Record(_) => true,
            Self::Sink(refusal) => refusal.delivery.share.is_some(),
        }
    }

    pub(super) fn receipt(self) -> Receipt {
        match self {
            Self::Record(rejection) => Receipt::Record(rejection.letter.id, rejection.ids),
            Self::Sink(refusal) => Receipt::Sink(refusal.delivery.share),
        }
    }

    fn data(&self) -> &[u8] {
        match self {
            Self::Record(rejection) => &rejection.letter.rejected.bytes,
            Self::Sink(refusal) => refusal.delivery.line.trim_ascii_end(),
        }
    }
}

impl<'a> From<'a> {
    fn record(rejection: &'a Rejection) -> Self {
        let letter = &rejection.letter;
        let (sequence_number, sub) = match &letter.position {
            Position::After(number, sub) => (Some(number.as_str()), *sub),
            Position::Start | Position::End => (None, 0),
        };
        Self::Record {
            source: rejection.source.as_deref(),
            shard: letter.shard.as_str(),
            sequence_number,
            sub_sequence_number: (sub > 0).then_some(sub),
            arrival: letter.arrival.to_string(),
        }
    }

    fn sink(refusal: &'a Refusal) -> Self {
        Self::Sink { sink: &refusal.sink, delivery_key: refusal.delivery.key.to_string() }
    }
}
