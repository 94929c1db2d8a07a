//! What a plan is made of: its text, with the detection's facts and its risk model.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::lookup::LookupTable;
use crate::spl::FilterPlace;

/// Everything that a plan is made of, in canonical form: the file's facts, the search after macro expansion, and the
/// operator's settings. Its canonical JSON is the plan's text: it is fingerprinted (WN-7), stored with the checkpoint,
/// and a plan is compiled from it alone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanText {
    /// The detection's `id`.
    pub id: String,
    /// Its `name`.
    pub name: String,
    /// Its `version`.
    pub version: u32,
    /// `TTP`, `Anomaly`, `Hunting`, `Correlation`.
    pub kind: String,
    /// The search, macros expanded.
    pub search: String,
    /// Where filter macros were expanded into `search`: rows hidden there are counted per filter (AG-4).
    pub filters: Vec<FilterPlace>,
    /// Score, objects, message, annotations.
    pub risk: RiskModel,
    /// The lookups that the search uses, by name: of each the columns that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lookups: Vec<Arc<LookupTable>>,
    /// Window size in milliseconds, used where the search itself sets none (WN-1).
    pub window_ms: i64,
    /// WN-2, in milliseconds.
    pub grace_ms: i64,
    /// WN-4, in milliseconds.
    pub max_future_skew_ms: i64,
}

/// What a match means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskModel {
    /// `$field$` tokens come from the row.
    pub message: String,
    /// The detection's score, 0 to 100: `impact * confidence / 100` of the first generation, otherwise the largest
    /// score of its risk objects.
    pub score: f64,
    /// First generation only.
    pub impact: Option<u32>,
    /// First generation only.
    pub confidence: Option<u32>,
    /// Who or what is at risk.
    pub risk_objects: Vec<RiskObjectSpec>,
    /// Who or what is suspected.
    pub threat_objects: Vec<ThreatObjectSpec>,
    /// ATT&CK technique ids.
    pub mitre_attack: Vec<String>,
    /// Kill chain phases.
    pub kill_chain_phases: Vec<String>,
    /// NIST CSF categories.
    pub nist: Vec<String>,
    /// CIS controls.
    pub cis20: Vec<String>,
    /// Analytic stories.
    pub analytic_story: Vec<String>,
}

/// A risk object of the file: the column that names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskObjectSpec {
    /// The row's column.
    pub field: Arc<str>,
    /// `user`, `system`, `other`, ...
    #[serde(rename = "type")]
    pub kind: Arc<str>,
    /// 0 to 100.
    pub score: f64,
}

/// A threat object of the file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreatObjectSpec {
    /// The row's column.
    pub field: Arc<str>,
    /// `ip_address`, `user`, ...
    #[serde(rename = "type")]
    pub kind: Arc<str>,
}

/// Severity by score: 0-20 informational, 21-40 low, 41-60 medium, 61-80 high, 81-100 critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 0 to 20
    Informational,
    /// above 20 to 40
    Low,
    /// above 40 to 60
    Medium,
    /// above 60 to 80
    High,
    /// above 80
    Critical,
}

impl Severity {
    /// Every severity, ascending.
    pub const ALL: [Self; 5] = [Self::Informational, Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The severity of a score.
    pub fn of_score(score: f64) -> Self {
        match score {
            s if s > 80.0 => Self::Critical,
            s if s > 60.0 => Self::High,
            s if s > 40.0 => Self::Medium,
            s if s > 20.0 => Self::Low,
            _ => Self::Informational,
        }
    }

    /// As it is written in a risk event.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl RiskModel {
    /// The severity of the detection's score.
    pub fn severity(&self) -> Severity {
        Severity::of_score(self.score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_severity_ends_with_its_last_score() {
        for (severity, scores) in [
            (Severity::Informational, [0.0, 1.0, 20.0]),
            (Severity::Low, [20.5, 21.0, 40.0]),
            (Severity::Medium, [40.5, 41.0, 60.0]),
            (Severity::High, [60.5, 61.0, 80.0]),
            (Severity::Critical, [80.5, 81.0, 100.0]),
        ] {
            assert_eq!(scores.map(Severity::of_score), [severity; 3], "{scores:?}");
        }
    }
}
