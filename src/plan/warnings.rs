//! What Splunk accepts in silence and is hardly meant, as far as it takes the meaning of a search to see it. (What the
//! syntax shows is `spl::lint`'s.)

use super::absent;
use super::columns::Columns;
use super::error::PlanWarning;
use super::origin::Origin;
use super::presence;
use super::reads::{self, Read};
use super::services;
use super::unquoted;
use crate::cloudtrail::{is_known, known, may_exist};
use crate::spl::ast::{Command, CompareOp, JoinCommand, Pipeline, SearchExpr, SearchTerm, Span, Spanned, StatsCommand};
use crate::spl::nearest;

type Commands = [Spanned<Command>];

/// Everything worth a warning in a search, in its order.
pub(super) fn of(pipeline: &Pipeline) -> Vec<PlanWarning> {
    let mut warnings: Vec<_> = services::ambiguous(&pipeline.base).into_iter().collect();
    warnings.extend(services::no_hosts(&pipeline.base));
    warnings.extend(reads::of_search(&pipeline.base).iter().filter_map(|read| doubtful(read, &[])));
    warnings.extend(presence::of_terms(&pipeline.base, &|_| true));
    let event_names = event_names(&pipeline.base).unwrap_or_default();
    let (mut first, mut columns) = (true, Columns::Open);
    for (index, command) in pipeline.commands.iter().enumerate() {
        let before = &pipeline.commands[..index];
        let mut texts = Vec::new();
        match &command.node {
            // After `stats` the columns are known, and every name that is none of them is warned of.
            Command::Where(_) | Command::Eval(_) if first => texts = unquoted::texts(&command.node, before),
            Command::Search(expr) if is_the_events("eventSource", before, &columns) => {
                warnings.extend(services::no_hosts(expr));
            }
            Command::Spath { output: Some(output), path: None, .. } => warnings.push(unwritten(output, &command.span)),
            Command::Append(subsearch) => warnings.extend(of(subsearch)),
            Command::Join(join) => {
                warnings.extend(of(&join.subsearch));
                warnings.extend(unjoinable(join, &columns));
            }
            // A further `stats` works on rows.
            Command::Stats(stats) if std::mem::take(&mut first) => {
                warnings.extend(unquoted::texts(&command.node, before));
                warnings.extend(doubtful_by_fields(stats, before, &event_names));
                warnings.extend(unwindowed_bin(stats, before));
            }
            _ => {}
        }
        let says_all = matches!(command.node, Command::Where(_)) && !texts.is_empty();
        warnings.extend(texts);
        warnings.extend(if says_all { Vec::new() } else { unreadable(command, before, &columns) });
        warnings.extend(presence_tests(&command.node, &|field| is_the_events(field, before, &columns)));
        columns = columns.after(&command.node);
    }
    warnings
}

/// Whether a name still means the event's own field.
fn is_the_events(field: &str, before: &Commands, columns: &Columns) -> bool {
    *columns == Columns::Open && Origin::of(field, before) == Origin::Event(field.to_owned())
}

/// `spath output=x` without a path.
fn unwritten(output: &str, span: &Span) -> PlanWarning {
    let message = format!(
        "without a path spath writes every field of the JSON under its own name, and nothing to {output}: add path=..."
    );
    PlanWarning { message, span: span.clone() }
}

/// Conditions that are the same for every event.
fn presence_tests(command: &Command, is_own: &dyn Fn(&str) -> bool) -> Vec<PlanWarning> {
    match command {
        Command::Search(expr) => presence::of_terms(expr, is_own),
        _ => command.expressions().into_iter().flat_map(|expr| presence::of_expr(expr, is_own)).collect(),
    }
}

/// What a command reads and no event or row has there.
fn unreadable(command: &Spanned<Command>, before: &Commands, columns: &Columns) -> Vec<PlanWarning> {
    let reads = reads::of(command).into_iter();
    match columns {
        Columns::Open => reads.filter_map(|read| doubtful(&read, before)).collect(),
        Columns::Closed(columns) => {
            reads.filter(|read| !columns.contains(&read.field)).map(|read| no_column(read, before)).collect()
        }
    }
}

/// A field of events that a command has taken away, or that nobody has heard of.
fn doubtful(read: &Read, before: &Commands) -> Option<PlanWarning> {
    let message = match Origin::of(&read.field, before) {
        Origin::Made => return None,
        Origin::Event(field) => {
            let unknown = |near| format!("CloudTrail documents no field {field}: did you mean {near}?");
            let why = absent::why(&field).or_else(|| misspelt(&field).map(unknown))?;
            format!("{why} {}", consequence(read, "event"))
        }
        Origin::Gone(how) => format!("`{}` is gone here: {how}; {}", read.field, consequence(read, "event")),
    };
    Some(PlanWarning { message, span: read.span.clone() })
}

