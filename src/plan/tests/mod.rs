//! What plans do, from the contract: `docs/semantics.md` and the language's documentation.

mod all_rows;
mod append;
mod conclude;
mod corpus;
mod early;
mod escu;
mod escu_made;
mod evaluate;
mod expiry;
mod explain;
mod expressions;
mod functions;
mod join;
mod literals;
mod lookup;
mod misuse;
mod origins;
mod refusals;
mod rows;
mod seed;
mod stats;
mod warnings;
mod whole;
mod windows;

use std::sync::Arc;

use super::{
    Added, Bounds, CompileError, Contribution, GroupKey, Partial, Plan, PlanOutcome, Row, Rows, Scalar, Unit, Value,
};
use crate::cloudtrail::{DecodeLimits, Event, decode};
use crate::plan::{PlanText, RiskModel};
use crate::spl::FilterPlace;
use crate::time::EventTime;

#[test]
fn plans_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Plan>();
    shared::<Partial>();
}

/// One hour, the window of the plans here.
pub(super) const HOUR: i64 = 3_600_000;

pub(crate) fn text(search: &str) -> PlanText {
    PlanText {
        id: "0-0".into(),
        name: "Test".into(),
        version: 1,
        kind: "TTP".into(),
        search: search.into(),
        filters: Vec::new(),
        lookups: Vec::new(),
        risk: RiskModel {
            message: "something happened".into(),
            score: 64.0,
            impact: Some(80),
            confidence: Some(80),
            risk_objects: Vec::new(),
            threat_objects: Vec::new(),
            mitre_attack: Vec::new(),
            kill_chain_phases: Vec::new(),
            nist: Vec::new(),
            cis20: Vec::new(),
            analytic_story: Vec::new(),
        },
        window_ms: HOUR,
        grace_ms: 900_000,
        max_future_skew_ms: 300_000,
    }
}

pub(super) fn plan(search: &str) -> Plan {
    Plan::compile(&text(search)).unwrap_or_else(|error| panic!("{search}: {error}"))
}

/// A plan whose last command is the expansion of a filter macro.
fn filtered(search: &str, filter: &str) -> Plan {
    let start = search.len() + 3;
    let mut text = text(&format!("{search} | {filter}"));
    text.filters = vec![FilterPlace { name: "test_filter".into(), start, end: start + filter.len(), expires_ms: None }];
    Plan::compile(&text).unwrap_or_else(|error| panic!("{search}: {error}"))
}

fn refused(search: &str) -> CompileError {
    match Plan::compile(&text(search)) {
        Ok(plan) => panic!("{search} was compiled:\n{}", plan.explain()),
        Err(error) => error,
    }
}

/// An event with these fields beside those that every event has.
pub(super) fn event(fields: serde_json::Value) -> Event<'static> {
    let mut json = serde_json::json!({
        "eventVersion": "1.08",
        "eventID": "00000000-0000-0000-0000-000000000001",
        "eventName": "GetUser",
        "eventSource": "iam.amazonaws.com",
        "eventTime": "2023-04-24T23:51:17Z",
    });
    for (key, value) in fields.as_object().expect("fields are an object") {
        json[key] = value.clone();
    }
    record(&json.to_string())
}

/// The one event of a record.
fn record(text: &str) -> Event<'static> {
    let mut decoded = decode(text.as_bytes(), &DecodeLimits::default());
    assert!(decoded.rejected.is_empty(), "{:?}", decoded.rejected);
    decoded.events.pop().expect("the record holds an event")
}

pub(super) fn contributions(plan: &Plan, event: &Event) -> Vec<Contribution> {
    match plan.evaluate(event) {
        Some(PlanOutcome::Matched { contributions, .. }) => contributions,
        Some(PlanOutcome::NullBy(_)) | None => Vec::new(),
    }
}

/// Whether a search of one term or command matches the event.
fn matches(search: &str, fields: serde_json::Value) -> bool {
    plan(search).evaluate(&event(fields)).is_some()
}

/// The groups of these events with their partials, in the order of the groups.
fn groups(plan: &Plan, events: &[Event<'_>]) -> Vec<(GroupKey, Partial)> {
    let mut groups: std::collections::BTreeMap<GroupKey, Partial> = std::collections::BTreeMap::new();
    for event in events {
        for contribution in contributions(plan, event) {
            let partial =
                groups.entry(contribution.group.clone()).or_insert_with(|| Partial::new(plan, contribution.group.leg));
            add(partial, plan, &Bounds::default(), event, &contribution);
        }
    }
    groups.into_iter().collect()
}

fn add(partial: &mut Partial, plan: &Plan, bounds: &Bounds, event: &Event<'_>, made: &Contribution) -> Added {
    let (key, content_hash, time) = (event.key, event.content_hash(), event.time);
    let unit = Unit { key, ordinal: made.ordinal, id: &event.id(), content_hash, time };
    partial.add(plan, bounds, &unit, &made.inputs).0
}

/// The rows of the groups of these events.
fn rows(plan: &Plan, events: &[Event<'_>]) -> Vec<Row> {
    groups(plan, events).iter().flat_map(|(group, partial)| rows_of(plan, group, partial).rows).collect()
}

fn rows_of(plan: &Plan, group: &GroupKey, partial: &Partial) -> Rows {
    let window_ms = plan.window_ms();
    let start = partial.first_event().0.div_euclid(window_ms) * window_ms;
    plan.rows(group, partial, EventTime(start + window_ms))
}

/// A row as text, for comparison: `a=1 b=[x, y] c=null`.
fn shown(row: &Row) -> String {
    let column = |(name, value): &(Arc<str>, Value)| format!("{name}={}", shown_value(value));
    row.iter().map(column).collect::<Vec<_>>().join(" ")
}

fn shown_value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::One(scalar) => scalar.to_string(),
        Value::Many(scalars) => {
            format!("[{}]", scalars.iter().map(Scalar::to_string).collect::<Vec<_>>().join(", "))
        }
    }
}
