//! What a stream holds: shards with their lineage, records, events. Generated under a seed.
//!
//! The scale is that of a live stream with small windows: milliseconds, `tip_slack` of 5 s. Within it the generator
//! keeps the two conditions of the promise: no record is readable later than `tip_slack` after its arrival stamp, and no
//! shard's end later than that after its closing.

use siphasher::sip::SipHasher13;
use trailrisk::engine::{Position, SequenceNumber, ShardId, ShardRef, StartPosition};
use trailrisk::time::Arrival;

use crate::rng::Rng;

/// 2026-01-01T00:00:00Z, in milliseconds.
pub const BASE: i64 = 1_767_225_600_000;
/// How long Kinesis may take to show a record or an end.
pub const TIP_SLACK: i64 = 5_000;
/// Arrival stamps stray by this much in either direction.
const JITTER: i64 = 1_000;
const MAX_SHARDS: usize = 10;

/// A whole stream.
#[derive(Clone, Debug)]
pub struct Log {
    /// Parents stand before their children.
    pub shards: Vec<LogShard>,
    /// When the daemon first starts.
    pub first_start: i64,
    /// Where it then begins.
    pub start: StartPosition,
    /// The instant from which it reads.
    pub started_at: Arrival,
}

/// One shard.
#[derive(Clone, Debug)]
pub struct LogShard {
    pub id: ShardId,
    pub parents: Vec<usize>,
    /// A parent that Kinesis had forgotten before the daemon's first start.
    pub expired_parent: Option<ShardId>,
    pub children: Vec<usize>,
    /// When a listing first shows it.
    pub created: i64,
    /// When its end is readable.
    pub closed: Option<i64>,
    pub records: Vec<LogRecord>,
}

/// One record.
#[derive(Clone, Debug)]
pub struct LogRecord {
    pub position: Position,
    pub arrival: i64,
    /// When a read first shows it.
    pub visible: i64,
    pub events: Vec<LogEvent>,
    /// Whether its bytes are no CloudTrail at all.
    pub poison: bool,
}

/// One CloudTrail event.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEvent {
    pub id: String,
    pub time: i64,
    pub name: &'static str,
    pub group: Option<&'static str>,
    pub item: &'static str,
    pub tags: Vec<&'static str>,
    /// Copies with one id differ in nothing but this.
    pub amount: i64,
}

impl Log {
    /// The shard as a listing names it.
    pub fn shard_ref(&self, ix: usize) -> ShardRef {
        let shard = &self.shards[ix];
        let parents = shard.parents.iter().map(|parent| self.shards[*parent].id.clone());
        ShardRef { shard: shard.id.clone(), parents: parents.chain(shard.expired_parent.clone()).collect() }
    }

    /// Its index.
    pub fn index_of(&self, id: &ShardId) -> usize {
        self.shards.iter().position(|shard| shard.id == *id).expect("only shards of the log are named")
    }

    /// The first record that a read from `start` gives.
    pub fn first_index(&self, ix: usize, start: StartPosition) -> usize {
        let records = &self.shards[ix].records;
        match start {
            StartPosition::TrimHorizon => 0,
            StartPosition::AtTimestamp(from) => {
                records.iter().position(|record| record.arrival >= from.0).unwrap_or(records.len())
            }
        }
    }

    /// The instant from which everything is readable.
    pub fn settled(&self) -> i64 {
        let records = self.shards.iter().flat_map(|shard| &shard.records).map(|record| record.visible);
        let ends = self.shards.iter().filter_map(|shard| shard.closed);
        records.chain(ends).max().unwrap_or(BASE)
    }
}

impl LogEvent {
    /// AG-2: tells copies apart, and of copies in conflict the one with the smallest counts.
    pub fn content_hash(&self) -> u64 {
        let bytes = serde_json::to_vec(&self.json()).expect("JSON values serialise");
        SipHasher13::new().hash(&bytes)
    }

    /// The bytes of a bare CloudTrail record.
    pub fn json(&self) -> serde_json::Value {
        let at = Arrival(self.time).to_string();
        let mut event = serde_json::json!({
            "eventVersion": "1.08", "eventID": self.id, "eventTime": at, "eventName": self.name,
            "eventSource": "sim.amazonaws.com", "item": self.item, "amount": self.amount,
        });
        if let Some(group) = self.group {
            event["grp"] = group.into();
        }
        if !self.tags.is_empty() {
            event["tags"] = self.tags.clone().into();
        }
        event
    }
}

