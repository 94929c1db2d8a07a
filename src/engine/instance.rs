//! Open windows: instances with their groups.

use std::collections::{BTreeMap, BTreeSet};

use super::assign::Slot;
use super::groups::{GroupIx, Groups};
use super::identity::InstanceIds;
use super::shard::{Mark, ShardIx};
use super::shares::SEQUENCE_NUMBER_DIGITS;
use crate::plan::{Plan, footprint};
use crate::risk_event::{DeliveryKey, Pane, RiskEventId, Stage};
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
#[derive(Debug)]
pub(super) struct Instance {
    pub ids: InstanceIds,
    pub groups: Groups,
    /// CP-2: per shard, the first record that contributed.
    pub first: BTreeMap<ShardIx, Mark>,
    /// CP-1a: the early deliveries that are not acknowledged, by their group.
    early: BTreeSet<(GroupIx, DeliveryKey)>,
    /// BD-2: an earlier part of the window was closed early.
    pub truncated: bool,
    /// The pane that it gathers in, also once it is a forced part.
    pub gathers: Pane,
    /// See [`Plan::bytes_of_a_row`].
    bytes_of_a_row: usize,
}

impl Instance {
    pub fn new(plan: &Plan, ids: InstanceIds, gathers: Pane) -> Self {
        let (groups, bytes_of_a_row) = (Groups::new(plan), plan.bytes_of_a_row());
        let (first, early) = (BTreeMap::new(), BTreeSet::new());
        Self { ids, groups, first, early, truncated: false, gathers, bytes_of_a_row }
    }

    /// The memory taken, its place among the instances included, in bytes (BD-2); and where all rows are made at once, what
    /// they will take: else a window would fit until it closes, and not then, nor after any restart.
    pub fn bytes(&self) -> usize {
        let rows = self.groups.len() * self.bytes_of_a_row;
        let early = footprint::map_bytes(self.early.len(), size_of::<(GroupIx, DeliveryKey)>());
        let digits = footprint::text_bytes(SEQUENCE_NUMBER_DIGITS);
        let first = footprint::map_bytes(self.first.len(), size_of::<(ShardIx, Mark)>()) + self.first.len() * digits;
        footprint::entry_bytes::<InstanceKey, Self>() + self.groups.heap_bytes() + rows + early + first
    }

    /// An early risk event of this group goes out.
    pub fn announced(&mut self, group: GroupIx, delivery: DeliveryKey) {
        self.early.insert((group, delivery));
    }

    /// The early risk events of this group that are not acknowledged.
    pub fn unacknowledged(&self, group: GroupIx) -> impl Iterator<Item = DeliveryKey> {
        let first = DeliveryKey { id: RiskEventId(0), stage: Stage::Early };
        let from = self.early.range((group, first)..);
        from.take_while(move |(of, _)| *of == group).map(|(_, delivery)| *delivery)
    }

    /// One of them is.
    pub fn acknowledged(&mut self, group: GroupIx, delivery: DeliveryKey) {
        self.early.remove(&(group, delivery));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::tests::support::plan;
    use crate::engine::{Position, SequenceNumber};
    use crate::plan::{GroupKey, Scalar};

    #[test]
    fn bd_2_what_an_instance_keeps_of_shards_and_of_early_risk_events_counts_as_what_it_takes() {
        const MANY: u32 = 1000;
        /// As long as the sequence numbers of Kinesis.
        const DIGITS: usize = 56;
        let plan = plan("a", "eventName=E | stats count by user");
        let slot = Slot { close_at: Arrival(0), window_start: EventTime(0), pane: Pane::OnTime };
        let new = || Instance::new(&plan, InstanceIds::new("s", &plan, &slot), slot.pane);
        let (mut instance, empty) = (new(), new().bytes());
        let before = Arrival(0);
        let position = |shard: u32| {
            let number = SequenceNumber::try_new(&format!("4959{:052}", shard)).unwrap();
            Position::After(number, 0)
        };
        let mark = |shard| Mark { before: position(shard), effective_before: before, effective: before };
        instance.first.extend((0..MANY).map(|shard| (ShardIx(shard), mark(shard))));
        let of_one = size_of::<(ShardIx, Mark)>() + 2 * size_of::<usize>() + DIGITS;
        let (first, with_first) = (MANY as usize * of_one, instance.bytes());
        assert!((empty + first..empty + 3 * first).contains(&with_first), "{with_first} with {first} of shards");

        let key = GroupKey { leg: 0, values: vec![Scalar::text("ann")], event: None, ordinal: 0 };
        let group = instance.groups.entry(&plan, &[0; 16], &key);
        let delivery = |id: u32| DeliveryKey { id: RiskEventId(id.into()), stage: Stage::Early };
        let before = instance.bytes();
        (0..MANY).for_each(|id| instance.announced(group, delivery(id)));
        let (early, with_early) = (MANY as usize * size_of::<(GroupIx, DeliveryKey)>(), instance.bytes());
        assert!((before + early..before + 3 * early).contains(&with_early), "{with_early} with {early} of early ones");
        (0..MANY).for_each(|id| instance.acknowledged(group, delivery(id)));
        assert_eq!(instance.bytes(), before);
    }
}