fn no_column(read: Read, before: &Commands) -> PlanWarning {
    let is_stats = before.iter().any(|command| matches!(command.node, Command::Stats(_)));
    let behind = if is_stats { "stats" } else { "table" };
    let message = format!("after {behind} there is no column {}: {}", read.field, consequence(&read, "row"));
    PlanWarning { message, span: read.span }
}

/// What comes of a field that is not there.
fn consequence(read: &Read, of: &str) -> String {
    if read.is_by { format!("stats drops every {of} that lacks a by-field") } else { "it is always null here".into() }
}

/// The event names that a search asks for; none where it may match others, too.
fn event_names(base: &SearchExpr) -> Option<Vec<String>> {
    match base {
        SearchExpr::And(parts) => parts.iter().find_map(event_names),
        SearchExpr::Or(parts) => parts.iter().map(event_names).collect::<Option<Vec<_>>>().map(|names| names.concat()),
        SearchExpr::Not(_) => None,
        SearchExpr::Term(term) => match &term.node {
            SearchTerm::Compare { field, op: CompareOp::Eq, value } if is_event_name(field) && !value.contains('*') => {
                Some(vec![value.clone()])
            }
            SearchTerm::In { field, values } if is_event_name(field) => {
                values.iter().all(|value| !value.contains('*')).then(|| values.clone())
            }
            _ => None,
        },
    }
}

fn is_event_name(field: &str) -> bool {
    matches!(field, "eventName" | "signature")
}

/// By-fields that no matching event can have (every event would be dropped), or that differ from event to event.
fn doubtful_by_fields(stats: &StatsCommand, before: &Commands, event_names: &[String]) -> Vec<PlanWarning> {
    let warning = |field: &Spanned<String>| {
        let Origin::Event(event_field) = Origin::of(&field.node, before) else { return None };
        let message = null(&event_field, &field.node, event_names).or_else(|| moving(&event_field, before))?;
        Some(PlanWarning { message, span: field.span.clone() })
    };
    stats.by.iter().filter_map(warning).collect()
}

fn null(event_field: &str, field: &str, event_names: &[String]) -> Option<String> {
    (!may_exist(event_field, event_names)).then(|| {
        let names = event_names.join(", ");
        format!("no event of {names} has the field {field}: stats drops every event that lacks a by-field")
    })
}

/// Names shorter than this are near to too many others.
const LEAST_MISSPELT: usize = 4;

/// The documented name next to one that no record of CloudTrail's has. Of a path the first part is judged: what stands
/// behind it is as open as the services are many.
fn misspelt(field: &str) -> Option<&'static str> {
    let name = field.split_once('.').map_or(field, |(head, _)| head).trim_end_matches("{}");
    let may_be = name.len() >= LEAST_MISSPELT && !field.starts_with("date_") && !is_known(name);
    may_be.then(|| nearest(name, known())).flatten()
}

/// Fields whose values hardly ever repeat: then every event is a group of its own.
const MOVING: [&str; 5] = ["_raw", "eventID", "eventTime", "requestID", "sharedEventID"];

fn moving(field: &str, before: &Commands) -> Option<String> {
    let is_binned = || {
        before
            .iter()
            .any(|command| matches!(&command.node, Command::Bin { field, output: None, .. } if field.node == "_time"))
    };
    let moves = MOVING.contains(&field) || (field == "_time" && !is_binned());
    let help = if field == "_time" { "; `bin _time span=...` before stats makes windows of it" } else { "" };
    moves.then(|| format!("{field} differs from event to event, so that each is a group of its own{help}"))
}

/// WN-1: `bin _time` cuts windows only with `_time` among the by-fields.
fn unwindowed_bin(stats: &StatsCommand, before: &Commands) -> Option<PlanWarning> {
    let is_bin = |command: &&Spanned<Command>| matches!(&command.node, Command::Bin { field, output: None, .. } if field.node == "_time");
    let bin = before.iter().find(is_bin).filter(|_| stats.by.iter().all(|field| field.node != "_time"))?;
    Some(PlanWarning {
        message: "_time is not among the by-fields: bin changes _time and cuts no windows".into(),
        span: bin.span.clone(),
    })
}

/// A field of a join that one of the searches cannot have: nothing agrees.
fn unjoinable(join: &JoinCommand, before: &Columns) -> Vec<PlanWarning> {
    let sides = [("the search before it", before), ("its subsearch", &Columns::of(&join.subsearch))];
    let lacks = |columns: &Columns, field: &str| matches!(columns, Columns::Closed(known) if !known.contains(field));
    let warning = |(side, columns): &(&str, &Columns), field: &Spanned<String>| {
        let message = format!("no row of {side} has the column {}: join finds no match", field.node);
        lacks(columns, &field.node).then(|| PlanWarning { message, span: field.span.clone() })
    };
    join.fields.iter().flat_map(|field| sides.iter().filter_map(move |side| warning(side, field))).collect()
}
