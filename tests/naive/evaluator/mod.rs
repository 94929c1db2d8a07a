//! A second evaluator: slow, obvious, the whole result at once, over plain JSON. It shares no code with the plans; it was
//! written from `docs/spl.md`, so that a disagreement means that one of the three is wrong.

mod commands;
mod expression;
mod functions;
mod meet;
mod rows;
mod stats;
mod terms;
mod time;
mod value;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::ast::{Command, Search};

/// One row. A column that exists and holds nothing is null.
#[derive(Clone, Debug)]
pub struct Record {
    fields: BTreeMap<String, Json>,
    /// What `now()` is, in seconds.
    now: i64,
    /// Time and id of the event that it was made of; rows of `stats` have none.
    event: Option<(i64, String)>,
}

impl Record {
    fn get(&self, field: &str) -> Json {
        self.fields.get(field).cloned().unwrap_or_default()
    }

    fn set(&mut self, field: &str, value: Json) {
        self.fields.insert(field.to_owned(), value);
    }

    /// The texts in which a bare term is looked for.
    fn searchable(&self) -> Vec<String> {
        let texts = |value: &Json| value::all(value).iter().map(value::text).collect::<Vec<_>>();
        self.fields.get("_raw").map_or_else(|| self.fields.values().flat_map(texts).collect(), texts)
    }
}

/// The rows that a search makes of the events of one window, each as its columns that hold something.
pub fn evaluate(search: &Search, events: &[Json], window_end: i64) -> Vec<BTreeMap<String, Vec<String>>> {
    rows_of(search, &Window { events, end: window_end }).iter().map(shown).collect()
}

/// The events of a window, and its end in seconds.
pub struct Window<'a> {
    events: &'a [Json],
    end: i64,
}

fn rows_of(search: &Search, window: &Window<'_>) -> Vec<Record> {
    let mut rows: Vec<Record> = newest_first(window.events).iter().map(|event| record(event, window.end)).collect();
    rows.retain(|row| terms::matches(&search.base, row));
    for (index, command) in search.commands.iter().enumerate() {
        rows = commands::run(command, &search.commands[index + 1..], rows, window);
        if let Command::Append(subsearch) = command
            && ![&search.commands[..index], &subsearch.commands].concat().iter().any(needs_all)
        {
            // Single events stand among one another.
            rows.sort_by_key(|row| std::cmp::Reverse(row.event.clone()));
        }
    }
    rows
}

/// Whether a command needs every row: then what is appended comes behind.
fn needs_all(command: &Command) -> bool {
    match command {
        Command::Append(subsearch) => subsearch.commands.iter().any(needs_all),
        other => matches!(other, Command::Stats(_)) || is_of_all(other),
    }
}

fn is_of_all(command: &Command) -> bool {
    matches!(
        command,
        Command::Sort { .. } | Command::Head(_) | Command::Dedup { .. } | Command::EventStats(_) | Command::Join { .. }
    )
}

/// The span, in seconds, on which windows are cut, if the search cuts them: not where a command before needs all events.
pub fn window(search: &Search) -> Option<i64> {
    let first = search.commands.iter().position(|command| matches!(command, Command::Stats(_)))?;
    let Command::Stats(stats) = &search.commands[first] else { return None };
    let of_all = |command: &Command| is_of_all(command) || matches!(command, Command::Append(_));
    if search.commands[..first].iter().any(of_all) {
        return None;
    }
    let span = search.commands[..first].iter().rev().find_map(|command| match command {
        Command::BinTime { seconds, output: None } => Some(*seconds),
        _ => None,
    });
    span.filter(|_| stats.by.iter().any(|field| field == "_time"))
}

/// The time of an event in seconds.
pub fn time_of(event: &Json) -> i64 {
    time::read(event["eventTime"].as_str().expect("a time"), "%Y-%m-%dT%H:%M:%SZ").expect("a time")
}

fn id_of(event: &Json) -> String {
    event["eventID"].as_str().expect("an id").to_owned()
}

/// Each event once, however many copies there are.
fn newest_first(events: &[Json]) -> Vec<&Json> {
    let mut seen = BTreeSet::new();
    let mut events: Vec<&Json> = events.iter().filter(|event| seen.insert(id_of(event))).collect();
    events.sort_by_key(|event| std::cmp::Reverse((time_of(event), id_of(event))));
    events
}

fn record(event: &Json, now: i64) -> Record {
    let mut found = BTreeMap::new();
    flatten(event, String::new(), &mut found);
    let mut fields: BTreeMap<String, Json> = found.into_iter().map(|(name, all)| (name, value::field(all))).collect();
    fields.insert("_raw".to_owned(), json!(event.to_string()));
    fields.insert("_time".to_owned(), json!(time_of(event) as f64));
    fields.insert("date_minute".to_owned(), json!((time_of(event) / 60 % 60).to_string()));
    let weekday = time::print(time_of(event) as f64, "%A").expect("a day").to_lowercase();
    fields.insert("date_wday".to_owned(), json!(weekday));
    fields.insert("sourcetype".to_owned(), json!("aws:cloudtrail"));
    fields.insert("signature".to_owned(), event["eventName"].clone());
    Record { fields, now, event: Some((time_of(event), id_of(event))) }
}

/// `a.b` through objects, `a{}` through arrays; null and what is empty give no field.
fn flatten(node: &Json, name: String, found: &mut BTreeMap<String, Vec<Json>>) {
    let leaf = match node {
        Json::Null => return,
        Json::Object(members) => {
            for (key, member) in members {
                let below = if name.is_empty() { key.clone() } else { format!("{name}.{key}") };
                flatten(member, below, found);
            }
            return;
        }
        Json::Array(items) => {
            return items.iter().for_each(|item| flatten(item, format!("{name}{{}}"), found));
        }
        Json::String(text) => json!(text),
        // A number is the text that stands in the event.
        other => json!(other.to_string()),
    };
    found.entry(name).or_default().push(leaf);
}

fn shown(row: &Record) -> BTreeMap<String, Vec<String>> {
    let filled = row.fields.iter().filter(|(_, value)| !value.is_null());
    filled.map(|(name, value)| (name.clone(), value::all(value).iter().map(value::text).collect())).collect()
}
