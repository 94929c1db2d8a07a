//! The engine over a range of a stream: what is to be read, what is done with, what closes in the range. Sans-IO, like the
//! engine itself: the driver gives it what was read and asks what it wants.
//!
//! Deliberately absent: a second implementation of anything. It is the live engine with live timing; only where it begins
//! and which of its results are wanted differ.

use std::sync::Arc;

use super::range::{Range, close_at};
use crate::cloudtrail::DecodeLimits;
use crate::engine::{
    CHECKPOINT_VERSION, Checkpoint, Counters, DeadLetter, Engine, EngineConfig, EvaluatedRecord, Input, Output,
    PlanCheckpoint, PlanSpan, ShardId, ShardLife, ShardProgress, ShardRef, StartPosition, StoredPlanError,
    StreamIdentity, Timing,
};
use crate::evaluate::{Evaluator, RawRecord};
use crate::plan::{Bounds, Plan};
use crate::risk_event::{RiskEvent, Stage};
use crate::source::{ReadRequest, Record};
use crate::time::Arrival;

/// Records are evaluated together up to this size; between two pieces the engine enforces its bound (BD-2).
const PIECE_BYTES: usize = 64 * 1024;

/// What a backtest is told once.
pub struct Setup {
    /// The logical source's name, part of every id (EM-3).
    pub source_name: String,
    /// The stream.
    pub stream: StreamIdentity,
    /// The detections.
    pub plans: Vec<Arc<Plan>>,
    /// BD-3, AG-2.
    pub bounds: Bounds,
    /// BD-2.
    pub max_state_bytes: usize,
    /// Of one record.
    pub limits: DecodeLimits,
    /// Whether every record is parsed (PO-3).
    pub decode_all: bool,
    /// Which instances are wanted.
    pub range: Range,
    /// What the daemon saw of the stream, to judge by; none: everything.
    pub seen: Option<Seen>,
}

/// From when a daemon has read the stream and its plans have counted (WN-7), as its checkpoint tells.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The instant from which it first read.
    pub started_at: Arrival,
    /// Its plans and where they count.
    pub plans: Vec<PlanCheckpoint>,
}

impl Seen {
    /// Every plan that counts somewhere: these, and those that it has retired.
    ///
    /// # Errors
    /// When one of the latter does not compile any more.
    pub fn counted(&self, plans: &[Arc<Plan>]) -> Result<Vec<Arc<Plan>>, StoredPlanError> {
        let compiled = |PlanCheckpoint { text, .. }: &PlanCheckpoint| {
            Plan::compile(text).map_err(|source| StoredPlanError { detection: text.name.clone(), source })
        };
        let retired =
            self.plans.iter().filter(|stored| is_retired(stored)).map(|stored| compiled(stored).map(Arc::new));
        plans.iter().cloned().map(Ok).chain(retired).collect()
    }
}

fn is_retired(stored: &PlanCheckpoint) -> bool {
    stored.spans.iter().all(|span| span.retired.is_some())
}

/// What the driver is to do.
pub enum Want {
    /// Start reading a shard.
    Read(ReadRequest),
    /// A final risk event of the range, in the order of WN-6.
    Print(Box<RiskEvent>),
    /// A piece of a record could not be decoded (PO-1).
    Rejected(DeadLetter),
}

#[derive(Clone, Copy)]
struct Matching {
    version: u64,
    limits: DecodeLimits,
    decode_all: bool,
}

/// A range of a stream on its way through the engine.
pub struct Backtest {
    engine: Engine,
    evaluator: Evaluator,
    /// The engine's plans that the evaluator matches against, and what it needs to do so.
    matching: Matching,
    range: Range,
    read_from: Arrival,
    needed_from: Arrival,
    /// How far, in milliseconds, a shard may be read ahead of the watermark: what lies further ahead opens windows that
    /// only take memory.
    lead_ms: i64,
    /// The watermark at which closed instances were last forgotten.
    forgotten_at: Arrival,
    records: u64,
    skipped: u64,
}

