//! From a plan's text to a plan.

use std::sync::Arc;

use super::aggregate::{Aggregate, Argument, Function};
use super::branch::{self, Branch};
use super::command::{Action, Step};
use super::conclude::Stage;
use super::early::{self, Early};
use super::error::{CompileError, PlanWarning};
use super::expr::Expression;
use super::extract::MAX_EXPANSIONS;
use super::fingerprint::Fingerprint;
use super::parts::{Parts, filter_of};
use super::whole::Whole;
use super::{expiry, literals, schema, warnings};
use crate::cloudtrail::FieldPath;
use crate::plan::PlanText;
use crate::spl::ast::{Command, Pipeline, Span, Spanned, StatsCommand};

/// A compiled search: immutable, a function of its [`PlanText`] alone.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) text: Arc<PlanText>,
    fingerprint: Fingerprint,
    pub(super) window_ms: i64,
    /// Where the base search ends in the text.
    pub(super) base_end: usize,
    /// The ways of an event to its rows: the search itself and what is appended to it.
    pub(super) branches: Vec<Branch>,
    /// Where the commands over events stand in the text.
    pub(super) event_commands: Vec<Span>,
    has_stats: bool,
    pub(super) by: Vec<Arc<str>>,
    pub(super) by_fields: Vec<FieldPath>,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) row_steps: Vec<Step>,
    /// The commands over all rows of a window.
    pub(super) stages: Vec<Stage>,
    group_fields: Vec<Arc<str>>,
    early: Early,
    warnings: Vec<PlanWarning>,
}

impl Plan {
    /// Parses and compiles a plan's text.
    ///
    /// # Errors
    /// Where the search is wrong, or asks for something that is not supported: nothing is ever half run.
    pub fn compile(text: &PlanText) -> Result<Self, CompileError> {
        Self::from_pipeline(text, &crate::spl::parse(&text.search)?)
    }

    /// Compiles a parsed search.
    pub(super) fn from_pipeline(text: &PlanText, pipeline: &Pipeline) -> Result<Self, CompileError> {
        expiry::check(text, pipeline)?;
        let parts = Parts::of(text, pipeline);
        let branches = Branch::compile_all(text, pipeline, &parts)?;
        let row_steps = steps(text, parts.after)?;
        check_expansions(parts.after.iter().chain(parts.whole))?;
        let (by, aggregates) = match &parts.stats {
            Some(stats) => (by_fields(stats.node)?, aggregates(stats)?),
            None => (Vec::new(), columns(pipeline, &parts)?),
        };
        let stages = stages(text, parts.whole)?;
        check_outputs(&by, &aggregates, parts.stats.as_ref().map_or(&(0..0), |stats| &stats.span))?;
        Ok(Self {
            fingerprint: Fingerprint::of(text),
            window_ms: branch::window(text, &branches, &by)?,
            base_end: pipeline.commands.first().map_or(text.search.len(), |command| command.span.start),
            early: match parts.whole.first() {
                Some(command) => early::never(&text.search, command),
                None => early::classify(&text.search, &by, &aggregates, parts.after),
            },
            group_fields: group_fields(&by, &stages),
            warnings: warnings::of(pipeline),
            has_stats: parts.stats.is_some(),
            by_fields: by.iter().map(|name| FieldPath::compile(name)).collect(),
            text: Arc::new(text.clone()),
            branches,
            event_commands: parts.before.iter().map(|command| command.span.clone()).collect(),
            by,
            aggregates,
            row_steps,
            stages,
        })
    }

    /// What it was compiled from.
    pub fn text(&self) -> &Arc<PlanText> {
        &self.text
    }

    /// WN-7.
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// WN-1: the window's size in milliseconds, above zero: the span of `bin _time` where `_time` is among the
    /// by-fields, otherwise that of the plan's text.
    pub fn window_ms(&self) -> i64 {
        self.window_ms
    }

    /// The by-fields in the order written; none for a search without `stats`.
    pub fn by_fields(&self) -> &[Arc<str>] {
        &self.by
    }

    /// The names of the by-values of a result's group: those of the last `stats`.
    pub fn group_fields(&self) -> &[Arc<str>] {
        &self.group_fields
    }

    /// Whether the search groups events as they come; otherwise every event is its own group.
    pub fn has_stats(&self) -> bool {
        self.has_stats
    }

    /// PO-3: an event that matches holds at least one of these in its JSON text, whatever the case of ASCII letters, as
    /// long as that text has no `\u` escapes. They consist of `[A-Za-z0-9 _.:-]`. `None`: no such set is known.
    pub fn required_literals(&self) -> Option<Vec<String>> {
        literals::required(&self.branches)
    }

    /// EM-1, EM-5: when a row may be announced.
    pub fn early(&self) -> Early {
        self.early.clone()
    }

