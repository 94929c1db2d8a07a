//! Expressions of `eval` and `where`: values and conditions.
//!
//! Null is the third truth value: a comparison with null is null, `false AND null` is false, `NOT null` is null, and
//! `where` keeps a record only where its condition is true. Conditions and values are different types, as in Splunk: a
//! condition cannot be assigned to a field.

mod compile;
mod conditions;
mod functions;
mod json;
mod multivalue;
mod numeric;
mod relative;
mod text;

use std::cmp::Ordering;

use regex::Regex;

pub(super) use compile::{Typed, compile_condition, compile_typed, compile_value};
pub(super) use conditions::Network;
pub(super) use relative::relative_to;

use super::matcher::Matcher;
use super::number::Numeric;
use super::pattern::like;
use super::record::Record;
use super::regular;
use super::time_format::TimeFormat;
use super::{Scalar, Value};
use crate::cloudtrail::FieldPath;
use crate::spl::ast::CompareOp;

/// What gives a value.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Constant(Value),
    Field(FieldPath),
    Call(fn(&[Value]) -> Value, Vec<Expression>),
    If(Box<Condition>, Box<[Expression; 2]>),
    Case(Vec<(Condition, Expression)>),
    /// `True`, `False`, or null: `tostring(<condition>)`.
    TruthText(Box<Condition>),
    /// `now()`: the end of the window (AG-5).
    Now,
    Replace(Box<Replace>),
    /// `mvfilter(condition)`: the values of the one field that the condition names for which it holds.
    Filter(FieldPath, Box<Condition>),
    /// `mvmap(field, expression)`: what the expression of the one field gives for each of its values.
    Map(FieldPath, Box<Expression>),
    /// `mvfind(field, regex)`: the index of the first value that matches.
    Find(Box<Expression>, Pattern),
    StrFTime(Box<Expression>, Format),
    StrPTime(Box<Expression>, Format),
}

/// What gives true, false or null.
#[derive(Clone, Debug)]
pub(super) enum Condition {
    Constant(Option<bool>),
    Not(Box<Condition>),
    And(Box<[Condition; 2]>),
    Or(Box<[Condition; 2]>),
    Xor(Box<[Condition; 2]>),
    Compare(CompareOp, Box<[Expression; 2]>),
    In(Expression, Vec<Expression>),
    Like(Box<[Expression; 2]>),
    Match(Expression, Pattern),
    /// `searchmatch("...")`
    Search(Box<Matcher>),
    Call(fn(&[Value]) -> Option<bool>, Vec<Expression>),
}

/// `replace(text, regex, replacement)`.
#[derive(Clone, Debug)]
pub(super) struct Replace {
    text: Expression,
    pattern: Pattern,
    replacement: Expression,
}

/// A regular expression: fixed in the search, or computed for each record.
#[derive(Clone, Debug)]
pub(super) enum Pattern {
    Fixed(Regex),
    Computed(Box<Expression>),
}

/// A time format: fixed in the search, or computed for each record.
#[derive(Clone, Debug)]
pub(super) enum Format {
    Fixed(TimeFormat),
    Computed(Box<Expression>),
}

impl Expression {
    /// The value for this record. Recursion is bounded by the parser's limit on nesting.
    pub(super) fn value(&self, record: &Record<'_>) -> Value {
        match self {
            Self::Constant(value) => value.clone(),
            Self::Field(field) => record.get(field),
            Self::Call(function, arguments) => function(&values(arguments, record)),
            Self::If(condition, branches) => {
                let [then, otherwise] = &**branches;
                if condition.holds(record) { then.value(record) } else { otherwise.value(record) }
            }
            Self::Case(cases) => cases
                .iter()
                .find(|(condition, _)| condition.holds(record))
                .map_or(Value::Null, |(_, value)| value.value(record)),
            Self::TruthText(condition) => match condition.truth(record) {
                Some(true) => Value::text("True"),
                Some(false) => Value::text("False"),
                None => Value::Null,
            },
            Self::Now => Value::number(record.now()),
            Self::Replace(replace) => replace.value(record),
            Self::Filter(field, condition) => filter(record, field, condition),
            Self::Map(field, expression) => map(record, field, expression),
            Self::Find(field, pattern) => pattern.with(record, |regex| find(&field.value(record), regex)),
            Self::StrFTime(time, format) => format.with(record, |format| strftime(&time.value(record), format)),
            Self::StrPTime(text, format) => format.with(record, |format| strptime(&text.value(record), format)),
        }
    }
}

impl Condition {
    /// Whether it is true; null is not.
    pub(super) fn holds(&self, record: &Record<'_>) -> bool {
        self.truth(record) == Some(true)
    }

    /// True, false, or null.
    pub(super) fn truth(&self, record: &Record<'_>) -> Option<bool> {
        match self {
            Self::Constant(truth) => *truth,
            Self::Not(inner) => inner.truth(record).map(|truth| !truth),
            Self::And(sides) => and(sides[0].truth(record), || sides[1].truth(record)),
            Self::Or(sides) => {
                and(sides[0].truth(record).map(|a| !a), || sides[1].truth(record).map(|b| !b)).map(|both| !both)
            }
            Self::Xor(sides) => Some(sides[0].truth(record)? != sides[1].truth(record)?),
            Self::Compare(op, sides) => compare(*op, &sides[0].value(record), &sides[1].value(record)),
            Self::In(value, list) => is_in(&value.value(record), &values(list, record)),
            Self::Like(sides) => is_like(&sides[0].value(record), &sides[1].value(record)),
            Self::Match(value, pattern) => pattern.with(record, |regex| is_match(&value.value(record), regex)),
            Self::Search(matcher) => Some(matcher.matches(record)),
            Self::Call(function, arguments) => function(&values(arguments, record)),
        }
    }
}

