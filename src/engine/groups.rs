//! The groups of one instance, found by their by-values.
//!
//! Found by a keyed hash, because by-values are an attacker's texts (BD-4). Nothing here hands them out in the order of
//! a hash table: `order` sorts them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

use hashbrown::HashTable;

use super::group::Group;
use super::texts::{TextIx, Texts, grow_gently, hash};
use crate::cloudtrail::EventKey;
use crate::plan::{GroupKey, Plan, Scalar, footprint};

/// Names a group of an instance: its place in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupIx(pub u32);

/// The groups of one instance.
#[derive(Debug)]
pub(super) struct Groups {
    texts: Texts,
    /// A group's key: its search, where the plan has several; then names of by-values, or event and ordinal. All have
    /// the same length, filled up with zeros.
    keys: Vec<u8>,
    key_bytes: usize,
    /// So many bytes, in whole words, all keys begin with; of fewer than two keys all.
    common: usize,
    groups: Vec<Group>,
    /// By keyed hash of the key; never iterated.
    index: HashTable<u32>,
    /// The memory of the groups beside themselves.
    held: usize,
    scratch: Vec<u8>,
    /// By place among the by-values, the name of the one before: most come again.
    before: Box<[Option<TextIx>]>,
}

const WORD: usize = size_of::<u32>();
/// Event and ordinal.
const EVENT_BYTES: usize = size_of::<u128>() + WORD;

