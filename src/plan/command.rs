//! The commands that work on one record: an event before `stats`, a row after it.

use std::sync::Arc;

use super::error::CompileError;
use super::expr::{Condition, Expression, compile_condition, compile_value};
use super::extract::{MvExpand, Rex, Spath};
use super::lookup::{Lookup, LookupTable};
use super::matcher::Matcher;
use super::number::{self, Numeric};
use super::pattern::Pattern;
use super::record::{Record, matches_any, names_any};
use super::time_format::TimeFormat;
use super::{Scalar, Value};
use crate::cloudtrail::FieldPath;
use crate::spl::ast::{self, BinSpan, Command, Span, Spanned};
use crate::time::EventTime;

/// A compiled command, with its place in the search.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) span: Span,
    /// Which of the plan's filter macros it came from (AG-4).
    pub(super) filter: Option<usize>,
    /// AG-5: in windows that end later it is passed over.
    pub(super) expires: Option<EventTime>,
}

impl Step {
    /// Whether the filter that it came from has expired at the end of a window.
    pub(super) fn is_expired(&self, window_end: EventTime) -> bool {
        self.expires.is_some_and(|expires| window_end > expires)
    }
}

/// What a command does to a record.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Search(Matcher),
    Where(Condition),
    Eval(Vec<(Arc<str>, Expression)>),
    Rename(Vec<Rename>),
    Keep(Vec<Pattern>),
    Drop(Vec<Pattern>),
    Table(Vec<Pattern>),
    FillNull(Value, Filled),
    Bin(Bin),
    Convert(Vec<Convert>),
    Spath(Spath),
    Rex(Box<Rex>),
    MvExpand(MvExpand),
    Lookup(Arc<Lookup>),
}

/// One pair of `rename`.
#[derive(Clone, Debug)]
pub(super) enum Rename {
    Field(FieldPath, Arc<str>),
    Matching(Pattern, Pattern),
}

/// `bin`.
#[derive(Clone, Debug)]
pub(super) struct Bin {
    pub(super) field: FieldPath,
    pub(super) output: Arc<str>,
    pub(super) span: BinWidth,
}

/// How wide a bin is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum BinWidth {
    /// Of `_time`: milliseconds, floored from the epoch.
    Time(i64),
    /// Of another number: the bin is shown as `10-20`.
    Number(f64),
}

/// One conversion of `convert`.
#[derive(Clone, Debug)]
pub(super) struct Convert {
    pub(super) function: Conversion,
    pub(super) field: FieldPath,
    pub(super) output: Arc<str>,
}

/// What `convert` does to each value.
#[derive(Clone, Debug)]
pub(super) enum Conversion {
    /// Seconds since the epoch to text; what is no number stays.
    CTime(TimeFormat),
    /// Text to seconds since the epoch; what does not parse is removed.
    MkTime(TimeFormat),
    /// Numbers; what is none is removed.
    Number,
    /// Numbers; what is none stays.
    Auto,
    Nothing,
}

