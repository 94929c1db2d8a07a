//! When records arrived, to the millisecond, as Kinesis says it; ferrokinesis cuts it off to the second.
//!
//! Puts are let through one at a time. That fixes their instant, and no record becomes readable behind one with a larger
//! sequence number, where a reader would miss it.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::UNIX_EPOCH;

use serde_json::Value;
use tokio::sync::MutexGuard;

/// The arrivals of all records that were put.
#[derive(Default)]
pub(super) struct Arrivals {
    putting: tokio::sync::Mutex<()>,
    /// By stream and sequence number, in milliseconds since the epoch.
    known: Mutex<HashMap<(String, String), u64>>,
}

/// A put that is under way.
pub(super) struct Put<'a> {
    arrivals: &'a Arrivals,
    stream: String,
    at: u64,
    _alone: MutexGuard<'a, ()>,
}

impl Arrivals {
    /// Waits for its turn; the records arrive when `clock` says then.
    pub(super) async fn put(&self, stream: &str, clock: impl Fn() -> u64) -> Put<'_> {
        let alone = self.putting.lock().await;
        Put { arrivals: self, stream: stream.to_owned(), at: clock(), _alone: alone }
    }

    /// When a readable record arrived. Its put may not be answered yet, so puts under way are waited for.
    pub(super) async fn of(&self, stream: &str, sequence: &str) -> u64 {
        let key = (stream.to_owned(), sequence.to_owned());
        let known = || self.known.lock().expect("nobody panics with it").get(&key).copied();
        if let Some(at) = known() {
            return at;
        }
        drop(self.putting.lock().await);
        known().expect("every record was put through this layer")
    }
}

impl Put<'_> {
    /// The put was answered: `PutRecord` with one sequence number, `PutRecords` with many.
    pub(super) fn answered(self, answer: &Value) {
        let many = answer["Records"].as_array().into_iter().flatten();
        let mut known = self.arrivals.known.lock().expect("nobody panics with it");
        for sequence in many.chain([answer]).filter_map(|it| it["SequenceNumber"].as_str()) {
            known.insert((self.stream.clone(), sequence.to_owned()), self.at);
        }
    }
}

/// The host's clock, which is this Kinesis's unless it is told otherwise.
pub(super) fn now_millis() -> u64 {
    let now = UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}
