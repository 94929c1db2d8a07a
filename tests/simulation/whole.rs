//! Detections whose rows are not one a group: a group makes several, or a row depends on every other of its instance
//! (EM-5). Said twice, as the others are: the searches, and what the oracle makes of the events of one instance.

use std::collections::{BTreeMap, BTreeSet};

use crate::detections::Row;
use crate::log::LogEvent;

/// What such a detection looks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WholeRule {
    /// Several rows a group, behind `stats`.
    Expanded,
    /// Several rows an event, which are announced.
    Several,
    /// The first rows of all.
    Ranked,
    /// Rows that are measured by the others.
    Topmost,
    /// Groups of groups: an event is in several of them, and counts once.
    Regrouped,
    /// Two searches with rows of the same groups; an event may be in both.
    Appended,
    /// Of single events one a group.
    Newest,
    /// Groups of those events only that are left.
    Capped,
    /// Single events, each with several rows of another search.
    Paired,
}

/// One row, and what it is about.
pub struct Made<'a> {
    /// The by-values of the last `stats`; empty where there is none.
    pub group: Vec<String>,
    pub row: Row,
    /// The events that it is made of, by their ids.
    pub events: Vec<&'a LogEvent>,
}

type Events<'a> = BTreeMap<&'a str, &'a LogEvent>;
type Groups<'a> = BTreeMap<Vec<String>, Vec<&'a LogEvent>>;

/// The column that tells the rows of one group or event apart.
pub const PART: &str = "part";
/// The column that says which event a row is, where the search has no `stats`.
pub const EVENT: &str = "eventID";

impl WholeRule {
    pub const ALL: [Self; 9] = [
        Self::Expanded,
        Self::Several,
        Self::Ranked,
        Self::Topmost,
        Self::Regrouped,
        Self::Appended,
        Self::Newest,
        Self::Capped,
        Self::Paired,
    ];

    pub fn search(self) -> &'static str {
        match self {
            Self::Expanded => "eventName IN (Alpha, Gamma) | stats count values(item) as part by grp | mvexpand part",
            Self::Several => "eventName=Beta grp=* | rename tags{} as part | mvexpand part | table eventID grp part",
            Self::Ranked => "eventName IN (Alpha, Beta) | stats count by grp item | sort 2 -count, grp, item",
            Self::Topmost => {
                "eventName IN (Alpha, Gamma) | stats count by grp item | eventstats max(count) as top by grp \
                 | where count=top"
            }
            Self::Regrouped => {
                "eventName IN (Beta, Gamma) | rename tags{} as tag | stats count by tag grp \
                 | stats sum(count) as units values(tag) as tags by grp"
            }
            Self::Appended => {
                "eventName=Alpha | stats count by grp | eval part=\"a\" \
                 | append [search eventName IN (Alpha, Beta) | stats count by grp | eval part=\"b\"]"
            }
            Self::Newest => "eventName IN (Alpha, Beta) grp=* | dedup grp | table eventID grp item",
            Self::Capped => "eventName IN (Alpha, Beta, Gamma) | head 3 | stats count values(item) as items by grp",
            Self::Paired => {
                "eventName=Gamma grp=* | join max=0 item [search eventName=Beta | stats count by item grp \
                 | rename grp as part] | table eventID grp item part count"
            }
        }
    }

    pub fn matches(self, event: &LogEvent) -> bool {
        match self {
            Self::Expanded | Self::Topmost => matches!(event.name, "Alpha" | "Gamma"),
            Self::Several => event.name == "Beta" && event.group.is_some(),
            Self::Ranked | Self::Appended => matches!(event.name, "Alpha" | "Beta"),
            Self::Regrouped => matches!(event.name, "Beta" | "Gamma"),
            Self::Newest => matches!(event.name, "Alpha" | "Beta") && event.group.is_some(),
            Self::Capped => event.name != "Noise",
            Self::Paired => event.name == "Beta" || (event.name == "Gamma" && event.group.is_some()),
        }
    }

    /// Whether every matching event is in some result, if it has the by-fields.
    pub fn has_no_threshold(self) -> bool {
        matches!(self, Self::Expanded | Self::Several | Self::Regrouped | Self::Appended)
    }

    /// EM-1: whether rows are told before their window is complete. Those of a group may yet change places, and what needs
    /// all rows waits for them (EM-5).
    pub fn is_announced(self) -> bool {
        self == Self::Several
    }

    /// The rows of one instance.
    pub fn rows<'a>(self, events: &Events<'a>) -> Vec<Made<'a>> {
        match self {
            Self::Expanded => expanded(events),
            Self::Several => events.values().flat_map(|event| several(event)).collect(),
            Self::Ranked => ranked(events),
            Self::Topmost => topmost(events),
            Self::Regrouped => regrouped(events),
            Self::Appended => appended(events),
            Self::Newest => newest(events),
            Self::Capped => capped(events),
            Self::Paired => paired(events),
        }
    }
}

fn one(value: &str) -> Vec<String> {
    vec![value.to_owned()]
}

fn column(name: &str, value: &str) -> (String, Vec<String>) {
    (name.to_owned(), one(value))
}

/// The events by what they have in common; those that lack it are in no group.
fn by<'a>(events: &Events<'a>, key: impl Fn(&LogEvent) -> Option<Vec<String>>) -> Groups<'a> {
    let mut groups = Groups::new();
    for event in events.values() {
        if let Some(key) = key(event) {
            groups.entry(key).or_default().push(event);
        }
    }
    groups
}

