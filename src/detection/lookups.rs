//! Which lookups a search uses: they become part of its plan (WN-7).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::problem::{Problem, ProblemSeverity};
use super::search::SearchPlace;
use crate::plan::{LookupTable, Lookups};
use crate::spl::ast::{Command, LookupCommand, Pipeline, Spanned};
use crate::spl::nearest;

/// Of each lookup that the search names the columns that it names; and what it names in vain.
pub(super) fn used(pipeline: &Pipeline, place: &SearchPlace, known: &Lookups) -> (Vec<Arc<LookupTable>>, Vec<Problem>) {
    let mut columns: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut problems = Vec::new();
    for command in commands(pipeline) {
        let Some(table) = known.get(&command.table.node) else {
            problems.push(unknown(command, place, known));
            continue;
        };
        let named = columns.entry(&table.name).or_default();
        for field in command.inputs.iter().chain(&command.outputs) {
            named.insert(&field.column.node);
            if !table.columns.contains(&field.column.node) {
                problems.push(unknown_column(&field.column, place, table));
            }
        }
    }
    (columns.into_iter().map(|(name, columns)| Arc::new(known[name].only(&columns))).collect(), problems)
}

/// Every `lookup`, those of subsearches included.
fn commands(pipeline: &Pipeline) -> Vec<&LookupCommand> {
    let mut found = Vec::new();
    for command in &pipeline.commands {
        if let Command::Lookup(lookup) = &command.node {
            found.push(lookup);
        }
        found.extend(command.node.subsearch().into_iter().flat_map(commands));
    }
    found
}

fn unknown(command: &LookupCommand, place: &SearchPlace, known: &Lookups) -> Problem {
    let name = &command.table.node;
    let help = match nearest(name, known.keys().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "give its CSV file there: `detections: {{lookups: {{{name}: PATH}}}}`. What other searches of Splunk keep up \
             to date (first seen, baselines) needs a history longer than a window and cannot be had"
        ),
    };
    let message = format!("the lookup `{name}` is not in the configuration");
    place.problem(command.table.span.clone(), ProblemSeverity::Error, message, Some(help))
}

fn unknown_column(column: &Spanned<String>, place: &SearchPlace, table: &LookupTable) -> Problem {
    let all = table.columns.join(", ");
    let help = match nearest(&column.node, table.columns.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? its columns are {all}"),
        None => format!("its columns are {all}"),
    };
    let message = format!("the lookup `{}` has no column `{}`", table.name, column.node);
    place.problem(column.span.clone(), ProblemSeverity::Error, message, Some(help))
}
