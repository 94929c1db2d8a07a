//! Syntax errors in an operator's words: what stands there, and what may stand there.

use super::ast::Span;
use super::error::{SplError, SplErrorKind};
use super::parser::Rule;

/// The error at byte `at`, where any of `rules` would have been right.
pub(super) fn syntax_error(text: &str, at: usize, rules: &[Rule]) -> SplError {
    let rest = &text[at..];
    let span = found_span(text, at);
    if rest.starts_with('[') {
        return subsearch(rest, span);
    }
    if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '"' | '\'')).filter(|&c| never_closed(rest, c)) {
        return SplError::syntax(format!("the quote {quote} is never closed"), span);
    }
    let found = if rest.is_empty() { END.to_owned() } else { format!("`{}`", &text[span.clone()]) };
    let at_start = text[..at].trim().is_empty().then(|| TERM.to_owned());
    let error = match one_of(rules).or(at_start) {
        Some(expected) => SplError::syntax(format!("expected {expected}, found {found}"), span),
        None => SplError::syntax(format!("unexpected {found}"), span),
    };
    match help(text, at, rules) {
        Some(help) => error.with_help(help),
        None => error,
    }
}

fn subsearch(rest: &str, span: Span) -> SplError {
    let help = if rest.contains("outputlookup") {
        "this one keeps a baseline in a lookup: it needs a history longer than a window"
    } else if rest.contains("inputlookup") {
        "the rows of a table come with `lookup`: ... | lookup TABLE column AS field OUTPUT column AS found | where isnotnull(found)"
    } else {
        "a stream has no finished second search to take terms from; `join` or a lookup may do"
    };
    SplError::new(SplErrorKind::Unsupported, "subsearches `[ ... ]` as search terms are not supported", span)
        .with_help(help)
}

fn never_closed(rest: &str, quote: char) -> bool {
    let mut chars = rest.chars().skip(1);
    while let Some(c) = chars.next() {
        match c {
            '\\' => drop(chars.next()),
            c if c == quote => return false,
            _ => {}
        }
    }
    true
}

/// Whether a subsearch is not closed; brackets within quotes are text.
fn is_open(text: &str) -> bool {
    let (mut depth, mut quote, mut chars) = (0_usize, None, text.chars());
    while let Some(c) = chars.next() {
        match (c, quote) {
            ('\\', Some(_)) => drop(chars.next()),
            (c, Some(open)) => quote = (c != open).then_some(open),
            ('"' | '\'', None) => quote = Some(c),
            ('[', None) => depth += 1,
            (']', None) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    depth > 0
}

/// The word that stands at `at`, or the one character where it is no word.
fn found_span(text: &str, at: usize) -> Span {
    let rest = &text[at..];
    let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '*' | '-' | ':' | '/');
    let word = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
    let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
    at..at + length
}

fn help(text: &str, at: usize, rules: &[Rule]) -> Option<&'static str> {
    let rest = &text[at..];
    if rest.is_empty() && is_open(text) {
        return Some("the subsearch is not closed: a `]` is missing");
    }
    if text[..at].trim_end().ends_with(',') {
        return Some("something is missing behind the comma, or the comma is one too many");
    }
    let in_search = rules.iter().any(|&rule| words_for(rule) == Some(TERM) || rule == Rule::search_value);
    let in_expr = rules.iter().any(|&rule| matches!(words_for(rule), Some(EXPRESSION | OPERATOR)));
    match rest.chars().next()? {
        ',' if in_search => {
            Some("a value that contains a comma stands in double quotes; a list of values is `field IN (a, b)`")
        }
        '(' if rules.contains(&Rule::search_value) => Some("a list of values is written `field IN (a, b)`"),
        'I' if in_search && rest.starts_with("IN") => {
            Some("`NOT field IN (a, b)` is the opposite of `field IN (a, b)`")
        }
        '{' | ':' | '@' | '#' | '$' if in_expr => Some(
            "in an expression, a field name with other characters than letters, digits and _ stands in single quotes",
        ),
        '&' if in_expr => Some("write AND"),
        '!' if in_expr => Some("write NOT"),
        '|' if text[..at].ends_with('|') => Some("write OR; a single `|` begins the next command"),
        _ => None,
    }
}

const TERM: &str = "a search term";
const EXPRESSION: &str = "an expression";
const OPERATOR: &str = "an operator";
const QUOTED: &str = "a text in double quotes";
const PIPE: &str = "`|`";
const END: &str = "the end of the search";

fn one_of(rules: &[Rule]) -> Option<String> {
    let mut words: Vec<&str> = Vec::new();
    for word in rules.iter().filter_map(|&rule| words_for(rule)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    if words.contains(&TERM) || words.contains(&EXPRESSION) {
        words.retain(|word| !["`(`", QUOTED].contains(word));
    }
    words.sort_by_key(|word| *word == PIPE);
    let last = words.pop()?;
    Some(if words.is_empty() { last.to_owned() } else { format!("{} or {last}", words.join(", ")) })
}

/// What an operator calls it; none for what would only repeat another one (the search may end where a `|` may stand),
/// and for what the parser never names, because it names the one part that begins it.
fn words_for(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::pipe => PIPE,
        Rule::comma => "`,`",
        Rule::lparen => "`(`",
        Rule::rparen => "`)`",
        Rule::equals => "`=`",
        Rule::base | Rule::search_not | Rule::search_raw | Rule::search_field => TERM,
        Rule::search_value | Rule::option_value => "a value",
        Rule::upper_and => "AND",
        Rule::upper_or => "OR",
        Rule::upper_in => "IN",
        Rule::compare_op | Rule::equal | Rule::compare => "a comparison",
        Rule::command | Rule::sub_command => "a command",
        Rule::name | Rule::sort_key | Rule::sort_function => "a field name",
        Rule::option_key => "an option",
        Rule::aggregate_name => "an aggregate such as `count` or `values(field)`",
        Rule::kw_eval => "`eval(...)`",
        Rule::kw_search => "`search`",
        Rule::quoted => QUOTED,
        Rule::limit => "a number",
        Rule::subsearch => "a subsearch `[search ...]`",
        Rule::lookup_mode => "OUTPUT",
        Rule::kw_by => "BY",
        Rule::kw_as => "AS",
        Rule::conversion_name => "a conversion such as `ctime(field)`",
        Rule::expr | Rule::number | Rule::field | Rule::not => EXPRESSION,
        Rule::and
        | Rule::or
        | Rule::xor
        | Rule::like
        | Rule::concat
        | Rule::plus
        | Rule::minus
        | Rule::multiply
        | Rule::divide
        | Rule::modulo
        | Rule::kw_in => OPERATOR,
        _ => return None,
    })
}
