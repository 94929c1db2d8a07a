//! Search expressions: the base search and the command `search`.
//!
//! A bare term matches as a case-insensitive substring of `_raw`. (Splunk matches whole tokens, so `error` does not
//! find `errorCode` there and does here.)

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use super::Scalar;
use super::expr::Network;
use super::number::Numeric;
use super::pattern::{Pattern, fold};
use super::record::Record;
use crate::cloudtrail::FieldPath;
use crate::spl::ast::{CompareOp, SearchExpr, SearchTerm};

/// A compiled search expression.
#[derive(Clone, Debug)]
pub(super) enum Matcher {
    All(Vec<Matcher>),
    Any(Vec<Matcher>),
    Not(Box<Matcher>),
    Term(Term),
}

/// A compiled term.
#[derive(Clone, Debug)]
pub(super) enum Term {
    /// `index=...`: there is one stream, and every event is in it.
    Always,
    Compare {
        field: FieldPath,
        op: CompareOp,
        value: Literal,
    },
    In {
        field: FieldPath,
        values: Vec<Literal>,
    },
    Raw(Pattern),
}

/// The value of a term: compared as a number where both sides are numbers, otherwise as text.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    pub(super) text: Arc<str>,
    pub(super) pattern: Pattern,
    pub(super) number: Option<Numeric>,
    /// `10.0.0.0/8`: equal are also the addresses in it.
    pub(super) network: Option<Network>,
}

impl Matcher {
    /// Compiles a search expression.
    pub(super) fn compile(expr: &SearchExpr) -> Self {
        match expr {
            SearchExpr::And(parts) => Self::All(parts.iter().map(Self::compile).collect()),
            SearchExpr::Or(parts) => Self::Any(parts.iter().map(Self::compile).collect()),
            SearchExpr::Not(inner) => Self::Not(Box::new(Self::compile(inner))),
            SearchExpr::Term(term) => Self::Term(Term::compile(&term.node)),
        }
    }

    /// Whether the record matches.
    pub(super) fn matches(&self, record: &Record<'_>) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.matches(record)),
            Self::Any(parts) => parts.iter().any(|part| part.matches(record)),
            Self::Not(inner) => !inner.matches(record),
            Self::Term(term) => term.matches(record),
        }
    }
}

impl Term {
    fn compile(term: &SearchTerm) -> Self {
        match term {
            SearchTerm::Compare { field, .. } | SearchTerm::In { field, .. } if field == "index" => Self::Always,
            SearchTerm::Compare { field, op, value } => {
                Self::Compare { field: FieldPath::compile(field), op: *op, value: Literal::new(value) }
            }
            SearchTerm::In { field, values } => {
                Self::In { field: FieldPath::compile(field), values: values.iter().map(|v| Literal::new(v)).collect() }
            }
            SearchTerm::Raw(text) => Self::Raw(Pattern::folded(text)),
        }
    }

    fn matches(&self, record: &Record<'_>) -> bool {
        match self {
            Self::Always => true,
            Self::Compare { field, op, value } => any(record, field, &|given| value.compares(*op, given)),
            Self::In { field, values } => any(record, field, &|given| values.iter().any(|value| value.equals(given))),
            Self::Raw(pattern) => record.any_text(|text| pattern.occurs_in(&fold(text))),
        }
    }
}

/// A multivalue field matches if any value does; a missing one never does. What stands in the event is looked at there.
fn any(record: &Record<'_>, field: &FieldPath, test: &dyn Fn(Given<'_>) -> bool) -> bool {
    let in_event = record.any_in_event(field, &mut |text| test(Given::Text(text)));
    in_event.unwrap_or_else(|| record.get(field).scalars().iter().any(|scalar| test(Given::of(scalar))))
}

/// A value that a term is held against.
#[derive(Clone, Copy)]
enum Given<'a> {
    Text(&'a str),
    Number(f64),
}

impl<'a> Given<'a> {
    fn of(scalar: &'a Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => Self::Text(text),
            Scalar::Number(number) => Self::Number(*number),
        }
    }

    fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Number(number) => Cow::Owned(Scalar::Number(number).to_string()),
        }
    }

    fn number(self) -> Option<Numeric> {
        match self {
            Self::Text(text) => Numeric::of_text(text),
            Self::Number(number) => Numeric::of(&Scalar::Number(number)),
        }
    }
}

impl Literal {
    pub(super) fn new(text: &str) -> Self {
        let network = text.contains('/').then(|| Network::parse(text)).flatten();
        Self { text: text.into(), pattern: Pattern::folded(text), number: Numeric::of_text(text), network }
    }

    /// Whether a field that holds this text passes `=`.
    pub(super) fn equals_text(&self, text: &str) -> bool {
        self.equals(Given::Text(text))
    }

    fn compares(&self, op: CompareOp, given: Given<'_>) -> bool {
        match op {
            CompareOp::Eq => self.equals(given),
            CompareOp::Ne => !self.equals(given),
            CompareOp::Lt => self.order(given) == Ordering::Less,
            CompareOp::Le => self.order(given) != Ordering::Greater,
            CompareOp::Gt => self.order(given) == Ordering::Greater,
            CompareOp::Ge => self.order(given) != Ordering::Less,
        }
    }

    fn equals(&self, given: Given<'_>) -> bool {
        // Nothing else is looked at of what is written alike, wildcards or not.
        if matches!(given, Given::Text(text) if *text == *self.text) {
            return true;
        }
        if let (Some(network), Given::Text(text)) = (self.network, given)
            && network.contains(text)
        {
            return true;
        }
        match self.numeric_order(given) {
            Some(order) => order == Ordering::Equal,
            None => self.pattern.matches_folded(&given.text()),
        }
    }

    /// How the field's value stands to this one: as numbers if both are, otherwise by UTF-8 bytes, ignoring case.
    fn order(&self, given: Given<'_>) -> Ordering {
        let by_text = || fold(&given.text()).as_bytes().cmp(fold(&self.text).as_bytes());
        self.numeric_order(given).unwrap_or_else(by_text)
    }

    fn numeric_order(&self, given: Given<'_>) -> Option<Ordering> {
        let number = self.number?;
        Some(given.number()?.compare(number))
    }
}
