//! A file's search: its macros expanded, parsed, and every place of it known in the file.

use std::ops::Range;

use super::problem::{Problem, ProblemSeverity};
use super::reader::problem_at;
use crate::spl::ast::{Pipeline, Span};
use crate::spl::{Expansion, Lint, Macros, SplError, SplErrorKind, caret_snippet, conventional_filter, expand, parse};
use crate::yaml::Node;

/// The way from a place of the expanded search (`PlanText::search`) to the file.
#[derive(Clone, Debug)]
pub struct SearchPlace {
    file: String,
    source: String,
    /// The byte of the file for each byte of the search as written, and for its end.
    written: Vec<usize>,
    expansion: Expansion,
}

/// A search that parses.
pub(super) struct Search {
    pub(super) place: SearchPlace,
    pub(super) pipeline: Pipeline,
}

/// Expands and parses the search of the detection called `name`.
pub(super) fn read(file: &str, source: &str, node: Node<'_>, name: &str, macros: &Macros) -> Result<Search, Problem> {
    let written = node.text_map();
    let text = node.text().unwrap_or_default();
    let expansion = match expand(&with_conventional_filter(text, name, macros), macros) {
        Ok(expansion) => expansion,
        Err(error) => {
            let bytes = bytes_of(&written, error.span.clone());
            return Err(Problem {
                help: error.help.clone(),
                ..problem_at(file, source, bytes, severity(&error), error.message)
            });
        }
    };
    let place = SearchPlace { file: file.to_owned(), source: source.to_owned(), written, expansion };
    match parse(place.text()) {
        Ok(pipeline) => Ok(Search { place, pipeline }),
        Err(error) => Err(place.of_error(&error)),
    }
}

/// A detection can be tuned by the filter of its own name even where its search names another one.
fn with_conventional_filter(text: &str, name: &str, macros: &Macros) -> String {
    let own = conventional_filter(name);
    let call = format!("`{own}`");
    if macros.defines(&own) && !text.contains(&call) { format!("{text} | {call}") } else { text.to_owned() }
}

fn severity(error: &SplError) -> ProblemSeverity {
    match error.kind {
        SplErrorKind::Unsupported => ProblemSeverity::Unsupported,
        SplErrorKind::Syntax | SplErrorKind::Macro | SplErrorKind::Limit => ProblemSeverity::Error,
    }
}

/// What the conventional filter added stands behind the search's end.
fn bytes_of(written: &[usize], span: Span) -> Range<usize> {
    let end = written.len() - 1;
    let byte = |at: usize| written[at.min(end)];
    let start = byte(span.start);
    // The end is that of the last byte, which may stand on another line than what follows.
    let last = if span.is_empty() { start } else { byte(span.end.saturating_sub(1)) + 1 };
    start..last.max(start)
}

impl SearchPlace {
    /// The expanded search.
    pub(super) fn text(&self) -> &str {
        &self.expansion.text
    }

    pub(super) fn expansion(&self) -> &Expansion {
        &self.expansion
    }

    /// The bytes of the file that a span of the expanded search came from; of a macro, its call.
    pub fn bytes(&self, span: Span) -> Range<usize> {
        bytes_of(&self.written, self.expansion.origin_of(span))
    }

    /// A problem at a span of the expanded search, with the line of the file under a caret.
    pub fn problem(&self, span: Span, severity: ProblemSeverity, message: String, help: Option<String>) -> Problem {
        let mut problem = problem_at(&self.file, &self.source, self.bytes(span.clone()), severity, message);
        problem.help = help;
        if let Some(name) = self.expansion.macro_at(span.start) {
            let expanded = caret_snippet(&self.expansion.text, &span);
            let in_file = problem.snippet.unwrap_or_default();
            problem.snippet = Some(format!("{in_file}\n  = in the expansion of `{name}`:\n{expanded}"));
        }
        problem
    }

    /// The problem that an error of parsing or compiling the expanded search is.
    pub fn of_error(&self, error: &SplError) -> Problem {
        self.problem(error.span.clone(), severity(error), error.message.clone(), error.help.clone())
    }

    pub(super) fn of_lint(&self, lint: Lint) -> Problem {
        self.problem(lint.span, ProblemSeverity::Warning, lint.message, Some(lint.help))
    }
}
