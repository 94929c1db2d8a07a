//! When a row may be announced before its window is complete (EM-1, EM-5).
//!
//! A row may go out early if no further event can take it back. That holds where every filter after `stats` is
//! monotone: once true for a group it stays true as events come in. What grows, what shrinks and what stays is followed
//! through the columns of the row; whatever is not understood waits for the close.

use std::collections::BTreeMap;

use super::aggregate::{Aggregate, Argument, Function};
use super::branch::keeps_time;
use super::command::Action;
use super::expr::Expression;
use super::extract::spath_output;
use super::leg::Leg;
use super::names::Names;
use super::parts::Parts;
use super::{PlanText, number};
use crate::spl::ast::{BinaryOp, Command, CompareOp, Expr, Pipeline, SearchExpr, SearchTerm, Spanned, UnaryOp};
use crate::spl::capture_names;

/// When rows may be announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Early {
    /// At the first match: nothing after `stats` can hide a row that passed once, nor show one that did not.
    FirstMatch,
    /// As soon as the row passes: it can only stay that way.
    Threshold,
    /// Only when the window is complete; the text says why.
    AtClose(String),
}

/// How many values must have come to a group at least, as far as the search says: of each event as many as
/// [`super::Contribution::values`]. Zero where it says nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Least {
    /// For its row to pass: there is no need to look at it before (EM-1).
    pub to_pass: u64,
    /// For its row to come as far as the first filter macro that hides rows: what ends before is neither shown nor counted
    /// (AG-4).
    pub to_count: u64,
}

/// How a column of the row changes as events come in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Growth {
    /// Not at all: a by-field, or made of such.
    Constant,
    /// Not at all, and it is known to be a number. (Against text a comparison is lexicographic: there `9` exceeds `10`.)
    Number,
    /// A number that never falls.
    Grows,
    /// A number that never falls, and is never more than the values that came to the group.
    Counts,
    /// A number that never rises.
    Shrinks,
    /// A set of values that never loses one.
    Gains,
    /// The size of one: null, then a number as [`Self::Counts`].
    Sizes,
    /// Anything may happen.
    Unknown,
}

/// What a filter does as events come in, from the best to the worst for us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Filter {
    /// It never changes its mind.
    Constant,
    /// Once true it stays true.
    Monotone,
    /// It may turn false again.
    Revocable,
}

/// What is known of a filter.
#[derive(Clone, Copy, Debug)]
struct Passing {
    filter: Filter,
    /// So many values must have come to a group for its row to pass.
    least: u64,
}

/// A side of a comparison.
struct Side {
    growth: Growth,
    /// What it is, where that is written in the search.
    number: Option<f64>,
}

struct Columns {
    known: BTreeMap<String, Growth>,
    /// Any other name: it is always null, unless something may have written anything.
    others: Growth,
}

/// When a row of a search may be announced, and what it takes at least.
pub(super) fn of(text: &PlanText, pipeline: &Pipeline, leg: &Leg) -> (Early, Least) {
    let parts = Parts::of(text, pipeline);
    match parts.whole.first() {
        Some(command) => (never(&text.search, command), Least::default()),
        None => classify(&text.search, leg, parts.after),
    }
}

/// Classifies the commands after `stats`; for a search without `stats`, those that work on its rows.
fn classify(search: &str, leg: &Leg, commands: &[Spanned<Command>]) -> (Early, Least) {
    let mut columns = Columns::new(leg);
    let (mut all, mut least, mut is_counted) = (Passing::from(Filter::Constant), Least::default(), false);
    let at_close = |reason: String| (Early::AtClose(reason), Least::default());
    for (command, step) in commands.iter().zip(&leg.row_steps) {
        let passing = match &command.node {
            Command::Search(expr) => columns.search(expr),
            Command::Where(condition) => columns.condition(&condition.node),
            // Their number and order may change with every event, and with them which row has which id.
            Command::MvExpand { .. } => return at_close("mvexpand makes several rows of one".into()),
            Command::Spath { path: None, .. } => {
                return at_close("spath without a path may write any column".into());
            }
            other => {
                columns.follow(other, &step.action);
                continue;
            }
        };
        if passing.filter == Filter::Revocable {
            let text = search.get(command.span.clone()).unwrap_or_default().trim();
            return at_close(format!("a later event may take back what passes `{text}`"));
        }
        // In windows after its expiry a filter asks for nothing.
        all = all.and(if step.expires.is_none() { passing } else { passing.filter.into() });
        is_counted |= step.filter.is_some();
        least = Least { to_pass: all.least, to_count: if is_counted { least.to_count } else { all.least } };
    }
    (if all.filter == Filter::Monotone { Early::Threshold } else { Early::FirstMatch }, least)
}