impl Groups {
    /// None yet.
    pub fn new(plan: &Plan) -> Self {
        let of_leg = |leg| plan.group_size(leg).map_or(EVENT_BYTES, |values| values * WORD);
        let widest = (0..plan.leg_count()).map(of_leg).max().unwrap_or_default();
        Self {
            texts: Texts::default(),
            keys: Vec::new(),
            key_bytes: leg_bytes(plan) + widest,
            common: leg_bytes(plan) + widest,
            groups: Vec::new(),
            index: HashTable::new(),
            held: 0,
            scratch: Vec::new(),
            before: vec![None; widest / WORD].into(),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.groups.len()
    }

    /// The group of this key; a new one where there is none yet.
    pub fn entry(&mut self, plan: &Plan, table_key: &[u8; 16], key: &GroupKey) -> GroupIx {
        self.pack(plan, table_key, key);
        let hash = hash(table_key, &self.scratch);
        let (keys, width) = (&self.keys, self.key_bytes);
        if let Some(known) = self.index.find(hash, |ix| slice(keys, width, *ix) == self.scratch) {
            return GroupIx(*known);
        }
        let new = u32::try_from(self.groups.len()).expect("an instance has fewer than 2^32 groups");
        if !self.groups.is_empty() {
            let words = self.keys.chunks_exact(WORD).zip(self.scratch[..self.common].chunks_exact(WORD));
            self.common = WORD * words.take_while(|(first, new)| first == new).count();
        }
        grow_gently(&mut self.keys, width);
        self.keys.extend_from_slice(&self.scratch);
        grow_gently(&mut self.groups, 1);
        self.groups.push(Group::default());
        let keys = &self.keys;
        self.index.insert_unique(hash, new, |ix| self::hash(table_key, slice(keys, width, *ix)));
        GroupIx(new)
    }

    /// A group.
    pub fn get(&self, ix: GroupIx) -> &Group {
        &self.groups[ix.0 as usize]
    }

    /// Changes a group; the closure is lent room to work in.
    pub fn change<T>(&mut self, ix: GroupIx, change: impl FnOnce(&mut Group, &mut Vec<u8>) -> T) -> T {
        let group = &mut self.groups[ix.0 as usize];
        let before = group.heap_bytes();
        let result = change(group, &mut self.scratch);
        self.held = self.held + group.heap_bytes() - before;
        result
    }

    /// The memory taken beside itself, in bytes (BD-2).
    pub fn heap_bytes(&self) -> usize {
        self.texts.heap_bytes()
            + footprint::boxed_bytes(self.keys.capacity())
            + footprint::boxed_bytes(self.groups.capacity() * size_of::<Group>())
            + footprint::boxed_bytes(self.index.allocation_size())
            + footprint::boxed_bytes(self.scratch.capacity())
            + footprint::boxed_bytes(size_of_val(&*self.before))
            + self.held
    }

    /// Every group, in the order of their keys: at once, for what needs all of them.
    pub fn into_map(mut self, plan: &Plan) -> BTreeMap<GroupKey, Group> {
        let mut recent = Recent::default();
        let ixs = (0..self.groups.len()).map(|ix| GroupIx(u32::try_from(ix).expect("names are u32")));
        ixs.map(|ix| (self.key(plan, ix, &mut recent), self.take(ix))).collect()
    }

    /// The name of every group, in the order in which they came.
    pub(super) fn all(&self) -> impl Iterator<Item = GroupIx> + use<> {
        (0..u32::try_from(self.groups.len()).expect("names are u32")).map(GroupIx)
    }

    /// Leaves nothing in its place.
    pub(super) fn take(&mut self, ix: GroupIx) -> Group {
        std::mem::take(&mut self.groups[ix.0 as usize])
    }

    /// The order of two groups' keys, in a plan of one search.
    pub(super) fn compare(&self, plan: &Plan, a: GroupIx, b: GroupIx) -> Ordering {
        let (a, b) = (self.packed(a), self.packed(b));
        let Some(values) = plan.group_size(0) else { return a.cmp(b) };
        let differs = self.words(plan, a, values).zip(self.words(plan, b, values)).find(|(a, b)| a != b);
        differs.map_or(Ordering::Equal, |(a, b)| self.texts.get(a).cmp(self.texts.get(b)))
    }

    /// A key prefix to sort by, in a plan of one search: the first bytes of the first by-value in which any two groups differ,
    /// as a number. Groups of different prefixes have their order; else the keys decide, which have to be fetched.
    pub(super) fn prefix(&self, plan: &Plan, ix: GroupIx) -> u128 {
        let packed = self.packed(ix);
        let first = match plan.group_size(0) {
            Some(values) => {
                let name = self.words(plan, packed, values).nth(self.common / WORD);
                name.map_or(&[][..], |name| self.texts.get(name))
            }
            None => &packed[self.common..],
        };
        let mut prefix = [0; size_of::<u128>()];
        let first = &first[..first.len().min(prefix.len())];
        prefix[..first.len()].copy_from_slice(first);
        u128::from_be_bytes(prefix)
    }

    /// The key of a group. `recent` remembers the values of the group before, of which most come again.
    pub(super) fn key(&self, plan: &Plan, ix: GroupIx, recent: &mut Recent) -> GroupKey {
        let packed = self.packed(ix);
        let leg = leg_of(plan, packed);
        match plan.group_size(leg) {
            Some(values) => {
                let names = self.words(plan, packed, values).enumerate();
                let values = names.map(|(place, name)| recent.value(place, name, &self.texts)).collect();
                GroupKey { leg, values, event: None, ordinal: 0 }
            }
            None => {
                let (event, ordinal) = packed[leg_bytes(plan)..][..EVENT_BYTES].split_at(size_of::<u128>());
                let event = u128::from_be_bytes(event.try_into().expect("split there"));
                GroupKey { leg, values: Vec::new(), event: Some(EventKey(event)), ordinal: word(ordinal) }
            }
        }
    }

    fn packed(&self, ix: GroupIx) -> &[u8] {
        slice(&self.keys, self.key_bytes, ix.0)
    }

    fn words<'a>(&self, plan: &Plan, packed: &'a [u8], values: usize) -> impl Iterator<Item = TextIx> + use<'a> {
        packed[leg_bytes(plan)..].chunks_exact(WORD).take(values).map(|bytes| TextIx(word(bytes)))
    }

    /// Writes a key into the scratch.
    fn pack(&mut self, plan: &Plan, table_key: &[u8; 16], key: &GroupKey) {
        self.scratch.clear();
        if leg_bytes(plan) > 0 {
            self.scratch.extend_from_slice(&key.leg.to_be_bytes());
        }
        let values = key.event.is_none().then_some(key.values.len());
        debug_assert_eq!(plan.group_size(key.leg), values, "the key is one of this plan");
        for (value, before) in key.values.iter().zip(&mut self.before) {
            let known = before.filter(|name| self.texts.is(*name, value));
            let name = known.unwrap_or_else(|| self.texts.intern(table_key, value));
            *before = Some(name);
            self.scratch.extend_from_slice(&name.0.to_be_bytes());
        }
        if let Some(event) = key.event {
            self.scratch.extend_from_slice(&event.0.to_be_bytes());
            self.scratch.extend_from_slice(&key.ordinal.to_be_bytes());
        }
        self.scratch.resize(self.key_bytes, 0);
    }
}

