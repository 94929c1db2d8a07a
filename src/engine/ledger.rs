//! What is not yet acknowledged, and what it holds (CP-1a, CP-2, CP-7).

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::groups::GroupIx;
use super::instance::{InstanceKey, PlanIx};
use super::io::DeadLetterId;
use super::shard::{Mark, ShardIx};
use crate::risk_event::{DeliveryKey, Pane, Stage};
use crate::time::{Arrival, EventTime};

/// Deliveries and dead letters on their way, and closed instances until the horizon has passed them.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    outstanding: BTreeMap<DeliveryKey, Outstanding>,
    /// Of each window that has any: its early risk events among these.
    early: BTreeMap<InstanceKey, Early>,
    unacknowledged: BTreeMap<InstanceKey, usize>,
    dead_letters: BTreeMap<DeadLetterId, (ShardIx, Mark)>,
    /// Instances of which not all rows are emitted, with their first record in each shard.
    closing: BTreeMap<InstanceKey, BTreeMap<ShardIx, Mark>>,
    /// Those of which all are, until the horizon has passed them: what they hold together, since it is freed together. Of a
    /// flood there may be one for each event (BD-2).
    closed: BTreeMap<(Arrival, PlanIx), BTreeMap<ShardIx, Mark>>,
    /// How many parts of a window were closed early (BD-2), until the horizon has passed it.
    forced: BTreeMap<InstanceKey, u32>,
}

/// What all parts of a window have in common.
fn window(key: &InstanceKey) -> InstanceKey {
    InstanceKey { pane: Pane::OnTime, ..key.clone() }
}

#[derive(Debug)]
struct Outstanding {
    instance: InstanceKey,
    /// Of an early risk event.
    group: Option<GroupIx>,
    /// CP-1a: of an early risk event: per shard, the first record of the group from its trigger on. A list, because
    /// most have one.
    holds: Vec<(ShardIx, Mark)>,
}

/// The early risk events of a window that are not acknowledged.
#[derive(Debug, Default)]
struct Early {
    count: usize,
    /// CP-1a: what they hold together, per shard. Once for all of them: of a flood there are many, and each of its records
    /// would be held for each.
    holds: BTreeMap<ShardIx, Mark>,
}

impl Outstanding {
    fn hold(&mut self, shard: ShardIx, mark: &Mark) {
        if self.holds.iter().all(|(held, _)| *held != shard) {
            self.holds.push((shard, mark.clone()));
        }
    }
}

impl Ledger {
    /// A risk event goes out. An early one holds `P` and `C` before its trigger.
    pub fn emit(&mut self, key: DeliveryKey, instance: &InstanceKey, trigger: Option<(GroupIx, ShardIx, Mark)>) {
        // The rest of a window that was closed early announces itself again (BD-2): [`Self::hold_window`] holds its record.
        if self.outstanding.contains_key(&key) {
            return;
        }
        let group = trigger.as_ref().map(|(group, _, _)| *group);
        if group.is_some() {
            self.early.entry(instance.clone()).or_default().count += 1;
        }
        let holds = trigger.into_iter().map(|(_, shard, mark)| (shard, mark)).collect();
        self.outstanding.insert(key, Outstanding { instance: instance.clone(), group, holds });
        *self.unacknowledged.entry(instance.clone()).or_default() += 1;
    }

    /// A later record of the group of an early risk event. It is held as well while that is unacknowledged, otherwise
    /// it could be replayed in silence and the early risk event be lost.
    pub fn hold_group(&mut self, key: DeliveryKey, shard: ShardIx, mark: &Mark) {
        if let Some(outstanding) = self.outstanding.get_mut(&key) {
            outstanding.hold(shard, mark);
        }
    }

    /// CP-1a: as [`Self::hold_group`], of a window of which a part was closed early. Which group of that part a record would
    /// be of is not known any more, so it is held while any early risk event of the window is unacknowledged.
    pub fn hold_window(&mut self, instance: &InstanceKey, shard: ShardIx, mark: &Mark) {
        if let Some(early) = self.early.get_mut(instance) {
            early.holds.entry(shard).or_insert_with(|| mark.clone());
        }
    }

