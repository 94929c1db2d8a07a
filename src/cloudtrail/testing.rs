//! Events for the tests.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value as Json, json};

use super::decode;
use super::event::{DecodeLimits, Decoded, Event, RejectReason};

/// Decodes under the default limits.
pub(super) fn decoded(data: impl AsRef<[u8]>) -> Decoded {
    decode(data.as_ref(), &DecodeLimits::default())
}

/// The one event of a record.
pub(super) fn event(data: impl AsRef<[u8]>) -> Event<'static> {
    let mut decoded = decoded(data);
    assert!(decoded.rejected.is_empty(), "{:?}", decoded.rejected);
    assert_eq!(decoded.events.len(), 1);
    decoded.events.remove(0)
}

/// An event with these members, and the members without which it would be none.
pub(super) fn event_with(members: &Json) -> Event<'static> {
    let mut whole = json!({"eventVersion": "1.08", "eventTime": "2024-05-06T07:08:09Z"});
    let Json::Object(members) = members else { panic!("members are an object") };
    whole.as_object_mut().expect("an object, made above").extend(members.clone());
    event(whole.to_string())
}

/// Why each rejected piece was rejected.
pub(super) fn reasons(decoded: &Decoded) -> Vec<RejectReason> {
    decoded.rejected.iter().map(|rejected| rejected.reason).collect()
}

/// One gzip member.
pub(crate) fn gzip(data: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(data.as_ref()).expect("writing to memory");
    encoder.finish().expect("writing to memory")
}
