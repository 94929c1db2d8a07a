//! The commands, each over all rows.

use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use super::value::{all, as_number, each, field, number, text};
use super::{Record, Window, expression, meet, rows, stats, terms, time};
use crate::ast::{Argument, Command, Expr, Stats, Terms};

/// Runs one command; `rest` is what follows it.
pub fn run(command: &Command, rest: &[Command], mut rows: Vec<Record>, window: &Window<'_>) -> Vec<Record> {
    match command {
        Command::FilterMacro => {}
        Command::Append(subsearch) => rows.extend(super::rows_of(subsearch, window)),
        Command::Join { subsearch, .. } => return meet::join(command, rows, &super::rows_of(subsearch, window)),
        Command::Search(terms) => rows.retain(|row| terms::matches(terms, row)),
        Command::Where(condition) => rows.retain(|row| expression::truth(condition, row) == Some(true)),
        Command::Stats(command) => return stats::stats(command, &rows),
        Command::EventStats(command) => stats::eventstats(command, &mut rows),
        Command::MvExpand { field, limit } => return rows.iter().flat_map(|row| expand(row, field, *limit)).collect(),
        Command::Dedup { .. } => return rows::dedup(command, rows),
        Command::Sort { limit, keys } => {
            rows::sort(keys, &mut rows);
            rows.truncate(limit.filter(|limit| *limit > 0).unwrap_or(10_000));
        }
        Command::Head(limit) => rows.truncate(limit.unwrap_or(10)),
        Command::FillNull { value, names } => {
            let value = value.as_deref().unwrap_or("0");
            let names = if names.is_empty() { to_fill(&rows, rest) } else { names.iter().cloned().collect() };
            rows.iter_mut().for_each(|row| fill(row, &names, value));
        }
        single => rows.iter_mut().for_each(|row| of_row(single, row)),
    }
    rows
}

/// The commands that look at one row and keep it.
fn of_row(command: &Command, row: &mut Record) {
    match command {
        Command::Eval(pairs) => {
            for (target, expr) in pairs {
                let value = expression::value(expr, row);
                row.set(target, value);
            }
        }
        Command::Rename(pairs) => pairs.iter().for_each(|(from, to)| rename(row, from, to)),
        Command::Fields { keep, names } => row.fields.retain(|field, _| {
            let named = names.iter().any(|name| is_named(name, field));
            if *keep { named || field.starts_with('_') } else { !named }
        }),
        Command::Table(names) => row.fields.retain(|field, _| names.iter().any(|name| is_named(name, field))),
        Command::BinTime { seconds, output } => {
            let floor = |time: f64| json!((time / *seconds as f64).floor() * *seconds as f64);
            let time = as_number(&row.get("_time")).map_or(row.get("_time"), floor);
            row.set(output.as_deref().unwrap_or("_time"), time);
        }
        Command::BinNumber { field, span, output } => {
            let span = *span as f64;
            let range = |one: Json| {
                let low = as_number(&one).map(|number| (number / span).floor() * span);
                low.map_or(one, |low| json!(format!("{}-{}", text(&number(low)), text(&number(low + span)))))
            };
            let ranges = all(&row.get(field)).into_iter().map(range).collect();
            row.set(output.as_ref().unwrap_or(field), super::value::field(ranges));
        }
        Command::Ctime { format, field, output } => {
            ctime(row, field, output.as_ref().unwrap_or(field), format.unwrap_or("%m/%d/%Y %H:%M:%S"));
        }
        Command::Convert { function, field, output } => convert(row, function, field, output.as_ref().unwrap_or(field)),
        Command::Lookup { inputs, outputs, keeps_existing } => meet::lookup(row, inputs, outputs, *keeps_existing),
        Command::CtimeMacro(field) => ctime(row, field, field, "%Y-%m-%dT%H:%M:%S"),
        Command::Spath { input, output, path } => {
            rows::spath(row, input.as_deref(), output.as_deref(), path.as_deref());
        }
        Command::Rex { field, pattern, max_match } => rows::rex(row, field.as_deref(), pattern, max_match.unwrap_or(1)),
        other => unreachable!("{other} is run above"),
    }
}

/// Wildcards of `fields` and `table`; they never mean what begins with an underscore.
fn is_named(pattern: &str, field: &str) -> bool {
    let (pattern_chars, chars): (Vec<char>, Vec<char>) = (pattern.chars().collect(), field.chars().collect());
    if pattern.contains('*') && field.starts_with('_') && !pattern.starts_with('_') {
        return false;
    }
    terms::glob(&pattern_chars, &chars, '*', None)
}

fn ctime(row: &mut Record, field: &str, output: &str, format: &str) {
    let convert = |text: &str| {
        let time = as_number(&json!(text)).and_then(|seconds| time::print(seconds, format));
        json!(time.unwrap_or_else(|| text.to_owned()))
    };
    let value = row.get(field);
    if !value.is_null() {
        row.set(output, each(&value, convert));
    }
}

fn convert(row: &mut Record, function: &str, field: &str, output: &str) {
    let value = row.get(field);
    if value.is_null() {
        return;
    }
    let of_one = |one: Json| match (function, as_number(&one)) {
        ("none", _) | ("auto", None) => Some(one),
        ("mktime", _) => time::read(&text(&one), "%Y-%m-%d").map(|seconds| json!(seconds as f64)),
        (_, found) => found.map(number),
    };
    row.set(output, super::value::field(all(&value).into_iter().filter_map(of_one).collect()));
}