    /// An acknowledgement. That of a final supersedes the early one. Of an early one that settles it: whose it was.
    pub fn acknowledge(&mut self, key: DeliveryKey) -> Option<(InstanceKey, GroupIx)> {
        let settled = self.settle(key)?;
        if key.stage == Stage::Final {
            self.settle(DeliveryKey { stage: Stage::Early, ..key });
        }
        settled.group.map(|group| (settled.instance, group))
    }

    fn settle(&mut self, key: DeliveryKey) -> Option<Outstanding> {
        let outstanding = self.outstanding.remove(&key)?;
        if let Some(count) = self.unacknowledged.get_mut(&outstanding.instance) {
            *count -= 1;
            if *count == 0 {
                self.unacknowledged.remove(&outstanding.instance);
            }
        }
        if outstanding.group.is_some()
            && let Some(early) = self.early.get_mut(&outstanding.instance)
        {
            early.count -= 1;
            if early.count == 0 {
                self.early.remove(&outstanding.instance);
            }
        }
        Some(outstanding)
    }

    /// A dead letter goes out; it holds `P` and `C` before its record.
    pub fn dead_letter(&mut self, id: DeadLetterId, shard: ShardIx, mark: Mark) {
        self.dead_letters.insert(id, (shard, mark));
    }

    /// The dead letter is stored.
    pub fn dead_lettered(&mut self, id: DeadLetterId) {
        self.dead_letters.remove(&id);
    }

    /// An instance begins to close.
    pub fn close(&mut self, key: InstanceKey, first: BTreeMap<ShardIx, Mark>) {
        self.closing.insert(key, first);
    }

    /// All of its rows are emitted.
    pub fn emitted_all(&mut self, key: &InstanceKey) {
        let Some(first) = self.closing.remove(key) else { return };
        let held = self.closed.entry((key.close_at, key.plan)).or_default();
        for (shard, mark) in first {
            match held.entry(shard) {
                Entry::Vacant(entry) => {
                    entry.insert(mark);
                }
                Entry::Occupied(mut entry) if mark.before < entry.get().before => {
                    entry.insert(mark);
                }
                Entry::Occupied(_) => {}
            }
        }
    }

    /// A further part of its window is closed early: its number, from 1 (BD-2).
    pub fn force(&mut self, key: &InstanceKey) -> u32 {
        let parts = self.forced.entry(window(key)).or_default();
        *parts = parts.saturating_add(1);
        *parts
    }

    /// Whether a part of its window was closed early (BD-2).
    pub fn is_forced(&self, key: &InstanceKey) -> bool {
        !self.forced.is_empty() && self.forced.contains_key(&window(key))
    }

    /// The first closed instance that is not released limits the horizon. What is unacknowledged of one that is open has no
    /// say, since that is not closed.
    pub fn first_unreleased(&self) -> Option<Arrival> {
        let (closing, told) = (self.closing.first_key_value(), self.unacknowledged.first_key_value());
        closing.map(|(key, _)| key.close_at).into_iter().chain(told.map(|(key, _)| key.close_at)).min()
    }

    /// What holds `P`: early risk events and dead letters.
    pub fn holds_of_p(&self) -> impl Iterator<Item = (ShardIx, &Mark)> {
        let early = self.outstanding.values().flat_map(|outstanding| &outstanding.holds);
        let of_windows = self.early.values().flat_map(|early| &early.holds);
        let early = early.map(|(shard, mark)| (*shard, mark)).chain(of_windows.map(|(shard, mark)| (*shard, mark)));
        early.chain(self.dead_letters.values().map(|(shard, mark)| (*shard, mark)))
    }

    /// CP-2: what holds `C` for closed instances: not their acknowledgement frees it, but the horizon.
    pub fn holds_of_c(&self, horizon: Arrival) -> impl Iterator<Item = (ShardIx, &Mark)> {
        let closing = self.closing.iter().map(|(key, first)| (key.close_at, first));
        let closed = self.closed.iter().map(|((close_at, _), first)| (*close_at, first));
        let held = closing.chain(closed).filter(move |(close_at, _)| *close_at > horizon);
        held.flat_map(|(_, first)| first.iter().map(|(shard, mark)| (*shard, mark)))
    }

