//! What the compiled plan makes of the same search and events.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use trailrisk::cloudtrail::{DecodeLimits, Event, decode};
use trailrisk::plan::{Bounds, GroupKey, GroupRow, Partial, Plan, PlanOutcome, PlanText, RiskModel, Row, Scalar, Unit};
use trailrisk::spl::{Macros, expand};
use trailrisk::time::EventTime;

use crate::Rows;

/// The rows of every window, oldest window first.
pub fn rows(search: &str, events: &[Json]) -> Result<Rows, String> {
    let expansion = expand(search, &Macros::built_in()).map_err(|error| error.to_string())?;
    let plan = Plan::compile(&text(expansion)).map_err(|error| error.message)?;
    let mut windows: BTreeMap<i64, Vec<Event<'static>>> = BTreeMap::new();
    for event in events {
        let mut decoded = decode(event.to_string().as_bytes(), &DecodeLimits::default());
        let event = decoded.events.pop().expect("an event");
        windows.entry(event.time.0.div_euclid(plan.window_ms())).or_default().push(event);
    }
    let of_window = |(window, events): (i64, Vec<Event<'static>>)| {
        of_window(&plan, &events, EventTime((window + 1) * plan.window_ms()))
    };
    Ok(windows.into_iter().flat_map(of_window).map(shown).collect())
}

fn text(expansion: trailrisk::spl::Expansion) -> PlanText {
    PlanText {
        id: "0-0".into(),
        name: "Anything".into(),
        version: 1,
        kind: "TTP".into(),
        search: expansion.text,
        filters: expansion.filters,
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
        window_ms: 3_600_000,
        grace_ms: 900_000,
        max_future_skew_ms: 300_000,
        lookups: Vec::new(),
    }
}

fn of_window(plan: &Plan, events: &[Event<'_>], window_end: EventTime) -> Vec<Row> {
    let mut made: Vec<GroupRow> = Vec::new();
    for (group, partial) in groups(plan, events) {
        let time = partial.first_event();
        let rows = plan.rows(&group, &partial, window_end).rows;
        made.extend(rows.into_iter().map(|row| GroupRow { group: group.clone(), time, row }));
    }
    if plan.whole_result() {
        let concluded = plan.conclude(&Bounds::default(), made, window_end);
        return concluded.rows.into_iter().map(|row| row.row).collect();
    }
    // Without `stats` each event is a group of its own.
    if made.iter().any(|row| row.group.event.is_some()) {
        let key = |row: &GroupRow| (std::cmp::Reverse((row.time, row.group.event)), row.group.ordinal);
        made.sort_by_key(key);
    }
    made.into_iter().map(|row| row.row).collect()
}

fn groups(plan: &Plan, events: &[Event<'_>]) -> BTreeMap<GroupKey, Partial> {
    let mut groups: BTreeMap<GroupKey, Partial> = BTreeMap::new();
    for event in events {
        let Some(PlanOutcome::Matched { contributions, .. }) = plan.evaluate(event) else { continue };
        for contribution in contributions {
            let partial =
                groups.entry(contribution.group.clone()).or_insert_with(|| Partial::new(plan, contribution.group.leg));
            let unit = Unit {
                key: event.key,
                ordinal: contribution.ordinal,
                id: &event.id(),
                content_hash: event.content_hash(),
                time: event.time,
            };
            partial.add(plan, &Bounds::default(), &unit, &contribution.inputs);
        }
    }
    groups
}

fn shown(row: Row) -> BTreeMap<String, Vec<String>> {
    let columns = row
        .into_iter()
        .map(|(name, value)| (name.to_string(), value.scalars().iter().map(Scalar::to_string).collect::<Vec<_>>()));
    columns.filter(|(_, values)| !values.is_empty()).collect()
}
