//! One search of a plan: the search itself, or a subsearch whose rows are joined or appended to those of another one.
//! Every one makes groups and rows of the same events; where several meet, they meet when the window is complete (EM-5).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::aggregate::{Aggregate, Argument, Function};
use super::branch::{self, Branch, Window};
use super::columns::Columns;
use super::command::{Action, Filled, Step};
use super::conclude::Stage;
use super::error::CompileError;
use super::expiry;
use super::expr::Expression;
use super::extract::MAX_EXPANSIONS;
use super::join::Join;
use super::names::Names;
use super::parts::{Parts, filter_of};
use super::schema;
use super::whole::Whole;
use crate::cloudtrail::FieldPath;
use crate::plan::PlanText;
use crate::spl::ast::{Command, Pipeline, Span, Spanned, StatsCommand};

/// One search, compiled.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    /// Its place among the searches of the plan; 0 is the search itself.
    pub(super) number: u32,
    /// The base search, as short as it can be written.
    pub(super) base: String,
    /// The ways of an event to its rows: the search and what is appended to it event by event.
    pub(super) branches: Vec<Branch>,
    /// Where the commands over events stand in the text.
    pub(super) event_commands: Vec<Span>,
    /// Whether it groups events as they come; otherwise every event is its own group.
    pub(super) has_stats: bool,
    pub(super) by: Vec<Arc<str>>,
    pub(super) by_fields: Vec<FieldPath>,
    /// How many by-fields the searches before it have: where its own begin in [`super::Plan::by_fields`].
    pub(super) by_offset: usize,
    pub(super) aggregates: Vec<Aggregate>,
    pub(super) row_steps: Vec<Step>,
    /// The commands over all rows of a window.
    pub(super) stages: Vec<Stage>,
}

impl Leg {
    /// The aggregates whose inputs are kept with the units.
    pub(super) fn kept_aggregates(&self) -> impl Iterator<Item = (usize, Function)> {
        let functions = self.aggregates.iter().map(|aggregate| aggregate.function).enumerate();
        functions.filter(|(_, function)| function.keeps_inputs())
    }

    /// The place of a kept aggregate among those that are kept.
    pub(super) fn slot(&self, index: usize) -> usize {
        self.kept_aggregates().take_while(|(kept, _)| *kept < index).count()
    }

    /// The by-fields of the last `stats`.
    pub(super) fn group_fields(&self) -> &[Arc<str>] {
        let mut later = self.stages.iter().rev().filter_map(|stage| match stage {
            Stage::All(Whole::Stats(grouping), _) => Some(&grouping.by),
            _ => None,
        });
        later.next().unwrap_or(&self.by)
    }
}

/// The searches of a plan while they are compiled.
pub(super) struct Legs<'t> {
    text: &'t PlanText,
    made: BTreeMap<u32, (Leg, Window)>,
    begun: u32,
}

impl<'t> Legs<'t> {
    /// Compiles a search with all of its subsearches; and WN-1, the window in milliseconds that all of them share.
    pub(super) fn compile(text: &'t PlanText, pipeline: &Pipeline) -> Result<(Vec<Leg>, i64), CompileError> {
        let mut legs = Self { text, made: BTreeMap::new(), begun: 0 };
        legs.add(pipeline, &[])?;
        let (mut legs, windows): (Vec<Leg>, Vec<Window>) = legs.made.into_values().unzip();
        let mut by_fields = 0;
        for leg in &mut legs {
            leg.by_offset = by_fields;
            by_fields += leg.by.len();
        }
        Ok((legs, branch::common_window(&windows, "a subsearch has other windows", "write the same bin in both")?))
    }

