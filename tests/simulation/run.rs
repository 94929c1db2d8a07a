//! One run: a log, a schedule under a seed, crashes and restarts, then calm until everything is closed. Here is what
//! happens within a process.

use std::sync::Arc;

use trailrisk::engine::{Engine, Input, Output};
use trailrisk::risk_event::{RiskEvent, Stage};
use trailrisk::time::Arrival;

use crate::bugs::Bug;
use crate::checks::{Checks, Verdict, require};
use crate::detections::Detection;
use crate::log::TIP_SLACK;
use crate::oracle::{self, Key};
use crate::plan_change::History;
use crate::rng::Rng;
use crate::sink::Sink;
use crate::store::Store;
use crate::stream::{Answer, Reader};
use crate::world::{Breaks, Evaluated, Options, World, engine_config};

/// How often things happen in this run, per mille of the steps.
#[derive(Clone, Copy, Debug)]
struct Habits {
    crash: i64,
    stop: i64,
    checkpoint: i64,
    sink: i64,
    /// Outputs are not always taken at once.
    lazy: i64,
    /// WN-7: the detections change.
    change: i64,
}

/// The state of a run.
pub struct Run<'a> {
    pub world: &'a World,
    pub options: Options,
    pub rng: Rng,
    pub now: i64,
    pub engine: Engine,
    pub readers: Vec<Reader>,
    pub sink: Sink,
    pub store: Store,
    pub checks: Checks,
    /// The detections that the configuration holds now; those that it once held are in `known` as well.
    pub active: Vec<Detection>,
    pub known: Vec<Detection>,
    /// WN-7: what was active when, as far as it took effect.
    pub history: History,
    pub trace: Vec<String>,
    pub restarts: u64,
    habits: Habits,
    pub evaluated: Evaluated,
    pub plans_version: u64,
    pub forgotten: Vec<bool>,
    /// CP-8: of each shard, how many of its first records are gone.
    pub trimmed: Vec<usize>,
    sink_down: u32,
    /// The store does not answer for so many steps; a crash may follow.
    pub store_stuck: u32,
}

impl<'a> Run<'a> {
    /// The first start.
    pub fn new(world: &'a World, options: Options, schedule: u64) -> Self {
        let mut rng = Rng::new(schedule, 2);
        let habits = Habits {
            crash: rng.pick(&[0, 0, 8, 25]),
            stop: rng.pick(&[0, 10, 20]),
            checkpoint: rng.pick(&[40, 120]),
            sink: rng.pick(&[30, 200]),
            lazy: rng.pick(&[0, 300]),
            change: if options.plan_changes { rng.pick(&[8, 25]) } else { 0 },
        };
        let active = world.detections.clone();
        let plans: Vec<_> = active.iter().map(|detection| Arc::clone(&detection.plan)).collect();
        let engine = Engine::new(engine_config(world, options, Arrival::MIN), plans);
        let evaluated = world.evaluate(engine.plans());
        let checks = Checks::new(options.is_exact(), !options.stalls);
        Self {
            now: world.log.first_start,
            readers: vec![Reader::default(); world.log.shards.len()],
            forgotten: vec![false; world.log.shards.len()],
            trimmed: vec![0; world.log.shards.len()],
            sink: Sink::default(),
            store: Store::default(),
            known: active.clone(),
            history: History::new(&world.log, &active),
            plans_version: engine.plans_version(),
            trace: Vec::new(),
            restarts: 0,
            sink_down: 0,
            store_stuck: 0,
            world,
            options,
            rng,
            engine,
            checks,
            active,
            habits,
            evaluated,
        }
    }

    /// Random steps, then calm.
    pub fn go(&mut self) -> Verdict {
        self.list_shards()?;
        if self.options.plan_changes {
            // As the daemon does before it reads (RD-2): nothing is told of by plans that nobody remembers.
            self.begin_checkpoint()?;
            self.finish_checkpoint()?;
        }
        for _ in 0..150 + self.rng.below(400) {
            self.step()?;
        }
        self.settle()
    }

    fn step(&mut self) -> Verdict {
        let writing = if self.store.writing() == 0 { 1 } else { 2 };
        if self.rng.chance(self.habits.crash * writing) {
            return self.crash();
        }
        if self.store_stuck > 0 {
            self.store_stuck -= 1;
            if self.store_stuck == 0 && self.rng.chance(700) {
                return self.crash();
            }
        }
        if self.rng.chance(self.habits.change) {
            return self.change_plans();
        }
        if self.rng.chance(self.habits.stop) {
            return self.stop();
        }
        if self.rng.chance(15) {
            self.sink_down = 40;
        }
        self.sink_down = self.sink_down.saturating_sub(1);
        match self.rng.below(1_000) {
            0..=149 => {
                self.now += self.world.pace * self.rng.pick(&[100, 500, 1_000, 3_000, 10_000]);
                Ok(())
            }
            150..=289 => self.request(false),
            290..=449 => self.answer_any(),
            450..=469 => self.list_shards(),
            470..=479 => self.disturb(),
            480..=484 if self.options.breaks == Breaks::Retention => self.trim(),
            480..=549 => self.take_outputs(false),
            _ => self.edge(),
        }
    }

