//! Open windows: instances, their groups, the partials of each shard.

use std::collections::BTreeMap;

use super::assign::Slot;
use super::ids::Position;
use super::io::EvaluatedEvent;
use super::shard::{Mark, ShardIx};
use crate::plan::{Added, Bounds, Contribution, Early, GroupKey, Partial, Plan, Unit, footprint};
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
    /// Sorted by shard. A list, because most groups have one share, for which a map would take eleven times the room.
    shares: Vec<Share>,
    /// All partials merged; kept only while an early row is awaited and several shards contribute.
    merged: Option<Box<Partial>>,
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

/// What one shard contributed to a group.
#[derive(Debug)]
struct Share {
    shard: ShardIx,
    partial: Partial,
    /// The newest contributing record: for `meta`.
    newest: Position,
}

impl Default for Group {
    fn default() -> Self {
        Self {
            shares: Vec::new(),
            merged: None,
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

/// The longest sequence numbers that Kinesis gives today.
const SEQUENCE_NUMBER_DIGITS: usize = 56;

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
        let others = self.shares.iter().filter(|share| share.shard != origin.shard);
        let elsewhere = others.filter_map(|share| share.partial.content_hash_of(&unit)).next();
        let share = self.share(plan, origin, contribution.group.leg);
        let here = share.partial.add(plan, bounds, &unit, &contribution.inputs);
        share.newest.clone_from(origin.position);
        self.newest_arrival = self.newest_arrival.max(origin.effective);
        self.follow_merged(plan, bounds, &unit, contribution);
        match (here, elsewhere) {
            (Added::New, Some(hash)) if hash == unit.content_hash => Added::Duplicate,
            (Added::New, Some(_)) => Added::Conflict,
            (added, _) => added,
        }
    }

    fn place_of(&self, shard: ShardIx) -> Result<usize, usize> {
        self.shares.binary_search_by_key(&shard, |share| share.shard)
    }

    fn share(&mut self, plan: &Plan, origin: &Origin<'_>, leg: u32) -> &mut Share {
        let place = self.place_of(origin.shard).unwrap_or_else(|place| {
            let (partial, newest) = (Partial::new(plan, leg), origin.position.clone());
            self.shares.reserve_exact(1);
            self.shares.insert(place, Share { shard: origin.shard, partial, newest });
            place
        });
        &mut self.shares[place]
    }

    fn follow_merged(&mut self, plan: &Plan, bounds: &Bounds, unit: &Unit<'_>, contribution: &Contribution) {
        let awaits_early = matches!(plan.early(), Early::Threshold) && !self.announced;
        if !awaits_early || self.shares.len() < 2 {
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
        let mut partials = self.shares.iter().map(|share| &share.partial);
        let mut whole = partials.next().expect("a group has contributions").clone();
        partials.for_each(|partial| whole.merge(plan, bounds, partial));
        whole
    }

    /// The merge of all partials (semantics 1, group).
    pub fn with_whole<T>(&self, plan: &Plan, bounds: &Bounds, read: impl FnOnce(&Partial) -> T) -> T {
        match (&self.merged, &self.shares[..]) {
            (Some(merged), _) => read(merged),
            (None, [only]) => read(&only.partial),
            (None, _) => read(&self.merge_all(plan, bounds)),
        }
    }

    /// Its events, for a row that is made of several groups.
    pub fn bare(&self) -> Self {
        Self {
            shares: self.shares.iter().map(Share::bare).collect(),
            newest_arrival: self.newest_arrival,
            ..Self::default()
        }
    }

    /// Takes the events of another group. This one is bare.
    pub fn absorb(&mut self, plan: &Plan, bounds: &Bounds, other: &Self) {
        for other in other.shares.iter().map(Share::bare) {
            match self.place_of(other.shard) {
                Ok(place) => {
                    let own = &mut self.shares[place];
                    own.partial.merge(plan, bounds, &other.partial);
                    if own.newest < other.newest {
                        own.newest = other.newest;
                    }
                }
                Err(place) => self.shares.insert(place, other),
            }
        }
        self.newest_arrival = self.newest_arrival.max(other.newest_arrival);
    }

    /// Estimates the size in bytes, its key and its place in the instance included (BD-2): what it was when last
    /// measured, and what it is now.
    pub fn measure(&mut self, key: &GroupKey) -> (usize, usize) {
        let merged = self.merged.as_ref().map_or(0, |partial| footprint::boxed_bytes(partial.size_bytes()));
        let shares: usize = self.shares.iter().map(Share::size_bytes).sum();
        let early = footprint::boxed_bytes(self.early.capacity() * size_of::<DeliveryKey>());
        let place = footprint::entry_bytes::<GroupKey, Self>() + key.heap_bytes();
        let now = place + footprint::boxed_bytes(shares) + merged + early;
        (std::mem::replace(&mut self.bytes, now), now)
    }

    /// Per shard, the newest contributing record.
    pub fn newest(&self) -> impl Iterator<Item = (ShardIx, &Position)> {
        self.shares.iter().map(|share| (share.shard, &share.newest))
    }
}

impl Share {
    fn bare(&self) -> Self {
        Self { shard: self.shard, partial: self.partial.bare(), newest: self.newest.clone() }
    }

    fn size_bytes(&self) -> usize {
        let beside = size_of::<Self>() - size_of::<Partial>();
        self.partial.size_bytes() + beside + footprint::text_bytes(SEQUENCE_NUMBER_DIGITS)
    }
}