/// A search whose later commands need every row (EM-5); `command` is the first of them.
fn never(search: &str, command: &Spanned<Command>) -> Early {
    let text = search.get(command.span.clone()).unwrap_or_default();
    // Of a subsearch it is enough to say that there is one.
    let text = text.split_once('[').map_or(text, |(command, _)| command).trim();
    Early::AtClose(format!("`{text}` needs every row of the window"))
}

impl Columns {
    fn new(leg: &Leg) -> Self {
        let constant = leg.by.iter().map(|name| (name.to_string(), Growth::Constant));
        let has_own_time = leg.branches.iter().flat_map(|branch| &branch.steps).all(|step| keeps_time(&step.action));
        let grown = leg.aggregates.iter();
        let grown = grown.map(|aggregate| (aggregate.output.to_string(), growth(aggregate, has_own_time)));
        Self { known: constant.chain(grown).collect(), others: Growth::Constant }
    }

    fn all_constant(&self) -> bool {
        self.others.is_constant() && self.known.values().all(|growth| growth.is_constant())
    }

    fn of(&self, name: &str) -> Growth {
        self.known.get(name).copied().unwrap_or(self.others)
    }

    fn set(&mut self, name: &str, growth: Growth) {
        self.known.insert(name.to_owned(), growth);
    }

    fn follow(&mut self, command: &Command, action: &Action) {
        match command {
            Command::Eval(assignments) => assignments.iter().for_each(|(field, expr)| {
                let growth = self.value(&expr.node);
                self.set(&field.node, growth);
            }),
            Command::Rename(pairs) => pairs.iter().for_each(|(source, target)| self.rename(&source.node, &target.node)),
            // Of what is null `convert` writes nothing.
            Command::Convert { conversions, .. } => conversions.iter().for_each(|Spanned { node, .. }| {
                self.extract(&[&node.field], [node.output.as_ref().unwrap_or(&node.field).as_str()].into_iter());
            }),
            Command::Bin { field, output, .. } => {
                self.extract(&[&field.node], [output.as_ref().unwrap_or(field).node.as_str()].into_iter());
            }
            // What is null at first becomes a value and loses it again.
            Command::FillNull { .. } => self.known.values_mut().for_each(|growth| {
                if matches!(growth, Growth::Gains | Growth::Sizes) {
                    *growth = Growth::Unknown;
                }
            }),
            // What is no column any more is null from here on.
            Command::Fields { .. } | Command::Table(_) => self.known.retain(|name, _| action.keeps(name)),
            Command::Spath { input, output, path } => {
                self.extract(&[input], spath_output(output, path).map(String::as_str).into_iter());
            }
            Command::Rex { field, pattern, .. } => self.extract(&[field], capture_names(&pattern.node).into_iter()),
            Command::Lookup(lookup) => {
                let inputs: Vec<&str> = lookup.inputs.iter().map(|input| input.field.as_str()).collect();
                self.extract(&inputs, lookup.outputs.iter().map(|output| output.field.as_str()));
            }
            Command::Search(_) | Command::Where(_) | Command::MvExpand { .. } => {}
            // With these a plan has no early stage, or none of them comes after `stats`.
            Command::Stats(_)
            | Command::EventStats(_)
            | Command::Dedup { .. }
            | Command::Sort { .. }
            | Command::Head { .. }
            | Command::Append(_)
            | Command::Join(_) => {}
        }
    }

