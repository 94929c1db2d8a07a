//! The async shell around the engine: one task that selects what happens next, feeds the engine, and carries out what
//! it wants.
//!
//! Owns: the engine, the order of things, back-pressure. Deliberately absent: decisions about windows, positions and
//! shards (the engine's), retries (the sinks' and the source's).

mod answer;
mod blocking;
mod drain;
mod end;
mod filters;
mod intake;
mod observer;
mod rejections;
mod reload;
mod saver;
mod show;
mod step;

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

pub use end::{Ended, PipelineError};
pub use observer::Observer;
pub use reload::{Reload, Reloaded};
pub use show::Shown;

use crate::checkpoint::{CheckpointStore, LeaseWatch, StoreError};
use crate::cloudtrail::DecodeLimits;
use crate::engine::{CheckpointTicket, Engine, Input, Output, Polled, ShardId};
use crate::isolation::Isolation;
use crate::sink::{Acknowledgements, DeadLetterAcknowledgements, DeadLetters, SinkEnd, Sinks};
use crate::source::{KinesisApi, ReadRequest, ShardMessage, Source};
use answer::Answer;
use reload::Matching;
use saver::Saver;
use step::{Step, room, saved_step, sink_end, source_failure, ticker};

/// How often gauges and readiness are refreshed, and the heartbeat beats at the least.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// Outputs carried out before what else has happened is looked at: a million groups that close must not stall reading.
const OUTPUTS_AT_A_TIME: usize = 512;

/// What the pipeline is made of.
pub struct Parts<A: KinesisApi> {
    /// New or restored, with the start frontier registered.
    pub engine: Engine,
    /// Of one record.
    pub decode_limits: DecodeLimits,
    /// Whether every record is parsed (PO-3).
    pub decode_all: bool,
    /// Other detections, one set after the other.
    pub reloads: mpsc::Receiver<Reload>,
    /// Connected; nothing is read yet.
    pub source: Source<A>,
    /// What its consumers tell.
    pub messages: mpsc::Receiver<ShardMessage>,
    /// The sinks.
    pub sinks: Sinks,
    /// What they acknowledge.
    pub acknowledgements: Acknowledgements,
    /// The dead-letter file.
    pub dead_letters: DeadLetters,
    /// What it acknowledges.
    pub dead_letter_acknowledgements: DeadLetterAcknowledgements,
    /// Metrics, readiness, heartbeat.
    pub observer: Observer,
    /// Pause between checkpoints.
    pub checkpoint_interval: Duration,
    /// ST-1: how long acknowledgements are waited for after the stop.
    pub drain_deadline: Duration,
}

/// The pipeline. One owner of the engine.
pub struct Pipeline<A: KinesisApi> {
    engine: Engine,
    matching: Matching,
    reloads: mpsc::Receiver<Reload>,
    /// Who waits for a change of plans to be durable.
    reloading: Option<oneshot::Sender<Reloaded>>,
    /// Whether the last checkpoint could not be stored.
    store_fails: bool,
    /// None once reading has stopped.
    source: Option<Source<A>>,
    messages: mpsc::Receiver<ShardMessage>,
    sinks: Sinks,
    sinks_ended: watch::Receiver<Option<SinkEnd>>,
    acknowledgements: Acknowledgements,
    dead_letters: DeadLetters,
    dead_letter_acknowledgements: DeadLetterAcknowledgements,
    observer: Observer,
    saver: Saver,
    /// While it is not held, nothing is read or told.
    lease: LeaseWatch,
    checkpoint_interval: Duration,
    drain_deadline: Duration,
    /// A risk event or dead letter that waits for room; until then nothing is read from the channel (CP-7).
    waiting: Option<Output>,
    /// An answer of which the engine has taken a part; until it has the rest, nothing is read from the channel.
    answer: Option<Answer>,
    isolation: Isolation,
    /// PO-2: answers that wait outside the engine for what they would wait for inside.
    held: BTreeMap<ShardId, Answer>,
    /// Consumers that must not read on yet (RD-3: frozen).
    frozen: BTreeMap<ShardId, oneshot::Sender<()>>,
}

impl<A: KinesisApi> Pipeline<A> {
    /// Puts the parts together. The store's first save happens in [`Pipeline::run`], before anything is read.
    pub fn new(parts: Parts<A>, store: impl CheckpointStore) -> Self {
        Self {
            matching: Matching::new(&parts.engine, parts.decode_limits, parts.decode_all),
            engine: parts.engine,
            reloads: parts.reloads,
            reloading: None,
            store_fails: false,
            source: Some(parts.source),
            messages: parts.messages,
            sinks_ended: parts.sinks.ended(),
            sinks: parts.sinks,
            acknowledgements: parts.acknowledgements,
            dead_letters: parts.dead_letters,
            dead_letter_acknowledgements: parts.dead_letter_acknowledgements,
            observer: parts.observer,
            lease: store.lease(),
            saver: Saver::start(store),
            checkpoint_interval: parts.checkpoint_interval,
            drain_deadline: parts.drain_deadline,
            waiting: None,
            answer: None,
            isolation: Isolation::none(),
            held: BTreeMap::new(),
            frozen: BTreeMap::new(),
        }
    }

