//! A stream in a few lines: shards that are read at once, sinks that acknowledge at once.

use std::sync::Arc;

use crate::cloudtrail::DecodeLimits;
use crate::engine::{
    Checkpoint, CheckpointTicket, Engine, EngineConfig, Input, Output, Position, SequenceNumber, ShardId, ShardRef,
    StartPosition, StreamIdentity, Timing,
};
use crate::evaluate::{Evaluator, RawRecord};
use crate::plan::{Bounds, Plan, PlanText, RiskModel};
use crate::risk_event::RiskEvent;
use crate::time::Arrival;

/// Window 10 s, grace 1 s, skew 100 s; the message is the user.
pub fn plan(id: &str, search: &str) -> Arc<Plan> {
    let risk = RiskModel {
        message: "$user$".to_owned(),
        score: 50.0,
        impact: None,
        confidence: None,
        risk_objects: vec![],
        threat_objects: vec![],
        mitre_attack: vec![],
        kill_chain_phases: vec![],
        nist: vec![],
        cis20: vec![],
        analytic_story: vec![],
    };
    let text = PlanText {
        id: id.to_owned(),
        name: id.to_owned(),
        version: 1,
        kind: "TTP".to_owned(),
        search: search.to_owned(),
        filters: vec![],
        lookups: Vec::new(),
        risk,
        window_ms: 10_000,
        grace_ms: 1_000,
        max_future_skew_ms: 100_000,
    };
    Arc::new(Plan::compile(&text).expect("the search compiles"))
}

/// An event `E` at `time` milliseconds; its source address is made of its id.
pub fn event(id: &str, time: i64, user: &str) -> String {
    named("E", id, time, user)
}

/// An event of any name.
pub fn named(name: &str, id: &str, time: i64, user: &str) -> String {
    let time = jiff::Timestamp::from_millisecond(time).unwrap();
    serde_json::json!({
        "eventVersion": "1.08", "eventSource": "x.amazonaws.com", "eventName": name, "eventID": id,
        "eventTime": time.to_string(), "sourceIPAddress": format!("10.0.0.{id}"),
        "userIdentity": {"userName": user},
    })
    .to_string()
}

/// The position after a shard's nth record, counted from 1.
pub fn after(_shard: u32, record: u32) -> Position {
    Position::After(SequenceNumber::try_new(&record.to_string()).unwrap(), 0)
}

pub struct Stream {
    pub engine: Engine,
    shards: Vec<(ShardId, u32)>,
}

impl Stream {
    pub fn new(plans: Vec<Arc<Plan>>, shards: u32) -> Self {
        Self::with("source", plans, shards, usize::MAX)
    }

    pub fn named(source: &str, plans: Vec<Arc<Plan>>, shards: u32) -> Self {
        Self::with(source, plans, shards, usize::MAX)
    }

    pub fn bounded(plans: Vec<Arc<Plan>>, shards: u32, max_state_bytes: usize) -> Self {
        Self::with("source", plans, shards, max_state_bytes)
    }

    fn with(source: &str, plans: Vec<Arc<Plan>>, shards: u32, max_state_bytes: usize) -> Self {
        let config = Self::config(source, max_state_bytes, Arrival::MIN);
        Self::around(Engine::new(config, plans), shards)
    }

    /// The next process, from a checkpoint; earlier ones have read nothing from `unseen_from` on. As in the daemon, its
    /// first checkpoint is durable before anything is read.
    pub fn restored(plans: Vec<Arc<Plan>>, shards: u32, from: Checkpoint, unseen_from: i64) -> Self {
        let config = Self::config("source", usize::MAX, Arrival(unseen_from));
        let mut stream = Self::around(Engine::restore(config, plans, from).expect("stored plans compile"), shards);
        stream.checkpoint();
        stream
    }

