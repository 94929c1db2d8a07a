//! The end of a process, and the next one.

use std::sync::Arc;

use trailrisk::engine::{Engine, Position};

use crate::checks::Verdict;
use crate::detections::Detection;
use crate::run::Run;
use crate::stream::Reader;
use crate::world::engine_config;

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

    /// WN-7: a clean stop, and a start with other detections. Their plans are cut at the `P` of the checkpoint between,
    /// which holds the change once it is stored again.
    pub fn change_to(&mut self, active: Vec<Detection>) -> Verdict {
        self.leave(true)?;
        let new = active.iter().filter(|new| self.known.iter().all(|known| known.name() != new.name()));
        self.known.extend(new.cloned().collect::<Vec<_>>());
        self.active = active;
        self.restart()?;
        self.begin_checkpoint()?;
        self.finish_checkpoint()
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
        let config = engine_config(self.world, self.options);
        let plans = self.active.iter().map(|detection| Arc::clone(&detection.plan)).collect();
        self.engine = match self.store.durable.clone() {
            Some(checkpoint) => Engine::restore(config, plans, checkpoint).expect("stored plans compile"),
            None => Engine::new(config, plans),
        };
        self.evaluated = self.world.evaluate(self.engine.plans());
        self.checks.process_begins(self.store.durable.as_ref());
        self.readers = vec![Reader::default(); self.readers.len()];
        self.forget_old_shards();
        self.list_shards()
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