fn by_group<'a>(events: &Events<'a>, names: &[&str]) -> Groups<'a> {
    by(events, |event| event.group.filter(|_| names.contains(&event.name)).map(one))
}

fn by_group_and_item<'a>(events: &Events<'a>) -> Groups<'a> {
    by(events, |event| Some(vec![event.group?.to_owned(), event.item.to_owned()]))
}

fn items(events: &[&LogEvent]) -> BTreeSet<&'static str> {
    events.iter().map(|event| event.item).collect()
}

fn texts(values: &BTreeSet<&str>) -> Vec<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

fn expanded<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let of_group = |(group, events): (Vec<String>, Vec<&'a LogEvent>)| {
        let row = |part: &str| vec![column("grp", &group[0]), count(&events), column(PART, part)];
        let made = |part| Made { group: group.clone(), row: row(part), events: events.clone() };
        items(&events).into_iter().map(made).collect::<Vec<_>>()
    };
    by(events, |event| event.group.map(one)).into_iter().flat_map(of_group).collect()
}

fn several(event: &LogEvent) -> Vec<Made<'_>> {
    let begin = vec![column(EVENT, &event.id), column("grp", event.group.unwrap_or_default())];
    let mut rows: Vec<Row> =
        event.tags.iter().map(|tag| begin.iter().cloned().chain([column(PART, tag)]).collect()).collect();
    if rows.is_empty() {
        rows.push(begin);
    }
    rows.into_iter().map(|row| Made { group: vec![], row, events: vec![event] }).collect()
}

fn count(events: &[&LogEvent]) -> (String, Vec<String>) {
    column("count", &events.len().to_string())
}

/// A row of `stats count by grp item`.
fn counted(group: Vec<String>, events: Vec<&LogEvent>) -> Made<'_> {
    let row = vec![column("grp", &group[0]), column("item", &group[1]), count(&events)];
    Made { group, row, events }
}

fn ranked<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let mut groups: Vec<_> = by_group_and_item(events).into_iter().collect();
    groups.sort_by(|(a, of_a), (b, of_b)| of_b.len().cmp(&of_a.len()).then(a.cmp(b)));
    groups.into_iter().take(2).map(|(group, events)| counted(group, events)).collect()
}

fn topmost<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let groups = by_group_and_item(events);
    let mut top: BTreeMap<String, usize> = BTreeMap::new();
    for (group, events) in &groups {
        let top = top.entry(group[0].clone()).or_default();
        *top = events.len().max(*top);
    }
    let of_top = groups.into_iter().filter(|(group, events)| events.len() == top[&group[0]]);
    let made = |(group, events): (Vec<String>, Vec<&'a LogEvent>)| {
        let top = column("top", &events.len().to_string());
        let mut made = counted(group, events);
        made.row.push(top);
        made
    };
    of_top.map(made).collect()
}

fn regrouped<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let made = |(group, events): (Vec<String>, Vec<&'a LogEvent>)| {
        let tags: Vec<&str> = events.iter().flat_map(|event| event.tags.iter().copied()).collect();
        let distinct = texts(&tags.iter().copied().collect());
        let row =
            vec![column("grp", &group[0]), column("units", &tags.len().to_string()), ("tags".to_owned(), distinct)];
        Made { group, row, events }
    };
    by(events, |event| event.group.filter(|_| !event.tags.is_empty()).map(one)).into_iter().map(made).collect()
}

fn appended<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let made = |part: &'static str| {
        move |(group, events): (Vec<String>, Vec<&'a LogEvent>)| {
            let row = vec![column("grp", &group[0]), count(&events), column(PART, part)];
            Made { group, row, events }
        }
    };
    let own = by_group(events, &["Alpha"]).into_iter().map(made("a"));
    own.chain(by_group(events, &["Alpha", "Beta"]).into_iter().map(made("b"))).collect()
}

/// As `dedup` and `head` see them.
fn newest_first<'a>(events: &Events<'a>) -> Vec<&'a LogEvent> {
    let mut all: Vec<_> = events.values().copied().collect();
    all.sort_by(|a, b| (b.time, &b.id).cmp(&(a.time, &a.id)));
    all
}

fn newest<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let mut seen = BTreeSet::new();
    let first = newest_first(events).into_iter().filter(|event| seen.insert(event.group));
    let made = |event: &'a LogEvent| Made { group: vec![], row: single(event), events: vec![event] };
    first.map(made).collect()
}

fn single(event: &LogEvent) -> Row {
    vec![column(EVENT, &event.id), column("grp", event.group.unwrap_or_default()), column("item", event.item)]
}

fn capped<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let left = newest_first(events).into_iter().take(3).map(|event| (event.id.as_str(), event)).collect();
    let made = |(group, events): (Vec<String>, Vec<&'a LogEvent>)| {
        let items = ("items".to_owned(), texts(&items(&events)));
        Made { row: vec![column("grp", &group[0]), count(&events), items], group, events }
    };
    by(&left, |event| event.group.map(one)).into_iter().map(made).collect()
}

fn paired<'a>(events: &Events<'a>) -> Vec<Made<'a>> {
    let others = by(events, |event| {
        (event.name == "Beta").then_some(())?;
        Some(vec![event.item.to_owned(), event.group?.to_owned()])
    });
    let mut made = Vec::new();
    for event in events.values().filter(|event| event.name == "Gamma") {
        for (key, met) in others.iter().filter(|(key, _)| key[0] == event.item) {
            let row = single(event).into_iter().chain([column(PART, &key[1]), count(met)]).collect();
            made.push(Made { group: vec![], row, events: [*event].into_iter().chain(met.iter().copied()).collect() });
        }
    }
    made
}