    /// Checkpoints and sinks.
    fn edge(&mut self) -> Verdict {
        let Habits { checkpoint, sink, .. } = self.habits;
        let draw = self.rng.below(450);
        if self.store_stuck > 0 && draw < checkpoint + 100 {
            Ok(())
        } else if draw < checkpoint {
            self.begin_checkpoint()
        } else if draw < checkpoint + 100 {
            self.finish_checkpoint()
        } else if draw < checkpoint + 100 + sink && self.sink_down == 0 {
            self.sink_step(false)
        } else {
            Ok(())
        }
    }

    /// A shard is throttled for a while, or stalls.
    fn disturb(&mut self) -> Verdict {
        let ix = self.rng.index(self.readers.len());
        self.readers[ix].frozen_until = self.now + self.world.pace * self.rng.below(20_000);
        if self.options.stalls && self.readers[ix].opened && self.rng.chance(500) {
            self.readers[ix].stalled = true;
            let shard = self.world.log.shards[ix].id.clone();
            return self.input(Input::ShardStalled { shard, stalled: true });
        }
        Ok(())
    }

    /// Gives the engine an input and checks what can be seen.
    pub fn input(&mut self, input: Input) -> Verdict {
        if self.options.trace {
            self.trace.push(format!("{} {input:?}", self.now));
        }
        self.engine.handle_input(input);
        self.checks.watermark(&self.engine)?;
        let lazy = self.rng.chance(self.habits.lazy);
        if lazy { Ok(()) } else { self.take_outputs(true) }
    }

    /// Takes what the engine wants done: all of it, or a little.
    pub fn take_outputs(&mut self, all: bool) -> Verdict {
        let mut left = if all { usize::MAX } else { self.rng.index(4) };
        while left > 0
            && let Some(output) = self.engine.poll_output()
        {
            left -= 1;
            if self.options.trace {
                self.trace.push(format!("{} {output:?}", self.now));
            }
            self.output(output)?;
        }
        Ok(())
    }

    fn output(&mut self, output: Output) -> Verdict {
        match output {
            Output::Read { shard, after, start } => {
                let ix = self.world.log.index_of(&shard);
                self.readers[ix].open(&self.world.log, ix, &after, start);
                self.readers[ix].skip(self.trimmed[ix]);
                Ok(())
            }
            Output::Emit(event) => self.emit(*event),
            Output::DeadLetter(letter) => {
                self.checks.dead_letter(&letter, self.engine.is_replaying() && !self.options.stalls)?;
                let id = letter.id;
                self.sink.dead_letters.push(letter);
                let bug = self.options.bug == Some(Bug::DeadLetterAcknowledgedOnEmission);
                if bug { self.input(Input::DeadLettered(id)) } else { Ok(()) }
            }
        }
    }

    fn emit(&mut self, mut event: RiskEvent) -> Verdict {
        event.marks.partial &= self.options.bug != Some(Bug::NoPartialMark);
        let (key, _) = oracle::read(&event);
        let early = event.stage == Stage::Early;
        let silent = self.engine.is_replaying() && !self.options.stalls;
        require(!(early && silent), "CP-5", || format!("an early risk event in replay: {key:?}"))?;
        let close_at = self.close_at(&key);
        let announced = self.is_announced(&event, &key);
        self.checks.emitted(&event, &key, close_at, announced)?;
        let delivery = event.delivery_key();
        self.sink.outstanding.push(event);
        let bug = self.options.bug == Some(Bug::AcknowledgedOnEmission);
        if bug { self.input(Input::Delivered(delivery)) } else { Ok(()) }
    }

    /// EM-1, CP-1a: whether the early stage of a final was received or is on its way, if it was promised at all.
    fn is_announced(&self, event: &RiskEvent, key: &Key) -> bool {
        let of_this = |detection: &&Detection| detection.name() == key.detection;
        let promised = self.known.iter().find(of_this).is_some_and(Detection::announces);
        let on_its_way = || self.sink.outstanding.iter().any(|other| other.id == event.id);
        !promised
            || self.sink.received.earlies.contains_key(&event.id)
            || self.sink.received.finals.contains_key(&event.id)
            || on_its_way()
    }

    fn close_at(&self, key: &Key) -> i64 {
        let of_this = |detection: &&Detection| detection.name() == key.detection;
        let detection = self.known.iter().find(of_this).expect("only known detections emit");
        oracle::closes_at(detection, key)
    }

    // --- The stream.