    pub fn config(source: &str, max_state_bytes: usize, unseen_from: Arrival) -> EngineConfig {
        EngineConfig {
            source_name: source.into(),
            stream: StreamIdentity { name: "stream".to_owned(), created_at: 0 },
            bounds: Bounds::default(),
            max_state_bytes,
            timing: Timing::Live,
            start: StartPosition::TrimHorizon,
            started_at: Arrival::MIN,
            unseen_from,
        }
    }

    /// Around an engine that was told of nothing yet.
    pub fn around(mut engine: Engine, shards: u32) -> Self {
        let ids: Vec<_> = (0..shards).map(|n| ShardId::new(&format!("shard-{n}"))).collect();
        let listed = ids.iter().map(|shard| ShardRef { shard: shard.clone(), parents: vec![] });
        engine.handle_input(Input::ShardsListed(listed.collect()));
        let mut stream = Self { engine, shards: ids.into_iter().map(|id| (id, 0)).collect() };
        stream.settle();
        stream
    }

    /// One record with these events; what comes of it.
    pub fn put(&mut self, shard: u32, arrival: i64, events: &[String]) -> Vec<RiskEvent> {
        self.read(shard, arrival, events);
        self.settle()
    }

    /// One record with these events; nothing that comes of it is sent.
    pub fn read(&mut self, shard: u32, arrival: i64, events: &[String]) {
        let (id, records) = &mut self.shards[shard as usize];
        *records += 1;
        let (id, position, data) = (id.clone(), after(shard, *records), events.join("\n"));
        let record = RawRecord { position: &position, arrival: Arrival(arrival), data: data.as_bytes() };
        let evaluator = Evaluator::new(self.engine.plans(), DecodeLimits::default(), true);
        let records = evaluator.evaluate([record]).records;
        self.engine.handle_input(Input::Records { shard: id, records });
    }

    /// The next record was given to the engine in another way.
    pub fn skip_record(&mut self, shard: u32) {
        self.shards[shard as usize].1 += 1;
    }

    /// Other detections; no checkpoint holds them yet.
    pub fn change(&mut self, plans: Vec<Arc<Plan>>) {
        self.engine.handle_input(Input::PlansChanged(plans));
    }

    /// What waited goes on, and what comes of it.
    pub fn stored(&mut self, ticket: CheckpointTicket) -> Vec<RiskEvent> {
        self.engine.handle_input(Input::CheckpointStored(ticket));
        self.settle()
    }

    /// Evidence from the tip of one shard.
    pub fn tip(&mut self, shard: u32, read_through: i64) -> Vec<RiskEvent> {
        let shard = self.shards[shard as usize].0.clone();
        self.engine.handle_input(Input::AtTip { shard, read_through: Arrival(read_through) });
        self.settle()
    }

    /// What two listings in a row lack, Kinesis has forgotten.
    pub fn list_twice(&mut self, listed: &[ShardRef]) {
        for _ in 0..2 {
            self.engine.handle_input(Input::ShardsListed(listed.to_vec()));
        }
    }

    /// Evidence from the tips of all shards.
    pub fn tip_all(&mut self, read_through: i64) -> Vec<RiskEvent> {
        (0..u32::try_from(self.shards.len()).unwrap()).flat_map(|shard| self.tip(shard, read_through)).collect()
    }

    /// A checkpoint that is durable at once.
    pub fn checkpoint(&mut self) -> Checkpoint {
        let (ticket, checkpoint) = self.engine.checkpoint();
        self.engine.handle_input(Input::CheckpointStored(ticket));
        checkpoint
    }

    fn settle(&mut self) -> Vec<RiskEvent> {
        let mut events = Vec::new();
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Emit(event) => {
                    self.engine.handle_input(Input::Delivered(event.delivery_key()));
                    events.push(*event);
                }
                Output::DeadLetter(letter) => self.engine.handle_input(Input::DeadLettered(letter.id)),
                Output::Read { .. } => {}
            }
        }
        events
    }
}
