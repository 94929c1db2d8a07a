//! The end of a window: the commands over all of its rows (EM-5).

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::command::Step;
use super::compile::Plan;
use super::join::Join;
use super::leg::Leg;
use super::record::Record;
use super::run::{Budget, End, run};
use super::sources::Sources;
use super::whole::{Context, Whole, WorkRow, row_bytes};
use super::{Bounds, GroupKey, Row};
use crate::spl::ast::Span;
use crate::time::EventTime;

/// A row of one group, as [`Plan::rows`] made it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupRow {
    /// The group.
    pub group: GroupKey,
    /// The group's first event: rows of single events are ordered by it.
    pub time: EventTime,
    /// The row; each column has another name.
    pub row: Row,
    /// BD-3: an aggregate of the group shows or counts less than there is.
    pub values_truncated: bool,
}

/// A row of the whole window.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowRow {
    /// Its group: by-values as [`Plan::group_fields`] names them.
    pub group: GroupKey,
    /// Which of the rows of this group it is.
    pub ordinal: usize,
    /// The groups of events that it is made of.
    pub sources: Sources,
    /// The row.
    pub row: Row,
    /// BD-3: an aggregate over rows shows or counts less than there is.
    pub values_truncated: bool,
}

/// Keys, sources, and places in lists and maps. Of 60,000 groups with seven columns each took 1,050 bytes further before `sort`,
/// 1,900 before `eventstats`.
const ROW_BYTES: usize = 1024;
/// Twice a name and a value, once half more: `eventstats` lets the list grow.
const COLUMN_BYTES: usize = 128;

/// What a window comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conclusion {
    /// The rows in the search's order.
    pub rows: Vec<WindowRow>,
    /// For each filter of [`super::PlanText::filters`]: how many rows it hid (AG-4).
    pub hidden: Vec<usize>,
    /// Rows not made, beyond the bound on rows. At least so many.
    pub cut: u64,
    /// Rows that a further `stats` dropped because a by-field is null (AG-3).
    pub null_by: u64,
}

/// Commands between two that need all rows, or one that does.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    Rows(Vec<Step>),
    All(Whole, Span),
    /// The rows of a subsearch come behind those that there are.
    Append(u32, Span),
    /// The rows of a subsearch meet those that there are.
    Join(Join, Span),
}

impl Plan {
    /// Whether later commands need every row of a window: then rows of groups are no results yet, and [`Self::conclude`]
    /// makes the results when the window is complete (EM-5).
    pub fn whole_result(&self) -> bool {
        !self.legs[0].stages.is_empty()
    }

    /// An estimate of the memory that each group of a window takes further while all of its rows are made, in bytes (BD-2);
    /// zero where they are made one by one.
    pub fn bytes_of_a_row(&self) -> usize {
        let columns = self.legs.iter().map(|leg| leg.by.len() + leg.aggregates.len()).max().unwrap_or_default();
        if self.whole_result() { ROW_BYTES + columns * COLUMN_BYTES } else { 0 }
    }

    /// Runs the commands over all rows of a window. The order of `rows` does not matter. `now()` is `window_end`.
    pub fn conclude(&self, bounds: &Bounds, rows: Vec<GroupRow>, window_end: EventTime) -> Conclusion {
        let bytes = rows.iter().map(|row| row_bytes(row.row.iter().map(|(_, value)| value))).sum();
        self.conclude_within(Budget::of_window(bytes), bounds, rows, window_end)
    }

    pub(super) fn conclude_within(
        &self,
        budget: Budget,
        bounds: &Bounds,
        rows: Vec<GroupRow>,
        window_end: EventTime,
    ) -> Conclusion {
        let mut of_leg: BTreeMap<u32, Vec<GroupRow>> = BTreeMap::new();
        rows.into_iter().for_each(|row| of_leg.entry(row.group.leg).or_default().push(row));
        let mut concluding = Concluding {
            plan: self,
            rows: of_leg,
            context: Context { bounds, window_end },
            budget,
            conclusion: Conclusion { hidden: vec![0; self.text.filters.len()], ..Conclusion::default() },
        };
        let rows = concluding.rows_of(0);
        let Concluding { budget, conclusion, .. } = concluding;
        Conclusion { rows: finish(rows), cut: budget.cut, ..conclusion }
    }
}

