//! One group: its contributions as they came while they are few, then partials.

use super::ids::Position;
use super::io::EvaluatedEvent;
use super::shard::ShardIx;
use super::shares::Shares;
use crate::cloudtrail::EventKey;
use crate::plan::packing::{Reader, put_number, put_signed};
use crate::plan::{Added, Bounds, Contribution, Contributions, Early, Partial, Plan, Unit, footprint};
use crate::time::Arrival;

/// Contributions of so many values are kept as they came. To look at a row they are added up, so where every one of them
/// is a reason to look there are fewer.
const FEW: u64 = 63;
const FEW_LOOKED_AT: u64 = 4;
/// The number of their shards stands beside what was told, and a contribution tells which of them it is of.
const _: () = assert!(FEW < 1 << (u8::BITS - Told::BITS) && FEW <= Contributions::MOST_SOURCES);
/// As long as they take no more bytes than this: values that repeat are kept once only in a partial.
const FEW_BYTES: usize = 8192;

/// A group of one instance.
#[derive(Debug)]
pub(super) enum Group {
    /// [`Contributions`], room for more, and at the end a head, which is the rest of [`Few`]; nothing at all as long as there
    /// are none.
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

/// A small group, read from its bytes. Contributions are only ever added behind each other; the rest, its head, is written
/// anew each time.
struct Few<'a> {
    contributions: Contributions<'a>,
    told: Told,
    /// At least one a contribution.
    values: u64,
    newest_arrival: Arrival,
    sources: Sources<'a>,
    /// [`bit_of`] each event: most are new, and need not be compared with all that are there.
    events: u64,
}

/// What stands behind a head: in three bytes how long it is and how much room is before it; then what was told, and how many
/// sources there are. A group's first contribution says itself where it ends; since many groups have no other, there is only
/// the last byte then, with no source.
const TAIL: usize = 4;
/// Bits of the length of a head: two numbers, at most [`FEW`] shards with their positions, of 128 digits at most, and
/// [`Few::events`] (not of a first contribution).
const HEAD_BITS: u32 = 13;
const _: () = assert!(2 * 10 + FEW * 67 + 8 < 1 << HEAD_BITS);
/// The most room for further contributions, in bytes.
const MOST_ROOM: usize = (1 << (24 - HEAD_BITS)) - 1;

/// The shards that contributed to a small group, which its contributions name by their places.
#[derive(Clone)]
struct Sources<'a> {
    left: usize,
    rest: Reader<'a>,
}

/// What stands around a shard among the sources, as it is packed: around the end of all, if it is none of them.
struct Around<'a> {
    place: usize,
    before: &'a [u8],
    behind: &'a [u8],
}

