//! A daemon in the hand, for schedules that are told step by step.

use std::sync::Arc;

use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::engine::{
    Checkpoint, Engine, EngineConfig, Input, Output, Position, SequenceNumber, ShardId, ShardRef, StartPosition,
    StreamIdentity, Timing,
};
use trailrisk::evaluate::{Evaluator, RawRecord};
use trailrisk::plan::{Bounds, Plan, Value};
use trailrisk::risk_event::{RiskEvent, Stage};
use trailrisk::time::Arrival;

use crate::detections::{Detection, Rule};
use crate::log::{BASE, LogEvent};

/// A daemon in the hand: an engine, and what came out of it.
pub struct Bench {
    pub engine: Engine,
    evaluator: Evaluator,
    plans: Vec<Arc<Plan>>,
    pub read: Vec<String>,
    pub emitted: Vec<RiskEvent>,
    pub dead_letters: usize,
}

/// An event of group `g0`, at seconds after [`BASE`].
pub fn event(number: u32, seconds: i64) -> LogEvent {
    LogEvent {
        id: format!("00000000-0000-4000-8000-{number:012}"),
        time: BASE + seconds * 1_000,
        name: "Alpha",
        group: Some("g0"),
        item: ["i0", "i1", "i2", "i3"][number as usize % 4],
        tags: vec![],
        amount: 0,
    }
}

pub fn shard(name: &str, parents: &[&str]) -> ShardRef {
    ShardRef { shard: ShardId::new(name), parents: parents.iter().map(|parent| ShardId::new(parent)).collect() }
}

pub fn at(number: u32) -> Position {
    Position::After(SequenceNumber::try_new(&number.to_string()).expect("digits"), 0)
}

pub fn instant(seconds: i64) -> Arrival {
    Arrival(BASE + seconds * 1_000)
}

fn config(timing: Timing) -> EngineConfig {
    EngineConfig {
        source_name: "directed".into(),
        stream: StreamIdentity { name: "directed".to_owned(), created_at: 0 },
        bounds: Bounds::default(),
        max_state_bytes: 1 << 30,
        timing,
        start: StartPosition::TrimHorizon,
        started_at: Arrival::MIN,
        unseen_from: Arrival::MIN,
    }
}

impl Bench {
    pub fn new(detections: &[Detection]) -> Self {
        Self::timed(detections, Timing::Live)
    }

    pub fn timed(detections: &[Detection], timing: Timing) -> Self {
        let plans: Vec<_> = detections.iter().map(|detection| Arc::clone(&detection.plan)).collect();
        Self::around(Engine::new(config(timing), plans.clone()), plans)
    }

    fn around(engine: Engine, plans: Vec<Arc<Plan>>) -> Self {
        let evaluator = Evaluator::new(engine.plans(), DecodeLimits::default(), true);
        Self { engine, evaluator, plans, read: vec![], emitted: vec![], dead_letters: 0 }
    }

    /// A crash or a stop: the next process begins from this checkpoint.
    pub fn restart(&self, from: Checkpoint) -> Self {
        Self::restore(self.plans.clone(), from)
    }

    pub fn restore(plans: Vec<Arc<Plan>>, from: Checkpoint) -> Self {
        let engine = Engine::restore(config(Timing::Live), plans.clone(), from).expect("stored plans compile");
        let mut bench = Self::around(engine, plans);
        // As the daemon does before it reads.
        bench.checkpoint();
        bench
    }

    /// Detection version, number of events and whether it is partial, of each final of this group.
    pub fn finals_of(&self, group: &str) -> Vec<(u32, u64, bool)> {
        let finals = self.emitted.iter().filter(|event| event.stage == Stage::Final);
        let of_group = finals.filter(|event| event.group.iter().all(|(_, value)| *value == Value::text(group)));
        let mut found: Vec<_> =
            of_group.map(|event| (event.detection.version, event.event_count, event.marks.partial)).collect();
        found.sort_unstable();
        found
    }

    pub fn input(&mut self, input: Input) {
        self.engine.handle_input(input);
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Read { shard, after, .. } => self.read.push(format!("{shard}@{after}")),
                Output::Emit(event) => self.emitted.push(*event),
                Output::DeadLetter(_) => self.dead_letters += 1,
            }
        }
    }

    pub fn list(&mut self, shards: &[ShardRef]) {
        self.input(Input::ShardsListed(shards.to_vec()));
    }

    /// One record with these events, arriving at this second.
    pub fn record(&mut self, shard: &str, number: u32, arrival: i64, events: &[LogEvent]) {
        let records: Vec<_> = events.iter().map(LogEvent::json).collect();
        let data = serde_json::json!({ "Records": records }).to_string();
        let position = at(number);
        let raw = RawRecord { position: &position, arrival: instant(arrival), data: data.as_bytes() };
        let records = self.evaluator.evaluate([raw]).records;
        self.input(Input::Records { shard: ShardId::new(shard), records });
    }

    pub fn tip(&mut self, shard: &str, seconds: i64) {
        self.input(Input::AtTip { shard: ShardId::new(shard), read_through: instant(seconds) });
    }

    pub fn drained(&mut self, shard: &str, children: &[ShardRef]) {
        self.input(Input::ShardDrained { shard: ShardId::new(shard), children: children.to_vec() });
    }

    /// The sink acknowledges everything emitted so far.
    pub fn acknowledge_all(&mut self) {
        let keys: Vec<_> = self.emitted.iter().map(RiskEvent::delivery_key).collect();
        keys.into_iter().for_each(|key| self.input(Input::Delivered(key)));
    }

    /// A durable checkpoint.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let (ticket, checkpoint) = self.engine.checkpoint();
        self.input(Input::CheckpointStored(ticket));
        checkpoint
    }

    /// Number of events in each final or early emitted.
    pub fn counts(&self, stage: Stage) -> Vec<u64> {
        self.emitted.iter().filter(|event| event.stage == stage).map(|event| event.event_count).collect()
    }
}

/// Windows of 10 s, grace of 3 s.
pub fn each() -> Detection {
    Detection::new(Rule::Each, 1, 10_000, 3_000, 3_000)
}

pub fn volume() -> Detection {
    Detection::new(Rule::Volume, 1, 10_000, 3_000, 3_000)
}

pub fn row<'a>(checkpoint: &'a Checkpoint, name: &str) -> &'a trailrisk::engine::ShardCheckpoint {
    &checkpoint.shards[&ShardId::new(name)]
}
