//! A file's text to the text of a plan.

use std::collections::BTreeSet;

use super::PlanText;
use super::lookups;
use super::message::tokens;
use super::problem::{Problem, ProblemSeverity};
use super::reader::{Reader, first_line, problem_at};
use super::risk::{Risk, risk};
use super::search::{self, Search, SearchPlace};
use crate::plan::{Columns, Lookups, other_data};
use crate::spl::ast::{SearchTerm, Spanned};
use crate::spl::{Macros, conventional_filter, lint, nearest};
use crate::yaml::{Documents, Node};

/// The operator's settings that go into a plan, all in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanSettings {
    /// The window, where the search sets none (WN-1).
    pub window_ms: i64,
    /// WN-2.
    pub grace_ms: i64,
    /// WN-4.
    pub max_future_skew_ms: i64,
}

/// A detection that can be compiled.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What its plan is made of.
    pub text: PlanText,
    /// What somebody should look at.
    pub warnings: Vec<Problem>,
    /// Where the places of `text.search` stand in the file.
    pub place: SearchPlace,
}

/// The detection types of Splunk that are searches over events.
const KINDS: [&str; 4] = ["TTP", "Anomaly", "Hunting", "Correlation"];

/// Reads a detection file, given as its text; `file` is its name in problems.
///
/// # Errors
/// Every problem of the file, warnings included. What is wrong with the file is an error; a right search that needs
/// what is not supported is unsupported.
pub fn load(
    yaml: &str,
    file: &str,
    macros: &Macros,
    lookups: &Lookups,
    settings: &PlanSettings,
) -> Result<Loaded, Vec<Problem>> {
    let mut reader = Reader::new(file, yaml);
    let documents = match Documents::read(yaml) {
        Ok(documents) => documents,
        Err(error) => {
            reader.not_yaml(error);
            return Err(reader.problems);
        }
    };
    let mut roots = documents.nodes();
    let detection = match (roots.next(), roots.next()) {
        (Some(root), None) if root.entries().is_some() => read(&mut reader, root, (macros, lookups), settings),
        _ => {
            reader.error(0..0, "a detection file is one mapping of keys to values");
            None
        }
    };
    match detection {
        Some((text, place)) if !reader.has_errors() => Ok(Loaded { text, warnings: reader.problems, place }),
        _ if reader.problems.iter().any(|problem| problem.severity == ProblemSeverity::OtherData) => {
            Err(reader.problems)
        }
        _ => Err(documents
            .nodes()
            .find_map(|root| calls_no_cloudtrail(&reader, root))
            .map_or(reader.problems, |other| vec![other])),
    }
}

/// The `id` and `name` of a file, whatever else is wrong with it.
pub fn identity(yaml: &str) -> Option<(String, String)> {
    let documents = Documents::read(yaml).ok()?;
    let root = documents.nodes().next()?;
    let text = |key| root.get(key).and_then(Node::text).map(str::to_owned);
    Some((text("id")?, text("name")?))
}

/// A checkout of Splunk's detections holds many for other data; what would have to be done for those is no help.
fn calls_no_cloudtrail(reader: &Reader<'_>, root: Node<'_>) -> Option<Problem> {
    let search = root.get("search")?;
    if !names_other_data(search.text()?) {
        return None;
    }
    let message = "the search reads other data than CloudTrail: it does not call the macro `cloudtrail`".to_owned();
    let bytes = first_line(reader.source, &search);
    Some(problem_at(reader.file, reader.source, bytes, ProblemSeverity::OtherData, message))
}

/// Whether a search says what it reads, and not that it is CloudTrail: by a macro, by what Splunk's index knows, or by a
/// command that makes events. A misspelt `cloudtrail` is none of them, nor is a search that names events alone, as one
/// writes it for this daemon: what is wrong with that is the writer's to see.
fn names_other_data(text: &str) -> bool {
    let macros = || text.split('`').skip(1).step_by(2);
    if text.contains("aws:cloudtrail") || macros().any(|name| nearest(name, ["cloudtrail"]).is_some()) {
        return false;
    }
    if let Some(command) = text.trim_start().strip_prefix('|') {
        return !command.trim_start().starts_with("search");
    }
    let base = text.split('|').next().unwrap_or_default();
    let has = |word: &str| base.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|given| given == word);
    let is_ours = has("eventName") || has("eventSource");
    base.contains('`') || has("sourcetype") || has("source") || (has("index") && !is_ours)
}

