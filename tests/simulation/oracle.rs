//! Semantics 4: what the stream means, by batch evaluation, naively and without the engine.

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::plan::{Scalar, Value};
use trailrisk::risk_event::{Pane, RiskEvent};

use crate::detections::{Detection, Row, Rule, Units, name_of, number};
use crate::log::{Log, LogEvent};
use crate::whole::{EVENT, PART, WholeRule};

/// What a final risk event is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// Id and version of the detection.
    pub detection: String,
    pub window: i64,
    pub pane: Pane,
    pub group: Vec<String>,
    /// The event, where the search has no `stats`.
    pub event: Option<String>,
    /// Which row of these, where there may be several.
    pub part: String,
}

/// What it says.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    pub row: Row,
    pub event_count: u64,
    pub first: i64,
    pub last: i64,
    pub evidence: Vec<(i64, String)>,
    pub window_end: i64,
    pub message: String,
    pub objects: Vec<String>,
    pub partial: bool,
}

/// One event with where it stands and the effective arrival of its record.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    pub shard: usize,
    pub record: usize,
    pub effective: i64,
    pub event: &'a LogEvent,
}

/// Every event of the log that the daemon gets to see.
pub fn place(log: &Log) -> Vec<Placed<'_>> {
    let mut placed = Vec::new();
    let mut ends: Vec<i64> = Vec::new();
    for (shard, of) in log.shards.iter().enumerate() {
        let mut effective = of.parents.iter().map(|parent| ends[*parent]).max().unwrap_or(i64::MIN);
        let begin = if of.created <= log.first_start { log.first_index(shard, log.start) } else { 0 };
        for (record, content) in of.records.iter().enumerate().skip(begin) {
            effective = effective.max(content.arrival);
            placed.extend(content.events.iter().map(|event| Placed { shard, record, effective, event }));
        }
        ends.push(effective);
    }
    placed
}

/// CP-4, CP-8: events whose effective arrival was that of an earlier record of their shard, which is gone. A process that
/// has read it has put them where none does that comes after; so what is told may lack them. `left` is the end of `whole`.
pub fn displaced(whole: &Log, left: &Log) -> BTreeSet<String> {
    let gone = |shard: usize| whole.shards[shard].records.len() - left.shards[shard].records.len();
    let then: BTreeMap<_, _> = place(whole).iter().map(|at| ((at.shard, at.record), at.effective)).collect();
    let now = place(left).into_iter();
    let moved =
        now.filter(|at| then.get(&(at.shard, at.record + gone(at.shard))).is_some_and(|was| *was != at.effective));
    moved.map(|at| at.event.id.clone()).collect()
}

/// WN-2, WN-3, WN-4: window, pane, and the arrival at which it is complete.
pub fn assign(detection: &Detection, time: i64, effective: i64) -> (i64, Pane, i64) {
    let size = detection.window;
    let window = time.div_euclid(size) * size;
    let close_at = window + size + detection.grace;
    let bucket = effective.div_euclid(size) * size;
    let bucket_pane = trailrisk::time::Arrival(bucket);
    if time > effective + detection.skew {
        (window, Pane::Future(bucket_pane), bucket + size)
    } else if effective < close_at {
        (window, Pane::OnTime, close_at)
    } else {
        (window, Pane::Late(bucket_pane), bucket + size)
    }
}

/// All final risk events.
pub fn evaluate(log: &Log, detections: &[Detection]) -> BTreeMap<Key, Body> {
    let placed = place(log);
    let of_one = |detection| evaluate_one(detection, &placed, &|key| gathers_from(key) < log.started_at.0);
    detections.iter().flat_map(of_one).collect()
}