impl LogRecord {
    /// The record's bytes: one bare event, several in a file envelope, or nonsense.
    pub fn bytes(&self) -> Vec<u8> {
        if self.poison {
            return b"{\"not\": ".to_vec();
        }
        let events: Vec<_> = self.events.iter().map(LogEvent::json).collect();
        let document = match <[serde_json::Value; 1]>::try_from(events) {
            Ok([event]) => event,
            Err(events) => serde_json::json!({ "Records": events }),
        };
        serde_json::to_vec(&document).expect("JSON values serialise")
    }
}

/// Generates the log of a seed.
pub fn generate(seed: u64) -> Log {
    Generator::new(Rng::new(seed, 1)).run()
}

struct Generator {
    rng: Rng,
    shards: Vec<LogShard>,
    live: Vec<usize>,
    weights: Vec<i64>,
    now: i64,
    /// Times are multiples of this: bounds are then often hit exactly.
    quantum: i64,
    jitter: i64,
    visibility: i64,
    reshard: i64,
    poison: i64,
    pool: Vec<LogEvent>,
    serial: u64,
}

impl Generator {
    fn new(mut rng: Rng) -> Self {
        let weights = (0..=MAX_SHARDS).map(|ix| if ix == 0 { 1 } else { rng.pick(&[0, 1, 1, 3, 6]) }).collect();
        let mut generator = Self {
            quantum: rng.pick(&[1_000, 1]),
            jitter: rng.pick(&[0, 0, JITTER]),
            visibility: rng.pick(&[100, 2_500]),
            reshard: rng.pick(&[0, 40, 120]),
            poison: rng.pick(&[0, 0, 40]),
            weights,
            shards: Vec::new(),
            live: Vec::new(),
            now: BASE + 100_000,
            pool: Vec::new(),
            serial: 0,
            rng,
        };
        for _ in 0..=generator.rng.index(3) {
            let root = generator.open(vec![]);
            if generator.rng.chance(100) {
                generator.shards[root].expired_parent = Some(ShardId::new("shardId-expired"));
            }
        }
        generator
    }

    fn run(mut self) -> Log {
        for _ in 0..15 + self.rng.below(50) {
            self.now += self.rng.pick(&[0, 0, 100, 500, 1_000, 2_000, 6_000, 20_000]);
            // Chains of reshards within one window.
            while self.shards.len() < MAX_SHARDS && self.rng.chance(self.reshard) {
                self.reshard();
            }
            self.put();
        }
        let first_start = BASE + 100_000 + self.rng.below(150_000);
        let start = match self.rng.below(4) {
            // Far enough before the start that no shard listed later can hold anything older.
            0 => StartPosition::AtTimestamp(Arrival(first_start - JITTER - self.rng.below(40_000))),
            _ => StartPosition::TrimHorizon,
        };
        let started_at = match start {
            StartPosition::AtTimestamp(from) => from,
            StartPosition::TrimHorizon => Arrival(BASE + self.rng.below(120_000)),
        };
        Log { shards: self.shards, first_start, start, started_at }
    }

    fn open(&mut self, parents: Vec<usize>) -> usize {
        let ix = self.shards.len();
        self.shards.push(LogShard {
            id: ShardId::new(&format!("shardId-{ix:012}")),
            parents,
            expired_parent: None,
            children: Vec::new(),
            created: self.now,
            closed: None,
            records: Vec::new(),
        });
        self.live.push(ix);
        ix
    }

    fn close(&mut self, ix: usize, child: usize) {
        let end = self.now + self.rng.below(3_000);
        let shard = &mut self.shards[ix];
        let last = shard.records.last().map_or(end, |record| record.visible);
        shard.closed.get_or_insert(end.max(last));
        shard.children.push(child);
    }

