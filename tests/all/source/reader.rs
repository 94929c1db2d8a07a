//! A stand-in for the engine: reads roots first, children once all their parents are drained (RD-1), and keeps what
//! came.

use std::collections::{BTreeMap, BTreeSet};

use prometheus::Registry;
use tokio::sync::mpsc;
use trailrisk::config::SourceConfig;
use trailrisk::engine::{Position, ShardId, ShardRef, StartPosition};
use trailrisk::metrics::Metrics;
use trailrisk::source::{AwsKinesis, ReadRequest, Record, ShardMessage, Source, SourceError};

use crate::support::PATIENCE;
use crate::support::kinesis::Endpoint;

/// Reads a stream and keeps what came.
pub struct Reader {
    pub source: Source,
    pub metrics: Metrics,
    messages: mpsc::Receiver<ShardMessage>,
    start: StartPosition,
    /// The shards told of so far, with their parents.
    pub known: BTreeMap<ShardId, Vec<ShardId>>,
    started: BTreeSet<ShardId>,
    /// Behind what each shard is to be read; what came is added.
    pub positions: BTreeMap<ShardId, Position>,
    /// What came, in order.
    pub came: Vec<(ShardId, Record)>,
    /// `MillisBehindLatest` of each batch of records, in order.
    pub behind: Vec<i64>,
    /// The shards whose end came, in order.
    pub drained: Vec<ShardId>,
    /// Stalled or not, as told.
    pub stalled: Vec<bool>,
    /// The evidence of the tip.
    pub tips: BTreeMap<ShardId, i64>,
}

/// Connects without reading.
pub async fn connect(kinesis: &Endpoint, config: &SourceConfig) -> Result<Reader, SourceError> {
    let metrics = Metrics::new(&Registry::new()).expect("a new registry");
    let (sender, messages) = mpsc::channel(4);
    let api = AwsKinesis::new(&kinesis.sdk_config(), config, metrics.clone());
    let source = Source::with_api(api, config, 16 << 20, sender, metrics.clone()).await?;
    Ok(Reader {
        source,
        metrics,
        messages,
        start: StartPosition::TrimHorizon,
        known: BTreeMap::new(),
        started: BTreeSet::new(),
        positions: BTreeMap::new(),
        came: Vec::new(),
        behind: Vec::new(),
        drained: Vec::new(),
        stalled: Vec::new(),
        tips: BTreeMap::new(),
    })
}

/// Connects, and reads from the configured start.
pub async fn read(kinesis: &Endpoint, config: &SourceConfig) -> Reader {
    let mut reader = connect(kinesis, config).await.expect("the stream is there");
    let start = reader.source.resolve_start().expect("a start");
    reader.begin(start).await;
    reader
}

impl Reader {
    /// Lists the shards and starts with the roots.
    pub async fn begin(&mut self, start: StartPosition) {
        self.start = start;
        let listing = self.source.list().await.expect("the shards are listed");
        self.learn(listing);
    }

    /// Takes messages until `enough`.
    pub async fn until(&mut self, what: &str, enough: impl Fn(&Self) -> bool) {
        let came = tokio::time::timeout(PATIENCE, async {
            while !enough(self) {
                if let Some(error) = self.next().await {
                    panic!("the source failed: {error}");
                }
            }
        });
        if came.await.is_err() {
            panic!("waited in vain: {what}; {} records came", self.came.len());
        }
    }

    /// Takes messages until the source fails.
    pub async fn failure(&mut self) -> SourceError {
        let failed = tokio::time::timeout(PATIENCE, async {
            loop {
                if let Some(error) = self.next().await {
                    return error;
                }
            }
        });
        failed.await.expect("the source fails")
    }

    /// Takes one message, or the failure of the source.
    async fn next(&mut self) -> Option<SourceError> {
        tokio::select! {
            message = self.messages.recv() => self.take(message.expect("the source goes on")),
            error = self.source.failed() => return Some(error),
        }
        None
    }

    /// What came, as texts, sorted.
    pub fn texts(&self) -> Vec<String> {
        let mut texts: Vec<_> = self.came.iter().map(|(_, record)| text(record)).collect();
        texts.sort();
        texts
    }

    fn take(&mut self, message: ShardMessage) {
        match message {
            ShardMessage::Records { shard, records, millis_behind_latest, resume, .. } => {
                assert!(!self.drained.contains(&shard), "{shard} goes on behind its end");
                self.behind.push(millis_behind_latest);
                self.positions.extend(records.last().map(|last| (shard.clone(), last.position.clone())));
                self.came.extend(records.into_iter().map(|record| (shard.clone(), record)));
                resume.send(()).expect("the consumer waits");
            }
            ShardMessage::Drained { shard, children } => {
                self.positions.insert(shard.clone(), Position::End);
                self.drained.push(shard);
                self.learn(children);
            }
            ShardMessage::Listed(listing) => self.learn(listing),
            ShardMessage::AtTip { shard, read_through } => drop(self.tips.insert(shard, read_through.0)),
            ShardMessage::Stalled { stalled, .. } => self.stalled.push(stalled),
            ShardMessage::PossibleLoss { shard, after, detail, .. } => {
                panic!("loss in {shard} after {after}: {detail}")
            }
        }
    }

    fn learn(&mut self, shards: Vec<ShardRef>) {
        self.known.extend(shards.into_iter().map(|shard| (shard.shard, shard.parents)));
        for (shard, parents) in &self.known {
            let ready = parents.iter().all(|parent| self.drained.contains(parent) || !self.known.contains_key(parent));
            if ready && self.started.insert(shard.clone()) {
                let start = if parents.is_empty() { self.start } else { StartPosition::TrimHorizon };
                let after = self.positions.get(shard).cloned().unwrap_or(Position::Start);
                self.source.start(ReadRequest { shard: shard.clone(), after, start });
            }
        }
    }
}

/// A record's data.
pub fn text(record: &Record) -> String {
    String::from_utf8(record.data.to_vec()).expect("the tests put text")
}
