//! The groups of a closing instance, one after the other in the order of their keys (WN-6).
//!
//! Sorting a million groups takes longer than reading may wait: they are sorted in runs, one at a time, which are then
//! merged as they are taken.

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
        let Some(mut run) = self.runs.pop() else { return Next::None };
        let ix = self.order[run.next];
        run.next += 1;
        if run.next < run.end {
            self.insert(plan, run);
        }
        Next::Group(self.groups.key(plan, ix, &mut self.recent), self.groups.take(ix))
    }

    /// Without the groups of which nothing would be told or counted.
    fn sort_run(&mut self, plan: &Plan) {
        let (next, until) = (self.sorted, self.order.len().min(self.sorted + RUN));
        let least = plan.least().to_count;
        let mut end = next;
        for at in next..until {
            let ix = self.order[at];
            // Most searches have no threshold: nobody looks at the groups before they are taken.
            if least == 0 || self.groups.get(ix).values() >= least {
                self.order[end] = ix;
                end += 1;
            } else {
                drop(self.groups.take(ix));
            }
        }
        let groups = &self.groups;
        self.order[next..end].sort_unstable_by(|a, b| groups.compare(plan, *a, *b));
        self.sorted = until;
        if next < end {
            self.insert(plan, Run { next, end });
        }
    }

    fn insert(&mut self, plan: &Plan, run: Run) {
        let next = self.order[run.next];
        let is_larger = |other: &Run| self.groups.compare(plan, self.order[other.next], next).is_gt();
        let place = self.runs.partition_point(is_larger);
        self.runs.insert(place, run);
    }
}

#[cfg(test)]
mod tests;
