//! The pure state machine between the stream and the sinks: effective arrival, watermark, window instances, groups,
//! emission, release, checkpoint. Sans-IO: [`Input`]s go in, [`Output`]s are polled.
//!
//! Deliberately absent: clocks, I/O, decoding, Prometheus, randomness, and any decision that depends on how the inputs
//! of different shards interleave. The rules are those of `docs/semantics.md`, named by their ids.

mod activation;
mod assign;
mod checkpoint;
mod closing;
mod emission;
mod group;
mod groups;
mod identity;
mod ids;
mod instance;
mod intake;
mod io;
mod ledger;
mod order;
mod pause;
mod plans;
mod progress;
mod shard;
mod shares;
mod snapshot;
#[cfg(test)]
mod tests;
mod texts;
mod topology;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub use assign::Timing;
pub use checkpoint::{
    CHECKPOINT_VERSION, Checkpoint, PlanCheckpoint, PlanSpan, ShardCheckpoint, StartPosition, StreamIdentity,
};
pub use ids::{InvalidSequenceNumber, Position, SequenceNumber, ShardId};
pub use io::{
    CheckpointTicket, Counters, DeadLetter, DeadLetterId, EvaluatedEvent, EvaluatedRecord, Input, Output, PlanCounters,
    ShardRef,
};
pub use plans::StoredPlanError;
pub use progress::{OpenWindows, ShardLife, ShardProgress, WatermarkHold};

use crate::plan::{Bounds, Plan};
use crate::risk_event::DeliveryKey;
use crate::time::Arrival;
use activation::UnstoredCut;
use closing::InProgress;
use instance::{Instance, InstanceKey};
use ledger::Ledger;
use plans::PlanSlot;
use shard::{Shard, ShardIx};

/// What the engine is told once.
#[derive(Clone, Debug)]
pub struct EngineConfig {
    /// The logical source's name, part of every id (EM-3).
    pub source_name: Arc<str>,
    /// The stream, for the checkpoint.
    pub stream: StreamIdentity,
    /// BD-3, AG-2.
    pub bounds: Bounds,
    /// BD-2: the most bytes that open instances may take.
    pub max_state_bytes: usize,
    /// Live, or a batch.
    pub timing: Timing,
    /// Where the shards of the first listing begin, on a first start (RD-4).
    pub start: StartPosition,
    /// The instant from which the stream is read, on a first start: windows that began earlier are partial (WN-7).
    pub started_at: Arrival,
    /// On a restart: no earlier process has read anything that arrived at this instant or later (the server's time at
    /// the start, plus what it may be wrong by). Plans that change are cut there or later, never where an earlier process may have
    /// told of what it had read (WN-7).
    pub unseen_from: Arrival,
}

/// The engine: one owner of all stream state. Inputs never fail; spurious ones are no-ops.
#[derive(Debug)]
pub struct Engine {
    config: EngineConfig,
    plans: Vec<PlanSlot>,
    /// How often the plans changed.
    plans_version: u64,
    /// WN-7: a change of plans that no durable checkpoint holds yet.
    unstored_cut: Option<UnstoredCut>,
    started_at: Arrival,
    shards: Vec<Shard>,
    by_id: BTreeMap<ShardId, ShardIx>,
    /// RD-2: the start frontier is registered.
    frontier_known: bool,
    /// CP-5: every shard has reached the `P` of the checkpoint.
    replay_done: bool,
    /// `H` at start: what is released is skipped in replay (CP-4).
    horizon_at_start: Arrival,
    /// The largest `H` of a checkpoint taken so far.
    horizon: Arrival,
    watermark: Arrival,
    open: BTreeMap<InstanceKey, Instance>,
    /// Instances that close before the watermark, because a bound was hit (BD-2).
    forced: VecDeque<(InstanceKey, Instance)>,
    in_progress: Option<InProgress>,
    ledger: Ledger,
    outputs: VecDeque<Output>,
    state_bytes: usize,
    next_dead_letter: u64,
    next_ticket: u64,
    /// Horizons of checkpoints that are taken but not yet durable.
    tickets: BTreeMap<CheckpointTicket, Arrival>,
    /// The newest checkpoint that is durable.
    durable: Option<CheckpointTicket>,
    counters: Counters,
}

/// What came of [`Engine::poll`].
#[derive(Debug)]
pub enum Polled {
    /// To be done.
    Output(Output),
    /// Nothing yet: to be asked again, at the latest after the next input.
    Busy,
    /// Nothing until the next input.
    Idle,
}

/// What the metrics show of the engine's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gauges {
    /// `W`; [`Arrival::MIN`] while a root shard was never read.
    pub watermark: Arrival,
    /// Open instances.
    pub open_instances: usize,
    /// Groups in them.
    pub open_groups: usize,
    /// Their estimated size in bytes.
    pub state_bytes: usize,
    /// Deliveries and dead letters not yet acknowledged.
    pub pending: usize,
}

impl Engine {
    /// A first start: nothing is stored.
    pub fn new(config: EngineConfig, plans: Vec<Arc<Plan>>) -> Self {
        let started_at = config.started_at;
        Self::with(config, plans::first_plans(plans), started_at, Arrival::MIN)
    }

