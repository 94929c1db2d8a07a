//! `eval` and `where` expressions: precedence climbing, with a bound on the height of the tree, because whoever walks
//! it (compiler, printer, destructor) recurses.

use std::sync::LazyLock;

use pest::pratt_parser::{Assoc, Op, PrattParser};

use super::{Pair, Rule, Spanned, SplError, search::compare_op, span, text};
use crate::spl::ast::{BinaryOp, Expr, UnaryOp};
use crate::spl::error::SplErrorKind;
use crate::spl::parser::MAX_DEPTH;

/// An expression with the height of its tree.
struct Built {
    expr: Spanned<Expr>,
    height: usize,
}

type Result<T> = std::result::Result<T, SplError>;

/// Loosest first.
static PRECEDENCE: LazyLock<PrattParser<Rule>> = LazyLock::new(|| {
    let left = |rule| Op::infix(rule, Assoc::Left);
    PrattParser::new()
        .op(left(Rule::xor))
        .op(left(Rule::or))
        .op(left(Rule::and))
        .op(Op::prefix(Rule::not))
        .op(left(Rule::equal) | left(Rule::compare) | left(Rule::like) | Op::postfix(Rule::in_list))
        .op(left(Rule::concat))
        .op(left(Rule::plus) | left(Rule::minus))
        .op(left(Rule::multiply) | left(Rule::divide) | left(Rule::modulo))
        .op(Op::prefix(Rule::negate) | Op::prefix(Rule::keep))
});

/// The expression of a pair of rule `expr`.
pub(super) fn expr(pair: Pair<'_>) -> Result<Spanned<Expr>> {
    built(pair).map(|built| built.expr)
}

fn built(pair: Pair<'_>) -> Result<Built> {
    PRECEDENCE.map_primary(primary).map_prefix(prefix).map_postfix(in_list).map_infix(infix).parse(pair.into_inner())
}

fn primary(pair: Pair<'_>) -> Result<Built> {
    let span = span(&pair);
    let node = match pair.as_rule() {
        Rule::number => Expr::Number(number(&pair)?),
        Rule::quoted => Expr::Text(text(&pair)),
        Rule::call => return call(pair),
        Rule::group => return built(super::inner(pair, Rule::expr)),
        _ => Expr::Field(text(&pair)),
    };
    Ok(Built { expr: Spanned { node, span }, height: 1 })
}

fn number(pair: &Pair<'_>) -> Result<f64> {
    match pair.as_str().parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(number),
        _ => Err(SplError::syntax("the number is too large", span(pair))),
    }
}

fn call(pair: Pair<'_>) -> Result<Built> {
    let span = span(&pair);
    let mut name = String::new();
    let mut arguments = Vec::new();
    let mut height = 0;
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::call_name => name = part.as_str().to_ascii_lowercase(),
            Rule::expr => push(&mut arguments, &mut height, built(part)?),
            _ => {}
        }
    }
    let node = if name == "in" && arguments.len() > 1 {
        Expr::In(Box::new(arguments.remove(0)), arguments)
    } else {
        Expr::Call(name, arguments)
    };
    node_of(node, span, height)
}

fn push(list: &mut Vec<Spanned<Expr>>, height: &mut usize, item: Built) {
    *height = item.height.max(*height);
    list.push(item.expr);
}

fn prefix(operator: Pair<'_>, operand: Result<Built>) -> Result<Built> {
    let operand = operand?;
    let op = match operator.as_rule() {
        Rule::not => UnaryOp::Not,
        Rule::negate => UnaryOp::Minus,
        _ => return Ok(operand),
    };
    let span = span(&operator).start..operand.expr.span.end;
    node_of(Expr::Unary(op, Box::new(operand.expr)), span, operand.height)
}

fn in_list(operand: Result<Built>, list: Pair<'_>) -> Result<Built> {
    let operand = operand?;
    let span = operand.expr.span.start..span(&list).end;
    let mut height = operand.height;
    let mut items = Vec::new();
    for item in list.into_inner().filter(|part| part.as_rule() == Rule::expr) {
        push(&mut items, &mut height, built(item)?);
    }
    node_of(Expr::In(Box::new(operand.expr), items), span, height)
}

fn infix(left: Result<Built>, operator: Pair<'_>, right: Result<Built>) -> Result<Built> {
    let (left, right) = (left?, right?);
    let span = left.expr.span.start..right.expr.span.end;
    let height = left.height.max(right.height);
    node_of(Expr::Binary(binary_op(&operator), Box::new(left.expr), Box::new(right.expr)), span, height)
}

fn binary_op(pair: &Pair<'_>) -> BinaryOp {
    match pair.as_rule() {
        Rule::or => BinaryOp::Or,
        Rule::xor => BinaryOp::Xor,
        Rule::and => BinaryOp::And,
        Rule::like => BinaryOp::Like,
        Rule::concat => BinaryOp::Concat,
        Rule::plus => BinaryOp::Add,
        Rule::minus => BinaryOp::Sub,
        Rule::multiply => BinaryOp::Mul,
        Rule::divide => BinaryOp::Div,
        Rule::modulo => BinaryOp::Mod,
        _ => BinaryOp::Compare(compare_op(pair.as_str())),
    }
}

fn node_of(node: Expr, span: crate::spl::ast::Span, height_below: usize) -> Result<Built> {
    if height_below >= MAX_DEPTH {
        let message = format!("the expression is more than {MAX_DEPTH} operators deep");
        return Err(SplError::new(SplErrorKind::Limit, message, span)
            .with_help("a long chain of comparisons of one field is shorter as `field IN (a, b, ...)`"));
    }
    Ok(Built { expr: Spanned { node, span }, height: height_below + 1 })
}
