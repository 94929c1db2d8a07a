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

/// What may still be made of one record, and how many rows were not made for want of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    records: usize,
    rows: usize,
    values: usize,
    pub(super) cut: u64,
}

impl Budget {
    /// For an event of this size; a function of the event alone, so that every run cuts alike.
    pub(super) fn of_event(bytes: usize) -> Self {
        let rows = MAX_ROWS.min(MAX_BYTES / bytes.max(1)).max(1);
        Self { records: rows, rows, values: MAX_VALUES, cut: 0 }
    }

    /// For a row.
    pub(super) fn of_row() -> Self {
        Self { records: MAX_ROWS, rows: MAX_ROWS, values: MAX_VALUES, cut: 0 }
    }

    /// For all rows of a window together.
    pub(super) fn of_window() -> Self {
        Self { records: MAX_WINDOW_ROWS, rows: MAX_WINDOW_ROWS, values: usize::MAX, cut: 0 }
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
