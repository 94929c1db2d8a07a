//! Open windows: instances, their groups, the partials of each shard.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::assign::Slot;
use super::ids::Position;
use super::io::EvaluatedEvent;
use super::shard::{Mark, ShardIx};
use crate::plan::{Added, Bounds, Contribution, Early, GroupKey, Partial, Plan, Unit};
use crate::risk_event::{DeliveryKey, Pane};
use crate::time::{Arrival, EventTime};

/// A plan's index in the engine. Plans are sorted by (detection, fingerprint), so it orders output as WN-6 asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PlanIx(pub u32);

/// One (detection, window, pane), in closing order: (close_at, detection, window, pane) (WN-6).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InstanceKey {
    pub close_at: Arrival,
    pub plan: PlanIx,
    pub window_start: EventTime,
    pub pane: Pane,
}

impl InstanceKey {
    pub fn new(plan: PlanIx, slot: &Slot) -> Self {
        Self { close_at: slot.close_at, plan, window_start: slot.window_start, pane: slot.pane }
    }

    pub fn slot(&self) -> Slot {
        Slot { close_at: self.close_at, window_start: self.window_start, pane: self.pane }
    }
}

/// What gathers until `close_at`.
#[derive(Debug, Default)]
pub(super) struct Instance {
    pub groups: BTreeMap<GroupKey, Group>,
    /// CP-2: per shard, the first record that contributed.
    pub first: BTreeMap<ShardIx, Mark>,
    /// Estimated size of the groups.
    pub bytes: usize,
    /// BD-2: an earlier part of the window was closed early.
    pub truncated: bool,
}

/// One group: a partial per source shard (AG-1).
#[derive(Debug)]
pub(super) struct Group {
    partials: BTreeMap<ShardIx, Partial>,
    /// All partials merged; kept only while an early row is awaited and several shards contribute.
    merged: Option<Box<Partial>>,
    /// Per shard, the newest contributing record: for `meta`.
    newest: BTreeMap<ShardIx, Position>,
    pub newest_arrival: Arrival,
    /// Whether an early row has passed, aloud or in silence (EM-1, CP-5).
    pub announced: bool,
    /// Whether a search without threshold was looked at: its by-values decide once and for all.
    pub first_look_done: bool,
    /// The size when last measured.
    bytes: usize,
    /// Early deliveries that may still be unacknowledged (CP-1a).
    pub early: Vec<DeliveryKey>,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            partials: BTreeMap::new(),
            merged: None,
            newest: BTreeMap::new(),
            newest_arrival: Arrival::MIN,
            announced: false,
            first_look_done: false,
            bytes: 0,
            early: Vec::new(),
        }
    }
}

/// Where a contribution comes from.
pub(super) struct Origin<'a> {
    pub shard: ShardIx,
    pub position: &'a Position,
    pub effective: Arrival,
}

/// Rough cost of a group beside its partials: key, map nodes, positions.
const GROUP_OVERHEAD: usize = 200;

impl Group {
    /// Adds one contribution (AG-1, AG-2) and says what it was to the whole group, all shards together.
    pub fn add(
        &mut self,
        plan: &Plan,
        bounds: &Bounds,
        origin: &Origin<'_>,
        event: &EvaluatedEvent,
        contribution: &Contribution,
    ) -> Added {
        let unit = Unit {
            key: event.key,
            ordinal: contribution.ordinal,
            id: &event.id,
            content_hash: event.content_hash,
            time: event.time,
        };
        let others = self.partials.iter().filter(|(shard, _)| **shard != origin.shard);
        let elsewhere = others.filter_map(|(_, partial)| partial.content_hash_of(&unit)).next();
        let partial = self.partials.entry(origin.shard).or_insert_with(|| Partial::new(plan, contribution.group.leg));
        let here = partial.add(plan, bounds, &unit, &contribution.inputs);
        self.newest.insert(origin.shard, origin.position.clone());
        self.newest_arrival = self.newest_arrival.max(origin.effective);
        self.follow_merged(plan, bounds, &unit, contribution);
        match (here, elsewhere) {
            (Added::New, Some(hash)) if hash == unit.content_hash => Added::Duplicate,
            (Added::New, Some(_)) => Added::Conflict,
            (added, _) => added,
        }
    }

    fn follow_merged(&mut self, plan: &Plan, bounds: &Bounds, unit: &Unit<'_>, contribution: &Contribution) {
        let awaits_early = matches!(plan.early(), Early::Threshold) && !self.announced;
        if !awaits_early || self.partials.len() < 2 {
            self.merged = None;
            return;
        }
        match &mut self.merged {
            Some(merged) => {
                merged.add(plan, bounds, unit, &contribution.inputs);
            }
            None => self.merged = Some(Box::new(self.merge_all(plan, bounds))),
        }
    }

    fn merge_all(&self, plan: &Plan, bounds: &Bounds) -> Partial {
        let mut partials = self.partials.values();
        let mut whole = partials.next().expect("a group has contributions").clone();
        partials.for_each(|partial| whole.merge(plan, bounds, partial));
        whole
    }

    /// The merge of all partials (semantics 1, group).
    pub fn with_whole<T>(&self, plan: &Plan, bounds: &Bounds, read: impl FnOnce(&Partial) -> T) -> T {
        match (&self.merged, self.partials.len()) {
            (Some(merged), _) => read(merged),
            (None, 1) => read(self.partials.values().next().expect("the length was just looked at")),
            (None, _) => read(&self.merge_all(plan, bounds)),
        }
    }

    /// Its events, for a row that is made of several groups.
    pub fn bare(&self) -> Self {
        Self {
            partials: self.partials.iter().map(|(shard, partial)| (*shard, partial.bare())).collect(),
            newest: self.newest.clone(),
            newest_arrival: self.newest_arrival,
            ..Self::default()
        }
    }

    /// Takes the events of another group. This one is bare.
    pub fn absorb(&mut self, plan: &Plan, bounds: &Bounds, other: &Self) {
        for (shard, partial) in &other.partials {
            match self.partials.entry(*shard) {
                Entry::Vacant(place) => {
                    place.insert(partial.bare());
                }
                Entry::Occupied(mut own) => own.get_mut().merge(plan, bounds, &partial.bare()),
            }
        }
        for (shard, position) in &other.newest {
            let newest = self.newest.entry(*shard).or_insert_with(|| position.clone());
            *newest = newest.clone().max(position.clone());
        }
        self.newest_arrival = self.newest_arrival.max(other.newest_arrival);
    }

    /// Estimates the size in bytes: what it was when last measured, and what it is now.
    pub fn measure(&mut self) -> (usize, usize) {
        let merged = self.merged.as_ref().map_or(0, |partial| partial.size_bytes());
        let now = GROUP_OVERHEAD + merged + self.partials.values().map(Partial::size_bytes).sum::<usize>();
        (std::mem::replace(&mut self.bytes, now), now)
    }

    /// Per shard, the newest contributing record.
    pub fn newest(&self) -> impl Iterator<Item = (ShardIx, &Position)> {
        self.newest.iter().map(|(shard, position)| (*shard, position))
    }
}
