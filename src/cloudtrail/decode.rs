//! What one record holds. The only way from bytes to events.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{self, Piece};
use super::envelope::{self, Origin, Shape};
use super::event::{DecodeLimits, Decoded, Envelope, RejectReason, Rejected};
use super::{gzip, json, record};

/// The first bytes of a KPL aggregate.
const KPL_MAGIC: [u8; 4] = [0xF3, 0x89, 0x9A, 0xC2];

/// A record may hold one JSON value for so many bytes. A parsed value takes up to 700 bytes of memory, so `{"":1}` over
/// and over would take a hundred times its text. Real events have more than 30 bytes a value.
const BYTES_PER_VALUE: usize = 16;

/// Decodes one record: any envelope of `docs/fields.md`, alone or several behind each other, plain or gzipped once.
/// Never fails: what cannot be decoded is in `rejected`, each with its reason, beside the events that can (PO-1).
pub fn decode(data: &[u8], limits: &DecodeLimits) -> Decoded {
    let mut decoded = Decoded::default();
    if gzip::is_gzip(data) {
        match gzip::inflate(data, limits.max_inflated_bytes) {
            Ok(inner) if gzip::is_gzip(&inner) => decoded.reject(RejectReason::BadGzip, "gzip inside gzip", data),
            Ok(inner) => decoded.text(&inner, limits),
            Err(gzip::Fault::Bad) => decoded.reject(RejectReason::BadGzip, "the gzip stream does not inflate", data),
            Err(gzip::Fault::TooLarge) => {
                let detail = format!("inflates to more than {} bytes", limits.max_inflated_bytes);
                decoded.reject(RejectReason::TooLarge, detail, data);
            }
        }
    } else {
        decoded.text(data, limits);
    }
    decoded
}

impl Decoded {
    fn text(&mut self, text: &[u8], limits: &DecodeLimits) {
        if text.trim_ascii().is_empty() {
            return self.reject(RejectReason::Empty, "the record is empty", text);
        }
        if text.starts_with(&KPL_MAGIC) {
            return self.reject(RejectReason::BadKpl, "KPL aggregates are not supported yet", text);
        }
        if values(text) > text.len().max(limits.max_inflated_bytes) / BYTES_PER_VALUE {
            return self.reject(RejectReason::TooLarge, "more JSON values than the limit of its size allows", text);
        }
        for piece in document::split(text) {
            match piece {
                Piece::Document(document) => self.document(document),
                Piece::Bad(bytes, detail) => self.reject(RejectReason::BadJson, detail, bytes),
            }
        }
    }

    fn document(&mut self, document: &str) {
        let before = self.events.len();
        let envelope = match envelope::recognise(document) {
            Shape::Bare => {
                self.event(document, &Origin::default(), document);
                Envelope::Bare
            }
            Shape::EventBridge(detail, origin) => {
                self.event(detail.get(), &origin, document);
                Envelope::EventBridge
            }
            Shape::File(records) => {
                records.iter().for_each(|record| self.event(record.get(), &Origin::default(), record.get()));
                Envelope::File
            }
            Shape::Logs(log_events) => {
                log_events.iter().for_each(|log_event| self.log_event(log_event));
                Envelope::CloudWatchLogs
            }
            Shape::Control => Envelope::CloudWatchControl,
            Shape::Unknown => {
                let detail = "JSON, but no envelope that can hold CloudTrail events";
                return self.reject(RejectReason::UnknownEnvelope, detail, document.as_bytes());
            }
        };
        let events = u32::try_from(self.events.len() - before).unwrap_or(u32::MAX);
        self.envelopes.push((envelope, events));
    }

    fn log_event(&mut self, log_event: &RawValue) {
        #[derive(Deserialize)]
        struct LogEvent<'a> {
            #[serde(borrow)]
            message: &'a RawValue,
        }
        let entry = serde_json::from_str::<LogEvent<'_>>(log_event.get());
        match entry.ok().and_then(|entry| json::parse_string(entry.message.get())) {
            Some(message) => self.event(message.trim(), &Origin::default(), &message),
            None => {
                let detail = "an entry of logEvents has no text message";
                self.reject(RejectReason::NotCloudTrail, detail, log_event.get().as_bytes());
            }
        }
    }

    /// Reads one event; where it is refused, `whole` is what is kept of it.
    fn event(&mut self, text: &str, origin: &Origin, whole: &str) {
        match record::read(text, origin) {
            Ok(event) => self.events.push(event),
            Err((reason, detail)) => self.reject(reason, detail, whole.as_bytes()),
        }
    }

    fn reject(&mut self, reason: RejectReason, detail: impl Into<String>, bytes: &[u8]) {
        self.rejected.push(Rejected { reason, detail: detail.into(), bytes: bytes.into() });
    }
}

/// The bytes that begin or separate JSON values: no fewer than there are values. Those inside strings are counted too.
fn values(text: &[u8]) -> usize {
    text.iter().filter(|byte| matches!(byte, b'{' | b'[' | b',')).count()
}
