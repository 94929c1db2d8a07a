//! Reading a file's nodes, with every problem noted at its place.

use std::ops::Range;

use super::problem::{Problem, ProblemSeverity};
use crate::spl::caret_snippet;
use crate::yaml::{Node, YamlError, place_of};

/// A file being read.
pub(super) struct Reader<'t> {
    pub(super) file: &'t str,
    pub(super) source: &'t str,
    pub(super) problems: Vec<Problem>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(file: &'t str, source: &'t str) -> Self {
        Self { file, source, problems: Vec::new() }
    }

    /// Whether the detection cannot run.
    pub(super) fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity != ProblemSeverity::Warning)
    }

    pub(super) fn error(&mut self, bytes: Range<usize>, message: impl Into<String>) {
        self.problem(bytes, ProblemSeverity::Error, message.into(), None);
    }

    pub(super) fn problem(
        &mut self,
        bytes: Range<usize>,
        severity: ProblemSeverity,
        message: String,
        help: Option<String>,
    ) {
        let problem = problem_at(self.file, self.source, bytes, severity, message);
        self.problems.push(Problem { help, ..problem });
    }

    pub(super) fn not_yaml(&mut self, error: YamlError) {
        let line_start: usize = self.source.split_inclusive('\n').take(error.place.line - 1).map(str::len).sum();
        let rest = self.source[line_start..].char_indices().nth(error.place.column - 1);
        let at = rest.map_or(self.source.len(), |(offset, _)| line_start + offset);
        self.error(at..at, error.message);
    }

    /// A key's value that must be there; noted where it is not.
    pub(super) fn required(&mut self, parent: Node<'t>, key: &str) -> Option<Node<'t>> {
        let found = parent.get(key).filter(|node| !node.is_null());
        if found.is_none() {
            let start = parent.bytes().start;
            self.error(start..start, format!("the key `{key}` is missing"));
        }
        found
    }

    pub(super) fn required_text(&mut self, parent: Node<'t>, key: &str) -> Option<&'t str> {
        let node = self.required(parent, key)?;
        let message = match node.text() {
            Some(text) if !text.trim().is_empty() => return Some(text),
            Some(_) => format!("`{key}` is empty"),
            None => format!("`{key}` is text, not {}", node.kind()),
        };
        self.error(first_line(self.source, &node), message);
        None
    }

    /// A number from 0 to 100.
    pub(super) fn percentage(&mut self, parent: Node<'t>, key: &str) -> Option<f64> {
        let node = self.required(parent, key)?;
        let number = node.number().filter(|number| (0.0..=100.0).contains(number));
        if number.is_none() {
            self.error(first_line(self.source, &node), format!("`{key}` is a number from 0 to 100"));
        }
        number
    }

    /// The list under a key; empty where the key is missing or holds nothing.
    pub(super) fn list(&mut self, parent: Node<'t>, key: &str) -> Vec<Node<'t>> {
        let Some(node) = parent.get(key).filter(|node| !node.is_null()) else { return Vec::new() };
        node.items().unwrap_or_else(|| {
            self.error(first_line(self.source, &node), format!("`{key}` is a list, not {}", node.kind()));
            Vec::new()
        })
    }

    /// The texts under a key: a list, or one alone.
    pub(super) fn texts(&mut self, parent: Node<'t>, key: &str) -> Vec<String> {
        if let Some(text) = parent.get(key).and_then(Node::text) {
            return vec![text.to_owned()];
        }
        let items = self.list(parent, key);
        items.into_iter().filter_map(|item| self.item_text(item, key)).collect()
    }

    fn item_text(&mut self, item: Node<'t>, key: &str) -> Option<String> {
        if item.text().is_none() {
            self.error(first_line(self.source, &item), format!("`{key}` is a list of texts, not of {}", item.kind()));
        }
        item.text().map(str::to_owned)
    }
}

/// The bytes of a node on the line where it begins.
pub(super) fn first_line(source: &str, node: &Node<'_>) -> Range<usize> {
    let bytes = node.bytes();
    let length = source[bytes.clone()].find('\n').unwrap_or(bytes.len());
    bytes.start..bytes.start + length
}

/// A problem at bytes of the file, without help.
pub(super) fn problem_at(
    file: &str,
    source: &str,
    bytes: Range<usize>,
    severity: ProblemSeverity,
    message: String,
) -> Problem {
    let place = place_of(source, bytes.start);
    let snippet = Some(caret_snippet(source, &bytes));
    Problem { file: file.to_owned(), line: place.line, column: place.column, severity, message, snippet, help: None }
}
