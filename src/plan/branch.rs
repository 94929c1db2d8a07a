//! The ways of an event to its rows: the search itself, and each subsearch that is appended to it event by event. What
//! follows such an `append` works on the rows of both, so that it stands at the end of both ways; an event may take
//! several. (A subsearch that needs all rows is a search of its own: see `leg`.)

use std::sync::Arc;

use super::command::{Action, BinWidth, Filled, Step};
use super::error::CompileError;
use super::leg::{check_expansions, step};
use super::matcher::Matcher;
use super::names::Names;
use super::parts::Parts;
use super::pattern::Pattern;
use crate::cloudtrail::FieldPath;
use crate::plan::PlanText;
use crate::spl::ast::{Command, Pipeline, SearchExpr, Span, Spanned};

/// One way.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    /// Which events take it.
    pub(super) base: Matcher,
    /// What is done to them.
    pub(super) steps: Vec<Step>,
}

/// The same, before it is compiled.
struct Path<'a> {
    base: &'a SearchExpr,
    commands: Vec<&'a Spanned<Command>>,
}

impl Branch {
    /// The branches of a search in the order of their rows.
    pub(super) fn compile_all(
        text: &PlanText,
        pipeline: &Pipeline,
        parts: &Parts<'_>,
    ) -> Result<Vec<Self>, CompileError> {
        let behind = &pipeline.commands[parts.before.len()..];
        let compile = |path: Path<'_>| {
            check_expansions(path.commands.iter().copied())?;
            let named_after = |index: usize| {
                let names = Names::of_commands(path.commands[index + 1..].iter().copied().chain(behind)).into_vec();
                Filled::These(names.iter().map(|name| FieldPath::compile(name)).collect())
            };
            let steps = path.commands.iter().enumerate();
            let steps = steps.map(|(index, command)| step(text, command, || named_after(index)));
            Ok(Self { base: Matcher::compile(path.base), steps: steps.collect::<Result<_, _>>()? })
        };
        paths(&pipeline.base, parts.before).into_iter().map(compile).collect()
    }
}

/// Recursion is bounded by the parser's limit on nesting.
fn paths<'a>(base: &'a SearchExpr, commands: &'a [Spanned<Command>]) -> Vec<Path<'a>> {
    let mut all = vec![Path { base, commands: Vec::new() }];
    for command in commands {
        match &command.node {
            Command::Append(subsearch) => all.extend(paths(&subsearch.base, &subsearch.commands)),
            _ => all.iter_mut().for_each(|path| path.commands.push(command)),
        }
    }
    all
}

/// The window of a search.
#[derive(Clone, Debug)]
pub(super) struct Window {
    /// WN-1, in milliseconds.
    ms: i64,
    /// The `bin` that cuts it, or one that does not.
    bin: Option<Span>,
}

/// WN-1: the window of a search. Every branch must cut the same, since their rows meet in one.
pub(super) fn window(text: &PlanText, branches: &[Branch], by: &[Arc<str>]) -> Result<Window, CompileError> {
    let of = |branch: &Branch| {
        let bin = branch.steps.iter().find(|step| width_of_time(&step.action).is_some());
        Ok::<_, CompileError>(Window {
            ms: window_of(text, &branch.steps, by)?,
            bin: bin.map(|step| step.span.clone()),
        })
    };
    let windows: Vec<Window> = branches.iter().map(of).collect::<Result<_, _>>()?;
    let help = "write bin behind append, so that it cuts the events of both";
    let ms = common_window(&windows, "what is appended has other windows", help)?;
    Ok(Window { ms, bin: windows.into_iter().find_map(|window| window.bin) })
}

/// The window in milliseconds that all of these are; at least one.
pub(super) fn common_window(windows: &[Window], message: &str, help: &str) -> Result<i64, CompileError> {
    if windows.iter().all(|window| window.ms == windows[0].ms) {
        return Ok(windows[0].ms);
    }
    let bin = windows.iter().find_map(|window| window.bin.clone());
    Err(CompileError::unsupported(message, &bin.unwrap_or(0..0)).with_help(help))
}

/// WN-1. Windows are cut on the event's own time, so `bin` must be the first to write `_time`.
fn window_of(text: &PlanText, steps: &[Step], by: &[Arc<str>]) -> Result<i64, CompileError> {
    let mut spans = steps.iter().filter_map(|step| Some((width_of_time(&step.action)?, &step.span)));
    match (spans.next(), spans.next()) {
        (Some((BinWidth::Time(span), place)), None) if by.iter().any(|name| &**name == "_time") => {
            let mut before = steps.iter().take_while(|step| step.span != *place);
            match before.find(|step| step.action.writes("_time")) {
                None => Ok(span),
                Some(writer) => {
                    Err(CompileError::unsupported("_time is rewritten before bin cuts windows on it", &writer.span)
                        .with_help("write the new time to a field of another name"))
                }
            }
        }
        (Some(_), Some((_, second))) => {
            Err(CompileError::unsupported("a second bin of _time is not supported", second)
                .with_help("windows are cut by one span"))
        }
        _ => Ok(text.window_ms),
    }
}

/// Whether a `bin` of the search cuts its windows (WN-1), of a search to which [`window`] has no objection.
pub(super) fn bin_cuts_windows(branches: &[Branch], by: &[Arc<str>]) -> bool {
    let mut steps = branches.iter().flat_map(|branch| &branch.steps);
    by.iter().any(|name| &**name == "_time") && steps.any(|step| width_of_time(&step.action).is_some())
}

/// Whether `_time` is a number behind this command, as it was before it. Where it is taken away, `fillnull` may put text
/// there.
pub(super) fn keeps_time(action: &Action) -> bool {
    let named = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches("_time"));
    match action {
        Action::Drop(patterns) => !named(patterns),
        Action::Table(patterns) => named(patterns),
        _ => width_of_time(action).is_some() || !action.writes("_time"),
    }
}

fn width_of_time(action: &Action) -> Option<BinWidth> {
    match action {
        Action::Bin(bin) if &**bin.field.name() == "_time" && &*bin.output == "_time" => Some(bin.span),
        _ => None,
    }
}
