//! The lookups of the configuration: CSV files to tables, every problem with its line in one report.

mod quotes;

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use smol_str::SmolStr;

use super::CatalogError;
use crate::config::LookupConfig;
use crate::plan::{LookupTable, Lookups, MatchType};

/// The largest file, in bytes: what searches use of it is stored with every checkpoint.
const MAX_BYTES: u64 = 10 << 20;
/// Of one file, so many problems are told.
const MAX_PROBLEMS: usize = 20;

/// Reads every lookup.
///
/// # Errors
/// With every problem of every file.
pub(super) fn read(configs: &[LookupConfig]) -> Result<Lookups, CatalogError> {
    let mut lookups = Lookups::new();
    let mut problems = Vec::new();
    for config in configs {
        match text(config).and_then(|text| table(config, text.trim_start_matches('\u{feff}'))) {
            Ok(table) => drop(lookups.insert(config.name.clone(), Arc::new(table))),
            Err(of_file) => problems.extend(of_file.into_iter().take(MAX_PROBLEMS)),
        }
    }
    match problems.is_empty() {
        true => Ok(lookups),
        false => Err(CatalogError::Lookups(problems.iter().map(|problem| format!("\n{problem}")).collect())),
    }
}

type Problems = Vec<String>;

fn text(config: &LookupConfig) -> Result<String, Problems> {
    let path = &config.path;
    let failed = |error: std::io::Error| {
        vec![format!("cannot read {}, the file of the lookup `{}`: {error}", path.display(), config.name)]
    };
    let size = fs::metadata(path).map_err(failed)?.len();
    if size > MAX_BYTES {
        let (path, limit) = (path.display(), MAX_BYTES >> 20);
        return Err(vec![format!(
            "{path} has {size} bytes, more than the {limit} MiB of a lookup: leave out columns and rows that no search needs"
        )]);
    }
    let bytes = fs::read(path).map_err(failed)?;
    String::from_utf8(bytes).map_err(|error| {
        let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|b| **b == b'\n').count();
        vec![format!("{}:{line}: this is not UTF-8; store the file as UTF-8", path.display())]
    })
}

/// Reads a table; `text` has no byte order mark.
fn table(config: &LookupConfig, text: &str) -> Result<LookupTable, Problems> {
    let at = |line: u64, message: String| format!("{}:{line}: {message}", config.path.display());
    let wrong_quotes = quotes::wrong(text);
    if !wrong_quotes.is_empty() {
        // What else is said of such a file follows from them.
        return Err(wrong_quotes.into_iter().map(|(line, message)| at(line, message.to_owned())).collect());
    }
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut records = reader.records();
    let Some(header) = records.next() else {
        return Err(vec![at(1, "the file is empty: its first line names the columns".to_owned())]);
    };
    let header = header.map_err(|error| vec![at(1, error.to_string())])?;
    let columns: Vec<String> = header.iter().map(str::to_owned).collect();
    let mut problems: Problems = wrong_columns(config, &columns).into_iter().map(|message| at(1, message)).collect();
    let mut rows = Vec::new();
    for record in records {
        let record = record.map_err(|error| vec![at(1, error.to_string())])?;
        let line = record.position().map_or(1, csv::Position::line);
        if record.len() == columns.len() {
            rows.push((line, record.iter().map(SmolStr::from).collect::<Vec<_>>()));
        } else {
            let (found, expected) = (record.len(), columns.len());
            problems.push(at(line, format!("{found} fields where the first line names {expected} columns; a comma in a value needs double quotes around it")));
        }
    }
    if !config.match_types.is_empty() && rows.len() > LookupTable::MAX_PATTERN_ROWS {
        problems.push(at(
            1,
            format!(
                "{} rows, more than the {} of a lookup with a match_type",
                rows.len(),
                LookupTable::MAX_PATTERN_ROWS
            ),
        ));
    }
    problems.extend(wrong_networks(config, &columns, &rows).into_iter().map(|(line, message)| at(line, message)));
    if !problems.is_empty() {
        return Err(problems);
    }
    Ok(LookupTable {
        name: config.name.clone(),
        case_sensitive: config.case_sensitive,
        match_types: config.match_types.clone(),
        max_matches: config.max_matches,
        default_match: config.default_match.clone(),
        columns,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
    })
}

fn wrong_columns(config: &LookupConfig, columns: &[String]) -> Problems {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        if column.trim().is_empty() {
            problems.push(format!("column {} has no name: the first line names the columns", index + 1));
        } else if !seen.insert(column) {
            problems.push(format!("two columns are called `{column}`; rename one"));
        }
    }
    for column in config.match_types.keys().filter(|column| !columns.contains(column)) {
        let all = columns.join(", ");
        problems.push(format!(
            "there is no column `{column}`, which match_type of the lookup `{}` names; there are {all}",
            config.name
        ));
    }
    problems
}

fn wrong_networks(config: &LookupConfig, columns: &[String], rows: &[(u64, Vec<SmolStr>)]) -> Vec<(u64, String)> {
    let is_network = |column: &String| config.match_types.get(column) == Some(&MatchType::Cidr);
    let networks: Vec<usize> = (0..columns.len()).filter(|at| is_network(&columns[*at])).collect();
    let cells = rows.iter().flat_map(|(line, row)| networks.iter().map(move |at| (*line, &row[*at])));
    let wrong = cells.filter(|(_, cell)| !LookupTable::is_network(cell));
    wrong.map(|(line, cell)| (line, format!("`{cell}` is no network such as 10.0.0.0/8 or 2001:db8::/32"))).collect()
}

#[cfg(test)]
mod tests;
