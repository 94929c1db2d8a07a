//! The commands that take fields out of texts, and those that order and choose rows.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::value::{all, as_number, field, text};
use super::{Record, flatten};
use crate::ast::{Command, Order};

/// `spath`.
pub fn spath(row: &mut Record, input: Option<&str>, output: Option<&str>, path: Option<&str>) {
    let input = all(&row.get(input.unwrap_or("_raw")));
    let documents: Vec<Json> = input.iter().filter_map(|one| serde_json::from_str(&text(one)).ok()).collect();
    let Some(path) = path else {
        let mut found = BTreeMap::new();
        documents.iter().for_each(|document| flatten(document, String::new(), &mut found));
        found.retain(|name, _| !name.is_empty() && !name.starts_with('_'));
        return found.into_iter().for_each(|(name, values)| row.set(&name, field(values)));
    };
    let mut found: Vec<&Json> = documents.iter().collect();
    for step in path.split('.') {
        let key = step.split('{').next().expect("a key");
        found = found.into_iter().filter_map(|node| node.as_object()?.get(key)).collect();
        for brace in step.split('{').skip(1) {
            let index = brace.trim_end_matches('}');
            found = found.into_iter().flat_map(|node| elements(node, index)).collect();
        }
    }
    let values: Vec<Json> = found.into_iter().filter_map(leaf).collect();
    if !values.is_empty() {
        row.set(output.unwrap_or(path), field(values));
    }
}

/// Of an object `{}` is the object itself.
fn elements<'a>(node: &'a Json, index: &str) -> Vec<&'a Json> {
    match (node, index.parse::<usize>()) {
        (Json::Array(items), Ok(index)) => items.get(index).into_iter().collect(),
        (Json::Array(items), Err(_)) => items.iter().collect(),
        (Json::Object(_), Err(_)) => vec![node],
        _ => Vec::new(),
    }
}

fn leaf(node: &Json) -> Option<Json> {
    match node {
        Json::Null => None,
        Json::Array(items) if items.is_empty() => None,
        Json::String(text) => Some(json!(text)),
        other => Some(json!(other.to_string())),
    }
}

/// `rex`.
pub fn rex(row: &mut Record, from: Option<&str>, pattern: &str, max_match: usize) {
    let pattern = regex::Regex::new(pattern).expect("the generator knows patterns");
    let most = if max_match == 0 { usize::MAX } else { max_match };
    let mut found: BTreeMap<String, Vec<Json>> = BTreeMap::new();
    for value in all(&row.get(from.unwrap_or("_raw"))) {
        for captures in pattern.captures_iter(&text(&value)).take(most) {
            for name in pattern.capture_names().flatten() {
                if let Some(group) = captures.name(name) {
                    found.entry(name.to_owned()).or_default().push(json!(group.as_str()));
                }
            }
        }
    }
    found.into_iter().for_each(|(name, values)| row.set(&name, field(values)));
}

/// `dedup`.
pub fn dedup(command: &Command, rows: Vec<Record>) -> Vec<Record> {
    let Command::Dedup { keep, fields, keep_empty, consecutive } = command else { return rows };
    let mut kept = Vec::new();
    let mut seen: Vec<Vec<Vec<String>>> = Vec::new();
    for row in rows {
        let values = fields.iter().map(|name| all(&row.get(name)).iter().map(text).collect::<Vec<_>>());
        let combination: Vec<Vec<String>> = values.collect();
        if combination.iter().any(Vec::is_empty) {
            kept.extend(keep_empty.then_some(row));
            continue;
        }
        if *consecutive && seen.last().is_some_and(|last| *last != combination) {
            seen.clear();
        }
        seen.push(combination.clone());
        if seen.iter().filter(|other| **other == combination).count() <= *keep {
            kept.push(row);
        }
    }
    kept
}

/// `sort`: what a key cannot read comes last in either direction.
pub fn sort(keys: &[(String, bool, Order)], rows: &mut [Record]) {
    let orders: Vec<Order> = keys.iter().map(|(name, _, order)| decide(*order, name, rows)).collect();
    rows.sort_by(|a, b| {
        let compared = keys
            .iter()
            .zip(&orders)
            .map(|((name, descending, _), order)| compare(&a.get(name), &b.get(name), *order, *descending));
        compared.fold(Ordering::Equal, Ordering::then)
    });
}

/// What `auto` is for this column: of several values only the first is compared, so only that one is looked at.
fn decide(order: Order, name: &str, rows: &[Record]) -> Order {
    let first = |row: &Record| all(&row.get(name)).first().map(text);
    let values: BTreeSet<String> = rows.iter().filter_map(first).collect();
    let every = |is: fn(&str) -> bool| values.iter().all(|value| is(value));
    match order {
        Order::Auto if every(|value| as_number(&json!(value)).is_some()) => Order::Number,
        Order::Auto if every(|value| value.parse::<IpAddr>().is_ok()) => Order::Address,
        Order::Auto => Order::Text,
        other => other,
    }
}

fn compare(a: &Json, b: &Json, order: Order, descending: bool) -> Ordering {
    match order {
        Order::Number => by(a, b, as_number, |a, b| a.partial_cmp(b).expect("numbers"), descending),
        Order::Address => by(a, b, |one| text(one).parse::<IpAddr>().ok(), Ord::cmp, descending),
        _ => by(a, b, |one| Some(text(one)), Ord::cmp, descending),
    }
}

fn by<T>(
    a: &Json,
    b: &Json,
    read: impl Fn(&Json) -> Option<T>,
    of: impl Fn(&T, &T) -> Ordering,
    down: bool,
) -> Ordering {
    let key = |value: &Json| all(value).first().and_then(&read);
    match (key(a), key(b)) {
        (Some(a), Some(b)) if down => of(&b, &a),
        (Some(a), Some(b)) => of(&a, &b),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
