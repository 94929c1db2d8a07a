//! Instances close: in order when the watermark passes them (WN-6, EM-2), or early when a bound is hit (BD-2).

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use super::Engine;
use super::emission::{GroupContext, risk_event};
use super::group::Group;
use super::identity::{InstanceIds, Subject};
use super::ids::Position;
use super::instance::{Instance, InstanceKey};
use super::io::Output;
use super::order::{Next, Ordered};
use super::plans::PlanSlot;
use super::shard::{Shard, ShardIx};
use super::shares::Shares;
use crate::plan::{Bounds, Early, GroupKey, GroupRow, Partial, Row, WindowRow};
use crate::risk_event::{Pane, RiskEvent, Stage};
use crate::time::{Arrival, EventTime};

/// An instance whose groups are being turned into risk events.
#[derive(Debug)]
pub(super) struct InProgress {
    pub key: InstanceKey,
    ids: InstanceIds,
    left: Left,
    bytes: usize,
    truncated: bool,
    /// See [`Instance::gathers`].
    gathers: Pane,
    scratch: Option<Partial>,
}

/// What is still to be told of it.
#[derive(Debug)]
enum Left {
    /// A row, or several, of each of these groups.
    Groups(Box<Ordered>),
    /// EM-5: rows of a search whose commands need all rows, made when the instance begins to close; and its groups.
    Rows { rows: VecDeque<WindowRow>, groups: BTreeMap<GroupKey, Group>, is_cut: bool },
}

/// What the rows of any group of one instance depend on.
pub(super) struct RowContext<'a> {
    pub ids: &'a InstanceIds,
    pub bounds: &'a Bounds,
    pub slot: &'a PlanSlot,
    pub key: &'a InstanceKey,
    /// See [`Instance::gathers`].
    pub gathers: Pane,
    pub started_at: Arrival,
    pub truncated: bool,
    pub shards: &'a [Shard],
}

/// The risk events of a group's rows, with what the rows lost on the way. `scratch` as for [`Group::with_whole`].
pub(super) fn emit_rows(
    context: &RowContext<'_>,
    stage: Stage,
    key: &GroupKey,
    group: &Group,
    scratch: &mut Option<Partial>,
) -> (Vec<RiskEvent>, Hidden) {
    let plan = &context.slot.plan;
    group.with_whole(plan, context.bounds, key.leg, scratch, |whole| {
        let awaits = stage == Stage::Early && *plan.early() == Early::Threshold;
        if awaits && !plan.may_pass(key, whole, context.window_end()) {
            return (Vec::new(), Hidden::default());
        }
        let rows = plan.rows(key, whole, context.window_end());
        let events = rows.rows.into_iter().enumerate();
        let (newest, newest_arrival, is_cut) = (&*group.newest(), group.newest_arrival(), rows.cut > 0);
        let about = About { key, whole, newest, newest_arrival, is_cut };
        let events = events.map(|(ordinal, row)| context.risk_event(stage, &about, ordinal, row));
        (events.collect(), Hidden { by_filter: rows.hidden, cut: rows.cut, null_by: 0 })
    })
}

