//! Filters that expire (AG-5): which commands are theirs, and which commands can be.
//!
//! An expired filter is passed over when a command runs, by the end of the window that it runs for. So a filter that
//! expires may only hide: what follows it must mean the same with and without it.

use super::error::CompileError;
use crate::plan::PlanText;
use crate::spl::FilterPlace;
use crate::spl::ast::{Command, Pipeline, Span, Spanned};
use crate::time::EventTime;

/// The end of the last window in which a command applies: the earliest expiry of the filters that it came from.
pub(super) fn of(text: &PlanText, span: &Span) -> Option<EventTime> {
    let from = text.filters.iter().filter(|filter| holds(filter, span));
    from.filter_map(|filter| filter.expires_ms).min().map(EventTime)
}

/// Whether every filter that expires is made of whole commands that hide rows and do nothing else.
///
/// # Errors
/// With the first that is not.
pub(super) fn check(text: &PlanText, pipeline: &Pipeline) -> Result<(), CompileError> {
    let mut expiring = text.filters.iter().filter(|filter| filter.expires_ms.is_some());
    expiring.try_for_each(|filter| check_filter(filter, pipeline))
}

fn check_filter(filter: &FilterPlace, pipeline: &Pipeline) -> Result<(), CompileError> {
    let around = pipeline.commands.iter().find(|command| contains(&command.span, filter));
    if let Some(subsearch) = around.and_then(|command| command.node.subsearch()) {
        return check_filter(filter, subsearch);
    }
    let from = pipeline.commands.iter().skip_while(|command| command.span.start != filter.start);
    let commands: Vec<_> = from.take_while(|command| command.span.start < filter.end).collect();
    if commands.is_empty() || commands.iter().any(|command| !holds(filter, &command.span)) {
        return Err(CompileError::invalid(
            format!("`{}` expires, but it is no command of its own here", filter.name),
            &(filter.start..filter.end),
        )
        .with_help(format!("call it behind a pipe: ... | `{}`", filter.name)));
    }
    match commands.into_iter().find(|command| !only_hides(command)) {
        None => Ok(()),
        Some(other) => Err(CompileError::invalid(
            format!("`{}` expires, and may therefore only hide rows", filter.name),
            &other.span,
        )
        .with_help("make it of search and where alone")),
    }
}

fn only_hides(command: &Spanned<Command>) -> bool {
    matches!(command.node, Command::Search(_) | Command::Where(_))
}

fn holds(filter: &FilterPlace, span: &Span) -> bool {
    filter.start <= span.start && span.end <= filter.end
}

fn contains(span: &Span, filter: &FilterPlace) -> bool {
    span.start <= filter.start && filter.end <= span.end
}
