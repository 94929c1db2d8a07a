//! A few contributions as they came: what a partial is a function of (AG-1), before there is enough of it to be worth
//! making one. A tenth of its size, and as good.

use super::{Added, Partial, Unit};
use crate::cloudtrail::EventKey;
use crate::plan::packing::{Reader, put_number, put_signed, put_value};
use crate::plan::{Bounds, Plan, Value};
use crate::time::EventTime;

/// How an event's id stands to its key: its hyphenated or plain hexadecimal form, or of its own, so many bytes less
/// this.
const HYPHENATED: u64 = 0;
const PLAIN: u64 = 1;
const OF_ITS_OWN: u64 = 2;

/// Which of the shards is told in the low bits of the ordinal, which is most often zero.
const SOURCE_BITS: u32 = 6;

/// Packed contributions of a few shards to one group, in the order in which they came. Who packs them numbers the
/// shards, of which there are at most [`Self::MOST_SOURCES`]. What two shards have is there twice, since each has a partial of its own (AG-1).
#[derive(Clone, Copy, Debug)]
pub struct Contributions<'a>(pub &'a [u8]);

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    key: EventKey,
    content_hash: u64,
    /// Ordinal and source, time, id, inputs.
    rest: Reader<'a>,
}

impl<'a> Contributions<'a> {
    /// So many shards can be told apart.
    pub const MOST_SOURCES: u64 = 1 << SOURCE_BITS;

    /// Packs one more behind those that are there.
    pub fn push(out: &mut Vec<u8>, source: usize, unit: &Unit<'_>, inputs: &[Value]) {
        debug_assert!((source as u64) < Self::MOST_SOURCES, "shards are few");
        let start = out.len();
        // Room for its length, which most often takes one byte.
        out.push(0);
        out.extend_from_slice(&unit.key.0.to_le_bytes());
        out.extend_from_slice(&unit.content_hash.to_le_bytes());
        put_number(out, u64::from(unit.ordinal) << SOURCE_BITS | source as u64);
        put_signed(out, unit.time.0);
        put_id(out, unit);
        inputs.iter().for_each(|input| put_value(out, unit.time.as_seconds(), input));
        let length = out.len() - start - 1;
        if length < 0x80 {
            // As `put_number` would.
            out[start] = length.to_le_bytes()[0];
            return;
        }
        let mut long = Vec::new();
        put_number(&mut long, length as u64);
        out.splice(start..=start, long);
    }

    /// What adding this unit of this shard comes to (AG-2), all shards together; and whether the shard does not have this
    /// copy yet.
    pub fn compare(self, source: usize, unit: &Unit<'_>) -> (Added, bool) {
        let of_unit = |packed: &Packed<'_>| packed.key == unit.key && packed.ordinal() == unit.ordinal;
        let of_unit = self.filter(of_unit).map(|packed| (packed.source(), packed.content_hash));
        let mut copies: Vec<_> = of_unit.collect();
        let is_further = !copies.contains(&(source, unit.content_hash));
        // Of each shard the copy that additive aggregates take.
        copies.sort_unstable();
        copies.dedup_by_key(|(source, _)| *source);
        let is_kept = copies.iter().any(|(_, content_hash)| *content_hash == unit.content_hash);
        let added = match (copies.is_empty(), is_kept) {
            (true, _) => Added::New,
            (false, true) => Added::Duplicate,
            (false, false) => Added::Conflict,
        };
        (added, is_further)
    }
}

impl<'a> Iterator for Contributions<'a> {
    type Item = Packed<'a>;

    fn next(&mut self) -> Option<Packed<'a>> {
        if self.0.is_empty() {
            return None;
        }
        let mut all = Reader(self.0);
        let length = all.small();
        let mut one = Reader(all.bytes(length));
        self.0 = all.0;
        let (key, content_hash) = (u128::from_le_bytes(one.array()), u64::from_le_bytes(one.array()));
        Some(Packed { key: EventKey(key), content_hash, rest: one })
    }
}

impl Packed<'_> {
    /// The event.
    pub fn key(&self) -> EventKey {
        self.key
    }

    /// The number of its shard.
    pub fn source(&self) -> usize {
        let source = Reader::number(&mut self.rest.clone()) & ((1 << SOURCE_BITS) - 1);
        usize::try_from(source).expect("a few bits")
    }

    fn ordinal(&self) -> u32 {
        ordinal(&mut self.rest.clone())
    }
}

