//! One key's value, read as what the key takes. Each reading method says what it expects where the value is something
//! else.

use std::fmt::Debug;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::node::{Data, Node};
use super::problem::Place;
use super::reader::{Reader, Section};
use super::substitute::{Text, substitute};
use super::units;

/// A value that may be missing, and where it is or would be.
pub(super) struct Field<'r> {
    pub(super) reader: &'r Reader<'r>,
    pub(super) path: String,
    pub(super) node: Option<Node>,
    pub(super) place: Place,
    pub(super) is_broken: bool,
    /// Whether errors may repeat it.
    pub(super) is_secret: bool,
}

impl<'r> Field<'r> {
    /// A mapping with known keys.
    pub(super) fn section(self) -> Section<'r> {
        Section::of(self.reader, self.path, self.node, self.place)
    }

    /// Its value, or those in it, may be secret even where they stand in the file: no error repeats them.
    pub(super) fn never_shown(mut self) -> Self {
        self.is_secret = true;
        self
    }

    /// Whether errors may not repeat it: it is never shown, or some of it may stand for something.
    pub(super) fn is_hidden(&self) -> bool {
        self.is_secret || matches!(&self.node, Some(Node { data: Data::Scalar(text), .. }) if text.contains("${"))
    }

    /// Whether it is a mapping.
    pub(super) fn is_mapping(&self) -> bool {
        matches!(&self.node, Some(node) if matches!(node.data, Data::Map(_)))
    }

    /// The items of a list; none where it is missing.
    pub(super) fn items(self) -> Vec<Self> {
        let items = match self.node.map(|node| node.data) {
            None => Vec::new(),
            Some(Data::List(items)) => items,
            Some(data) => {
                let message = format!("a list is expected, such as [one, two]{}", data.unclosed('[', ']'));
                self.reader.problem(self.place, &self.path, message);
                Vec::new()
            }
        };
        let field = |(index, node): (usize, Node)| {
            let (path, place) = (format!("{}[{index}]", self.path), node.place.clone());
            Self { reader: self.reader, path, node: Some(node), place, is_broken: false, is_secret: self.is_secret }
        };
        items.into_iter().enumerate().map(field).collect()
    }

    /// The items of a list that must not be empty; `message` says why.
    pub(super) fn some_items(self, message: &str) -> Vec<Self> {
        if matches!(&self.node, Some(Node { data: Data::List(items), .. }) if items.is_empty()) {
            self.reader.problem(self.place.clone(), &self.path, message);
        }
        self.items()
    }

    /// The entries of a mapping whose keys are the operator's.
    pub(super) fn entries(self) -> Vec<(String, Self)> {
        let entries = match self.node.map(|node| node.data) {
            None => Vec::new(),
            Some(Data::Map(entries)) => entries,
            Some(_) => {
                self.reader.problem(self.place, &self.path, "a mapping of names to values is expected");
                Vec::new()
            }
        };
        let field = |entry: super::node::Entry| {
            let (path, place) = (format!("{}.{}", self.path, entry.key), entry.value.place.clone());
            let node = Some(entry.value).filter(|node| !matches!(node.data, Data::Null));
            (entry.key, Self { reader: self.reader, path, node, place, is_broken: false, is_secret: self.is_secret })
        };
        entries.into_iter().map(field).collect()
    }

    /// Says that the key must be given, unless its section is broken anyway. Returns whether it is missing.
    pub(super) fn require(&self, expected: &str) -> bool {
        let is_missing = self.node.is_none();
        if is_missing && !self.is_broken {
            self.reader.problem(self.place.clone(), &self.path, format!("is missing: {expected} is expected"));
        }
        is_missing
    }

    /// Reads the text with `read`, which says of a wrong value what it is not and what is expected.
    pub(super) fn read<T>(self, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let text = self.text()?;
        let fault = |message: String| {
            let shown = if text.is_hidden || self.is_secret {
                "the value (not shown)".to_owned()
            } else {
                format!("{:?}", text.value)
            };
            self.reader.problem(self.place.clone(), &self.path, format!("{shown} {message}"));
        };
        read(&text.value).map_err(fault).ok()
    }

    /// A text that must be given; empty where it is not, which is then a problem.
    pub(super) fn required(self, expected: &str, check: impl FnOnce(&str) -> Result<(), String>) -> String {
        self.require(expected);
        self.read(|text| check(text).map(|()| text.to_owned())).unwrap_or_default()
    }

    pub(super) fn duration(self, range: RangeInclusive<Duration>, default: Duration) -> Duration {
        self.optional_duration(range).unwrap_or(default)
    }

    pub(super) fn optional_duration(self, range: RangeInclusive<Duration>) -> Option<Duration> {
        self.read(|text| within(units::duration(text)?, &range, units::show_duration))
    }

    /// Where the value of one of its keys is; its own place where it has no such key.
    pub(super) fn place_of(&self, key: &str) -> Place {
        let value = match self.node.as_ref().map(|node| &node.data) {
            Some(Data::Map(entries)) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        };
        value.map_or_else(|| self.place.clone(), |value| value.place.clone())
    }

    /// A duration, or none where the value is `off`.
    pub(super) fn duration_or_off(
        self,
        range: RangeInclusive<Duration>,
        default: Option<Duration>,
    ) -> Option<Duration> {
        let duration = |text: &str| match text {
            "off" => Ok(None),
            _ => {
                let duration = units::duration(text).map_err(|message| format!("{message}; or off"))?;
                within(duration, &range, units::show_duration).map(Some)
            }
        };
        self.read(duration).unwrap_or(default)
    }

    pub(super) fn size(self, range: RangeInclusive<usize>, default: usize) -> usize {
        self.read(|text| within(units::size(text)?, &range, units::show_size)).unwrap_or(default)
    }

    pub(super) fn count(self, range: RangeInclusive<usize>, default: usize) -> usize {
        let number = |text: &str| {
            let digits: String = text.chars().filter(|c| *c != '_').collect();
            digits.parse().map_err(|_| "is not a whole number".to_owned())
        };
        self.read(|text| within(number(text)?, &range, |count| count.to_string())).unwrap_or(default)
    }

    pub(super) fn flag(self, default: bool) -> bool {
        self.one_of(&[("true", true), ("false", false)]).unwrap_or(default)
    }

    /// One of some words.
    pub(super) fn one_of<T: Copy>(self, words: &[(&'static str, T)]) -> Option<T> {
        let names = || words.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let find = |text: &str| words.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        self.read(|text| find(text).ok_or_else(|| format!("is unknown here: one of {} is expected", names())))
    }

    /// One path, or a list of them.
    pub(super) fn paths(self) -> Vec<PathBuf> {
        if matches!(&self.node, Some(Node { data: Data::List(_), .. })) {
            return self.items().into_iter().filter_map(Self::path).collect();
        }
        self.path().into_iter().collect()
    }

    /// A path; a relative one is relative to the configuration file's folder.
    pub(super) fn path(self) -> Option<PathBuf> {
        let folder = self.reader.folder.clone();
        self.read(|text| if text.is_empty() { Err("is no path".to_owned()) } else { Ok(folder.join(text)) })
    }

    fn text(&self) -> Option<Text> {
        let Data::Scalar(text) = &self.node.as_ref()?.data else {
            self.reader.problem(self.place.clone(), &self.path, "a single value is expected");
            return None;
        };
        let text = substitute(text, self.reader.environment, &self.reader.folder);
        text.map_err(|message| self.reader.problem(self.place.clone(), &self.path, message)).ok()
    }
}

fn within<T: PartialOrd + Copy + Debug>(
    value: T,
    range: &RangeInclusive<T>,
    show: impl Fn(T) -> String,
) -> Result<T, String> {
    if range.contains(&value) {
        return Ok(value);
    }
    Err(format!("is out of range: {} to {} is allowed", show(*range.start()), show(*range.end())))
}