/// By place among the by-values, the last one that was asked for.
#[derive(Debug, Default)]
pub(super) struct Recent(Vec<(TextIx, Scalar)>);

impl Recent {
    fn value(&mut self, place: usize, name: TextIx, texts: &Texts) -> Scalar {
        match self.0.get_mut(place) {
            Some((known, scalar)) if *known == name => return scalar.clone(),
            Some(other) => *other = (name, texts.scalar(name)),
            None => self.0.push((name, texts.scalar(name))),
        }
        self.0[place].1.clone()
    }
}

fn leg_bytes(plan: &Plan) -> usize {
    if plan.leg_count() > 1 { WORD } else { 0 }
}

fn leg_of(plan: &Plan, packed: &[u8]) -> u32 {
    if leg_bytes(plan) > 0 { word(&packed[..WORD]) } else { 0 }
}

fn word(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes.try_into().expect("a word"))
}

fn slice(keys: &[u8], width: usize, ix: u32) -> &[u8] {
    let range: Range<usize> = ix as usize * width..(ix as usize + 1) * width;
    &keys[range]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::engine::tests::support::{Stream, event, plan};

    /// Or sorting would fetch their keys.
    #[test]
    fn groups_that_differ_in_the_beginning_of_a_value_have_different_prefixes() {
        const GROUPS: u32 = 1_000;
        let prefixes = |search: &str, key: &dyn Fn(u32) -> GroupKey| {
            let (plan, mut groups) = (plan("a", search), Vec::new());
            let mut all = Groups::new(&plan);
            (0..GROUPS).for_each(|n| groups.push(all.entry(&plan, &[7; 16], &key(n))));
            groups.into_iter().map(|ix| all.prefix(&plan, ix)).collect::<BTreeSet<_>>().len()
        };
        let of =
            |values: [String; 2]| GroupKey { leg: 0, values: values.map(Scalar::text).into(), event: None, ordinal: 0 };
        let by_two = "eventName=E | stats count by src, user";
        for values in [(|n| [format!("user-{n}"), "a".to_owned()]) as fn(u32) -> [String; 2], |n| {
            ["an address that all groups have".to_owned(), format!("user-{n}")]
        }] {
            assert_eq!(prefixes(by_two, &|n| of(values(n))), 1_000, "{:?}", values(0));
        }
        let of_event = |event: u128| GroupKey { leg: 0, values: vec![], event: Some(EventKey(event)), ordinal: 0 };
        assert_eq!(prefixes("eventName=E | table user", &|n| of_event(n.into())), 1_000);
        assert_eq!(prefixes("eventName=E | table user", &|n| of_event(u128::from(n) << 96)), 1_000);
    }

    /// From below, what the groups take at least; from above, with what tables and vectors hold in advance.
    #[test]
    fn bd_2_the_memory_of_groups_is_counted_whole() {
        let none = Groups::new(&plan("a", "eventName=E | stats count by a, b, c"));
        assert!(none.heap_bytes() >= 3 * size_of::<Option<TextIx>>());
        const GROUPS: usize = 500;
        let mut stream = Stream::new(vec![plan("a", "eventName=E | stats values(eventID) by user")], 2);
        for n in 0..3 * GROUPS {
            let shard = u32::from(n > 2 * GROUPS);
            stream.put(shard, 1_000, &[event(&n.to_string(), 500, &format!("user-{}", n % GROUPS))]);
        }
        let groups = &stream.engine.open.values().next().expect("one window").groups;
        let held: usize = groups.all().map(|ix| groups.get(ix).heap_bytes()).sum();
        assert_eq!((groups.len(), groups.held), (GROUPS, held));
        assert_eq!(groups.key_bytes, WORD, "of one search, and one by-value");
        let least = held + groups.texts.heap_bytes() + GROUPS * (size_of::<Group>() + groups.key_bytes + WORD + 1);
        let most = least + GROUPS * size_of::<Group>();
        assert!((least..most).contains(&groups.heap_bytes()), "{} of {least} to {most}", groups.heap_bytes());
    }
}