impl Partial {
    /// What these contributions come to.
    pub fn of<'a>(plan: &Plan, bounds: &Bounds, leg: u32, contributions: impl Iterator<Item = Packed<'a>>) -> Self {
        let mut partial = Self::new(plan, leg);
        partial.add_all(plan, bounds, contributions);
        partial
    }

    /// As if it were [`Partial::of`] these, in the memory that it has.
    pub fn refill(&mut self, plan: &Plan, bounds: &Bounds, leg: u32, contributions: Contributions<'_>) {
        if self.leg == leg {
            self.clear();
        } else {
            *self = Self::new(plan, leg);
        }
        self.add_all(plan, bounds, contributions);
    }

    fn add_all<'a>(&mut self, plan: &Plan, bounds: &Bounds, contributions: impl Iterator<Item = Packed<'a>>) {
        let (mut inputs, mut id) = (Vec::with_capacity(plan.leg(self.leg).aggregates.len()), String::new());
        for Packed { key, content_hash, mut rest } in contributions {
            let (ordinal, time) = (ordinal(&mut rest), EventTime(rest.signed()));
            take_id(&mut rest, key, &mut id);
            inputs.clear();
            while !rest.0.is_empty() {
                inputs.push(rest.value(time.as_seconds()));
            }
            self.add(plan, bounds, &Unit { key, ordinal, id: &id, content_hash, time }, &inputs);
        }
    }
}

fn ordinal(packed: &mut Reader<'_>) -> u32 {
    u32::try_from(packed.number() >> SOURCE_BITS).expect("it was packed from an ordinal")
}

fn put_id(out: &mut Vec<u8>, unit: &Unit<'_>) {
    let id = unit.id.as_bytes();
    match id.len() {
        36 if hyphenated(unit.key) == id => put_number(out, HYPHENATED),
        32 if hyphenated(unit.key).into_iter().filter(|byte| *byte != b'-').eq(id.iter().copied()) => {
            put_number(out, PLAIN);
        }
        length => {
            put_number(out, length as u64 + OF_ITS_OWN);
            out.extend_from_slice(id);
        }
    }
}

/// In place of what was there.
fn take_id(packed: &mut Reader<'_>, key: EventKey, id: &mut String) {
    id.clear();
    let hyphenated = hyphenated(key);
    let text = std::str::from_utf8(&hyphenated).expect("digits and hyphens");
    match packed.number() {
        HYPHENATED => id.push_str(text),
        PLAIN => id.extend(text.split('-')),
        own => id.push_str(packed.utf8(own - OF_ITS_OWN)),
    }
}

const HEXADECIMAL: &[u8; 16] = b"0123456789abcdef";
/// Where the digits of each byte of a UUID stand.
const PLACES: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

/// A key as UUIDs are written.
fn hyphenated(key: EventKey) -> [u8; 36] {
    let mut text = [b'-'; 36];
    for (byte, at) in key.0.to_be_bytes().into_iter().zip(PLACES) {
        text[at] = HEXADECIMAL[usize::from(byte >> 4)];
        text[at + 1] = HEXADECIMAL[usize::from(byte & 0xF)];
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id_of(id: &str, key: u128) -> (String, usize) {
        let (key, mut out) = (EventKey(key), Vec::new());
        put_id(&mut out, &Unit { key, ordinal: 0, id, content_hash: 0, time: EventTime(0) });
        let (mut packed, mut taken) = (Reader(&out), "another".to_owned());
        take_id(&mut packed, key, &mut taken);
        assert!(packed.0.is_empty());
        (taken, out.len())
    }

    #[test]
    fn an_id_that_its_key_tells_takes_a_byte_and_any_other_comes_back_as_it_was() {
        let key = 0x894153ad_ed86_4719_bb66_6c52ef7dc767;
        for id in ["894153ad-ed86-4719-bb66-6c52ef7dc767", "894153aded864719bb666c52ef7dc767"] {
            assert_eq!(id_of(id, key), (id.into(), 1));
        }
        for id in [
            "894153AD-ED86-4719-BB66-6C52EF7DC767",
            "00000000-ed86-4719-bb66-6c52ef7dc767",
            "894153ADED864719BB666C52EF7DC767",
            "00000000ed864719bb666c52ef7dc767",
            "event-1",
            "",
            "é",
        ] {
            assert_eq!(id_of(id, key), (id.into(), 1 + id.len()));
        }
    }
}
