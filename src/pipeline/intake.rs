//! What was read on its way into the engine: in pieces (BD-2), and past the records that kill (PO-2).

use super::Pipeline;
use super::answer::{Answer, PIECE_BYTES};
use super::blocking;
use crate::engine::Input;
use crate::evaluate::RawRecord;
use crate::isolation;
use crate::source::{KinesisApi, Record};

impl<A: KinesisApi> Pipeline<A> {
    /// The next records of the answer at hand; its consumer may read on once all of them are taken.
    pub(super) fn take_piece(&mut self) {
        let Some(mut answer) = self.answer.take() else { return };
        if self.isolation.is_noting() && self.first_waits(&answer) {
            self.held.insert(answer.shard.clone(), answer.without_permit());
            return;
        }
        let count = answer.piece(|first, record| self.goes_with(&answer, first, record));
        let taken = if is_long_work(&answer.rest()[..count]) {
            blocking::beside_other_tasks(|| self.take(&mut answer, count))
        } else {
            self.take(&mut answer, count)
        };
        self.observer.counted(&self.engine);
        if !taken {
            self.answer = Some(answer);
            return;
        }
        match answer.taken() {
            Ok((shard, resume)) => drop(self.frozen.insert(shard, resume)),
            Err(rest) => self.answer = Some(rest),
        }
    }

    /// Says whether the records could be taken now.
    fn take(&mut self, answer: &mut Answer, count: usize) -> bool {
        let isolated = answer.rest().first().and_then(|record| self.isolation.told_of(&answer.shard, &record.position));
        if let Some(told) = isolated {
            self.reject(answer, told);
            return true;
        }
        if answer.rest().first().is_some_and(|record| record.refusal.is_some()) {
            self.refuse(answer);
            return true;
        }
        if !self.isolation.attempt(&answer.shard, &answer.rest()[..count]) {
            return false;
        }
        let records = answer.take(count);
        let raw = records.iter().map(|record| RawRecord {
            position: &record.position,
            arrival: record.arrival,
            data: &record.data,
        });
        let evaluation = self.matching.follow(&self.engine).evaluate(raw);
        let (shard, events) = (&answer.shard, evaluation.envelopes.values().sum::<u64>());
        tracing::debug!(%shard, records = count, events, skipped = evaluation.skipped, "records evaluated");
        self.observer.evaluated(&evaluation);
        self.engine.handle_input(Input::Records { shard: answer.shard.clone(), records: evaluation.records });
        // Before any window closes: whoever dies of that did not die of these records.
        self.isolation.passed();
        true
    }

    fn reject(&mut self, answer: &mut Answer, told: bool) {
        for record in answer.take(1) {
            let record = Box::new(isolation::rejected(record));
            self.engine.handle_input(Input::Isolated { shard: answer.shard.clone(), record, told });
        }
    }

    /// PO-1: the next record is rejected whole, for what the source holds against it.
    fn refuse(&mut self, answer: &mut Answer) {
        let records = answer.take(1).iter().filter_map(Record::refused).collect();
        self.engine.handle_input(Input::Records { shard: answer.shard.clone(), records });
    }

    /// Whether a record may be in one piece with those before it. Where attempts are noted, the engine must take all of a
    /// piece at once, or none of it.
    fn goes_with(&self, answer: &Answer, first: &Record, record: &Record) -> bool {
        let alone =
            |record: &Record| record.refusal.is_some() || self.isolation.stands_alone(&answer.shard, &record.position);
        let is_replay = |record: &Record| self.engine.is_replay(&answer.shard, &record.position);
        let alike = || is_replay(record) || (!is_replay(first) && !self.engine.is_changing_plans());
        !alone(first) && !alone(record) && (!self.isolation.is_noting() || alike())
    }

    fn first_waits(&mut self, answer: &Answer) -> bool {
        let first = answer.rest().first();
        first.is_some_and(|first| self.engine.next_waits(&answer.shard, &first.position, first.arrival))
    }

    /// PO-2: what had to wait for others' replay (CP-5) or for a change of plans (WN-7) goes on once it need not.
    pub(super) fn take_held(&mut self) {
        if self.answer.is_some() || self.held.is_empty() {
            return;
        }
        let engine = &mut self.engine;
        let ready = self.held.iter().find_map(|(shard, answer)| {
            let mut waits = |first: &Record| engine.next_waits(shard, &first.position, first.arrival);
            answer.rest().first().is_none_or(|first| !waits(first)).then(|| shard.clone())
        });
        self.answer = ready.and_then(|shard| self.held.remove(&shard));
    }
}

/// Giving way to the thread's other tasks costs more than a piece that is looked through; not more than one that is large,
/// or may be inflated.
fn is_long_work(piece: &[Record]) -> bool {
    let bytes: usize = piece.iter().map(|record| record.data.len()).sum();
    bytes > PIECE_BYTES || piece.iter().any(|record| !record.data.starts_with(b"{"))
}
