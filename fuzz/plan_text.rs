//! A search as the text of a plan.

use trailrisk::plan::{PlanText, RiskModel};

pub fn plan_text(search: String) -> PlanText {
    let risk = RiskModel {
        message: "$user$".into(),
        score: 1.0,
        impact: None,
        confidence: None,
        risk_objects: Vec::new(),
        threat_objects: Vec::new(),
        mitre_attack: Vec::new(),
        kill_chain_phases: Vec::new(),
        nist: Vec::new(),
        cis20: Vec::new(),
        analytic_story: Vec::new(),
    };
    PlanText {
        id: "0".into(),
        name: "fuzz".into(),
        version: 1,
        kind: "TTP".into(),
        search,
        filters: Vec::new(),
        risk,
        window_ms: 3_600_000,
        grace_ms: 0,
        max_future_skew_ms: 0,
        lookups: Vec::new(),
    }
}
