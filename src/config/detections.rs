//! `detections`: what runs, and what holds for single detections.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use super::Place;
use crate::plan::{MatchType, Severity};
use crate::risk_event::Stage;

/// `detections`: what runs.
#[derive(Clone, Debug)]
pub struct DetectionsConfig {
    /// `paths`: ESCU files, or folders of them.
    pub paths: Vec<PathBuf>,
    /// `macros`: files of macros, or folders of them, of which a later one wins; none means only the built-in macros.
    pub macros: Vec<PathBuf>,
    /// `lookups`: the tables that searches may use.
    pub lookups: Vec<LookupConfig>,
    /// `window` (WN-1), default 1 h.
    pub window: Duration,
    /// `grace` (WN-2), default 15 min.
    pub grace: Duration,
    /// `max_future_skew` (WN-4), default 5 min.
    pub max_future_skew: Duration,
    /// `settings`, by detection id or name.
    pub settings: Vec<DetectionSettings>,
    /// `decode: all` (PO-3): parse every record instead of skipping those that can match no search.
    pub decode_all: bool,
    /// `reload_interval`: pause between two looks at the files; none: they are read again on SIGHUP only. Default 10 s.
    pub reload_interval: Option<Duration>,
}

/// One lookup.
#[derive(Clone, Debug)]
pub struct LookupConfig {
    /// Its name in searches.
    pub name: String,
    /// `path`: the CSV file.
    pub path: PathBuf,
    /// `case_sensitive_match`, default true.
    pub case_sensitive: bool,
    /// `match_type`: the columns that are not compared as texts.
    pub match_types: BTreeMap<String, MatchType>,
    /// `max_matches`, 1 to 1000, default 100.
    pub max_matches: usize,
    /// `default_match`: what is written where no row agrees.
    pub default_match: Option<String>,
}

/// What the configuration says of one detection.
#[derive(Clone, Debug)]
pub struct DetectionSettings {
    /// Where its entry is.
    pub place: Place,
    /// Its id or name.
    pub detection: String,
    /// `enabled`, default true.
    pub enabled: bool,
    /// `window`, where the search sets none.
    pub window: Option<Duration>,
    /// `grace`.
    pub grace: Option<Duration>,
    /// Where its risk events go. Changes nothing that is computed: no id, no byte, no fingerprint.
    pub delivery: DeliverySettings,
}

/// Which risk events of a detection are sent, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliverySettings {
    /// `staged`: evaluated and counted, but not sent. Default false.
    pub staged: bool,
    /// `stages` that are sent, default both.
    pub stages: Vec<Stage>,
    /// `min_severity` that is sent, default informational.
    pub min_severity: Severity,
    /// `sinks` by name; empty means all whose own filters admit the risk event.
    pub sinks: Vec<String>,
}