    /// PO-2: a record that kills the process is to be found and isolated.
    pub fn isolating(self, isolation: Isolation) -> Self {
        Self { isolation, ..self }
    }

    /// Runs until `stop`, the end of standard output, or a failure; then drains (ST-1): reading stops, open windows
    /// stay open, acknowledgements are waited for until the deadline, and a last checkpoint is stored. Whatever ends it
    /// cancels `stop` first: whoever else runs until then drains at the same time.
    ///
    /// # Errors
    /// When a critical task failed, or a checkpoint could not be stored at the start or the end. What could be drained
    /// was drained all the same.
    pub async fn run(mut self, stop: CancellationToken) -> Result<Ended, PipelineError> {
        let begun = stop.run_until_cancelled(self.begin()).await;
        if !matches!(begun, Some(Ok(()))) {
            stop.cancel();
            self.saver.close().await;
            // Nothing is read yet, so that nothing is owed.
            return begun.transpose().map(|_| Ended::Clean);
        }
        let failure = self.work(&stop).await;
        stop.cancel();
        if let Some(lost @ PipelineError::LeaseLost(_)) = failure {
            // Whoever has the lease tells what this process has not told.
            return Err(lost);
        }
        let ended = self.drain().await;
        match failure {
            Some(failure) => Err(failure),
            None => ended,
        }
    }

    /// RD-2, RD-4: the frontier and the resolved start are durable before the first record is read.
    async fn begin(&mut self) -> Result<(), PipelineError> {
        let (ticket, first) = self.engine.checkpoint();
        self.saver.save(ticket, first.clone());
        self.await_save().await?;
        self.observer.unclean_starts(self.isolation.begin(&first)?);
        Ok(())
    }

    async fn work(&mut self, stop: &CancellationToken) -> Option<PipelineError> {
        let mut checkpoint = ticker(self.checkpoint_interval);
        let mut observe = ticker(OBSERVE_EVERY);
        loop {
            let more = self.carry_out();
            // When it is held again, the next look at it says so.
            let may_act = self.lease.is_held();
            let may_read = may_act && self.waiting.is_none();
            let step = tokio::select! {
                biased;
                detail = self.lease.lost() => Step::Failed(PipelineError::LeaseLost(detail)),
                () = stop.cancelled() => Step::Stop,
                Some(key) = self.acknowledgements.next() => Step::Acknowledged(key),
                Some(id) = self.dead_letter_acknowledgements.next() => Step::DeadLettered(id),
                saved = self.saver.saved() => saved_step(saved),
                end = sink_end(&mut self.sinks_ended) => end,
                () = room(&self.sinks, self.waiting.as_ref()), if may_act => Step::RoomForOutput,
                _ = observe.tick() => Step::Observe,
                _ = checkpoint.tick() => Step::Checkpoint,
                Some(reload) = self.reloads.recv(), if self.reloading.is_none() && !self.store_fails => {
                    Step::Reload(reload)
                }
                error = source_failure(self.source.as_mut()) => Step::Failed(error.into()),
                () = self.isolation.may_attempt(), if may_read && self.answer.is_some() => Step::Piece,
                Some(message) = self.messages.recv(), if may_read && self.answer.is_none() => Step::Message(message),
                () = tokio::task::yield_now(), if more => Step::More,
            };
            match step {
                Step::Stop => return None,
                Step::Failed(error) => return Some(error),
                step => self.apply(step),
            }
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Acknowledged(key) => self.engine.handle_input(Input::Delivered(key)),
            Step::DeadLettered(id) => {
                self.isolation.dead_lettered(id);
                self.engine.handle_input(Input::DeadLettered(id));
            }
            Step::Saved(ticket, saved) => self.checkpoint_saved(ticket, saved),
            // The lease may have lapsed while there was no room.
            Step::RoomForOutput if self.lease.is_held() => self.send_waiting(),
            Step::Observe => self.observe(),
            Step::Checkpoint => self.take_checkpoint(),
            Step::Reload(reload) => self.reload(reload),
            Step::Piece => self.take_piece(),
            Step::Message(message) => self.take_message(message),
            Step::RoomForOutput | Step::More | Step::Stop | Step::Failed(_) => {}
        }
    }

