//! Shards come and go: registration, parents before children, drains, tip evidence (RD-1, RD-2, RD-3).

use std::collections::BTreeSet;

use super::checkpoint::StartPosition;
use super::ids::{Position, ShardId};
use super::io::{Output, ShardRef};
use super::shard::{Life, Listed, Shard, ShardIx};
use super::{Engine, Timing};
use crate::time::Arrival;

impl Engine {
    /// A listing. The first one is the start frontier (RD-2): until it is registered nothing is read.
    pub(super) fn shards_listed(&mut self, listed: Vec<ShardRef>) {
        let first_start = !self.frontier_known && self.by_id.is_empty();
        let start = if first_start { self.config.start } else { StartPosition::TrimHorizon };
        let shown: BTreeSet<ShardId> = listed.iter().map(|listed| listed.shard.clone()).collect();
        let unknown: Vec<ShardRef> =
            listed.into_iter().filter(|listed| !self.by_id.contains_key(&listed.shard)).collect();
        unknown.into_iter().for_each(|shard| self.register(shard, start));
        for shard in &mut self.shards {
            shard.see_listing(shown.contains(&shard.id));
        }
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
        self.forget_parent_of_begun(&shard.shard);
        self.adopt(Shard::new(shard.shard, shard.parents, start));
    }

    /// A listing may show a child before its parent; the child is then begun without it. Were it to wait for that parent
    /// from now on, its `P` would go back (CP-1a, CP-3), and after a restart each would wait for the other (CP-5). So the
    /// two are read side by side: what the parent holds may be late, and is not lost.
    fn forget_parent_of_begun(&mut self, parent: &ShardId) {
        let begun = |shard: &&mut Shard| shard.life != Life::Waiting || shard.silent_to != Position::Start;
        self.shards.iter_mut().filter(begun).for_each(|shard| shard.parents.retain(|other| other != parent));
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
        shard.skip_to_silent_end();
        shard.life = Life::Drained;
        shard.position = Position::End;
        shard.stalled = false;
        self.open_ready_shards();
    }

    /// RD-1: opens every shard whose parents are all drained into the engine. A parent that no checkpoint knows, and
    /// that is missing in a listing of its child, is older than what Kinesis keeps: it counts as drained. Before such a
    /// listing an unknown parent may as well be younger than the latest one, the child of a shard still being read.
    fn open_ready_shards(&mut self) {
        while let Some(ix) = self.next_ready_shard() {
            let (effective, read_through) = self.inherited_clock(&self.shards[ix.0 as usize]);
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
        let ready = |shard: &Shard| self.waits_for_no_known_parent(shard) && !self.waits_for_listing(shard);
        let ix = self.shards.iter().position(ready)?;
        Some(ShardIx(u32::try_from(ix).expect("adopt checked the number of shards")))
    }

    fn waits_for_no_known_parent(&self, shard: &Shard) -> bool {
        let mut known = shard.parents.iter().filter_map(|id| self.shard(id));
        shard.life == Life::Waiting && known.all(|parent| parent.life == Life::Drained)
    }

    /// Whether it cannot be read because one of its ancestors is not. `waiting` is what is known of each shard: along
    /// splits and merges an ancestor is reached on many ways.
    pub(super) fn waits_for_stalled(&self, ix: usize, waiting: &mut [Option<bool>]) -> bool {
        if let Some(known) = waiting[ix] {
            return known;
        }
        let shard = &self.shards[ix];
        let mut parents = shard.parents.iter().filter_map(|id| self.by_id.get(id)).map(|ix| ix.0 as usize);
        let waits = shard.life == Life::Waiting
            && parents.any(|parent| self.shards[parent].stalled || self.waits_for_stalled(parent, waiting));
        waiting[ix] = Some(waits);
        waits
    }

    fn waits_for_listing(&self, shard: &Shard) -> bool {
        shard.listed == Listed::NotYet && shard.parents.iter().any(|id| self.shard(id).is_none())
    }

    /// The largest effective arrival and the largest `R` of a shard's parents; of a root, those before everything.
    fn inherited_clock(&self, shard: &Shard) -> (Arrival, Arrival) {
        let parents = shard.parents.iter().filter_map(|id| self.shard(id));
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
        let lowest = self.shards.iter().filter_map(|shard| self.held_at(shard)).min();
        let end_of_batch = if self.config.timing == Timing::Batch { Arrival(i64::MAX) } else { self.watermark };
        let watermark = self.held_by_change(lowest.unwrap_or(end_of_batch));
        debug_assert!(watermark >= self.watermark, "the watermark never goes back");
        self.watermark = self.watermark.max(watermark);
    }

    /// What a shard lets `W` come up to; nothing once it is drained. A child that waits is covered by the parents that
    /// are still read; where it only waits for a listing they have left, and their clock goes on to count.
    pub(super) fn held_at(&self, shard: &Shard) -> Option<Arrival> {
        match shard.life {
            Life::Drained => None,
            Life::Waiting if !shard.restored => {
                self.waits_for_no_known_parent(shard).then(|| self.inherited_clock(shard).1)
            }
            Life::Waiting | Life::Reading => Some(shard.read_through),
        }
    }
}
