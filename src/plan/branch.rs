//! The ways of an event to its rows: the search itself, and each subsearch that is appended to it. What follows an
//! `append` works on the rows of both, so that it stands at the end of both ways; an event may take several.

use std::sync::Arc;

use super::command::{Action, BinWidth, Step};
use super::compile::{check_expansions, step};
use super::error::CompileError;
use super::matcher::Matcher;
use super::names::Names;
use super::parts::{Parts, needs_all_rows};
use crate::cloudtrail::FieldPath;
use crate::plan::PlanText;
use crate::spl::ast::{Command, Pipeline, SearchExpr, Spanned};

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
                names.iter().map(|name| FieldPath::compile(name)).collect()
            };
            let steps = path.commands.iter().enumerate();
            let steps = steps.map(|(index, command)| step(text, command, || Some(named_after(index))));
            Ok(Self { base: Matcher::compile(path.base), steps: steps.collect::<Result<_, _>>()? })
        };
        paths(&pipeline.base, parts.before)?.into_iter().map(compile).collect()
    }
}

/// Recursion is bounded by the parser's limit on nesting.
fn paths<'a>(base: &'a SearchExpr, commands: &'a [Spanned<Command>]) -> Result<Vec<Path<'a>>, CompileError> {
    let mut all = vec![Path { base, commands: Vec::new() }];
    for command in commands {
        match &command.node {
            Command::Append(subsearch) => {
                check_subsearch(subsearch)?;
                all.extend(paths(&subsearch.base, &subsearch.commands)?);
            }
            _ => all.iter_mut().for_each(|path| path.commands.push(command)),
        }
    }
    Ok(all)
}

fn check_subsearch(subsearch: &Pipeline) -> Result<(), CompileError> {
    match subsearch.commands.iter().find(|command| needs_all_rows(&command.node)) {
        None => Ok(()),
        Some(command) => Err(CompileError::unsupported(
            "a subsearch that needs all rows before it is appended is not supported",
            &command.span,
        )
        .with_help("append works on single events here: write stats and what needs all rows behind it")),
    }
}

/// WN-1: the window of the plan. Every branch must cut the same, since their rows meet in one.
pub(super) fn window(text: &PlanText, branches: &[Branch], by: &[Arc<str>]) -> Result<i64, CompileError> {
    let windows: Vec<i64> = branches.iter().map(|b| window_of(text, &b.steps, by)).collect::<Result<_, _>>()?;
    match windows.iter().position(|window| *window != windows[0]) {
        None => Ok(windows[0]),
        Some(_) => {
            let bin =
                branches.iter().flat_map(|branch| &branch.steps).find(|step| width_of_time(&step.action).is_some());
            let span = bin.map_or(0..0, |step| step.span.clone());
            Err(CompileError::unsupported("what is appended has other windows", &span)
                .with_help("write bin behind append, so that it cuts the events of both"))
        }
    }
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

fn width_of_time(action: &Action) -> Option<BinWidth> {
    match action {
        Action::Bin(bin) if &**bin.field.name() == "_time" && &*bin.output == "_time" => Some(bin.span),
        _ => None,
    }
}
