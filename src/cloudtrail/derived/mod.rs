//! The derived field layer: what Splunk's AWS add-on makes of an event beside its raw fields.
//!
//! Owns: how the table in `table.rs` is read. Every rule reads the event's original fields, never another rule's
//! result, so the rules have no order among themselves.

mod table;

use std::cell::LazyCell;
use std::sync::{Arc, LazyLock};

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::Offset;

use self::table::{Part, RULES, Source, Test};
use super::event::Event;
use super::field::raw;
use super::raw_path::RawPath;
use super::tree::View;
use crate::time::EventTime;
use crate::value::{Scalar, Value};

/// One derived field, or several that are always equal. Paths are texts in the table, and taken apart in what is read.
#[derive(Debug)]
pub(super) struct Rule<P: 'static = &'static str> {
    names: &'static [&'static str],
    /// The event's own field of this name, where it has one, goes before the rows.
    own_first: bool,
    /// The first row that applies decides, even where it then has no value.
    rows: &'static [Row<P>],
}

/// A row applies when all its tests hold.
#[derive(Debug)]
pub(super) struct Row<P: 'static = &'static str> {
    when: &'static [Test<P>],
    value: &'static [Source<P>],
}

/// The rule of a derived field.
pub(super) fn rule(name: &str) -> Option<&'static Rule<RawPath>> {
    static COMPILED: LazyLock<Vec<Rule<RawPath>>> = LazyLock::new(|| RULES.iter().map(Rule::compile).collect());
    COMPILED.iter().find(|rule| rule.names.contains(&name))
}

/// As long as the process lives, like the table that it is made of.
fn compile_all<T, C>(all: &[T], compile: impl Fn(&T) -> C) -> &'static [C] {
    Vec::leak(all.iter().map(compile).collect())
}

impl Rule {
    fn compile(&self) -> Rule<RawPath> {
        let Self { names, own_first, rows } = *self;
        Rule { names, own_first, rows: compile_all(rows, Row::compile) }
    }
}

impl Row {
    fn compile(&self) -> Row<RawPath> {
        Row { when: compile_all(self.when, Test::compile), value: compile_all(self.value, Source::compile) }
    }
}

impl Test {
    fn compile(&self) -> Test<RawPath> {
        match *self {
            Self::Name(patterns) => Test::Name(patterns),
            Self::Is(path, values) => Test::Is(RawPath::compile(path.into()), values),
            Self::Has(path) => Test::Has(RawPath::compile(path.into())),
        }
    }
}

impl Source {
    fn compile(&self) -> Source<RawPath> {
        match *self {
            Self::Field(path, part) => Source::Field(RawPath::compile(path.into()), part),
            Self::Text(text) => Source::Text(text),
            Self::Time => Source::Time,
            Self::TimePart(format) => Source::TimePart(format),
            Self::Raw => Source::Raw,
            Self::EnvelopeAccount => Source::EnvelopeAccount,
            Self::EnvelopeRegion => Source::EnvelopeRegion,
        }
    }
}

impl Rule<RawPath> {
    /// What the rule's field of this name holds.
    pub fn read(&self, name: &RawPath, event: &Event) -> Value {
        let own = if self.own_first { raw(event, name) } else { Value::Null };
        if !own.is_null() {
            return own;
        }
        // Of the larger rules nearly every row asks for it.
        let event_name = LazyCell::new(|| event.tree.root().member("eventName").and_then(View::as_str));
        let known_name = || event_name.as_deref();
        let row = self.rows.iter().find(|row| row.when.iter().all(|test| test.holds(event, &known_name)));
        row.map_or(Value::Null, |row| first_value(row.value, event))
    }

    /// The path into the event that the rule stands for, if it is nothing but another name of it.
    pub fn sole_path(&self) -> Option<&RawPath> {
        match self.rows {
            [Row { when: [], value: [Source::Field(path, Part::Whole)] }] if !self.own_first => Some(path),
            _ => None,
        }
    }

    /// The text that the field holds in every event, if there is one.
    pub fn constant(&self) -> Option<&'static str> {
        match self.rows {
            [Row { when: [], value: [Source::Text(text)] }] if !self.own_first => Some(text),
            _ => None,
        }
    }

    /// Whether every value of the rule is a piece of text that stands in the event.
    pub fn is_verbatim(&self) -> bool {
        let made = |source: &Source<RawPath>| matches!(source, Source::Text(_) | Source::Time | Source::TimePart(_));
        !self.rows.iter().any(|row| row.value.iter().any(made))
    }
}