fn read<'t>(
    reader: &mut Reader<'t>,
    root: Node<'t>,
    (macros, lookups): (&Macros, &Lookups),
    settings: &PlanSettings,
) -> Option<(PlanText, SearchPlace)> {
    let id = reader.required_text(root, "id");
    let name = reader.required_text(root, "name");
    let version = version(reader, root);
    let kind = kind(reader, root);
    let risk = risk(reader, root, name.unwrap_or_default(), kind.unwrap_or("TTP"));
    let search = read_search(reader, root, name.unwrap_or_default(), macros)?;
    if let Some(term) = other_data(&search.pipeline.base) {
        // Nothing else about the file matters then.
        reader.problems = vec![of_other_data(&search.place, term)];
        return None;
    }
    check_row(reader, &risk, &search);
    warn_of_filters(reader, root, name?, &search);
    let Search { place, pipeline } = search;
    let (lookups, problems) = lookups::used(&pipeline, &place, lookups);
    reader.problems.extend(problems);
    let text = PlanText {
        id: id?.to_owned(),
        name: name?.to_owned(),
        version: version?,
        kind: kind?.to_owned(),
        search: place.text().to_owned(),
        filters: place.expansion().filters.clone(),
        risk: risk.model,
        lookups,
        window_ms: settings.window_ms,
        grace_ms: settings.grace_ms,
        max_future_skew_ms: settings.max_future_skew_ms,
    };
    Some((text, place))
}

fn version<'t>(reader: &mut Reader<'t>, root: Node<'t>) -> Option<u32> {
    let node = reader.required(root, "version")?;
    let version = node.integer().and_then(|version| u32::try_from(version).ok());
    if version.is_none() {
        reader.error(first_line(reader.source, &node), format!("`version` is a whole number, not {}", node.kind()));
    }
    version
}

fn kind<'t>(reader: &mut Reader<'t>, root: Node<'t>) -> Option<&'t str> {
    let kind = reader.required_text(root, "type")?;
    if KINDS.contains(&kind) {
        return Some(kind);
    }
    let near = nearest(kind, KINDS).map_or_else(String::new, |near| format!(" (did you mean {near}?)"));
    let message = format!("`{kind}` is not the type of a detection: {}{near}", KINDS.join(", "));
    let node = root.get("type")?;
    reader.error(first_line(reader.source, &node), message);
    None
}

fn read_search<'t>(reader: &mut Reader<'t>, root: Node<'t>, name: &str, macros: &Macros) -> Option<Search> {
    reader.required_text(root, "search")?;
    match search::read(reader.file, reader.source, root.get("search")?, name, macros) {
        Ok(search) => {
            let lints = lint(&search.pipeline, search.place.text()).into_iter().map(|lint| search.place.of_lint(lint));
            reader.problems.extend(lints);
            Some(search)
        }
        Err(problem) => {
            reader.problems.push(problem);
            None
        }
    }
}

fn of_other_data(place: &SearchPlace, term: &Spanned<SearchTerm>) -> Problem {
    let asked = &place.text()[term.span.clone()];
    let message = format!("the search reads other data than CloudTrail: no event here has `{asked}`");
    let help = "the events here have sourcetype=aws:cloudtrail and source=aws_cloudtrail; where a macro says otherwise, \
                leave its term out";
    place.problem(term.span.clone(), ProblemSeverity::OtherData, message, Some(help.to_owned()))
}

/// A token of the message that no row can fill always reads `null`, and a risk or threat object that no row can name
/// never comes. Files of Splunk's have both; the rest of the risk event is right.
fn check_row<'t>(reader: &mut Reader<'t>, risk: &Risk<'t>, search: &Search) {
    let Columns::Closed(columns) = Columns::of(&search.pipeline) else { return };
    if let Some((node, text)) = risk.message.and_then(|node| Some((node, node.text()?))) {
        let map = node.text_map();
        for (name, token) in tokens(text).into_iter().filter(|(name, _)| !columns.contains(*name)) {
            let message =
                format!("no row of the search has the column `{name}` that the message names: it reads null there");
            let bytes = map[token.start]..map[token.end - 1] + 1;
            reader.problem(bytes, ProblemSeverity::Warning, message, Some(column_help(&columns, name)));
        }
    }
    for node in &risk.fields {
        let field = node.text().unwrap_or_default();
        if !columns.contains(field) {
            let message = format!("no row of the search has the column `{field}`, so that no object comes of it");
            let help = Some(column_help(&columns, field));
            reader.problem(first_line(reader.source, node), ProblemSeverity::Warning, message, help);
        }
    }
}

fn column_help(columns: &BTreeSet<String>, wanted: &str) -> String {
    let all = columns.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    match nearest(wanted, columns.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`? the columns are {all}"),
        None => format!("the columns are {all}"),
    }
}

/// Copies of a file have been published with the filter of another detection; an operator looks for the detection's own.
fn warn_of_filters<'t>(reader: &mut Reader<'t>, root: Node<'t>, name: &str, search: &Search) {
    let own = conventional_filter(name);
    let written = root.get("search").and_then(Node::text).unwrap_or_default();
    let filters = &search.place.expansion().filters;
    let mut other =
        filters.iter().filter(|filter| filter.name != own && written.contains(&format!("`{}`", filter.name)));
    let Some(other) = other.next_back().filter(|_| !written.contains(&format!("`{own}`"))) else { return };
    let message =
        format!("the search uses the filter `{}`, but by its name the detection's filter is `{own}`", other.name);
    let help = "both are honoured: each one that the macros file defines is applied".to_owned();
    let bytes = search.place.bytes(other.start..other.end);
    reader.problem(bytes, ProblemSeverity::Warning, message, Some(help));
}

#[cfg(test)]
mod tests;
