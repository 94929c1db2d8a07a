//! The batch evaluation (semantics 4): the live engine over files, where everything is on time and windows close at the
//! end of the input.
//!
//! Deliberately absent: a second implementation of anything. `replay` is the engine with [`Timing::Batch`].

mod dead_letter;
mod input;

use std::sync::Arc;

pub use dead_letter::{Opened, open};
pub use input::{Document, files_of, read_documents};

use crate::cloudtrail::{DecodeLimits, Rejected};
use crate::engine::{
    Counters, Engine, EngineConfig, Input, Output, Position, SequenceNumber, ShardId, ShardRef, StartPosition,
    StreamIdentity, Timing,
};
use crate::evaluate::{Evaluator, RawRecord};
use crate::plan::{Bounds, Plan};
use crate::risk_event::RiskEvent;
use crate::time::Arrival;

/// A batch evaluation that takes documents until it is finished.
pub struct Replay {
    engine: Engine,
    evaluator: Evaluator,
    shard: ShardId,
    documents: u64,
    skipped: u64,
}

/// What a finished replay has counted.
#[derive(Debug)]
pub struct Summary {
    /// Documents read.
    pub documents: u64,
    /// Of these, skipped unparsed because no required literal occurs in them (PO-3).
    pub skipped: u64,
    /// The engine's counters.
    pub counters: Counters,
    /// Risk events printed.
    pub risk_events: u64,
}

impl Replay {
    /// Over these plans. `source_name` is part of every id: give the live source's to get the live ids.
    pub fn new(
        plans: Vec<Arc<Plan>>,
        source_name: &str,
        bounds: Bounds,
        limits: DecodeLimits,
        decode_all: bool,
    ) -> Self {
        let shard = ShardId::new("files");
        let config = EngineConfig {
            source_name: source_name.into(),
            stream: StreamIdentity { name: "files".to_owned(), created_at: 0 },
            bounds,
            // A batch holds every window until the end; there is nothing that a bound could make wait.
            max_state_bytes: usize::MAX,
            timing: Timing::Batch,
            start: StartPosition::TrimHorizon,
            started_at: Arrival::MIN,
            unseen_from: Arrival::MIN,
        };
        let mut engine = Engine::new(config, plans);
        engine.handle_input(Input::ShardsListed(vec![ShardRef { shard: shard.clone(), parents: vec![] }]));
        let evaluator = Evaluator::new(engine.plans(), limits, decode_all);
        let mut replay = Self { engine, evaluator, shard, documents: 0, skipped: 0 };
        replay.settle(&mut |_, _| {});
        replay
    }

    /// Takes a batch of documents; `rejected` is told, by index into the batch, what could not be decoded.
    pub fn take(&mut self, documents: &[Document<'_>], rejected: &mut dyn FnMut(usize, &Rejected)) {
        let first = self.documents;
        self.documents += documents.len() as u64;
        let positions: Vec<Position> = (first..self.documents).map(position).collect();
        let records = documents.iter().zip(&positions);
        let evaluation = self.evaluator.evaluate(records.map(|((_, data), position)| RawRecord {
            position,
            arrival: Arrival::MIN,
            data,
        }));
        self.skipped += evaluation.skipped;
        self.engine.handle_input(Input::Records { shard: self.shard.clone(), records: evaluation.records });
        self.settle(&mut |position, piece| {
            if let Ok(index) = positions.binary_search(position) {
                rejected(index, piece);
            }
        });
    }

    /// Closes every window and hands on the final risk events, in the order of WN-6.
    ///
    /// # Errors
    /// What `emit` gives.
    pub fn finish<E>(mut self, mut emit: impl FnMut(&RiskEvent) -> Result<(), E>) -> Result<Summary, E> {
        self.engine.handle_input(Input::ShardDrained { shard: self.shard.clone(), children: vec![] });
        let mut risk_events = 0;
        while let Some(output) = self.engine.poll_output() {
            if let Output::Emit(event) = output {
                self.engine.handle_input(Input::Delivered(event.delivery_key()));
                emit(&event)?;
                risk_events += 1;
            }
        }
        let (documents, skipped) = (self.documents, self.skipped);
        Ok(Summary { documents, skipped, counters: self.engine.counters().clone(), risk_events })
    }

    /// The plans, in the order of the counters.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        self.engine.plans()
    }

    /// Takes the outputs before the end: leave to read, and what was rejected.
    fn settle(&mut self, rejected: &mut dyn FnMut(&Position, &Rejected)) {
        while let Some(output) = self.engine.poll_output() {
            if let Output::DeadLetter(letter) = output {
                rejected(&letter.position, &letter.rejected);
                self.engine.handle_input(Input::DeadLettered(letter.id));
            }
        }
    }
}

/// Documents are numbered from 1.
fn position(index: u64) -> Position {
    let number = SequenceNumber::try_new(&(index + 1).to_string()).expect("digits are a sequence number");
    Position::After(number, 0)
}
