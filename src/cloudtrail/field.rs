//! The fields of an event by name: raw paths and the derived layer on top of them.

use std::sync::Arc;

use super::derived::{self, Rule};
use super::event::Event;
use super::raw_path::{self, RawPath};
use super::tree::leaf;
use crate::value::Value;

/// A field's name, resolved once: what to read is a function of the name alone.
#[derive(Clone, Debug)]
pub struct FieldPath {
    /// Its name as a path.
    own: RawPath,
    rule: Option<&'static Rule<RawPath>>,
}

impl FieldPath {
    /// Resolves a name: a field of the derived layer (`docs/fields.md`), else a path into the event.
    pub fn compile(name: &str) -> Self {
        Self { own: RawPath::compile(name.into()), rule: derived::rule(name) }
    }

    /// The name.
    pub fn name(&self) -> &Arc<str> {
        self.own.text()
    }

    /// Whether every value of this field is a piece of text that stands in the record as it is, never one that we
    /// make: only then may the prefilter look for it (PO-3).
    pub fn is_verbatim(&self) -> bool {
        self.rule.is_none_or(Rule::is_verbatim)
    }

    /// The member of an event that the field is, always and entirely, where there is one.
    pub fn sole_member(&self) -> Option<&str> {
        let path = self.sole_path()?.text();
        (!path.contains(['.', '{'])).then_some(path)
    }

    /// The text that the field holds in every event, if there is one.
    pub fn constant(&self) -> Option<&'static str> {
        self.rule.and_then(Rule::constant)
    }

    /// Whether a value of the field passes, where it is a constant or what stands under one path: nothing is copied then.
    /// `None`: look at [`Self::read`].
    pub fn any(&self, event: &Event, test: &mut dyn FnMut(&str) -> bool) -> Option<bool> {
        if let Some(constant) = self.constant() {
            return Some(test(constant));
        }
        let path = self.sole_path()?;
        let mut passes = false;
        path.walk(event.tree.root(), |node| {
            passes = passes || node.scalar().is_some_and(|text| test(&text));
        });
        Some(passes)
    }

    /// What the field holds in this event; null where there is nothing.
    pub fn read(&self, event: &Event) -> Value {
        self.rule.map_or_else(|| raw(event, &self.own), |rule| rule.read(&self.own, event))
    }

    fn sole_path(&self) -> Option<&RawPath> {
        self.rule.map_or(Some(&self.own), Rule::sole_path)
    }
}

/// What the field of this name holds in this event. For a name that is read often, compile a [`FieldPath`].
pub fn field(event: &Event, name: &str) -> Value {
    FieldPath::compile(name).read(event)
}

/// The raw fields whose names begin with `prefix`, sorted by name, in Splunk's spelling (`a.b`, `a{}.b`).
pub fn fields_under(event: &Event, prefix: &str) -> Vec<(String, Value)> {
    let fields = raw_path::flatten_under(event.tree.root(), prefix);
    fields.into_iter().map(|(name, scalars)| (name, Value::from_scalars(scalars))).collect()
}

/// Whether events of these names (a search's; empty: any) can have the field at all. `false` only where it is certain:
/// `JobCreated` has an identity of `accountId` and `invokedBy` alone.
pub fn may_exist(field: &str, event_names: &[String]) -> bool {
    let nameless = !event_names.is_empty() && event_names.iter().all(|name| name.eq_ignore_ascii_case("JobCreated"));
    let of_identity = match field.strip_prefix("userIdentity.") {
        Some(member) => !matches!(member, "accountId" | "invokedBy"),
        None => matches!(field, "user" | "user_name" | "user_type" | "user_arn" | "userName"),
    };
    !(nameless && of_identity)
}

/// Whether a name without dots is one that CloudTrail or the derived layer documents.
pub fn is_known(field: &str) -> bool {
    known().any(|known| known == field)
}

/// The fields of the derived layer, of those that are asked for by name, that the event has.
pub fn derived_fields(event: &Event, is_asked: impl Fn(&str) -> bool) -> impl Iterator<Item = &'static str> {
    derived::names().filter(move |name| is_asked(name) && !field(event, name).is_null())
}

/// The documented names without dots.
pub fn known() -> impl Iterator<Item = &'static str> {
    TOP_LEVEL.into_iter().chain(derived::names())
}

/// Fields that every event has, because a constant stands in where the event says nothing.
pub const ALWAYS_THERE: [&str; 3] = ["errorCode", "msg", "status"];

/// The keys of a CloudTrail record.
const TOP_LEVEL: [&str; 29] = [
    "addendum",
    "additionalEventData",
    "apiVersion",
    "awsRegion",
    "edgeDeviceDetails",
    "errorCode",
    "errorMessage",
    "eventCategory",
    "eventID",
    "eventName",
    "eventSource",
    "eventTime",
    "eventType",
    "eventVersion",
    "insightDetails",
    "managementEvent",
    "readOnly",
    "recipientAccountId",
    "requestID",
    "requestParameters",
    "resources",
    "responseElements",
    "serviceEventDetails",
    "sessionCredentialFromConsole",
    "sharedEventID",
    "sourceIPAddress",
    "tlsDetails",
    "userAgent",
    "userIdentity",
];

/// What stands under a raw path.
pub(super) fn raw(event: &Event, path: &RawPath) -> Value {
    let mut found = Value::Null;
    path.walk(event.tree.root(), |node| {
        if let Some(scalar) = leaf(node) {
            found = std::mem::take(&mut found).and(scalar);
        }
    });
    found
}
