//! Texts that stand in an expression without their quotes, where they are fields that no event has.

use super::error::PlanWarning;
use super::extract::spath_output;
use super::names::Names;
use crate::cloudtrail::is_known;
use crate::spl::ast::{AggregateArgument, BinaryOp, Command, CompareOp, Expr, Spanned};

type Commands = [Spanned<Command>];

/// `where user=bob`, in whatever expression of a command: the field `bob`, which nothing makes and no event is documented
/// to have.
pub(super) fn texts(command: &Command, before: &Commands) -> Vec<PlanWarning> {
    if is_open(before) {
        return Vec::new();
    }
    let mut made = Names::of_rows(before).into_vec();
    let mut warnings = Vec::new();
    match command {
        Command::Where(condition) => collect(condition, &made, &mut warnings),
        Command::Eval(assignments) => {
            for (field, expr) in assignments {
                collect(expr, &made, &mut warnings);
                made.push(field.node.clone());
            }
        }
        Command::Stats(stats) | Command::EventStats(stats) => {
            for aggregate in &stats.aggregates {
                if let Some(AggregateArgument::Eval(expr)) = &aggregate.node.argument {
                    collect(expr, &made, &mut warnings);
                }
            }
        }
        _ => {}
    }
    warnings
}

fn collect(expr: &Spanned<Expr>, made: &[String], warnings: &mut Vec<PlanWarning>) {
    match &expr.node {
        Expr::Number(_) | Expr::Text(_) | Expr::Field(_) => {}
        Expr::Unary(_, inner) => collect(inner, made, warnings),
        Expr::Binary(op, left, right) => {
            collect(left, made, warnings);
            collect(right, made, warnings);
            if matches!(op, BinaryOp::Compare(CompareOp::Eq | CompareOp::Ne)) && is_compared(&left.node) {
                warnings.extend(unquoted(right, made));
            }
        }
        Expr::In(value, items) => {
            collect(value, made, warnings);
            warnings.extend(items.iter().filter_map(|item| unquoted(item, made)));
        }
        Expr::Call(_, arguments) => arguments.iter().for_each(|argument| collect(argument, made, warnings)),
    }
}

fn is_compared(left: &Expr) -> bool {
    matches!(left, Expr::Field(_) | Expr::Call(..))
}

fn unquoted(expr: &Spanned<Expr>, made: &[String]) -> Option<PlanWarning> {
    let Expr::Field(name) = &expr.node else { return None };
    let is_bare = expr.span.len() == name.len();
    let is_text = is_bare && !made.contains(name) && !is_known(name) && !name.starts_with("date_");
    is_text.then(|| PlanWarning {
        message: format!(
            "`{name}` without quotes is a field, and no event is known to have it: the text is \"{name}\""
        ),
        span: expr.span.clone(),
    })
}

/// Whether a command may have written a field of any name.
fn is_open(before: &Commands) -> bool {
    before.iter().any(|command| match &command.node {
        Command::Rename(pairs) => pairs.iter().any(|(_, target)| target.node.contains('*')),
        Command::Spath { output, path, .. } => spath_output(output, path).is_none(),
        Command::Append(_) | Command::Join(_) => true,
        _ => false,
    })
}