struct Source<'a> {
    shard: ShardIx,
    /// The position of its newest contributing record, packed.
    newest: &'a [u8],
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
        let (inputs, values) = (&contribution.inputs, contribution.values());
        if let Self::Few(packed) = self {
            let few = Few::of(packed);
            if few.has_room(plan, bounds, values) {
                let around = few.sources.around(origin.shard);
                let source = around.place;
                let is_new = few.events & bit_of(unit.key) == 0;
                let (added, is_further) =
                    if is_new { (Added::New, true) } else { few.contributions.compare(source, &unit) };
                let before = few.contributions.0.len();
                scratch.clear();
                if is_further {
                    Contributions::push(scratch, source, &unit, inputs);
                }
                let further = scratch.len();
                let last = few.write_head(scratch, &around, origin, unit.key, if is_further { values } else { 0 });
                put(packed, before, scratch.split_at(further), last);
                return added;
            }
        }
        self.grow(plan, bounds, contribution.group.leg).add(plan, bounds, origin, &unit, contribution)
    }

    /// As partials from now on.
    fn grow(&mut self, plan: &Plan, bounds: &Bounds, leg: u32) -> &mut Shares {
        if let Self::Few(packed) = self {
            *self = Self::Many(Box::new(Few::of(packed).shares(plan, bounds, leg)));
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
                whole.refill(plan, bounds, leg, Few::of(packed).contributions);
                read(whole)
            }
            Self::Many(shares) => shares.with_whole(plan, bounds, read),
        }
    }

    /// Its events, for a row that is made of several groups.
    pub fn bare(&self, plan: &Plan, bounds: &Bounds, leg: u32) -> Shares {
        match self {
            Self::Few(packed) => Few::of(packed).shares(plan, bounds, leg).bare(),
            Self::Many(shares) => shares.bare(),
        }
    }

    /// The newest effective arrival of a contributing record.
    pub fn newest_arrival(&self) -> Arrival {
        match self {
            Self::Few(packed) => Few::of(packed).newest_arrival,
            Self::Many(shares) => shares.newest_arrival,
        }
    }

    /// Per shard, the newest contributing record, sorted by shard.
    pub fn newest(&self) -> Vec<(ShardIx, Position)> {
        match self {
            Self::Few(packed) => {
                let mut newest: Vec<_> = Few::of(packed).sources.map(Source::unpack).collect();
                newest.sort_unstable_by_key(|(shard, _)| *shard);
                newest
            }
            Self::Many(shares) => shares.newest().map(|(shard, position)| (shard, position.clone())).collect(),
        }
    }

    /// How many values came to it at most.
    pub fn values(&self) -> u64 {
        match self {
            Self::Few(packed) => Few::of(packed).values,
            Self::Many(shares) => shares.values,
        }
    }

    /// What was told of it.
    pub fn told(&self) -> Told {
        match self {
            Self::Few(packed) => packed.last().copied().map(Told::of_bits).unwrap_or_default(),
            Self::Many(shares) => shares.told,
        }
    }

    /// Something was told of it.
    pub fn tell(&mut self, told: Told) {
        match self {
            Self::Few(packed) => {
                let last = packed.last_mut().expect("something was told of it");
                *last = told.bits() | *last >> Told::BITS << Told::BITS;
            }
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
    const BITS: u32 = 2;

    fn bits(self) -> u8 {
        u8::from(self.announced) | u8::from(self.first_look_done) << 1
    }

    fn of_bits(bits: u8) -> Self {
        Self { announced: bits & 1 != 0, first_look_done: bits & 2 != 0 }
    }
}

impl<'a> Few<'a> {
    /// Of no bytes where nobody has contributed yet.
    fn of(packed: &'a [u8]) -> Self {
        let Some((told, before)) = packed.split_last() else {
            let (contributions, sources) = (Contributions(packed), Sources { left: 0, rest: Reader(packed) });
            let (told, newest_arrival) = (Told::default(), Arrival::MIN);
            return Self { contributions, told, values: 0, newest_arrival, sources, events: 0 };
        };
        let (contributions, head, sources, events) = match (told >> Told::BITS, before.split_last_chunk()) {
            (sources @ 1.., Some((before, [low, middle, high]))) => {
                let lengths = u32::from_le_bytes([*low, *middle, *high, 0]) as usize;
                let (before, head) = before.split_at(before.len() - (lengths & ((1 << HEAD_BITS) - 1)));
                let (head, events) = head.split_last_chunk().expect("it was written behind the sources");
                (&before[..before.len() - (lengths >> HEAD_BITS)], head, sources, u64::from_le_bytes(*events))
            }
            _ => {
                let mut behind = Contributions(before);
                let event = behind.next().map_or(0, |first| bit_of(first.key()));
                (&before[..before.len() - behind.0.len()], behind.0, 1, event)
            }
        };
        let mut rest = Reader(head);
        let (values, newest_arrival) = (rest.number(), Arrival(rest.signed()));
        let sources = Sources { left: usize::from(sources), rest };
        Self {
            contributions: Contributions(contributions),
            told: Told::of_bits(*told),
            values,
            newest_arrival,
            sources,
            events,
        }
    }

    /// For a contribution of so many values.
    fn has_room(&self, plan: &Plan, bounds: &Bounds, values: u64) -> bool {
        let awaited = *plan.early() == Early::Threshold && !self.told.announced;
        let is_looked_at = awaited && self.values + values >= plan.least().to_pass;
        let few = if is_looked_at { FEW_LOOKED_AT } else { FEW };
        let bytes = self.contributions.0.len();
        self.values == 0 || (self.values < few.min(bounds.max_ids_per_group as u64) && bytes <= FEW_BYTES)
    }

    /// The head after a contribution of this event by the source between these, which brought so many values; without its
    /// tail, of which it hands back the last byte.
    fn write_head(
        &self,
        out: &mut Vec<u8>,
        around: &Around<'_>,
        newest: &Origin<'_>,
        event: EventKey,
        values: u64,
    ) -> u8 {
        put_number(out, self.values + values);
        put_signed(out, self.newest_arrival.max(newest.effective).0);
        out.extend_from_slice(around.before);
        put_number(out, newest.shard.0.into());
        newest.position.pack(out);
        out.extend_from_slice(around.behind);
        if !self.contributions.0.is_empty() {
            out.extend_from_slice(&(self.events | bit_of(event)).to_le_bytes());
        }
        let sources = u8::try_from(self.sources.left.max(around.place + 1)).expect("no more than contributions");
        self.told.bits() | sources << Told::BITS
    }

    fn shares(self, plan: &Plan, bounds: &Bounds, leg: u32) -> Shares {
        let of_source = |(place, source): (usize, Source<'_>)| {
            let own = self.contributions.filter(|contribution| contribution.source() == place);
            (source.unpack(), Partial::of(plan, bounds, leg, own))
        };
        let mut shares = Shares::of(leg, self.sources.enumerate().map(of_source));
        (shares.told, shares.newest_arrival, shares.values) = (self.told, self.newest_arrival, self.values);
        shares
    }
}

/// A bit that one of 64 other events has as well. Keys are as good as random in their lowest bits; who makes them equal
/// makes every event be compared.
fn bit_of(EventKey(key): EventKey) -> u64 {
    1 << (key % 64)
}

/// Puts a further contribution behind those of so many bytes, and the head with this last byte to the end.
fn put(packed: &mut Box<[u8]>, contributions: usize, (further, head): (&[u8], &[u8]), last: u8) {
    if packed.is_empty() {
        *packed = [further, head, &[last & ((1 << Told::BITS) - 1)]].concat().into();
        return;
    }
    let needed = contributions + further.len() + head.len() + TAIL;
    let fits = packed.len().checked_sub(needed).is_some_and(|room| room <= MOST_ROOM);
    if !fits {
        // A quarter, once that holds another one: then a group that grows is moved only now and then.
        let room = if (1..=needed / 4).contains(&further.len()) { MOST_ROOM.min(needed / 4) } else { 0 };
        let mut larger = Vec::with_capacity(needed + room);
        larger.extend_from_slice(&packed[..contributions]);
        larger.resize(needed + room, 0);
        *packed = larger.into();
    }
    let lengths = (packed.len() - needed) << HEAD_BITS | head.len();
    let [low, middle, high, ..] = lengths.to_le_bytes();
    packed[contributions..][..further.len()].copy_from_slice(further);
    let head_at = packed.len() - TAIL - head.len();
    packed[head_at..][..head.len()].copy_from_slice(head);
    packed[head_at + head.len()..].copy_from_slice(&[low, middle, high, last]);
}

impl<'a> Sources<'a> {
    fn around(&self, shard: ShardIx) -> Around<'a> {
        let (all, mut rest) = (self.rest.0, self.clone());
        let mut place = 0;
        loop {
            let before = &all[..all.len() - rest.rest.0.len()];
            match rest.next() {
                Some(source) if source.shard != shard => place += 1,
                _ => return Around { place, before, behind: rest.rest.0 },
            }
        }
    }
}

impl<'a> Iterator for Sources<'a> {
    type Item = Source<'a>;

    fn next(&mut self) -> Option<Source<'a>> {
        self.left = self.left.checked_sub(1)?;
        let shard = ShardIx(self.rest.small());
        let position = self.rest.0;
        Position::skip(&mut self.rest);
        Some(Source { shard, newest: &position[..position.len() - self.rest.0.len()] })
    }
}

impl Source<'_> {
    fn unpack(self) -> (ShardIx, Position) {
        (self.shard, Position::unpack(&mut Reader(self.newest)))
    }
}

#[cfg(test)]
mod tests;
