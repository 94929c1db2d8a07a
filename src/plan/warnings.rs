//! What Splunk accepts in silence and is hardly meant, as far as it takes the meaning of a search to see it. (What the
//! syntax shows is `spl::lint`'s.)

use super::columns::Columns;
use super::error::PlanWarning;
use super::extract::spath_output;
use super::names::Names;
use super::services;
use crate::cloudtrail::{is_known, known, may_exist};
use crate::spl::ast::{
    BinaryOp, Command, CompareOp, Expr, JoinCommand, Pipeline, SearchExpr, SearchTerm, Spanned, StatsCommand, UnaryOp,
};
use crate::spl::{capture_names, nearest};

type Commands = [Spanned<Command>];

/// Everything worth a warning in a search, in its order.
pub(super) fn of(pipeline: &Pipeline) -> Vec<PlanWarning> {
    let mut warnings = Vec::new();
    let event_names = event_names(&pipeline.base).unwrap_or_default();
    warnings.extend(services::ambiguous(&pipeline.base));
    let mut first = true;
    for (index, command) in pipeline.commands.iter().enumerate() {
        // After `stats` the columns are known, and every name that is none of them is warned of.
        if let (Command::Where(condition), true) = (&command.node, first) {
            warnings.extend(unquoted_texts(condition, &pipeline.commands[..index]));
        }
        if let Command::Append(subsearch) = &command.node {
            warnings.extend(of(subsearch));
        }
        if let Command::Join(join) = &command.node {
            warnings.extend(of(&join.subsearch));
            warnings.extend(unjoinable(join, &pipeline.commands[..index]));
        }
        if let Command::Stats(stats) = &command.node {
            let (before, after) = (&pipeline.commands[..index], &pipeline.commands[index + 1..]);
            // A further `stats` works on rows.
            if std::mem::take(&mut first) {
                warnings.extend(doubtful_by_fields(stats, before, &event_names));
                warnings.extend(unwindowed_bin(stats, before));
            }
            warnings.extend(unknown_columns(stats, after));
        }
    }
    warnings
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

/// By-fields that no matching event can have (every event would be dropped), that nobody has heard of, or that differ
/// from event to event.
fn doubtful_by_fields(stats: &StatsCommand, before: &Commands, event_names: &[String]) -> Vec<PlanWarning> {
    let warning = |field: &Spanned<String>| {
        let event_field = origin(&field.node, before)?;
        let message = null(&event_field, &field.node, event_names)
            .or_else(|| misspelt(&event_field))
            .or_else(|| moving(&event_field, before))?;
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

/// A name that no record of CloudTrail's documents, next to one that it does.
fn misspelt(field: &str) -> Option<String> {
    let may_be = field.len() >= LEAST_MISSPELT && !field.contains('.') && !field.starts_with("date_");
    let near = nearest(field, known()).filter(|_| may_be && !is_known(field))?;
    Some(format!(
        "CloudTrail documents no field {field}: did you mean {near}? stats drops every event that lacks a by-field"
    ))
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

/// `where user=bob`: the field `bob`, which nothing makes and no event is documented to have.
fn unquoted_texts(condition: &Spanned<Expr>, before: &Commands) -> Vec<PlanWarning> {
    match &condition.node {
        Expr::Binary(BinaryOp::And | BinaryOp::Or, left, right) => {
            [left, right].into_iter().flat_map(|side| unquoted_texts(side, before)).collect()
        }
        Expr::Unary(UnaryOp::Not, inner) => unquoted_texts(inner, before),
        Expr::Binary(BinaryOp::Compare(CompareOp::Eq | CompareOp::Ne), left, right) => {
            let (Expr::Field(_), Expr::Field(name)) = (&left.node, &right.node) else { return Vec::new() };
            let is_bare = right.span.len() == name.len();
            let is_made = Names::of_rows(before).into_vec().contains(name) || is_open(before);
            let message =
                format!("`{name}` without quotes is a field, and no event is known to have it: the text is \"{name}\"");
            let is_text = is_bare && !is_made && !is_known(name) && !name.starts_with("date_");
            is_text.then(|| PlanWarning { message, span: right.span.clone() }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a command may have written a field of any name.
fn is_open(before: &Commands) -> bool {
    before.iter().any(|command| written(&command.node).contains(&"*"))
}

/// Which field of the event a field of `stats` is, followed back through the commands; none where a command makes it.
fn origin(field: &str, before: &Commands) -> Option<String> {
    let mut name = field.to_owned();
    for command in before.iter().rev() {
        match &command.node {
            Command::Rename(pairs) => {
                for (source, target) in pairs.iter().rev() {
                    if target.node.contains('*') {
                        return None;
                    }
                    if target.node == name {
                        name.clone_from(&source.node);
                    }
                }
            }
            Command::Eval(assignments) if assignments.iter().any(|(output, _)| output.node == name) => return None,
            Command::FillNull { fields, .. } if fields.is_empty() || fields.iter().any(|f| f.node == name) => {
                return None;
            }
            Command::Bin { output: Some(output), .. } if output.node == name => return None,
            Command::Convert { conversions, .. }
                if conversions.iter().any(|c| c.node.output.as_ref() == Some(&name)) =>
            {
                return None;
            }
            // Without a path, `spath` may write any field.
            Command::Spath { output, path, .. } if spath_output(output, path).is_none_or(|output| *output == name) => {
                return None;
            }
            Command::Rex { pattern, .. } if capture_names(&pattern.node).contains(&name.as_str()) => return None,
            Command::Lookup(lookup) if lookup.outputs.iter().any(|output| output.field == name) => return None,
            Command::Append(_) | Command::Join(_) => return None,
            Command::EventStats(stats) if stats.aggregates.iter().any(|a| a.node.output == name) => return None,
            _ => {}
        }
    }
    Some(name)
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

/// A filter after `stats` on a field that is no column: it is null, and the filter hides everything or nothing.
fn unknown_columns(stats: &StatsCommand, after: &Commands) -> Vec<PlanWarning> {
    let mut columns: Vec<&str> = stats.by.iter().map(|field| field.node.as_str()).collect();
    columns.extend(stats.aggregates.iter().map(|aggregate| aggregate.node.output.as_str()));
    // Bare terms are looked for in all columns of such a row.
    columns.push("_raw");
    let mut warnings = Vec::new();
    for command in after.iter().take_while(|command| !matches!(command.node, Command::Stats(_))) {
        let named = match &command.node {
            Command::Search(expr) => Names::of_search(expr),
            Command::Where(condition) => Names::of_expr(&condition.node),
            other => {
                columns.extend(written(other));
                continue;
            }
        };
        for name in named.into_vec().iter().filter(|name| !columns.contains(&name.as_str()) && !columns.contains(&"*"))
        {
            let message = format!("after stats there is no column {name}: it is always null here");
            warnings.push(PlanWarning { message, span: command.span.clone() });
        }
    }
    warnings
}

/// A field of a join that one of the searches cannot have: nothing agrees.
fn unjoinable(join: &JoinCommand, before: &Commands) -> Vec<PlanWarning> {
    let sides =
        [("the search before it", Columns::after_commands(before)), ("its subsearch", Columns::of(&join.subsearch))];
    let lacks = |columns: &Columns, field: &str| matches!(columns, Columns::Closed(known) if !known.contains(field));
    let warning = |(side, columns): &(&str, Columns), field: &Spanned<String>| {
        let message = format!("no row of {side} has the column {}: join finds no match", field.node);
        lacks(columns, &field.node).then(|| PlanWarning { message, span: field.span.clone() })
    };
    join.fields.iter().flat_map(|field| sides.iter().filter_map(move |side| warning(side, field))).collect()
}

/// The columns that a command may add.
fn written<'c>(command: &'c Command) -> Vec<&'c str> {
    match command {
        Command::Eval(assignments) => assignments.iter().map(|(output, _)| output.node.as_str()).collect(),
        Command::Rename(pairs) => {
            // A wildcard may add anything.
            let name = |target: &'c String| if target.contains('*') { "*" } else { target.as_str() };
            pairs.iter().map(|(_, target)| name(&target.node)).collect()
        }
        Command::FillNull { fields, .. } => fields.iter().map(|field| field.node.as_str()).collect(),
        Command::Bin { output, .. } => output.iter().map(|output| output.node.as_str()).collect(),
        Command::Convert { conversions, .. } => conversions.iter().filter_map(|c| c.node.output.as_deref()).collect(),
        Command::EventStats(stats) => stats.aggregates.iter().map(|a| a.node.output.as_str()).collect(),
        Command::Spath { output, path, .. } => vec![spath_output(output, path).map_or("*", String::as_str)],
        Command::Rex { pattern, .. } => capture_names(&pattern.node),
        Command::Lookup(lookup) => lookup.outputs.iter().map(|output| output.field.as_str()).collect(),
        Command::Append(_) | Command::Join(_) => vec!["*"],
        _ => Vec::new(),
    }
}
