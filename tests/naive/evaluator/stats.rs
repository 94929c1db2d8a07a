//! `stats`, `eventstats` and the aggregates.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::value::{all, as_number, field, number, text};
use super::{Record, expression};
use crate::ast::{Aggregate, Argument, Stats};

/// A row for each combination of by-values; a row without one of them is dropped.
pub fn stats(command: &Stats, rows: &[Record]) -> Vec<Record> {
    let mut groups: Vec<(Vec<Json>, Vec<&Record>)> = Vec::new();
    for row in rows {
        for key in keys(&command.by, row) {
            match groups.iter_mut().find(|(other, _)| *other == key) {
                Some((_, members)) => members.push(row),
                None => groups.push((key, vec![row])),
            }
        }
    }
    // Text by its bytes; `_time` is a number.
    groups.sort_by(|(a, _), (b, _)| {
        let compare = |(a, b): (&Json, &Json)| match a.as_f64().zip(b.as_f64()) {
            Some((a, b)) => a.total_cmp(&b),
            None => text(a).cmp(&text(b)),
        };
        a.iter().zip(b).map(compare).fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then)
    });
    groups.into_iter().map(|(key, members)| row(command, key, &members)).collect()
}

fn row(command: &Stats, key: Vec<Json>, members: &[&Record]) -> Record {
    let mut fields: BTreeMap<String, Json> = command.by.iter().cloned().zip(key).collect();
    for aggregate in &command.aggregates {
        fields.insert(aggregate.column(), value(aggregate, members));
    }
    Record { fields, now: members[0].now, event: None }
}

/// A field with several values puts the row into several groups.
fn keys(by: &[String], row: &Record) -> Vec<Vec<Json>> {
    let mut keys = vec![Vec::new()];
    for name in by {
        let values = all(&row.get(name));
        let as_key = |one: &Json| if name == "_time" { one.clone() } else { json!(text(one)) };
        let extended = |key: &Vec<Json>| -> Vec<Vec<Json>> {
            values.iter().map(|value| [key.clone(), vec![as_key(value)]].concat()).collect()
        };
        keys = keys.iter().flat_map(extended).collect();
    }
    keys
}

/// Adds the aggregates of the groups to their rows; a row without a by-field is left as it is.
pub fn eventstats(command: &Stats, rows: &mut [Record]) {
    let key = |row: &Record| -> Option<Vec<Vec<String>>> {
        let values = command.by.iter().map(|name| all(&row.get(name)).iter().map(text).collect::<Vec<_>>());
        let key: Vec<_> = values.collect();
        key.iter().all(|values| !values.is_empty()).then_some(key)
    };
    let before = rows.to_vec();
    for row in rows {
        let Some(own) = key(row) else { continue };
        let members: Vec<&Record> = before.iter().filter(|other| key(other).as_ref() == Some(&own)).collect();
        for aggregate in &command.aggregates {
            row.set(&aggregate.column(), value(aggregate, &members));
        }
    }
}

/// Rows come newest first, as Splunk hands them over.
fn value(aggregate: &Aggregate, rows: &[&Record]) -> Json {
    let each: Vec<Vec<Json>> = rows.iter().map(|row| argument(&aggregate.argument, row)).collect();
    let values: Vec<Json> = each.iter().flatten().cloned().collect();
    let texts: Vec<String> = values.iter().map(text).collect();
    let distinct: BTreeSet<String> = texts.iter().cloned().collect();
    let of_texts = |texts: &mut dyn Iterator<Item = String>| field(texts.map(|text| json!(text)).collect());
    match aggregate.function {
        "count" if matches!(aggregate.argument, Argument::Nothing) => json!(rows.len() as f64),
        "count" => json!(values.len() as f64),
        "dc" => json!(distinct.len() as f64),
        "values" => of_texts(&mut distinct.into_iter()),
        "list" => of_texts(&mut texts.into_iter().take(100)),
        "first" | "latest" => {
            of_texts(&mut each.iter().find(|of_row| !of_row.is_empty()).into_iter().flatten().map(text))
        }
        "last" | "earliest" => {
            of_texts(&mut each.iter().rfind(|of_row| !of_row.is_empty()).into_iter().flatten().map(text))
        }
        "mode" => mode(&texts),
        "min" => extreme(&values, false),
        "max" => extreme(&values, true),
        function => of_numbers(function, aggregate.parameter, &values),
    }
}

fn argument(argument: &Argument, row: &Record) -> Vec<Json> {
    match argument {
        Argument::Nothing => Vec::new(),
        Argument::Field(name) => all(&row.get(name)),
        Argument::Value(expr) => all(&expression::value(expr, row)),
        Argument::Condition(expr) if expression::truth(expr, row) == Some(true) => vec![json!("true")],
        Argument::Condition(_) => Vec::new(),
    }
}

/// The most frequent; of several the smallest, so that the answer depends on no order.
fn mode(texts: &[String]) -> Json {
    let times = |text: &String| texts.iter().filter(|other| *other == text).count();
    let most = texts.iter().map(times).max();
    texts.iter().filter(|text| Some(times(text)) == most).min().map_or(Json::Null, |text| json!(text))
}

/// As it is written; of several spellings of one number the first or last by its bytes.
fn extreme(values: &[Json], greatest: bool) -> Json {
    let numbers = values.iter().all(|value| as_number(value).is_some());
    let compare = |a: &&Json, b: &&Json| {
        let by_number = as_number(a).partial_cmp(&as_number(b)).expect("numbers");
        let by_text = (a.is_string(), text(a)).cmp(&(b.is_string(), text(b)));
        if numbers { by_number.then(by_text) } else { text(a).cmp(&text(b)) }
    };
    let chosen = if greatest { values.iter().max_by(compare) } else { values.iter().min_by(compare) };
    chosen.cloned().unwrap_or_default()
}

/// In units of 10^-9, and not beyond 10^22.
fn fixed(number: f64) -> f64 {
    let whole = number.clamp(-1e22, 1e22).trunc();
    if whole.abs() < 1e22 { whole + (number.fract() * 1e9).round() / 1e9 } else { whole }
}

/// Over the values that are numbers; the others are passed over, except that a range needs all.
fn of_numbers(function: &str, parameter: Option<f64>, values: &[Json]) -> Json {
    let mut numbers: Vec<f64> = values.iter().filter_map(as_number).map(fixed).collect();
    numbers.sort_by(f64::total_cmp);
    let count = numbers.len() as f64;
    let sum: f64 = numbers.iter().sum();
    let squares = |mean: f64| numbers.iter().map(|n| (n - mean) * (n - mean)).sum::<f64>();
    let sample = |squares: f64| if count > 1.0 { squares / (count - 1.0) } else { 0.0 };
    if numbers.is_empty() || (function == "range" && numbers.len() < values.len()) {
        return Json::Null;
    }
    let mean = sum / count;
    number(match function {
        "sum" => sum,
        "sumsq" => values.iter().filter_map(as_number).map(|n| fixed(n * n)).sum(),
        "avg" | "mean" => mean,
        "range" => numbers[numbers.len() - 1] - numbers[0],
        "var" => sample(squares(mean)),
        "varp" => squares(mean) / count,
        "stdev" => sample(squares(mean)).sqrt(),
        "stdevp" => (squares(mean) / count).sqrt(),
        // Of two in the middle the higher one.
        "median" => numbers[numbers.len() / 2],
        // Nearest rank.
        "perc" => {
            let rank = (parameter.expect("a percentile") / 100.0 * count).ceil().max(1.0);
            numbers[rank as usize - 1]
        }
        other => panic!("{other} is not known"),
    })
}
