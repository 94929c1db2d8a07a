//! What a command reads, with its place: what no event or row has there is worth a warning.

use super::names::Names;
use crate::spl::ast::{
    AggregateArgument, BinaryOp, Command, Expr, SearchExpr, SearchTerm, Span, Spanned, StatsCommand,
};

/// One field that a command reads.
#[derive(Clone, Debug)]
pub(super) struct Read {
    pub(super) field: String,
    pub(super) span: Span,
    /// A by-field of `stats`: what lacks it is dropped.
    pub(super) is_by: bool,
}

impl Read {
    fn value(field: &str, span: &Span) -> Self {
        Self { field: field.to_owned(), span: span.clone(), is_by: false }
    }
}

/// What a command reads of the events or rows before it, in its order. Left out is what Splunk's own files read of
/// fields that may not be there, and nothing comes of: `rename`, `convert`, `table`, `fields`, `fillnull`.
pub(super) fn of(command: &Spanned<Command>) -> Vec<Read> {
    match &command.node {
        Command::Search(expr) => names(Names::of_search(expr), &command.span),
        Command::Where(condition) => of_expr(condition, &command.span),
        Command::Eval(assignments) => evaluated(assignments),
        Command::Stats(stats) => aggregated(stats, true),
        // It leaves a row without a by-field as it is.
        Command::EventStats(stats) => aggregated(stats, false),
        Command::Rex { field, .. } => vec![Read::value(field, &command.span)],
        Command::Spath { input, .. } => vec![Read::value(input, &command.span)],
        Command::MvExpand { field, .. } | Command::Bin { field, .. } => vec![Read::value(&field.node, &field.span)],
        Command::Dedup { fields, .. } => fields.iter().map(|field| Read::value(&field.node, &field.span)).collect(),
        Command::Sort { keys, .. } => keys.iter().map(|key| Read::value(&key.node.field, &key.span)).collect(),
        Command::Lookup(lookup) => {
            lookup.inputs.iter().map(|input| Read::value(&input.field, &input.column.span)).collect()
        }
        // What a join reads is warned of where its two sides are compared.
        Command::Join(_) | Command::Append(_) | Command::Head { .. } => Vec::new(),
        Command::Rename(_) | Command::Convert { .. } => Vec::new(),
        Command::Table(_) | Command::Fields { .. } | Command::FillNull { .. } => Vec::new(),
    }
}

/// What the terms of a base search read.
pub(super) fn of_search(expr: &SearchExpr) -> Vec<Read> {
    let of_term = |term: &Spanned<SearchTerm>| match &term.node {
        SearchTerm::Compare { field, .. } | SearchTerm::In { field, .. } => Some(Read::value(field, &term.span)),
        SearchTerm::Raw(_) => None,
    };
    expr.terms().into_iter().filter_map(of_term).collect()
}

fn names(names: Names, span: &Span) -> Vec<Read> {
    // Bare terms are looked for in all columns of a row.
    names.into_vec().iter().filter(|name| *name != "_raw").map(|name| Read::value(name, span)).collect()
}

/// What an expression reads. Names that bare dots join are hardly meant, and warned of as such.
fn of_expr(expr: &Spanned<Expr>, span: &Span) -> Vec<Read> {
    let parts: Vec<_> = expr.nodes().iter().flat_map(|node| joined(&node.node)).collect();
    let mut reads = names(Names::of_expr(&expr.node), span);
    reads.retain(|read| !parts.contains(&read.field.as_str()));
    reads
}

fn joined(expr: &Expr) -> Vec<&str> {
    let Expr::Binary(BinaryOp::Concat, left, right) = expr else { return Vec::new() };
    let is_bare = left.span.end + 1 == right.span.start;
    let sides = [left, right].into_iter().filter(|_| is_bare);
    sides.filter_map(|side| if let Expr::Field(name) = &side.node { Some(name.as_str()) } else { None }).collect()
}

/// A later assignment reads what an earlier one has written.
fn evaluated(assignments: &[(Spanned<String>, Spanned<Expr>)]) -> Vec<Read> {
    let mut written: Vec<&str> = Vec::new();
    let mut reads = Vec::new();
    for (field, expr) in assignments {
        let read = of_expr(expr, &expr.span);
        reads.extend(read.into_iter().filter(|read| !written.contains(&read.field.as_str())));
        written.push(&field.node);
    }
    reads
}

fn aggregated(stats: &StatsCommand, is_by: bool) -> Vec<Read> {
    let values = stats.aggregates.iter().flat_map(|aggregate| match &aggregate.node.argument {
        None => Vec::new(),
        Some(AggregateArgument::Field(field)) => vec![Read::value(field, &aggregate.span)],
        Some(AggregateArgument::Eval(expr)) => of_expr(expr, &aggregate.span),
    });
    let by = stats.by.iter().map(|field| Read { is_by, ..Read::value(&field.node, &field.span) });
    values.chain(by).collect()
}
