//! Expressions, with the fewest parentheses.

use std::fmt::{self, Display, Formatter};

use super::{Quoted, separated};
use crate::spl::ast::{BinaryOp, Expr, Spanned, UnaryOp};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{}", Quoted(text, '"')),
            Self::Field(name) if is_bare_field(name) => f.write_str(name),
            Self::Field(name) => write!(f, "{}", Quoted(name, '\'')),
            Self::Unary(op, operand) => {
                f.write_str(if *op == UnaryOp::Not { "NOT " } else { "-" })?;
                operand_of(f, operand, precedence(self))
            }
            Self::Binary(op, left, right) => {
                operand_of(f, left, precedence(self))?;
                write!(f, " {op} ")?;
                operand_of(f, right, precedence(self) + 1)
            }
            Self::Call(name, arguments) => {
                f.write_str(name)?;
                list(f, arguments)
            }
            // One list an operand: a second one needs parentheses around the first.
            Self::In(operand, items) => {
                operand_of(f, operand, precedence(self) + 1)?;
                f.write_str(" IN ")?;
                list(f, items)
            }
        }
    }
}

impl Display for BinaryOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compare(op) => write!(f, "{op}"),
            Self::Add => f.write_str("+"),
            Self::Sub => f.write_str("-"),
            Self::Mul => f.write_str("*"),
            Self::Div => f.write_str("/"),
            Self::Mod => f.write_str("%"),
            Self::Concat => f.write_str("."),
            Self::Like => f.write_str("LIKE"),
            Self::And => f.write_str("AND"),
            Self::Or => f.write_str("OR"),
            Self::Xor => f.write_str("XOR"),
        }
    }
}

fn list(f: &mut Formatter<'_>, items: &[Spanned<Expr>]) -> fmt::Result {
    f.write_str("(")?;
    separated(f, ", ", items, |f, item| write!(f, "{}", item.node))?;
    f.write_str(")")
}

fn operand_of(f: &mut Formatter<'_>, operand: &Spanned<Expr>, at_least: u8) -> fmt::Result {
    if precedence(&operand.node) < at_least { write!(f, "({})", operand.node) } else { write!(f, "{}", operand.node) }
}

/// As in the parser; larger binds tighter.
fn precedence(expr: &Expr) -> u8 {
    match expr {
        Expr::Binary(BinaryOp::Xor, ..) => 0,
        Expr::Binary(BinaryOp::Or, ..) => 1,
        Expr::Binary(BinaryOp::And, ..) => 2,
        Expr::Unary(UnaryOp::Not, _) => 3,
        Expr::Binary(BinaryOp::Compare(_) | BinaryOp::Like, ..) | Expr::In(..) => 4,
        Expr::Binary(BinaryOp::Concat, ..) => 5,
        Expr::Binary(BinaryOp::Add | BinaryOp::Sub, ..) => 6,
        Expr::Binary(BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod, ..) => 7,
        // A minus before a minus needs none around it.
        _ => 8,
    }
}

fn is_bare_field(name: &str) -> bool {
    let keyword = ["and", "or", "xor", "not", "like", "in"].iter().any(|word| name.eq_ignore_ascii_case(word));
    let letters = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters && !keyword && name.starts_with(|c: char| !c.is_ascii_digit())
}
