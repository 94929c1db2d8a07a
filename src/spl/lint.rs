//! What parses and yet is probably not meant.

use super::ast::{AggregateArgument, BinaryOp, Command, Expr, Pipeline, SearchExpr, SearchTerm, Span, Spanned};

/// A doubtful place of a search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// What it means, as opposed to what it seems to mean.
    pub message: String,
    /// Where, in the text that was parsed.
    pub span: Span,
    /// What to write instead.
    pub help: String,
}

/// All doubtful places, in the order of the text.
pub fn lint(pipeline: &Pipeline) -> Vec<Lint> {
    let mut lints = Vec::new();
    collect(pipeline, &mut lints);
    lints
}

fn collect(pipeline: &Pipeline, lints: &mut Vec<Lint>) {
    terms(&pipeline.base, lints);
    for command in &pipeline.commands {
        match &command.node {
            Command::Search(expr) => terms(expr, lints),
            Command::Where(expr) => dotted(expr, lints),
            Command::Eval(assignments) => assignments.iter().for_each(|(_, value)| dotted(value, lints)),
            Command::Stats(stats) | Command::EventStats(stats) => {
                for aggregate in &stats.aggregates {
                    if let Some(AggregateArgument::Eval(expr)) = &aggregate.node.argument {
                        dotted(expr, lints);
                    }
                }
            }
            Command::Append(pipeline) => collect(pipeline, lints),
            Command::Join(join) => collect(&join.subsearch, lints),
            _ => {}
        }
    }
}

/// Lower-case `or`, `and`, `not` are words to look for.
fn terms(expr: &SearchExpr, lints: &mut Vec<Lint>) {
    match expr {
        SearchExpr::And(parts) | SearchExpr::Or(parts) => parts.iter().for_each(|part| terms(part, lints)),
        SearchExpr::Not(inner) => terms(inner, lints),
        SearchExpr::Term(Spanned { node: SearchTerm::Raw(word), span }) if span.len() == word.len() => {
            let upper = word.to_ascii_uppercase();
            if ["AND", "OR", "NOT", "IN"].contains(&upper.as_str()) {
                let message = format!("`{word}` in lower case is a word that the event must contain");
                lints.push(Lint { message, span: span.clone(), help: format!("write `{upper}`") });
            }
        }
        SearchExpr::Term(_) => {}
    }
}

/// `a.b` without quotes.
fn dotted(expr: &Spanned<Expr>, lints: &mut Vec<Lint>) {
    if let Some(name) = dotted_name(expr) {
        let message =
            format!("`{name}` without quotes is the concatenation of the fields {}", name.replace('.', " and "));
        let help = format!("write '{name}' in single quotes for the field of that name");
        lints.push(Lint { message, span: expr.span.clone(), help });
    } else {
        dotted_in(&expr.node, lints);
    }
}

fn dotted_in(expr: &Expr, lints: &mut Vec<Lint>) {
    match expr {
        Expr::Unary(_, operand) => dotted(operand, lints),
        Expr::Binary(_, left, right) => [left, right].into_iter().for_each(|side| dotted(side, lints)),
        Expr::Call(_, arguments) => arguments.iter().for_each(|argument| dotted(argument, lints)),
        Expr::In(operand, items) => {
            dotted(operand, lints);
            items.iter().for_each(|item| dotted(item, lints));
        }
        Expr::Number(_) | Expr::Text(_) | Expr::Field(_) => {}
    }
}

/// The name that fields joined by dots spell, where they stand bare and without blanks.
fn dotted_name(expr: &Spanned<Expr>) -> Option<String> {
    match &expr.node {
        Expr::Binary(BinaryOp::Concat, left, right) if left.span.end + 1 == right.span.start => {
            Some(format!("{}.{}", joined(left)?, joined(right)?))
        }
        _ => None,
    }
}

fn joined(expr: &Spanned<Expr>) -> Option<String> {
    match &expr.node {
        Expr::Field(name) if name.len() == expr.span.len() => Some(name.clone()),
        _ => dotted_name(expr),
    }
}
