//! The functions of `eval` that give a value.

use serde_json::{Value as Json, json};

use super::Record;
use super::expression::{compare, truth, value};
use super::time;
use super::value::{all, as_number, each, field, number, text};
use crate::ast::Expr;

/// Calls a function.
pub fn call(function: &str, arguments: &[Expr], record: &Record) -> Json {
    match function {
        "if" if truth(&arguments[0], record) == Some(true) => return value(&arguments[1], record),
        "if" => return value(&arguments[2], record),
        "case" => {
            let holds = arguments.chunks(2).find(|pair| truth(&pair[0], record) == Some(true));
            return holds.map_or(Json::Null, |pair| value(&pair[1], record));
        }
        "mvfilter" => return mvfilter(&arguments[0], record),
        "mvmap" => return mvmap(&arguments[0], &arguments[1], record),
        "tostring" if is_condition(&arguments[0]) => {
            return truth(&arguments[0], record)
                .map_or(Json::Null, |truth| json!(if truth { "True" } else { "False" }));
        }
        _ => {}
    }
    let given: Vec<Json> = arguments.iter().map(|argument| value(argument, record)).collect();
    match function {
        "now" => json!(record.now as f64),
        "null" => Json::Null,
        "coalesce" => given.into_iter().find(|value| !value.is_null()).unwrap_or_default(),
        "nullif" if compare("=", &given[0], &given[1]) == Some(true) => Json::Null,
        "nullif" => given[0].clone(),
        "min" => extreme(&given, false),
        "max" => extreme(&given, true),
        "strftime" => strftime(&given[0], &given[1]),
        "strptime" => strptime(&given[0], &given[1]),
        "relative_time" => as_number(&given[0])
            .and_then(|seconds| time::relative(seconds, &text(&given[1])))
            .map_or(Json::Null, |moved| json!(moved)),
        "tonumber" => tonumber(&given),
        "tostring" => tostring(&given),
        _ if function.starts_with("mv") || function == "split" => multivalue(function, &given),
        "lower" | "upper" | "len" | "substr" | "trim" | "ltrim" | "rtrim" | "replace" => of_text(function, &given),
        _ => of_number(function, &given),
    }
}

fn is_condition(expr: &Expr) -> bool {
    match expr {
        Expr::Not(_) | Expr::In(..) | Expr::SearchMatch(_) => true,
        Expr::Binary(op, ..) => !["+", "-", "*", "/", "%", "."].contains(op),
        Expr::Call(function, _) => {
            ["true", "false", "isnull", "isnotnull", "isnum", "isint", "isstr", "like", "match", "in", "cidrmatch"]
                .contains(function)
        }
        _ => false,
    }
}

/// The values for which the condition holds, each looked at alone.
fn mvfilter(condition: &Expr, record: &Record) -> Json {
    let name = only_field(condition).expect("a condition on one field");
    let passes = |one: &Json| {
        let mut alone = record.clone();
        alone.set(&name, one.clone());
        truth(condition, &alone) == Some(true)
    };
    field(all(&record.get(&name)).into_iter().filter(passes).collect())
}

/// What the expression gives for each value of the field, each looked at alone.
fn mvmap(of: &Expr, expression: &Expr, record: &Record) -> Json {
    let Expr::Field(name) = of else { panic!("mvmap takes a field") };
    let result = |one: Json| {
        let mut alone = record.clone();
        alone.set(name, one);
        all(&value(expression, &alone))
    };
    field(all(&record.get(name)).into_iter().flat_map(result).collect())
}

fn only_field(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Field(name) => Some(name.clone()),
        Expr::Minus(inner) | Expr::Not(inner) => only_field(inner),
        Expr::Binary(_, left, right) => only_field(left).or_else(|| only_field(right)),
        Expr::Call(_, arguments) => arguments.iter().find_map(only_field),
        Expr::In(operand, _) => only_field(operand),
        _ => None,
    }
}

