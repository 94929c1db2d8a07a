//! The state of one aggregate, and the value that it comes to.

use crate::plan::aggregate::Function;
use crate::plan::distinct::{Distinct, DistinctBounds};
use crate::plan::extent::Extent;
use crate::plan::{Bounds, Scalar, Value, footprint, statistics};

/// `list` shows the first 100 values, as Splunk does.
const LIST_LIMIT: usize = 100;

/// What is kept of the events for one aggregate.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum State {
    /// Nothing: it is computed from the units.
    Units,
    /// `count(f)`: the sum over the units, and what units beyond the bound on ids add.
    Total {
        kept: u64,
        uncertain: u64,
    },
    Extent(Extent),
    Values(Box<Distinct>),
    DistinctCount(Box<Distinct>),
}

impl State {
    pub(super) fn new(function: Function) -> Self {
        match function {
            Function::CountValues => Self::Total { kept: 0, uncertain: 0 },
            Function::Min | Function::Max | Function::Range => Self::Extent(Extent::default()),
            Function::Values => Self::Values(Box::default()),
            Function::DistinctCount => Self::DistinctCount(Box::default()),
            _ => Self::Units,
        }
    }

    /// As new; its memory stays.
    pub(super) fn clear(&mut self) {
        match self {
            Self::Units => {}
            Self::Total { kept, uncertain } => (*kept, *uncertain) = (0, 0),
            Self::Extent(extent) => *extent = Extent::default(),
            Self::Values(values) | Self::DistinctCount(values) => values.clear(),
        }
    }

    /// Takes the input of one copy; idempotent.
    pub(super) fn add(&mut self, bounds: &Bounds, input: &Value) {
        for scalar in input.scalars() {
            match self {
                Self::Extent(extent) => extent.add(scalar),
                Self::Values(values) => values.add(bounds, shown(bounds), scalar),
                Self::DistinctCount(values) => values.add(bounds, unseen(bounds), scalar),
                Self::Units | Self::Total { .. } => {}
            }
        }
    }

    /// Takes what another partial has; the totals over units are moved as units are kept.
    pub(super) fn merge(&mut self, bounds: &Bounds, other: &Self) {
        match (self, other) {
            (Self::Extent(extent), Self::Extent(other)) => extent.widen(other),
            (Self::Values(values), Self::Values(other)) => values.merge(bounds, shown(bounds), other),
            (Self::DistinctCount(values), Self::DistinctCount(other)) => values.merge(bounds, unseen(bounds), other),
            (Self::Total { uncertain, .. }, Self::Total { uncertain: other, .. }) => *uncertain += other,
            _ => {}
        }
    }

    /// The value, for states that hold one.
    pub(super) fn value(&self, function: Function) -> Value {
        match (self, function) {
            (Self::Extent(extent), Function::Min) => extent.min(),
            (Self::Extent(extent), Function::Max) => extent.max(),
            (Self::Extent(extent), _) => extent.range(),
            (Self::DistinctCount(values), _) => Value::number(values.count() as f64),
            (Self::Values(values), _) => Value::from_scalars(values.values()),
            (Self::Total { kept, uncertain }, _) => Value::number((kept + uncertain) as f64),
            (Self::Units, _) => Value::Null,
        }
    }

    /// BD-3: whether the value shows or counts less than there is.
    pub(super) fn is_truncated(&self) -> bool {
        match self {
            Self::DistinctCount(values) => values.overflowed(),
            Self::Values(values) => values.hides_values(),
            Self::Units | Self::Total { .. } | Self::Extent(_) => false,
        }
    }

    /// An estimate of the memory taken beside itself, in bytes (BD-2).
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Extent(extent) => extent.heap_bytes(),
            Self::Values(values) | Self::DistinctCount(values) => {
                footprint::boxed_bytes(size_of::<Distinct>()) + values.heap_bytes()
            }
            Self::Units | Self::Total { .. } => 0,
        }
    }
}

/// The bounds of `values`.
fn shown(bounds: &Bounds) -> DistinctBounds {
    DistinctBounds { shown: bounds.max_values, counted: bounds.max_distinct_values }
}

/// The bounds of `dc`, which shows nothing and needs no texts.
fn unseen(bounds: &Bounds) -> DistinctBounds {
    DistinctBounds { shown: 0, counted: bounds.max_distinct_values }
}

/// What is kept of an input: for `count(f)` only how many values there are.
pub(super) fn kept(function: Function, input: &Value) -> Value {
    match function {
        Function::CountValues => Value::number(input.scalars().len() as f64),
        _ => input.clone(),
    }
}

/// What a kept input of `count(f)` counts.
pub(super) fn counted(kept: &Value) -> u64 {
    match kept {
        Value::One(Scalar::Number(count)) => *count as u64,
        _ => 0,
    }
}

/// The value of an aggregate over the inputs of the units, oldest event first.
pub(super) fn of_units(function: Function, inputs: &[&Value]) -> Value {
    let scalars = || inputs.iter().flat_map(|value| value.scalars()).cloned().collect::<Vec<Scalar>>();
    match function {
        Function::Sum => statistics::sum(&scalars()),
        Function::SumOfSquares => statistics::sum_of_squares(&scalars()),
        Function::Mean => statistics::mean(&scalars()),
        Function::Variance { sample, root } => {
            let variance = statistics::variance(&scalars(), sample);
            variance.map_or(Value::Null, |variance| Value::number(if root { variance.sqrt() } else { variance }))
        }
        Function::Percentile(percent) => statistics::percentile(&scalars(), percent),
        Function::Median => statistics::median(&scalars()),
        Function::Mode => statistics::mode(&scalars()),
        Function::List => {
            let newest_first = inputs.iter().rev().flat_map(|value| value.scalars());
            as_text(Value::from_scalars(newest_first.take(LIST_LIMIT).cloned().collect()))
        }
        Function::First => inputs.iter().rev().find_map(|value| present(value)).map(as_text).unwrap_or_default(),
        Function::Last => inputs.iter().find_map(|value| present(value)).map(as_text).unwrap_or_default(),
        Function::Column => inputs.iter().find_map(|value| present(value)).unwrap_or_default(),
        // These have a state of their own.
        Function::Count | Function::CountValues | Function::Min | Function::Max | Function::Range => Value::Null,
        Function::Values | Function::DistinctCount => Value::Null,
    }
}

fn present(value: &Value) -> Option<Value> {
    (!value.is_null()).then(|| value.clone())
}

/// As Splunk documents of `first`, `last` and `list`, values become text.
fn as_text(value: Value) -> Value {
    Value::from_scalars(value.scalars().iter().map(|scalar| Scalar::Text(scalar.to_text())).collect())
}

/// The value of an aggregate over rows, in their order, and whether it shows or counts less than there is (BD-3).
pub(in crate::plan) fn of_rows(function: Function, inputs: &[Value], bounds: &Bounds) -> (Value, bool) {
    match (function, State::new(function)) {
        (Function::Count, _) => (Value::number(inputs.len() as f64), false),
        (Function::CountValues, _) => {
            let count: usize = inputs.iter().map(|input| input.scalars().len()).sum();
            (Value::number(count as f64), false)
        }
        // Units come oldest first, rows first row first.
        (_, State::Units) => (of_units(function, &inputs.iter().rev().collect::<Vec<_>>()), false),
        (_, mut state) => {
            inputs.iter().for_each(|input| state.add(bounds, input));
            (state.value(function), state.is_truncated())
        }
    }
}
