//! A group as large as it may become: a partial for each source shard (AG-1).

use super::group::{Origin, Told};
use super::ids::Position;
use super::shard::ShardIx;
use crate::plan::{Added, Bounds, Change, Contribution, Early, Partial, Plan, Unit, Value, footprint};
use crate::time::Arrival;

/// The partials of a group.
#[derive(Debug)]
pub(super) struct Shares {
    /// Sorted by shard.
    shares: Vec<Share>,
    /// All partials merged; kept only while an early row is looked for and several shards contribute.
    merged: Option<Box<Partial>>,
    pub newest_arrival: Arrival,
    pub told: Told,
    /// So many values came, or fewer: copies that another shard brought as well count again.
    pub values: u64,
    leg: u32,
    /// What the shares hold beside themselves: a sum, since a group may have as many as there are shards.
    held: usize,
    /// The size when last measured.
    bytes: usize,
}

/// What one shard contributed to a group.
#[derive(Debug)]
struct Share {
    shard: ShardIx,
    partial: Partial,
    /// The newest contributing record: for `meta`.
    newest: Position,
}

/// The longest sequence numbers that Kinesis gives today.
pub(super) const SEQUENCE_NUMBER_DIGITS: usize = 56;

impl Shares {
    /// What these shards contributed so far, each with its newest contributing record.
    pub fn of(leg: u32, sources: impl Iterator<Item = ((ShardIx, Position), Partial)>) -> Self {
        let share = |((shard, newest), partial)| Share { shard, partial, newest };
        let mut shares: Vec<Share> = sources.map(share).collect();
        shares.shrink_to_fit();
        shares.sort_unstable_by_key(|share| share.shard);
        let held = shares.iter().map(Share::held_bytes).sum();
        let (told, newest_arrival) = (Told::default(), Arrival::MIN);
        Self { shares, merged: None, newest_arrival, told, values: 0, leg, held, bytes: 0 }
    }

    /// Adds one contribution (AG-1, AG-2) and says what it was to the whole group, all shards together.
    pub fn add(
        &mut self,
        plan: &Plan,
        bounds: &Bounds,
        origin: &Origin<'_>,
        unit: &Unit<'_>,
        contribution: &Contribution,
    ) -> Added {
        let inputs = &contribution.inputs;
        let others = self.shares.iter().filter(|share| share.shard != origin.shard);
        let copies = others.filter_map(|share| share.partial.content_hash_of(unit));
        // Whether another shard has it, and if so, whether one has it with the same content.
        let elsewhere = copies.map(|copy| copy == unit.content_hash).reduce(|same, other| same || other);
        let share = self.share(plan, origin);
        let before = share.held_bytes();
        let (here, change) = share.partial.add(plan, bounds, unit, inputs);
        share.newest.clone_from(origin.position);
        let after = share.held_bytes();
        self.held = self.held + after - before;
        self.newest_arrival = self.newest_arrival.max(origin.effective);
        self.values += if change == Change::None { 0 } else { contribution.values() };
        self.follow_merged(plan, bounds, unit, inputs, change);
        self.bytes = self.measured();
        match (here, elsewhere) {
            (_, Some(true)) => Added::Duplicate,
            (Added::New, Some(false)) => Added::Conflict,
            (added, _) => added,
        }
    }

    fn place_of(&self, shard: ShardIx) -> Result<usize, usize> {
        self.shares.binary_search_by_key(&shard, |share| share.shard)
    }

    fn share(&mut self, plan: &Plan, origin: &Origin<'_>) -> &mut Share {
        let place = self.place_of(origin.shard).unwrap_or_else(|place| {
            let (partial, newest) = (Partial::new(plan, self.leg), origin.position.clone());
            let share = Share { shard: origin.shard, partial, newest };
            self.held += share.held_bytes();
            self.shares.reserve_exact(1);
            self.shares.insert(place, share);
            place
        });
        &mut self.shares[place]
    }

    fn follow_merged(&mut self, plan: &Plan, bounds: &Bounds, unit: &Unit<'_>, inputs: &[Value], change: Change) {
        let awaits_early =
            *plan.early() == Early::Threshold && !self.told.announced && self.values >= plan.least().to_pass;
        if !awaits_early || self.shares.len() < 2 {
            self.merged = None;
            return;
        }
        match &mut self.merged {
            Some(merged) => merged.apply(plan, bounds, unit, inputs, change),
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
        Self { shares: self.shares.iter().map(Share::bare).collect(), merged: None, ..*self }
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

    /// An estimate of the memory taken, in bytes (BD-2): what it was when something was last added.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn measured(&self) -> usize {
        let merged = self.merged.as_ref().map_or(0, |partial| footprint::boxed_bytes(partial.size_bytes()));
        let list = footprint::boxed_bytes(self.shares.capacity() * size_of::<Share>());
        footprint::boxed_bytes(size_of::<Self>()) + list + self.held + merged
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

    /// Beside itself.
    fn held_bytes(&self) -> usize {
        self.partial.size_bytes() - size_of::<Partial>() + footprint::text_bytes(SEQUENCE_NUMBER_DIGITS)
    }
}

#[cfg(test)]
mod tests;