impl Action {
    /// Applies the command. False: it drops the record. (`mvexpand` makes several records of one: see `run`.)
    pub(super) fn apply<'a>(&'a self, record: &mut Record<'a>) -> bool {
        match self {
            Self::Search(matcher) => return matcher.matches(record),
            Self::Where(condition) => return condition.holds(record),
            Self::Eval(assignments) => {
                for (field, expression) in assignments {
                    let value = expression.value(record);
                    record.set(field, value);
                }
            }
            Self::Rename(pairs) => pairs.iter().for_each(|pair| pair.apply(record)),
            Self::Keep(patterns) => record.keep(patterns),
            Self::Drop(patterns) => record.drop(patterns),
            Self::Table(patterns) => record.table(patterns),
            Self::FillNull(value, filled) => filled.fill(record, value),
            Self::Bin(bin) => record.set(&bin.output, bin.floor(&record.get(&bin.field))),
            Self::Convert(conversions) => conversions.iter().for_each(|conversion| conversion.apply(record)),
            Self::Spath(spath) => spath.apply(record),
            Self::Rex(rex) => rex.apply(record),
            Self::Lookup(lookup) => lookup.apply(record),
            Self::MvExpand(_) => {}
        }
        true
    }

    /// Whether it writes this field by name.
    pub(super) fn writes(&self, field: &str) -> bool {
        match self {
            Self::Eval(assignments) => assignments.iter().any(|(output, _)| &**output == field),
            Self::Rename(pairs) => pairs.iter().any(|pair| pair.writes(field)),
            Self::Bin(bin) => &*bin.output == field,
            Self::Convert(conversions) => conversions.iter().any(|conversion| &*conversion.output == field),
            Self::Spath(spath) => spath.writes(field),
            Self::Rex(rex) => rex.writes(field),
            Self::MvExpand(expand) => expand.writes(field),
            Self::Lookup(lookup) => lookup.writes(field),
            Self::Search(_) | Self::Where(_) | Self::Keep(_) | Self::Drop(_) | Self::Table(_) | Self::FillNull(..) => {
                false
            }
        }
    }

    /// Whether a column of this name is still there behind it.
    pub(super) fn keeps(&self, name: &str) -> bool {
        match self {
            Self::Keep(patterns) => name.starts_with('_') || matches_any(patterns, name),
            Self::Drop(patterns) => !names_any(patterns, name),
            Self::Table(patterns) => matches_any(patterns, name),
            _ => true,
        }
    }

    /// Compiles a command that works on one record. `fields_named_after`: what the rest of the pipeline names, for
    /// `fillnull`; none where the records are rows.
    pub(super) fn compile(
        command: &Command,
        span: &Span,
        lookups: &[Arc<LookupTable>],
        filled: impl FnOnce() -> Filled,
    ) -> Result<Self, CompileError> {
        Ok(match command {
            Command::Search(expr) => Self::Search(Matcher::compile(expr)),
            Command::Where(condition) => Self::Where(compile_condition(condition)?),
            Command::Eval(assignments) => Self::Eval(assignments.iter().map(assignment).collect::<Result<_, _>>()?),
            Command::Rename(pairs) => Self::Rename(pairs.iter().map(rename).collect()),
            Command::Fields { keep: true, fields } => Self::Keep(patterns(fields)),
            Command::Fields { keep: false, fields } => Self::Drop(patterns(fields)),
            Command::Table(fields) => Self::Table(patterns(fields)),
            Command::FillNull { value, fields } => {
                let listed =
                    fields.iter().map(|field| one_field(&field.node, &field.span)).collect::<Result<_, _>>()?;
                let filled = if fields.is_empty() { filled() } else { Filled::These(listed) };
                Self::FillNull(Value::text(value.as_str()), filled)
            }
            Command::Bin { field, span: width, output } => Self::Bin(Bin::compile(field, *width, output.as_ref())?),
            Command::Convert { timeformat, conversions } => Self::Convert(
                conversions
                    .iter()
                    .map(|conversion| Convert::compile(timeformat, conversion))
                    .collect::<Result<_, _>>()?,
            ),
            Command::Spath { input, output, path } => {
                Self::Spath(Spath::compile(input, output.as_deref(), path.as_deref()))
            }
            Command::Rex { field, pattern, max_match } => {
                Self::Rex(Box::new(Rex::compile(field, pattern, *max_match)?))
            }
            Command::Lookup(lookup) => Self::Lookup(Arc::new(Lookup::compile(lookup, lookups)?)),
            Command::MvExpand { field, limit } => Self::MvExpand(MvExpand::compile(field, *limit, span)?),
            Command::Stats(_)
            | Command::EventStats(_)
            | Command::Sort { .. }
            | Command::Head { .. }
            | Command::Dedup { .. }
            | Command::Append(_)
            | Command::Join(_) => {
                return Err(CompileError::unsupported("this command needs all rows of a window", span));
            }
        })
    }
}

fn patterns(fields: &[Spanned<String>]) -> Vec<Pattern> {
    fields.iter().map(|field| Pattern::exact(&field.node)).collect()
}

/// A field of a command that works on the fields which it names one by one.
pub(super) fn one_field(name: &str, span: &Span) -> Result<FieldPath, CompileError> {
    if name.contains('*') {
        return Err(
            CompileError::unsupported("wildcards are not supported here", span).with_help("name the fields one by one")
        );
    }
    Ok(FieldPath::compile(name))
}

fn assignment((field, expr): &(Spanned<String>, Spanned<ast::Expr>)) -> Result<(Arc<str>, Expression), CompileError> {
    one_field(&field.node, &field.span)?;
    Ok((field.node.as_str().into(), compile_value(expr)?))
}

fn rename((source, target): &(Spanned<String>, Spanned<String>)) -> Rename {
    let (from, to) = (Pattern::exact(&source.node), Pattern::exact(&target.node));
    debug_assert_eq!(from.stars(), to.stars(), "the parser refuses anything else");
    match from.stars() {
        0 => Rename::Field(FieldPath::compile(&source.node), target.node.as_str().into()),
        _ => Rename::Matching(from, to),
    }
}

impl Rename {
    fn writes(&self, field: &str) -> bool {
        match self {
            Self::Field(source, target) => &**source.name() == field || &**target == field,
            Self::Matching(source, target) => source.names(field) || target.names(field),
        }
    }

