//! What live said against what the stream gives, byte for byte (EM-4). Pure.
//!
//! Seen from the file of live events: a risk event can be missing there, be extra, be different, or stand under another
//! id because the detection is another one by now.

mod fields;

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use self::fields::{differing, json_text, shortened};
use super::range::Range;
use crate::time::Arrival;

/// What a reader wants to know of a final risk event, and what tells which result it is.
#[derive(Clone, Debug, Deserialize)]
pub struct Facts {
    /// Its id.
    pub id: String,
    pane: String,
    pane_bucket: Option<String>,
    detection: Detection,
    window: Window,
    group: Value,
    evidence: Value,
    /// Distinct events.
    pub event_count: u64,
    #[serde(default)]
    partial: bool,
    #[serde(default)]
    truncated: bool,
}

#[derive(Clone, Debug, Deserialize)]
struct Detection {
    id: String,
    name: String,
    version: u32,
}

#[derive(Clone, Debug, Deserialize)]
struct Window {
    start: String,
    end: String,
}

/// A risk event of the file.
#[derive(Clone, Debug)]
struct Live {
    line: u64,
    body: String,
    facts: Facts,
    /// Another body that the file has under the same id, which EM-4 rules out.
    contradicted: Option<(u64, String)>,
}

/// A comparison that goes on: the file is known, what the stream gives comes one by one.
pub struct Comparison {
    range: Range,
    /// Grace by detection id, in milliseconds, and that of detections that are not loaded.
    graces: BTreeMap<String, i64>,
    default_grace: i64,
    live: BTreeMap<String, Live>,
    differences: Vec<Difference>,
    missing: Vec<Facts>,
    tally: Tally,
}

/// How many were compared, and how it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Different ids in the file that close in the range.
    pub in_file: u64,
    /// Lines that repeat one of these, byte for byte.
    pub repeats: u64,
    /// Final risk events of the file that close outside the range.
    pub outside: u64,
    /// The same bytes on both sides.
    pub alike: u64,
    /// Only the stream has it.
    pub missing: u64,
    /// Only the file has it.
    pub extra: u64,
    /// One id, different bytes.
    pub different: u64,
    /// One result under two ids: another detection.
    pub changed: u64,
    /// Of the differences: how many live events are marked as not whole.
    pub partial: u64,
    /// Of the differences: how many are of windows that were closed early (BD-2).
    pub forced: u64,
    /// Of the differences: how many concern one result in two panes.
    pub other_pane: u64,
}

/// One difference.
#[derive(Clone, Debug)]
pub enum Difference {
    /// The stream gives it, the file does not have it.
    Missing(Facts),
    /// The file has it, at this line; the stream does not give it.
    Extra(u64, Facts),
    /// Under one id the file says something else, at this line: what, one line each.
    Different(u64, Facts, Vec<String>),
    /// The file has the result under the id of another plan, at this line.
    Changed {
        /// The line of the file.
        line: u64,
        /// What the file has.
        live: Facts,
        /// What the stream gives with the detection of today.
        now: Box<Facts>,
    },
}

impl Tally {
    /// Whether both sides say the same.
    pub fn is_equal(&self) -> bool {
        self.missing + self.extra + self.different + self.changed == 0
    }

    /// Whether both sides say nothing.
    pub fn is_empty(&self) -> bool {
        self.in_file == 0 && self.missing == 0
    }
}

impl Facts {
    /// Reads them from compared bytes; none if these are no final risk event.
    pub fn of(body: &str) -> Option<Self> {
        serde_json::from_str(body).ok()
    }

    /// The instant at which its instance is complete; none if its times cannot be read.
    fn close_at(&self, grace_ms: i64) -> Option<Arrival> {
        let (start, end) = (millis(&self.window.start)?, millis(&self.window.end)?);
        Some(match &self.pane_bucket {
            Some(bucket) => Arrival(millis(bucket)?.saturating_add(end.saturating_sub(start))),
            None => Arrival(end.saturating_add(grace_ms)),
        })
    }

    /// What tells which result it is, whatever plan made it.
    fn result(&self) -> [String; 6] {
        let [detection, start, group] = self.window_group();
        [
            detection,
            start,
            self.window.end.clone(),
            group,
            self.pane.clone(),
            self.pane_bucket.clone().unwrap_or_default(),
        ]
    }

    /// Of a search without `stats` every event is a group of its own, without by-values.
    fn window_group(&self) -> [String; 3] {
        let is_single = self.group.as_object().is_some_and(serde_json::Map::is_empty);
        let group = if is_single { &self.evidence } else { &self.group };
        [self.detection.id.clone(), self.window.start.clone(), group.to_string()]
    }

    /// One line for people. Text of events in it is as JSON writes it.
    pub fn line(&self) -> String {
        let bucket = self.pane_bucket.as_ref().map(|bucket| format!(" of {bucket}")).unwrap_or_default();
        let marks = [("partial", self.partial), ("truncated", self.truncated)];
        let marks: String = marks.iter().filter(|(_, is_set)| *is_set).map(|(name, _)| format!(", {name}")).collect();
        let (name, version) = (json_text(&self.detection.name), self.detection.version);
        let (start, end) = (&self.window.start, &self.window.end);
        let (id, pane, group) = (&self.id, &self.pane, shortened(&self.group.to_string()));
        format!(
            "{id} {name} v{version}, window {start} to {end}, {pane}{bucket}, {} events{marks}, {group}",
            self.event_count
        )
    }
}

