//! Commands that take in the rows of a second search.

use super::command::names;
use super::option::{bool_option, no_options, number_option, option};
use super::{Pair, Rule, SplError, inner, pipeline, span};
use crate::spl::ast::{Command, JoinCommand, Pipeline, SearchExpr, Spanned};
use crate::spl::error::nearest;

type Result<T> = std::result::Result<T, SplError>;

pub(super) fn append(pair: &Pair<'_>) -> Result<Command> {
    no_options(pair, &[])?;
    Ok(Command::Append(subsearch(pair)?))
}

pub(super) fn join(pair: &Pair<'_>) -> Result<Command> {
    if let Some(aliases) = pair.clone().into_inner().find(|part| part.as_rule() == Rule::join_aliases) {
        let message = "join with `left=`, `right=` and `where` is not supported";
        return Err(SplError::unsupported(message, span(&inner(aliases, Rule::kw_where)))
            .with_help("rename fields so that both searches call them alike, and write `join <fields> [search ...]`"));
    }
    no_options(pair, &["type", "max", "overwrite"])?;
    let fields = pair.clone().into_inner().find(|part| part.as_rule() == Rule::name_list);
    Ok(Command::Join(JoinCommand {
        keeps_unmatched: keeps_unmatched(pair)?,
        max: number_option(pair, "max")?.unwrap_or(1),
        overwrite: bool_option(pair, "overwrite")?.unwrap_or(true),
        fields: fields.map(names).unwrap_or_default(),
        subsearch: subsearch(pair)?,
    }))
}

const JOIN_TYPES: [&str; 3] = ["inner", "left", "outer"];

fn keeps_unmatched(pair: &Pair<'_>) -> Result<bool> {
    let Some(kind) = option(pair, "type")? else { return Ok(false) };
    match kind.node.to_ascii_lowercase().as_str() {
        "inner" => Ok(false),
        "left" | "outer" => Ok(true),
        other => {
            let help = match nearest(other, JOIN_TYPES) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("supported are {}", JOIN_TYPES.join(", ")),
            };
            Err(SplError::syntax(format!("`{}` is no type of join", kind.node), kind.span).with_help(help))
        }
    }
}

/// `multisearch` and `union`: their first search, where nothing stands before them, and what is appended to it.
pub(super) fn merge(
    pair: &Pair<'_>,
    base: &mut Option<SearchExpr>,
    commands: &mut Vec<Spanned<Command>>,
) -> Result<()> {
    no_options(pair, &[])?;
    let is_first = base.is_none() && commands.is_empty();
    if !is_first && pair.as_rule() == Rule::multisearch_command {
        let at = span(&inner(pair.clone(), Rule::kw_multisearch));
        return Err(SplError::syntax("multisearch begins a search: nothing stands before it", at)
            .with_help("what another search finds comes behind it with `append [search ...]`"));
    }
    let mut searches = pair.clone().into_inner().filter(|part| part.as_rule() == Rule::subsearch);
    if is_first && let Some(first) = searches.next() {
        let first = pipeline(first)?;
        *base = Some(first.base);
        commands.extend(first.commands);
    }
    for search in searches {
        let span = span(&search);
        commands.push(Spanned { node: Command::Append(pipeline(search)?), span });
    }
    Ok(())
}

fn subsearch(pair: &Pair<'_>) -> Result<Pipeline> {
    pipeline(inner(pair.clone(), Rule::subsearch))
}