    /// A restart from a checkpoint (CP-4). Plans that it holds and that are not among `plans` drain (WN-7).
    ///
    /// # Errors
    /// When the stored text of a draining plan does not compile.
    pub fn restore(
        config: EngineConfig,
        plans: Vec<Arc<Plan>>,
        checkpoint: Checkpoint,
    ) -> Result<Self, StoredPlanError> {
        let (slots, cut) = plans::restored_plans(plans, &checkpoint, config.unseen_from)?;
        let mut engine = Self::with(config, slots, checkpoint.started_at, checkpoint.horizon);
        engine.unstored_cut = cut.map(UnstoredCut::at);
        for (id, stored) in checkpoint.shards {
            engine.adopt(Shard::restore(id, stored));
        }
        Ok(engine)
    }

    fn with(config: EngineConfig, plans: Vec<PlanSlot>, started_at: Arrival, horizon: Arrival) -> Self {
        let counters =
            Counters { plans: plans.iter().map(|slot| PlanCounters::of(&slot.plan)).collect(), ..Counters::default() };
        Self {
            config,
            plans,
            plans_version: 0,
            unstored_cut: None,
            started_at,
            shards: Vec::new(),
            by_id: BTreeMap::new(),
            frontier_known: false,
            replay_done: false,
            horizon_at_start: horizon,
            horizon,
            watermark: Arrival::MIN,
            open: BTreeMap::new(),
            forced: VecDeque::new(),
            in_progress: None,
            ledger: Ledger::default(),
            outputs: VecDeque::new(),
            state_bytes: 0,
            next_dead_letter: 0,
            next_ticket: 0,
            tickets: BTreeMap::new(),
            durable: None,
            counters,
        }
    }

    /// The plans, in the order that [`EvaluatedEvent::outcomes`] and [`Counters::plans`] use: the active ones and those
    /// that still drain. The same as long as [`Engine::plans_version`] is.
    pub fn plans(&self) -> Vec<Arc<Plan>> {
        self.plans.iter().map(|slot| Arc::clone(&slot.plan)).collect()
    }

    /// Changes whenever [`Engine::plans`] does: records are to be evaluated against the latter anew.
    pub fn plans_version(&self) -> u64 {
        self.plans_version
    }

    /// Takes one input. Never fails.
    pub fn handle_input(&mut self, input: Input) {
        match input {
            Input::ShardsListed(shards) => self.shards_listed(shards),
            Input::Records { shard, records } => self.records_read(&shard, records),
            Input::Isolated { shard, record, told } => self.isolated_read(&shard, *record, told),
            Input::AtTip { shard, read_through } => self.at_tip(&shard, read_through),
            Input::ShardDrained { shard, children } => self.shard_drained(&shard, children),
            Input::ShardStalled { shard, stalled } => self.shard_stalled(&shard, stalled),
            // Nothing waits for an acknowledgement but the next checkpoint, and they come by the million.
            Input::Delivered(key) => return self.delivered(key),
            Input::DeadLettered(id) => return self.ledger.dead_lettered(id),
            Input::CheckpointStored(ticket) => self.checkpoint_stored(ticket),
            Input::PlansChanged(plans) => self.plans_changed(plans),
        }
        self.release_parked();
        self.advance_watermark();
        self.enforce_state_bound();
    }

    /// The next output, or none until the next input. Risk events of a closing instance are made one group at a time,
    /// so that a slow sink bounds the memory that they take.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            match self.poll() {
                Polled::Output(output) => return Some(output),
                Polled::Busy => {}
                Polled::Idle => return None,
            }
        }
    }

    /// As [`Engine::poll_output`], but never longer than some ten milliseconds at a time: who has other things to do
    /// may do them wherever it is [`Polled::Busy`].
    pub fn poll(&mut self) -> Polled {
        match self.outputs.pop_front() {
            Some(output) => Polled::Output(output),
            None if self.close_step() => self.outputs.pop_front().map_or(Polled::Busy, Polled::Output),
            None => Polled::Idle,
        }
    }

    fn delivered(&mut self, key: DeliveryKey) {
        let Some((instance, group)) = self.ledger.acknowledge(key) else { return };
        if let Some(instance) = self.open.get_mut(&instance) {
            let before = instance.bytes();
            instance.acknowledged(group, key);
            self.state_bytes = self.state_bytes + instance.bytes() - before;
        }
    }

    /// Whether shards still re-read what an earlier process had done (CP-5).
    pub fn is_replaying(&self) -> bool {
        let mut waiting = vec![None; self.shards.len()];
        (0..self.shards.len()).any(|ix| self.shards[ix].replaying() && !self.waits_for_stalled(ix, &mut waiting))
    }

    /// Shards with their state, for metrics and health: id, `R`, whether drained.
    pub fn shards(&self) -> impl Iterator<Item = (&ShardId, Arrival, bool)> {
        self.shards.iter().map(|shard| (&shard.id, shard.read_through, shard.life == shard::Life::Drained))
    }

    /// The counters since the process began.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The state's size.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            watermark: self.watermark,
            open_instances: self.open.len(),
            open_groups: self.open.values().map(|instance| instance.groups.len()).sum(),
            state_bytes: self.state_bytes,
            pending: self.ledger.pending(),
        }
    }

    fn shard(&self, id: &ShardId) -> Option<&Shard> {
        self.by_id.get(id).map(|ix| &self.shards[ix.0 as usize])
    }

    fn shard_mut(&mut self, id: &ShardId) -> Option<&mut Shard> {
        self.by_id.get(id).map(|ix| &mut self.shards[ix.0 as usize])
    }
}

impl PlanCounters {
    fn of(plan: &Plan) -> Self {
        Self {
            null_by_field: vec![0; plan.by_fields().len()],
            hidden_rows: vec![0; plan.text().filters.len()],
            ..Self::default()
        }
    }
}