    /// What Splunk accepts in silence and is hardly meant.
    pub fn warnings(&self) -> &[PlanWarning] {
        &self.warnings
    }

    /// The aggregates whose inputs are kept with the units.
    pub(super) fn kept_aggregates(&self) -> impl Iterator<Item = (usize, Function)> {
        let functions = self.aggregates.iter().map(|aggregate| aggregate.function).enumerate();
        functions.filter(|(_, function)| function.keeps_inputs())
    }

    /// The place of a kept aggregate among those that are kept.
    pub(super) fn slot(&self, index: usize) -> usize {
        self.kept_aggregates().take_while(|(kept, _)| *kept < index).count()
    }
}

/// Commands over rows.
fn steps(text: &PlanText, commands: &[Spanned<Command>]) -> Result<Vec<Step>, CompileError> {
    commands.iter().map(|command| step(text, command, || None)).collect()
}

/// One command; `named_after` as for [`Action::compile`].
pub(super) fn step(
    text: &PlanText,
    command: &Spanned<Command>,
    named_after: impl FnOnce() -> Option<Vec<FieldPath>>,
) -> Result<Step, CompileError> {
    let action = Action::compile(&command.node, &command.span, named_after)?;
    let (filter, expires) = (filter_of(text, &command.span), expiry::of(text, &command.span));
    Ok(Step { action, span: command.span.clone(), filter, expires })
}

/// The commands from the first one on that needs all rows.
fn stages(text: &PlanText, commands: &[Spanned<Command>]) -> Result<Vec<Stage>, CompileError> {
    let mut stages = Vec::new();
    for command in commands {
        match (Whole::compile(&command.node)?, stages.last_mut()) {
            (Some(whole), _) => {
                if let Whole::Stats(grouping) = &whole {
                    check_outputs(&grouping.by, &grouping.aggregates, &command.span)?;
                }
                stages.push(Stage::All(whole, command.span.clone()));
            }
            (None, Some(Stage::Rows(rows))) => rows.push(step(text, command, || None)?),
            (None, _) => stages.push(Stage::Rows(vec![step(text, command, || None)?])),
        }
    }
    Ok(stages)
}

fn group_fields(by: &[Arc<str>], stages: &[Stage]) -> Vec<Arc<str>> {
    let mut later = stages.iter().rev().filter_map(|stage| match stage {
        Stage::All(Whole::Stats(grouping), _) => Some(&grouping.by),
        _ => None,
    });
    later.next().map_or(by, Vec::as_slice).to_vec()
}

pub(super) fn check_expansions<'c>(commands: impl Iterator<Item = &'c Spanned<Command>>) -> Result<(), CompileError> {
    let mut expansions = commands.filter(|command| matches!(command.node, Command::MvExpand { .. }));
    match expansions.nth(MAX_EXPANSIONS) {
        Some(further) => Err(CompileError::unsupported(
            format!("more than {MAX_EXPANSIONS} mvexpand in one search are not supported"),
            &further.span,
        )),
        None => Ok(()),
    }
}

pub(super) fn by_fields(stats: &StatsCommand) -> Result<Vec<Arc<str>>, CompileError> {
    let field = |field: &Spanned<String>| match field.node.contains('*') {
        true => Err(CompileError::unsupported("wildcards in by-fields are not supported", &field.span)),
        false => Ok(Arc::from(field.node.as_str())),
    };
    stats.by.iter().map(field).collect()
}

fn aggregates(stats: &Spanned<&StatsCommand>) -> Result<Vec<Aggregate>, CompileError> {
    if stats.node.aggregates.is_empty() {
        return Err(
            CompileError::invalid("stats needs an aggregate", &stats.span).with_help("such as: stats count by user")
        );
    }
    stats.node.aggregates.iter().map(Aggregate::compile).collect()
}

fn columns(pipeline: &Pipeline, parts: &Parts<'_>) -> Result<Vec<Aggregate>, CompileError> {
    let column = |name: Arc<str>| Aggregate {
        function: Function::Column,
        argument: Argument::Value(Expression::Field(FieldPath::compile(&name))),
        output: name,
        span: None,
    };
    Ok(schema::columns(pipeline, parts.before, parts.whole)?.into_iter().map(column).collect())
}

fn check_outputs(by: &[Arc<str>], aggregates: &[Aggregate], span: &Span) -> Result<(), CompileError> {
    let outputs: Vec<_> = by.iter().chain(aggregates.iter().map(|aggregate| &aggregate.output)).collect();
    for (index, output) in outputs.iter().enumerate() {
        if outputs[..index].contains(output) {
            return Err(CompileError::invalid(format!("two columns are called {output}"), span)
                .with_help("give one of them another name with `as`"));
        }
    }
    Ok(())
}
