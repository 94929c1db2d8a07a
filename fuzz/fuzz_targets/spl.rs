//! Any text as a search: no panic, errors whose spans lie within it, and what is printed parses to the same.

#![no_main]

#[path = "../plan_text.rs"]
mod plan_text;

use libfuzzer_sys::fuzz_target;
use trailrisk::plan::Plan;
use trailrisk::spl::{Macros, expand, parse};

use crate::plan_text::plan_text;

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
    if let Ok(plan) = Plan::compile(&plan_text(search)) {
        let _ = (plan.explain(), plan.required_literals(), plan.warnings());
    }
}