/// A window whose rows are being made.
struct Concluding<'p, 'c> {
    plan: &'p Plan,
    /// Of each search, the rows of its groups.
    rows: BTreeMap<u32, Vec<GroupRow>>,
    context: Context<'c>,
    budget: Budget,
    conclusion: Conclusion,
}

impl<'p> Concluding<'p, '_> {
    /// What a search comes to. Recursion is bounded by the parser's limit on nesting; every subsearch has one place.
    fn rows_of(&mut self, leg: u32) -> Vec<WorkRow<'p>> {
        let rows = self.rows.remove(&leg).unwrap_or_default();
        let leg = self.plan.leg(leg);
        let mut rows = in_order(leg, rows, self.context.window_end);
        for stage in &leg.stages {
            self.budget.begin();
            rows = match stage {
                Stage::Rows(steps) => run_rows(steps, rows, &mut self.budget, &mut self.conclusion),
                Stage::All(whole, _) => whole.apply(rows, &self.context, &mut self.budget, &mut self.conclusion),
                Stage::Append(further, _) => {
                    rows.extend(self.rows_of(*further));
                    rows
                }
                Stage::Join(join, _) => {
                    let further = self.rows_of(join.leg);
                    self.budget.begin();
                    join.apply(rows, &further, &mut self.budget)
                }
            };
        }
        rows
    }
}

/// Groups by their by-values; events newest first, by (time, id) as `first` takes them, the rows of one event in their
/// order (AG-5).
fn in_order<'p>(leg: &Leg, mut rows: Vec<GroupRow>, window_end: EventTime) -> Vec<WorkRow<'p>> {
    if leg.has_stats {
        rows.sort_by(|a, b| a.group.cmp(&b.group));
    } else {
        let key = |row: &GroupRow| (Reverse((row.time, row.group.event)), row.group.ordinal);
        rows.sort_by_key(key);
    }
    let work = |GroupRow { group, row, values_truncated, .. }| WorkRow {
        sources: Sources::of(group.clone()),
        group,
        record: Record::row(row, window_end),
        values_truncated,
    };
    rows.into_iter().map(work).collect()
}

fn run_rows<'p>(
    steps: &'p [Step],
    rows: Vec<WorkRow<'p>>,
    budget: &mut Budget,
    conclusion: &mut Conclusion,
) -> Vec<WorkRow<'p>> {
    let mut passed = Vec::with_capacity(rows.len());
    for WorkRow { group, sources, record, values_truncated } in rows {
        run(steps, record, budget, &mut |end, budget| match end {
            End::Passed(record) => {
                let row = WorkRow { group: group.clone(), sources: sources.clone(), record, values_truncated };
                passed.extend(budget.hold(row.bytes(), 1).then_some(row));
            }
            End::Dropped(Step { filter: Some(filter), .. }) => conclusion.hidden[*filter] += 1,
            End::Dropped(Step { filter: None, .. }) => {}
        });
    }
    passed
}

fn finish(rows: Vec<WorkRow<'_>>) -> Vec<WindowRow> {
    let mut of_group: BTreeMap<GroupKey, usize> = BTreeMap::new();
    let finish = |WorkRow { group, sources, record, values_truncated }: WorkRow<'_>| {
        let next = of_group.entry(group.clone()).or_default();
        let ordinal = *next;
        *next += 1;
        WindowRow { group, ordinal, sources, row: record.into_row(), values_truncated }
    };
    rows.into_iter().map(finish).collect()
}
