//! Textual expansion, with a map from the expanded text back to the original.

use std::ops::Range;

use super::{DEFAULT_FILTER, FilterPlace, Macros, call, is_filter};
use crate::spl::ast::Span;
use crate::spl::error::{SplError, SplErrorKind, nearest};
use crate::spl::parser::MAX_SEARCH_BYTES;

/// A search with its macros expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion {
    /// The expanded text.
    pub text: String,
    /// Where filter macros (`..._filter`, and every macro that expires) were expanded: in the order of the text, inner
    /// ones before those that call them.
    pub filters: Vec<FilterPlace>,
    /// In the order of both texts, without gaps in `text`.
    pieces: Vec<Piece>,
}

/// A part of the expanded text and what it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    expanded: Range<usize>,
    original: Range<usize>,
    origin: Origin,
}

/// What a piece of the expanded text stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Origin {
    /// Itself.
    Text,
    /// A comment.
    Comment,
    /// A call of the macro of that name.
    Call(String),
}

/// How deep macros may call one another. Recursion is found before that.
const MAX_CALLS: usize = 32;

/// Expands every macro of a search. Macros are recognised everywhere except inside double quotes; a comment between
/// triple backticks becomes a blank. An undefined macro whose name ends in `_filter` lets everything pass.
///
/// # Errors
/// An undefined or recursive macro, a wrong call, an expansion beyond [`MAX_SEARCH_BYTES`]; its span is in `search`
/// and covers the call.
pub fn expand(search: &str, macros: &Macros) -> Result<Expansion, SplError> {
    let mut expander =
        Expander { macros, text: String::new(), filters: Vec::new(), pieces: Vec::new(), calls: Vec::new() };
    expander.original(search)?;
    let Expander { text, filters, pieces, .. } = expander;
    Ok(Expansion { text, filters, pieces })
}

impl Expansion {
    /// The byte of the original search that a byte of the expanded text came from; inside a macro, the call's first.
    pub fn origin(&self, offset: usize) -> usize {
        self.origin_of(offset..offset).start
    }

    /// The same for a span: from the first byte's origin to the end of the last byte's.
    pub fn origin_of(&self, span: Span) -> Span {
        let start = self.piece(span.start).map_or(0, |piece| piece.origin(span.start).start);
        let last = span.end.saturating_sub(1).max(span.start);
        let end = self.piece(last).map_or(start, |piece| piece.origin(last).end);
        if span.is_empty() { start..start } else { start..end.max(start) }
    }

    /// The macro, as called by the search itself, that a byte of the expanded text came from.
    pub fn macro_at(&self, offset: usize) -> Option<&str> {
        match &self.piece(offset)?.origin {
            Origin::Call(name) => Some(name),
            Origin::Text | Origin::Comment => None,
        }
    }

    /// The piece that holds the byte; the last one for the end of the text.
    fn piece(&self, offset: usize) -> Option<&Piece> {
        let after = self.pieces.partition_point(|piece| piece.expanded.start <= offset);
        self.pieces.get(after.saturating_sub(1))
    }
}

impl Piece {
    fn origin(&self, offset: usize) -> Range<usize> {
        if self.origin != Origin::Text {
            return self.original.clone();
        }
        let at = (self.original.start + (offset - self.expanded.start)).min(self.original.end);
        at..(at + 1).min(self.original.end)
    }
}

struct Expander<'m> {
    macros: &'m Macros,
    text: String,
    filters: Vec<FilterPlace>,
    pieces: Vec<Piece>,
    /// The macros being expanded, outermost first.
    calls: Vec<(String, usize)>,
}