/// A missing source leaves the target null. Wildcards stand for as little as will do, and for no internal field.
fn rename(row: &mut Record, from: &str, to: &str) {
    if !from.contains('*') {
        let value = row.fields.remove(from).unwrap_or_default();
        row.set(to, value);
        return;
    }
    let internal = |pattern: &str, name: &str| name.starts_with('_') && !pattern.starts_with('_');
    let renamed = |name: &String| {
        let stars = captures(from, name)?;
        let mut filled = String::new();
        let mut stars = stars.into_iter();
        to.chars().for_each(|c| if c == '*' { filled += &stars.next().expect("as many") } else { filled.push(c) });
        (!internal(from, name) && !internal(to, &filled)).then_some((name.clone(), filled))
    };
    let moved: Vec<(String, String)> = row.fields.keys().filter_map(renamed).collect();
    let values: Vec<_> = moved.iter().map(|(name, _)| row.fields.remove(name).expect("it is there")).collect();
    for ((_, name), value) in moved.iter().zip(values) {
        row.set(name, value);
    }
}

/// What each star of a pattern stands for.
fn captures(pattern: &str, text: &str) -> Option<Vec<String>> {
    let Some((before, behind)) = pattern.split_once('*') else {
        return (pattern == text).then(Vec::new);
    };
    let rest = text.strip_prefix(before)?;
    let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
    ends.into_iter().find_map(|end| {
        let mut stars = vec![rest[..end].to_owned()];
        stars.extend(captures(behind, &rest[end..])?);
        Some(stars)
    })
}

fn expand(row: &Record, name: &str, limit: usize) -> Vec<Record> {
    let values = all(&row.get(name));
    if values.len() < 2 {
        return vec![row.clone()];
    }
    let limit = if limit == 0 { usize::MAX } else { limit };
    let with = |value: Json| {
        let mut row = row.clone();
        row.set(name, field(vec![value]));
        row
    };
    values.into_iter().take(limit).map(with).collect()
}

fn fill(row: &mut Record, names: &BTreeSet<String>, value: &str) {
    for name in names {
        if row.get(name).is_null() {
            row.set(name, json!(value));
        }
    }
}

/// Before `stats` the fields that the rest of the search names, behind it every column.
fn to_fill(rows: &[Record], rest: &[Command]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if rows.iter().any(|row| row.event.is_none()) {
        return rows.iter().flat_map(|row| row.fields.keys().cloned()).collect();
    }
    for command in rest {
        named(command, &mut names);
        if matches!(command, Command::Stats(_) | Command::Table(_)) {
            break;
        }
    }
    names.retain(|name| !name.contains('*'));
    names
}

fn named(command: &Command, names: &mut BTreeSet<String>) {
    match command {
        Command::Search(terms) => of_terms(terms, names),
        Command::Where(expr) => of_expr(expr, names),
        Command::Eval(pairs) => pairs.iter().for_each(|(_, expr)| of_expr(expr, names)),
        Command::Rename(pairs) => names.extend(pairs.iter().map(|(from, _)| from.clone())),
        Command::Table(list) | Command::Fields { names: list, .. } => names.extend(list.iter().cloned()),
        Command::Stats(Stats { aggregates, by }) | Command::EventStats(Stats { aggregates, by }) => {
            names.extend(by.iter().cloned());
            for aggregate in aggregates {
                match &aggregate.argument {
                    Argument::Nothing => {}
                    Argument::Field(field) => names.extend([field.clone()]),
                    Argument::Condition(expr) | Argument::Value(expr) => of_expr(expr, names),
                }
            }
        }
        Command::MvExpand { field, .. } | Command::BinNumber { field, .. } => names.extend([field.clone()]),
        Command::Convert { field, .. } => names.extend([field.clone()]),
        Command::Lookup { inputs, .. } => names.extend(inputs.iter().map(|(_, field)| field.clone())),
        Command::Append(_) => {}
        Command::Join { fields, .. } => names.extend(fields.iter().cloned()),
        Command::Ctime { field, .. } | Command::CtimeMacro(field) => names.extend([field.clone()]),
        Command::Spath { input, .. } => names.extend(input.clone()),
        Command::Rex { field, .. } => names.extend(field.clone()),
        Command::Dedup { fields, .. } => names.extend(fields.iter().cloned()),
        Command::Sort { keys, .. } => names.extend(keys.iter().map(|(field, ..)| field.clone())),
        Command::FillNull { names: list, .. } => names.extend(list.iter().cloned()),
        Command::BinTime { .. } | Command::Head(_) | Command::FilterMacro => {}
    }
}

fn of_terms(terms: &Terms, names: &mut BTreeSet<String>) {
    match terms {
        Terms::All(terms, _) | Terms::Any(terms) => terms.iter().for_each(|term| of_terms(term, names)),
        Terms::Not(term) => of_terms(term, names),
        Terms::Compare(field, ..) | Terms::In(field, _) => names.extend([field.clone()]),
        Terms::Everything | Terms::Raw(_) => {}
    }
}

fn of_expr(expr: &Expr, names: &mut BTreeSet<String>) {
    match expr {
        Expr::Number(_) | Expr::Text(_) => {}
        Expr::Field(field) => names.extend([field.clone()]),
        Expr::Minus(inner) | Expr::Not(inner) => of_expr(inner, names),
        Expr::Binary(_, left, right) => [left, right].into_iter().for_each(|side| of_expr(side, names)),
        Expr::Call(_, arguments) => arguments.iter().for_each(|argument| of_expr(argument, names)),
        Expr::In(operand, items) => {
            of_expr(operand, names);
            items.iter().for_each(|item| of_expr(item, names));
        }
        Expr::SearchMatch(terms) => of_terms(terms, names),
    }
}
