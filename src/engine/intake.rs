//! Records into groups (RD-1, WN-2 to WN-4, AG-1 to AG-4, CP-4, CP-5), and early risk events (EM-1).

use std::collections::btree_map::Entry;

use super::Engine;
use super::assign::WindowSpec;
use super::closing::emit_rows;
use super::group::Origin;
use super::groups::GroupIx;
use super::identity::InstanceIds;
use super::ids::{Position, ShardId};
use super::instance::{Instance, InstanceKey, PlanIx};
use super::io::{DeadLetter, DeadLetterId, EvaluatedEvent, EvaluatedRecord, Output};
use super::shard::{Life, Mark, ShardIx};
use crate::cloudtrail::Rejected;
use crate::plan::{Added, Contribution, Early, PlanOutcome};
use crate::risk_event::{Pane, Stage};
use crate::time::Arrival;

/// One record on its way in.
struct Arriving {
    shard: ShardIx,
    mark: Mark,
    position: Position,
    arrival: Arrival,
    /// Beyond the `P` that a checkpoint remembers: announced aloud (CP-5).
    beyond: bool,
    /// Whether what is rejected of it is dead-lettered.
    aloud: bool,
}

/// What became of one contribution.
enum Fate {
    Counted(Pane),
    Duplicate,
    Replayed,
}

impl Fate {
    /// AG-4: an event is counted if any row made from it was.
    fn rank(&self) -> u8 {
        match self {
            Self::Replayed => 0,
            Self::Duplicate => 1,
            Self::Counted(_) => 2,
        }
    }
}

impl Engine {
    pub(super) fn records_read(&mut self, id: &ShardId, records: Vec<EvaluatedRecord>) {
        let Some(&ix) = self.by_id.get(id) else { return };
        for record in records {
            self.read(ix, record, false);
        }
    }

    /// PO-2.
    pub(super) fn isolated_read(&mut self, id: &ShardId, record: EvaluatedRecord, told: bool) {
        let Some(&ix) = self.by_id.get(id) else { return };
        self.read(ix, record, !told);
    }

    fn read(&mut self, ix: ShardIx, record: EvaluatedRecord, aloud: bool) {
        debug_assert!(self.shards[ix.0 as usize].life == Life::Reading, "RD-1: only an opened shard is read");
        if self.waits(ix, &record.position, record.arrival) {
            self.shards[ix.0 as usize].parked.push_back(record);
        } else {
            self.process(ix, record, aloud);
        }
    }

    /// Whether the shard's next record, at this position, would have to wait inside the engine if it were given now
    /// (CP-5, WN-7). Who gives it only when it need not knows that all that is done with it is done at once.
    pub fn next_waits(&mut self, id: &ShardId, position: &Position, arrival: Arrival) -> bool {
        let Some(&ix) = self.by_id.get(id) else { return false };
        self.waits(ix, position, arrival)
    }

    /// Whether an earlier process was done with this record (CP-5).
    pub fn is_replay(&self, id: &ShardId, position: &Position) -> bool {
        self.shard(id).is_some_and(|shard| *position <= shard.silent_to)
    }

    /// Of the next record of a shard.
    fn waits(&mut self, ix: ShardIx, position: &Position, arrival: Arrival) -> bool {
        let shard = &mut self.shards[ix.0 as usize];
        if *position <= shard.silent_to {
            return false;
        }
        shard.skip_to_silent_end();
        !shard.parked.is_empty() || self.must_wait(ix, position, arrival)
    }

    /// CP-5: what lies beyond P waits until every shard has reached its own P. WN-7: what stands behind a change of plans
    /// waits until that is durable.
    fn must_wait(&mut self, ix: ShardIx, position: &Position, arrival: Arrival) -> bool {
        let effective = self.shards[ix.0 as usize].effective_of(position, arrival, self.horizon);
        self.replay_unfinished() || self.is_behind_change(effective)
    }

    /// Whether shards still replay; once they do not, they never will again in this process.
    fn replay_unfinished(&mut self) -> bool {
        self.replay_done = self.replay_done || !self.is_replaying();
        !self.replay_done
    }

