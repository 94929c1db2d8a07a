//! What the text of every matching event shows: the clauses that the prefilter looks for (PO-3). They say more than the
//! literals of `literals.rs`, which are for people: where a value has to stand, and several things at once.

use super::branch::Branch;
use super::command::Action;
use super::literals::{is_plain, of_term as literals_of};
use super::matcher::{Literal, Matcher, Term};
use crate::cloudtrail::{Beginning, Clause, FieldPath};
use crate::spl::ast::CompareOp;

/// One list of clauses for each way that an event may take; all clauses of one of them hold for an event that matches.
/// An empty list: such an event may look like anything.
pub(super) fn of<'b>(branches: impl Iterator<Item = &'b Branch>) -> Vec<Vec<Clause>> {
    branches.map(of_branch).collect()
}

/// From the base search and the `search` commands that follow it at once, before any command could have written a
/// field.
fn of_branch(Branch { base, steps }: &Branch) -> Vec<Clause> {
    // In windows after its expiry a filter asks for nothing.
    let lasting = steps.iter().filter(|step| step.expires.is_none());
    let searches = lasting.map_while(|step| match &step.action {
        Action::Search(matcher) => Some(matcher),
        _ => None,
    });
    std::iter::once(base).chain(searches).flat_map(of_matcher).collect()
}

fn of_matcher(matcher: &Matcher) -> Vec<Clause> {
    match matcher {
        Matcher::All(parts) => parts.iter().flat_map(of_matcher).collect(),
        Matcher::Any(parts) => either(&parts.iter().map(of_matcher).collect::<Vec<_>>()),
        // What must not occur says nothing of what must.
        Matcher::Not(_) => Vec::new(),
        Matcher::Term(term) => of_term(term),
    }
}

fn of_term(term: &Term) -> Vec<Clause> {
    let member = match term {
        Term::Compare { field, op: CompareOp::Eq, value } => member(field, std::slice::from_ref(value)),
        Term::In { field, values } => member(field, values),
        Term::Compare { .. } | Term::Raw(_) | Term::Always => None,
    };
    member.or_else(|| literals_of(term).map(Clause::Literals)).into_iter().collect()
}

fn member(field: &FieldPath, values: &[Literal]) -> Option<Clause> {
    // The parts of the time stamp are made of it.
    let field = Some(field).filter(|field| !field.name().starts_with("date_"))?;
    let name = field.sole_member().filter(|name| !name.is_empty() && name.chars().all(is_of_names))?;
    let values = values.iter().map(beginning).collect::<Option<_>>()?;
    Some(Clause::Member { name: name.to_owned(), values })
}

fn is_of_names(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// How a text that equals the value begins; none where it may begin in any way, or is compared as a number.
fn beginning(value: &Literal) -> Option<Beginning> {
    let first = value.pattern.pieces().first().filter(|_| value.number.is_none() && value.network.is_none())?;
    let plain = first.find(|c| !is_plain(c)).unwrap_or(first.len());
    let whole = plain == first.len() && value.pattern.stars() == 0;
    (plain > 0).then(|| Beginning { text: first[..plain].to_owned(), whole })
}

/// What holds if all clauses of one of the parts hold: a key that each of them names, or else their literals.
fn either(parts: &[Vec<Clause>]) -> Vec<Clause> {
    let shared = parts.first().into_iter().flatten().find_map(|clause| match clause {
        Clause::Member { name, .. } => of_key(parts, name),
        Clause::Literals(_) => None,
    });
    shared.or_else(|| of_literals(parts)).into_iter().collect()
}

fn of_key(parts: &[Vec<Clause>], key: &str) -> Option<Clause> {
    let values = |part: &Vec<Clause>| {
        part.iter().find_map(|clause| match clause {
            Clause::Member { name, values } if name == key => Some(values.clone()),
            _ => None,
        })
    };
    let values = parts.iter().map(values).collect::<Option<Vec<_>>>()?.concat();
    Some(Clause::Member { name: key.to_owned(), values })
}

fn of_literals(parts: &[Vec<Clause>]) -> Option<Clause> {
    let literals = |clause: &Clause| match clause {
        Clause::Literals(literals) => literals.clone(),
        Clause::Member { values, .. } => values.iter().map(|value| value.text.clone()).collect(),
    };
    let shortest = |literals: &Vec<String>| literals.iter().map(String::len).min().unwrap_or(usize::MAX);
    let best = |part: &Vec<Clause>| part.iter().map(literals).max_by_key(shortest);
    Some(Clause::Literals(parts.iter().map(best).collect::<Option<Vec<_>>>()?.concat()))
}
