//! The columns of a search without `stats`, whose rows are its events.
//!
//! Where a `table` or `fields` says which columns there are, exactly those; otherwise `_time`, `eventName` and every
//! field that the search names, as it is called in the end.

use std::sync::Arc;

use super::error::CompileError;
use super::extract::spath_output;
use super::names::Names;
use super::pattern::Pattern;
use crate::spl::ast::{Command, Pipeline, Spanned};
use crate::spl::capture_names;

/// Fields that every event has alike, or that are the event: no columns unless a `table` asks for them.
const OBVIOUS: [&str; 5] = ["_raw", "index", "source", "sourcetype", "eventtype"];

/// The columns after `commands`, the first ones of a pipeline whose rows are events; `whole` are those that work on
/// all rows, `outer` is what the search that they are joined or appended to has and names.
///
/// # Errors
/// Where the columns depend on the events: a wildcard in the first `table` or `fields`, or in a `rename` of all rows.
pub(super) fn columns(
    pipeline: &Pipeline,
    commands: &[Spanned<Command>],
    whole: &[Spanned<Command>],
    outer: &[String],
) -> Result<Vec<Arc<str>>, CompileError> {
    let internal = Names::of_rows(whole).into_vec().into_iter().filter(|name| name.starts_with('_')).collect();
    let mut columns = Columns { names: named(pipeline, whole, outer), internal, closed: false };
    for (index, command) in commands.iter().enumerate() {
        columns.follow(command)?;
        if matches!(&command.node, Command::FillNull { fields, .. } if fields.is_empty()) {
            // It names nothing itself and makes what is named behind it, also what a `rename` before it took away.
            let named = Names::of_commands(commands[index..].iter().chain(whole));
            named.into_vec().iter().for_each(|name| columns.add(name));
        }
    }
    if !columns.closed {
        refuse_wildcards(whole)?;
    }
    Ok(columns.names.into_iter().map(Arc::from).collect())
}

fn named(pipeline: &Pipeline, whole: &[Spanned<Command>], outer: &[String]) -> Vec<String> {
    let read_later = [Names::of_rows(whole).into_vec(), outer.to_vec()].concat();
    let mut names = Names::default();
    names.add("_time");
    names.add("eventName");
    Names::of_pipeline(pipeline).into_vec().iter().chain(outer).for_each(|name| names.add(name));
    names.into_vec().into_iter().filter(|name| !OBVIOUS.contains(&name.as_str()) || read_later.contains(name)).collect()
}

/// All rows have the columns that the search names, so that a wildcard would not see the fields of the events.
fn refuse_wildcards(whole: &[Spanned<Command>]) -> Result<(), CompileError> {
    for command in whole {
        match &command.node {
            Command::Table(fields) | Command::Fields { keep: true, fields } => {
                return fields.iter().find(|field| field.node.contains('*')).map_or(Ok(()), |field| Err(open(field)));
            }
            Command::Rename(pairs) => {
                if let Some((source, _)) = pairs.iter().find(|(source, _)| source.node.contains('*')) {
                    return Err(open(source).with_help("name the fields, or write rename before what needs all rows"));
                }
            }
            Command::Stats(_) => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

fn open(name: &Spanned<String>) -> CompileError {
    CompileError::unsupported("a wildcard here makes the columns depend on the events", &name.span)
        .with_help("name the columns one by one")
}

struct Columns {
    names: Vec<String>,
    /// `_time` and `_raw` where a command over all rows reads them: `fields` lets them stay.
    internal: Vec<String>,
    /// Whether a command has said which columns there are.
    closed: bool,
}

impl Columns {
    fn follow(&mut self, command: &Spanned<Command>) -> Result<(), CompileError> {
        match &command.node {
            Command::Table(fields) => self.keep(fields)?,
            Command::Fields { keep: true, fields } => {
                let internal: Vec<_> = self.names.iter().filter(|name| self.internal.contains(name)).cloned().collect();
                self.keep(fields)?;
                internal.iter().for_each(|name| self.add(name));
            }
            Command::Fields { keep: false, fields } => {
                let patterns: Vec<_> = fields.iter().map(|field| Pattern::exact(&field.node)).collect();
                self.names.retain(|name| !patterns.iter().any(|pattern| pattern.names(name)));
            }
            Command::Eval(assignments) => assignments.iter().for_each(|(field, _)| self.add(&field.node)),
            Command::Rename(pairs) => pairs.iter().for_each(|(source, target)| self.rename(&source.node, &target.node)),
            Command::FillNull { fields, .. } => fields.iter().for_each(|field| self.add(&field.node)),
            Command::Bin { field, output, .. } => self.add(&output.as_ref().unwrap_or(field).node),
            Command::Convert { conversions, .. } => conversions.iter().for_each(|Spanned { node, .. }| {
                self.add(node.output.as_ref().unwrap_or(&node.field));
            }),
            Command::Spath { output, path, .. } => {
                spath_output(output, path).into_iter().for_each(|name| self.add(name))
            }
            Command::Rex { pattern, .. } => capture_names(&pattern.node).into_iter().for_each(|name| self.add(name)),
            Command::Search(_) | Command::Where(_) | Command::MvExpand { .. } => {}
            Command::Lookup(lookup) => lookup.outputs.iter().for_each(|output| self.add(&output.field)),
            Command::Append(subsearch) => {
                columns(subsearch, &subsearch.commands, &[], &[])?.iter().for_each(|name| self.add(name));
            }
            // They work on the rows.
            Command::Stats(_)
            | Command::EventStats(_)
            | Command::Dedup { .. }
            | Command::Sort { .. }
            | Command::Head { .. }
            | Command::Join(_) => {}
        }
        Ok(())
    }

    fn keep(&mut self, fields: &[Spanned<String>]) -> Result<(), CompileError> {
        let known = std::mem::take(&mut self.names);
        for field in fields {
            let pattern = Pattern::exact(&field.node);
            if pattern.stars() == 0 {
                self.add(&field.node);
            } else if self.closed {
                known.iter().filter(|name| pattern.matches(name)).for_each(|name| self.add(name));
            } else {
                return Err(open(field));
            }
        }
        self.closed = true;
        Ok(())
    }

    fn rename(&mut self, source: &str, target: &str) {
        let (from, to) = (Pattern::exact(source), Pattern::exact(target));
        if from.stars() == 0 && !self.closed {
            self.add(target);
        }
        let renamed = |name: &String| {
            let renamed = from.captures(name).map(|stars| to.fill(&stars));
            // A wildcard names no internal field.
            renamed.filter(|renamed| from.names(name) && to.names(renamed)).unwrap_or_else(|| name.clone())
        };
        let names: Vec<_> = self.names.iter().map(renamed).collect();
        self.names.clear();
        names.iter().for_each(|name| self.add(name));
    }

    fn add(&mut self, name: &str) {
        if !self.names.iter().any(|known| known == name) {
            self.names.push(name.to_owned());
        }
    }
}
