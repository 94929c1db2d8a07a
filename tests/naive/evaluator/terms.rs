//! `search`: terms over a record.

use serde_json::Value as Json;

use super::Record;
use super::expression::holds;
use super::value::{all, as_number, text};
use crate::ast::Terms;

/// Whether the record matches. Case does not count, `*` stands for anything, any value of a field may match.
pub fn matches(terms: &Terms, record: &Record) -> bool {
    match terms {
        Terms::Everything => true,
        Terms::All(terms, _) => terms.iter().all(|term| matches(term, record)),
        Terms::Any(terms) => terms.iter().any(|term| matches(term, record)),
        Terms::Not(term) => !matches(term, record),
        Terms::Compare(field, op, wanted) => all(&record.get(field)).iter().any(|value| compare(value, op, wanted)),
        Terms::In(field, wanted) => {
            all(&record.get(field)).iter().any(|value| wanted.iter().any(|wanted| compare(value, "=", wanted)))
        }
        Terms::Raw(wanted) => record.searchable().iter().any(|text| wildcard(&format!("*{wanted}*"), text)),
    }
}

fn compare(value: &Json, op: &str, wanted: &str) -> bool {
    let numbers = as_number(value).zip(as_number(&Json::from(wanted)));
    match (op, numbers) {
        ("=", Some((value, wanted))) => value == wanted,
        ("=", None) => wildcard(wanted, &text(value)) || holds(wanted, &text(value)) == Some(true),
        ("!=", _) => !compare(value, "=", wanted),
        (_, Some((value, wanted))) => ordered(op, value.partial_cmp(&wanted).expect("numbers")),
        (_, None) => ordered(op, text(value).to_lowercase().cmp(&wanted.to_lowercase())),
    }
}

/// Whether this order is what the operator asks for.
pub fn ordered(op: &str, order: std::cmp::Ordering) -> bool {
    match op {
        "<" => order.is_lt(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        ">=" => order.is_ge(),
        _ => unreachable!("{op} is no order"),
    }
}

/// Whether a text is of this pattern, in which `*` stands for any text.
pub fn wildcard(pattern: &str, text: &str) -> bool {
    glob(
        &pattern.to_lowercase().chars().collect::<Vec<_>>(),
        &text.to_lowercase().chars().collect::<Vec<_>>(),
        '*',
        None,
    )
}

/// `any` stands for any text, `one` for any character.
pub fn glob(pattern: &[char], text: &[char], any: char, one: Option<char>) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((first, rest)) if *first == any => (0..=text.len()).any(|skip| glob(rest, &text[skip..], any, one)),
        Some((first, rest)) => {
            text.first().is_some_and(|c| c == first || Some(*first) == one) && glob(rest, &text[1..], any, one)
        }
    }
}