impl Replace {
    fn value(&self, record: &Record<'_>) -> Value {
        let text = self.text.value(record);
        let replacement = match self.replacement.value(record) {
            Value::One(replacement) => text::replacement(&replacement.to_text()),
            _ => return Value::Null,
        };
        self.pattern.with(record, |regex| {
            text::each(&text, |text| Some(Scalar::text(regex.replace_all(text, replacement.as_str()))))
        })
    }
}

impl Pattern {
    /// Gives the regular expression to `then`; the default (null) where it is computed and cannot be compiled.
    fn with<T: Default>(&self, record: &Record<'_>, then: impl FnOnce(&Regex) -> T) -> T {
        match self {
            Self::Fixed(regex) => then(regex),
            Self::Computed(expression) => match expression.value(record) {
                Value::One(text) => regular::computed(&text.to_text()).map_or_else(T::default, |regex| then(&regex)),
                _ => T::default(),
            },
        }
    }
}

impl Format {
    fn with(&self, record: &Record<'_>, then: impl FnOnce(&TimeFormat) -> Value) -> Value {
        match self {
            Self::Fixed(format) => then(format),
            Self::Computed(expression) => match expression.value(record) {
                Value::One(text) => TimeFormat::new(&text.to_text()).map_or(Value::Null, |format| then(&format)),
                _ => Value::Null,
            },
        }
    }
}

fn values(expressions: &[Expression], record: &Record<'_>) -> Vec<Value> {
    expressions.iter().map(|expression| expression.value(record)).collect()
}

/// False if either is false, else null if either is null.
fn and(left: Option<bool>, right: impl FnOnce() -> Option<bool>) -> Option<bool> {
    match (left, right) {
        (Some(false), _) => Some(false),
        (Some(true), right) => right(),
        (None, right) => right().filter(|right| !right),
    }
}

/// Compares two values: as numbers if both are, otherwise as text by UTF-8 bytes. Of a multivalue field any value may
/// make it true. Null if either side is null.
fn compare(op: CompareOp, left: &Value, right: &Value) -> Option<bool> {
    if left.is_null() || right.is_null() {
        return None;
    }
    Some(left.scalars().iter().any(|a| right.scalars().iter().any(|b| holds(op, order(a, b)))))
}

fn holds(op: CompareOp, order: Ordering) -> bool {
    match op {
        CompareOp::Eq => order.is_eq(),
        CompareOp::Ne => order.is_ne(),
        CompareOp::Lt => order.is_lt(),
        CompareOp::Le => order.is_le(),
        CompareOp::Gt => order.is_gt(),
        CompareOp::Ge => order.is_ge(),
    }
}

/// Numbers by value, anything else as text; case-sensitive.
pub(super) fn order(a: &Scalar, b: &Scalar) -> Ordering {
    match (Numeric::of(a), Numeric::of(b)) {
        (Some(a), Some(b)) => a.compare(b),
        _ => a.to_text().as_bytes().cmp(b.to_text().as_bytes()),
    }
}

/// As `value=a OR value=b ...`: without a match a null item leaves it open.
fn is_in(value: &Value, list: &[Value]) -> Option<bool> {
    let equal = |item| compare(CompareOp::Eq, value, item);
    if list.iter().any(|item| equal(item) == Some(true)) {
        return Some(true);
    }
    list.iter().all(|item| equal(item).is_some()).then_some(false)
}

fn is_like(value: &Value, pattern: &Value) -> Option<bool> {
    let Value::One(pattern) = pattern else { return None };
    any_text(value, |text| like(text, &pattern.to_text()))
}

fn is_match(value: &Value, regex: &Regex) -> Option<bool> {
    any_text(value, |text| regex.is_match(text))
}

/// Whether any value passes; null for null.
fn any_text(value: &Value, test: impl Fn(&str) -> bool) -> Option<bool> {
    (!value.is_null()).then(|| value.scalars().iter().any(|scalar| test(&scalar.to_text())))
}

fn filter(record: &Record<'_>, field: &FieldPath, condition: &Condition) -> Value {
    let value = record.get(field);
    let passes = |scalar: &&Scalar| condition.holds(&alone(record, field, scalar));
    Value::from_scalars(value.scalars().iter().filter(passes).cloned().collect())
}

fn map(record: &Record<'_>, field: &FieldPath, expression: &Expression) -> Value {
    let value = record.get(field);
    let results = value.scalars().iter().map(|scalar| expression.value(&alone(record, field, scalar)));
    Value::from_scalars(results.flat_map(|result| result.scalars().to_vec()).collect())
}

/// A record of nothing but one value of a field.
fn alone(record: &Record<'_>, field: &FieldPath, scalar: &Scalar) -> Record<'static> {
    Record::row(vec![(field.name().clone(), Value::One(scalar.clone()))], record.end_of_window())
}

fn find(value: &Value, regex: &Regex) -> Value {
    let index = value.scalars().iter().position(|scalar| regex.is_match(&scalar.to_text()));
    index.map_or(Value::Null, |index| Value::number(index as f64))
}

fn strftime(time: &Value, format: &TimeFormat) -> Value {
    let seconds = numeric::of(time);
    seconds.and_then(|seconds| format.format(seconds)).map_or(Value::Null, Value::text)
}

fn strptime(text: &Value, format: &TimeFormat) -> Value {
    let Value::One(text) = text else { return Value::Null };
    format.parse(&text.to_text()).map_or(Value::Null, Value::number)
}
