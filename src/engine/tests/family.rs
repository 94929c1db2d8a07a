//! Shards with names and parents, for what splits and merges do.

use std::collections::BTreeMap;

use super::support::{Stream, after, plan};
use crate::cloudtrail::DecodeLimits;
use crate::engine::{
    Checkpoint, Engine, EngineConfig, Input, Output, Position, ShardId, ShardLife, ShardRef, StartPosition,
};
use crate::evaluate::{Evaluator, RawRecord};
use crate::risk_event::RiskEvent;
use crate::time::Arrival;

pub const SEARCH: &str = "eventName=E | stats count by user";
pub const START: StartPosition = StartPosition::AtTimestamp(Arrival(7));

/// A shard and its parents, separated by spaces.
pub fn of(name: &str, parents: &str) -> ShardRef {
    ShardRef { shard: ShardId::new(name), parents: parents.split_whitespace().map(ShardId::new).collect() }
}

/// An engine whose shards have names.
pub struct Family {
    pub engine: Engine,
    records: BTreeMap<String, u32>,
}

impl Family {
    pub fn new(listed: &[ShardRef]) -> Self {
        let config = EngineConfig { start: START, ..Stream::config("source", usize::MAX, Arrival::MIN) };
        Self { engine: Engine::new(config, vec![plan("a", SEARCH)]), records: BTreeMap::new() }.listing(listed)
    }

    pub fn restored(from: Checkpoint) -> Self {
        let config = EngineConfig { start: START, ..Stream::config("source", usize::MAX, Arrival(1_000_000)) };
        let engine = Engine::restore(config, vec![plan("a", SEARCH)], from).expect("stored plans compile");
        Self { engine, records: BTreeMap::new() }
    }

    pub fn listing(mut self, listed: &[ShardRef]) -> Self {
        self.list(listed);
        self
    }

    pub fn list(&mut self, listed: &[ShardRef]) {
        self.engine.handle_input(Input::ShardsListed(listed.to_vec()));
    }

    /// The shards that are to be read from now on, and where from; risk events are acknowledged.
    pub fn opened(&mut self) -> Vec<(String, Position, StartPosition)> {
        self.settle().1
    }

    /// Their names.
    pub fn names(&mut self) -> Vec<String> {
        self.opened().into_iter().map(|(shard, ..)| shard).collect()
    }

    pub fn settle(&mut self) -> (Vec<RiskEvent>, Vec<(String, Position, StartPosition)>) {
        let (mut events, mut opened) = (Vec::new(), Vec::new());
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Read { shard, after, start } => opened.push((shard.0.to_string(), after, start)),
                Output::Emit(event) => {
                    self.engine.handle_input(Input::Delivered(event.delivery_key()));
                    events.push(*event);
                }
                Output::DeadLetter(letter) => panic!("{letter:?}"),
            }
        }
        (events, opened)
    }

    /// One record; nothing that comes of it is sent.
    pub fn read(&mut self, shard: &str, arrival: i64, event: &str) {
        let number = self.records.entry(shard.to_owned()).or_default();
        *number += 1;
        let position = after(0, *number);
        let record = RawRecord { position: &position, arrival: Arrival(arrival), data: event.as_bytes() };
        let records = Evaluator::new(self.engine.plans(), DecodeLimits::default(), true).evaluate([record]).records;
        self.engine.handle_input(Input::Records { shard: ShardId::new(shard), records });
    }

    pub fn tip(&mut self, shard: &str, read_through: i64) {
        self.engine.handle_input(Input::AtTip { shard: ShardId::new(shard), read_through: Arrival(read_through) });
    }

    pub fn drain(&mut self, shard: &str, children: &[ShardRef]) {
        self.engine.handle_input(Input::ShardDrained { shard: ShardId::new(shard), children: children.to_vec() });
    }

    pub fn read_through(&self, shard: &str) -> Arrival {
        let progress = self.engine.shard_progress();
        progress.iter().find(|progress| &*progress.shard.0 == shard).expect("it is known").read_through
    }

    pub fn lives(&self) -> Vec<ShardLife> {
        self.engine.shard_progress().into_iter().map(|shard| shard.life).collect()
    }

    pub fn watermark(&self) -> Arrival {
        self.engine.gauges().watermark
    }

    /// `P` of every shard, by name.
    pub fn processed(&mut self) -> Vec<Position> {
        let (ticket, checkpoint) = self.engine.checkpoint();
        self.engine.handle_input(Input::CheckpointStored(ticket));
        checkpoint.shards.into_values().map(|shard| shard.processed).collect()
    }
}
