//! Instances close: in order when the watermark passes them (WN-6, EM-2), or early when a bound is hit (BD-2).

use std::collections::{BTreeMap, VecDeque};

use super::Engine;
use super::emission::{GroupContext, risk_event};
use super::identity::Subject;
use super::instance::{Group, Instance, InstanceKey};
use super::io::Output;
use super::plans::PlanSlot;
use super::shard::Shard;
use crate::plan::{Bounds, GroupKey, GroupRow, Partial, Row, WindowRow};
use crate::risk_event::{Pane, RiskEvent, Stage};
use crate::time::{Arrival, EventTime};

/// An instance whose groups are being turned into risk events.
#[derive(Debug)]
pub(super) struct InProgress {
    pub key: InstanceKey,
    groups: BTreeMap<GroupKey, Group>,
    bytes: usize,
    truncated: bool,
    /// EM-5: the rows of a search whose commands need all rows; made when the instance begins to close.
    window_rows: Option<VecDeque<WindowRow>>,
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
    group.with_whole(&context.slot.plan, context.bounds, |whole| {
        let rows = context.slot.plan.rows(key, whole, context.window_end());
        let events = rows.rows.into_iter().enumerate();
        let events = events.map(|(ordinal, row)| context.risk_event(stage, (key, group, whole), ordinal, row));
        (events.collect(), Hidden { by_filter: rows.hidden, cut: rows.cut, null_by: 0 })
    })
}

impl RowContext<'_> {
    fn window_end(&self) -> EventTime {
        EventTime(self.key.window_start.0.saturating_add(self.slot.plan.window_ms()))
    }

    fn risk_event(
        &self,
        stage: Stage,
        (key, group, whole): (&GroupKey, &Group, &Partial),
        ordinal: usize,
        row: Row,
    ) -> RiskEvent {
        let context = GroupContext {
            subject: Subject { source: self.source, plan: &self.slot.plan, slot: &self.key.slot(), group: key, whole },
            stage,
            group,
            whole,
            partial: self.slot.is_partial(self.key, self.started_at),
            truncated: self.truncated,
        };
        RiskEvent { positions: newest_positions(self.shards, group), ..risk_event(&context, ordinal, row) }
    }

    /// EM-5: what the whole instance comes to.
    fn window_rows(&self, groups: &BTreeMap<GroupKey, Group>) -> (VecDeque<WindowRow>, Hidden) {
        let plan = &*self.slot.plan;
        let mut hidden = Hidden { by_filter: vec![0; plan.text().filters.len()], cut: 0, null_by: 0 };
        let mut rows = Vec::new();
        for (key, group) in groups {
            let (made, time) = group
                .with_whole(plan, self.bounds, |whole| (plan.rows(key, whole, self.window_end()), whole.first_event()));
            hidden.add(&made.hidden, made.cut, 0);
            rows.extend(made.rows.into_iter().map(|row| GroupRow { group: key.clone(), time, row }));
        }
        let conclusion = plan.conclude(self.bounds, rows, self.window_end());
        hidden.add(&conclusion.hidden, conclusion.cut, conclusion.null_by);
        (conclusion.rows.into(), hidden)
    }

    /// The risk event of a row of the whole instance: of all groups of events that it is made of.
    fn window_event(&self, groups: &BTreeMap<GroupKey, Group>, row: WindowRow) -> RiskEvent {
        let mut sources = row.sources.iter().filter_map(|key| groups.get(key));
        let first = sources.next().expect("a row is made of groups of its instance");
        let (plan, bounds) = (&*self.slot.plan, self.bounds);
        let merged = sources.fold(None, |merged: Option<Group>, group| {
            let mut merged = merged.unwrap_or_else(|| first.bare());
            merged.absorb(plan, bounds, group);
            Some(merged)
        });
        let group = merged.as_ref().unwrap_or(first);
        group.with_whole(plan, bounds, |whole| {
            let mut event = self.risk_event(Stage::Final, (&row.group, group, whole), row.ordinal, row.row);
            event.marks.values_truncated |= row.values_truncated;
            event
        })
    }
}

/// Rows that are no risk events.
pub(super) struct Hidden {
    /// Per filter macro of the plan.
    by_filter: Vec<usize>,
    /// Beyond the bound on rows.
    cut: u64,
    /// Without a by-field of a further `stats`.
    null_by: u64,
}

impl Hidden {
    fn add(&mut self, by_filter: &[usize], cut: u64, null_by: u64) {
        self.by_filter.iter_mut().zip(by_filter).for_each(|(total, hidden)| *total += hidden);
        self.cut += cut;
        self.null_by += null_by;
    }
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
        if self.emit_next(&mut closing) {
            self.in_progress = Some(closing);
        } else {
            self.state_bytes -= closing.bytes;
            self.ledger.emitted_all(&closing.key);
        }
        true
    }

    /// The risk events of the next group, or of the next row of the whole instance. False where there is none left.
    fn emit_next(&mut self, closing: &mut InProgress) -> bool {
        if self.plans[closing.key.plan.0 as usize].plan.whole_result() {
            return self.emit_window_row(closing);
        }
        let Some((key, group)) = closing.groups.pop_first() else { return false };
        let (events, hidden) = emit_rows(&self.row_context(closing), Stage::Final, &key, &group);
        self.count_hidden(&closing.key, &hidden);
        events.into_iter().for_each(|event| self.emit_final(&closing.key, event));
        true
    }

    fn emit_window_row(&mut self, closing: &mut InProgress) -> bool {
        let mut rows = match closing.window_rows.take() {
            Some(rows) => rows,
            None => {
                let (rows, hidden) = self.row_context(closing).window_rows(&closing.groups);
                self.count_hidden(&closing.key, &hidden);
                rows
            }
        };
        let event = rows.pop_front().map(|row| self.row_context(closing).window_event(&closing.groups, row));
        closing.window_rows = Some(rows);
        let Some(event) = event else { return false };
        self.emit_final(&closing.key, event);
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
        Some(InProgress { key, groups, bytes, truncated, window_rows: None })
    }

    fn row_context<'a>(&'a self, closing: &'a InProgress) -> RowContext<'a> {
        RowContext {
            source: &self.config.source_name,
            bounds: &self.config.bounds,
            slot: &self.plans[closing.key.plan.0 as usize],
            key: &closing.key,
            started_at: self.started_at,
            truncated: closing.truncated,
            shards: &self.shards,
        }
    }

    fn emit_final(&mut self, key: &InstanceKey, event: RiskEvent) {
        self.ledger.emit(event.delivery_key(), key, None);
        self.outputs.push_back(Output::Emit(Box::new(event)));
    }

    fn count_hidden(&mut self, key: &InstanceKey, hidden: &Hidden) {
        let counters = &mut self.counters.plans[key.plan.0 as usize];
        counters.cut_rows += hidden.cut;
        counters.null_by_rows += hidden.null_by;
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

#[cfg(test)]
mod tests;
