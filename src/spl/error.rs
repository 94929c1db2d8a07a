//! What is wrong with a search, where, and what to do about it.

use std::fmt::Write as _;

use super::ast::Span;

/// Why a search is refused. The display is the message alone; [`SplError::render`] shows the place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SplError {
    /// Whether it is wrong, or right and not supported.
    pub kind: SplErrorKind,
    /// What was found and what was expected.
    pub message: String,
    /// Where: bytes of the text that was given to the function that failed.
    pub span: Span,
    /// What to do.
    pub help: Option<String>,
}

/// The kinds of [`SplError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SplErrorKind {
    /// Not SPL.
    Syntax,
    /// SPL that is not supported here.
    Unsupported,
    /// A macro is undefined, recursive, or called wrongly.
    Macro,
    /// Too long or too deeply nested.
    Limit,
}

impl SplError {
    pub(crate) fn new(kind: SplErrorKind, message: impl Into<String>, span: Span) -> Self {
        Self { kind, message: message.into(), span, help: None }
    }

    pub(crate) fn syntax(message: impl Into<String>, span: Span) -> Self {
        Self::new(SplErrorKind::Syntax, message, span)
    }

    pub(crate) fn unsupported(message: impl Into<String>, span: Span) -> Self {
        Self::new(SplErrorKind::Unsupported, message, span)
    }

    #[must_use]
    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The message, the line of `text` with a caret under the span, and the help. `text` is what was parsed.
    pub fn render(&self, text: &str) -> String {
        let mut out = format!("error: {}\n{}", self.message, caret_snippet(text, &self.span));
        if let Some(help) = &self.help {
            let _ = write!(out, "\n  = help: {help}");
        }
        out
    }
}

/// How much of a line is shown around the caret, in characters.
const SHOWN_BEFORE: usize = 60;
const SHOWN_AFTER: usize = 40;

/// The line that holds the start of `span`, cut around it, and a second line with carets under the span.
/// Control characters are shown as spaces, so that the carets stand where they should and no terminal is written to.
pub fn caret_snippet(text: &str, span: &Span) -> String {
    let start = floor_char_boundary(text, span.start);
    let end = floor_char_boundary(text, span.end).max(start);
    let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
    let before: Vec<char> = text[line_start..start].chars().map(printable).collect();
    let marked = text[start..end.min(line_end)].chars().count().clamp(1, SHOWN_AFTER);
    let after: Vec<char> = text[start..line_end].chars().map(printable).collect();

    let cut_before = before.len().saturating_sub(SHOWN_BEFORE);
    let shown_after = after.len().min(marked + SHOWN_AFTER);
    let mut line = String::from("  | ");
    line.extend((cut_before > 0).then_some("…"));
    line.extend(&before[cut_before..]);
    line.extend(&after[..shown_after]);
    line.extend((shown_after < after.len()).then_some("…"));
    let indent = before.len() - cut_before + usize::from(cut_before > 0);
    format!("{}\n  | {}{}", line.trim_end(), " ".repeat(indent), "^".repeat(marked))
}

fn printable(c: char) -> char {
    if c.is_control() { ' ' } else { c }
}

fn floor_char_boundary(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

/// The candidate that `word` is most likely a misspelling of, if one is near enough to be worth saying.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_lowercase();
    let budget = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&word, &candidate.to_lowercase()), candidate))
        .filter(|&(distance, _)| distance <= budget)
        .min()
        .map(|(_, candidate)| candidate)
}

/// The end of a message about `word`: the nearest candidate as a question, or nothing.
pub fn did_you_mean<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> String {
    nearest(word, candidates).map_or_else(String::new, |near| format!("; did you mean {near:?}?"))
}
