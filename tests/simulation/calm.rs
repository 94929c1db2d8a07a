//! The end of a run: everything works, all windows close, all is delivered, nothing is held.

use crate::broken;
use crate::checks::{Verdict, Violation, require};
use crate::run::Run;
use crate::verdict;

impl Run<'_> {
    /// Everything works from now on: all windows close, all is delivered, nothing is held.
    pub fn settle(&mut self) -> Verdict {
        self.note("CALM");
        self.sink.settle_network();
        self.now = self.now.max(self.world.log.settled());
        for reader in &mut self.readers {
            reader.frozen_until = 0;
        }
        for _ in 0..200 {
            self.calm_round()?;
            if self.is_settled() {
                return self.end_of_run();
            }
        }
        verdict::nothing_is_held(self)?;
        let deadlock = self.engine.is_replaying();
        let detail = format!("{:?}, replaying: {deadlock}", self.engine.gauges());
        Err(Violation { rule: if deadlock { "CP-1a" } else { "WN-6" }, detail: format!("does not close: {detail}") })
    }

    fn calm_round(&mut self) -> Verdict {
        self.list_shards()?;
        for ix in 0..self.readers.len() {
            for _ in 0..3 {
                self.answer(ix)?;
                self.request_from(ix, true)?;
            }
        }
        self.now += 2_000 * self.world.pace;
        self.take_outputs(true)?;
        while !self.sink.is_drained() {
            self.sink_step(true)?;
        }
        self.begin_checkpoint()?;
        while self.store.writing() > 0 {
            self.finish_checkpoint()?;
        }
        Ok(())
    }

    fn is_settled(&self) -> bool {
        let gauges = self.engine.gauges();
        let all_read = || {
            let shards = self.world.log.shards.iter().zip(&self.readers);
            shards.into_iter().all(|(shard, reader)| {
                let forgotten = self.engine.shards().all(|(id, ..)| *id != shard.id);
                let end = reader.ended || shard.closed.is_none();
                let drained = self.engine.shards().any(|(id, _, drained)| *id == shard.id && drained);
                (reader.next == shard.records.len() && end) || drained || forgotten
            })
        };
        let at_rest = gauges.open_instances == 0 && gauges.pending == 0 && !self.engine.is_replaying();
        at_rest && all_read() && verdict::nothing_is_held(self).is_ok()
    }

    /// What a run must have come to.
    fn end_of_run(&mut self) -> Verdict {
        self.calm_round()?;
        self.checks.process_ends(&self.engine)?;
        self.checks.ids_are_unique()?;
        verdict::all_dead_letters(self)?;
        if !self.options.is_exact() {
            // Where detections changed, the caller knows what is expected.
            return if self.options.plan_changes { Ok(()) } else { broken::nothing_is_lost(self) };
        }
        let lifted = self.checks.violations_of_slack;
        require(lifted == 0, "RD-3", || format!("{lifted} arrivals were lifted, though the stream kept its word"))?;
        verdict::earlies_are_part_of_finals(self)?;
        if self.options.plan_changes {
            return Ok(());
        }
        if self.options.few_shown {
            return broken::counts_are_the_oracles(self);
        }
        verdict::finals_are_the_oracles(self)
    }
}