    fn apply(&self, record: &mut Record<'_>) {
        match self {
            Self::Field(source, target) => record.rename(source, target),
            Self::Matching(source, target) => record.rename_matching(source, target),
        }
    }
}

/// What `fillnull` fills.
#[derive(Clone, Debug)]
pub(super) enum Filled {
    These(Vec<FieldPath>),
    /// The columns of a row, and those that other rows are known to have.
    ColumnsAnd(Vec<FieldPath>),
}

impl Filled {
    fn fill(&self, record: &mut Record<'_>, value: &Value) {
        let (columns, fields) = match self {
            Self::These(fields) => (Vec::new(), fields),
            Self::ColumnsAnd(fields) => (record.column_names(), fields),
        };
        let columns: Vec<_> = columns.iter().map(|name| FieldPath::compile(name)).collect();
        for field in columns.iter().chain(fields) {
            if record.get(field).is_null() {
                record.set(field.name(), value.clone());
            }
        }
    }
}

impl Bin {
    fn compile(field: &Spanned<String>, span: BinSpan, output: Option<&Spanned<String>>) -> Result<Self, CompileError> {
        let span = match (field.node.as_str(), span) {
            ("_time", BinSpan::Time(millis)) => BinWidth::Time(millis),
            (_, BinSpan::Number(width)) => BinWidth::Number(width),
            (_, BinSpan::Time(_)) => {
                return Err(CompileError::unsupported("a time span is for _time only", &field.span)
                    .with_help("give the span as a number"));
            }
        };
        let output = output.unwrap_or(field).node.as_str().into();
        Ok(Self { field: one_field(&field.node, &field.span)?, output, span })
    }

    fn floor(&self, value: &Value) -> Value {
        let floored = value.scalars().iter().map(|scalar| match Numeric::of(scalar) {
            Some(number) => self.span.floor(number.float()),
            None => scalar.clone(),
        });
        Value::from_scalars(floored.collect())
    }
}

impl BinWidth {
    fn floor(self, number: f64) -> Scalar {
        match self {
            Self::Time(millis) => Scalar::Number(floor_time((number * 1000.0).round() as i64, millis) as f64 / 1000.0),
            Self::Number(width) => {
                let start = (number / width).floor() * width;
                Scalar::text(format!("{}-{}", number::print(start + 0.0), number::print(start + width)))
            }
        }
    }
}

/// The start of the span that an instant lies in (WN-2: Euclidean, so that it holds before 1970, too).
pub(super) fn floor_time(millis: i64, span: i64) -> i64 {
    millis.div_euclid(span).saturating_mul(span)
}

impl Convert {
    fn compile(timeformat: &str, conversion: &Spanned<ast::Conversion>) -> Result<Self, CompileError> {
        let Spanned { node, span } = conversion;
        let unsupported =
            |detail| CompileError::unsupported(format!("this time format is not supported: {detail}"), span);
        let function = match node.function.as_str() {
            "ctime" => Conversion::CTime(TimeFormat::new(timeformat).map_err(unsupported)?),
            "mktime" => Conversion::MkTime(TimeFormat::for_reading(timeformat).map_err(unsupported)?),
            "num" => Conversion::Number,
            "auto" => Conversion::Auto,
            "none" => Conversion::Nothing,
            other => {
                return Err(CompileError::unsupported(format!("unknown conversion {other}"), span)
                    .with_help("supported are ctime, mktime, num, auto, none"));
            }
        };
        let output = node.output.as_deref().unwrap_or(&node.field).into();
        Ok(Self { function, field: one_field(&node.field, span)?, output })
    }

    fn apply(&self, record: &mut Record<'_>) {
        let value = record.get(&self.field);
        if !value.is_null() {
            let converted = value.scalars().iter().filter_map(|scalar| self.function.convert(scalar));
            record.set(&self.output, Value::from_scalars(converted.collect()));
        }
    }
}

impl Conversion {
    fn convert(&self, scalar: &Scalar) -> Option<Scalar> {
        let number = Numeric::of(scalar).map(Numeric::float);
        match self {
            Self::CTime(format) => {
                let text = number.and_then(|seconds| format.format(seconds));
                Some(text.map_or_else(|| scalar.clone(), Scalar::text))
            }
            Self::MkTime(format) => format.parse(&scalar.to_text()).and_then(Scalar::number),
            Self::Number => number.and_then(Scalar::number),
            Self::Auto => Some(number.and_then(Scalar::number).unwrap_or_else(|| scalar.clone())),
            Self::Nothing => Some(scalar.clone()),
        }
    }
}