    /// `outer` names what the search that it is a subsearch of reads of its rows, and what the rows that they meet are
    /// known to have. Recursion is bounded by the parser's limit on nesting.
    fn add(&mut self, pipeline: &Pipeline, outer: &[String]) -> Result<u32, CompileError> {
        let number = self.begun;
        self.begun += 1;
        let parts = Parts::of(self.text, pipeline);
        let branches = Branch::compile_all(self.text, pipeline, &parts)?;
        check_expansions(parts.after.iter().chain(parts.whole))?;
        let (by, aggregates) = match &parts.stats {
            Some(stats) => (by_fields(stats.node)?, aggregates(stats)?),
            None => (Vec::new(), columns(pipeline, &parts, outer)?),
        };
        check_outputs(&by, &aggregates, parts.stats.as_ref().map_or(&(0..0), |stats| &stats.span))?;
        let first_whole = pipeline.commands.len() - parts.whole.len();
        let window = branch::window(self.text, &branches, &by)?;
        let leg = Leg {
            number,
            base: pipeline.base.to_string(),
            branches,
            event_commands: parts.before.iter().map(|command| command.span.clone()).collect(),
            has_stats: parts.stats.is_some(),
            by_fields: by.iter().map(|name| FieldPath::compile(name)).collect(),
            by,
            by_offset: 0,
            aggregates,
            row_steps: (first_whole - parts.after.len()..first_whole)
                .map(|index| row_step(self.text, &pipeline.commands, index))
                .collect::<Result<_, _>>()?,
            stages: self.stages(pipeline, first_whole, number, outer)?,
        };
        self.made.insert(number, (leg, window));
        Ok(number)
    }

    /// The commands from the first one on that needs all rows.
    fn stages(
        &mut self,
        pipeline: &Pipeline,
        first: usize,
        number: u32,
        outer: &[String],
    ) -> Result<Vec<Stage>, CompileError> {
        let mut stages = Vec::new();
        for (index, command) in pipeline.commands.iter().enumerate().skip(first) {
            let span = command.span.clone();
            let main = Columns::after_commands(&pipeline.commands[..index]);
            let outer = || {
                let read = Names::of_rows(&pipeline.commands[index + 1..]).into_vec();
                [read, outer.to_vec(), main.known()].concat()
            };
            let stage = match &command.node {
                Command::Append(subsearch) => Stage::Append(self.add(subsearch, &outer())?, span),
                Command::Join(join) => {
                    let fields = Join::fields(join, &main, &span)?;
                    let leg = self.add(&join.subsearch, &[fields.clone(), outer()].concat())?;
                    Stage::Join(Join::compile(join, &fields, leg), span)
                }
                other => match Whole::compile(other, number)? {
                    Some(whole) => Stage::All(whole, span),
                    None => {
                        push_row_step(&mut stages, row_step(self.text, &pipeline.commands, index)?);
                        continue;
                    }
                },
            };
            if let Stage::All(Whole::Stats(grouping), span) = &stage {
                check_outputs(&grouping.by, &grouping.aggregates, span)?;
            }
            stages.push(stage);
        }
        Ok(stages)
    }
}

/// A command that works on rows. What `fillnull` without a list fills of one row may be a column that only others have.
fn row_step(text: &PlanText, commands: &[Spanned<Command>], index: usize) -> Result<Step, CompileError> {
    step(text, &commands[index], || {
        let known = Columns::after_commands(&commands[..index]).known();
        Filled::ColumnsAnd(known.iter().map(|name| FieldPath::compile(name)).collect())
    })
}

fn push_row_step(stages: &mut Vec<Stage>, step: Step) {
    match stages.last_mut() {
        Some(Stage::Rows(rows)) => rows.push(step),
        _ => stages.push(Stage::Rows(vec![step])),
    }
}

/// One command; `named_after` as for [`Action::compile`].
pub(super) fn step(
    text: &PlanText,
    command: &Spanned<Command>,
    filled: impl FnOnce() -> Filled,
) -> Result<Step, CompileError> {
    let action = Action::compile(&command.node, &command.span, &text.lookups, filled)?;
    let (filter, expires) = (filter_of(text, &command.span), expiry::of(text, &command.span));
    Ok(Step { action, span: command.span.clone(), filter, expires })
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

fn columns(pipeline: &Pipeline, parts: &Parts<'_>, outer: &[String]) -> Result<Vec<Aggregate>, CompileError> {
    let column = |name: Arc<str>| Aggregate {
        function: Function::Column,
        argument: Argument::Value(Expression::Field(FieldPath::compile(&name))),
        output: name,
        span: None,
    };
    Ok(schema::columns(pipeline, parts.before, parts.whole, outer)?.into_iter().map(column).collect())
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