    /// Carries out what the engine wants, as far as there is room for it, while nobody else may be doing it, and not for
    /// long. Says whether there is more that could be done at once.
    fn carry_out(&mut self) -> bool {
        if !self.lease.is_held() {
            return false;
        }
        let mut more = false;
        for _ in 0..OUTPUTS_AT_A_TIME {
            more = self.waiting.is_none();
            if !more {
                break;
            }
            match self.engine.poll() {
                Polled::Output(output) => self.carry_out_one(output),
                // It has worked for as long as may be.
                Polled::Busy => break,
                Polled::Idle => {
                    more = false;
                    break;
                }
            }
        }
        self.take_held();
        self.thaw();
        more
    }

    fn carry_out_one(&mut self, output: Output) {
        match output {
            Output::Read { shard, after, start } => {
                if let Some(source) = &mut self.source {
                    source.start(ReadRequest { shard, after, start });
                }
            }
            output => {
                self.waiting = Some(output);
                if self.sinks.has_room() {
                    self.send_waiting();
                }
            }
        }
    }

    fn send_waiting(&mut self) {
        match self.waiting.take() {
            Some(Output::Emit(event)) => {
                self.observer.emitted(&event);
                self.sinks.push(*event);
            }
            Some(Output::DeadLetter(letter)) => {
                self.observer.dead_letter(&letter);
                self.isolation.dead_letter(&letter);
                self.dead_letters.push(letter);
            }
            Some(Output::Read { .. }) | None => {}
        }
    }

    /// Lets consumers read on: up to the ceiling (BD-2), and those whose records wait no longer.
    fn thaw(&mut self) {
        let engine = &self.engine;
        if let Some(source) = &self.source {
            source.set_ceiling(engine.ceiling());
        }
        let ready: Vec<ShardId> = self.frozen.keys().filter(|shard| !engine.has_parked(shard)).cloned().collect();
        for shard in ready {
            if let Some(resume) = self.frozen.remove(&shard) {
                // A consumer that is gone needs no leave.
                let _ = resume.send(());
            }
        }
    }

    fn take_message(&mut self, message: ShardMessage) {
        match message {
            ShardMessage::Records { shard, records, resume, permit, .. } => {
                self.answer = Some(Answer::new(shard, records, permit, resume));
            }
            ShardMessage::AtTip { shard, read_through } => {
                self.engine.handle_input(Input::AtTip { shard, read_through });
            }
            ShardMessage::Drained { shard, children } => {
                tracing::info!(%shard, children = children.len(), "shard drained");
                self.observer.drained(&shard);
                self.engine.handle_input(Input::ShardDrained { shard, children });
            }
            ShardMessage::Stalled { shard, stalled } => {
                let reading = self.source.as_ref().map(|source| source.reading(&shard)).unwrap_or_default();
                self.observer.stalled(&shard, stalled, &reading);
                self.engine.handle_input(Input::ShardStalled { shard, stalled });
            }
            ShardMessage::PossibleLoss { shard, after, range, detail } => {
                self.observer.possible_loss(&shard, &after, range, &detail);
            }
            ShardMessage::Listed(shards) => self.engine.handle_input(Input::ShardsListed(shards)),
        }
    }

    fn take_checkpoint(&mut self) {
        if self.saver.is_idle() {
            let (ticket, checkpoint) = self.engine.checkpoint();
            self.observer.checkpoint(&checkpoint);
            self.saver.save(ticket, checkpoint);
        }
    }

    fn checkpoint_saved(&mut self, ticket: CheckpointTicket, saved: Result<(), StoreError>) {
        self.observer.saved(saved.as_ref().err());
        self.store_fails = saved.is_err();
        if saved.is_ok() {
            self.checkpoint_stored(ticket);
            self.go_on_reloading();
        }
    }

    fn checkpoint_stored(&mut self, ticket: CheckpointTicket) {
        // Plans that have drained leave with it, and their counters.
        self.observer.counted(&self.engine);
        self.engine.handle_input(Input::CheckpointStored(ticket));
    }

    /// Takes a checkpoint and waits until it is durable, behind one that may be on its way.
    async fn save_now(&mut self) -> Result<(), PipelineError> {
        if !self.saver.is_idle() {
            self.await_save().await?;
        }
        self.take_checkpoint();
        self.await_save().await
    }

    async fn await_save(&mut self) -> Result<(), PipelineError> {
        let (ticket, saved) = self.saver.saved().await.ok_or(PipelineError::Task("the checkpoint store"))?;
        self.observer.saved(saved.as_ref().err());
        saved?;
        self.checkpoint_stored(ticket);
        Ok(())
    }
}
