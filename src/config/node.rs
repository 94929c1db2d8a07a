//! A YAML document as a tree of texts, each with the place that it came from. Types are the reader's matter.

use saphyr::{LoadableYamlNode, MarkedYaml, Marker, Scalar, ScanError, YamlData};

use super::problem::{Place, Problem};
use crate::yaml::check_depth;

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) data: Data,
}

#[derive(Clone, Debug)]
pub(super) enum Data {
    /// Nothing, `~` or `null`: as if the key were not there.
    Null,
    /// As it was written, without quotes.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
    /// Tags and the like, which no key takes.
    Unusable,
}

impl Data {
    /// What to add where this is no list, or no mapping: a variable's value that begins as one and does not end as one is
    /// text.
    pub(super) fn unclosed(&self, open: char, close: char) -> &'static str {
        match self {
            Self::Scalar(text) if text.trim().starts_with(open) && !text.trim().ends_with(close) => {
                ": the bracket is not closed"
            }
            _ => "",
        }
    }
}

/// A key of a mapping, the key's own place, and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) place: Place,
    pub(super) value: Node,
}

impl Node {
    pub(super) fn scalar(place: Place, text: &str) -> Self {
        let data = if text.is_empty() { Data::Null } else { Data::Scalar(text.to_owned()) };
        Self { place, data }
    }

    /// Reads a text that holds one document; `place` says where a position in it is.
    pub(super) fn parse(text: &str, place: &dyn Fn(Option<Marker>) -> Place) -> Result<Self, Problem> {
        let problem = |at, message: String| Problem { place: place(at), key: String::new(), message };
        check_depth(text).map_err(|error| problem(Some(Marker::new(0, error.place.line, 0)), error.message))?;
        let documents =
            MarkedYaml::load_from_str(text).map_err(|error| problem(Some(*error.marker()), why(&error, text)))?;
        match documents.as_slice() {
            [] => Ok(Self { place: place(None), data: Data::Null }),
            [document] => Ok(Converter { text, place }.node(document)),
            [_, second, ..] => Err(problem(Some(second.span.start), "a second document: one is expected".to_owned())),
        }
    }
}

fn why(error: &ScanError, text: &str) -> String {
    let line = text.lines().nth(error.marker().line().saturating_sub(1)).unwrap_or_default();
    // Written in one line, a list or a mapping ends a bare word at a brace.
    let hint = if line.contains("${") { "; inside [ ] and { } a `${...}` stands in double quotes" } else { "" };
    format!("this is not YAML: {}{hint}", error.info())
}

struct Converter<'a> {
    text: &'a str,
    place: &'a dyn Fn(Option<Marker>) -> Place,
}

impl Converter<'_> {
    fn node(&self, yaml: &MarkedYaml<'_>) -> Node {
        let data = match &yaml.data {
            YamlData::Value(Scalar::Null) => Data::Null,
            YamlData::Value(scalar) => Data::Scalar(self.scalar(yaml, scalar)),
            YamlData::Sequence(items) => Data::List(items.iter().map(|item| self.node(item)).collect()),
            YamlData::Mapping(entries) => {
                Data::Map(entries.iter().map(|(key, value)| self.entry(key, value)).collect())
            }
            // What an empty document loads as.
            YamlData::BadValue if yaml.span.is_empty() => Data::Null,
            _ => Data::Unusable,
        };
        Node { place: (self.place)(Some(yaml.span.start)), data }
    }

    fn entry(&self, key: &MarkedYaml<'_>, value: &MarkedYaml<'_>) -> Entry {
        let text = match &key.data {
            YamlData::Value(scalar) => self.scalar(key, scalar),
            _ => "<not a word>".to_owned(),
        };
        Entry { key: text, place: (self.place)(Some(key.span.start)), value: self.node(value) }
    }

    /// The scalar as it was written: `0x10` is text like any other until a key asks for a number.
    fn scalar(&self, yaml: &MarkedYaml<'_>, scalar: &Scalar<'_>) -> String {
        if let Scalar::String(text) = scalar {
            return text.clone().into_owned();
        }
        let (start, length) = (yaml.span.start.index(), yaml.span.len());
        self.text.chars().skip(start).take(length).collect()
    }
}