    /// Once every shard has reached its `P` (CP-5), and a change of plans is durable (WN-7), what waited goes on.
    pub(super) fn release_parked(&mut self) {
        for ix in 0..self.shards.len() {
            let ix = ShardIx(u32::try_from(ix).expect("adopt checked the number of shards"));
            while let Some(record) = self.shards[ix.0 as usize].parked.pop_front() {
                if self.must_wait(ix, &record.position, record.arrival) {
                    self.shards[ix.0 as usize].parked.push_front(record);
                    break;
                }
                self.process(ix, record, false);
            }
        }
    }

    fn process(&mut self, ix: ShardIx, record: EvaluatedRecord, aloud: bool) {
        let horizon = self.horizon;
        let shard = &mut self.shards[ix.0 as usize];
        let beyond = record.position > shard.silent_to;
        let (mark, violation) = shard.advance(record.position.clone(), record.arrival, horizon);
        self.counters.records += 1;
        self.counters.replayed_records += u64::from(!beyond);
        self.counters.events += u64::from(record.decoded);
        self.counters.tip_slack_violations += u64::from(violation);
        let (position, arrival, aloud) = (record.position, record.arrival, aloud || beyond);
        let arriving = Arriving { shard: ix, mark, position, arrival, beyond, aloud };
        for rejected in record.rejected {
            self.reject(&arriving, rejected);
        }
        self.count_unmatched(record.decoded, &record.events);
        for event in &record.events {
            for (plan, outcome) in &event.outcomes {
                self.take_outcome(&arriving, event, *plan, outcome);
            }
        }
    }

    /// PO-1. In replay the dead letter was stored already (CP-5), unless the record was isolated only then (PO-2).
    fn reject(&mut self, arriving: &Arriving, rejected: Rejected) {
        *self.counters.rejected.entry(rejected.reason).or_default() += 1;
        if !arriving.aloud {
            return;
        }
        let id = DeadLetterId(self.next_dead_letter);
        self.next_dead_letter += 1;
        self.ledger.dead_letter(id, arriving.shard, arriving.mark.clone());
        self.outputs.push_back(Output::DeadLetter(DeadLetter {
            id,
            shard: self.shards[arriving.shard.0 as usize].id.clone(),
            position: arriving.position.clone(),
            arrival: arriving.arrival,
            rejected,
        }));
    }

    /// AG-4: events that a plan says nothing of are those that its search does not match.
    fn count_unmatched(&mut self, decoded: u32, events: &[EvaluatedEvent]) {
        // Most records are skipped unparsed.
        if decoded == 0 {
            return;
        }
        self.counters.plans.iter_mut().for_each(|counters| counters.unmatched += u64::from(decoded));
        for (plan, _) in events.iter().flat_map(|event| &event.outcomes) {
            self.counters.plans[*plan].unmatched -= 1;
        }
    }

    fn take_outcome(&mut self, arriving: &Arriving, event: &EvaluatedEvent, plan: usize, outcome: &PlanOutcome) {
        if !self.plans[plan].counts_at(arriving.mark.effective) {
            self.counters.plans[plan].outside_activation += 1;
            return;
        }
        match outcome {
            PlanOutcome::NullBy(field) => {
                let counters = &mut self.counters.plans[plan];
                counters.null_by += 1;
                counters.null_by_field[*field] += 1;
            }
            PlanOutcome::Matched { contributions, lost } => {
                let counters = &mut self.counters.plans[plan];
                counters.cut_rows += lost.cut;
                counters.null_by_rows += lost.null_by;
                let fates = contributions.iter().map(|c| self.contribute(arriving, event, plan, c));
                // All that are counted are of one pane.
                let best = fates.max_by_key(Fate::rank);
                self.count_fate(plan, best);
            }
        }
    }

    /// AG-4: one event, one bucket: counted if any row made from it was.
    fn count_fate(&mut self, plan: usize, fate: Option<Fate>) {
        let counters = &mut self.counters.plans[plan];
        match fate {
            Some(Fate::Counted(pane)) => {
                counters.counted += 1;
                counters.late += u64::from(matches!(pane, Pane::Late(_)));
                counters.future += u64::from(matches!(pane, Pane::Future(_)));
            }
            Some(Fate::Duplicate) => counters.duplicate += 1,
            Some(Fate::Replayed) => counters.replayed += 1,
            // Every row was cut.
            None => counters.unmatched += 1,
        }
    }

