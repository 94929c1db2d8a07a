//! From text to syntax tree: the grammar is run, its limits are checked, and the pairs are handed to `build`.

use std::num::NonZeroUsize;
use std::sync::Once;

use pest::Parser;
use pest::error::{Error, ErrorVariant, InputLocation};
use pest::iterators::Pairs;

use super::ast::Pipeline;
use super::error::{SplError, SplErrorKind};
use super::{build, expected};

#[derive(pest_derive::Parser)]
#[grammar = "spl/grammar.pest"]
struct Grammar;

pub(super) type Pair<'t> = pest::iterators::Pair<'t, Rule>;

/// The longest expanded search that is parsed, in bytes. The longest of Splunk's own detections has under 8 KiB.
pub const MAX_SEARCH_BYTES: usize = 64 * 1024;

/// How deep parentheses, calls and lists may be nested in one another.
pub const MAX_NESTING: usize = 64;

/// How high an expression's syntax tree may be. A chain of n operators of one precedence is n high.
pub const MAX_DEPTH: usize = 256;

/// The commands that the parser knows, in the order of the documentation.
pub const SUPPORTED_COMMANDS: [&str; 25] = [
    "search",
    "where",
    "regex",
    "eval",
    "rename",
    "fields",
    "table",
    "fillnull",
    "bin",
    "bucket",
    "stats",
    "eventstats",
    "convert",
    "spath",
    "makemv",
    "mvexpand",
    "rex",
    "dedup",
    "sort",
    "head",
    "append",
    "multisearch",
    "union",
    "join",
    "lookup",
];

/// Parser steps granted to one search: linear for every well-formed text of `MAX_SEARCH_BYTES`, and an end to all others.
const CALL_LIMIT: NonZeroUsize = NonZeroUsize::new(10_000_000).expect("not zero");

/// Parses a search whose macros are expanded (see [`expand`](super::expand)).
///
/// # Errors
/// A syntax error, an unsupported command or construct, or a limit, with its span in `text`.
pub fn parse(text: &str) -> Result<Pipeline, SplError> {
    if text.len() > MAX_SEARCH_BYTES {
        let message =
            format!("the search is {} bytes long after macro expansion; the limit is {MAX_SEARCH_BYTES}", text.len());
        return Err(SplError::new(SplErrorKind::Limit, message, 0..0));
    }
    limit_calls();
    let mut pairs = Grammar::parse(Rule::pipeline, text).map_err(|error| syntax_error(text, &error))?;
    check_nesting(&pairs)?;
    build::pipeline(pairs.next().expect("a successful parse yields the rule that was asked for"))
}

/// Pest's limit is one setting of the process; it is never anything else.
fn limit_calls() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| pest::set_call_limit(Some(CALL_LIMIT)));
}

/// Refuses deep nesting before anything recurses over the pairs. (Pest itself stops when the stack runs low.)
fn check_nesting(pairs: &Pairs<'_, Rule>) -> Result<(), SplError> {
    let mut depth = 0;
    for token in pairs.clone().tokens() {
        match token {
            pest::Token::Start { rule, pos } if nests(rule) => {
                depth += 1;
                if depth > MAX_NESTING {
                    return Err(too_deep(pos.pos()));
                }
            }
            pest::Token::End { rule, .. } if nests(rule) => depth -= 1,
            _ => {}
        }
    }
    Ok(())
}

fn nests(rule: Rule) -> bool {
    matches!(rule, Rule::search_group | Rule::group | Rule::call | Rule::in_list | Rule::subsearch)
}

fn too_deep(at: usize) -> SplError {
    let message = format!("parentheses are nested more than {MAX_NESTING} deep");
    SplError::new(SplErrorKind::Limit, message, at..at + 1)
}

fn syntax_error(text: &str, error: &Error<Rule>) -> SplError {
    let at = match error.location {
        InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
    };
    match &error.variant {
        ErrorVariant::ParsingError { positives, .. } => expected::syntax_error(text, at, positives),
        ErrorVariant::CustomError { .. } => {
            let message = "the search is nested too deeply or is too ambiguous to parse".to_owned();
            SplError::new(SplErrorKind::Limit, message, at..at)
        }
    }
}
