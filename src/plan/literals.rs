//! The literals of which every matching event holds at least one (PO-3).

use super::branch::Branch;
use super::command::Action;
use super::matcher::{Literal, Matcher, Term};
use crate::cloudtrail::FieldPath;
use crate::spl::ast::CompareOp;

/// The set for a plan. An event that matches takes one of the branches; the set of one is from its base search and the
/// `search` commands that follow it at once, before any command could have written a field. `None`: no such set is
/// known.
pub(super) fn required<'b>(branches: impl Iterator<Item = &'b Branch>) -> Option<Vec<String>> {
    let mut literals = branches.map(of_branch).collect::<Option<Vec<_>>>()?.concat();
    literals.sort_unstable();
    literals.dedup();
    Some(literals)
}

fn of_branch(Branch { base, steps }: &Branch) -> Option<Vec<String>> {
    // In windows after its expiry a filter asks for nothing.
    let lasting = steps.iter().filter(|step| step.expires.is_none());
    let searches = lasting.map_while(|step| match &step.action {
        Action::Search(matcher) => Some(matcher),
        _ => None,
    });
    let sets = std::iter::once(base).chain(searches).map(of_matcher);
    sets.reduce(better).flatten()
}

fn of_matcher(matcher: &Matcher) -> Option<Vec<String>> {
    match matcher {
        Matcher::All(parts) => parts.iter().map(of_matcher).reduce(better).flatten(),
        // One branch without a set could match anything.
        Matcher::Any(parts) => parts.iter().map(of_matcher).collect::<Option<Vec<_>>>().map(|sets| sets.concat()),
        // What must not occur says nothing of what must.
        Matcher::Not(_) => None,
        Matcher::Term(term) => of_term(term),
    }
}

/// Of two sets that both hold, the one that admits less: whose shortest literal is longer.
fn better(a: Option<Vec<String>>, b: Option<Vec<String>>) -> Option<Vec<String>> {
    let selectivity = |set: &Vec<String>| set.iter().map(String::len).min().unwrap_or(usize::MAX);
    match (a, b) {
        (Some(a), Some(b)) => Some(if selectivity(&b) > selectivity(&a) { b } else { a }),
        (a, b) => a.or(b),
    }
}

pub(super) fn of_term(term: &Term) -> Option<Vec<String>> {
    match term {
        Term::Compare { field, op: CompareOp::Eq, value } => of_value(field, value).map(|literal| vec![literal]),
        Term::In { field, values } => values.iter().map(|value| of_value(field, value)).collect(),
        Term::Raw(pattern) => longest(pattern.pieces(), |_| true).map(|literal| vec![literal]),
        Term::Compare { .. } | Term::Always => None,
    }
}

/// A piece of the value that stands in the event as it is.
fn of_value(field: &FieldPath, value: &Literal) -> Option<String> {
    if !field.is_verbatim() || field.name().starts_with("date_") || value.network.is_some() {
        return None;
    }
    longest(value.pattern.pieces(), cannot_be_of_a_number)
}

/// The longest run of characters that JSON writes as they are.
fn longest(pieces: &[String], usable: impl Fn(&str) -> bool) -> Option<String> {
    let runs = pieces.iter().flat_map(|piece| piece.split(|c| !is_plain(c)));
    runs.filter(|run| !run.is_empty() && usable(run)).max_by_key(|run| run.len()).map(str::to_owned)
}

pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '.' | ':' | '-')
}

/// The event may write a number otherwise than the field shows it (`1E3`, `1000`).
fn cannot_be_of_a_number(run: &str) -> bool {
    !run.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'e' | b'E' | b'+' | b'-' | b'.'))
}
