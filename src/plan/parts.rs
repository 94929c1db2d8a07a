//! A pipeline cut where its commands begin to work on something else: on one event, on one group's row, on all rows of
//! a window (EM-5).

use crate::plan::PlanText;
use crate::spl::ast::{Command, Pipeline, Span, Spanned, StatsCommand};

/// The pieces of a pipeline.
pub(super) struct Parts<'a> {
    /// Work on one event and the records made of it.
    pub(super) before: &'a [Spanned<Command>],
    /// Makes groups of events; none where the rows are the events.
    pub(super) stats: Option<Spanned<&'a StatsCommand>>,
    /// Work on one row.
    pub(super) after: &'a [Spanned<Command>],
    /// From the first command on that needs every row of a window.
    pub(super) whole: &'a [Spanned<Command>],
}

impl<'a> Parts<'a> {
    pub(super) fn of(text: &PlanText, pipeline: &'a Pipeline) -> Self {
        let commands = pipeline.commands.as_slice();
        let is_stats = |command: &Spanned<Command>| matches!(command.node, Command::Stats(_));
        let first = commands.iter().position(|command| needs_all_rows(&command.node));
        match first.map(|at| (at, &commands[at])) {
            Some((at, Spanned { node: Command::Stats(stats), span })) => {
                let rest = &commands[at + 1..];
                let whole = rest.iter().position(joins_rows).unwrap_or(rest.len());
                Self {
                    before: &commands[..at],
                    stats: Some(Spanned { node: stats, span: span.clone() }),
                    after: &rest[..whole],
                    whole: &rest[whole..],
                }
            }
            other => {
                debug_assert!(other.is_none_or(|(_, command)| !is_stats(command)), "stats is the case above");
                let whole = other.map_or(commands.len(), |(at, _)| at);
                // Without `stats` the filter macros still work on rows, so that what they hide is counted (AG-4).
                let is_filter = |command: &Spanned<Command>| filter_of(text, &command.span).is_some();
                let at = commands[..whole].iter().position(is_filter).unwrap_or(whole);
                let whole = at + commands[at..whole].iter().position(joins_rows).unwrap_or(whole - at);
                Self { before: &commands[..at], stats: None, after: &commands[at..whole], whole: &commands[whole..] }
            }
        }
    }
}

/// Where the rows are those of groups, so are those that are appended: a subsearch's.
fn joins_rows(command: &Spanned<Command>) -> bool {
    needs_all_rows(&command.node) || matches!(command.node, Command::Append(_))
}

/// Whether a command needs every row at once. (The first `stats` gathers events as they come.)
pub(super) fn needs_all_rows(command: &Command) -> bool {
    match command {
        Command::Stats(_)
        | Command::EventStats(_)
        | Command::Dedup { .. }
        | Command::Sort { .. }
        | Command::Head { .. }
        | Command::Join(_) => true,
        // Single events may be appended to single events.
        Command::Append(subsearch) => subsearch.commands.iter().any(|command| needs_all_rows(&command.node)),
        Command::Search(_)
        | Command::Where(_)
        | Command::Eval(_)
        | Command::Rename(_)
        | Command::Fields { .. }
        | Command::Table(_)
        | Command::FillNull { .. }
        | Command::Bin { .. }
        | Command::Convert { .. }
        | Command::Spath { .. }
        | Command::Lookup(_)
        | Command::Rex { .. }
        | Command::MvExpand { .. } => false,
    }
}

/// The filter macro that a command came from.
pub(super) fn filter_of(text: &PlanText, span: &Span) -> Option<usize> {
    text.filters.iter().position(|filter| filter.start <= span.start && span.end <= filter.end)
}
