//! The groups of a closing instance, one after the other in the order of their keys (WN-6).
//!
//! Sorting a million groups takes longer than reading may wait: they are sorted in runs, one at a time, which are then
//! merged as they are taken.

use std::cmp::Ordering;
use std::ops::Range;

use super::group::Group;
use super::groups::{GroupIx, Groups, Recent};
use crate::plan::{GroupKey, Plan};

/// Groups sorted at a time: some ten milliseconds of work.
const RUN: usize = 1 << 15;

/// The groups of an instance on their way out.
#[derive(Debug)]
pub(super) struct Ordered {
    groups: Groups,
    /// Sorted runs, then what is not sorted yet.
    order: Vec<GroupIx>,
    sorted: usize,
    /// Of every run, what is left of it; that with the smallest group last.
    runs: Vec<Run>,
    recent: Recent,
}

#[derive(Debug)]
struct Run {
    next: usize,
    end: usize,
    /// [`Groups::prefix`] of its next group.
    prefix: u128,
}

/// What a step came to.
pub(super) enum Next {
    /// Some groups are sorted; to be called again.
    Sorting,
    /// The next group.
    Group(GroupKey, Group),
    /// There are no more.
    None,
}

impl Ordered {
    /// Of a plan of one search: where there are several, all rows of a window are needed (EM-5), and nothing is taken one by
    /// one.
    pub fn new(groups: Groups) -> Self {
        let order = groups.all().collect();
        Self { groups, order, sorted: 0, runs: Vec::new(), recent: Recent::default() }
    }

    /// Takes the next group, or gets nearer to it.
    pub fn next(&mut self, plan: &Plan) -> Next {
        if self.sorted < self.order.len() {
            self.sort_run(plan);
            return Next::Sorting;
        }
        let Some(Run { next, end, .. }) = self.runs.pop() else { return Next::None };
        let ix = self.order[next];
        self.insert(plan, next + 1..end);
        Next::Group(self.groups.key(plan, ix, &mut self.recent), self.groups.take(ix))
    }

    /// Without the groups of which nothing would be told or counted.
    fn sort_run(&mut self, plan: &Plan) {
        let (first, until) = (self.sorted, self.order.len().min(self.sorted + RUN));
        let least = plan.least().to_count;
        let mut prefixed = Vec::with_capacity(until - first);
        for &ix in &self.order[first..until] {
            // Most searches have no threshold: nobody looks at the groups before they are taken.
            if least == 0 || self.groups.get(ix).values() >= least {
                prefixed.push((self.groups.prefix(plan, ix), ix));
            } else {
                drop(self.groups.take(ix));
            }
        }
        prefixed.sort_unstable_by(|a, b| self.compare(plan, *a, *b));
        let run = first..first + prefixed.len();
        self.order[run.clone()].iter_mut().zip(prefixed).for_each(|(place, (_, ix))| *place = ix);
        self.sorted = until;
        self.insert(plan, run);
    }

    /// What is left of a run, if anything is.
    fn insert(&mut self, plan: &Plan, run: Range<usize>) {
        let Some(&next) = self.order[run.clone()].first() else { return };
        let prefix = self.groups.prefix(plan, next);
        let is_larger =
            |other: &Run| self.compare(plan, (other.prefix, self.order[other.next]), (prefix, next)).is_gt();
        let place = self.runs.partition_point(is_larger);
        self.runs.insert(place, Run { next: run.start, end: run.end, prefix });
    }

    /// The order of two groups, each with its prefix.
    fn compare(&self, plan: &Plan, a: (u128, GroupIx), b: (u128, GroupIx)) -> Ordering {
        a.0.cmp(&b.0).then_with(|| self.groups.compare(plan, a.1, b.1))
    }
}

#[cfg(test)]
mod tests;
