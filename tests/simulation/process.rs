//! The end of a process, and the next one.

use std::sync::Arc;

use trailrisk::engine::{Engine, Input, Position};
use trailrisk::time::Arrival;

use crate::bugs::{self, Bug};
use crate::checks::{Verdict, require};
use crate::log::TIP_SLACK;
use crate::run::Run;
use crate::stream::Reader;
use crate::world::{Breaks, engine_config};

impl Run<'_> {
    /// The process is gone at once.
    pub fn crash(&mut self) -> Verdict {
        self.note("CRASH");
        self.store.crash(&mut self.rng);
        self.restart()
    }

    /// ST-1: stop reading, drain acknowledgements, mostly before the deadline, checkpoint, leave.
    pub fn stop(&mut self) -> Verdict {
        let in_time = self.rng.chance(850);
        self.leave(in_time)?;
        self.restart()
    }

    fn leave(&mut self, in_time: bool) -> Verdict {
        self.note("STOP");
        self.take_outputs(true)?;
        let mut left = if in_time { i64::MAX } else { self.rng.below(5) };
        while !self.sink.is_drained() && left > 0 {
            self.sink_step(in_time)?;
            self.take_outputs(true)?;
            left -= 1;
        }
        while self.store.writing() > 0 {
            self.finish_checkpoint()?;
        }
        self.begin_checkpoint()?;
        self.finish_checkpoint()?;
        if self.sink.is_drained() {
            self.checks.clean_stop(&self.sink);
        }
        Ok(())
    }

    /// WN-7: the detections change while the process runs. What it has read of the stream stays the old ones'.
    pub fn change_plans(&mut self) -> Verdict {
        if self.engine.is_changing_plans() {
            return Ok(());
        }
        self.choose_plans();
        let plans = self.active.iter().map(|detection| Arc::clone(&detection.plan)).collect();
        self.input(Input::PlansChanged(plans))?;
        self.history.begins(&self.engine, &self.active);
        if self.rng.chance(400) {
            self.store_stuck = 20 + u32::try_from(self.rng.below(200)).expect("it is small");
        }
        let Some(cut) = self.history.unstored_cut() else { return Ok(()) };
        if self.options.breaks == Breaks::Retention {
            // What is gone was passed over, not read.
            return Ok(());
        }
        for (ix, reader) in self.readers.iter().enumerate() {
            let read = self.history.effective[ix][..reader.next].iter().max().filter(|read| **read != i64::MIN);
            require(read.is_none_or(|read| *read < cut), "WN-7", || format!("cut at {cut}, read to {read:?}"))?;
        }
        Ok(())
    }

    /// Each detection as it was, in another version, or not at all.
    fn choose_plans(&mut self) {
        let rng = &mut self.rng;
        let changed = self.world.detections.iter().filter_map(|detection| match rng.below(5) {
            0 => None,
            1 | 2 => Some(detection.changed(2)),
            _ => Some(detection.clone()),
        });
        self.active = changed.collect();
        let new = self.active.iter().filter(|new| self.known.iter().all(|known| known.name() != new.name()));
        let new: Vec<_> = new.cloned().collect();
        self.known.extend(new);
    }

    /// A line of the trace.
    pub fn note(&mut self, what: &str) {
        if self.options.trace {
            self.trace.push(format!("{} {what}", self.now));
        }
    }

    fn restart(&mut self) -> Verdict {
        self.checks.process_ends(&self.engine)?;
        self.sink.crash(&mut self.rng);
        self.restarts += 1;
        self.store_stuck = 0;
        if self.options.plan_changes && self.rng.chance(300) {
            self.choose_plans();
        }
        self.history.process_ends(self.store.durable.as_ref());
        let bug = self.options.bug == Some(Bug::CutWhereStored);
        let unseen_from = if bug { Arrival::MIN } else { Arrival(self.now + TIP_SLACK) };
        let mut config = engine_config(self.world, self.options, unseen_from);
        if self.options.bug == Some(Bug::IdsOfTheProcess) {
            config.source_name = format!("process {}", self.restarts).into();
        }
        let plans = self.active.iter().map(|detection| Arc::clone(&detection.plan)).collect();
        self.engine = match self.store.durable.clone() {
            Some(mut checkpoint) => {
                if self.options.bug == Some(Bug::AnnouncedInReplay) {
                    checkpoint.shards.values_mut().for_each(bugs::announce_again);
                }
                Engine::restore(config, plans, checkpoint).expect("stored plans compile")
            }
            None => Engine::new(config, plans),
        };
        self.history.begins(&self.engine, &self.active);
        self.evaluated = self.world.evaluate(self.engine.plans());
        self.plans_version = self.engine.plans_version();
        self.checks.process_begins(self.store.durable.as_ref());
        self.readers = vec![Reader::default(); self.readers.len()];
        self.forget_old_shards();
        self.list_shards()?;
        if self.options.bug == Some(Bug::ReplayNotWaitedFor) { self.wait_for_nobody() } else { Ok(()) }
    }

    /// Every shard counts as stalled until it answers.
    fn wait_for_nobody(&mut self) -> Verdict {
        for ix in 0..self.readers.len() {
            self.readers[ix].stalled = true;
            let shard = self.world.log.shards[ix].id.clone();
            self.input(Input::ShardStalled { shard, stalled: true })?;
        }
        Ok(())
    }

    /// Kinesis forgets a closed shard once all of it is older than the retention.
    fn forget_old_shards(&mut self) {
        let Some(durable) = &self.store.durable else { return };
        for (ix, shard) in self.world.log.shards.iter().enumerate() {
            let row = durable.shards.get(&shard.id);
            let done = row.is_some_and(|row| row.drained && row.resume_after == Position::End);
            if done && self.rng.chance(200) {
                self.forgotten[ix] = true;
            }
        }
    }
}