    /// The horizon is durable: what it has passed needs no memory. `H` stays below what is not released (CP-3); if ever it
    /// did not, nothing is forgotten for that.
    pub fn forget(&mut self, durable_horizon: Arrival) {
        let unreleased = self.first_unreleased();
        debug_assert!(unreleased.is_none_or(|close_at| close_at > durable_horizon), "CP-3");
        let is_needed =
            |close_at: Arrival| close_at > durable_horizon || unreleased.is_some_and(|first| close_at >= first);
        self.closed.retain(|(close_at, _), _| is_needed(*close_at));
        self.forced.retain(|key, _| is_needed(key.close_at));
    }

    /// The plans are numbered anew.
    pub fn renumber(&mut self, renumbered: impl Fn(InstanceKey) -> InstanceKey) {
        for outstanding in self.outstanding.values_mut() {
            outstanding.instance = renumbered(outstanding.instance.clone());
        }
        let early = std::mem::take(&mut self.early).into_iter();
        self.early = early.map(|(key, early)| (renumbered(key), early)).collect();
        let unacknowledged = std::mem::take(&mut self.unacknowledged).into_iter();
        self.unacknowledged = unacknowledged.map(|(key, count)| (renumbered(key), count)).collect();
        let closing = std::mem::take(&mut self.closing).into_iter();
        self.closing = closing.map(|(key, first)| (renumbered(key), first)).collect();
        let closed = std::mem::take(&mut self.closed).into_iter();
        let plan_of = |close_at, plan| {
            renumbered(InstanceKey { close_at, plan, window_start: EventTime(0), pane: Pane::OnTime }).plan
        };
        self.closed = closed.map(|((close_at, plan), first)| ((close_at, plan_of(close_at, plan)), first)).collect();
        let forced = std::mem::take(&mut self.forced).into_iter();
        self.forced = forced.map(|(key, parts)| (renumbered(key), parts)).collect();
    }

    /// Whether a plan still has closed instances that the horizon has not passed.
    pub fn has_closing(&self, plan: PlanIx, horizon: Arrival) -> bool {
        let closing = self.closing.keys().map(|key| (key.close_at, key.plan));
        let mut all = closing.chain(self.closed.keys().copied());
        all.any(|(close_at, of)| close_at > horizon && of == plan)
    }

    /// Deliveries and dead letters on their way.
    pub fn pending(&self) -> usize {
        self.outstanding.len() + self.dead_letters.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::ids::Position;
    use super::*;
    use crate::engine::SequenceNumber;
    use crate::risk_event::RiskEventId;

    fn mark(number: u32) -> Mark {
        let number = SequenceNumber::try_new(&number.to_string()).unwrap();
        let (effective_before, effective) = (Arrival(0), Arrival(0));
        Mark { before: Position::After(number, 0), effective_before, effective }
    }

    /// A flood is when parts of windows are closed early, and when early risk events are many. What each of its records held
    /// for each of them, no bound counted (BD-1).
    #[test]
    fn cp_1a_a_window_of_which_a_part_was_closed_holds_one_record_a_shard_for_all_of_its_early_risk_events() {
        const EARLY: u32 = 1000;
        const SHARDS: u32 = 8;
        let (close_at, window_start) = (Arrival(9), EventTime(0));
        let window = InstanceKey { close_at, plan: PlanIx(0), window_start, pane: Pane::OnTime };
        let early = |id: u32| DeliveryKey { id: RiskEventId(id.into()), stage: Stage::Early };
        let mut ledger = Ledger::default();
        for id in 0..EARLY {
            ledger.emit(early(id), &window, Some((GroupIx(0), ShardIx(0), mark(id))));
        }
        for number in EARLY..EARLY + 3 {
            (1..=SHARDS).for_each(|shard| ledger.hold_window(&window, ShardIx(shard), &mark(number)));
        }
        let held = |ledger: &Ledger| {
            let of_window = ledger.holds_of_p().filter(|(shard, _)| *shard != ShardIx(0));
            let first = of_window.filter(|(_, held)| held.before == mark(EARLY).before).count();
            (ledger.holds_of_p().count(), first)
        };
        assert_eq!(held(&ledger), ((EARLY + SHARDS) as usize, SHARDS as usize), "the first of each");
        assert_eq!((1..EARLY).filter_map(|id| ledger.acknowledge(early(id))).count(), EARLY as usize - 1);
        assert_eq!(held(&ledger), (1 + SHARDS as usize, SHARDS as usize), "as long as one is unacknowledged");
        ledger.acknowledge(early(0));
        assert_eq!(held(&ledger), (0, 0));
    }
}
