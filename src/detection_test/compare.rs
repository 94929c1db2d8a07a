//! What came against what was expected.

use std::fmt;

use super::file::{Case, ExpectedRow};
use super::run::Outcome;
use crate::risk_event::{Pane, RiskEvent};
use crate::value::Value;

/// One way in which a test's outcome is not what it expects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// An expected risk event did not come, but this one is the nearest to it.
    Differs {
        /// The line of the expected row.
        line: usize,
        /// What differs: its name, what was expected, what was found.
        facts: Vec<(String, String, String)>,
    },
    /// An expected risk event did not come.
    Missing {
        /// The line of the expected row.
        line: usize,
        /// What was expected: names and values.
        facts: Vec<(String, String)>,
    },
    /// A risk event came that nothing expects: names and values.
    Unexpected(Vec<(String, String)>),
    /// Not as much was rejected as expected, or more.
    Rejected {
        /// How much was expected.
        expected: u64,
        /// Why each piece was rejected.
        found: Vec<String>,
    },
}

/// Every difference between a test and its outcome; none where it passes. Each expected row stands for one risk event
/// of its own, in whatever way that leaves the fewest over.
pub fn compare(case: &Case, outcome: &Outcome) -> Vec<Difference> {
    let found: Vec<Facts> = outcome.finals.iter().map(|event| Facts::of(event, outcome)).collect();
    let differing = |expected: &ExpectedRow, facts: &Facts| facts.differences(expected);
    let pairs =
        pair(case.expected.len(), found.len(), |row, event| differing(&case.expected[row], &found[event]).is_empty());
    let mut left: Vec<usize> = (0..found.len()).filter(|event| !pairs.contains(&Some(*event))).collect();
    let mut differences = Vec::new();
    for (row, expected) in case.expected.iter().enumerate().filter(|(row, _)| pairs[*row].is_none()) {
        let nearest = left.iter().enumerate().min_by_key(|(_, event)| differing(expected, &found[**event]).len());
        let line = case.expected[row].line;
        differences.push(match nearest.map(|(at, event)| (at, *event)) {
            Some((at, event)) => {
                left.remove(at);
                Difference::Differs { line, facts: differing(expected, &found[event]) }
            }
            None => Difference::Missing { line, facts: wanted(expected) },
        });
    }
    differences.extend(left.into_iter().map(|event| Difference::Unexpected(found[event].0.clone())));
    if outcome.rejected.len() as u64 != case.rejected {
        let found = outcome.rejected.iter();
        let found = found.map(|it| format!("{}: {}", it.reason.as_str(), it.detail)).collect();
        differences.push(Difference::Rejected { expected: case.rejected, found });
    }
    differences
}

/// The largest set of pairs that fit (augmenting paths): for each of `rows` the event it is paired with.
fn pair(rows: usize, events: usize, fits: impl Fn(usize, usize) -> bool) -> Vec<Option<usize>> {
    let mut owner: Vec<Option<usize>> = vec![None; events];
    for row in 0..rows {
        let mut tried = vec![false; events];
        take(row, &fits, &mut owner, &mut tried);
    }
    (0..rows).map(|row| owner.iter().position(|owner| *owner == Some(row))).collect()
}

fn take(row: usize, fits: &impl Fn(usize, usize) -> bool, owner: &mut [Option<usize>], tried: &mut [bool]) -> bool {
    for event in 0..owner.len() {
        if tried[event] || !fits(row, event) {
            continue;
        }
        tried[event] = true;
        if owner[event].is_none_or(|other| take(other, fits, owner, tried)) {
            owner[event] = Some(row);
            return true;
        }
    }
    false
}

/// A risk event as names and values: what an expected row can name.
struct Facts(Vec<(String, String)>);

const PANE: &str = "pane";
const MESSAGE: &str = "message";
const EARLY: &str = "early";
const PARTIAL: &str = "partial";

impl Facts {
    fn of(event: &RiskEvent, outcome: &Outcome) -> Self {
        let column = |(name, value): &(std::sync::Arc<str>, Value)| (name.to_string(), shown(&texts(value)));
        let mut facts: Vec<_> = event.row.iter().filter(|(_, value)| !value.is_null()).map(column).collect();
        let pane = match event.pane {
            Pane::Forced(_) => "forced".to_owned(),
            pane => pane.to_string(),
        };
        facts.push((format!("({PANE})"), pane));
        facts.push((format!("({MESSAGE})"), event.risk_message.clone()));
        facts.push((format!("({EARLY})"), outcome.early.contains(&event.id).to_string()));
        facts.push((format!("({PARTIAL})"), event.marks.partial.to_string()));
        Self(facts)
    }

    fn differences(&self, expected: &ExpectedRow) -> Vec<(String, String, String)> {
        let found = |name: &str| {
            let fact = self.0.iter().find(|(known, _)| known == name);
            fact.map_or_else(|| NULL.to_owned(), |(_, value)| value.clone())
        };
        let wanted = wanted(expected).into_iter().map(|(name, value)| {
            let found = found(&name);
            (name, value, found)
        });
        wanted.filter(|(_, wanted, found)| wanted != found).collect()
    }
}

/// What a row expects, under the names that [`Facts`] has.
fn wanted(expected: &ExpectedRow) -> Vec<(String, String)> {
    let mut wanted: Vec<_> = expected.columns.iter().map(|(name, values)| (name.clone(), shown(values))).collect();
    let beside = [
        (PANE, expected.pane.clone()),
        (MESSAGE, expected.message.clone()),
        (EARLY, expected.early.map(|early| early.to_string())),
        (PARTIAL, expected.partial.map(|partial| partial.to_string())),
    ];
    wanted.extend(beside.into_iter().filter_map(|(name, value)| Some((format!("({name})"), value?))));
    wanted
}

const NULL: &str = "null";

fn texts(value: &Value) -> Vec<String> {
    value.scalars().iter().map(ToString::to_string).collect()
}

/// One value as it is, several in brackets, none as `null`.
fn shown(values: &[String]) -> String {
    match values {
        [] => NULL.to_owned(),
        [one] => one.clone(),
        many => format!("[{}]", many.join(", ")),
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |f: &mut fmt::Formatter<'_>, facts: &[(String, String)]| {
            facts.iter().try_for_each(|(name, value)| write!(f, "\n      {name}: {value}"))
        };
        match self {
            Self::Differs { line, facts } => {
                write!(f, "the row of line {line} differs from the nearest that came:")?;
                facts.iter().try_for_each(|(name, wanted, found)| {
                    write!(f, "\n      {name}\n        - {wanted}\n        + {found}")
                })
            }
            Self::Missing { line, facts } => {
                write!(f, "the row of line {line} did not come:")?;
                list(f, facts)
            }
            Self::Unexpected(facts) => {
                f.write_str("a row came that is not expected:")?;
                list(f, facts)
            }
            Self::Rejected { expected, found } => {
                write!(f, "{expected} pieces of records were to be rejected, and {} were:", found.len())?;
                found.iter().try_for_each(|reason| write!(f, "\n      {reason}"))
            }
        }
    }
}
