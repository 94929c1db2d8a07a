//! The commands that need every row of a window: a further `stats`, `eventstats`, `sort`, `head`, `dedup` (EM-5).
//!
//! They see the rows in an order that is a function of the rows (AG-5): groups by their by-values, events newest first,
//! as Splunk returns both; every command keeps it or sets its own.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use smol_str::SmolStr;

use super::aggregate::Aggregate;
use super::command::one_field;
use super::conclude::Conclusion;
use super::error::CompileError;
use super::evaluate::{by_values, combinations};
use super::footprint::value_bytes;
use super::number::Numeric;
use super::partial::of_rows;
use super::record::Record;
use super::run::Budget;
use super::sources::Sources;
use super::{Bounds, GroupKey, Scalar, Value};
use crate::cloudtrail::FieldPath;
use crate::spl::ast::{Command, SortKey, SortOrder, Spanned, StatsCommand};
use crate::time::EventTime;

/// A row on its way, with where it comes from.
#[derive(Clone, Debug)]
pub(super) struct WorkRow<'p> {
    /// Its group: the one that it came from, or that a `stats` put it in.
    pub(super) group: GroupKey,
    /// The groups of events that it is made of.
    pub(super) sources: Sources,
    pub(super) record: Record<'p>,
    pub(super) values_truncated: bool,
}

/// Keys, sources, and places in lists and maps. Of 360,000 joined rows with nine columns each took 1,400 bytes.
const ROW_BYTES: usize = 512;
/// A name beside a value, and what a list has grown too large for.
const COLUMN_BYTES: usize = 64;

/// An estimate of the memory that a row of these values takes, those that it shares with others included (BD-2). It is a
/// function of the row alone, so that every run cuts alike.
pub(super) fn row_bytes<'v>(values: impl Iterator<Item = &'v Value>) -> usize {
    ROW_BYTES + values.map(column_bytes).sum::<usize>()
}

fn column_bytes(value: &Value) -> usize {
    COLUMN_BYTES + value_bytes(value)
}

impl WorkRow<'_> {
    /// See [`row_bytes`].
    pub(super) fn bytes(&self) -> usize {
        row_bytes(self.record.values())
    }
}

/// A command over all rows.
#[derive(Clone, Debug)]
pub(super) enum Whole {
    Stats(Grouping),
    EventStats(Grouping),
    Sort { limit: usize, keys: Vec<(FieldPath, SortKey)> },
    Head(usize),
    Dedup(Dedup),
}

/// `stats` or `eventstats` over rows.
#[derive(Clone, Debug)]
pub(super) struct Grouping {
    /// The search that it belongs to.
    leg: u32,
    pub(super) by: Vec<Arc<str>>,
    by_fields: Vec<FieldPath>,
    pub(super) aggregates: Vec<Aggregate>,
}

/// `dedup`.
#[derive(Clone, Debug)]
pub(super) struct Dedup {
    keep: usize,
    fields: Vec<FieldPath>,
    keep_empty: bool,
    consecutive: bool,
}

/// What the commands compute with.
pub(super) struct Context<'c> {
    pub(super) bounds: &'c Bounds,
    pub(super) window_end: EventTime,
}

impl Whole {
    /// Compiles a command over all rows of a search; none where it works on one row.
    pub(super) fn compile(command: &Command, leg: u32) -> Result<Option<Self>, CompileError> {
        Ok(Some(match command {
            Command::Stats(stats) => Self::Stats(Grouping::compile(stats, leg)?),
            Command::EventStats(stats) => Self::EventStats(Grouping::compile(stats, leg)?),
            Command::Sort { limit, keys } => {
                let key = |key: &Spanned<SortKey>| Ok((one_field(&key.node.field, &key.span)?, key.node.clone()));
                let limit = if *limit == 0 { usize::MAX } else { size(*limit) };
                Self::Sort { limit, keys: keys.iter().map(key).collect::<Result<_, CompileError>>()? }
            }
            Command::Head { limit } => Self::Head(size(*limit)),
            Command::Dedup { keep, fields, keep_empty, consecutive } => Self::Dedup(Dedup {
                keep: size(*keep),
                fields: fields.iter().map(|field| one_field(&field.node, &field.span)).collect::<Result<_, _>>()?,
                keep_empty: *keep_empty,
                consecutive: *consecutive,
            }),
            _ => return Ok(None),
        }))
    }