impl RowContext<'_> {
    fn window_end(&self) -> EventTime {
        EventTime(self.key.window_start.0.saturating_add(self.slot.plan.window_ms()))
    }

    fn risk_event(&self, stage: Stage, about: &About<'_>, ordinal: usize, row: Row) -> RiskEvent {
        let (slot, whole) = (&self.key.slot(), about.whole);
        let context = GroupContext {
            subject: Subject { ids: self.ids, plan: &self.slot.plan, slot, group: about.key, whole },
            stage,
            newest_arrival: about.newest_arrival,
            whole,
            partial: self.slot.is_partial(self.key, self.gathers, self.started_at),
            truncated: self.truncated,
            rows_cut: about.is_cut,
        };
        RiskEvent { positions: newest_positions(self.shards, about.newest), ..risk_event(&context, ordinal, row) }
    }

    /// EM-5: what the whole instance comes to.
    fn window_rows(&self, groups: &BTreeMap<GroupKey, Group>) -> (VecDeque<WindowRow>, Hidden) {
        let plan = &*self.slot.plan;
        let mut hidden = Hidden { by_filter: vec![0; plan.text().filters.len()], cut: 0, null_by: 0 };
        let (mut rows, mut scratch) = (Vec::new(), None);
        for (key, group) in groups {
            let (made, time, values_truncated) = group.with_whole(plan, self.bounds, key.leg, &mut scratch, |whole| {
                (plan.rows(key, whole, self.window_end()), whole.first_event(), whole.values_truncated())
            });
            hidden.add(&made.hidden, made.cut, 0);
            rows.extend(made.rows.into_iter().map(|row| GroupRow { group: key.clone(), time, row, values_truncated }));
        }
        let conclusion = plan.conclude(self.bounds, rows, self.window_end());
        hidden.add(&conclusion.hidden, conclusion.cut, conclusion.null_by);
        (conclusion.rows.into(), hidden)
    }

    /// The risk event of a row of the whole instance: of all groups of events that it is made of. `is_cut`: not all rows of
    /// the instance are made.
    fn window_event(&self, groups: &BTreeMap<GroupKey, Group>, row: WindowRow, is_cut: bool) -> RiskEvent {
        let mut sources = row.sources.iter().filter_map(|key| Some((key.leg, groups.get(key)?)));
        let first = sources.next().expect("a row is made of groups of its instance");
        let (plan, bounds) = (&*self.slot.plan, self.bounds);
        let merged = sources.fold(None, |merged: Option<Shares>, (leg, group)| {
            let mut merged = merged.unwrap_or_else(|| first.1.bare(plan, bounds, first.0));
            merged.absorb(plan, bounds, &group.bare(plan, bounds, leg));
            Some(merged)
        });
        let event = |whole: &Partial, newest: &[(ShardIx, Position)], newest_arrival| {
            let about = About { key: &row.group, whole, newest, newest_arrival, is_cut };
            let mut event = self.risk_event(Stage::Final, &about, row.ordinal, row.row);
            event.marks.values_truncated |= row.values_truncated;
            event
        };
        match &merged {
            Some(merged) => {
                let newest: Vec<_> = merged.newest().map(|(shard, position)| (shard, position.clone())).collect();
                merged.with_whole(plan, bounds, |whole| event(whole, &newest, merged.newest_arrival))
            }
            None => {
                let (leg, group) = first;
                group.with_whole(plan, bounds, leg, &mut None, |whole| {
                    event(whole, &group.newest(), group.newest_arrival())
                })
            }
        }
    }
}

/// Which events a row is made of.
struct About<'a> {
    key: &'a GroupKey,
    whole: &'a Partial,
    newest: &'a [(ShardIx, Position)],
    newest_arrival: Arrival,
    /// Whether beside it rows are missing.
    is_cut: bool,
}

/// Rows that are no risk events.
#[derive(Default)]
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

fn newest_positions(shards: &[Shard], newest: &[(ShardIx, Position)]) -> Vec<(super::ShardId, super::SequenceNumber)> {
    let named = newest.iter().filter_map(|(shard, position)| match position {
        Position::After(number, _) => Some((shards[shard.0 as usize].id.clone(), number.clone())),
        Position::Start | Position::End => None,
    });
    let mut positions: Vec<_> = named.collect();
    positions.sort();
    positions
}

