//! What a checkpoint says: `P`, then `H`, then `C` (CP-1 to CP-3). Computed together and stored in one document, so the
//! order of durability holds by construction.

use std::collections::BTreeMap;

use super::Engine;
use super::checkpoint::{CHECKPOINT_VERSION, Checkpoint, PlanCheckpoint, ShardCheckpoint};
use super::ids::Position;
use super::io::CheckpointTicket;
use super::shard::{Life, Listed, Mark, Shard, ShardIx};
use crate::time::Arrival;

/// The earliest mark of each shard.
type Earliest<'a> = BTreeMap<ShardIx, &'a Mark>;

fn earliest<'a>(marks: impl Iterator<Item = (ShardIx, &'a Mark)>) -> Earliest<'a> {
    let mut earliest: Earliest<'a> = BTreeMap::new();
    for (shard, mark) in marks {
        let known = earliest.entry(shard).or_insert(mark);
        if mark.before < known.before {
            *known = mark;
        }
    }
    earliest
}

/// `P` of a shard, and the effective arrivals around it.
struct Processed {
    position: Position,
    effective: Arrival,
    /// The effective arrival of the first record beyond `P` that was processed already; it caps `H` (CP-3).
    first_beyond: Option<Arrival>,
}

impl Engine {
    /// Takes a checkpoint of this instant. Once it is durable, say so with the ticket.
    pub fn checkpoint(&mut self) -> (CheckpointTicket, Checkpoint) {
        let processed = self.processed();
        self.horizon = self.releasable_horizon(&processed);
        let shards = self.shard_checkpoints(&processed);
        let ticket = CheckpointTicket(self.next_ticket);
        self.next_ticket += 1;
        self.tickets.insert(ticket, self.horizon);
        self.change_is_in(ticket);
        let checkpoint = Checkpoint {
            version: CHECKPOINT_VERSION,
            stream: self.config.stream.clone(),
            horizon: self.horizon,
            started_at: self.started_at,
            plans: self.plan_checkpoints(),
            shards,
        };
        (ticket, checkpoint)
    }

    /// A checkpoint is durable: what its horizon has passed is forgotten.
    pub(super) fn checkpoint_stored(&mut self, ticket: CheckpointTicket) {
        let Some(horizon) = self.tickets.get(&ticket).copied() else { return };
        self.tickets.retain(|other, _| *other > ticket);
        self.durable = self.durable.max(Some(ticket));
        self.ledger.forget(horizon);
        self.change_is_stored(ticket);
        self.drop_drained_plans();
    }

    /// CP-1, CP-1a: `P` of every shard, parents first.
    fn processed(&self) -> Vec<Processed> {
        let holds = earliest(self.ledger.holds_of_p());
        let mut done = vec![None; self.shards.len()];
        (0..self.shards.len()).map(|ix| self.processed_of(ix, &holds, &mut done)).collect()
    }

    fn processed_of(&self, ix: usize, holds: &Earliest<'_>, done: &mut [Option<bool>]) -> Processed {
        let shard = &self.shards[ix];
        let at_start = |first_beyond| Processed {
            position: shard.silent_to.clone(),
            effective: shard.silent_effective,
            first_beyond,
        };
        if shard.position <= shard.silent_to {
            return at_start(None);
        }
        if !self.ancestors_done(ix, holds, done) {
            return at_start(shard.first_beyond);
        }
        match holds.get(&index(ix)) {
            Some(hold) if hold.before <= shard.silent_to => at_start(Some(hold.effective)),
            Some(hold) => Processed {
                position: hold.before.clone(),
                effective: hold.effective_before,
                first_beyond: Some(hold.effective),
            },
            None => Processed { position: shard.position.clone(), effective: shard.effective, first_beyond: None },
        }
    }

    /// CP-1a: the `P` of a child stays at its start until the `P` of every ancestor is that ancestor's end; otherwise
    /// a restart deadlocks.
    fn ancestors_done(&self, ix: usize, holds: &Earliest<'_>, done: &mut [Option<bool>]) -> bool {
        if let Some(known) = done[ix] {
            return known;
        }
        let parents: Vec<usize> =
            self.shards[ix].parents.iter().filter_map(|id| self.by_id.get(id)).map(|ix| ix.0 as usize).collect();
        let all = parents.into_iter().all(|parent| {
            let at_end = self.shards[parent].position == Position::End && !holds.contains_key(&index(parent));
            at_end && self.ancestors_done(parent, holds, done)
        });
        done[ix] = Some(all);
        all
    }