    /// A listing.
    pub fn list_shards(&mut self) -> Verdict {
        let (log, mut listed) = (&self.world.log, self.listed());
        match self.options.bug {
            Some(Bug::FrontierInPieces) => {
                let one = self.rng.index(listed.len());
                listed = vec![listed.swap_remove(one)];
            }
            Some(Bug::ChildrenLate) => {
                let ended = |ix: &usize| self.readers[*ix].ended;
                listed.retain(|shard| log.shards[log.index_of(&shard.shard)].parents.iter().all(ended));
            }
            Some(Bug::ChildrenWithoutParents) => listed.iter_mut().for_each(|shard| shard.parents.clear()),
            _ => {}
        }
        self.input(Input::ShardsListed(listed))
    }

    fn request(&mut self, calm: bool) -> Verdict {
        let ix = self.rng.index(self.readers.len());
        self.request_from(ix, calm)
    }

    pub fn request_from(&mut self, ix: usize, calm: bool) -> Verdict {
        let shard = &self.world.log.shards[ix];
        if !self.readers[ix].idle(self.now) {
            return Ok(());
        }
        self.readers[ix].skip(self.trimmed[ix]);
        if self.engine.is_paused(&shard.id) {
            // Frozen, never idle.
            if self.options.bug == Some(Bug::TipWhilePaused) {
                self.readers[ix].in_flight = Some(Answer::Tip { sent: self.now });
            }
            return Ok(());
        }
        self.readers[ix].request(shard, self.now, &mut self.rng, calm, self.options.bug);
        Ok(())
    }

    fn answer_any(&mut self) -> Verdict {
        let ix = self.rng.index(self.readers.len());
        self.answer(ix)
    }

    /// An answer reaches the engine.
    pub fn answer(&mut self, ix: usize) -> Verdict {
        let shard = self.world.log.shards[ix].id.clone();
        let Some(answer) = self.readers[ix].in_flight.take() else { return Ok(()) };
        if answer == Answer::End && self.engine.is_paused(&shard) {
            self.readers[ix].in_flight = Some(answer);
            return Ok(());
        }
        if std::mem::take(&mut self.readers[ix].stalled) {
            self.input(Input::ShardStalled { shard: shard.clone(), stalled: false })?;
        }
        match answer {
            Answer::Records { from, to } => {
                self.readers[ix].next = to;
                self.follow_plans();
                let mut records = self.evaluated[ix][from..to].to_vec();
                if let Some(bug) = self.options.bug {
                    bug.spoil_records(&mut records, ix, from, self.now);
                }
                self.input(Input::Records { shard, records })
            }
            Answer::Tip { sent } => {
                let at = if self.options.bug == Some(Bug::TipAtAnswer) { self.now } else { sent };
                self.input(Input::AtTip { shard, read_through: Arrival(at - TIP_SLACK) })
            }
            Answer::End => self.end(ix),
        }
    }

    /// Evaluates against the plans that the engine has now.
    pub fn follow_plans(&mut self) {
        let stale = self.options.bug == Some(Bug::StaleEvaluator) && self.restarts == 0;
        if self.plans_version != self.engine.plans_version() && !stale {
            self.plans_version = self.engine.plans_version();
            self.evaluated = self.world.evaluate(self.engine.plans());
        }
    }

    fn end(&mut self, ix: usize) -> Verdict {
        self.readers[ix].ended = true;
        let log = &self.world.log;
        let shard = log.shards[ix].id.clone();
        let children = log.shards[ix].children.iter().filter(|child| !self.forgotten[**child]);
        let mut children: Vec<_> = children.map(|child| log.shard_ref(*child)).collect();
        if self.options.bug == Some(Bug::ChildrenWithoutParents) {
            children.iter_mut().for_each(|child| child.parents.clear());
        }
        if self.options.bug == Some(Bug::ChildrenLate) {
            return self.input(Input::ShardDrained { shard, children: vec![] });
        }
        self.input(Input::ShardDrained { shard, children })
    }

    // --- Checkpoints and sinks.

    pub fn begin_checkpoint(&mut self) -> Verdict {
        if self.store.writing() > 2 {
            return Ok(());
        }
        let (ticket, mut checkpoint) = self.engine.checkpoint();
        if self.options.trace {
            self.trace.push(format!("{} {checkpoint:?}", self.now));
        }
        self.checks.checkpoint(&checkpoint)?;
        if let Some(bug) = self.options.bug {
            bug.spoil(&mut checkpoint, self.engine.gauges().watermark);
        }
        self.store.begin(ticket, checkpoint);
        let bug = self.options.bug == Some(Bug::StoredBeforeDurable);
        if bug { self.input(Input::CheckpointStored(ticket)) } else { Ok(()) }
    }

    pub fn finish_checkpoint(&mut self) -> Verdict {
        match self.store.finish_one() {
            Some(ticket) => {
                self.input(Input::CheckpointStored(ticket))?;
                self.history.stored(&self.engine);
                Ok(())
            }
            None => Ok(()),
        }
    }

    pub fn sink_step(&mut self, calm: bool) -> Verdict {
        match self.sink.step(&mut self.rng, calm) {
            Some(input) => self.input(input),
            None => Ok(()),
        }
    }
}
