//! One group: its contributions as they came while they are few and of one shard, then partials.

use super::ids::Position;
use super::io::EvaluatedEvent;
use super::shard::ShardIx;
use super::shares::Shares;
use crate::plan::packing::{Reader, put_number, put_signed};
use crate::plan::{Added, Bounds, Contribution, Contributions, Early, Partial, Plan, Unit, footprint};
use crate::time::Arrival;

/// So many contributions are kept as they came. To look at a row they are added up, so where every one of them is a
/// reason to look there are fewer.
const FEW: usize = 32;
const FEW_LOOKED_AT: usize = 4;
/// As long as they take no more bytes than this: values that repeat are kept once only in a partial.
const FEW_BYTES: usize = 4096;

/// A group of one instance.
#[derive(Debug)]
pub(super) enum Group {
    /// [`Head`], then [`Contributions`]; nothing at all as long as there are none.
    Few(Box<[u8]>),
    Many(Box<Shares>),
}

/// What was told of a group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// Whether an early row has passed, aloud or in silence (EM-1, CP-5).
    pub announced: bool,
    /// Whether a search without threshold was looked at: its by-values decide once and for all.
    pub first_look_done: bool,
}

/// Where a contribution comes from.
pub(super) struct Origin<'a> {
    pub shard: ShardIx,
    pub position: &'a Position,
    pub effective: Arrival,
}

/// What stands before the contributions of a small group.
struct Head<'a> {
    told: Told,
    count: usize,
    shard: ShardIx,
    newest_arrival: Arrival,
    /// From the position of the newest contributing record on.
    rest: Reader<'a>,
}

impl Default for Group {
    fn default() -> Self {
        Self::Few(Box::default())
    }
}

impl Group {
    /// Adds one contribution (AG-1, AG-2) and says what it was to the whole group, all shards together. `scratch` is
    /// only used within.
    pub fn add(
        &mut self,
        plan: &Plan,
        bounds: &Bounds,
        origin: &Origin<'_>,
        event: &EvaluatedEvent,
        contribution: &Contribution,
        scratch: &mut Vec<u8>,
    ) -> Added {
        let unit = Unit {
            key: event.key,
            ordinal: contribution.ordinal,
            id: &event.id,
            content_hash: event.content_hash,
            time: event.time,
        };
        let inputs = &contribution.inputs;
        if let Self::Few(packed) = self {
            let head = Head::of(packed, origin);
            if head.has_room(plan, bounds, origin, packed.len()) {
                let (added, is_further) = head.contributions().compare(&unit);
                scratch.clear();
                head.write(scratch, origin, is_further);
                scratch.extend_from_slice(head.contributions().0);
                if is_further {
                    Contributions::push(scratch, &unit, inputs);
                }
                *packed = Box::from(scratch.as_slice());
                return added;
            }
        }
        self.grow(plan, bounds, contribution.group.leg).add(plan, bounds, origin, &unit, inputs)
    }

    /// As partials from now on.
    fn grow(&mut self, plan: &Plan, bounds: &Bounds, leg: u32) -> &mut Shares {
        if let Self::Few(packed) = self {
            *self = Self::Many(Box::new(Head::read(packed).shares(plan, bounds, leg)));
        }
        match self {
            Self::Many(shares) => shares,
            Self::Few(_) => unreachable!("it has just grown"),
        }
    }

    /// The merge of all partials (semantics 1, group). `leg` is that of its key; `scratch` saves memory from one group
    /// to the next.
    pub fn with_whole<T>(
        &self,
        plan: &Plan,
        bounds: &Bounds,
        leg: u32,
        scratch: &mut Option<Partial>,
        read: impl FnOnce(&Partial) -> T,
    ) -> T {
        match self {
            Self::Few(packed) => {
                let whole = scratch.get_or_insert_with(|| Partial::new(plan, leg));
                whole.refill(plan, bounds, leg, Head::read(packed).contributions());
                read(whole)
            }
            Self::Many(shares) => shares.with_whole(plan, bounds, read),
        }
    }

