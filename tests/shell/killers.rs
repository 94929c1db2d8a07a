//! Records that the process dies of, each time that it evaluates them (PO-2). Where attempts are noted it dies behind the
//! note, else on the way into the pipeline: nothing of the record is ever evaluated.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::mpsc;
use trailrisk::engine::{Position, ShardId};
use trailrisk::source::{Record, ShardMessage};
use trailrisk::time::Arrival;

use crate::log::Log;
use crate::rng::Rng;
use crate::world::World;

/// How a life ends that dies behind a note.
pub struct Killed;

/// Which records kill.
pub type Killers = BTreeSet<(ShardId, Position)>;

/// A few, or none.
pub fn choose(log: &Log, most: usize, rng: &mut Rng) -> Killers {
    let mut all: Vec<_> = log
        .shards
        .iter()
        .flat_map(|shard| shard.records.iter().map(|record| (shard.id.clone(), record.position.clone())))
        .collect();
    (0..most).filter_map(|_| rng.take(&mut all)).collect()
}

/// What isolation has noted, as far as it decides who dies of what.
#[derive(Default)]
pub struct Noted {
    /// Attempts are noted in the life at hand; none before it has begun.
    noting: Option<bool>,
    isolated: Killers,
    /// From then on nothing is noted.
    pub unseen_from: Option<Arrival>,
}

impl Noted {
    fn read(&mut self, document: &Value) {
        let shards = || document["shards"].as_object().into_iter().flatten();
        let in_doubt = |of: &Value| of["unclean"].as_u64() >= Some(2) || !of["suspect"].is_null();
        self.noting.get_or_insert_with(|| shards().any(|(_, of)| in_doubt(of)));
        let isolated = shards().flat_map(|(id, of)| {
            let records = of["isolated"].as_array().into_iter().flatten();
            records.map(|record| (ShardId::new(id), position(&record["position"])))
        });
        self.isolated = isolated.collect();
    }
}

fn position(value: &Value) -> Position {
    serde_json::from_value(value.clone()).expect("a position")
}

impl World {
    /// A life begins.
    pub fn begin_noting(&self) {
        self.state().noted = Noted::default();
    }

    /// PO-2: a note was written. Whoever has noted an attempt at a killer dies of it.
    pub fn noted(&self, bytes: &[u8]) {
        let document: Value = serde_json::from_slice(bytes).expect("a note is JSON");
        self.state().noted.read(&document);
        let attempt = &document["attempt"];
        if attempt.is_null() {
            return;
        }
        let shard = ShardId::new(attempt["shard"].as_str().expect("a shard"));
        let records = position(&attempt["records"]["first"])..=position(&attempt["records"]["last"]);
        let is_tried = |(of, position): &(ShardId, Position)| *of == shard && records.contains(position);
        if self.killers.iter().any(is_tried) {
            self.seen("a death of a noted record");
            self.note(|| "KILLED behind a note".to_owned());
            std::panic::resume_unwind(Box::new(Killed));
        }
    }

    /// Whether the life dies of this record when it gets there, and has not noted it.
    fn kills_unnoted(&self, shard: &ShardId, record: &Record) -> bool {
        let state = self.state();
        let name = (shard.clone(), record.position.clone());
        let is_noted =
            state.noted.noting == Some(true) && state.noted.unseen_from.is_some_and(|at| record.arrival < at);
        self.killers.contains(&name) && !state.noted.isolated.contains(&name) && !is_noted
    }
}

/// Between the consumers and the pipeline: a killer that is not noted is not passed on, and the life ends.
pub fn between(world: &Arc<World>, mut messages: mpsc::Receiver<ShardMessage>) -> mpsc::Receiver<ShardMessage> {
    if world.killers.is_empty() {
        return messages;
    }
    let (world, (sender, receiver)) = (Arc::clone(world), mpsc::channel(1));
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            if let ShardMessage::Records { shard, records, .. } = &message
                && records.iter().any(|record| world.kills_unnoted(shard, record))
            {
                world.seen("a death of a record");
                world.note(|| "KILLED".to_owned());
                world.die();
                std::future::pending::<()>().await;
            }
            if sender.send(message).await.is_err() {
                return;
            }
        }
    });
    receiver
}