/// The final risk events of one detection over some events. An instance whose gathering had begun before the first
/// start is partial (WN-7).
pub fn evaluate_one(
    detection: &Detection,
    placed: &[Placed<'_>],
    is_partial: &dyn Fn(&Key) -> bool,
) -> BTreeMap<Key, Body> {
    if let Rule::Whole(rule) = detection.rule {
        return evaluate_whole(rule, detection, placed, is_partial);
    }
    let mut groups: BTreeMap<Key, Units<'_>> = BTreeMap::new();
    for at in placed.iter().filter(|at| detection.rule.matches(at.event)) {
        let (window, pane, _) = assign(detection, at.event.time, at.effective);
        for (ordinal, group) in detection.rule.groups(at.event).into_iter().enumerate() {
            let event = group.is_empty().then(|| at.event.id.clone());
            let key = Key { detection: detection.name(), window, pane, group, event, part: String::new() };
            groups.entry(key).or_default().entry((&at.event.id, ordinal)).or_default().push(at.event);
        }
    }
    let bodies = groups.into_iter().filter_map(|(key, units)| {
        let row = detection.rule.row(&key.group, &units)?;
        let body = body(&key, detection, row, units.values().flatten().copied(), is_partial(&key));
        Some((key, body))
    });
    bodies.collect()
}

/// The same, where rows are made of all events of an instance.
fn evaluate_whole(
    rule: WholeRule,
    detection: &Detection,
    placed: &[Placed<'_>],
    is_partial: &dyn Fn(&Key) -> bool,
) -> BTreeMap<Key, Body> {
    let mut instances: BTreeMap<(i64, Pane), BTreeMap<&str, &LogEvent>> = BTreeMap::new();
    for at in placed.iter().filter(|at| rule.matches(at.event)) {
        let (window, pane, _) = assign(detection, at.event.time, at.effective);
        instances.entry((window, pane)).or_default().insert(&at.event.id, at.event);
    }
    let mut bodies = BTreeMap::new();
    for ((window, pane), events) in instances {
        for made in rule.rows(&events) {
            let (event, part) = (named(&made.row, EVENT), named(&made.row, PART).unwrap_or_default());
            let key = Key { detection: detection.name(), window, pane, group: made.group, event, part };
            let partial = is_partial(&key);
            let body = body(&key, detection, made.row, made.events.into_iter(), partial);
            let before = bodies.insert(key, body);
            assert!(before.is_none(), "the oracle itself: two rows of one name");
        }
    }
    bodies
}

/// What tells one row of a group or an event from the others is a column of it.
pub fn named(row: &Row, name: &str) -> Option<String> {
    row.iter().find(|(column, _)| column == name).map(|(_, values)| values.join(","))
}

/// The arrival at which an instance begins to gather.
pub fn gathers_from(key: &Key) -> i64 {
    match key.pane {
        Pane::OnTime | Pane::Forced(_) => key.window,
        Pane::Late(bucket) | Pane::Future(bucket) => bucket.0,
    }
}

/// The arrival at which an instance is complete.
pub fn closes_at(detection: &Detection, key: &Key) -> i64 {
    match key.pane {
        Pane::OnTime | Pane::Forced(_) => key.window + detection.window + detection.grace,
        Pane::Late(bucket) | Pane::Future(bucket) => bucket.0 + detection.window,
    }
}

/// WN-7: whether an instance gathers on both sides of an instant.
pub fn gathers_across(detection: &Detection, key: &Key, cut: i64) -> bool {
    let from = gathers_from(key);
    let (earliest, close_at) = match key.pane {
        Pane::OnTime | Pane::Forced(_) => (from - detection.skew, from + detection.window + detection.grace),
        Pane::Late(_) | Pane::Future(_) => (from, from + detection.window),
    };
    earliest < cut && cut < close_at
}

fn body<'a>(
    key: &Key,
    detection: &Detection,
    row: Row,
    events: impl Iterator<Item = &'a LogEvent>,
    partial: bool,
) -> Body {
    let mut evidence: Vec<(i64, String)> = events.map(|event| (event.time, event.id.clone())).collect();
    evidence.sort();
    evidence.dedup();
    let named = row.iter().find(|(name, _)| name == "grp" || name == "tag");
    let object = named.map(|(_, values)| values.join(", ")).unwrap_or_default();
    Body {
        event_count: evidence.len() as u64,
        first: evidence.first().map_or(0, |(time, _)| *time),
        last: evidence.last().map_or(0, |(time, _)| *time),
        evidence,
        row,
        window_end: key.window + detection.window,
        message: format!("{object} did it"),
        objects: vec![object],
        partial,
    }
}

/// A risk event in the oracle's words.
pub fn read(event: &RiskEvent) -> (Key, Body) {
    let group: Vec<String> = event.group.iter().map(|(_, value)| texts(value).join(",")).collect();
    let columns = event.row.iter().filter(|(_, value)| !value.is_null());
    let row: Row = columns.map(|(name, value)| (name.to_string(), texts(value))).collect();
    let only_event = || event.evidence[0].event_id.to_string();
    let key = Key {
        detection: name_of(&event.detection),
        window: event.window_start.0,
        pane: event.pane,
        event: group.is_empty().then(|| named(&row, EVENT).unwrap_or_else(only_event)),
        part: named(&row, PART).unwrap_or_default(),
        group,
    };
    let body = Body {
        row,
        event_count: event.event_count,
        first: event.first_event.0,
        last: event.last_event.0,
        evidence: event.evidence.iter().map(|one| (one.time.0, one.event_id.to_string())).collect(),
        window_end: event.window_end.0,
        message: event.risk_message.clone(),
        objects: event.risk_objects.iter().map(|object| text(&object.value)).collect(),
        partial: event.marks.partial,
    };
    (key, body)
}

fn texts(value: &Value) -> Vec<String> {
    value.scalars().iter().map(text).collect()
}

fn text(scalar: &Scalar) -> String {
    match scalar {
        Scalar::Number(value) => number(*value),
        Scalar::Text(text) => text.to_string(),
    }
}
