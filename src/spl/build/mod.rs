//! From the grammar's pairs to the syntax tree.
//!
//! The grammar has proved the shape; every `expect` here restates a rule of `grammar.pest`.

mod command;
mod expr;
mod lookup;
mod option;
mod rewritten;
mod rows;
mod search;
mod sed;
mod subsearch;

use super::ast::{Pipeline, SearchExpr, Span, Spanned};
use super::error::SplError;
use super::parser::{Pair, Rule};

/// A whole search, or a subsearch.
pub(super) fn pipeline(pair: Pair<'_>) -> Result<Pipeline, SplError> {
    let mut base = None;
    let mut commands = Vec::new();
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::base => base = Some(search::expr(inner(part, Rule::search_expr))?),
            Rule::search_expr => base = Some(search::expr(part)?),
            Rule::command | Rule::sub_command => {
                let part = part.into_inner().next().expect("a command is one of its alternatives");
                match part.as_rule() {
                    Rule::multisearch_command | Rule::union_command => {
                        subsearch::merge(&part, &mut base, &mut commands)?;
                    }
                    _ => commands.push(command::command(part)?),
                }
            }
            _ => {}
        }
    }
    let base = base.ok_or_else(|| no_base(&commands))?;
    search::check_index_terms(&base, &commands)?;
    Ok(Pipeline { base, commands })
}

/// Of the commands that come first instead, those that make events were refused by name before this.
fn no_base(commands: &[Spanned<super::ast::Command>]) -> SplError {
    let help = "write the terms that choose the events first, for example `eventName=JobCreated | stats count`";
    match commands.first() {
        Some(command) => {
            SplError::syntax("a search begins with search terms, not with a command", command.span.clone())
        }
        None => SplError::syntax("the search is empty", 0..0),
    }
    .with_help(help)
}

fn span(pair: &Pair<'_>) -> Span {
    pair.as_span().start()..pair.as_span().end()
}

/// The first child of that rule, which the grammar guarantees.
fn inner<'t>(pair: Pair<'t>, rule: Rule) -> Pair<'t> {
    pair.into_inner().find(|child| child.as_rule() == rule).expect("the grammar requires this child")
}

/// A name or a value, without its quotes.
fn text(pair: &Pair<'_>) -> String {
    match pair.as_rule() {
        Rule::quoted => unquote(pair.as_str(), '"'),
        Rule::single_quoted => unquote(pair.as_str(), '\''),
        Rule::search_word | Rule::value_word => pair.as_str().replace(r"\\", r"\"),
        _ => match pair.clone().into_inner().next() {
            Some(child) => text(&child),
            None => pair.as_str().to_owned(),
        },
    }
}

fn spanned_text(pair: &Pair<'_>) -> Spanned<String> {
    Spanned { node: text(pair), span: span(pair) }
}

/// A backslash escapes the quote and itself; before anything else it stands for itself (`\d`).
fn unquote(quoted: &str, quote: char) -> String {
    let mut chars = quoted[1..quoted.len() - 1].chars().peekable();
    let mut out = String::with_capacity(quoted.len());
    while let Some(c) = chars.next() {
        match chars.peek() {
            Some(&next) if c == '\\' && (next == '\\' || next == quote) => {
                out.push(next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}
