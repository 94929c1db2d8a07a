//! Real searches over real events.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use super::*;
use crate::cloudtrail::{EventKey, Prefilter};
use crate::detection::{PlanSettings, load};
use crate::plan::{Early, Lookups};
use crate::spl::Macros;

const CORPUS: &[u8] = include_bytes!("../../../tests/data/cloudtrail/corpus.ndjson.gz");
const ESCU_EXAMPLES: &[u8] = include_bytes!("../../../tests/data/cloudtrail/escu_examples.ndjson.gz");

/// Every event of the corpus and of the examples.
fn events() -> Vec<Event<'static>> {
    [decoded(CORPUS), examples()].concat()
}

/// One event of each data source of Splunk's detections.
pub(super) fn examples() -> Vec<Event<'static>> {
    decoded(ESCU_EXAMPLES)
}

fn decoded(gzip: &[u8]) -> Vec<Event<'static>> {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(gzip).read_to_string(&mut text).expect("the corpus is gzipped text");
    text.lines().flat_map(|line| decode(line.as_bytes(), &DecodeLimits::default()).events).collect()
}

/// The plans of Splunk's own detections, as far as they load, by the name of their file.
pub(super) fn escu() -> BTreeMap<String, Plan> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/escu");
    let settings = PlanSettings { window_ms: HOUR, grace_ms: 900_000, max_future_skew_ms: 300_000 };
    let mut plans = BTreeMap::new();
    for file in std::fs::read_dir(folder).expect("the folder is part of the project") {
        let path = file.expect("a file").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let yaml = std::fs::read_to_string(&path).expect("readable");
        if let Ok(loaded) = load(&yaml, &name, &Macros::built_in(), &Lookups::new(), &settings) {
            let plan = Plan::compile(&loaded.text).unwrap_or_else(|error| panic!("{name}: {error}"));
            plans.insert(name, plan);
        }
    }
    plans
}

#[test]
fn thresholds_of_splunks_detections_are_announced_as_soon_as_they_pass() {
    let plans = escu();
    assert!(plans.len() >= 27);
    let thresholds: Vec<_> =
        plans.iter().filter(|(_, plan)| *plan.early() == Early::Threshold).map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        thresholds,
        [
            "aws_bedrock_high_number_list_foundation_model_failures",
            "aws_credential_access_getpassworddata",
            "aws_excessive_security_scanning",
            "aws_exfiltration_via_ec2_snapshot",
            "aws_high_number_of_failed_authentications_from_ip",
            "aws_multiple_users_failing_to_authenticate_from_ip",
            "aws_successful_console_authentication_from_multiple_ips",
        ]
    );
    let waiting: Vec<_> = plans.iter().filter(|(_, plan)| matches!(plan.early(), Early::AtClose(_))).collect();
    assert_eq!(
        waiting.iter().map(|(name, plan)| (name.as_str(), plan.whole_result())).collect::<Vec<_>>(),
        [("aws_createloginprofile", true), ("aws_unusual_number_of_failed_authentications_from_ip", true)]
    );
}

#[test]
fn windows_of_splunks_detections_follow_their_searches_wn_1() {
    let plans = escu();
    for (name, window_ms) in [
        ("aws_exfiltration_via_ec2_snapshot", 300_000),
        ("aws_high_number_of_failed_authentications_from_ip", 600_000),
        // `bin _time` without `_time` among the by-fields.
        ("aws_credential_access_getpassworddata", HOUR),
        ("aws_iam_delete_policy", HOUR),
    ] {
        assert_eq!(plans[name].window_ms(), window_ms, "{name}");
    }
}

#[test]
fn whatever_matches_is_admitted_by_the_prefilter_po_3() {
    let plans = escu();
    let events = events();
    let mut matched = BTreeSet::new();
    for (name, plan) in &plans {
        let requirements = plan.requirements();
        let prefilter = Prefilter::new(&requirements);
        for event in events.iter().filter(|event| plan.evaluate(event).is_some()) {
            assert!(prefilter.admits(event.raw().as_bytes()), "{name}: {requirements:?} in {}", event.raw());
            matched.insert(name);
        }
    }
    assert!(matched.len() >= 12, "the corpus exercises {matched:?}");
}

#[test]
fn counts_are_those_of_a_plain_loop() {
    let events = events();
    let plan = plan("* | stats count by eventName");
    let mut expected: BTreeMap<String, BTreeSet<EventKey>> = BTreeMap::new();
    for event in &events {
        let json: serde_json::Value = serde_json::from_str(event.raw()).expect("JSON");
        if let Some(name) = json["eventName"].as_str() {
            expected.entry(name.into()).or_default().insert(event.key);
        }
    }
    let counted: BTreeMap<String, String> =
        rows(&plan, &events).iter().map(|row| (shown_value(&row[0].1), shown_value(&row[1].1))).collect();
    let expected: BTreeMap<_, _> = expected.into_iter().map(|(name, ids)| (name, ids.len().to_string())).collect();
    assert_eq!(counted, expected);
}

#[test]
fn no_event_is_too_odd_for_any_command() {
    let plan = plan(
        "* | rename requestParameters.* as *, *.* as *_* | fillnull | eval a=lower(userAgent).len(_raw), b=eventTime+eventID \
         | bin span=1h _time | stats count values(userAgent) list(a) sum(b) perc95(b) by sourceIPAddress, eventName",
    );
    let events = events();
    let outcomes = events.iter().filter(|event| matches!(plan.evaluate(event), Some(PlanOutcome::Matched { .. })));
    assert_eq!(outcomes.count(), events.len(), "fillnull leaves no by-field null");
    assert!(!rows(&plan, &events).is_empty());
}