    /// What is taken out of fields that stay the same stays the same, if the field that it is written to does, too.
    fn extract<'c>(&mut self, inputs: &[&str], outputs: impl Iterator<Item = &'c str>) {
        let inputs = inputs.iter().all(|input| self.of(input).is_constant());
        for output in outputs {
            let constant = inputs && self.of(output).is_constant();
            self.set(output, if constant { Growth::Constant } else { Growth::Unknown });
        }
    }

    fn rename(&mut self, source: &str, target: &str) {
        if source.contains('*') {
            *self = Self { known: BTreeMap::new(), others: Growth::Unknown };
            return;
        }
        let growth = self.known.remove(source).unwrap_or(self.others);
        self.set(target, growth);
    }

    /// How the value of an expression changes.
    fn value(&self, expr: &Expr) -> Growth {
        match expr {
            Expr::Field(name) => self.of(name),
            Expr::Number(_) => Growth::Number,
            Expr::Text(text) if number::read(text).is_some() => Growth::Number,
            Expr::Unary(UnaryOp::Minus, inner) if self.value(&inner.node) == Growth::Number => Growth::Number,
            Expr::Call(function, arguments) if function == "mvcount" => match arguments.as_slice() {
                // The count of no values is null, which passes no comparison, then 1, 2, ...
                [Spanned { node: Expr::Field(name), .. }] if self.of(name) == Growth::Gains => Growth::Sizes,
                _ => self.mixed(expr),
            },
            other => self.mixed(other),
        }
    }

    fn mixed(&self, expr: &Expr) -> Growth {
        let names = Names::of_expr(expr).into_vec();
        let constant = names.iter().all(|name| self.of(name).is_constant()) && (!searches(expr) || self.all_constant());
        if constant { Growth::Constant } else { Growth::Unknown }
    }

    fn condition(&self, expr: &Expr) -> Passing {
        match expr {
            Expr::Binary(BinaryOp::And, left, right) => self.condition(&left.node).and(self.condition(&right.node)),
            Expr::Binary(BinaryOp::Or, left, right) => self.condition(&left.node).or(self.condition(&right.node)),
            Expr::Binary(BinaryOp::Compare(op), left, right) => {
                comparison(*op, &self.side(&left.node), &self.side(&right.node))
            }
            other if self.mixed(other) == Growth::Constant => Filter::Constant.into(),
            _ => Filter::Revocable.into(),
        }
    }

    fn side(&self, expr: &Expr) -> Side {
        let number = match expr {
            Expr::Number(number) => Some(*number),
            Expr::Text(text) => number::read(text),
            _ => None,
        };
        Side { growth: self.value(expr), number }
    }

    fn search(&self, expr: &SearchExpr) -> Passing {
        let judged = |parts: &[SearchExpr]| parts.iter().map(|part| self.search(part)).collect::<Vec<_>>().into_iter();
        match expr {
            SearchExpr::And(parts) => judged(parts).reduce(Passing::and).unwrap_or(Filter::Constant.into()),
            SearchExpr::Or(parts) => judged(parts).reduce(Passing::or).unwrap_or(Filter::Constant.into()),
            SearchExpr::Not(inner) => match self.search(inner).filter {
                Filter::Constant => Filter::Constant.into(),
                Filter::Monotone | Filter::Revocable => Filter::Revocable.into(),
            },
            SearchExpr::Term(term) => self.term(&term.node),
        }
    }

    fn term(&self, term: &SearchTerm) -> Passing {
        if let SearchTerm::Compare { field, op, value } = term
            && *op != CompareOp::Eq
            && field != "index"
            && let Some(number) = number::read(value)
        {
            let number = Side { growth: Growth::Number, number: Some(number) };
            return comparison(*op, &Side { growth: self.of(field), number: None }, &number);
        }
        self.presence(term).into()
    }

    /// A term that compares no numbers.
    fn presence(&self, term: &SearchTerm) -> Filter {
        match term {
            SearchTerm::Raw(text) if text.chars().all(|c| c == '*') => Filter::Constant,
            SearchTerm::In { field, .. } | SearchTerm::Compare { field, .. } if field == "index" => Filter::Constant,
            // It looks into every column.
            SearchTerm::Raw(_) if self.all_constant() => Filter::Constant,
            SearchTerm::Raw(_) => Filter::Revocable,
            SearchTerm::In { field, .. } => any_value(self.of(field)),
            SearchTerm::Compare { field, op: CompareOp::Eq, value } if value == "*" => exists(self.of(field)),
            SearchTerm::Compare { field, op: CompareOp::Eq, .. } => any_value(self.of(field)),
            SearchTerm::Compare { field, .. } if self.of(field).is_constant() => Filter::Constant,
            SearchTerm::Compare { .. } => Filter::Revocable,
        }
    }
}