    /// Applies the command to all rows.
    pub(super) fn apply<'p>(
        &self,
        mut rows: Vec<WorkRow<'p>>,
        context: &Context<'_>,
        budget: &mut Budget,
        lost: &mut Conclusion,
    ) -> Vec<WorkRow<'p>> {
        match self {
            Self::Stats(grouping) => return grouping.stats(&rows, context, budget, lost),
            Self::EventStats(grouping) => grouping.event_stats(&mut rows, context, budget),
            Self::Sort { limit, keys } => {
                sort(&mut rows, keys);
                rows.truncate(*limit);
            }
            Self::Head(limit) => rows.truncate(*limit),
            Self::Dedup(dedup) => dedup.apply(&mut rows),
        }
        rows
    }
}

fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Grouping {
    fn compile(stats: &StatsCommand, leg: u32) -> Result<Self, CompileError> {
        // Rows have no order of time.
        let timed = stats.aggregates.iter().find(|a| matches!(a.node.function.as_str(), "earliest" | "latest"));
        if let Some(timed) = timed {
            let message = format!("{} over rows is not supported", timed.node.function);
            return Err(CompileError::unsupported(message, &timed.span).with_help("use min, max, first or last"));
        }
        let by = super::leg::by_fields(stats)?;
        Ok(Self {
            leg,
            by_fields: by.iter().map(|name| FieldPath::compile(name)).collect(),
            by,
            aggregates: stats.aggregates.iter().map(Aggregate::compile).collect::<Result<_, _>>()?,
        })
    }

    /// One row a group, in the order of the by-values. A row without a by-field is in none and is counted (AG-3).
    fn stats<'p>(
        &self,
        rows: &[WorkRow<'_>],
        context: &Context<'_>,
        budget: &mut Budget,
        lost: &mut Conclusion,
    ) -> Vec<WorkRow<'p>> {
        let mut groups: BTreeMap<Vec<Scalar>, Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let by: Vec<_> = self.by_fields.iter().map(|f| by_values(f.name(), &row.record.get(f))).collect();
            let wanted = by.iter().fold(1_usize, |rows, values| rows.saturating_mul(values.len()));
            lost.null_by += u64::from(wanted == 0);
            for values in combinations(&by, budget.afford(wanted, 1)) {
                groups.entry(values).or_default().push(index);
            }
        }
        let made = groups.into_iter().map(|(values, members)| self.row(values, &members, rows, context));
        made.filter(|row| budget.hold(row.bytes(), 1)).collect()
    }

    fn row<'p>(
        &self,
        values: Vec<Scalar>,
        members: &[usize],
        rows: &[WorkRow<'_>],
        context: &Context<'_>,
    ) -> WorkRow<'p> {
        let (columns, truncated) = self.values(members, rows, context);
        let by = self.by.iter().cloned().zip(values.iter().cloned().map(Value::One));
        WorkRow {
            record: Record::row(by.chain(columns).collect(), context.window_end),
            group: GroupKey { leg: self.leg, values, event: None, ordinal: 0 },
            sources: Sources::of_all(members.iter().map(|index| &rows[*index].sources)),
            values_truncated: truncated || members.iter().any(|index| rows[*index].values_truncated),
        }
    }

    /// Every row gets what its group comes to; one without a by-field gets nothing. Several values of a by-field are
    /// one group of their own here.
    fn event_stats(&self, rows: &mut Vec<WorkRow<'_>>, context: &Context<'_>, budget: &mut Budget) {
        let mut groups: BTreeMap<Vec<Vec<Scalar>>, Vec<usize>> = BTreeMap::new();
        for (index, row) in rows.iter().enumerate() {
            let by: Vec<_> = self.by_fields.iter().map(|f| by_values(f.name(), &row.record.get(f))).collect();
            if by.iter().all(|values| !values.is_empty()) {
                groups.entry(by).or_default().push(index);
            }
        }
        let mut is_cut = vec![false; rows.len()];
        for members in groups.values() {
            let (columns, truncated) = self.values(members, rows, context);
            let bytes: usize = columns.iter().map(|(_, value)| column_bytes(value)).sum();
            for index in members {
                let row = &mut rows[*index];
                is_cut[*index] = !budget.hold(row.bytes() + bytes, 1);
                if !is_cut[*index] {
                    row.values_truncated |= truncated;
                    columns.iter().for_each(|(name, value)| row.record.set(name, value.clone()));
                }
            }
        }
        let mut is_cut = is_cut.into_iter();
        rows.retain(|_| !is_cut.next().unwrap_or_default());
    }

    /// The aggregates over some rows, and whether one of them shows less than there is (BD-3).
    fn values(&self, members: &[usize], rows: &[WorkRow<'_>], context: &Context<'_>) -> (Vec<(Arc<str>, Value)>, bool) {
        let mut truncated = false;
        let mut column = |aggregate: &Aggregate| {
            let inputs: Vec<Value> =
                members.iter().map(|index| aggregate.argument.input(&rows[*index].record)).collect();
            let (value, shortened) = of_rows(aggregate.function, &inputs, context.bounds);
            truncated |= shortened;
            (aggregate.output.clone(), value)
        };
        (self.aggregates.iter().map(&mut column).collect(), truncated)
    }
}

