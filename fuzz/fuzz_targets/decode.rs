//! Any bytes as a record: no panic, bounded output, and every field of every event can be read.

#![no_main]

use libfuzzer_sys::fuzz_target;
use md5::{Digest, Md5};
use trailrisk::cloudtrail::{DecodeLimits, Envelope, EnvelopeFacts, decode, field, fields_under};

const LIMITS: DecodeLimits = DecodeLimits { max_inflated_bytes: 1 << 20 };

fuzz_target!(|data: &[u8]| {
    check(data);
    // No search finds the digest of an aggregate by itself.
    check(&[&[0xF3, 0x89, 0x9A, 0xC2], data, &Md5::digest(data)[..]].concat());
});

fn check(data: &[u8]) {
    let decoded = decode(data, &LIMITS);
    for event in &decoded.events {
        assert!(event.raw.len() <= LIMITS.max_inflated_bytes, "an event is a piece of the record");
        for name in ["user", "dest", "action", "status", "errorCode", "aws_account_id", "a{}.b", "_time"] {
            let _ = field(event, name);
        }
        let _ = fields_under(event, "");
        let again = decode(event.raw.as_bytes(), &LIMITS);
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