    /// CP-3: `H` stays below every instance that is open or not released, and below the first record beyond `P` of any
    /// shard. It never goes back.
    fn releasable_horizon(&self, processed: &[Processed]) -> Arrival {
        let first_open = self.open.first_key_value().map(|(key, _)| key.close_at);
        let first_forced = self.forced.iter().map(|(key, _)| key.close_at).min();
        let instances = [first_open, first_forced, self.ledger.first_unreleased()];
        let below_instances = instances.into_iter().flatten().map(|close_at| close_at.plus(-1));
        let caps = processed.iter().filter_map(|shard| shard.first_beyond);
        let limit = below_instances.chain(caps).min().unwrap_or(self.watermark);
        self.horizon.max(limit.min(self.watermark))
    }

    /// CP-2: `C` of every shard: before the oldest record that is held, otherwise the last one read.
    fn shard_checkpoints(&mut self, processed: &[Processed]) -> BTreeMap<super::ShardId, ShardCheckpoint> {
        let open = self.open.values().chain(self.forced.iter().map(|(_, instance)| instance));
        let open = open.flat_map(|instance| instance.first.iter().map(|(shard, mark)| (*shard, mark)));
        let held = open.chain(self.ledger.holds_of_c(self.horizon)).chain(self.ledger.holds_of_p());
        let resumes: Vec<Option<(Position, Arrival)>> = {
            let held = earliest(held);
            let of_shard = |ix: usize| held.get(&index(ix));
            (0..self.shards.len())
                .map(|ix| of_shard(ix).map(|mark| (mark.before.clone(), mark.effective_before)))
                .collect()
        };
        let (ticket, durable) = (CheckpointTicket(self.next_ticket), self.durable);
        let rows = self.shards.iter_mut().zip(processed).zip(resumes);
        let rows = rows.map(|((shard, processed), held)| {
            let resume = held.unwrap_or_else(|| (shard.position.clone(), shard.effective));
            debug_assert!(resume.0 >= shard.resume.0, "CP-3: C never goes back");
            shard.resume = resume;
            shard.lifts.retain(|position, _| *position > shard.resume.0);
            if shard.life == Life::Drained {
                shard.drained_in.get_or_insert(ticket);
            }
            (shard.id.clone(), row(shard, processed))
        });
        let rows: Vec<_> = rows.collect();
        let mut leaving = vec![None; rows.len()];
        let stays = |ix: usize| !self.leaves(ix, durable, &mut leaving);
        let stays: Vec<bool> = (0..rows.len()).map(stays).collect();
        rows.into_iter().zip(stays).filter(|(_, stays)| *stays).map(|(row, _)| row).collect()
    }

    /// Whether a shard leaves the checkpoint. None does before its parents: one of them that is read again names it as
    /// its child, and it would be read anew (RD-1).
    fn leaves(&self, ix: usize, durable: Option<CheckpointTicket>, leaving: &mut [Option<bool>]) -> bool {
        if let Some(known) = leaving[ix] {
            return known;
        }
        let parents = self.shards[ix].parents.iter().filter_map(|id| self.by_id.get(id)).map(|ix| ix.0 as usize);
        let leaves = forgettable(&self.shards[ix], durable)
            && parents.into_iter().all(|parent| self.leaves(parent, durable, leaving));
        leaving[ix] = Some(leaves);
        leaves
    }

    /// WN-7: the active plans, and those that drain until their instances are released.
    fn plan_checkpoints(&self) -> Vec<PlanCheckpoint> {
        let plans = self.plans.iter().enumerate().filter(|(ix, _)| self.needs_plan(*ix, self.horizon));
        plans
            .map(|(_, slot)| PlanCheckpoint { text: (**slot.plan.text()).clone(), spans: slot.spans.clone() })
            .collect()
    }
}

fn index(ix: usize) -> ShardIx {
    ShardIx(u32::try_from(ix).expect("a stream has fewer than 2^32 shards"))
}

/// A shard that is done and that Kinesis has forgotten needs no memory, once a durable checkpoint says that it is
/// drained (CP-3): the store takes nothing that forgets a shard before.
fn forgettable(shard: &Shard, durable: Option<CheckpointTicket>) -> bool {
    let done = shard.life == Life::Drained && shard.resume.0 == Position::End;
    let durably = shard.was_drained || shard.drained_in.is_some_and(|first| Some(first) <= durable);
    shard.listed == Listed::Forgotten && done && durably
}

fn row(shard: &Shard, processed: &Processed) -> ShardCheckpoint {
    let (resume_after, effective_arrival) = shard.resume.clone();
    let settled = resume_after == processed.position && resume_after == shard.position;
    ShardCheckpoint {
        parents: shard.parents.clone(),
        children: shard.children.clone(),
        start: shard.start,
        effective_arrival,
        processed: processed.position.clone(),
        processed_arrival: processed.effective,
        read_through: settled.then_some(shard.read_through),
        drained: shard.life == Life::Drained || shard.was_drained,
        lifts: shard.lifts.iter().map(|(position, lift)| (position.clone(), *lift)).collect(),
        resume_after,
    }
}
