//! Texts that stand in an expression without their quotes, where they are fields that no event has.

use super::error::PlanWarning;
use super::extract::spath_output;
use super::names::Names;
use crate::cloudtrail::is_known;
use crate::spl::ast::{BinaryOp, Command, CompareOp, Expr, Spanned};

type Commands = [Spanned<Command>];

/// `where user=bob`, in whatever expression of a command: the field `bob`, which nothing makes and no event is documented
/// to have.
pub(super) fn texts(command: &Command, before: &Commands) -> Vec<PlanWarning> {
    if is_open(before) {
        return Vec::new();
    }
    let mut made = Names::of_rows(before).into_vec();
    let mut warnings = Vec::new();
    for (index, expr) in command.expressions().into_iter().enumerate() {
        warnings.extend(expr.nodes().iter().flat_map(|node| of_node(&node.node, &made)));
        if let Command::Eval(assignments) = command {
            made.push(assignments[index].0.node.clone());
        }
    }
    warnings
}

fn of_node(expr: &Expr, made: &[String]) -> Vec<PlanWarning> {
    match expr {
        Expr::Binary(BinaryOp::Compare(CompareOp::Eq | CompareOp::Ne), left, right) if is_compared(&left.node) => {
            unquoted(right, made).into_iter().collect()
        }
        Expr::In(_, items) => items.iter().filter_map(|item| unquoted(item, made)).collect(),
        _ => Vec::new(),
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
