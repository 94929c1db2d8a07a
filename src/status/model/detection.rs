//! The detections, and what came of them.

use serde::{Deserialize, Serialize};

/// One detection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Detection {
    /// Its `id`.
    pub id: String,
    /// Its `name`.
    pub name: String,
    /// Its `version`; null where the file is refused.
    pub version: Option<u32>,
    /// Whether it runs.
    pub state: DetectionState,
    /// Why it is refused.
    pub reason: Option<String>,
    /// Severity of its score.
    pub severity: Option<String>,
    /// Its risk score, 0 to 100.
    pub risk_score: Option<f64>,
    /// ATT&CK techniques.
    pub mitre_attack: Vec<String>,
    /// The file that it was read from; null while it drains.
    pub file: Option<String>,
    /// What tells it from its other versions (WN-7).
    pub fingerprint: Option<String>,
    /// Size of its windows.
    pub window_seconds: Option<f64>,
    /// How long events may arrive after their window's end.
    pub grace_seconds: Option<f64>,
    /// Where its risk events go.
    pub delivery: Option<Delivery>,
    /// Events counted in a group since it was loaded.
    pub matches: u64,
    /// Copies of events that were already counted.
    pub duplicates: u64,
    /// Of the matches: gathered in a late pane.
    pub late: u64,
    /// Events dropped because a by-field does not exist in them (AG-3), by field.
    pub null_fields: Vec<NullField>,
    /// Risk events made, withheld ones included.
    pub risk_events: u64,
    /// Its open windows.
    pub open: OpenWindows,
}

/// Whether a detection runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DetectionState {
    /// It runs.
    Active,
    /// Replaced or gone; its open windows still close (WN-7).
    Draining,
    /// The configuration disables it.
    Disabled,
    /// It uses what is not supported.
    Refused,
}

/// Where a detection's risk events go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Evaluated and counted, but not sent.
    pub staged: bool,
    /// The stages that are sent.
    pub stages: Vec<String>,
    /// The least severity that is sent.
    pub min_severity: String,
    /// The sinks by name; empty means every one whose own filter admits it.
    pub sinks: Vec<String>,
}

/// Events without a by-field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NullField {
    /// The by-field.
    pub field: String,
    /// How many.
    pub events: u64,
}

/// Open windows of one detection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenWindows {
    /// How many.
    pub windows: u64,
    /// Groups in them.
    pub groups: u64,
    /// Their estimated size.
    pub bytes: u64,
    /// When the first of them closes, on the stream's clock.
    pub next_close: Option<String>,
}

/// A risk event that was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecentEvent {
    /// When, by the host's clock.
    pub at: String,
    /// Its id.
    pub id: String,
    /// `early` or `final`.
    pub stage: String,
    /// `on_time`, `late`, `future` or `forced-N`.
    pub pane: String,
    /// The detection's name.
    pub detection: String,
    /// By its score.
    pub severity: String,
    /// 0 to 100.
    pub risk_score: f64,
    /// ATT&CK techniques.
    pub mitre_attack: Vec<String>,
    /// The by-fields with their values, cut where they are long.
    pub group: Vec<(String, String)>,
    /// Distinct events in it.
    pub event_count: u64,
    /// Start of its window.
    pub window_start: String,
}