/// Text is greater than any number; null is left out.
fn extreme(given: &[Json], greatest: bool) -> Json {
    let values: Vec<Json> = given.iter().flat_map(all).collect();
    let (numbers, texts): (Vec<&Json>, Vec<&Json>) = values.iter().partition(|value| as_number(value).is_some());
    let by_number = |a: &&&Json, b: &&&Json| as_number(a).partial_cmp(&as_number(b)).expect("numbers");
    let by_text = |a: &&&Json, b: &&&Json| text(a).cmp(&text(b));
    let chosen = match greatest {
        true => texts.iter().max_by(by_text).or_else(|| numbers.iter().max_by(by_number)),
        false => numbers.iter().min_by(by_number).or_else(|| texts.iter().min_by(by_text)),
    };
    chosen.map_or(Json::Null, |chosen| as_number(chosen).map_or_else(|| (*chosen).clone(), number))
}

fn strftime(seconds: &Json, format: &Json) -> Json {
    let Some(seconds) = as_number(seconds) else { return Json::Null };
    if format.is_null() { Json::Null } else { json!(time::print(seconds, &text(format))) }
}

fn strptime(from: &Json, format: &Json) -> Json {
    if from.is_null() || format.is_null() || from.is_array() {
        return Json::Null;
    }
    time::read(&text(from), &text(format)).map_or(Json::Null, |seconds| json!(seconds as f64))
}

fn tonumber(given: &[Json]) -> Json {
    let base = match given.get(1) {
        None => return as_number(&given[0]).map_or(Json::Null, number),
        Some(base) => as_number(base).expect("the generator writes a base") as u32,
    };
    if given[0].is_null() || given[0].is_array() {
        return Json::Null;
    }
    if base == 10 {
        return as_number(&given[0]).map_or(Json::Null, number);
    }
    i64::from_str_radix(&text(&given[0]), base).map_or(Json::Null, |n| json!(n as f64))
}

fn tostring(given: &[Json]) -> Json {
    let Some(format) = given.get(1) else { return each(&given[0], |text| json!(text)) };
    let Some(number) = as_number(&given[0]) else { return each(&given[0], |text| json!(text)) };
    json!(match text(format).as_str() {
        "hex" => format!("0x{:X}", number.trunc() as i64),
        "commas" => time::commas(number),
        "duration" => time::duration(number.trunc() as i64),
        other => panic!("{other} is no format"),
    })
}

fn of_number(function: &str, given: &[Json]) -> Json {
    let Some(numbers) = given.iter().map(as_number).collect::<Option<Vec<f64>>>() else { return Json::Null };
    let x = numbers[0];
    number(match function {
        "abs" => x.abs(),
        "sqrt" => x.sqrt(),
        "pow" => x.powf(numbers[1]),
        "floor" => x.floor(),
        "ceil" | "ceiling" => x.ceil(),
        "round" => {
            let shift = 10_f64.powf(numbers.get(1).copied().unwrap_or(0.0));
            (x * shift).round() / shift
        }
        other => panic!("{other} is not known"),
    })
}

fn of_text(function: &str, given: &[Json]) -> Json {
    if given.iter().any(Json::is_null) || given[1..].iter().any(Json::is_array) {
        return Json::Null;
    }
    let other = given.get(1).map(text);
    let blank = |c: char| other.as_ref().map_or(c == ' ' || c == '\t', |set| set.contains(c));
    match function {
        "lower" => each(&given[0], |s| json!(s.to_lowercase())),
        "upper" => each(&given[0], |s| json!(s.to_uppercase())),
        "len" if given[0].is_array() => Json::Null,
        "len" => json!(text(&given[0]).chars().count() as f64),
        "trim" => each(&given[0], |s| json!(s.trim_matches(blank))),
        "ltrim" => each(&given[0], |s| json!(s.trim_start_matches(blank))),
        "rtrim" => each(&given[0], |s| json!(s.trim_end_matches(blank))),
        "replace" => {
            let Ok(pattern) = regex::Regex::new(&text(&given[1])) else { return Json::Null };
            each(&given[0], |s| json!(replaced(s, &pattern, &text(&given[2]))))
        }
        _ => {
            let Some(start) = as_number(&given[1]) else { return Json::Null };
            let length = given.get(2).map(as_number);
            if length == Some(None) {
                return Json::Null;
            }
            each(&given[0], |s| json!(substr(s, start as i64, length.flatten().map(|n| n as i64))))
        }
    }
}