    fn reshard(&mut self) {
        if self.live.len() > 1 && self.rng.chance(500) {
            let (Some(a), Some(b)) = (self.rng.take(&mut self.live), self.rng.take(&mut self.live)) else { return };
            let child = self.open(vec![a, b]);
            self.close(a, child);
            self.close(b, child);
        } else if let Some(parent) = self.rng.take(&mut self.live) {
            for _ in 0..2 {
                let child = self.open(vec![parent]);
                self.close(parent, child);
            }
        }
    }

    fn put(&mut self) {
        let ix = self.weighted_shard();
        let stamp = self.now.div_euclid(self.quantum) * self.quantum;
        let stray = if self.jitter > 0 { self.rng.below(2 * self.jitter + 1) - self.jitter } else { 0 };
        let arrival = (stamp + stray).div_euclid(self.quantum) * self.quantum;
        let visible = self.now + self.rng.below(self.visibility);
        let poison = self.rng.chance(self.poison);
        let count = 1 + if self.rng.chance(300) { self.rng.index(3) } else { 0 };
        let events = if poison { vec![] } else { (0..count).map(|_| self.event(arrival)).collect() };
        let last = self.shards[ix].records.last();
        let visible = last.map_or(visible, |last| last.visible.max(visible));
        let position = self.next_position(ix);
        self.shards[ix].records.push(LogRecord { position, arrival, visible, events, poison });
    }

    fn weighted_shard(&mut self) -> usize {
        let total: i64 = self.live.iter().map(|ix| self.weights[*ix]).sum();
        let mut left = self.rng.below(total);
        let chosen = self.live.iter().find(|ix| {
            left -= self.weights[**ix];
            left < 0
        });
        chosen.copied().unwrap_or(self.live[0])
    }

    /// Sequence numbers grow by odd steps and in length; some records share one, as those of a KPL aggregate do.
    fn next_position(&mut self, ix: usize) -> Position {
        let previous = self.shards[ix].records.last().map(|record| record.position.clone());
        match previous {
            Some(Position::After(number, sub)) if self.rng.chance(150) => Position::After(number, sub + 1),
            Some(Position::After(number, _)) => {
                let number: u64 = number.as_str().parse().expect("generated below");
                sequence(number + 1 + self.rng.below(40).unsigned_abs())
            }
            _ => sequence(90 + self.rng.below(20).unsigned_abs()),
        }
    }

    fn event(&mut self, arrival: i64) -> LogEvent {
        if !self.pool.is_empty() && self.rng.chance(180) {
            return self.copy();
        }
        let age = match self.rng.below(10) {
            0..=5 => self.rng.below(6_000),
            6 => 6_000 + self.rng.below(12_000),
            7 => 10_000 + self.rng.below(40_000),
            8 => self.rng.below(250_000),
            _ if self.rng.chance(100) => -31_536_000_000,
            _ if self.rng.chance(50) => arrival,
            _ => -self.rng.below(7_000),
        };
        self.serial += 1;
        let event = LogEvent {
            id: format!("00000000-0000-4000-8000-{:012x}", self.serial),
            time: (arrival - age).div_euclid(self.quantum) * self.quantum,
            name: self.rng.pick(&["Alpha", "Alpha", "Beta", "Gamma", "Noise"]),
            group: self.rng.pick(&[Some("g0"), Some("g0"), Some("g1"), Some("g1"), None]),
            item: self.rng.pick(&["i0", "i1", "i2", "i3"]),
            tags: self.tags(),
            amount: self.rng.below(10),
        };
        self.pool.push(event.clone());
        event
    }

    fn tags(&mut self) -> Vec<&'static str> {
        let first = self.rng.index(3);
        ["t0", "t1", "t2", "t0"][first..first + self.rng.index(3).min(2)].to_vec()
    }

    /// A producer's repetition, mostly of a recent event, now and then with other bytes.
    fn copy(&mut self) -> LogEvent {
        let len = self.pool.len();
        let oldest = if self.rng.chance(700) { len.saturating_sub(6) } else { 0 };
        let mut event = self.pool[oldest + self.rng.index(len - oldest)].clone();
        if self.rng.chance(100) {
            event.amount += 100;
        }
        event
    }
}

fn sequence(number: u64) -> Position {
    Position::After(SequenceNumber::try_new(&number.to_string()).expect("digits"), 0)
}
