//! The nodes of a test file, with every problem noted at its place.

use std::time::Duration;

use serde_json::Value;

use super::file::FileProblem;
use crate::config::duration;
use crate::spl::nearest;
use crate::yaml::{Node, YamlError};

/// A file being read.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<FileProblem>,
}

impl Reader {
    pub(super) fn problem(&mut self, node: Node<'_>, message: impl Into<String>) {
        let place = node.place();
        self.problems.push(FileProblem { line: place.line, column: place.column, message: message.into() });
    }

    pub(super) fn not_yaml(&mut self, error: YamlError) {
        self.problems.push(FileProblem { line: error.place.line, column: error.place.column, message: error.message });
    }

    /// A mapping whose keys are all among `known`; noted where it is not.
    pub(super) fn keys(&mut self, node: Node<'_>, what: &str, known: &[&str]) -> Option<()> {
        let Some(entries) = node.entries() else {
            self.problem(node, format!("{what} is a mapping with {}; this is {}", known.join(", "), node.kind()));
            return None;
        };
        for (key, _) in entries {
            let word = key.text().unwrap_or_default();
            if !known.contains(&word) {
                let near = nearest(word, known.iter().copied());
                let help = near.map_or_else(
                    || format!("known are {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                self.problem(key, format!("`{word}` is not a key of {what}; {help}"));
            }
        }
        Some(())
    }

    /// A mapping with whatever keys, as JSON.
    pub(super) fn mapping(&mut self, node: Node<'_>, what: &str) -> Option<Value> {
        if node.entries().is_none() {
            self.problem(node, format!("{what} is a mapping, not {}", node.kind()));
            return None;
        }
        Some(node.json())
    }

    pub(super) fn text<'t>(&mut self, node: Node<'t>, what: &str) -> Option<&'t str> {
        let text = node.text().filter(|text| !text.trim().is_empty());
        if text.is_none() {
            self.problem(node, format!("{what} is text, not {}", node.kind()));
        }
        text
    }

    pub(super) fn items<'t>(&mut self, node: Node<'t>, what: &str) -> Vec<Node<'t>> {
        node.items().unwrap_or_else(|| {
            self.problem(node, format!("{what} is a list, not {}", node.kind()));
            Vec::new()
        })
    }

    pub(super) fn flag(&mut self, node: Node<'_>, what: &str) -> Option<bool> {
        let flag = node.boolean();
        if flag.is_none() {
            self.problem(node, format!("{what} is true or false, not {}", node.kind()));
        }
        flag
    }

    /// A whole number from `least` to a million.
    pub(super) fn count(&mut self, node: Node<'_>, what: &str, least: u64) -> Option<u64> {
        let number = node.integer().and_then(|number| u64::try_from(number).ok());
        let number = number.filter(|number| (least..=1_000_000).contains(number));
        if number.is_none() {
            self.problem(node, format!("{what} is a whole number from {least} to 1000000"));
        }
        number
    }

    pub(super) fn duration(&mut self, node: Node<'_>, what: &str) -> Option<Duration> {
        let text = node.shown().unwrap_or_default();
        duration(&text).map_err(|expected| self.problem(node, format!("{what}: {text:?} {expected}"))).ok()
    }
}