impl Backtest {
    /// Before the stream's shards are known.
    ///
    /// # Errors
    /// When a plan of the checkpoint that still drained then does not compile any more.
    pub fn new(setup: Setup) -> Result<Self, StoredPlanError> {
        let Setup { range, plans, seen, limits, decode_all, .. } = setup;
        let counted = seen.as_ref().map_or_else(|| Ok(plans.clone()), |seen| seen.counted(&plans))?;
        // What the daemon has not read counts in none of its windows.
        let seen_from = seen.as_ref().map_or(Arrival::MIN, |seen| seen.started_at);
        let read_from = range.read_from(&counted).max(seen_from);
        let needed_from = range.needed_from(&counted).max(seen_from);
        let lead = |plan: &Arc<Plan>| plan.window_ms().saturating_add(plan.text().grace_ms);
        let lead_ms = counted.iter().map(lead).max().unwrap_or(0);
        let config = EngineConfig {
            source_name: setup.source_name.as_str().into(),
            stream: setup.stream.clone(),
            bounds: setup.bounds,
            max_state_bytes: setup.max_state_bytes,
            timing: Timing::Live,
            start: StartPosition::AtTimestamp(read_from),
            started_at: read_from,
            unseen_from: Arrival::MIN,
        };
        let engine = match seen {
            None => Engine::new(config, plans),
            Some(seen) => {
                let checkpoint = as_checkpoint(setup.stream, seen, &plans);
                Engine::restore(config, plans, checkpoint)?
            }
        };
        let evaluator = Evaluator::new(engine.plans(), limits, decode_all);
        let matching = Matching { version: engine.plans_version(), limits, decode_all };
        let forgotten_at = Arrival::MIN;
        Ok(Self {
            engine,
            evaluator,
            matching,
            range,
            read_from,
            needed_from,
            lead_ms,
            forgotten_at,
            records: 0,
            skipped: 0,
        })
    }

    /// Where reading begins.
    pub fn read_from(&self) -> Arrival {
        self.read_from
    }

    /// What arrived before counts in no instance of the range.
    pub fn needed_from(&self) -> Arrival {
        self.needed_from
    }

    /// RD-2: every shard that can hold something of the range.
    pub fn shards_listed(&mut self, shards: Vec<ShardRef>) {
        self.engine.handle_input(Input::ShardsListed(shards));
    }

    /// Takes records of a shard, in its order, up to the first with which the shard is done. `wanted` gets what has
    /// closed meanwhile, so that no more of it waits than a piece of records makes.
    pub fn take<E>(
        &mut self,
        shard: &ShardId,
        records: &[Record],
        wanted: &mut dyn FnMut(Want) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = records;
        while !rest.is_empty() && !self.is_done_with(shard) {
            let (piece, later) = rest.split_at(piece(rest));
            rest = later;
            let evaluation = self.evaluator.evaluate(piece.iter().filter(|record| record.refusal.is_none()).map(raw));
            self.records += piece.len() as u64;
            self.skipped += evaluation.skipped;
            self.engine
                .handle_input(Input::Records { shard: shard.clone(), records: in_place(piece, evaluation.records) });
            self.settle(wanted)?;
        }
        Ok(())
    }

    /// RD-3.
    pub fn at_tip(&mut self, shard: ShardId, read_through: Arrival) {
        self.engine.handle_input(Input::AtTip { shard, read_through });
    }

    /// RD-1: the end of a closed shard.
    pub fn drained(&mut self, shard: ShardId, children: Vec<ShardRef>) {
        self.engine.handle_input(Input::ShardDrained { shard, children });
    }

    /// Whether one of these shards is known and not read yet: a parent of it is not drained, or not known.
    pub fn any_waits(&self, shards: &[ShardId]) -> bool {
        let waits = |shard: &ShardProgress| shard.life == ShardLife::Waiting && shards.contains(&shard.shard);
        self.engine.shard_progress().iter().any(waits)
    }