/// The first alternative that has a value. An empty text gives way to the alternatives behind it, and stands where
/// they have nothing.
fn first_value(alternatives: &[Source<RawPath>], event: &Event) -> Value {
    let mut empty = Value::Null;
    for alternative in alternatives {
        let value = alternative.read(event);
        if !is_blank(&value) {
            return value;
        }
        if empty.is_null() {
            empty = value;
        }
    }
    empty
}

fn is_blank(value: &Value) -> bool {
    value.scalars().iter().all(|scalar| text(scalar).is_empty())
}

impl Source<RawPath> {
    fn read(&self, event: &Event) -> Value {
        let fact = |fact: &Option<Arc<str>>| fact.clone().map_or(Value::Null, Value::text);
        match self {
            Self::Field(path, part) => part.of(raw(event, path)),
            Self::Text(text) => Value::text(*text),
            Self::Time => Value::number(event.time.as_seconds()),
            Self::TimePart(format) => time_part(event.time, format),
            Self::Raw => Value::text(event.raw()),
            Self::EnvelopeAccount => fact(&event.envelope.account),
            Self::EnvelopeRegion => fact(&event.envelope.region),
        }
    }
}

/// Splunk writes the names of days and months in lower case.
fn time_part(time: EventTime, format: &str) -> Value {
    let instant = Timestamp::from_millisecond(time.0).ok();
    let part = instant.and_then(|instant| strtime::format(format, Offset::UTC.to_datetime(instant)).ok());
    part.map_or(Value::Null, |part| Value::text(part.to_lowercase()))
}

impl Test<RawPath> {
    fn holds<'a>(&self, event: &Event, event_name: &impl Fn() -> Option<&'a str>) -> bool {
        match self {
            Self::Name(patterns) => {
                event_name().is_some_and(|name| patterns.iter().any(|pattern| matches(pattern, name)))
            }
            Self::Is(path, values) => {
                any(event, path, |node| node.as_str().is_some_and(|text| values.contains(&&*text)))
            }
            Self::Has(path) => any(event, path, |node| node.scalar().is_some_and(|text| !text.is_empty())),
        }
    }
}

/// Whether something that stands under this path passes.
fn any(event: &Event, path: &RawPath, test: impl Fn(View<'_>) -> bool) -> bool {
    let mut passes = false;
    path.walk(event.tree.root(), |node| passes |= test(node));
    passes
}

/// A raw field is text.
fn text(scalar: &Scalar) -> &str {
    match scalar {
        Scalar::Text(text) => text,
        Scalar::Number(_) => "",
    }
}

/// Case-sensitive; a pattern may have one `*`, in front or at its end.
fn matches(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (_, Some(start)) => name.starts_with(start),
        _ => name == pattern,
    }
}

impl Part {
    fn of(self, value: Value) -> Value {
        if let Self::Whole = self {
            return value;
        }
        let parts = value.scalars().iter().filter_map(|scalar| self.cut(text(scalar)));
        Value::from_scalars(parts.map(Scalar::text).collect())
    }

    fn cut(self, text: &str) -> Option<&str> {
        match self {
            Self::Whole => Some(text),
            Self::AfterSlash => text.rsplit('/').next(),
            Self::AfterColonAndSlash => text.rsplit([':', '/']).next(),
            Self::BetweenColons(nth) => text.split(':').nth(nth - 1),
            Self::ResourceName => resource_name(text),
        }
    }
}

/// The name in `... on resource: user Bob` or `... on resource: arn:aws:iam::1:user/Bob because ...`.
fn resource_name(message: &str) -> Option<&str> {
    let (_, resource) = message.split_once("resource:")?;
    let mut words = resource.split_whitespace();
    let name = match words.next()? {
        "user" => words.next()?,
        word => word,
    };
    name.rsplit([':', '/']).next()
}

/// Every derived field's name.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    RULES.iter().flat_map(|rule| rule.names.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the event itself says goes before the one row.
    #[test]
    fn a_field_that_gives_way_to_the_events_own_is_neither_a_constant_nor_another_name() {
        const TEXT: &[Row] = &[Row { when: &[], value: &[Source::Text("x")] }];
        const NAME: &[Row] = &[Row { when: &[], value: &[Source::Field("eventName", Part::Whole)] }];
        let told = |own_first, rows| {
            let rule = Rule { names: &["action"], own_first, rows }.compile();
            (rule.constant(), rule.sole_path().map(|path| path.text().to_string()))
        };
        assert_eq!(told(false, TEXT), (Some("x"), None));
        assert_eq!(told(false, NAME), (None, Some("eventName".to_owned())));
        assert_eq!([told(true, TEXT), told(true, NAME)], [(None, None), (None, None)]);
    }
}
