//! YAML nodes that know where they stand.
//!
//! Owns: reading a text into nodes, with the line and column of each. Deliberately absent: what keys mean.

use std::ops::Range;

use saphyr::{LoadableYamlNode, MarkedYaml, Scalar, ScanError, YamlData};

mod scalar;

/// A line and a column, both counted from 1; the column in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The text is no YAML.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) place: Place,
    pub(crate) message: String,
}

/// A node of a document that was read from `source`.
#[derive(Clone, Copy)]
pub(crate) struct Node<'t> {
    source: &'t str,
    marked: &'t MarkedYaml<'t>,
}

/// The documents of a text, to be looked at through [`Documents::nodes`].
pub(crate) struct Documents<'t> {
    source: &'t str,
    roots: Vec<MarkedYaml<'t>>,
}

impl<'t> Documents<'t> {
    /// Reads a text. A key that stands twice in one mapping is an error.
    pub(crate) fn read(source: &'t str) -> Result<Self, YamlError> {
        check_depth(source)?;
        MarkedYaml::load_from_str(source).map(|roots| Self { source, roots }).map_err(|error| scan_error(&error))
    }

    pub(crate) fn nodes(&'t self) -> impl Iterator<Item = Node<'t>> {
        self.roots.iter().map(|marked| Node { source: self.source, marked })
    }
}

/// More nesting than any file needs, and little enough for whoever recurses over the nodes, the loader first.
const MAX_DEPTH: usize = 500;

/// A block is never deeper than the indentation and indicators before it are long. (The loader bounds flow nesting.)
///
/// # Errors
/// With the first line that may be too deep; reading the text could exhaust the stack.
pub(crate) fn check_depth(source: &str) -> Result<(), YamlError> {
    let depth = |line: &str| line.bytes().take_while(|byte| b" \t-?:".contains(byte)).count();
    match source.lines().position(|line| depth(line) > MAX_DEPTH) {
        None => Ok(()),
        Some(index) => {
            let place = Place { line: index + 1, column: 1 };
            Err(YamlError { place, message: format!("the line is indented more than {MAX_DEPTH} deep") })
        }
    }
}

fn scan_error(error: &ScanError) -> YamlError {
    let place = Place { line: error.marker().line().max(1), column: error.marker().col() + 1 };
    YamlError { place, message: format!("not YAML: {}", error.info()) }
}

impl<'t> Node<'t> {
    /// Where the node begins.
    pub(crate) fn place(self) -> Place {
        Place { line: self.marked.span.start.line().max(1), column: self.marked.span.start.col() + 1 }
    }

    /// The bytes of the source that the node spans.
    pub(crate) fn bytes(self) -> Range<usize> {
        let byte = |index: usize| self.source.char_indices().nth(index).map_or(self.source.len(), |(at, _)| at);
        byte(self.marked.span.start.index())..byte(self.marked.span.end.index())
    }

    /// Text; nothing for other scalars, which [`Node::kind`] names.
    pub(crate) fn text(self) -> Option<&'t str> {
        self.marked.data.as_str()
    }

    /// A whole number.
    pub(crate) fn integer(self) -> Option<i64> {
        self.marked.data.as_integer()
    }

    /// A number, whole or not.
    pub(crate) fn number(self) -> Option<f64> {
        match &self.marked.data {
            YamlData::Value(Scalar::FloatingPoint(number)) => Some(number.into_inner()),
            _ => self.integer().map(|integer| integer as f64),
        }
    }

    /// True or false.
    #[cfg(feature = "daemon")]
    pub(crate) fn boolean(self) -> Option<bool> {
        self.marked.data.as_bool()
    }

    /// A scalar as text: what it says, and a number or a flag as it is written. Nothing for lists and mappings.
    #[cfg(feature = "daemon")]
    pub(crate) fn shown(self) -> Option<String> {
        match &self.marked.data {
            YamlData::Value(Scalar::String(text)) => Some(text.to_string()),
            YamlData::Value(_) => Some(self.source[self.bytes()].to_owned()),
            _ => None,
        }
    }

    /// As JSON. A scalar that is neither text nor, as it is written, a value of JSON becomes text: `007` keeps its
    /// zeros.
    #[cfg(feature = "daemon")]
    pub(crate) fn json(self) -> serde_json::Value {
        if let Some(entries) = self.entries() {
            let key = |key: Self| key.shown().unwrap_or_default();
            return entries.into_iter().map(|(name, value)| (key(name), value.json())).collect();
        }
        if let Some(items) = self.items() {
            return items.into_iter().map(Self::json).collect();
        }
        let written = self.shown().unwrap_or_default();
        if self.is_null() {
            serde_json::Value::Null
        } else if self.text().is_some() {
            written.into()
        } else {
            serde_json::from_str(&written).unwrap_or_else(|_| written.into())
        }
    }

    /// Whether it is `null`, written or left out.
    pub(crate) fn is_null(self) -> bool {
        self.marked.data.is_null()
    }

    /// The keys of a mapping with their values, in the order written.
    pub(crate) fn entries(self) -> Option<Vec<(Node<'t>, Node<'t>)>> {
        let node = |marked| Node { source: self.source, marked };
        self.marked.data.as_mapping().map(|map| map.iter().map(|(key, value)| (node(key), node(value))).collect())
    }

    /// The items of a list.
    pub(crate) fn items(self) -> Option<Vec<Node<'t>>> {
        let node = |marked| Node { source: self.source, marked };
        self.marked.data.as_vec().map(|items| items.iter().map(node).collect())
    }

    /// The value of a key of a mapping; nothing where the node is no mapping.
    pub(crate) fn get(self, key: &str) -> Option<Node<'t>> {
        self.entries()?.into_iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
    }

    /// What it is, in words.
    pub(crate) fn kind(self) -> &'static str {
        match &self.marked.data {
            YamlData::Sequence(_) => "a list",
            YamlData::Mapping(_) => "a mapping",
            YamlData::Value(Scalar::Null) => "nothing",
            YamlData::Value(Scalar::Boolean(_)) => "true or false",
            YamlData::Value(Scalar::Integer(_) | Scalar::FloatingPoint(_)) => "a number",
            YamlData::Value(Scalar::String(_)) => "text",
            _ => "something that YAML tags as a special type",
        }
    }

    /// For each byte of the node's text, and for its end, the byte of the source that it came from. Where that cannot
    /// be told (which no known style causes), every byte maps to the node's start.
    pub(crate) fn text_map(self) -> Vec<usize> {
        let text = self.text().unwrap_or_default();
        let bytes = self.bytes();
        scalar::align(self.source, bytes.clone(), text).unwrap_or_else(|| vec![bytes.start; text.len() + 1])
    }
}

/// The place of a byte of a text.
pub(crate) fn place_of(source: &str, byte: usize) -> Place {
    let before = source.get(..byte).unwrap_or(source);
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

#[cfg(test)]
mod tests;