    /// Hands on everything that is wanted by now.
    ///
    /// # Errors
    /// What `wanted` gives.
    pub fn settle<E>(&mut self, wanted: &mut dyn FnMut(Want) -> Result<(), E>) -> Result<(), E> {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Read { shard, after, start } => {
                    // A child whose parents have passed the range begins behind it.
                    if !self.is_done_with(&shard) {
                        wanted(Want::Read(ReadRequest { shard, after, start }))?;
                    }
                }
                Output::Emit(event) => {
                    self.engine.handle_input(Input::Delivered(event.delivery_key()));
                    if event.stage == Stage::Final && self.range.holds(close_at(&event)) {
                        wanted(Want::Print(event))?;
                    }
                }
                Output::DeadLetter(letter) => {
                    self.engine.handle_input(Input::DeadLettered(letter.id));
                    wanted(Want::Rejected(letter))?;
                }
            }
        }
        self.forget();
        Ok(())
    }

    /// Whether everything of a shard that counts in the range is in the engine.
    pub fn is_done_with(&self, shard: &ShardId) -> bool {
        self.engine
            .shards()
            .any(|(id, read_through, drained)| id == shard && (drained || read_through >= self.range.to()))
    }

    /// Whether a shard may be read on now: not while it is far ahead of the others, or the state is nearly full (BD-2).
    pub fn may_read_on(&self, shard: &ShardId) -> bool {
        let bound = self.watermark().plus(self.lead_ms);
        let ahead = self.engine.shards().any(|(id, read_through, _)| id == shard && read_through > bound);
        !ahead && !self.engine.is_paused(shard)
    }

    /// Whether every instance of the range is closed.
    pub fn is_complete(&self) -> bool {
        self.watermark() >= self.range.to()
    }

    /// Whether nothing is left to read although the range is not complete: a stream that is deleted ends so.
    pub fn is_stuck(&self) -> bool {
        !self.is_complete() && self.engine.shards().all(|(_, _, drained)| drained)
    }

    /// `W`.
    pub fn watermark(&self) -> Arrival {
        self.engine.gauges().watermark
    }

    /// How far each shard is, in order of its id.
    pub fn shards(&self) -> Vec<ShardProgress> {
        self.engine.shard_progress()
    }

    /// How much of what is to be read of a shard is read, in thousandths.
    pub fn thousandths(&self, shard: &ShardProgress) -> u64 {
        // The daemon may have begun to read behind the range.
        let (from, to) = (self.read_from.0.min(self.range.to().0), self.range.to().0);
        let at = if shard.life == ShardLife::Drained { to } else { shard.read_through.0.clamp(from, to) };
        u64::try_from((at - from).saturating_mul(1000) / (to - from).max(1)).unwrap_or(0)
    }

    /// The plans, in the order of the counters.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        self.engine.plans()
    }

    /// The counters, of the lead-in before the range too.
    pub fn counters(&self) -> &Counters {
        self.engine.counters()
    }

    /// Records evaluated, and of these those that were skipped unparsed (PO-3).
    pub fn records(&self) -> (u64, u64) {
        (self.records, self.skipped)
    }

    /// Lets the engine forget what is released, as a stored checkpoint does; nothing is stored.
    fn forget(&mut self) {
        let watermark = self.watermark();
        if watermark >= self.forgotten_at.plus(self.lead_ms) && watermark != Arrival::MIN {
            self.forgotten_at = watermark;
            let (ticket, _) = self.engine.checkpoint();
            self.engine.handle_input(Input::CheckpointStored(ticket));
            self.follow_plans();
        }
    }

    /// Plans of the checkpoint that have drained leave with it.
    fn follow_plans(&mut self) {
        let Matching { version, limits, decode_all } = self.matching;
        if self.engine.plans_version() != version {
            self.matching.version = self.engine.plans_version();
            self.evaluator = Evaluator::new(self.engine.plans(), limits, decode_all);
        }
    }
}

fn raw(record: &Record) -> RawRecord<'_> {
    let Record { position, arrival, data, refusal: _ } = record;
    RawRecord { position, arrival: *arrival, data }
}

/// The evaluated records, with what stands in for the refused ones between them.
fn in_place(piece: &[Record], evaluated: Vec<EvaluatedRecord>) -> Vec<EvaluatedRecord> {
    let mut evaluated = evaluated.into_iter();
    piece.iter().filter_map(|record| record.refused().or_else(|| evaluated.next())).collect()
}

/// How many records make a piece: at least one.
fn piece(records: &[Record]) -> usize {
    let mut bytes = 0;
    let fits = |record: &&Record| {
        bytes += record.data.len();
        bytes <= PIECE_BYTES
    };
    records.iter().take_while(fits).count().max(1)
}

/// The plans as the daemon had them, before anything was read. A plan that it does not know counts everywhere; what it
/// has retired counts where it did.
fn as_checkpoint(stream: StreamIdentity, seen: Seen, plans: &[Arc<Plan>]) -> Checkpoint {
    let is_wanted =
        |stored: &PlanCheckpoint| is_retired(stored) || plans.iter().any(|plan| **plan.text() == stored.text);
    let mut known: Vec<PlanCheckpoint> = seen.plans.into_iter().filter(is_wanted).collect();
    for plan in plans {
        let active = |stored: &PlanCheckpoint| {
            stored.text == **plan.text() && stored.spans.iter().any(|span| span.retired.is_none())
        };
        if !known.iter().any(active) {
            known.retain(|stored| stored.text != **plan.text());
            let spans = vec![PlanSpan { activated: None, retired: None }];
            known.push(PlanCheckpoint { text: (**plan.text()).clone(), spans });
        }
    }
    Checkpoint {
        version: CHECKPOINT_VERSION,
        stream,
        horizon: Arrival::MIN,
        started_at: seen.started_at,
        plans: known,
        shards: std::collections::BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests;