    fn contribute(
        &mut self,
        arriving: &Arriving,
        event: &EvaluatedEvent,
        plan_index: usize,
        contribution: &Contribution,
    ) -> Fate {
        let plan = std::sync::Arc::clone(&self.plans[plan_index].plan);
        let slot = WindowSpec::of(&plan).assign(event.time, arriving.mark.effective, self.config.timing);
        let key = InstanceKey::new(PlanIx(u32::try_from(plan_index).expect("plans are few")), &slot);
        // CP-4: of an instance that is released, a record up to P was counted there; one beyond P never is skipped.
        if !arriving.beyond && key.close_at <= self.horizon_at_start {
            return Fate::Replayed;
        }
        let truncated = self.ledger.is_forced(&key);
        let (before, instance) = match self.open.entry(key.clone()) {
            Entry::Occupied(entry) => (entry.get().bytes(), entry.into_mut()),
            Entry::Vacant(entry) => {
                let ids = InstanceIds::new(&self.config.source_name, &plan, &slot);
                (0, entry.insert(Instance::new(&plan, ids, key.pane)))
            }
        };
        instance.truncated |= truncated;
        instance.first.entry(arriving.shard).or_insert_with(|| arriving.mark.clone());
        let bounds = &self.config.bounds;
        let group = instance.groups.entry(&plan, &bounds.table_key, &contribution.group);
        let origin = Origin { shard: arriving.shard, position: &arriving.position, effective: arriving.mark.effective };
        let added = instance
            .groups
            .change(group, |group, scratch| group.add(&plan, bounds, &origin, event, contribution, scratch));
        for early in instance.unacknowledged(group) {
            self.ledger.hold_group(early, arriving.shard, &arriving.mark);
        }
        if truncated {
            self.ledger.hold_window(&key, arriving.shard, &arriving.mark);
        }
        self.announce(arriving, &key, group, contribution, added);
        self.state_bytes = self.state_bytes + self.open.get(&key).map_or(0, Instance::bytes) - before;
        match added {
            Added::New => Fate::Counted(key.pane),
            Added::Duplicate => Fate::Duplicate,
            Added::Conflict => {
                self.counters.plans[plan_index].conflicts += 1;
                Fate::Duplicate
            }
        }
    }

    /// EM-1: emits the early risk event when the row first passes; in replay the group is only noted as announced.
    fn announce(
        &mut self,
        arriving: &Arriving,
        key: &InstanceKey,
        ix: GroupIx,
        contribution: &Contribution,
        added: Added,
    ) {
        let slot = &self.plans[key.plan.0 as usize];
        let Some(instance) = self.open.get_mut(key) else { return };
        let mut told = instance.groups.get(ix).told();
        let settled = told.announced || added == Added::Duplicate;
        let wanted = match slot.plan.early() {
            Early::AtClose(_) => false,
            // Nothing but the by-values decides, so the first look is the last.
            Early::FirstMatch => !settled && !std::mem::replace(&mut told.first_look_done, true),
            Early::Threshold => !settled && instance.groups.get(ix).values() >= slot.plan.least().to_pass,
        };
        if !wanted || self.config.timing == super::Timing::Batch {
            return;
        }
        let context = super::closing::RowContext {
            ids: &instance.ids,
            bounds: &self.config.bounds,
            slot,
            key,
            gathers: instance.gathers,
            started_at: self.started_at,
            truncated: instance.truncated,
            shards: &self.shards,
        };
        let (events, _) = emit_rows(&context, Stage::Early, &contribution.group, instance.groups.get(ix), &mut None);
        told.announced = !events.is_empty();
        instance.groups.change(ix, |group, _| group.tell(told));
        // CP-5: after a stall the others have announced without this shard's replay; its records may now complete what
        // no process has announced. They speak up, at the price of repetitions with the same ids.
        if !arriving.beyond && !self.replay_done {
            return;
        }
        for event in events {
            let delivery = event.delivery_key();
            instance.announced(ix, delivery);
            self.ledger.emit(delivery, key, Some((ix, arriving.shard, arriving.mark.clone())));
            self.outputs.push_back(Output::Emit(Box::new(event)));
        }
    }
}
