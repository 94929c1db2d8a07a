//! Shards come and go: registration, parents before children, drains, tip evidence (RD-1, RD-2, RD-3).

use super::checkpoint::StartPosition;
use super::ids::{Position, ShardId};
use super::io::{Output, ShardRef};
use super::shard::{Life, Shard, ShardIx};
use super::{Engine, Timing};
use crate::time::Arrival;

impl Engine {
    /// A listing. The first one is the start frontier (RD-2): until it is registered nothing is read.
    pub(super) fn shards_listed(&mut self, listed: Vec<ShardRef>) {
        let first_start = !self.frontier_known && self.by_id.is_empty();
        let start = if first_start { self.config.start } else { StartPosition::TrimHorizon };
        for shard in &mut self.shards {
            shard.unlisted = !listed.iter().any(|listed| listed.shard == shard.id);
        }
        let unknown: Vec<ShardRef> =
            listed.into_iter().filter(|listed| !self.by_id.contains_key(&listed.shard)).collect();
        unknown.into_iter().for_each(|shard| self.register(shard, start));
        self.frontier_known = true;
        self.open_ready_shards();
    }

    /// Takes a shard in, with its lineage.
    pub(super) fn adopt(&mut self, shard: Shard) {
        let ix = ShardIx(u32::try_from(self.shards.len()).expect("a stream has fewer than 2^32 shards"));
        self.by_id.insert(shard.id.clone(), ix);
        self.shards.push(shard);
    }

    fn register(&mut self, shard: ShardRef, start: StartPosition) {
        for parent in &shard.parents {
            if let Some(parent) = self.shard_mut(parent).filter(|parent| !parent.children.contains(&shard.shard)) {
                parent.children.push(shard.shard.clone());
            }
        }
        self.adopt(Shard::new(shard.shard, shard.parents, start));
    }

    /// The end of a shard. Its children are registered before it leaves the watermark (RD-1).
    pub(super) fn shard_drained(&mut self, id: &ShardId, children: Vec<ShardRef>) {
        for child in children {
            if !self.by_id.contains_key(&child.shard) {
                self.register(child, StartPosition::TrimHorizon);
            }
        }
        let Some(shard) = self.shard_mut(id).filter(|shard| shard.life == Life::Reading) else { return };
        debug_assert!(shard.parked.is_empty(), "a frozen shard is not read to its end");
        shard.life = Life::Drained;
        shard.position = Position::End;
        shard.stalled = false;
        self.open_ready_shards();
    }

    /// RD-1: opens every shard whose parents are all drained into the engine. A parent that Kinesis no longer lists,
    /// and that no checkpoint knows, counts as drained.
    fn open_ready_shards(&mut self) {
        while let Some(ix) = self.next_ready_shard() {
            let (effective, read_through) = self.inherited_clock(ix);
            let watermark = self.watermark;
            let shard = &mut self.shards[ix.0 as usize];
            if !shard.restored {
                shard.inherit(effective, read_through, watermark);
            }
            if shard.position == Position::End {
                shard.life = Life::Drained;
                continue;
            }
            shard.life = Life::Reading;
            let (shard, after, start) = (shard.id.clone(), shard.position.clone(), shard.start);
            self.outputs.push_back(Output::Read { shard, after, start });
        }
    }

    fn next_ready_shard(&self) -> Option<ShardIx> {
        let drained = |id: &ShardId| self.shard(id).is_none_or(|parent| parent.life == Life::Drained);
        let ready = |shard: &Shard| shard.life == Life::Waiting && shard.parents.iter().all(drained);
        let ix = self.shards.iter().position(ready)?;
        Some(ShardIx(u32::try_from(ix).expect("adopt checked the number of shards")))
    }

    /// The largest effective arrival and the largest `R` of a shard's parents; of a root, those before everything.
    fn inherited_clock(&self, ix: ShardIx) -> (Arrival, Arrival) {
        let parents = self.shards[ix.0 as usize].parents.iter().filter_map(|id| self.shard(id));
        parents.fold((Arrival::MIN, Arrival::MIN), |(effective, read_through), parent| {
            (effective.max(parent.effective), read_through.max(parent.read_through))
        })
    }

    /// RD-3: evidence from the tip. A shard that waits with parked records is frozen and gives none.
    pub(super) fn at_tip(&mut self, id: &ShardId, read_through: Arrival) {
        let reading = |shard: &&mut Shard| shard.life == Life::Reading && shard.parked.is_empty();
        if let Some(shard) = self.shard_mut(id).filter(reading) {
            shard.reached_tip(read_through);
        }
    }

    /// RD-3: a stalled shard holds the windows; only the announcing of the others goes on (CP-5).
    pub(super) fn shard_stalled(&mut self, id: &ShardId, stalled: bool) {
        if let Some(shard) = self.shard_mut(id) {
            shard.stalled = stalled;
        }
    }

    /// `W`: the minimum of `R` over all shards not yet drained. Before the start frontier is known there is none.
    pub(super) fn advance_watermark(&mut self) {
        if !self.frontier_known {
            return;
        }
        let holding = self.shards.iter().filter(|shard| shard.holds_watermark());
        let lowest = holding.map(|shard| shard.read_through).min();
        let end_of_batch = if self.config.timing == Timing::Batch { Arrival(i64::MAX) } else { self.watermark };
        let watermark = lowest.unwrap_or(end_of_batch);
        debug_assert!(watermark >= self.watermark, "the watermark never goes back");
        self.watermark = self.watermark.max(watermark);
    }
}
