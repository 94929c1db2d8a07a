//! What one shard contributes to one group (AG-1), and how contributions meet.
//!
//! A partial is a function of the set of (event, ordinal, copy) added to it, never of their order; merging is
//! associative, commutative and idempotent. Only beyond `max_ids_per_group` further units are merely counted: then
//! counts are upper bounds and say so (AG-2).

mod packed;
mod state;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

pub use packed::Contributions;
use state::State;
pub(super) use state::of_rows;

use super::aggregate::Function;
use super::distinct::keyed_hash;
use super::leg::Leg;
use super::{Bounds, Evidence, Plan, Value, footprint};
use crate::cloudtrail::EventKey;
use crate::time::EventTime;

/// One row made from one event, as it is added to a partial (AG-2).
#[derive(Clone, Copy, Debug)]
pub struct Unit<'a> {
    /// The event.
    pub key: EventKey,
    /// Which of the rows made from it.
    pub ordinal: u32,
    /// The event's `eventID`, for the evidence.
    pub id: &'a str,
    /// Tells copies of one event apart.
    pub content_hash: u64,
    /// When it happened.
    pub time: EventTime,
}

/// What adding a unit came to (AG-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It was not there; it counts. Beyond `max_ids_per_group` nobody knows, and it is taken for new.
    New,
    /// It was there with the same content.
    Duplicate,
    /// It was there with other content; set-like aggregates take it as well.
    Conflict,
}

/// What a unit changed in a partial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Nothing: it was there.
    None,
    /// It is one of the copies of which the partial is a function.
    Copy,
    /// It was counted beyond `max_ids_per_group`; whether its event is taken for a further one.
    Uncertain(bool),
}

/// Everything that one shard contributed to one group (AG-1).
#[derive(Clone, Debug, PartialEq)]
pub struct Partial {
    units: BTreeMap<(EventKey, u32), KeptCopy>,
    events: u64,
    /// Units and events beyond `max_ids_per_group`; duplicates among them count again.
    uncertain_units: u64,
    uncertain_events: u64,
    first: EventTime,
    last: EventTime,
    /// With the keyed hash of the event's id and sorted by it: those with the smallest hashes (BD-3). A list, because
    /// most groups have one, for which a map would take eleven times the room.
    evidence: Vec<(u128, Evidence)>,
    /// One for each aggregate of the plan.
    states: Box<[State]>,
    unit_bytes: usize,
    /// The search of the plan whose aggregates these are.
    leg: u32,
}

/// The copy of a unit that additive aggregates take: the one with the smallest content hash.
#[derive(Clone, Debug, PartialEq)]
struct KeptCopy {
    content_hash: u64,
    inputs: Option<Box<Inputs>>,
}

/// Kept only where the plan has an aggregate that is computed from the units.
#[derive(Clone, Debug, PartialEq)]
struct Inputs {
    time: EventTime,
    id: Arc<str>,
    /// One for each aggregate that keeps inputs, in the plan's order.
    values: Box<[Value]>,
}

impl Partial {
    /// An empty partial for the groups of one of the searches of `plan`: [`super::GroupKey::leg`].
    pub fn new(plan: &Plan, leg: u32) -> Self {
        Self {
            leg,
            units: BTreeMap::new(),
            events: 0,
            uncertain_units: 0,
            uncertain_events: 0,
            first: EventTime(i64::MAX),
            last: EventTime(i64::MIN),
            evidence: Vec::new(),
            states: plan.leg(leg).aggregates.iter().map(|aggregate| State::new(aggregate.function)).collect(),
            unit_bytes: 0,
        }
    }

    /// Nothing is in it any more; its memory stays.
    fn clear(&mut self) {
        self.units.clear();
        (self.events, self.uncertain_units, self.uncertain_events) = (0, 0, 0);
        (self.first, self.last) = (EventTime(i64::MAX), EventTime(i64::MIN));
        self.evidence.clear();
        self.states.iter_mut().for_each(State::clear);
        self.unit_bytes = 0;
    }

    /// The content hash of the copy of this unit that is kept, if the unit is there: tells duplicates in two shards from
    /// conflicts (AG-2).
    pub fn content_hash_of(&self, unit: &Unit<'_>) -> Option<u64> {
        self.units.get(&(unit.key, unit.ordinal)).map(|copy| copy.content_hash)
    }

    /// Adds one unit with the inputs that [`Plan::evaluate`] gave for it.
    pub fn add(&mut self, plan: &Plan, bounds: &Bounds, unit: &Unit<'_>, inputs: &[Value]) -> (Added, Change) {
        let added = self.compare(unit);
        let change = match added {
            Added::Duplicate => Change::None,
            Added::New if self.units.len() >= bounds.max_ids_per_group => Change::Uncertain(!self.has_event(unit.key)),
            Added::New | Added::Conflict => Change::Copy,
        };
        self.apply(plan, bounds, unit, inputs, change);
        (added, change)
    }

