//! Search terms.

use super::{Pair, Rule, SearchExpr, Span, Spanned, SplError, inner, span, text};
use crate::spl::ast::{Command, CompareOp, SearchTerm};

/// An expression of `search`: OR binds tighter than AND.
pub(super) fn expr(pair: Pair<'_>) -> Result<SearchExpr, SplError> {
    let parts = pair.into_inner().filter(|part| part.as_rule() == Rule::search_or).map(or);
    Ok(unwrap_single(parts.collect::<Result<_, _>>()?, SearchExpr::And))
}

/// What chooses events by where Splunk keeps them, or by knowledge that it keeps beside them, looks like a field of the
/// event, and would silently match nothing. `index=...` is taken, because macros name one: the stream stands for
/// whichever index that is. Which index it is *not* cannot be told.
///
/// Looked at are the base search and the `search` commands behind it, up to the first command that may write a field of
/// such a name.
pub(super) fn check_index_terms(base: &SearchExpr, commands: &[Spanned<Command>]) -> Result<(), SplError> {
    let as_read = |command: &&Spanned<Command>| {
        matches!(command.node, Command::Search(_) | Command::Where(_) | Command::Fields { .. })
    };
    let of_commands = commands.iter().take_while(as_read).filter_map(|command| match &command.node {
        Command::Search(expr) => Some(expr),
        _ => None,
    });
    std::iter::once(base).chain(of_commands).try_for_each(|expr| check_terms(expr, false))
}

fn check_terms(expr: &SearchExpr, negated: bool) -> Result<(), SplError> {
    match expr {
        SearchExpr::And(parts) | SearchExpr::Or(parts) => parts.iter().try_for_each(|part| check_terms(part, negated)),
        SearchExpr::Not(inner) => check_terms(inner, true),
        SearchExpr::Term(term) => match &term.node {
            SearchTerm::Compare { field, op: CompareOp::Eq, .. } | SearchTerm::In { field, .. }
                if field == "index" && !negated =>
            {
                Ok(())
            }
            SearchTerm::Compare { field, .. } | SearchTerm::In { field, .. }
                if NOT_IN_EVENTS.contains(&field.as_str()) || field.starts_with("tag::") =>
            {
                let message = format!("`{field}` is known to Splunk's index, not to the event");
                Err(SplError::unsupported(message, term.span.clone())
                    .with_help("leave it out; every event here is CloudTrail's"))
            }
            _ => Ok(()),
        },
    }
}

const NOT_IN_EVENTS: [&str; 10] = [
    "index",
    "splunk_server",
    "host",
    "hosttag",
    "eventtype",
    "eventtypetag",
    "tag",
    "savedsearch",
    "savedsplunk",
    "linecount",
];

fn or(pair: Pair<'_>) -> Result<SearchExpr, SplError> {
    let parts = pair.into_inner().filter(|part| part.as_rule() == Rule::search_not).map(not);
    Ok(unwrap_single(parts.collect::<Result<_, _>>()?, SearchExpr::Or))
}

fn unwrap_single(mut parts: Vec<SearchExpr>, many: fn(Vec<SearchExpr>) -> SearchExpr) -> SearchExpr {
    if parts.len() == 1 { parts.remove(0) } else { many(parts) }
}

fn not(pair: Pair<'_>) -> Result<SearchExpr, SplError> {
    let mut parts: Vec<_> = pair.into_inner().collect();
    let primary = primary(parts.pop().expect("the grammar ends NOT with its term"))?;
    Ok(parts.iter().fold(primary, |inner, _| SearchExpr::Not(Box::new(inner))))
}

fn primary(pair: Pair<'_>) -> Result<SearchExpr, SplError> {
    let span = span(&pair);
    let node = match pair.as_rule() {
        Rule::search_group => return expr(inner(pair, Rule::search_expr)),
        Rule::search_directive => return Err(directive(&pair)),
        Rule::search_in => in_list(pair)?,
        Rule::search_compare => compare(pair)?,
        // `search *` matches everything, and is what an undefined filter macro expands to.
        _ if pair.as_str() == "*" => return Ok(SearchExpr::And(Vec::new())),
        _ => SearchTerm::Raw(text(&pair)),
    };
    Ok(SearchExpr::Term(Spanned { node, span }))
}

fn in_list(pair: Pair<'_>) -> Result<SearchTerm, SplError> {
    let span = span(&pair);
    let mut field = String::new();
    let mut values = Vec::new();
    for part in pair.into_inner() {
        match part.as_rule() {
            Rule::search_field => field = field_name(&part, &span)?,
            Rule::search_value => values.push(value(&part)?),
            _ => {}
        }
    }
    Ok(SearchTerm::In { field, values })
}

/// A value of one part, or of several that wildcards outside the quotes join: `*"a b"*`.
fn value(pair: &Pair<'_>) -> Result<String, SplError> {
    let parts: Vec<Pair<'_>> = pair.clone().into_inner().collect();
    let joins = |both: &[Pair<'_>]| {
        let is_star = |part: &Pair<'_>, at_end: bool| {
            let word = part.as_str();
            part.as_rule() == Rule::value_word && if at_end { word.ends_with('*') } else { word.starts_with('*') }
        };
        is_star(&both[0], true) || is_star(&both[1], false)
    };
    if parts.windows(2).all(joins) {
        return Ok(parts.iter().map(text).collect());
    }
    Err(SplError::syntax("quotes begin or end within a value", span(pair))
        .with_help("write the whole value in one pair of quotes; of the rest only a `*` may stand outside of them"))
}

fn compare(pair: Pair<'_>) -> Result<SearchTerm, SplError> {
    let span = span(&pair);
    let mut parts = pair.into_inner();
    let mut next = || parts.next().expect("the grammar gives a comparison three parts");
    let field = field_name(&next(), &span)?;
    let (op, value) = (compare_op(next().as_str()), value(&next())?);
    if is_time_range(&field) {
        return Err(SplError::unsupported(format!("`{field}` sets a search's time range; a stream has none"), span)
            .with_help(
                "leave it out; the window is a setting of the detection, or `bin _time span=...` in the search",
            ));
    }
    Ok(SearchTerm::Compare { field, op, value })
}

/// With a wildcard in it the name would stand for itself, and match nothing.
fn field_name(pair: &Pair<'_>, term: &Span) -> Result<String, SplError> {
    let name = text(pair);
    if name.contains('*') {
        return Err(SplError::unsupported(
            "wildcards in the name of a field that is compared are not supported",
            term.clone(),
        )
        .with_help("name the fields one by one: (a=x OR b=x); a bare word, *x*, is looked for in the whole event"));
    }
    Ok(name)
}

/// Time modifiers look like fields and would silently match nothing.
fn is_time_range(field: &str) -> bool {
    ["earliest", "latest", "_index_earliest", "_index_latest", "starttime", "endtime", "starthoursago", "startdaysago"]
        .contains(&field)
}

fn directive(pair: &Pair<'_>) -> SplError {
    let name = pair.clone().into_inner().next().map_or("", |name| name.as_str());
    SplError::unsupported(format!("{name}(...) is not supported in a search"), span(pair))
        .with_help("it speaks to Splunk's index; write the term itself")
}

pub(super) fn compare_op(text: &str) -> CompareOp {
    match text {
        "!=" => CompareOp::Ne,
        "<" => CompareOp::Lt,
        "<=" => CompareOp::Le,
        ">" => CompareOp::Gt,
        ">=" => CompareOp::Ge,
        _ => CompareOp::Eq,
    }
}
