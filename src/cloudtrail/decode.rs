//! What one record holds. The only way from bytes to events.

use super::document::{self, Piece};
use super::envelope::{self, Facts, Shape};
use super::event::{DecodeLimits, Decoded, Envelope, Event, RejectReason, Rejected};
use super::tree::{self, Document, MAX_VALUES};
use super::{gzip, json, record};
use crate::kpl;

/// A record of which more pieces are bad is kept whole: a piece of two bytes costs hundreds in the dead letters.
const MAX_BAD_PIECES: usize = 1000;

/// Decodes one record: any envelope of `docs/fields.md`, alone or several behind each other, plain or gzipped once; and a
/// KPL aggregate of such records, as files hold it (of a stream, the source takes it apart).
/// Never fails: what cannot be decoded is in `rejected`, each with its reason, beside the events that can (PO-1).
pub fn decode(data: &[u8], limits: &DecodeLimits) -> Decoded {
    let mut events = Vec::new();
    let decoded = decode_each(data, limits, &|_| true, &mut |event| events.push(event.into_owned()));
    Decoded { events, ..decoded }
}

/// [`decode`], but each event is handed to `take`, in the record's order, so that only one is held parsed at a time
/// (BD-1). None are in what is returned. `admits` decides whether inflated text is read at all, and whether an entry of
/// `Records` or `logEvents` is (PO-3).
pub fn decode_each(
    data: &[u8],
    limits: &DecodeLimits,
    admits: &dyn Fn(&[u8]) -> bool,
    take: &mut dyn FnMut(Event<'_>),
) -> Decoded {
    let mut decoder =
        Decoder { decoded: Decoded::default(), taken: 0, bad: 0, in_aggregate: false, limits: *limits, admits, take };
    decoder.record(data);
    decoder.finish(data)
}

struct Decoder<'a> {
    /// Everything but the events.
    decoded: Decoded,
    /// Events handed on.
    taken: usize,
    /// Pieces that were bad.
    bad: usize,
    /// Whether what is decoded is a user record of a KPL aggregate.
    in_aggregate: bool,
    limits: DecodeLimits,
    /// Of inflated text, and of the entries of an envelope that holds several.
    admits: &'a dyn Fn(&[u8]) -> bool,
    take: &'a mut dyn FnMut(Event<'_>),
}

