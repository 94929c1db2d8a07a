//! Any bytes as a record: no panic, bounded output, every field of every event can be read, and what an event holds is
//! what `serde_json` finds in it.

#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};
use serde_json::{Value as Json, value::RawValue};
use trailrisk::cloudtrail::{
    DecodeLimits, Envelope, EnvelopeFacts, Event, RejectReason, Rejected, decode, field, fields_under,
};

const LIMITS: DecodeLimits = DecodeLimits { max_inflated_bytes: 1 << 20 };

fuzz_target!(|data: &[u8]| {
    check(data);
    // No search finds the digest of an aggregate by itself.
    check(&[&[0xF3, 0x89, 0x9A, 0xC2], data, &Md5::digest(data)[..]].concat());
});

fn check(data: &[u8]) {
    let decoded = decode(data, &LIMITS);
    // Numbers beyond a double and half a surrogate pair do not stop this reading.
    if serde_json::from_slice::<&RawValue>(data).is_ok_and(|whole| whole.get().starts_with('{')) {
        let is_bad = |reason| decoded.rejected.iter().any(|rejected| rejected.reason == reason);
        assert!(decoded.envelopes.len() <= 1 && !is_bad(RejectReason::Empty), "it is one document");
        assert!(decoded.envelopes != [(Envelope::Bare, 0)] || !is_bad(RejectReason::BadJson), "it is JSON");
        let is_none = |rejected: &Rejected| rejected.detail == "the event is not a JSON object";
        assert!(decoded.envelopes != [(Envelope::Bare, 0)] || !decoded.rejected.iter().any(is_none), "it is an object");
    }
    for event in &decoded.events {
        assert!(event.raw().len() <= LIMITS.max_inflated_bytes, "an event is a piece of the record");
        for name in ["user", "dest", "action", "status", "errorCode", "aws_account_id", "a{}.b", "_time"] {
            let _ = field(event, name);
        }
        assert!(serde_json::from_str::<&RawValue>(event.raw()).is_ok_and(|raw| raw.get().starts_with('{')));
        // With these names serde_json's own values are passed on, not texts.
        let is_odd = event.raw().contains("$serde_json::private");
        if let (false, Ok(value)) = (is_odd, serde_json::from_str(event.raw())) {
            check_fields(event, &value);
        }
        let again = decode(event.raw().as_bytes(), &LIMITS);
        // Without its envelope an event may lack its time; or it is shaped like an envelope itself.
        if again.envelopes != [(Envelope::Bare, 1)] {
            continue;
        }
        for other in &again.events {
            assert_eq!(other.key, event.key);
            if event.envelope == EnvelopeFacts::default() {
                assert_eq!(other.content_hash(), event.content_hash());
            }
        }
    }
}

/// Texts alone: numbers are as they are written.
fn check_fields(event: &Event, value: &Json) {
    let mut expected = BTreeMap::new();
    flatten(value, String::new(), &mut expected);
    let found: BTreeMap<_, _> = fields_under(event, "").into_iter().collect();
    assert!(found.keys().eq(expected.keys()));
    for (name, texts) in expected {
        let found = found[&name].scalars();
        assert_eq!(found.len(), texts.len(), "{name}");
        let mut pairs = found.iter().map(ToString::to_string).zip(texts);
        assert!(pairs.all(|(found, text)| text.is_none_or(|text| text == found)), "{name}");
    }
}

/// The leaves by name; none of what is no text.
fn flatten<'j>(value: &'j Json, name: String, leaves: &mut BTreeMap<String, Vec<Option<&'j str>>>) {
    match value {
        Json::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().collect();
            for (key, member) in sorted {
                flatten(member, if name.is_empty() { key.clone() } else { format!("{name}.{key}") }, leaves);
            }
        }
        Json::Array(items) => items.iter().for_each(|item| flatten(item, format!("{name}{{}}"), leaves)),
        Json::Null => {}
        leaf => leaves.entry(name).or_default().push(leaf.as_str()),
    }
}