fn replaced(source: &str, pattern: &regex::Regex, with: &str) -> String {
    let one = |found: &regex::Captures<'_>| {
        let mut made = with.to_owned();
        for group in 0..10 {
            made = made.replace(&format!("\\{group}"), found.get(group).map_or("", |group| group.as_str()));
        }
        made
    };
    pattern.replace_all(source, one).into_owned()
}

/// As SQLite counts: from 1, negative from the end; what lies before the text takes part in the length.
fn substr(source: &str, start: i64, length: Option<i64>) -> String {
    let chars: Vec<char> = source.chars().collect();
    let first = if start < 0 { chars.len() as i64 + start + 1 } else { start };
    let behind = length.map_or(i64::MAX, |length| first + length);
    let inside = |place: &i64| *place >= first && *place < behind;
    (1..=chars.len() as i64).filter(inside).map(|place| chars[place as usize - 1]).collect()
}

fn multivalue(function: &str, given: &[Json]) -> Json {
    let values = given.first().map(all).unwrap_or_default();
    match function {
        "mvappend" => field(given.iter().flat_map(all).collect()),
        "mvcount" if values.is_empty() => Json::Null,
        "mvcount" => json!(values.len() as f64),
        "mvdedup" => {
            let mut kept: Vec<Json> = Vec::new();
            for value in values {
                if kept.iter().all(|other| text(other) != text(&value)) {
                    kept.push(value);
                }
            }
            field(kept)
        }
        "mvsort" => {
            let mut values = values;
            values.sort_by_key(text);
            field(values)
        }
        "mvjoin" if values.is_empty() || given[1].is_null() => Json::Null,
        "mvjoin" => json!(values.iter().map(text).collect::<Vec<_>>().join(&text(&given[1]))),
        "mvfind" => {
            let Ok(pattern) = regex::Regex::new(&text(&given[1])) else { return Json::Null };
            values.iter().position(|v| pattern.is_match(&text(v))).map_or(Json::Null, |at| json!(at as f64))
        }
        "mvindex" => mvindex(&values, given),
        "mvzip" => {
            let delimiter = given.get(2).map_or_else(|| ",".to_owned(), text);
            let pairs = values.iter().zip(all(&given[1]));
            field(pairs.map(|(left, right)| json!(format!("{}{delimiter}{}", text(left), text(&right)))).collect())
        }
        "split" => split(&values, &given[1]),
        other => panic!("{other} is not known"),
    }
}

fn split(values: &[Json], separator: &Json) -> Json {
    let ([one], false) = (values, separator.is_null()) else { return Json::Null };
    let (one, separator) = (text(one), text(separator));
    field(match separator.as_str() {
        "" => one.chars().map(|c| json!(c.to_string())).collect(),
        separator => one.split(separator).map(|part| json!(part)).collect(),
    })
}

/// From 0, negative from the end; what is not there is null.
fn mvindex(values: &[Json], given: &[Json]) -> Json {
    let place = |index: &Json| {
        let index = as_number(index)? as i64;
        Some(if index < 0 { values.len() as i64 + index } else { index })
    };
    let Some(first) = place(&given[1]) else { return Json::Null };
    let Some(last) = given.get(2).map_or(Some(first), place) else { return Json::Null };
    let inside = |at: &i64| *at >= first && *at <= last;
    field((0..values.len() as i64).filter(inside).map(|at| values[at as usize].clone()).collect())
}
