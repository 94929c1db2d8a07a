//! What one record holds. The only way from bytes to events.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{self, Piece};
use super::envelope::{self, Shape};
use super::event::{DecodeLimits, Decoded, Envelope, EnvelopeFacts, Event, RejectReason, Rejected};
use super::tree::{self, MAX_VALUES, Members};
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
        if let Some((document, members)) = one_object(text) {
            return self.document(document, Some(members));
        }
        for piece in document::split(text) {
            match piece {
                Piece::Document(document) => self.document(document, Members::read(document)),
                Piece::Bad(bytes, detail) => self.reject(RejectReason::BadJson, detail, bytes),
            }
        }
    }

    fn document(&mut self, document: &str, members: Option<Members>) {
        if document.len() >= tree::TOO_LONG {
            return self.reject(RejectReason::TooLarge, "a document of 4 GiB or more", document.as_bytes());
        }
        let before = self.taken;
        let shape = members.as_ref().map_or(Shape::Unknown, |members| envelope::recognise(document, members));
        let envelope = match shape {
            Shape::Bare => {
                self.event(document, members, &EnvelopeFacts::default(), document);
                Envelope::Bare
            }
            Shape::EventBridge(detail, facts) => {
                self.event(detail, None, &facts, document);
                Envelope::EventBridge
            }
            Shape::File(records) => {
                let admitted = self.admitted(&records);
                admitted
                    .iter()
                    .for_each(|record| self.event(record.get(), None, &EnvelopeFacts::default(), record.get()));
                Envelope::File
            }
            Shape::Logs(log_events) => {
                self.admitted(&log_events).iter().for_each(|log_event| self.log_event(log_event));
                Envelope::CloudWatchLogs
            }
            Shape::Control => Envelope::CloudWatchControl,
            Shape::Unknown => {
                let detail = "JSON, but no envelope that can hold CloudTrail events";
                return self.reject(RejectReason::UnknownEnvelope, detail, document.as_bytes());
            }
        };
        let events = u32::try_from(self.taken - before).unwrap_or(u32::MAX);
        self.decoded.envelopes.push((envelope, events));
    }

    /// PO-3: what has let a record pass is in one of its entries, as a rule.
    fn admitted<'e>(&mut self, entries: &[&'e RawValue]) -> Vec<&'e RawValue> {
        let admitted = entries.iter().copied().filter(|entry| (self.admits)(entry.get().as_bytes()));
        let admitted: Vec<_> = admitted.collect();
        self.decoded.skipped_entries += u32::try_from(entries.len() - admitted.len()).unwrap_or(u32::MAX);
        admitted
    }

    fn log_event(&mut self, log_event: &RawValue) {
        #[derive(Deserialize)]
        struct LogEvent<'a> {
            #[serde(borrow)]
            message: &'a RawValue,
        }
        let entry = serde_json::from_str::<LogEvent<'_>>(log_event.get());
        match entry.ok().and_then(|entry| json::parse_string(entry.message.get())) {
            Some(message) => self.event(message.trim(), None, &EnvelopeFacts::default(), &message),
            None => {
                let detail = "an entry of logEvents has no text message";
                self.reject(RejectReason::NotCloudTrail, detail, log_event.get().as_bytes());
            }
        }
    }

    /// Reads one event, of which the members may be known; where it is refused, `whole` is what is kept of it.
    fn event(&mut self, text: &str, members: Option<Members>, facts: &EnvelopeFacts, whole: &str) {
        if text.len() > MAX_VALUES && is_dense(text) {
            let detail = format!("an event of more than {MAX_VALUES} JSON values");
            return self.reject(RejectReason::TooLarge, detail, whole.as_bytes());
        }
        match record::read(text, members, facts) {
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
fn one_object(text: &[u8]) -> Option<(&str, Members)> {
    let document = std::str::from_utf8(text).ok()?.trim_matches(json::SPACE);
    Some((document, Members::read(document)?))
}

/// Whether more bytes begin or separate JSON values than an event may hold values: of these there are no fewer. Those
/// inside strings are counted too.
fn is_dense(text: &str) -> bool {
    text.bytes().filter(|byte| matches!(byte, b'{' | b'[' | b',')).count() > MAX_VALUES
}
