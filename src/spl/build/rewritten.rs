//! Commands that are short for others.

use super::option::{bool_option, no_options, option};
use super::{Pair, Rule, Spanned, SplError, inner, spanned_text};
use crate::spl::ast::{BinaryOp, Command, CompareOp, Expr, Span, UnaryOp};
use crate::spl::build::command::trimmed_span;

type Result<T> = std::result::Result<T, SplError>;

/// `regex field="..."` is `where match(field, "...")`. What `!=` keeps does not match: nor does a field that is missing.
pub(super) fn regex(pair: &Pair<'_>) -> Result<Command> {
    let at = trimmed_span(pair);
    let part = |rule| pair.clone().into_inner().find(|part| part.as_rule() == rule);
    let field = part(Rule::regex_field).map_or_else(
        || Spanned { node: "_raw".to_owned(), span: at.clone() },
        |field| spanned_text(&inner(field, Rule::name)),
    );
    let field = Spanned { node: Expr::Field(field.node), span: field.span };
    let pattern = spanned_text(&inner(pair.clone(), Rule::quoted));
    let pattern = Spanned { node: Expr::Text(pattern.node), span: pattern.span };
    let matches = call("match", vec![field.clone(), pattern], &at);
    let keeps_matches = part(Rule::regex_op).is_none_or(|op| op.as_str() == "=");
    Ok(Command::Where(if keeps_matches {
        matches
    } else {
        let unlike = Spanned { node: Expr::Unary(UnaryOp::Not, Box::new(matches)), span: at.clone() };
        binary(BinaryOp::Or, call("isnull", vec![field], &at), unlike, &at)
    }))
}

/// `makemv delim="," field` splits the field; empty values are left out unless `allowempty` lets them stay. A field that
/// has several values already is left as it is.
pub(super) fn makemv(pair: &Pair<'_>) -> Result<Command> {
    no_options(pair, &["delim", "allowempty"])?;
    let at = trimmed_span(pair);
    let name = spanned_text(&inner(pair.clone(), Rule::name));
    let field = Spanned { node: Expr::Field(name.node.clone()), span: name.span.clone() };
    let delimiter = option(pair, "delim")?.map_or_else(|| " ".to_owned(), |delimiter| delimiter.node);
    if delimiter.is_empty() {
        return Err(SplError::syntax("the delimiter of makemv is empty", at));
    }
    let delimiter = Spanned { node: Expr::Text(delimiter), span: at.clone() };
    let one = Spanned { node: Expr::Number(1.0), span: at.clone() };
    let has_several = binary(BinaryOp::Compare(CompareOp::Gt), call("mvcount", vec![field.clone()], &at), one, &at);
    let parts = call("split", vec![field.clone(), delimiter], &at);
    let split = call("if", vec![has_several, field.clone(), parts], &at);
    let mut assignments = vec![(name.clone(), split)];
    if !bool_option(pair, "allowempty")?.unwrap_or(false) {
        let empty = Spanned { node: Expr::Text(String::new()), span: at.clone() };
        let filled = binary(BinaryOp::Compare(CompareOp::Ne), field, empty, &at);
        assignments.push((name, call("mvfilter", vec![filled], &at)));
    }
    Ok(Command::Eval(assignments))
}

pub(super) fn call(function: &str, arguments: Vec<Spanned<Expr>>, at: &Span) -> Spanned<Expr> {
    Spanned { node: Expr::Call(function.to_owned(), arguments), span: at.clone() }
}

fn binary(op: BinaryOp, left: Spanned<Expr>, right: Spanned<Expr>, at: &Span) -> Spanned<Expr> {
    Spanned { node: Expr::Binary(op, Box::new(left), Box::new(right)), span: at.clone() }
}
