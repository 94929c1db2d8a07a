//! What commands work on: an event with what they have written over it, or a row.
//!
//! An event is never copied: writes go to an overlay, reads fall through to the event.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::pattern::Pattern;
use super::written::Written;
use super::{Row, Value, time_format};
use crate::cloudtrail::{Event, FieldPath, derived_fields, fields_under};
use crate::time::EventTime;

/// An event under its overlay, or a row.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    event: Option<&'a Event<'a>>,
    now: EventTime,
    columns: Written,
    restrictions: Vec<Restriction<'a>>,
}

/// What `fields` and `table` leave of the event's own fields.
#[derive(Clone, Copy, Debug)]
enum Restriction<'a> {
    Keep(&'a [Pattern]),
    Drop(&'a [Pattern]),
}

impl<'a> Record<'a> {
    /// An event; `now` is the end of its window (AG-5).
    pub(super) fn event(event: &'a Event<'a>, now: EventTime) -> Self {
        Self { event: Some(event), ..Self::row(Vec::new(), now) }
    }

    /// A row, of which each column has another name; `now` is the end of its window (AG-5).
    pub(super) fn row(row: Row, now: EventTime) -> Self {
        Self { event: None, now, columns: Written::of(row), restrictions: Vec::new() }
    }

    /// What `now()` stands for.
    pub(super) fn end_of_window(&self) -> EventTime {
        self.now
    }

    /// What `now()` gives, in seconds since the epoch.
    pub(super) fn now(&self) -> f64 {
        self.now.as_seconds()
    }

    /// The field's value; null where there is none.
    pub(super) fn get(&self, field: &FieldPath) -> Value {
        match (self.columns.get(field.name()), self.event) {
            (Some(value), _) => value.clone(),
            (None, Some(event)) if self.is_visible(field.name()) => read(event, field),
            _ => Value::Null,
        }
    }

    /// Whether a value of the field passes, where the event alone holds it as text: nothing is copied then. `None`: look
    /// at [`Self::get`].
    pub(super) fn any_in_event(&self, field: &FieldPath, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        let is_made = |name: &Arc<str>| self.columns.get(name).is_some() || name.starts_with("date_");
        let event = self.event.filter(|_| !is_made(field.name()))?;
        if self.is_visible(field.name()) { field.any(event, test) } else { Some(false) }
    }

    /// Writes a field. A new one becomes the last column.
    pub(super) fn set(&mut self, name: &Arc<str>, value: Value) {
        self.columns.set(name, value);
    }

    /// `rename source as target`. A missing source leaves the target null, as Splunk does; a renamed column keeps its
    /// place in the row.
    pub(super) fn rename(&mut self, source: &FieldPath, target: &Arc<str>) {
        if source.name() == target {
            return;
        }
        let value = self.get(source);
        let renamed = self.columns.remove(source.name());
        let replaced = self.columns.remove(target);
        if self.event.is_some() {
            self.set(source.name(), Value::Null);
        }
        if let Some(place) = renamed.or(replaced) {
            self.columns.set_at(place, target, value);
        } else if self.event.is_some() {
            self.set(target, value);
        }
    }

    /// `rename a.* as b.*`: every field that exists and matches, but for internal ones.
    pub(super) fn rename_matching(&mut self, source: &Pattern, target: &Pattern) {
        for name in self.names_matching(source) {
            let Some(stars) = source.captures(&name) else { continue };
            let renamed = target.fill(&stars);
            if source.names(&name) && target.names(&renamed) {
                self.rename(&FieldPath::compile(&name), &renamed.into());
            }
        }
    }

    /// `fields a, b*`: keeps these and the internal fields (`_time`, `_raw`).
    pub(super) fn keep(&mut self, patterns: &'a [Pattern]) {
        self.columns.retain(|name| name.starts_with('_') || matches_any(patterns, name));
        self.restrictions.push(Restriction::Keep(patterns));
    }

    /// `fields - a, b*`. Of internal fields a wildcard means only those that it begins to name: `_*`.
    pub(super) fn drop(&mut self, patterns: &'a [Pattern]) {
        self.columns.retain(|name| !names_any(patterns, name));
        self.restrictions.push(Restriction::Drop(patterns));
    }

    /// `table a, b*`: these alone, as columns in this order; one that does not exist is an empty column.
    pub(super) fn table(&mut self, patterns: &'a [Pattern]) {
        let names: Vec<Arc<str>> = patterns.iter().flat_map(|pattern| self.names_of(pattern)).collect();
        let mut columns = Written::default();
        names.iter().for_each(|name| columns.set(name, self.get(&FieldPath::compile(name))));
        // Nothing else of the event is visible any more, so what is left is a row.
        *self = Self { event: None, now: self.now, columns, restrictions: Vec::new() };
    }

    /// The names of a row's columns, in their order.
    pub(super) fn column_names(&self) -> Vec<Arc<str>> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    /// The values of a row's columns, in their order.
    pub(super) fn values(&self) -> impl Iterator<Item = &Value> {
        self.columns.iter().map(|(_, value)| value)
    }

    /// The columns in their order.
    pub(super) fn into_row(self) -> Row {
        self.columns.into_row()
    }

    /// Whether a bare term of `search` occurs: in `_raw`, or, in a row without `_raw`, in any column.
    pub(super) fn any_text(&self, test: impl Fn(&str) -> bool) -> bool {
        if let Some(raw) = self.columns.get("_raw") {
            return raw.scalars().iter().any(|scalar| test(&scalar.to_text()));
        }
        if let Some(event) = self.event.filter(|_| self.is_visible("_raw")) {
            return test(event.raw());
        }
        self.columns.iter().any(|(_, value)| value.scalars().iter().any(|scalar| test(&scalar.to_text())))
    }

    fn is_visible(&self, name: &str) -> bool {
        self.restrictions.iter().all(|restriction| match restriction {
            Restriction::Keep(patterns) => name.starts_with('_') || matches_any(patterns, name),
            Restriction::Drop(patterns) => !names_any(patterns, name),
        })
    }

    fn names_of(&self, pattern: &Pattern) -> Vec<Arc<str>> {
        match pattern.stars() {
            0 => vec![pattern.pieces()[0].as_str().into()],
            _ => self.names_matching(pattern).iter().map(|name| name.as_str().into()).collect(),
        }
    }

    /// The fields that exist and match, sorted.
    fn names_matching(&self, pattern: &Pattern) -> BTreeSet<String> {
        let fields = self.event.map(|event| fields_under(event, &pattern.pieces()[0])).unwrap_or_default();
        let mut names: BTreeSet<String> = fields.into_iter().map(|(name, _)| name).collect();
        if let Some(event) = self.event {
            names.extend(derived_fields(event, |name| pattern.names(name)).map(str::to_owned));
        }
        names.retain(|name| self.is_visible(name) && self.columns.get(name).is_none());
        // What a row has no value of is a column all the same.
        let is_there = |value: &Value| self.event.is_none() || !value.is_null();
        names.extend(self.columns.iter().filter(|(_, value)| is_there(value)).map(|(name, _)| name.to_string()));
        names.retain(|name| pattern.matches(name));
        names
    }
}

pub(super) fn matches_any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.matches(name))
}

