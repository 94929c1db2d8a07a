//! Instances close: in order when the watermark passes them (WN-6, EM-2), or early when a bound is hit (BD-2).

use std::collections::BTreeMap;

use super::Engine;
use super::emission::{GroupContext, risk_event};
use super::identity::Subject;
use super::instance::{Group, Instance, InstanceKey};
use super::io::Output;
use super::plans::PlanSlot;
use super::shard::Shard;
use crate::plan::{Bounds, GroupKey};
use crate::risk_event::{Pane, RiskEvent, Stage};
use crate::time::{Arrival, EventTime};

/// An instance whose groups are being turned into risk events.
#[derive(Debug)]
pub(super) struct InProgress {
    key: InstanceKey,
    groups: BTreeMap<GroupKey, Group>,
    bytes: usize,
    truncated: bool,
}

/// What the rows of any group of one instance depend on.
pub(super) struct RowContext<'a> {
    pub source: &'a str,
    pub bounds: &'a Bounds,
    pub slot: &'a PlanSlot,
    pub key: &'a InstanceKey,
    pub started_at: Arrival,
    pub truncated: bool,
    pub shards: &'a [Shard],
}

/// The risk events of a group's rows, with what the rows lost on the way.
pub(super) fn emit_rows(
    context: &RowContext<'_>,
    stage: Stage,
    key: &GroupKey,
    group: &Group,
) -> (Vec<RiskEvent>, Hidden) {
    let plan = &*context.slot.plan;
    let slot = context.key.slot();
    let window_end = EventTime(slot.window_start.0.saturating_add(plan.window_ms()));
    group.with_whole(plan, context.bounds, |whole| {
        let rows = plan.rows(key, whole, window_end);
        let group_context = GroupContext {
            subject: Subject { source: context.source, plan, slot: &slot, group: key },
            stage,
            group,
            whole,
            partial: context.slot.is_partial(context.key, context.started_at),
            truncated: context.truncated,
        };
        let positions = newest_positions(context.shards, group);
        let events = rows.rows.into_iter().enumerate().map(|(ordinal, row)| RiskEvent {
            positions: positions.clone(),
            ..risk_event(&group_context, ordinal, row)
        });
        (events.collect(), Hidden { by_filter: rows.hidden, cut: rows.cut })
    })
}

/// Rows that are no risk events.
pub(super) struct Hidden {
    /// Per filter macro of the plan.
    by_filter: Vec<usize>,
    /// Beyond the bound on rows.
    cut: u64,
}

fn newest_positions(shards: &[Shard], group: &Group) -> Vec<(super::ShardId, super::SequenceNumber)> {
    let named = group.newest().filter_map(|(shard, position)| match position {
        super::Position::After(number, _) => Some((shards[shard.0 as usize].id.clone(), number.clone())),
        super::Position::Start | super::Position::End => None,
    });
    let mut positions: Vec<_> = named.collect();
    positions.sort();
    positions
}

impl Engine {
    /// Takes one group of the instance that is closing, or begins with the next one. False when nothing closes.
    pub(super) fn close_one_group(&mut self) -> bool {
        let Some(mut closing) = self.in_progress.take().or_else(|| self.next_to_close()) else { return false };
        match closing.groups.pop_first() {
            Some((key, group)) => {
                self.emit_final(&closing, &key, &group);
                self.in_progress = Some(closing);
            }
            None => {
                self.state_bytes -= closing.bytes;
                self.ledger.emitted_all(&closing.key);
            }
        }
        true
    }

    fn next_to_close(&mut self) -> Option<InProgress> {
        let (key, instance) = match self.forced.pop_front() {
            Some(forced) => forced,
            None => {
                let due = self.open.first_entry().filter(|entry| entry.key().close_at <= self.watermark)?;
                self.counters.closed += 1;
                due.remove_entry()
            }
        };
        let Instance { groups, first, bytes, truncated } = instance;
        self.ledger.close(key.clone(), first);
        Some(InProgress { key, groups, bytes, truncated })
    }

    fn emit_final(&mut self, closing: &InProgress, key: &GroupKey, group: &Group) {
        let context = RowContext {
            source: &self.config.source_name,
            bounds: &self.config.bounds,
            slot: &self.plans[closing.key.plan.0 as usize],
            key: &closing.key,
            started_at: self.started_at,
            truncated: closing.truncated,
            shards: &self.shards,
        };
        let (events, hidden) = emit_rows(&context, Stage::Final, key, group);
        self.count_hidden(&closing.key, &hidden);
        for event in events {
            self.ledger.emit(event.delivery_key(), &closing.key, None);
            self.outputs.push_back(Output::Emit(Box::new(event)));
        }
    }

    fn count_hidden(&mut self, key: &InstanceKey, hidden: &Hidden) {
        let counters = &mut self.counters.plans[key.plan.0 as usize];
        counters.cut_rows += hidden.cut;
        for (total, hidden) in counters.hidden_rows.iter_mut().zip(&hidden.by_filter) {
            *total += *hidden as u64;
        }
    }

    /// BD-2: whether an earlier part of this window was closed early.
    pub(super) fn is_truncated(&self, key: &InstanceKey) -> bool {
        self.counters.forced > 0 && self.forced_parts(key) > 0
    }

    fn forced_parts(&self, key: &InstanceKey) -> u32 {
        let of_window = |other: &InstanceKey| {
            let same = (other.close_at, other.plan, other.window_start);
            same == (key.close_at, key.plan, key.window_start) && matches!(other.pane, Pane::Forced(_))
        };
        let waiting = self.forced.iter().filter(|(other, _)| of_window(other)).count();
        self.ledger.forced_before(of_window) + u32::try_from(waiting).unwrap_or(u32::MAX)
    }

    /// BD-2: over the bound, of the detection that takes most the instance that would close first is closed now.
    pub(super) fn enforce_state_bound(&mut self) {
        let queued: usize = self.forced.iter().map(|(_, instance)| instance.bytes).sum();
        let closing = self.in_progress.as_ref().map_or(0, |closing| closing.bytes);
        let mut open = self.state_bytes.saturating_sub(queued + closing);
        while open > self.config.max_state_bytes {
            let Some(key) = self.largest_plan_first_instance() else { return };
            let Some(instance) = self.open.remove(&key) else { return };
            open = open.saturating_sub(instance.bytes);
            let forced = InstanceKey { pane: Pane::Forced(self.forced_parts(&key) + 1), ..key };
            self.counters.forced += 1;
            self.forced.push_back((forced, instance));
        }
    }

    fn largest_plan_first_instance(&self) -> Option<InstanceKey> {
        let mut by_plan = vec![0_usize; self.plans.len()];
        for (key, instance) in &self.open {
            by_plan[key.plan.0 as usize] += instance.bytes;
        }
        let largest = (0..by_plan.len()).max_by_key(|plan| (by_plan[*plan], std::cmp::Reverse(*plan)))?;
        self.open.keys().find(|key| key.plan.0 as usize == largest).cloned()
    }
}