impl Decoder<'_> {
    fn finish(mut self, data: &[u8]) -> Decoded {
        if self.bad > MAX_BAD_PIECES {
            let reason = self.decoded.rejected[0].reason;
            let detail = format!("{} pieces are bad; the record is kept whole", self.bad);
            self.decoded.rejected = vec![Rejected { reason, detail, bytes: data.into() }];
        }
        self.decoded
    }

    fn record(&mut self, data: &[u8]) {
        if !gzip::is_gzip(data) {
            return self.text(data);
        }
        let most = self.limits.max_inflated_bytes;
        match gzip::inflate(data, most) {
            Ok(inner) if gzip::is_gzip(&inner) => self.reject(RejectReason::BadGzip, "gzip inside gzip", data),
            Ok(inner) if (self.admits)(&inner) => self.text(&inner),
            // Of an aggregate the other user records are read.
            Ok(_) => self.decoded.skipped = !self.in_aggregate,
            Err(gzip::Fault::Bad) => self.reject(RejectReason::BadGzip, "the gzip stream does not inflate", data),
            Err(gzip::Fault::TooLarge) => {
                self.reject(RejectReason::TooLarge, format!("inflates to more than {most} bytes"), data);
            }
        }
    }

    fn aggregate(&mut self, data: &[u8]) {
        if self.in_aggregate {
            return self.reject(RejectReason::BadKpl, kpl::BadAggregate::Nested.detail(), data);
        }
        match kpl::split(data) {
            Ok(user_records) => {
                self.in_aggregate = true;
                user_records.iter().for_each(|user_record| self.record(&user_record.data));
            }
            Err(bad) => self.reject(RejectReason::BadKpl, bad.detail(), data),
        }
    }

    fn text(&mut self, text: &[u8]) {
        if text.trim_ascii().is_empty() {
            return self.reject(RejectReason::Empty, "the record is empty", text);
        }
        if kpl::is_aggregate(text) {
            return self.aggregate(text);
        }
        // Most records are one object, which one reading shows.
        if let Some((text, document)) = one_object(text) {
            return self.document(text, Some(document));
        }
        document::split(text, &mut |piece| match piece {
            Piece::Document(text) => self.document(text, Document::read(text)),
            Piece::Bad(bytes, detail) => self.reject(RejectReason::BadJson, detail, bytes),
        });
    }

    fn document(&mut self, text: &str, document: Option<Document<'_>>) {
        if text.len() >= tree::TOO_LONG {
            return self.reject(RejectReason::TooLarge, "a document of 4 GiB or more", text.as_bytes());
        }
        let before = self.taken;
        let envelope = match document.as_ref().map_or(Shape::Unknown, envelope::recognise) {
            Shape::Bare => {
                self.event(text, document, &Facts::default(), text);
                Envelope::Bare
            }
            Shape::EventBridge(detail, facts) => {
                let known = document.and_then(|document| document.at(detail));
                self.event(detail, known, &facts, text);
                Envelope::EventBridge
            }
            Shape::File(records) => {
                self.entries(document.as_ref(), records, |own, record| {
                    own.event(record, None, &Facts::default(), record);
                });
                Envelope::File
            }
            Shape::Logs(log_events) => {
                self.entries(document.as_ref(), log_events, Self::log_event);
                Envelope::CloudWatchLogs
            }
            Shape::Control => Envelope::CloudWatchControl,
            Shape::Unknown => {
                let detail = "JSON, but no envelope that can hold CloudTrail events";
                return self.reject(RejectReason::UnknownEnvelope, detail, text.as_bytes());
            }
        };
        let events = u32::try_from(self.taken - before).unwrap_or(u32::MAX);
        self.decoded.envelopes.push((envelope, events));
    }

    /// PO-3: what has let a record pass is in one of its entries, as a rule.
    fn entries<'t>(&mut self, document: Option<&Document<'t>>, array: &'t str, read: impl Fn(&mut Self, &'t str)) {
        let Some(document) = document else { return };
        document.elements(array, |entry| {
            if (self.admits)(entry.as_bytes()) {
                read(self, entry);
            } else {
                self.decoded.skipped_entries = self.decoded.skipped_entries.saturating_add(1);
            }
        });
    }

    fn log_event(&mut self, log_event: &str) {
        match tree::member(log_event, "message").and_then(json::parse_string) {
            Some(message) => self.event(message.trim(), None, &Facts::default(), &message),
            None => {
                let detail = "an entry of logEvents has no text message";
                self.reject(RejectReason::NotCloudTrail, detail, log_event.as_bytes());
            }
        }
    }

    /// Reads one event, of which the members may be known; where it is refused, `whole` is what is kept of it.
    fn event(&mut self, text: &str, known: Option<Document<'_>>, facts: &Facts<'_>, whole: &str) {
        if text.len() > MAX_VALUES && is_dense(text) {
            let detail = format!("an event of more than {MAX_VALUES} JSON values");
            return self.reject(RejectReason::TooLarge, detail, whole.as_bytes());
        }
        match record::read(text, known, facts) {
            Ok(event) => {
                self.taken += 1;
                (self.take)(event);
            }
            Err((reason, detail)) => self.reject(reason, detail, whole.as_bytes()),
        }
    }

    fn reject(&mut self, reason: RejectReason, detail: impl Into<String>, bytes: &[u8]) {
        self.bad += 1;
        if self.bad <= MAX_BAD_PIECES {
            self.decoded.rejected.push(Rejected { reason, detail: detail.into(), bytes: bytes.into() });
        }
    }
}

/// A text that is one object, without the white space of JSON around it.
fn one_object(text: &[u8]) -> Option<(&str, Document<'_>)> {
    let text = std::str::from_utf8(text).ok()?.trim_matches(json::SPACE);
    Some((text, Document::read(text)?))
}

/// Whether more bytes begin or separate JSON values than an event may hold values: of these there are no fewer. Those
/// inside strings are counted too.
fn is_dense(text: &str) -> bool {
    text.bytes().filter(|byte| matches!(byte, b'{' | b'[' | b',')).count() > MAX_VALUES
}
