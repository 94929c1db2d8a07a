//! Events for the tests.

use super::decode;
use super::event::{DecodeLimits, Decoded, Event};

/// Decodes under the default limits.
pub(super) fn decoded(data: impl AsRef<[u8]>) -> Decoded {
    decode(data.as_ref(), &DecodeLimits::default())
}

/// The one event of a record.
pub(super) fn event(data: impl AsRef<[u8]>) -> Event {
    let mut decoded = decoded(data);
    assert!(decoded.rejected.is_empty(), "{:?}", decoded.rejected);
    assert_eq!(decoded.events.len(), 1);
    decoded.events.remove(0)
}
