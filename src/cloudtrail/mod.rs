//! Bytes to events: envelopes, field access, the derived field layer, the literal prefilter. Pure.
//!
//! Owns: what counts as a CloudTrail event, how it is taken out of each envelope, what its fields are called and what
//! they hold. Deliberately absent: where records come from and their de-aggregation (the source's), matching (plan's),
//! what becomes of rejected bytes (the sinks').

mod decode;
mod derived;
mod document;
mod envelope;
mod event;
mod event_time;
mod field;
mod gzip;
mod json;
mod json_text;
mod prefilter;
mod raw_path;
mod record;
mod scan;
mod tree;

pub use decode::{decode, decode_each};
pub use event::{DecodeLimits, Decoded, Envelope, EnvelopeFacts, Event, EventKey, RejectReason, Rejected};
pub use field::{ALWAYS_THERE, FieldPath, derived_fields, field, fields_under, is_known, known, may_exist};
pub use json_text::{extract_json, flatten_json};
pub use prefilter::{Beginning, Clause, Glance, Prefilter};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
