//! What is put while the daemon is stopped again and again: JobCreated events of many groups in every envelope, copies
//! of them, noise and what cannot be decoded, with splits and a merge on the way. Drawn from a seed; only the times are
//! the clock's.

use std::collections::{HashMap, VecDeque};
use std::io::Read as _;
use std::time::Duration;

use fastrand::Rng;
use flate2::read::GzDecoder;
use tokio::time::{MissedTickBehavior, interval};

use super::super::STREAM;
use super::super::aggregate::aggregate;
use super::super::event::{JobCreated, eventbridge, file, gzip};
use crate::support::kinesis::LocalKinesis;
use crate::support::wall_millis;

const CORPUS: &[u8] = include_bytes!("../../../data/cloudtrail/corpus.ndjson.gz");
/// Chunks of records a second.
const CHUNKS_A_SECOND: usize = 10;
/// Records a second of a large run; a small one takes [`SHORTEST`].
const RATE: usize = 1500;
const SHORTEST: usize = 8;
/// Events and their copies are at most this old when they are put, unless late ones are wanted.
pub const SPREAD_MS: i64 = 3000;
const ACCOUNTS: u64 = 30;

/// Puts records, and remembers what they hold.
pub struct Traffic {
    rng: Rng,
    records: usize,
    /// Whether some events are late, very late or dated in the future.
    untimely: bool,
    /// Whether records are put in aggregates.
    aggregated: bool,
    noise: Vec<Vec<u8>>,
    recent: VecDeque<JobCreated>,
    number: u64,
    /// The JobCreated events in a record, by its data; also in an aggregate.
    pub events: HashMap<Vec<u8>, Vec<JobCreated>>,
    /// The records with events, decompressed.
    pub texts: Vec<String>,
    /// Records that cannot be decoded.
    pub undecodable: Vec<Vec<u8>>,
}

impl Traffic {
    pub fn new(seed: u64, records: usize, untimely: bool, aggregated: bool) -> Self {
        let mut corpus = String::new();
        GzDecoder::new(CORPUS).read_to_string(&mut corpus).expect("the corpus is gzipped text");
        // Its own JobCreated event is years old: late in the stream, on time in a replay.
        let noise = corpus.lines().filter(|line| !line.contains("JobCreated")).map(|line| line.as_bytes().to_vec());
        Self {
            rng: Rng::with_seed(seed),
            records,
            untimely,
            aggregated,
            noise: noise.collect(),
            recent: VecDeque::new(),
            number: 0,
            events: HashMap::new(),
            texts: Vec::new(),
            undecodable: Vec::new(),
        }
    }

    /// How long it takes to put everything.
    pub fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds() as u64)
    }

    fn seconds(&self) -> usize {
        SHORTEST.max(self.records / RATE)
    }

    /// Puts everything at an even pace into a stream of four shards. After a third a shard is split, after two thirds
    /// two are merged, and a little later the merged one is split again.
    pub async fn put(mut self, kinesis: &LocalKinesis) -> Self {
        let chunks = self.seconds() * CHUNKS_A_SECOND;
        let mut pace = interval(Duration::from_millis(1000 / CHUNKS_A_SECOND as u64));
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        for chunk in 0..chunks {
            pace.tick().await;
            let size = self.records * (chunk + 1) / chunks - self.records * chunk / chunks;
            let records: Vec<_> = (0..size).map(|_| self.record()).collect();
            let records = if self.aggregated { self.in_aggregates(records) } else { records };
            kinesis.put(STREAM, records).await;
            match chunk {
                at if at == chunks / 3 => kinesis.split(STREAM, "shardId-000000000000").await,
                at if at == chunks * 2 / 3 => {
                    kinesis.merge(STREAM, "shardId-000000000002", "shardId-000000000003").await;
                }
                at if at == chunks * 5 / 6 => kinesis.split(STREAM, "shardId-000000000006").await,
                _ => {}
            }
        }
        self
    }

    /// Up to twenty records in one, which all have its key; some stay alone.
    fn in_aggregates(&mut self, records: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
        let (mut left, mut put) = (records.into_iter(), Vec::new());
        while let Some((key, first)) = left.next() {
            if self.rng.u32(..5) == 0 {
                put.push((key, first));
                continue;
            }
            let others = left.by_ref().take(self.rng.usize(..20)).map(|(_, data)| data);
            let parts: Vec<_> = std::iter::once(first).chain(others).collect();
            let events = parts.iter().filter_map(|data| self.events.get(data)).flatten().cloned().collect();
            let whole = aggregate(&key, parts.into_iter().map(|data| (None, data)));
            self.events.insert(whole.clone(), events);
            put.push((key, whole));
        }
        put
    }

    /// A random key: copies of an event land in its shard and in others.
    fn record(&mut self) -> (String, Vec<u8>) {
        let key = format!("key-{}", self.rng.u32(..1000));
        let data = match self.rng.u32(..100) {
            0 => self.undecodable(),
            1..40 => self.rng.choice(&self.noise).expect("the corpus is not empty").clone(),
            _ => self.with_events(),
        };
        (key, data)
    }

    /// It holds what the prefilter looks for, so that it is decoded.
    fn undecodable(&mut self) -> Vec<u8> {
        self.number += 1;
        let data = format!(r#"{{"eventName": "JobCreated", oops {}"#, self.number).into_bytes();
        self.undecodable.push(data.clone());
        data
    }

    fn with_events(&mut self) -> Vec<u8> {
        let first = self.event();
        let (events, text, zipped) = match self.rng.u32(..10) {
            0 => (vec![first.clone()], eventbridge(&first), false),
            1 => {
                let events = vec![first, self.event(), self.event()];
                let text = file(&events);
                (events, text, false)
            }
            2 => {
                let second = self.event();
                let text = format!("{}\n{}", first.text(), second.text());
                (vec![first, second], text, false)
            }
            3 => (vec![first.clone()], first.text(), true),
            _ => (vec![first.clone()], first.text(), false),
        };
        let data = if zipped { gzip(text.as_bytes()) } else { text.clone().into_bytes() };
        self.texts.push(text);
        self.events.insert(data.clone(), events);
        data
    }

    /// A new event, or one of the last ones again.
    fn event(&mut self) -> JobCreated {
        let now = wall_millis();
        if !self.untimely {
            self.recent.retain(|event| event.time >= now - SPREAD_MS);
        }
        if self.rng.u32(..5) == 0
            && let Some(event) = self.rng.choice(&self.recent)
        {
            return event.clone();
        }
        self.number += 1;
        let time = now - self.age();
        let account = format!("{:012}", 111_111_111_111 + self.rng.u64(..ACCOUNTS));
        let source = if self.rng.bool() { "s3.amazonaws.com" } else { "198.51.100.7" };
        let event = JobCreated { source: source.to_owned(), ..JobCreated::new(self.number, time, &account) };
        self.recent.push_back(event.clone());
        if self.recent.len() > 200 {
            self.recent.pop_front();
        }
        event
    }

    /// In milliseconds; negative for a date in the future.
    fn age(&mut self) -> i64 {
        match self.rng.u32(..20) {
            0..3 if self.untimely => self.rng.i64(SPREAD_MS..30_000),
            3 if self.untimely => self.rng.i64(3_600_000..48 * 3_600_000),
            4 if self.untimely => -self.rng.i64(3_600_000..48 * 3_600_000),
            _ => self.rng.i64(0..SPREAD_MS),
        }
    }
}
