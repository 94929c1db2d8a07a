//! What the compiled plan makes of the same search and events.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use trailrisk::cloudtrail::{DecodeLimits, Event, Prefilter, decode};
use trailrisk::plan::{
    Added, Bounds, Change, Contribution, Early, GroupKey, GroupRow, LookupTable, MatchType, Partial, Plan, PlanOutcome,
    PlanText, RiskModel, Row, Scalar, Unit,
};
use trailrisk::spl::{Macros, expand};
use trailrisk::time::EventTime;

use crate::Rows;
use crate::ast::{TABLE, TABLE_COLUMNS};

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

/// What a plan says of itself holds: no event that matches is skipped unparsed (PO-3), what passes early is not taken
/// back, and takes as many values as it is said to take (EM-1).
pub fn keeps_its_promises(search: &str, inputs: &[Vec<Json>]) -> Result<(), String> {
    let Ok(expansion) = expand(search, &Macros::built_in()) else { return Ok(()) };
    let Ok(plan) = Plan::compile(&text(expansion)) else { return Ok(()) };
    let prefilter = Prefilter::new(&plan.requirements());
    inputs.iter().try_for_each(|events| keeps_them(&plan, &prefilter, search, events))
}

fn keeps_them(plan: &Plan, prefilter: &Prefilter, search: &str, events: &[Json]) -> Result<(), String> {
    let mut groups: BTreeMap<(i64, GroupKey), Seen> = BTreeMap::new();
    for json in events.iter().map(ToString::to_string) {
        let mut decoded = decode(json.as_bytes(), &DecodeLimits::default());
        let event = decoded.events.pop().expect("an event");
        let Some(outcome) = plan.evaluate(&event) else { continue };
        if !prefilter.admits(json.as_bytes()) {
            return Err(format!("{search}\n{json}\nis skipped, and matches"));
        }
        let PlanOutcome::Matched { contributions, .. } = outcome else { continue };
        let window = event.time.0.div_euclid(plan.window_ms());
        for contribution in &contributions {
            let seen = groups.entry((window, contribution.group.clone()));
            seen.or_insert_with(|| Seen::new(plan, contribution.group.leg)).add(plan, &event, contribution);
        }
        let end = EventTime((window + 1) * plan.window_ms());
        for contribution in contributions {
            let seen = groups.get_mut(&(window, contribution.group.clone())).expect("it was added");
            seen.look(plan, &contribution.group, end).map_err(|why| format!("{search}\nat {json}\n{why}"))?;
        }
    }
    Ok(())
}

/// A group as events come in.
struct Seen {
    partial: Partial,
    values: u64,
    passed: Option<bool>,
}

impl Seen {
    fn new(plan: &Plan, leg: u32) -> Self {
        Self { partial: Partial::new(plan, leg), values: 0, passed: None }
    }

    fn add(&mut self, plan: &Plan, event: &Event<'_>, contribution: &Contribution) {
        let (_, change) = add(&mut self.partial, plan, event, contribution);
        self.values += if change == Change::None { 0 } else { contribution.values() };
    }

    fn look(&mut self, plan: &Plan, group: &GroupKey, end: EventTime) -> Result<(), String> {
        let passes = !plan.rows(group, &self.partial, end).rows.is_empty();
        let is_kept = match plan.early() {
            Early::FirstMatch => self.passed.is_none_or(|passed| passed == passes),
            Early::Threshold => passes || self.passed != Some(true),
            Early::AtClose(_) => true,
        };
        if !is_kept {
            return Err(format!("{:?}: the row passes: {passes}, and before: {:?}", plan.early(), self.passed));
        }
        if passes && self.values < plan.least().to_pass {
            return Err(format!("it passes with {} values of {:?}", self.values, plan.least()));
        }
        self.passed = Some(passes);
        Ok(())
    }
}

fn add(partial: &mut Partial, plan: &Plan, event: &Event<'_>, contribution: &Contribution) -> (Added, Change) {
    let unit = Unit {
        key: event.key,
        ordinal: contribution.ordinal,
        id: &event.id(),
        content_hash: event.content_hash(),
        time: event.time,
    };
    partial.add(plan, &Bounds::default(), &unit, &contribution.inputs)
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
        lookups: vec![std::sync::Arc::new(table())],
    }
}

fn table() -> LookupTable {
    LookupTable {
        name: "table".into(),
        case_sensitive: false,
        match_types: [("like".to_owned(), MatchType::Wildcard), ("net".to_owned(), MatchType::Cidr)].into(),
        max_matches: 2,
        default_match: None,
        columns: TABLE_COLUMNS.map(str::to_owned).to_vec(),
        rows: TABLE.iter().map(|row| row.iter().map(|cell| (*cell).into()).collect()).collect(),
    }
}

fn of_window(plan: &Plan, events: &[Event<'_>], window_end: EventTime) -> Vec<Row> {
    let mut made: Vec<GroupRow> = Vec::new();
    for (group, partial) in groups(plan, events) {
        let time = partial.first_event();
        let rows = plan.rows(&group, &partial, window_end).rows;
        made.extend(rows.into_iter().map(|row| GroupRow { group: group.clone(), time, row, values_truncated: false }));
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
            add(partial, plan, event, &contribution);
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