    /// Changes as a partial did that is merged in this one.
    pub fn apply(&mut self, plan: &Plan, bounds: &Bounds, unit: &Unit<'_>, inputs: &[Value], change: Change) {
        let leg = plan.leg(self.leg);
        debug_assert_eq!(inputs.len(), leg.aggregates.len(), "inputs are those of this search");
        if change == Change::None {
            return;
        }
        self.first = self.first.min(unit.time);
        self.last = self.last.max(unit.time);
        self.add_evidence(bounds, keyed_hash(bounds, unit.id), unit.time, || unit.id.into());
        for (state, input) in self.states.iter_mut().zip(inputs) {
            state.add(bounds, input);
        }
        if let Change::Uncertain(is_new_event) = change {
            self.add_uncertain(leg, is_new_event, inputs);
        } else {
            self.keep(leg, (unit.key, unit.ordinal), KeptCopy::new(leg, unit, inputs));
        }
    }

    /// Adds everything that `other` holds. Both belong to the same search of `plan`, or are [`Self::bare`].
    pub fn merge(&mut self, plan: &Plan, bounds: &Bounds, other: &Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (hash, evidence) in &other.evidence {
            self.add_evidence(bounds, *hash, evidence.time, || evidence.event_id.clone());
        }
        for (state, other) in self.states.iter_mut().zip(&other.states) {
            state.merge(bounds, other);
        }
        for (unit, copy) in &other.units {
            self.keep(plan.leg(self.leg), *unit, copy.clone());
        }
        self.uncertain_units += other.uncertain_units;
        self.uncertain_events += other.uncertain_events;
    }

    /// The same events without the aggregates: what a row that is made of several groups is made of. Such partials can
    /// be merged whatever search they come from.
    #[must_use]
    pub fn bare(&self) -> Self {
        let bare = |copy: &KeptCopy| KeptCopy { content_hash: copy.content_hash, inputs: None };
        let units: BTreeMap<_, _> = self.units.iter().map(|(unit, copy)| (*unit, bare(copy))).collect();
        Self {
            unit_bytes: units.values().map(KeptCopy::heap_bytes).sum(),
            units,
            evidence: self.evidence.clone(),
            states: Box::default(),
            ..*self
        }
    }

    /// The units that are counted one by one, in the order of their keys.
    pub fn units(&self) -> impl Iterator<Item = (EventKey, u32)> {
        self.units.keys().copied()
    }

    /// Distinct events.
    pub fn event_count(&self) -> u64 {
        self.events + self.uncertain_events
    }

    /// The earliest event. Precondition: the partial is not empty.
    pub fn first_event(&self) -> EventTime {
        debug_assert!(self.first <= self.last, "an empty partial has no first event");
        self.first
    }

    /// The latest event. Precondition: the partial is not empty.
    pub fn last_event(&self) -> EventTime {
        debug_assert!(self.first <= self.last, "an empty partial has no last event");
        self.last
    }

    /// Some of the events, by (time, id): at most `max_evidence`, those with the smallest keyed hash of the id (BD-3).
    pub fn evidence(&self) -> Vec<Evidence> {
        let mut evidence: Vec<_> = self.evidence.iter().map(|(_, evidence)| evidence.clone()).collect();
        evidence.sort_unstable();
        evidence
    }

    /// Whether there are more events than [`Self::evidence`] shows.
    pub fn evidence_truncated(&self) -> bool {
        self.event_count() > self.evidence.len() as u64
    }

    /// AG-2: more than `max_ids_per_group` units; counts and sums are upper bounds.
    pub fn count_is_upper_bound(&self) -> bool {
        self.uncertain_units > 0
    }

    /// BD-3: a `values` shows fewer values than there are, or a `dc` counts fewer.
    pub fn values_truncated(&self) -> bool {
        self.states.iter().any(State::is_truncated)
    }

    /// An estimate of the memory taken, in bytes (BD-2).
    pub fn size_bytes(&self) -> usize {
        let ids: usize = self.evidence.iter().map(|(_, one)| footprint::text_bytes(one.event_id.len())).sum();
        let evidence = footprint::boxed_bytes(size_of_val(&self.evidence[..])) + ids;
        let units = footprint::map_bytes(self.units.len(), size_of::<((EventKey, u32), KeptCopy)>()) + self.unit_bytes;
        let states = footprint::boxed_bytes(size_of_val(&self.states[..]));
        let held: usize = self.states.iter().map(State::heap_bytes).sum();
        size_of::<Self>() + evidence + units + states + held
    }

    /// The number of units.
    pub(super) fn count(&self) -> u64 {
        self.units.len() as u64 + self.uncertain_units
    }

    /// Whether an aggregate is computed from the inputs of all units, each time that it is asked for.
    pub(super) fn is_of_all(&self, plan: &Plan, index: usize) -> bool {
        let function = plan.leg(self.leg).aggregates[index].function;
        matches!(self.states[index], State::Units) && !matches!(function, Function::Count | Function::Column)
    }

