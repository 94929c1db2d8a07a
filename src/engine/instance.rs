//! Open windows: instances with their groups.

use std::collections::BTreeMap;

use super::assign::Slot;
use super::groups::{GroupIx, Groups};
use super::shard::{Mark, ShardIx};
use crate::plan::{Plan, footprint};
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
#[derive(Debug)]
pub(super) struct Instance {
    pub groups: Groups,
    /// CP-2: per shard, the first record that contributed.
    pub first: BTreeMap<ShardIx, Mark>,
    /// CP-1a: of groups, the early deliveries that are not acknowledged.
    early: BTreeMap<GroupIx, Vec<DeliveryKey>>,
    /// BD-2: an earlier part of the window was closed early.
    pub truncated: bool,
}

impl Instance {
    pub fn new(plan: &Plan) -> Self {
        Self { groups: Groups::new(plan), first: BTreeMap::new(), early: BTreeMap::new(), truncated: false }
    }

    /// The memory taken, its place among the instances included, in bytes (BD-2).
    pub fn bytes(&self) -> usize {
        let early = footprint::map_bytes(self.early.len(), size_of::<(GroupIx, Vec<DeliveryKey>)>());
        let keys = self.early.len() * footprint::boxed_bytes(size_of::<DeliveryKey>());
        let first = footprint::map_bytes(self.first.len(), size_of::<(ShardIx, Mark)>());
        footprint::entry_bytes::<InstanceKey, Self>() + self.groups.heap_bytes() + early + keys + first
    }

    /// An early risk event of this group goes out.
    pub fn announced(&mut self, group: GroupIx, delivery: DeliveryKey) {
        self.early.entry(group).or_default().push(delivery);
    }

    /// The early risk events of this group that are not acknowledged.
    pub fn unacknowledged(&self, group: GroupIx) -> &[DeliveryKey] {
        self.early.get(&group).map_or(&[], Vec::as_slice)
    }

    /// One of them is.
    pub fn acknowledged(&mut self, group: GroupIx, delivery: DeliveryKey) {
        let Some(deliveries) = self.early.get_mut(&group) else { return };
        deliveries.retain(|early| *early != delivery);
        if deliveries.is_empty() {
            self.early.remove(&group);
        }
    }
}
