//! Files as Splunk publishes them, and files made wrong on purpose.

use super::{Loaded, PlanSettings, identity, load};
use crate::detection::{Problem, ProblemSeverity, RiskObjectSpec, Severity, ThreatObjectSpec};
use crate::plan::Lookups;
use crate::spl::Macros;

mod escu;
mod history;
mod lookups;
mod places;
mod problems;
mod shipped;

const SETTINGS: PlanSettings = PlanSettings { window_ms: 3_600_000, grace_ms: 900_000, max_future_skew_ms: 300_000 };

fn loaded(yaml: &str) -> Loaded {
    loaded_with(yaml, &Macros::built_in())
}

fn loaded_with(yaml: &str, macros: &Macros) -> Loaded {
    load(yaml, "x.yml", macros, &Lookups::new(), &SETTINGS).unwrap_or_else(|problems| panic!("{}", shown(&problems)))
}

fn refused(yaml: &str) -> Vec<Problem> {
    load(yaml, "x.yml", &Macros::built_in(), &Lookups::new(), &SETTINGS).expect_err("problems")
}

fn shown(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

fn risk_object(field: &str, kind: &str, score: f64) -> RiskObjectSpec {
    RiskObjectSpec { field: field.into(), kind: kind.into(), score }
}

fn threat_object(field: &str, kind: &str) -> ThreatObjectSpec {
    ThreatObjectSpec { field: field.into(), kind: kind.into() }
}
