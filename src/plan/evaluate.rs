//! Running a plan: one event before `stats`, one group's row after it.

use super::command::{Step, floor_time};
use super::compile::Plan;
use super::partial::Partial;
use super::record::Record;
use super::{Contribution, GroupKey, PlanOutcome, Row, Rows, Scalar, Value};
use crate::cloudtrail::Event;
use crate::time::EventTime;

/// The most rows that one event makes. Only several long multivalue by-fields at once make more.
const MAX_ROWS_PER_EVENT: usize = 10_000;

impl Plan {
    /// Matches one event. `None`: the search does not match it. `now()` is the end of the event's window (AG-5).
    pub fn evaluate(&self, event: &Event) -> Option<PlanOutcome> {
        let start = floor_time(event.time.0, self.window_ms);
        let mut record = Record::event(event, EventTime(start.saturating_add(self.window_ms)));
        let matches = self.base.matches(&record) && self.event_steps.iter().all(|step| step.action.apply(&mut record));
        matches.then(|| self.contribute(event, &record))
    }

    /// Makes the rows of one group: the commands after `stats` over by-values and aggregates. `now()` is `window_end`.
    pub fn rows(&self, group: &GroupKey, partial: &Partial, window_end: EventTime) -> Rows {
        let mut rows = Rows { rows: Vec::new(), hidden: vec![0; self.text.filters.len()] };
        let mut record = Record::row(self.base_row(group, partial), window_end);
        match self.row_steps.iter().find(|step| !step.action.apply(&mut record)) {
            None => rows.rows.push(record.into_row()),
            Some(Step { filter: Some(filter), .. }) => rows.hidden[*filter] += 1,
            Some(Step { filter: None, .. }) => {}
        }
        rows
    }

    fn contribute(&self, event: &Event, record: &Record<'_>) -> PlanOutcome {
        let by: Vec<Vec<Scalar>> =
            self.by_fields.iter().map(|field| by_values(field.name(), &record.get(field))).collect();
        if let Some(null) = by.iter().position(Vec::is_empty) {
            return PlanOutcome::NullBy(null);
        }
        let inputs: Vec<Value> = self.aggregates.iter().map(|aggregate| aggregate.argument.input(record)).collect();
        let event = (!self.has_stats()).then_some(event.key);
        let contribution =
            |(ordinal, values)| Contribution { group: GroupKey { values, event }, ordinal, inputs: inputs.clone() };
        PlanOutcome::Matched((0..).zip(combinations(&by)).map(contribution).collect())
    }

    fn base_row(&self, group: &GroupKey, partial: &Partial) -> Row {
        debug_assert_eq!(group.values.len(), self.by.len(), "the group is one of this plan");
        let by = self.by.iter().cloned().zip(group.values.iter().cloned().map(Value::One));
        let aggregates = self.aggregates.iter().enumerate();
        by.chain(aggregates.map(|(index, aggregate)| (aggregate.output.clone(), partial.value(self, index)))).collect()
    }
}

/// By-values are strings, as in Splunk, so that `5` of an event and `5` of an `eval` are one group; `_time` is a number.
fn by_values(field: &str, value: &Value) -> Vec<Scalar> {
    match field {
        "_time" => value.scalars().to_vec(),
        _ => value.scalars().iter().map(|scalar| Scalar::Text(scalar.to_text())).collect(),
    }
}

/// Every choice of one value a field, the last field's values changing fastest.
fn combinations(by: &[Vec<Scalar>]) -> Vec<Vec<Scalar>> {
    by.iter().fold(vec![Vec::new()], |rows, values| {
        let extended = rows
            .iter()
            .flat_map(|row| values.iter().map(move |value| [row.as_slice(), std::slice::from_ref(value)].concat()));
        extended.take(MAX_ROWS_PER_EVENT).collect()
    })
}
