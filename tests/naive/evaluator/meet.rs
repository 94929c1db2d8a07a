//! `join` and `lookup`.

use serde_json::{Value as Json, json};

use super::Record;
use super::expression::holds;
use super::terms::glob;
use super::value::{all, field, text};
use crate::ast::{Command, TABLE, TABLE_COLUMNS};

/// Rows meet where all fields are equal as text; a row without a field meets none.
pub fn join(command: &Command, rows: Vec<Record>, others: &[Record]) -> Vec<Record> {
    let Command::Join { fields, keeps_unmatched, max, overwrite, .. } = command else { return rows };
    let key = |row: &Record| -> Option<Vec<Vec<String>>> {
        let values = fields.iter().map(|name| all(&row.get(name)).iter().map(text).collect::<Vec<_>>());
        let key: Vec<_> = values.collect();
        key.iter().all(|values| !values.is_empty()).then_some(key)
    };
    let most = max.map_or(1, |max| if max == 0 { usize::MAX } else { max });
    let mut joined = Vec::new();
    for row in rows {
        let own = key(&row);
        let found: Vec<&Record> = others.iter().filter(|other| own.is_some() && key(other) == own).take(most).collect();
        if found.is_empty() && *keeps_unmatched {
            joined.push(row.clone());
        }
        joined.extend(found.iter().map(|other| met(&row, other, *overwrite)));
    }
    joined
}

fn met(row: &Record, other: &Record, overwrite: bool) -> Record {
    let mut met = row.clone();
    for (name, value) in &other.fields {
        if met.get(name).is_null() || (overwrite && !value.is_null()) {
            met.set(name, value.clone());
        }
    }
    met
}

/// The first two rows of the table that agree, in its order; case is ignored.
pub fn lookup(row: &mut Record, inputs: &[(&str, String)], outputs: &[(&str, String)], keeps_existing: bool) {
    let cell = |table_row: &[&'static str; 5], column: &str| {
        table_row[TABLE_COLUMNS.iter().position(|name| *name == column).expect("a column")]
    };
    let agrees = |table_row: &&[&'static str; 5]| {
        inputs.iter().all(|(column, name)| {
            all(&row.get(name)).iter().any(|value| like(column, cell(table_row, column), &text(value)))
        })
    };
    let found: Vec<_> = TABLE.iter().filter(agrees).take(2).collect();
    let free = outputs.iter().filter(|(_, name)| !keeps_existing || row.get(name).is_null());
    let written: Vec<(String, Json)> = free
        .map(|(column, name)| {
            let cells = found.iter().map(|table_row| cell(table_row, column)).filter(|cell| !cell.is_empty());
            (name.clone(), field(cells.map(|cell| json!(cell)).collect()))
        })
        .collect();
    written.into_iter().for_each(|(name, value)| row.set(&name, value));
}

fn like(column: &str, cell: &str, value: &str) -> bool {
    let chars = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    match column {
        "net" => holds(cell, value).unwrap_or(cell == value && value.parse::<std::net::Ipv4Addr>().is_ok()),
        "like" => glob(&chars(cell), &chars(value), '*', None),
        _ => chars(cell) == chars(value),
    }
}
