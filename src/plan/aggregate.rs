//! The aggregates of `stats`: which there are, what they read of an event.

use std::sync::Arc;

use super::Value;
use super::error::CompileError;
use super::expr::{Condition, Expression, Typed, compile_typed};
use super::record::Record;
use crate::cloudtrail::FieldPath;
use crate::spl::ast::{self, AggregateArgument, Span, Spanned};

/// One column of a row that is made of the events of a group.
#[derive(Clone, Debug)]
pub(super) struct Aggregate {
    pub(super) function: Function,
    pub(super) argument: Argument,
    pub(super) output: Arc<str>,
    /// Where it is written; nowhere for a column of a search without `stats`.
    pub(super) span: Option<Span>,
}

/// What is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    /// Events.
    Count,
    /// Values of a field.
    CountValues,
    Min,
    Max,
    Range,
    Values,
    DistinctCount,
    Sum,
    SumOfSquares,
    Mean,
    /// Of a sample or a population; the square root of it is the standard deviation.
    Variance {
        sample: bool,
        root: bool,
    },
    List,
    /// The value of the newest event: Splunk hands events to `stats` newest first.
    First,
    /// The value of the oldest event.
    Last,
    Mode,
    Median,
    Percentile(f64),
    /// A column of a search without `stats`, whose groups hold one event.
    Column,
}

/// What is read of an event.
#[derive(Clone, Debug)]
pub(super) enum Argument {
    Nothing,
    Value(Expression),
    /// `count(eval(<condition>))`: a value where it is true.
    Condition(Condition),
}

impl Function {
    /// Whether copies of one event with different content (AG-2) contribute one copy: then the units' inputs are kept,
    /// and the value is computed from them when a row is made.
    pub(super) fn keeps_inputs(self) -> bool {
        !matches!(self, Self::Count | Self::Min | Self::Max | Self::Range | Self::Values | Self::DistinctCount)
    }
}

impl Argument {
    /// What the aggregate reads of this record.
    pub(super) fn input(&self, record: &Record<'_>) -> Value {
        match self {
            Self::Nothing => Value::Null,
            Self::Value(expression) => expression.value(record),
            Self::Condition(condition) if condition.holds(record) => Value::number(1.0),
            Self::Condition(_) => Value::Null,
        }
    }
}

impl Aggregate {
    /// Compiles one aggregate of `stats`.
    pub(super) fn compile(aggregate: &Spanned<ast::Aggregate>) -> Result<Self, CompileError> {
        let Spanned { node, span } = aggregate;
        let function = function(node, span)?;
        let argument = match &node.argument {
            None if function == Function::Count => Argument::Nothing,
            None => return Err(CompileError::invalid(format!("{} needs a field", node.function), span)),
            Some(argument) => compile_argument(argument, span)?,
        };
        if node.output.contains('*') {
            return Err(CompileError::unsupported("wildcards in stats are not supported", span)
                .with_help("name the fields one by one"));
        }
        Ok(Self { function, argument, output: node.output.as_str().into(), span: Some(span.clone()) })
    }
}

fn compile_argument(argument: &AggregateArgument, span: &Span) -> Result<Argument, CompileError> {
    match argument {
        AggregateArgument::Field(name) if name.contains('*') => {
            Err(CompileError::unsupported("wildcards in stats are not supported", span)
                .with_help("name the fields one by one"))
        }
        AggregateArgument::Field(name) => Ok(Argument::Value(Expression::Field(FieldPath::compile(name)))),
        AggregateArgument::Eval(expr) => Ok(match compile_typed(&expr.node, &expr.span)? {
            Typed::Value(value) => Argument::Value(value),
            Typed::Condition(condition) => Argument::Condition(condition),
        }),
    }
}

fn function(aggregate: &ast::Aggregate, span: &Span) -> Result<Function, CompileError> {
    Ok(match aggregate.function.as_str() {
        "count" | "c" if aggregate.argument.is_none() => Function::Count,
        "count" | "c" => Function::CountValues,
        "min" => Function::Min,
        "max" => Function::Max,
        "range" => Function::Range,
        "values" => Function::Values,
        "dc" | "distinct_count" | "estdc" => Function::DistinctCount,
        "sum" => Function::Sum,
        "sumsq" => Function::SumOfSquares,
        "avg" | "mean" => Function::Mean,
        "stdev" => Function::Variance { sample: true, root: true },
        "stdevp" => Function::Variance { sample: false, root: true },
        "var" => Function::Variance { sample: true, root: false },
        "varp" => Function::Variance { sample: false, root: false },
        "list" => Function::List,
        "first" | "latest" => Function::First,
        "last" | "earliest" => Function::Last,
        "mode" => Function::Mode,
        "median" => Function::Median,
        "perc" | "p" | "exactperc" | "upperperc" => percentile(aggregate, span)?,
        other => return Err(unknown(other, span)),
    })
}

fn percentile(aggregate: &ast::Aggregate, span: &Span) -> Result<Function, CompileError> {
    match aggregate.parameter.filter(|percent| (0.0..=100.0).contains(percent)) {
        Some(percent) => Ok(Function::Percentile(percent)),
        None => Err(CompileError::invalid("a percentile is between 0 and 100", span).with_help("as in perc95(field)")),
    }
}

const NAMES: [&str; 21] = [
    "avg", "count", "dc", "earliest", "first", "last", "latest", "list", "max", "mean", "median", "min", "mode",
    "range", "stdev", "stdevp", "sum", "sumsq", "values", "var", "varp",
];

fn unknown(name: &str, span: &Span) -> CompileError {
    let help = match crate::spl::nearest(name, NAMES) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("supported are {}, perc<n>", NAMES.join(", ")),
    };
    CompileError::unsupported(format!("unknown aggregate {name}"), span).with_help(help)
}
