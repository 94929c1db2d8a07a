//! Any text as a search: no panic, errors whose spans lie within it, and what is printed parses to the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailrisk::plan::{Plan, PlanText, RiskModel};
use trailrisk::spl::{Macros, expand, parse};

fuzz_target!(|text: &str| {
    let Ok(expansion) = expand(text, &Macros::built_in()) else { return };
    match parse(&expansion.text) {
        Err(error) => assert!(error.span.end <= expansion.text.len(), "the place of an error is in the text"),
        Ok(pipeline) => {
            let printed = pipeline.to_string();
            let again = parse(&printed).unwrap_or_else(|error| panic!("{printed:?}: {error}"));
            assert_eq!(again.to_string(), printed, "what is printed parses to the same");
            compile(expansion.text);
        }
    }
});

fn compile(search: String) {
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
    let text = PlanText {
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
    };
    if let Ok(plan) = Plan::compile(&text) {
        let _ = (plan.explain(), plan.required_literals(), plan.warnings());
    }
}
