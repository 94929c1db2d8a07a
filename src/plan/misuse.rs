//! Functions and comparisons that read something else than is meant.

use super::error::PlanWarning;
use super::expr::Network;
use crate::cloudtrail::is_known;
use crate::spl::ast::{BinaryOp, CompareOp, Expr, Spanned};

/// Functions whose first argument is what they are about.
const OF_THE_FIRST: [&str; 21] = [
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
        Expr::Binary(BinaryOp::Compare(CompareOp::Eq | CompareOp::Ne), left, right) => {
            network(left, right, is_own).or_else(|| network(right, left, is_own))
        }
        Expr::Binary(BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod, left, right) => {
            let is_text = is_event_time(left, is_own) || is_event_time(right, is_own);
            is_text.then(|| (event_time(), expr))
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
    (name == "strftime" && is_event_time(subject, is_own)).then(event_time)
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

fn event_time() -> String {
    "eventTime is a text like 2024-05-06T07:08:09Z, of which this makes nothing: the number is _time".to_owned()
}