impl Comparison {
    /// Before anything is known. `graces` are those of the loaded detections by id.
    pub fn new(range: Range, graces: BTreeMap<String, i64>, default_grace: i64) -> Self {
        let (live, differences, missing) = (BTreeMap::new(), Vec::new(), Vec::new());
        Self { range, graces, default_grace, live, differences, missing, tally: Tally::default() }
    }

    /// A final risk event of the file. False if its content is not one of this build's.
    pub fn live(&mut self, line: u64, body: &str) -> bool {
        let Some(facts) = Facts::of(body) else { return false };
        let grace = self.graces.get(&facts.detection.id).copied().unwrap_or(self.default_grace);
        let Some(close_at) = facts.close_at(grace) else { return false };
        if !self.range.holds(close_at) {
            self.tally.outside += 1;
            return true;
        }
        let Some(known) = self.live.get_mut(&facts.id) else {
            self.tally.in_file += 1;
            let live = Live { line, body: body.to_owned(), facts: facts.clone(), contradicted: None };
            self.live.insert(facts.id, live);
            return true;
        };
        if known.body == body {
            self.tally.repeats += 1;
        } else {
            known.contradicted.get_or_insert((line, body.to_owned()));
        }
        true
    }

    /// A final risk event that the stream gives.
    pub fn stream(&mut self, body: &str) {
        let Some(facts) = Facts::of(body) else { return };
        match self.live.remove(&facts.id) {
            None => self.missing.push(facts),
            Some(live) => match other_body(&live, body) {
                None => self.tally.alike += 1,
                Some((line, other)) => {
                    let what = differing(&other, body);
                    self.differences.push(Difference::Different(line, live.facts, what));
                }
            },
        }
    }

    /// Every difference, in the order of the range, and the tally.
    pub fn finish(mut self) -> (Vec<Difference>, Tally) {
        let mut extra: BTreeMap<[String; 6], Vec<Live>> = BTreeMap::new();
        for live in std::mem::take(&mut self.live).into_values() {
            extra.entry(live.facts.result()).or_default().push(live);
        }
        let mut found = std::mem::take(&mut self.differences);
        for now in std::mem::take(&mut self.missing) {
            found.push(match extra.get_mut(&now.result()).and_then(Vec::pop) {
                Some(Live { line, facts: live, .. }) => Difference::Changed { line, live, now: Box::new(now) },
                None => Difference::Missing(now),
            });
        }
        found.extend(extra.into_values().flatten().map(|live| Difference::Extra(live.line, live.facts)));
        found.sort_by_key(|difference| {
            let facts = difference.facts();
            (facts.window.end.clone(), facts.detection.id.clone(), facts.group.to_string(), facts.pane.clone())
        });
        self.count(&found);
        (found, self.tally)
    }

    fn count(&mut self, found: &[Difference]) {
        let mut panes: BTreeMap<[String; 3], BTreeSet<&str>> = BTreeMap::new();
        for difference in found {
            let tally = &mut self.tally;
            match difference {
                Difference::Missing(_) => tally.missing += 1,
                Difference::Extra(..) => tally.extra += 1,
                Difference::Different(..) => tally.different += 1,
                Difference::Changed { .. } => tally.changed += 1,
            }
            let facts = difference.facts();
            tally.partial += u64::from(facts.partial);
            tally.forced += u64::from(facts.truncated || facts.pane.starts_with("forced-"));
            let panes = panes.entry(facts.window_group()).or_default();
            tally.other_pane += u64::from(!panes.contains(&*facts.pane) && !panes.is_empty());
            panes.insert(&facts.pane);
        }
    }
}

impl Difference {
    /// What it is about: the file's side where that has one.
    pub fn facts(&self) -> &Facts {
        match self {
            Self::Missing(facts) | Self::Extra(_, facts) | Self::Different(_, facts, _) => facts,
            Self::Changed { live, .. } => live,
        }
    }

    /// Lines for people; `file` is the name of the file.
    pub fn lines(&self, file: &str) -> Vec<String> {
        match self {
            Self::Missing(facts) => vec![format!("missing   {}", facts.line())],
            Self::Extra(line, facts) => vec![format!("extra     {} ({file}:{line})", facts.line())],
            Self::Different(line, facts, what) => {
                let first = format!("different {} ({file}:{line})", facts.line());
                std::iter::once(first).chain(what.iter().map(|what| format!("          {what}"))).collect()
            }
            Self::Changed { line, live, now } => vec![
                format!("changed   {} ({file}:{line})", live.line()),
                format!("          is now {} v{}, {} events", now.id, now.detection.version, now.event_count),
            ],
        }
    }
}

/// A body of the file that is not this one, with its line.
fn other_body(live: &Live, body: &str) -> Option<(u64, String)> {
    let own = (live.body != body).then(|| (live.line, live.body.clone()));
    own.or_else(|| live.contradicted.clone())
}

fn millis(text: &str) -> Option<i64> {
    Some(text.parse::<jiff::Timestamp>().ok()?.as_millisecond())
}

#[cfg(test)]
mod tests;
