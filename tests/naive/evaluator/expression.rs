//! `eval` and `where`: conditions know three truth values, everything else is a value.

use serde_json::{Value as Json, json};

use super::Record;
use super::functions::call;
use super::terms::{glob, matches, ordered};
use super::value::{all, as_number, number, text};
use crate::ast::Expr;

/// What a condition comes to; null is neither true nor false.
pub fn truth(expr: &Expr, record: &Record) -> Option<bool> {
    match expr {
        Expr::Not(inner) => truth(inner, record).map(|truth| !truth),
        Expr::Binary("AND", left, right) => match (truth(left, record), truth(right, record)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        Expr::Binary("OR", left, right) => match (truth(left, record), truth(right, record)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        Expr::Binary("XOR", left, right) => Some(truth(left, record)? != truth(right, record)?),
        Expr::Binary("LIKE", left, right) => like(&value(left, record), &value(right, record)),
        Expr::Binary(op, left, right) => compare(op, &value(left, record), &value(right, record)),
        Expr::In(operand, items) => is_in(operand, items, record),
        Expr::SearchMatch(terms) => Some(matches(terms, record)),
        Expr::Call(function, arguments) => condition(function, arguments, record),
        other => panic!("{other} is no condition"),
    }
}

fn condition(function: &str, arguments: &[Expr], record: &Record) -> Option<bool> {
    let argument = |index: usize| value(&arguments[index], record);
    match function {
        "true" => Some(true),
        "false" => Some(false),
        "isnull" => Some(argument(0).is_null()),
        "isnotnull" => Some(!argument(0).is_null()),
        "isnum" => Some(as_number(&argument(0)).is_some()),
        "isint" => Some(as_number(&argument(0)).is_some_and(|n| n.fract() == 0.0)),
        "isstr" => Some(!argument(0).is_null() && as_number(&argument(0)).is_none()),
        "like" => like(&argument(0), &argument(1)),
        "match" => matched(&argument(0), &argument(1)),
        "in" => is_in(&arguments[0], &arguments[1..], record),
        "cidrmatch" => within(&argument(0), &argument(1)),
        "if" => match truth(&arguments[0], record) {
            Some(true) => truth(&arguments[1], record),
            _ => truth(&arguments[2], record),
        },
        other => panic!("{other} is no condition"),
    }
}

/// True as soon as one pair of values holds.
fn any_pair(left: &Json, right: &Json, holds: impl Fn(&Json, &Json) -> bool) -> Option<bool> {
    let (left, right) = (all(left), all(right));
    let known = !left.is_empty() && !right.is_empty();
    known.then(|| left.iter().any(|left| right.iter().any(|right| holds(left, right))))
}

/// Numbers as numbers, everything else as text; case counts.
pub fn compare(op: &str, left: &Json, right: &Json) -> Option<bool> {
    any_pair(left, right, |left, right| {
        let order = match as_number(left).zip(as_number(right)) {
            Some((left, right)) => left.partial_cmp(&right).expect("numbers"),
            None => text(left).cmp(&text(right)),
        };
        match op {
            "=" => order.is_eq(),
            "!=" => order.is_ne(),
            _ => ordered(op, order),
        }
    })
}

fn is_in(operand: &Expr, items: &[Expr], record: &Record) -> Option<bool> {
    let operand = value(operand, record);
    let answers: Vec<_> = items.iter().map(|item| compare("=", &operand, &value(item, record))).collect();
    if answers.contains(&Some(true)) {
        return Some(true);
    }
    if answers.contains(&None) { None } else { Some(false) }
}

fn like(left: &Json, pattern: &Json) -> Option<bool> {
    if pattern.is_array() {
        return None;
    }
    let chars = |value: &Json| text(value).chars().collect::<Vec<_>>();
    any_pair(left, pattern, |left, pattern| glob(&chars(pattern), &chars(left), '%', Some('_')))
}

fn matched(left: &Json, pattern: &Json) -> Option<bool> {
    if pattern.is_null() || pattern.is_array() {
        return None;
    }
    let pattern = regex::Regex::new(&text(pattern)).ok()?;
    any_pair(left, &json!(""), |left, _| pattern.is_match(&text(left)))
}

fn within(network: &Json, address: &Json) -> Option<bool> {
    any_pair(network, address, |network, address| holds(&text(network), &text(address)).unwrap_or(false))
}

/// Bit by bit. The generator writes IPv4 alone.
pub fn holds(network: &str, address: &str) -> Option<bool> {
    let bits = |text: &str| text.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
    let (network, length) = network.split_once('/')?;
    let (network, address) = (bits(network)?, bits(address)?);
    let length: u32 = length.parse().ok()?;
    Some((0..length).all(|bit| (network ^ address) >> (31 - bit) & 1 == 0))
}

/// What an expression gives.
pub fn value(expr: &Expr, record: &Record) -> Json {
    match expr {
        Expr::Number(text) => number(text.parse().expect("a number")),
        Expr::Text(text) => json!(text),
        Expr::Field(field) => record.get(field),
        Expr::Minus(inner) => as_number(&value(inner, record)).map_or(Json::Null, |n| number(-n)),
        Expr::Binary(".", left, right) => concatenated(&value(left, record), &value(right, record)),
        Expr::Binary(op, left, right) => arithmetic(op, &value(left, record), &value(right, record)),
        Expr::Call(function, arguments) => call(function, arguments, record),
        other => panic!("{other} is no value"),
    }
}

fn concatenated(left: &Json, right: &Json) -> Json {
    let single = |value: &Json| value.is_string() || value.is_number();
    if single(left) && single(right) { json!(text(left) + &text(right)) } else { Json::Null }
}

fn arithmetic(op: &str, left: &Json, right: &Json) -> Json {
    let Some((a, b)) = as_number(left).zip(as_number(right)) else {
        // Two texts are joined, unless both are numbers.
        let texts = op == "+" && left.is_string() && right.is_string();
        return if texts { json!(text(left) + &text(right)) } else { Json::Null };
    };
    match op {
        "+" => number(a + b),
        "-" => number(a - b),
        "*" => number(a * b),
        "/" | "%" if b == 0.0 => Json::Null,
        "/" => number(a / b),
        "%" => number(a % b),
        _ => unreachable!("{op} is no operator"),
    }
}
