//! Search expressions: the base search and the command `search`.
//!
//! A bare term matches as a case-insensitive substring of `_raw`. (Splunk matches whole tokens, so `error` does not
//! find `errorCode` there and does here.)

use std::cmp::Ordering;
use std::sync::Arc;

use super::number::Numeric;
use super::pattern::{Pattern, fold};
use super::record::Record;
use super::{Scalar, Value};
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
            Self::Compare { field, op, value } => any(&record.get(field), |scalar| value.compares(*op, scalar)),
            Self::In { field, values } => {
                any(&record.get(field), |scalar| values.iter().any(|value| value.equals(scalar)))
            }
            Self::Raw(pattern) => record.any_text(|text| pattern.occurs_in(&fold(text))),
        }
    }
}

/// A multivalue field matches if any value does; a missing one never does.
fn any(value: &Value, test: impl Fn(&Scalar) -> bool) -> bool {
    value.scalars().iter().any(test)
}

impl Literal {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.into(), pattern: Pattern::folded(text), number: Numeric::of_text(text) }
    }

    fn compares(&self, op: CompareOp, scalar: &Scalar) -> bool {
        match op {
            CompareOp::Eq => self.equals(scalar),
            CompareOp::Ne => !self.equals(scalar),
            CompareOp::Lt => self.order(scalar) == Ordering::Less,
            CompareOp::Le => self.order(scalar) != Ordering::Greater,
            CompareOp::Gt => self.order(scalar) == Ordering::Greater,
            CompareOp::Ge => self.order(scalar) != Ordering::Less,
        }
    }

    fn equals(&self, scalar: &Scalar) -> bool {
        if let Some(order) = self.numeric_order(scalar) {
            return order == Ordering::Equal;
        }
        match scalar {
            Scalar::Text(text) => self.pattern.matches_folded(text),
            Scalar::Number(_) => self.pattern.matches_folded(&scalar.to_text()),
        }
    }

    /// How the field's value stands to this one: as numbers if both are, otherwise by UTF-8 bytes, ignoring case.
    fn order(&self, scalar: &Scalar) -> Ordering {
        let by_text = || fold(&scalar.to_text()).as_bytes().cmp(fold(&self.text).as_bytes());
        self.numeric_order(scalar).unwrap_or_else(by_text)
    }

    fn numeric_order(&self, scalar: &Scalar) -> Option<Ordering> {
        Some(Numeric::of(scalar)?.compare(self.number?))
    }
}
