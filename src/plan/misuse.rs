//! Functions and comparisons that read something else than is meant.

use super::error::PlanWarning;
use super::expr::Network;
use crate::cloudtrail::is_known;
use crate::spl::ast::{BinaryOp, CompareOp, Expr, Spanned, UnaryOp};

/// Functions whose first argument is what they are about.
const OF_THE_FIRST: [&str; 22] = [
    "isnotnull",
    "isnull",
    "len",
    "like",
    "lower",
    "ltrim",
    "match",
    "mvcount",
    "mvfind",
    "mvindex",
    "mvjoin",
    "relative_time",
    "replace",
    "rtrim",
    "spath",
    "split",
    "strftime",
    "strptime",
    "substr",
    "tonumber",
    "trim",
    "upper",
];

/// Fields that hold an address, or a service's name.
const ADDRESSES: [&str; 3] = ["src", "src_ip", "sourceIPAddress"];

/// What an expression by itself shows. `is_own`: whether a name means the event's own field.
pub(super) fn of_node(expr: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> Option<PlanWarning> {
    match &expr.node {
        Expr::Call(name, arguments) => of_call(name, arguments, is_own).map(|message| (message, expr)),
        Expr::Binary(operator, left, right) => {
            let is_text = is_event_time(left, is_own) || is_event_time(right, is_own);
            let is_number = match operator {
                BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod => true,
                BinaryOp::Add | BinaryOp::Compare(_) => gives_number(left, is_own) || gives_number(right, is_own),
                _ => false,
            };
            match operator {
                _ if is_text && is_number => Some((event_time(), expr)),
                BinaryOp::Compare(CompareOp::Eq | CompareOp::Ne) => {
                    network(left, right, is_own).or_else(|| network(right, left, is_own))
                }
                _ => None,
            }
        }
        Expr::In(value, items) => items.iter().find_map(|item| network(value, item, is_own)),
        _ => None,
    }
    .map(|(message, place)| PlanWarning { message, span: place.span.clone() })
}

fn of_call(name: &str, arguments: &[Spanned<Expr>], is_own: &dyn Fn(&str) -> bool) -> Option<String> {
    let subject = match name {
        "cidrmatch" => arguments.get(1),
        _ => arguments.first().filter(|_| OF_THE_FIRST.contains(&name)),
    }?;
    if let Expr::Text(text) = &subject.node {
        let is_network = name == "cidrmatch" && text.contains('/') && Network::parse(text).is_some();
        return if is_network {
            Some(format!("the network comes first: cidrmatch(\"{text}\", ...)"))
        } else {
            is_name(text).then(|| {
                format!(
                    "\"{text}\" in double quotes is a text: write '{text}' in single quotes for the field of that name"
                )
            })
        };
    }
    (["relative_time", "strftime"].contains(&name) && is_event_time(subject, is_own)).then(event_time)
}

/// Whether a text is the name of a documented field, or a path into one.
fn is_name(text: &str) -> bool {
    let head = text.split('.').next().unwrap_or(text).trim_end_matches("{}");
    is_known(head) && !text.contains(char::is_whitespace)
}

fn network<'e>(
    field: &Spanned<Expr>,
    text: &'e Spanned<Expr>,
    is_own: &dyn Fn(&str) -> bool,
) -> Option<(String, &'e Spanned<Expr>)> {
    let (Expr::Field(field), Expr::Text(network)) = (&field.node, &text.node) else { return None };
    let is_network = network.contains('/') && Network::parse(network).is_some();
    (is_network && ADDRESSES.contains(&field.as_str()) && is_own(field)).then(|| {
        let message =
            format!("a network is compared as a text in expressions: write cidrmatch(\"{network}\", {field})");
        (message, text)
    })
}

fn is_event_time(expr: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> bool {
    matches!(&expr.node, Expr::Field(field) if field == "eventTime" && is_own(field))
}

/// Whether what is written can be nothing but a number.
fn gives_number(expr: &Spanned<Expr>, is_own: &dyn Fn(&str) -> bool) -> bool {
    match &expr.node {
        Expr::Number(_) | Expr::Unary(UnaryOp::Minus, _) => true,
        Expr::Field(field) => field == "_time" && is_own(field),
        Expr::Binary(BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod, ..) => true,
        Expr::Call(name, _) => ["now", "relative_time", "strptime", "tonumber"].contains(&name.as_str()),
        _ => false,
    }
}

fn event_time() -> String {
    "eventTime is a text like 2024-05-06T07:08:09Z, of which this makes nothing: the number is _time".to_owned()
}
