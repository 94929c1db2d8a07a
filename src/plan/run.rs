//! Runs commands over a record that may become several (`mvexpand`), within a budget: what one event, or one row, may
//! be made into is bounded, and what the bound cuts is counted. Filters that have expired are passed over (AG-5).

use super::command::{Action, Step};
use super::record::Record;

/// The most rows that one record makes.
const MAX_ROWS: usize = 10_000;
/// The most values that the rows of one event carry.
const MAX_VALUES: usize = 1_000_000;
/// Rows times the size of the event: every row may look at the whole of it.
const MAX_BYTES: usize = 256 << 20;

/// The most rows that the rows of one window become.
const MAX_WINDOW_ROWS: usize = 1_000_000;
/// What they may take beyond twice the rows of its groups, which count as state (BD-2).
const MAX_WINDOW_BYTES: usize = 256 << 20;

/// What may still be made of one record, and how many rows were not made for want of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    records: usize,
    rows: usize,
    values: usize,
    /// What the rows of a window may take once a command has made them, and what is left of that, in bytes.
    room: usize,
    left: usize,
    pub(super) cut: u64,
}

impl Budget {
    const UNBOUNDED: Self =
        Self { records: usize::MAX, rows: usize::MAX, values: usize::MAX, room: usize::MAX, left: usize::MAX, cut: 0 };

    /// For an event of this size; a function of the event alone, so that every run cuts alike.
    pub(super) fn of_event(bytes: usize) -> Self {
        let rows = MAX_ROWS.min(MAX_BYTES / bytes.max(1)).max(1);
        Self { records: rows, rows, values: MAX_VALUES, ..Self::UNBOUNDED }
    }

    /// For a row.
    pub(super) fn of_row() -> Self {
        Self { records: MAX_ROWS, rows: MAX_ROWS, values: MAX_VALUES, ..Self::UNBOUNDED }
    }

    /// For all rows of a window together; those of its groups take so many bytes.
    pub(super) fn of_window(bytes: usize) -> Self {
        let most = Self { records: MAX_WINDOW_ROWS, rows: MAX_WINDOW_ROWS, ..Self::UNBOUNDED };
        most.with_room(bytes.saturating_mul(2).saturating_add(MAX_WINDOW_BYTES))
    }

    /// The rows of a window may take so many bytes.
    pub(super) fn with_room(self, room: usize) -> Self {
        Self { room, left: room, ..self }
    }

    /// A command over the rows of a window begins. What it makes takes the place of what there was.
    pub(super) fn begin(&mut self) {
        self.left = self.room;
    }

    /// Whether a row of so many bytes has room, the first of so many that are still to be made. Where it has none, it and
    /// all behind it are cut: which these are depends on their order alone.
    pub(super) fn hold(&mut self, bytes: usize, rows: usize) -> bool {
        let fits = bytes <= self.left;
        self.left = if fits { self.left - bytes } else { 0 };
        self.cut += if fits { 0 } else { rows as u64 };
        fits
    }

    /// Of so many rows with so many values each, those that may be made.
    pub(super) fn afford(&mut self, wanted: usize, values_each: usize) -> usize {
        let afforded = wanted.min(self.rows).min(self.values / values_each.max(1));
        self.rows -= afforded;
        self.values -= afforded * values_each;
        self.cut += (wanted - afforded) as u64;
        afforded
    }

    /// Whether `mvexpand` may make one more record.
    fn expand(&mut self) -> bool {
        let may = self.records > 0;
        self.records = self.records.saturating_sub(1);
        may
    }
}

/// What became of a record.
pub(super) enum End<'a> {
    /// It passed every command.
    Passed(Record<'a>),
    /// This command dropped it.
    Dropped(&'a Step),
}

/// Runs the commands; `take` sees every end in order. The values of one record are run to the end one by one, so that
/// one row at a time is in memory. Recursion is bounded by the number of `mvexpand`s.
pub(super) fn run<'a>(
    steps: &'a [Step],
    mut record: Record<'a>,
    budget: &mut Budget,
    take: &mut dyn FnMut(End<'a>, &mut Budget),
) {
    let window_end = record.end_of_window();
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| !step.is_expired(window_end)) {
        if let Action::MvExpand(expand) = &step.action {
            let Some(values) = expand.values(&record) else { continue };
            let mut left = values.len();
            for value in values {
                if !budget.expand() {
                    budget.cut += left as u64;
                    return;
                }
                left -= 1;
                run(&steps[index + 1..], expand.record(&record, value), budget, take);
            }
            return;
        }
        if !step.action.apply(&mut record) {
            return take(End::Dropped(step), budget);
        }
    }
    take(End::Passed(record), budget);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_afforded_is_bounded_by_rows_by_values_and_by_the_size_of_the_event() {
        let afforded = |mut budget: Budget, wanted: &[(usize, usize)]| {
            let rows: Vec<_> =
                wanted.iter().map(|(wanted, values_each)| budget.afford(*wanted, *values_each)).collect();
            (rows, budget.cut)
        };
        let small = Budget::of_event(100);
        for (budget, wanted, rows, cut) in [
            (small, &[(9_000, 0), (9_000, 1)][..], &[9_000, 1_000][..], 8_000),
            // A million values, however many rows carry them.
            (small, &[(5_000, 1_000)], &[1_000], 4_000),
            (small, &[(500, 1_000), (600, 1_000), (1, 1)], &[500, 500, 0], 101),
            (small, &[(1, 999_990), (9, 3)], &[1, 3], 6),
            (Budget::of_row(), &[(5_000, 500)], &[2_000], 3_000),
            (Budget::of_event(256 << 10), &[(2_000, 1)], &[1_024], 976),
            // The largest event still makes a row.
            (Budget::of_event(usize::MAX), &[(2, 1)], &[1], 1),
        ] {
            assert_eq!(afforded(budget, wanted), (rows.to_vec(), cut), "{wanted:?} of {budget:?}");
        }
    }
}
