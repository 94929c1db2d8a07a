//! Running a plan: one event before `stats`, one group's row after it.

use super::command::{Step, floor_time};
use super::compile::Plan;
use super::leg::Leg;
use super::partial::Partial;
use super::record::Record;
use super::run::{Budget, End, run};
use super::{Contribution, GroupKey, LostRows, PlanOutcome, Row, Rows, Scalar, Value};
use crate::cloudtrail::Event;
use crate::time::EventTime;

impl Plan {
    /// Matches one event. `None`: the search does not match it. `now()` is the end of the event's window (AG-5).
    pub fn evaluate(&self, event: &Event) -> Option<PlanOutcome> {
        let start = floor_time(event.time.0, self.window_ms);
        let record = Record::event(event, EventTime(start.saturating_add(self.window_ms)));
        let mut made = Made::default();
        let mut budget = Budget::of_event(event.raw().len());
        for leg in &self.legs {
            for branch in leg.branches.iter().filter(|branch| branch.base.matches(&record)) {
                run(&branch.steps, record.clone(), &mut budget, &mut |end, budget| match end {
                    End::Passed(record) => leg.contribute(event, &record, budget, &mut made),
                    End::Dropped(_) => {}
                });
            }
        }
        made.outcome(budget.cut)
    }

    /// Whether a group may have a row, of a plan that announces it as soon as that passes
    /// ([`Early::Threshold`](super::Early)): where not, [`Self::rows`] are none. That is asked with every event, so what is
    /// computed from all of them is left out: no filter of such a plan looks at more of it than whether it is there (EM-1).
    pub fn may_pass(&self, group: &GroupKey, partial: &Partial, window_end: EventTime) -> bool {
        let leg = self.leg(group.leg);
        let record =
            Record::row(leg.base_row(self, group, partial, |index| !partial.is_of_all(self, index)), window_end);
        let mut passes = false;
        run(&leg.row_steps, record, &mut Budget::of_row(), &mut |end, _| passes |= matches!(end, End::Passed(_)));
        passes
    }

    /// Makes the rows of one group: the commands after `stats` over by-values and aggregates. `now()` is `window_end`.
    pub fn rows(&self, group: &GroupKey, partial: &Partial, window_end: EventTime) -> Rows {
        let mut rows = Rows { hidden: vec![0; self.text.filters.len()], ..Rows::default() };
        let leg = self.leg(group.leg);
        let record = Record::row(leg.base_row(self, group, partial, |_| true), window_end);
        let mut budget = Budget::of_row();
        run(&leg.row_steps, record, &mut budget, &mut |end, _| match end {
            End::Passed(record) => rows.rows.push(record.into_row()),
            End::Dropped(Step { filter: Some(filter), .. }) => rows.hidden[*filter] += 1,
            End::Dropped(Step { filter: None, .. }) => {}
        });
        rows.cut = budget.cut;
        rows
    }
}

impl Leg {
    fn contribute(&self, event: &Event, record: &Record<'_>, budget: &mut Budget, made: &mut Made) {
        let by: Vec<Value> = self.by_fields.iter().map(|field| record.get(field)).collect();
        if let Some(null) = by.iter().position(Value::is_null) {
            made.null_by.get_or_insert(self.by_offset + null);
            made.null_by_rows += 1;
            return;
        }
        let inputs: Vec<Value> = self.aggregates.iter().map(|aggregate| aggregate.argument.input(record)).collect();
        let values = 1 + inputs.iter().map(|input| input.scalars().len()).sum::<usize>();
        let wanted = by.iter().fold(1_usize, |rows, values| rows.saturating_mul(values.scalars().len()));
        match (budget.afford(wanted, values), wanted) {
            // Nearly always; nothing is copied then.
            (1, 1) => {
                let mut values = Vec::with_capacity(by.len());
                values.extend(self.by_fields.iter().zip(by).filter_map(|(field, value)| match value {
                    Value::One(scalar) => Some(by_value(field.name(), scalar)),
                    Value::Null | Value::Many(_) => None,
                }));
                let contribution = self.contribution(event, made, values, inputs);
                made.contributions.push(contribution);
            }
            (most, _) => {
                let by = self.by_fields.iter().zip(&by).map(|(field, value)| by_values(field.name(), value));
                for values in combinations(&by.collect::<Vec<_>>(), most) {
                    let contribution = self.contribution(event, made, values, inputs.clone());
                    made.contributions.push(contribution);
                }
            }
        }
    }

    fn contribution(&self, event: &Event, made: &Made, values: Vec<Scalar>, inputs: Vec<Value>) -> Contribution {
        let ordinal = u32::try_from(made.contributions.len()).expect("the budget is far below");
        let (event, of_event) = if self.has_stats { (None, 0) } else { (Some(event.key), ordinal) };
        Contribution { group: GroupKey { leg: self.number, values, event, ordinal: of_event }, ordinal, inputs }
    }

    /// By-values and aggregates; in place of those that are not wanted some text.
    fn base_row(&self, plan: &Plan, group: &GroupKey, partial: &Partial, wanted: impl Fn(usize) -> bool) -> Row {
        debug_assert_eq!(group.values.len(), self.by.len(), "the group is one of this search");
        let by = self.by.iter().cloned().zip(group.values.iter().cloned().map(Value::One));
        let value = |index| if wanted(index) { partial.value(plan, index) } else { Value::text("") };
        let aggregates = self.aggregates.iter().enumerate();
        by.chain(aggregates.map(|(index, aggregate)| (aggregate.output.clone(), value(index)))).collect()
    }
}

/// By-values are strings, as in Splunk, so that `5` of an event and `5` of an `eval` are one group; `_time` is a number.
pub(super) fn by_values(field: &str, value: &Value) -> Vec<Scalar> {
    value.scalars().iter().map(|scalar| by_value(field, scalar.clone())).collect()
}

fn by_value(field: &str, scalar: Scalar) -> Scalar {
    match scalar {
        Scalar::Number(_) if field != "_time" => Scalar::Text(scalar.to_text()),
        scalar => scalar,
    }
}

/// The first choices of one value a field, the last field's values changing fastest.
pub(super) fn combinations<T: Clone>(by: &[Vec<T>], most: usize) -> Vec<Vec<T>> {
    by.iter().fold(vec![Vec::new()], |rows, values| {
        let extended = rows
            .iter()
            .flat_map(|row| values.iter().map(move |value| [row.as_slice(), std::slice::from_ref(value)].concat()));
        extended.take(most).collect()
    })
}

/// The rows of one event so far.
#[derive(Default)]
struct Made {
    contributions: Vec<Contribution>,
    /// The by-field that the first row without one lacks.
    null_by: Option<usize>,
    null_by_rows: u64,
}

impl Made {
    fn outcome(self, cut: u64) -> Option<PlanOutcome> {
        match (self.contributions.is_empty(), self.null_by) {
            (true, Some(null)) => Some(PlanOutcome::NullBy(null)),
            (true, None) if cut == 0 => None,
            _ => {
                let lost = LostRows { cut, null_by: self.null_by_rows };
                Some(PlanOutcome::Matched { contributions: self.contributions, lost })
            }
        }
    }
}
