//! The batch evaluation (semantics 4): the live engine over files, where everything is on time and windows close at the
//! end of the input.
//!
//! Deliberately absent: a second implementation of anything. `replay` is the engine with [`Timing::Batch`].

mod dead_letter;
mod input;

use std::borrow::Cow;
use std::sync::Arc;

use dead_letter::{Opened, open};
pub use input::{Block, files_of, read_blocks};

use crate::cloudtrail::{DecodeLimits, Rejected};
use crate::engine::{
    Counters, Engine, EngineConfig, Input, Output, Position, SequenceNumber, ShardId, ShardRef, StartPosition,
    StreamIdentity, Timing,
};
use crate::evaluate::{Evaluator, RawRecord};
use crate::plan::{Bounds, Plan};
use crate::risk_event::RiskEvent;
use crate::time::Arrival;

/// Documents that are evaluated before the engine takes them. What is made of them is short-lived: the less of it is held at
/// a time, the closer together lies what the engine keeps.
const TOGETHER: usize = 16;

/// A batch evaluation that takes documents until it is finished.
pub struct Replay {
    engine: Engine,
    evaluator: Evaluator,
    shard: ShardId,
    documents: u64,
    skipped: u64,
}

/// Who is told what becomes of documents that are no events.
pub trait Told {
    /// Something in the document at this line could not be decoded.
    fn rejected(&mut self, line: u64, rejected: &Rejected);

    /// A dead letter held a risk event that a receiver refused: its line, without the newline.
    fn handed_back(&mut self, event: &[u8]);
}

/// A document that has to be decoded.
struct Admitted<'a> {
    line: u64,
    position: Position,
    data: Cow<'a, [u8]>,
}

/// What a finished replay has counted.
#[derive(Debug)]
pub struct Summary {
    /// Documents read.
    pub documents: u64,
    /// Of these, skipped unparsed because no search can match an event in them (PO-3).
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

    /// Takes the documents of a block, dead letters opened: a rejected record is one as it came.
    pub fn take(&mut self, block: &mut Block<'_>, told: &mut dyn Told) {
        let (bytes, mut admitted) = (block.bytes(), Vec::new());
        let prefilter = self.evaluator.prefilter();
        let mut glance = prefilter.glance(bytes);
        for (line, range) in block {
            let document = match open(&bytes[range.clone()]) {
                Some(Opened::RiskEvent(event)) => {
                    told.handed_back(&event);
                    continue;
                }
                Some(Opened::Record(record)) => prefilter.admits(&record).then_some(Cow::Owned(record)),
                None => glance.admits(range.clone()).then(|| Cow::Borrowed(&bytes[range])),
            };
            self.documents += 1;
            match document {
                Some(data) => admitted.push(Admitted { line, position: position(self.documents), data }),
                None => self.skipped += 1,
            }
        }
        admitted.chunks(TOGETHER).for_each(|documents| self.evaluate(documents, told));
    }

    fn evaluate(&mut self, documents: &[Admitted<'_>], told: &mut dyn Told) {
        let evaluation = self.evaluator.evaluate_admitted(documents.iter().map(|document| RawRecord {
            position: &document.position,
            arrival: Arrival::MIN,
            data: &document.data,
        }));
        self.skipped += evaluation.skipped;
        self.engine.handle_input(Input::Records { shard: self.shard.clone(), records: evaluation.records });
        self.settle(&mut |position, piece| {
            if let Ok(index) = documents.binary_search_by(|document| document.position.cmp(position)) {
                told.rejected(documents[index].line, piece);
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
fn position(number: u64) -> Position {
    let number = SequenceNumber::try_new(&number.to_string()).expect("digits are a sequence number");
    Position::After(number, 0)
}