impl Dedup {
    /// Keeps the first rows of each combination of values.
    fn apply(&self, rows: &mut Vec<WorkRow<'_>>) {
        let mut seen: BTreeMap<Vec<Vec<Scalar>>, usize> = BTreeMap::new();
        let mut previous = None;
        rows.retain(|row| {
            let values: Vec<_> = self.fields.iter().map(|f| by_values(f.name(), &row.record.get(f))).collect();
            if values.iter().any(Vec::is_empty) {
                return self.keep_empty;
            }
            if self.consecutive && previous.as_ref() != Some(&values) {
                seen.clear();
                previous = Some(values.clone());
            }
            let count = seen.entry(values).or_default();
            *count += 1;
            *count <= self.keep
        });
    }
}

/// A value as one key of `sort` sees it, in its total order; a value that the key cannot read comes last.
#[derive(Clone, Debug)]
enum Sortable {
    Number(Numeric),
    Address(IpAddr),
    Text(SmolStr),
    Last,
}

/// A stable sort: rows that compare equal stay in their order.
fn sort(rows: &mut Vec<WorkRow<'_>>, keys: &[(FieldPath, SortKey)]) {
    let columns: Vec<Vec<Sortable>> = keys.iter().map(|(field, key)| sortables(rows, field, key.order)).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| {
        let by_key =
            columns.iter().zip(keys).map(|(column, (_, key))| compare(&column[*a], &column[*b], key.descending));
        by_key.fold(Ordering::Equal, Ordering::then)
    });
    let mut taken: Vec<Option<WorkRow<'_>>> = rows.drain(..).map(Some).collect();
    rows.extend(order.into_iter().filter_map(|index| taken[index].take()));
}

/// Of several values the first counts. Without a wish, numbers where all are numbers, addresses where all are, else
/// text.
fn sortables(rows: &[WorkRow<'_>], field: &FieldPath, order: SortOrder) -> Vec<Sortable> {
    let values: Vec<Option<Scalar>> = rows.iter().map(|row| row.record.get(field).scalars().first().cloned()).collect();
    let every = |test: &dyn Fn(&Scalar) -> bool| values.iter().flatten().all(test);
    let order = match order {
        SortOrder::Auto if every(&|value| Numeric::of(value).is_some()) => SortOrder::Number,
        SortOrder::Auto if every(&|value| address(value).is_some()) => SortOrder::Ip,
        SortOrder::Auto => SortOrder::Text,
        wish => wish,
    };
    let read = |value: &Scalar| match order {
        SortOrder::Number => Numeric::of(value).map(Sortable::Number),
        SortOrder::Ip => address(value).map(Sortable::Address),
        SortOrder::Auto | SortOrder::Text => Some(Sortable::Text(value.to_text())),
    };
    values.iter().map(|value| value.as_ref().and_then(read).unwrap_or(Sortable::Last)).collect()
}

fn address(value: &Scalar) -> Option<IpAddr> {
    value.to_text().parse().ok()
}

fn compare(a: &Sortable, b: &Sortable, descending: bool) -> Ordering {
    let order = match (a, b) {
        (Sortable::Last, Sortable::Last) => return Ordering::Equal,
        (Sortable::Last, _) => return Ordering::Greater,
        (_, Sortable::Last) => return Ordering::Less,
        (Sortable::Number(a), Sortable::Number(b)) => a.order(*b),
        (Sortable::Address(a), Sortable::Address(b)) => a.cmp(b),
        (Sortable::Text(a), Sortable::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        // The values of one column are of one kind.
        _ => Ordering::Equal,
    };
    if descending { order.reverse() } else { order }
}