    /// The value of one column of the row.
    pub(super) fn value(&self, plan: &Plan, index: usize) -> Value {
        let leg = plan.leg(self.leg);
        let function = leg.aggregates[index].function;
        match (&self.states[index], function) {
            (_, Function::Count) => Value::number(self.count() as f64),
            (State::Units, _) => state::of_units(function, &self.inputs(leg.slot(index))),
            (state, _) => state.value(function),
        }
    }

    /// The values of one kept aggregate, oldest event first; rows come newest first as from Splunk, so that of one
    /// event's the last is the oldest.
    fn inputs(&self, slot: usize) -> Vec<&Value> {
        let with_key = self.units.iter().filter_map(|(unit, copy)| Some((copy.inputs.as_deref()?, unit)));
        let mut ordered: Vec<_> = with_key.collect();
        ordered.sort_unstable_by_key(|(inputs, unit)| (inputs.time, &inputs.id, unit.0, Reverse(unit.1)));
        ordered.into_iter().map(|(inputs, _)| &inputs.values[slot]).collect()
    }

    fn compare(&self, unit: &Unit<'_>) -> Added {
        match self.units.get(&(unit.key, unit.ordinal)) {
            None => Added::New,
            Some(copy) if copy.content_hash == unit.content_hash => Added::Duplicate,
            Some(_) => Added::Conflict,
        }
    }

    fn add_evidence(&mut self, bounds: &Bounds, hash: u128, time: EventTime, id: impl FnOnce() -> Arc<str>) {
        // Copies of one event may differ in their time: the earliest is shown, whatever came first.
        match self.evidence.binary_search_by_key(&hash, |(hash, _)| *hash) {
            Ok(place) => {
                let known = &mut self.evidence[place].1;
                known.time = known.time.min(time);
            }
            Err(place) if place < bounds.max_evidence => {
                self.evidence.truncate(bounds.max_evidence - 1);
                self.evidence.reserve_exact(1);
                self.evidence.insert(place, (hash, Evidence { time, event_id: id() }));
            }
            Err(_) => {}
        }
    }

    /// Keeps a copy of a unit, unless one with a smaller content hash is there.
    fn keep(&mut self, leg: &Leg, unit: (EventKey, u32), copy: KeptCopy) {
        self.events += u64::from(!self.has_event(unit.0));
        match self.units.entry(unit) {
            Entry::Vacant(place) => {
                self.unit_bytes += copy.heap_bytes();
                tally(leg, &mut self.states, &copy, u64::wrapping_add);
                place.insert(copy);
            }
            Entry::Occupied(mut place) if copy.content_hash < place.get().content_hash => {
                self.unit_bytes += copy.heap_bytes();
                tally(leg, &mut self.states, &copy, u64::wrapping_add);
                let replaced = place.insert(copy);
                self.unit_bytes -= replaced.heap_bytes();
                tally(leg, &mut self.states, &replaced, u64::wrapping_sub);
            }
            Entry::Occupied(_) => {}
        }
    }

    fn add_uncertain(&mut self, leg: &Leg, is_new_event: bool, inputs: &[Value]) {
        self.uncertain_units += 1;
        self.uncertain_events += u64::from(is_new_event);
        for ((state, aggregate), input) in self.states.iter_mut().zip(&leg.aggregates).zip(inputs) {
            if let (State::Total { uncertain, .. }, Function::CountValues) = (state, aggregate.function) {
                *uncertain += input.scalars().len() as u64;
            }
        }
    }

    fn has_event(&self, key: EventKey) -> bool {
        self.units.range((key, 0)..=(key, u32::MAX)).next().is_some()
    }
}

impl KeptCopy {
    fn new(leg: &Leg, unit: &Unit<'_>, inputs: &[Value]) -> Self {
        let kept = leg.kept_aggregates();
        let values: Box<[Value]> = kept.map(|(index, function)| state::kept(function, &inputs[index])).collect();
        let inputs = (!values.is_empty()).then(|| Box::new(Inputs { time: unit.time, id: unit.id.into(), values }));
        Self { content_hash: unit.content_hash, inputs }
    }

    /// An estimate of the memory taken beside itself, in bytes (BD-2).
    fn heap_bytes(&self) -> usize {
        let Some(inputs) = self.inputs.as_deref() else { return 0 };
        let values: usize = inputs.values.iter().map(footprint::value_bytes).sum();
        footprint::boxed_bytes(size_of::<Inputs>())
            + footprint::boxed_bytes(values)
            + footprint::text_bytes(inputs.id.len())
    }
}

/// Moves the totals of `count(f)` by what one copy counts.
fn tally(leg: &Leg, states: &mut [State], copy: &KeptCopy, change: fn(u64, u64) -> u64) {
    let Some(inputs) = copy.inputs.as_deref() else { return };
    for ((index, _), value) in leg.kept_aggregates().zip(&inputs.values) {
        if let State::Total { kept, .. } = &mut states[index] {
            *kept = change(*kept, state::counted(value));
        }
    }
}