    /// Its events, for a row that is made of several groups.
    pub fn bare(&self, plan: &Plan, bounds: &Bounds, leg: u32) -> Shares {
        match self {
            Self::Few(packed) => Head::read(packed).shares(plan, bounds, leg).bare(),
            Self::Many(shares) => shares.bare(),
        }
    }

    /// The newest effective arrival of a contributing record.
    pub fn newest_arrival(&self) -> Arrival {
        match self {
            Self::Few(packed) => Head::read(packed).newest_arrival,
            Self::Many(shares) => shares.newest_arrival,
        }
    }

    /// Per shard, the newest contributing record.
    pub fn newest(&self) -> Vec<(ShardIx, Position)> {
        match self {
            Self::Few(packed) => {
                let mut head = Head::read(packed);
                vec![(head.shard, Position::unpack(&mut head.rest))]
            }
            Self::Many(shares) => shares.newest().map(|(shard, position)| (shard, position.clone())).collect(),
        }
    }

    /// What was told of it.
    pub fn told(&self) -> Told {
        match self {
            Self::Few(packed) => packed.first().copied().map(Told::of_bits).unwrap_or_default(),
            Self::Many(shares) => shares.told,
        }
    }

    /// Something was told of it.
    pub fn tell(&mut self, told: Told) {
        match self {
            Self::Few(packed) => packed[0] = told.bits(),
            Self::Many(shares) => shares.told = told,
        }
    }

    /// The memory taken beside itself, in bytes (BD-2).
    pub fn heap_bytes(&self) -> usize {
        match self {
            Self::Few(packed) => footprint::boxed_bytes(packed.len()),
            Self::Many(shares) => shares.bytes(),
        }
    }
}

impl Told {
    fn bits(self) -> u8 {
        u8::from(self.announced) | u8::from(self.first_look_done) << 1
    }

    fn of_bits(bits: u8) -> Self {
        Self { announced: bits & 1 != 0, first_look_done: bits & 2 != 0 }
    }
}

impl<'a> Head<'a> {
    /// Of a group with contributions.
    fn read(packed: &'a [u8]) -> Self {
        let mut rest = Reader(packed);
        let [told] = rest.array();
        Self {
            told: Told::of_bits(told),
            count: rest.small(),
            shard: ShardIx(rest.small()),
            newest_arrival: Arrival(rest.signed()),
            rest,
        }
    }

    /// The head that there is, or that of a group to which this will be the first to contribute.
    fn of(packed: &'a [u8], first: &Origin<'_>) -> Self {
        if !packed.is_empty() {
            return Self::read(packed);
        }
        let newest_arrival = Arrival::MIN;
        Self { told: Told::default(), count: 0, shard: first.shard, newest_arrival, rest: Reader(packed) }
    }

    fn has_room(&self, plan: &Plan, bounds: &Bounds, origin: &Origin<'_>, bytes: usize) -> bool {
        let few = if *plan.early() == Early::Threshold { FEW_LOOKED_AT } else { FEW };
        let few = few.min(bounds.max_ids_per_group);
        self.count == 0 || (self.shard == origin.shard && self.count < few && bytes <= FEW_BYTES)
    }

    /// The head after a further contribution.
    fn write(&self, out: &mut Vec<u8>, newest: &Origin<'_>, is_further: bool) {
        out.push(self.told.bits());
        put_number(out, self.count as u64 + u64::from(is_further));
        put_number(out, u64::from(self.shard.0));
        put_signed(out, self.newest_arrival.max(newest.effective).0);
        newest.position.pack(out);
    }

    fn contributions(&self) -> Contributions<'a> {
        let mut rest = self.rest;
        if self.count > 0 {
            Position::skip(&mut rest);
        }
        Contributions(rest.0)
    }

    fn shares(mut self, plan: &Plan, bounds: &Bounds, leg: u32) -> Shares {
        let newest = Position::unpack(&mut self.rest);
        let shares = Shares::of(plan, bounds, leg, (self.shard, newest), Contributions(self.rest.0));
        shares.with(self.told, self.newest_arrival)
    }
}

#[cfg(test)]
mod tests;
