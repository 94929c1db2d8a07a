//! Bytes to events: envelopes, field access, the derived field layer, the literal prefilter. Pure.

mod event;

pub use event::{DecodeLimits, Decoded, Envelope, EnvelopeFacts, Event, EventKey, RejectReason, Rejected};
