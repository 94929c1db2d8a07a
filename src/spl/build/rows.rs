//! Commands that take rows apart, choose among them or put them in order.

use super::command::{names, trimmed_span};
use super::option::{bool_option, no_options, number_option, option};
use super::sed::sed;
use super::{Pair, Rule, Spanned, SplError, inner, span, spanned_text, text};
use crate::spl::ast::{Command, SortKey, SortOrder};
use crate::spl::error::nearest;

type Result<T> = std::result::Result<T, SplError>;

pub(super) fn spath(pair: &Pair<'_>) -> Result<Command> {
    no_options(pair, &["input", "output", "path"])?;
    let named = option(pair, "path")?.map(|path| path.node);
    let bare = pair.clone().into_inner().find(|part| part.as_rule() == Rule::name);
    if let (Some(_), Some(bare)) = (&named, &bare) {
        return Err(SplError::syntax("the path is given twice", span(bare)));
    }
    Ok(Command::Spath {
        input: option(pair, "input")?.map_or_else(|| "_raw".to_owned(), |input| input.node),
        output: option(pair, "output")?.map(|output| output.node),
        path: named.or_else(|| bare.map(|path| text(&path))),
    })
}

pub(super) fn mvexpand(pair: &Pair<'_>) -> Result<Command> {
    no_options(pair, &["limit"])?;
    let field = spanned_text(&inner(pair.clone(), Rule::name));
    Ok(Command::MvExpand { field, limit: number_option(pair, "limit")?.unwrap_or(0) })
}

pub(super) fn rex(pair: &Pair<'_>) -> Result<Command> {
    match option(pair, "mode")? {
        Some(mode) if mode.node.eq_ignore_ascii_case("sed") => return sed(pair),
        Some(mode) => {
            return Err(SplError::syntax(format!("`{}` is no mode of rex", mode.node), mode.span)
                .with_help("there is `mode=sed`; without it rex extracts fields"));
        }
        None => no_options(pair, &["field", "max_match"])?,
    }
    Ok(Command::Rex {
        field: option(pair, "field")?.map_or_else(|| "_raw".to_owned(), |field| field.node),
        pattern: spanned_text(&inner(pair.clone(), Rule::quoted)),
        max_match: number_option(pair, "max_match")?.unwrap_or(1),
    })
}

pub(super) fn dedup(pair: &Pair<'_>) -> Result<Command> {
    no_options(pair, &["keepempty", "consecutive"])?;
    let written = inner(pair.clone(), Rule::name_list).into_inner().filter(|part| part.as_rule() == Rule::name);
    if let Some(sortby) = written.skip(1).find(|name| name.as_str().trim_end().eq_ignore_ascii_case("sortby")) {
        return Err(SplError::unsupported("dedup with sortby is not supported", trimmed_span(&sortby))
            .with_help("write a `sort` before the dedup"));
    }
    Ok(Command::Dedup {
        keep: limit(pair)?.unwrap_or(1),
        fields: names(inner(pair.clone(), Rule::name_list)),
        keep_empty: bool_option(pair, "keepempty")?.unwrap_or(false),
        consecutive: bool_option(pair, "consecutive")?.unwrap_or(false),
    })
}

/// How many rows `sort` returns where the search does not say.
const DEFAULT_SORT_LIMIT: u64 = 10_000;

pub(super) fn sort(pair: Pair<'_>) -> Result<Command> {
    no_options(&pair, &["limit"])?;
    let limit = limit(&pair)?.or(number_option(&pair, "limit")?).unwrap_or(DEFAULT_SORT_LIMIT);
    let is_reversed =
        |key: &Pair<'_>| ["desc", "d"].iter().any(|word| key.as_str().trim_end().eq_ignore_ascii_case(word));
    let mut written: Vec<_> = pair.into_inner().filter(|part| part.as_rule() == Rule::sort_key).collect();
    let reversed = written.len() > 1 && written.last().is_some_and(is_reversed);
    written.truncate(written.len() - usize::from(reversed));
    if let Some(early) = written.iter().skip(1).find(|key| is_reversed(key)) {
        return Err(SplError::syntax(
            "`desc` stands behind all fields and reverses the order of each",
            trimmed_span(early),
        )
        .with_help("a `-` before a field reverses its order alone: sort -count, user"));
    }
    let mut keys: Vec<_> = written.into_iter().map(sort_key).collect::<Result<_>>()?;
    keys.iter_mut().for_each(|key| key.node.descending ^= reversed);
    Ok(Command::Sort { limit, keys })
}

fn sort_key(pair: Pair<'_>) -> Result<Spanned<SortKey>> {
    let span = trimmed_span(&pair);
    let (mut descending, mut order, mut field) = (false, SortOrder::Auto, String::new());
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::sign => descending = part.as_str() == "-",
            Rule::sort_function => order = sort_order(&part)?,
            Rule::name => field = text(&part),
            _ => {}
        }
    }
    Ok(Spanned { node: SortKey { field, descending, order }, span })
}

fn sort_order(function: &Pair<'_>) -> Result<SortOrder> {
    match function.as_str().to_ascii_lowercase().as_str() {
        "auto" => Ok(SortOrder::Auto),
        "str" => Ok(SortOrder::Text),
        "num" => Ok(SortOrder::Number),
        "ip" => Ok(SortOrder::Ip),
        other => {
            let near = nearest(other, ["auto", "str", "num", "ip"]).unwrap_or("auto");
            let message = format!("`{}` is no order of sort", function.as_str());
            Err(SplError::syntax(message, span(function)).with_help(format!("did you mean `{near}`?")))
        }
    }
}

pub(super) fn head(pair: &Pair<'_>) -> Result<Command> {
    if let Some(condition) = pair.clone().into_inner().find(|part| part.as_rule() == Rule::head_condition) {
        return Err(SplError::unsupported("head with a condition is not supported", trimmed_span(&condition))
            .with_help("head takes a number of rows; `where` keeps the rows for which a condition holds"));
    }
    no_options(pair, &["limit"])?;
    Ok(Command::Head { limit: limit(pair)?.or(number_option(pair, "limit")?).unwrap_or(10) })
}

/// The number that stands before the fields.
fn limit(pair: &Pair<'_>) -> Result<Option<u64>> {
    let Some(limit) = pair.clone().into_inner().find(|part| part.as_rule() == Rule::limit) else { return Ok(None) };
    let number = limit.as_str().parse();
    number.map(Some).map_err(|_| SplError::syntax("the number is too large", span(&limit)))
}