impl Expander<'_> {
    /// The search itself: keeps the map.
    fn original(&mut self, search: &str) -> Result<(), SplError> {
        for token in tokens(search) {
            let start = self.text.len();
            let (range, origin) = match token? {
                Token::Text(range) => {
                    self.push(&search[range.clone()]).map_err(|error| at(error, &range))?;
                    (range, Origin::Text)
                }
                Token::Comment(range) => {
                    self.push(" ").map_err(|error| at(error, &range))?;
                    (range, Origin::Comment)
                }
                Token::Call(range) => {
                    let name = self.call(call_text(search, &range)).map_err(|error| at(error, &range))?;
                    (range, Origin::Call(name))
                }
            };
            self.pieces.push(Piece { expanded: start..self.text.len(), original: range, origin });
        }
        Ok(())
    }

    /// A macro's definition.
    fn definition(&mut self, text: &str) -> Result<(), SplError> {
        for token in tokens(text) {
            match token? {
                Token::Text(range) => self.push(&text[range])?,
                Token::Comment(_) => self.push(" ")?,
                Token::Call(range) => drop(self.call(call_text(text, &range))?),
            }
        }
        Ok(())
    }

    /// Expands one call and returns the macro's name.
    fn call(&mut self, text: &str) -> Result<String, SplError> {
        let call = call::parse(text)?;
        let key = (call.name.clone(), call.arguments.len());
        self.check_recursion(&key)?;
        let (definition, expires_ms) = match self.macros.get(&call.name, call.arguments.len()) {
            Some(definition) => (definition.with(&call.arguments), definition.facts.expires_ms),
            None if is_filter(&call.name) && call.arguments.is_empty() => (DEFAULT_FILTER.to_owned(), None),
            None => return Err(self.undefined(&call)),
        };
        let start = self.text.len();
        self.calls.push(key);
        self.definition(&definition)?;
        self.calls.pop();
        if is_filter(&call.name) || expires_ms.is_some() {
            self.filters.push(FilterPlace { name: call.name.clone(), start, end: self.text.len(), expires_ms });
        }
        Ok(call.name)
    }

    fn check_recursion(&self, key: &(String, usize)) -> Result<(), SplError> {
        let chain = || {
            let names = self.calls.iter().chain([key]).map(|(name, _)| format!("`{name}`"));
            names.collect::<Vec<_>>().join(" -> ")
        };
        if self.calls.contains(key) {
            return Err(error(format!("the macro `{}` calls itself: {}", key.0, chain())));
        }
        if self.calls.len() >= MAX_CALLS {
            return Err(error(format!("macros call one another more than {MAX_CALLS} deep: {}", chain())));
        }
        Ok(())
    }

    fn undefined(&self, call: &call::Call) -> SplError {
        let arities = self.macros.arities(&call.name);
        if let Some(arguments) = arities.first() {
            let given = call.arguments.len();
            let message = format!("the macro `{}` takes {arguments} arguments, but {given} are given", call.name);
            return error(message);
        }
        let caller = self.calls.last().map_or(String::new(), |(name, _)| format!(", which `{name}` calls,"));
        let message = format!("the macro `{}`{caller} is not defined", call.name);
        error(message).with_help(match nearest(&call.name, self.macros.names()) {
            Some(near) => format!("did you mean `{near}`? otherwise define it in the macros file"),
            None => format!("define it in the macros file, for example `{}: {}`", call.name, example(call)),
        })
    }

    fn push(&mut self, text: &str) -> Result<(), SplError> {
        if self.text.len() + text.len() > MAX_SEARCH_BYTES {
            let message = format!("the search is longer than {MAX_SEARCH_BYTES} bytes after macro expansion");
            return Err(SplError::new(SplErrorKind::Limit, message, 0..0));
        }
        self.text.push_str(text);
        Ok(())
    }
}

fn error(message: String) -> SplError {
    SplError::new(SplErrorKind::Macro, message, 0..0)
}

/// Moves an error to the call in the original search: its definition is not a text that the operator is looking at.
fn at(error: SplError, range: &Range<usize>) -> SplError {
    SplError { span: range.clone(), ..error }
}

fn call_text<'t>(text: &'t str, range: &Range<usize>) -> &'t str {
    &text[range.start + 1..range.end - 1]
}

/// A part of unexpanded text.
enum Token {
    Text(Range<usize>),
    /// With its backticks.
    Call(Range<usize>),
    /// With its triple backticks.
    Comment(Range<usize>),
}

/// Splits text into calls, comments and what lies between.
fn tokens(text: &str) -> impl Iterator<Item = Result<Token, SplError>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        if at >= text.len() {
            return None;
        }
        let start = at;
        let token = match &text[start..] {
            rest if rest.starts_with("```") => closed(text, start, "```").map(Token::Comment),
            rest if rest.starts_with('`') => closed(text, start, "`").map(Token::Call),
            rest => Ok(Token::Text(start..start + text_length(rest))),
        };
        at = match &token {
            Ok(Token::Text(range) | Token::Call(range) | Token::Comment(range)) => range.end,
            Err(_) => text.len(),
        };
        Some(token)
    })
}

fn closed(text: &str, start: usize, fence: &str) -> Result<Range<usize>, SplError> {
    let inner = start + fence.len();
    match text[inner..].find(fence) {
        Some(length) => Ok(start..inner + length + fence.len()),
        None => Err(SplError::new(SplErrorKind::Macro, format!("{fence} is never closed"), start..inner)),
    }
}

/// Up to the next backtick outside double quotes.
fn text_length(text: &str) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            '"' if !escaped => quoted = !quoted,
            '`' if !quoted => return at,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// A definition that this call could have.
fn example(call: &call::Call) -> String {
    let names: Vec<String> = (1..=call.arguments.len()).map(|place| format!("arg{place}")).collect();
    match names.as_slice() {
        [] => "eventName=...".to_owned(),
        names => format!("{{args: [{}], definition: \"...\"}}", names.join(", ")),
    }
}