impl Engine {
    /// Takes one group of the instance that is closing, or gets nearer to it, or begins with the next instance. False
    /// when nothing closes.
    pub(super) fn close_step(&mut self) -> bool {
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
        let (key, plan) = (&closing.key, &self.plans[closing.key.plan.0 as usize].plan);
        let (ids, truncated, gathers) = (&closing.ids, closing.truncated, closing.gathers);
        let (events, hidden) = match &mut closing.left {
            Left::Groups(groups) => match groups.next(plan) {
                Next::Sorting => return true,
                Next::Group(group_key, group) => {
                    let context = self.row_context(key, ids, truncated, gathers);
                    emit_rows(&context, Stage::Final, &group_key, &group, &mut closing.scratch)
                }
                Next::None => return false,
            },
            Left::Rows { rows, groups, is_cut } => {
                let Some(row) = rows.pop_front() else { return false };
                let context = self.row_context(key, ids, truncated, gathers);
                (vec![context.window_event(groups, row, *is_cut)], Hidden::default())
            }
        };
        self.count_hidden(&closing.key, &hidden);
        events.into_iter().for_each(|event| self.emit_final(&closing.key, event));
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
        let (bytes, truncated, gathers) = (instance.bytes(), instance.truncated, instance.gathers);
        let Instance { ids, groups, first, .. } = instance;
        self.ledger.close(key.clone(), first);
        let plan = &self.plans[key.plan.0 as usize].plan;
        let left = if plan.whole_result() {
            let groups = groups.into_map(plan);
            let (rows, hidden) = self.row_context(&key, &ids, truncated, gathers).window_rows(&groups);
            self.count_hidden(&key, &hidden);
            Left::Rows { rows, groups, is_cut: hidden.cut > 0 }
        } else {
            debug_assert_eq!(plan.leg_count(), 1, "what is joined or appended needs all rows");
            Left::Groups(Box::new(Ordered::new(groups)))
        };
        Some(InProgress { key, ids, left, bytes, truncated, gathers, scratch: None })
    }

    fn row_context<'a>(
        &'a self,
        key: &'a InstanceKey,
        ids: &'a InstanceIds,
        truncated: bool,
        gathers: Pane,
    ) -> RowContext<'a> {
        RowContext {
            ids,
            bounds: &self.config.bounds,
            slot: &self.plans[key.plan.0 as usize],
            key,
            gathers,
            started_at: self.started_at,
            truncated,
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

    /// BD-2: over the bound, of the detection that takes most the instance that would close first is closed now.
    pub(super) fn enforce_state_bound(&mut self) {
        // Most of the time; and instances may be many.
        if self.state_bytes <= self.config.max_state_bytes {
            return;
        }
        let queued: usize = self.forced.iter().map(|(_, instance)| instance.bytes()).sum();
        let closing = self.in_progress.as_ref().map_or(0, |closing| closing.bytes);
        let due = self.open.iter().take_while(|(key, _)| key.close_at <= self.watermark);
        let due: usize = due.map(|(_, instance)| instance.bytes()).sum();
        let open = self.state_bytes.saturating_sub(queued + closing + due);
        for key in self.to_close_early(open.saturating_sub(self.config.max_state_bytes)) {
            let Some(mut instance) = self.open.remove(&key) else { continue };
            let forced = InstanceKey { pane: Pane::Forced(self.ledger.force(&key)), ..key };
            let plan = &self.plans[forced.plan.0 as usize].plan;
            instance.ids = InstanceIds::new(&self.config.source_name, plan, &forced.slot());
            self.counters.forced += 1;
            self.forced.push_back((forced, instance));
        }
    }

    /// So many instances as take this many bytes, in the order in which they are closed early. Of those that are not complete:
    /// these close by themselves (WN-6). All are found at once, since all that are open have to be looked at.
    fn to_close_early(&self, excess: usize) -> Vec<InstanceKey> {
        let incomplete = || self.open.iter().skip_while(|(key, _)| key.close_at <= self.watermark);
        let mut by_plan = vec![0_usize; self.plans.len()];
        let mut found = Vec::new();
        if excess == 0 {
            return found;
        }
        incomplete().for_each(|(key, instance)| by_plan[key.plan.0 as usize] += instance.bytes());
        let of_plan = |plan| incomplete().filter(move |(key, _)| key.plan.0 as usize == plan);
        let mut next: Vec<_> = (0..self.plans.len()).map(of_plan).collect();
        let mut freed = 0;
        while freed < excess {
            let largest = (0..by_plan.len()).max_by_key(|plan| (by_plan[*plan], Reverse(*plan)));
            let Some((plan, (key, instance))) = largest.and_then(|plan| Some((plan, next[plan].next()?))) else {
                break;
            };
            by_plan[plan] -= instance.bytes();
            freed += instance.bytes();
            found.push(key.clone());
        }
        found
    }
}

#[cfg(test)]
mod tests;