impl From<Filter> for Passing {
    fn from(filter: Filter) -> Self {
        Self { filter, least: 0 }
    }
}

impl Passing {
    fn and(self, other: Self) -> Self {
        Self { filter: self.filter.max(other.filter), least: self.least.max(other.least) }
    }

    fn or(self, other: Self) -> Self {
        Self { filter: self.filter.max(other.filter), least: self.least.min(other.least) }
    }
}

impl Growth {
    fn is_constant(self) -> bool {
        matches!(self, Self::Constant | Self::Number)
    }
}

/// `searchmatch` may look into every column.
fn searches(expr: &Expr) -> bool {
    matches!(expr, Expr::Call(name, _) if name == "searchmatch")
        || expr.operands().any(|operand| searches(&operand.node))
}

/// `field=value`, `field IN (..)`: true if any value matches.
fn any_value(growth: Growth) -> Filter {
    match growth {
        Growth::Constant | Growth::Number => Filter::Constant,
        Growth::Gains => Filter::Monotone,
        Growth::Grows | Growth::Counts | Growth::Sizes | Growth::Shrinks | Growth::Unknown => Filter::Revocable,
    }
}

/// `field=*`: what has a value once keeps one.
fn exists(growth: Growth) -> Filter {
    match growth {
        Growth::Constant | Growth::Number => Filter::Constant,
        Growth::Gains | Growth::Grows | Growth::Counts | Growth::Sizes | Growth::Shrinks => Filter::Monotone,
        Growth::Unknown => Filter::Revocable,
    }
}

fn comparison(op: CompareOp, left: &Side, right: &Side) -> Passing {
    let (greater, less) = match op {
        _ if left.growth.is_constant() && right.growth.is_constant() => return Filter::Constant.into(),
        CompareOp::Gt | CompareOp::Ge => (left, right),
        CompareOp::Lt | CompareOp::Le => (right, left),
        CompareOp::Eq | CompareOp::Ne => return Filter::Revocable.into(),
    };
    let is_count = matches!(greater.growth, Growth::Counts | Growth::Sizes);
    let never_falls = is_count || matches!(greater.growth, Growth::Grows | Growth::Number);
    let never_rises = matches!(less.growth, Growth::Shrinks | Growth::Number);
    if !(never_falls && never_rises) {
        return Filter::Revocable.into();
    }
    let least = match less.number.filter(|_| is_count) {
        Some(number) if matches!(op, CompareOp::Gt | CompareOp::Lt) => number.floor() + 1.0,
        Some(number) => number.ceil(),
        None => 0.0,
    };
    // A cast that would not fit gives the nearest number that does.
    Passing { filter: Filter::Monotone, least: least as u64 }
}

/// How an aggregate changes as events come in; and whether `_time` is the events' own there.
fn growth(aggregate: &Aggregate, has_own_time: bool) -> Growth {
    let is_time = || has_own_time && is_time(&aggregate.argument);
    match aggregate.function {
        Function::Count | Function::CountValues | Function::DistinctCount => Growth::Counts,
        Function::Values => Growth::Gains,
        // Of other fields one text makes the comparison lexicographic, and the extreme may jump back.
        Function::Max if is_time() => Growth::Grows,
        Function::Min if is_time() => Growth::Shrinks,
        Function::Column => Growth::Constant,
        _ => Growth::Unknown,
    }
}

fn is_time(argument: &Argument) -> bool {
    matches!(argument, Argument::Value(Expression::Field(field)) if &**field.name() == "_time")
}
