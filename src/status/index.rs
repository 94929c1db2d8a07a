//! Several sources in one glance: a line of each, with the way to its page.

use serde::{Deserialize, Serialize};

use super::page::{harmless, render_index};
use super::{Health, Status};

/// The whole answer of `/api/status` where there are several sources and none is named.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Index {
    /// `trailrisk.status_index/v1`.
    pub schema: String,
    /// That of the worst source.
    pub health: Health,
    /// In the configuration's order.
    pub sources: Vec<Entry>,
}

/// One source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Its name: `?source=NAME` leads to its own status.
    pub source: String,
    /// Its verdict.
    pub health: Health,
    /// The sentence above its page.
    pub headline: String,
}

impl Index {
    /// Of the sources by name; the worst one decides.
    pub fn of(sources: impl Iterator<Item = (String, Status)>) -> Self {
        let entry =
            |(source, status): (String, Status)| Entry { source, health: status.health, headline: status.headline() };
        let sources: Vec<Entry> = sources.map(entry).collect();
        let health = sources.iter().map(|entry| entry.health).max().unwrap_or(Health::Healthy);
        Self { schema: "trailrisk.status_index/v1".to_owned(), health, sources }
    }

    /// As HTML.
    pub fn document(&self) -> String {
        render_index(self)
    }

    /// As JSON, with its newline. Nothing in it acts on a terminal.
    pub fn json(&self) -> String {
        harmless(serde_json::to_string_pretty(self).expect("it is texts and a list of them")) + "\n"
    }
}