/// The same for what a list takes away, where a wildcard spares internal fields.
pub(super) fn names_any(patterns: &[Pattern], name: &str) -> bool {
    patterns.iter().any(|pattern| pattern.names(name))
}

/// A field of the event itself: the field layer of `cloudtrail`, and the parts of the time stamp that Splunk's indexer adds.
fn read(event: &Event, field: &FieldPath) -> Value {
    match field.name().strip_prefix("date_") {
        Some(part) => date_part(event.time, part),
        None => field.read(event),
    }
}

/// `date_hour`, `date_wday`, ... of the event's own time, in UTC; names in lower case as Splunk has them.
fn date_part(time: EventTime, part: &str) -> Value {
    let Some(date) = time_format::utc(time.as_seconds()) else { return Value::Null };
    let format = match part {
        "wday" | "month" => return Value::text(name_of(&date, part).to_lowercase()),
        "year" => return Value::text(date.year().to_string()),
        "mday" => date.day(),
        "hour" => date.hour(),
        "minute" => date.minute(),
        "second" => date.second(),
        _ => return Value::Null,
    };
    Value::text(format.to_string())
}

fn name_of(date: &jiff::ZonedDateTime, part: &str) -> String {
    date.strftime(if part == "wday" { "%A" } else { "%B" }).to_string()
}
