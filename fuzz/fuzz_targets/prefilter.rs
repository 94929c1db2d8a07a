//! Any bytes as a record: what the prefilter skips unparsed holds nothing that a search would have counted (PO-3).

#![no_main]

#[path = "../plan_text.rs"]
mod plan_text;

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::engine::Position;
use trailrisk::evaluate::{Evaluator, RawRecord};
use trailrisk::plan::Plan;
use trailrisk::time::Arrival;

use crate::plan_text::plan_text;

/// Conditions of each kind that a prefilter can be made of: a value, several, its beginning, its absence, a bare word, a
/// field inside others, one that is derived.
const SEARCHES: [&str; 7] = [
    "eventName=JobCreated | stats count by userAgent",
    r#"eventName IN ("a", "Bc", "De f") errorCode=success"#,
    "eventName=Get* OR eventSource=*s3*",
    "eventName!=JobCreated userIdentity.type=Root",
    "JobCreated NOT user=a",
    "serviceEventDetails.status=New OR a.b{}.c=d",
    r#"action=failure eventName="é""#,
];

static EVALUATORS: LazyLock<[Vec<Evaluator>; 2]> = LazyLock::new(|| {
    let plan = |search: &str| Arc::new(Plan::compile(&plan_text(search.to_owned())).expect("it compiles"));
    let limits = DecodeLimits { max_inflated_bytes: 1 << 20 };
    // Each alone: together one of them would admit what another one skips.
    [false, true].map(|decode_all| {
        SEARCHES.iter().map(|search| Evaluator::new(vec![plan(search)], limits, decode_all)).collect()
    })
});

fuzz_target!(|data: &[u8]| {
    let [filtered, parsed] = &*EVALUATORS;
    for (filtered, parsed) in filtered.iter().zip(parsed) {
        assert_eq!(found(filtered, data), found(parsed, data));
    }
});

fn found(evaluator: &Evaluator, data: &[u8]) -> String {
    let record = RawRecord { position: &Position::Start, arrival: Arrival(0), data };
    format!("{:?}", evaluator.evaluate([record]).records[0].events)
}
