//! What came out of all lives together: at the receivers, in the dead-letter file.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use trailrisk::risk_event::{DeliveryKey, Stage};

/// Everything that was received, by all.
#[derive(Default)]
pub struct Received {
    pub deliveries: Vec<Delivered>,
    pub letters: Vec<Letter>,
    /// Requests that their sender has given up, and that still arrive: when, and what.
    pub network: Vec<(i64, Delivered)>,
    /// Acknowledged to the life at hand, or durable as a dead letter of it.
    pub acknowledged: BTreeSet<(usize, DeliveryKey)>,
    /// CP-6: acknowledged before a clean stop: never to be tried again.
    pub settled: BTreeSet<(usize, DeliveryKey)>,
    /// Standard output was closed in the life at hand.
    pub closed: bool,
}

/// One delivery at one receiver.
#[derive(Clone)]
pub struct Delivered {
    pub sink: usize,
    pub key: DeliveryKey,
    pub line: Vec<u8>,
}

/// One dead letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Letter {
    /// A record, or a part of one: shard, sequence number, reason.
    Record(String, String, String),
    /// A risk event that a sink has refused or given up: the sink's name, the delivery key, the line.
    Sink(String, String, Vec<u8>),
}

impl Received {
    pub fn begin_life(&mut self) {
        self.acknowledged.clear();
        self.closed = false;
    }

    /// After a clean stop. Behind a closed pipe something is left, which holds the horizon for others, too.
    pub fn settle(&mut self) {
        if !self.closed {
            self.settled.append(&mut self.acknowledged);
        }
    }

    /// CP-6: of what has announced a group, something is gone from the stream, so that no replay can know of it.
    pub fn may_announce_again(&mut self) {
        self.settled.retain(|(_, key)| key.stage != Stage::Early);
    }

    /// What is due on the network arrives.
    pub fn settle_network(&mut self, now: i64) {
        let (due, rest) = std::mem::take(&mut self.network).into_iter().partition(|(at, _)| *at <= now);
        self.network = rest;
        let due: Vec<(i64, Delivered)> = due;
        self.deliveries.extend(due.into_iter().map(|(_, delivered)| delivered));
    }

    /// Lines of the dead-letter file.
    pub fn take_letters(&mut self, lines: &[u8]) {
        let lines = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        self.letters.extend(lines.map(read_letter));
    }

    /// By sink and id, the first arrival of each stage, in their order.
    pub fn first_arrivals(&self) -> BTreeMap<(usize, DeliveryKey), usize> {
        let mut first = BTreeMap::new();
        for (at, delivered) in self.deliveries.iter().enumerate() {
            first.entry((delivered.sink, delivered.key)).or_insert(at);
        }
        first
    }
}

/// The key that a line says it has.
pub fn key_of(line: &[u8]) -> Option<DeliveryKey> {
    let document: serde_json::Value = serde_json::from_slice(line).ok()?;
    let id = u128::from_str_radix(document["id"].as_str()?, 16).ok()?;
    let stage = Stage::ALL.into_iter().find(|stage| Some(stage.as_str()) == document["stage"].as_str())?;
    Some(DeliveryKey { id: trailrisk::risk_event::RiskEventId(id), stage })
}

fn read_letter(line: &[u8]) -> Letter {
    let document: serde_json::Value = serde_json::from_slice(line).expect("a dead letter is one JSON document");
    let text = |name: &str| document[name].as_str().expect("a text").to_owned();
    if document["origin"] == "record" {
        return Letter::Record(text("shard"), text("sequence_number"), text("reason"));
    }
    let line = STANDARD.decode(text("data")).expect("base64");
    Letter::Sink(text("sink"), text("delivery_key"), line)
}
