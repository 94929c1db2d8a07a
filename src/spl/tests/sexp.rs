//! Trees as s-expressions, written apart from the printer, so that tests of precedence do not trust it.

use crate::spl::ast::{BinaryOp, Expr, SearchExpr, SearchTerm, UnaryOp};

pub(super) fn search(expr: &SearchExpr) -> String {
    let list = |head: &str, parts: &[SearchExpr]| {
        let parts: String = parts.iter().map(|part| format!(" {}", search(part))).collect();
        format!("({head}{parts})")
    };
    match expr {
        SearchExpr::And(parts) if parts.is_empty() => "all".to_owned(),
        SearchExpr::And(parts) => list("and", parts),
        SearchExpr::Or(parts) => list("or", parts),
        SearchExpr::Not(inner) => format!("(not {})", search(inner)),
        SearchExpr::Term(term) => match &term.node {
            SearchTerm::Compare { field, op, value } => format!("[{field} {op:?} {value}]"),
            SearchTerm::In { field, values } => format!("[{field} In {}]", values.join("|")),
            SearchTerm::Raw(text) => text.clone(),
        },
    }
}

pub(super) fn expr(node: &Expr) -> String {
    let list = |head: &str, parts: Vec<&Expr>| {
        let parts: String = parts.iter().map(|part| format!(" {}", expr(part))).collect();
        format!("({head}{parts})")
    };
    match node {
        Expr::Number(number) => number.to_string(),
        Expr::Text(text) => format!("{text:?}"),
        Expr::Field(name) => name.clone(),
        Expr::Unary(UnaryOp::Minus, operand) => list("neg", vec![&operand.node]),
        Expr::Unary(UnaryOp::Not, operand) => list("not", vec![&operand.node]),
        Expr::Binary(op, left, right) => list(&name(*op), vec![&left.node, &right.node]),
        Expr::Call(function, arguments) => list(function, arguments.iter().map(|argument| &argument.node).collect()),
        Expr::In(operand, items) => {
            list("IN", std::iter::once(&operand.node).chain(items.iter().map(|item| &item.node)).collect())
        }
    }
}

fn name(op: BinaryOp) -> String {
    match op {
        BinaryOp::Compare(op) => format!("{op:?}").to_lowercase(),
        op => format!("{op:?}").to_lowercase(),
    }
}
