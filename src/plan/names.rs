//! Which fields a piece of a search names.

use super::columns::Columns;
use super::extract::spath_output;
use crate::spl::ast::{AggregateArgument, Command, Expr, Pipeline, SearchExpr, SearchTerm, Spanned, StatsCommand};
use crate::spl::{capture_names, parse};

/// Names in the order in which they first occur.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<String>);

impl Names {
    /// Every field that a whole pipeline names.
    pub(super) fn of_pipeline(pipeline: &Pipeline) -> Self {
        let mut names = Self::default();
        names.add_pipeline(pipeline);
        names
    }

    /// Every field that these commands read or write, up to and including the first `stats`: what comes after it are
    /// columns of rows.
    pub(super) fn of_commands<'c>(commands: impl IntoIterator<Item = &'c Spanned<Command>>) -> Self {
        let mut names = Self::default();
        for command in commands {
            names.add_command(&command.node);
            if matches!(command.node, Command::Stats(_)) {
                break;
            }
        }
        names
    }

    /// Every column that commands over rows read or write.
    pub(super) fn of_rows(commands: &[Spanned<Command>]) -> Self {
        let mut names = Self::default();
        commands.iter().for_each(|command| names.add_command(&command.node));
        names
    }

    /// Every field that an expression reads.
    pub(super) fn of_expr(expr: &Expr) -> Self {
        let mut names = Self::default();
        names.add_expr(expr);
        names
    }

    /// Every field that a search expression reads.
    pub(super) fn of_search(expr: &SearchExpr) -> Self {
        let mut names = Self::default();
        names.add_search(expr);
        names
    }

    /// The names, without wildcards.
    pub(super) fn into_vec(self) -> Vec<String> {
        self.0
    }

    /// Adds a name; one with a wildcard names no field.
    pub(super) fn add(&mut self, name: &str) {
        if !name.contains('*') && !self.0.iter().any(|known| known == name) {
            self.0.push(name.to_owned());
        }
    }

    fn add_all(&mut self, names: &[Spanned<String>]) {
        names.iter().for_each(|name| self.add(&name.node));
    }

    fn add_pipeline(&mut self, pipeline: &Pipeline) {
        self.add_search(&pipeline.base);
        pipeline.commands.iter().for_each(|command| self.add_command(&command.node));
    }

    fn add_command(&mut self, command: &Command) {
        match command {
            Command::Search(expr) => self.add_search(expr),
            Command::Where(condition) => self.add_expr(&condition.node),
            Command::Eval(assignments) => assignments.iter().for_each(|(field, expr)| {
                self.add_expr(&expr.node);
                self.add(&field.node);
            }),
            Command::Rename(pairs) => pairs.iter().for_each(|(source, target)| {
                self.add(&source.node);
                self.add(&target.node);
            }),
            Command::Fields { fields, .. } | Command::Table(fields) | Command::FillNull { fields, .. } => {
                self.add_all(fields);
            }
            Command::Bin { field, output, .. } => {
                self.add(&field.node);
                output.iter().for_each(|output| self.add(&output.node));
            }
            Command::Stats(stats) | Command::EventStats(stats) => self.add_stats(stats),
            Command::Spath { input, output, path } => {
                self.add(input);
                spath_output(output, path).into_iter().for_each(|output| self.add(output));
            }
            Command::Rex { field, pattern, .. } => {
                self.add(field);
                capture_names(&pattern.node).into_iter().for_each(|name| self.add(name));
            }
            Command::Lookup(lookup) => {
                lookup.inputs.iter().chain(&lookup.outputs).for_each(|field| self.add(&field.field));
            }
            Command::MvExpand { field, .. } => self.add(&field.node),
            Command::Dedup { fields, .. } => self.add_all(fields),
            Command::Sort { keys, .. } => keys.iter().for_each(|key| self.add(&key.node.field)),
            Command::Head { .. } => {}
            Command::Append(subsearch) => self.add_pipeline(subsearch),
            Command::Join(join) => {
                self.add_all(&join.fields);
                match Columns::of(&join.subsearch) {
                    Columns::Closed(columns) => columns.iter().for_each(|name| self.add(name)),
                    Columns::Open => self.add_pipeline(&join.subsearch),
                }
            }
            Command::Convert { conversions, .. } => conversions.iter().for_each(|conversion| {
                self.add(&conversion.node.field);
                conversion.node.output.iter().for_each(|output| self.add(output));
            }),
        }
    }

    fn add_stats(&mut self, stats: &StatsCommand) {
        for aggregate in &stats.aggregates {
            match &aggregate.node.argument {
                None => {}
                Some(AggregateArgument::Field(field)) => self.add(field),
                Some(AggregateArgument::Eval(expr)) => self.add_expr(&expr.node),
            }
        }
        self.add_all(&stats.by);
    }

    fn add_search(&mut self, expr: &SearchExpr) {
        for term in expr.terms() {
            match &term.node {
                SearchTerm::Compare { field, .. } | SearchTerm::In { field, .. } => self.add(field),
                // A bare term is looked for in the event's text.
                SearchTerm::Raw(_) => self.add("_raw"),
            }
        }
    }

    /// The fields of the search that `searchmatch` is given as text.
    fn add_searched(&mut self, arguments: &[Spanned<Expr>]) {
        for argument in arguments {
            if let Expr::Text(search) = &argument.node
                && let Ok(pipeline) = parse(search)
            {
                self.add_search(&pipeline.base);
            }
        }
    }

    fn add_expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Field(name) => self.add(name),
            Expr::Call(name, arguments) if name == "searchmatch" => self.add_searched(arguments),
            _ => expr.operands().for_each(|operand| self.add_expr(&operand.node)),
        }
    }
}
