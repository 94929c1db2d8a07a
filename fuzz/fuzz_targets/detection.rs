//! Any text as a detection file: it compiles, or every problem stands at a line of it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trailrisk::detection::{PlanSettings, compile};
use trailrisk::plan::Lookups;
use trailrisk::spl::Macros;

fuzz_target!(|yaml: &str| {
    let settings = |_: &str, _: &str| PlanSettings { window_ms: 3_600_000, grace_ms: 0, max_future_skew_ms: 0 };
    if let Err(problems) = compile(yaml, "fuzz", &Macros::built_in(), &Lookups::new(), &settings) {
        assert!(!problems.is_empty(), "a refusal says why");
        assert!(problems.iter().all(|problem| problem.line >= 1 && problem.column >= 1));
    }
});
