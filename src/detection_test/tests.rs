//! A test file is read, run and compared as its format says.

use std::path::Path;
use std::sync::Arc;

use super::{Arrives, TestFile, TestRecord, compare, run};
use crate::cloudtrail::DecodeLimits;
use crate::detection::{self, PlanSettings};
use crate::plan::{Bounds, Lookups, Plan};
use crate::spl::Macros;
use crate::time::Arrival;

const DETECTION: &str = include_str!("../../config/detections/aws_exfiltration_via_batch_service.yml");
const BATCH: &str = "events:\n  job: {eventName: JobCreated, eventSource: s3.amazonaws.com, eventTime: '2026-03-01T10:00:00Z', \
                     eventID: id, eventVersion: '1.08', sourceIPAddress: 192.0.2.1, userAgent: agent, userIdentity: {accountId: '007'}, \
                     serviceEventDetails: {status: New}}\n";

fn read(tests: &str) -> TestFile {
    let yaml = format!("{BATCH}tests:\n{tests}");
    TestFile::read(Path::new("a/b.test.yml"), &yaml).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn problems(yaml: &str) -> Vec<(usize, usize, String)> {
    let problems = TestFile::read(Path::new("b.test.yml"), yaml).expect_err("problems");
    problems.into_iter().map(|problem| (problem.line, problem.column, problem.message)).collect()
}

fn plan() -> Arc<Plan> {
    let settings =
        |_: &str, _: &str| PlanSettings { window_ms: 3_600_000, grace_ms: 900_000, max_future_skew_ms: 300_000 };
    Arc::new(
        detection::compile(DETECTION, "seed", &Macros::built_in(), &Lookups::new(), &settings)
            .expect("it compiles")
            .plan,
    )
}

/// What the first test's differences say.
fn differences(tests: &str) -> Vec<String> {
    let case = &read(tests).cases[0];
    let outcome = run(&case.records, plan(), Bounds::default(), DecodeLimits::default());
    compare(case, &outcome).iter().map(ToString::to_string).collect()
}

fn json(record: &TestRecord) -> serde_json::Value {
    serde_json::from_slice(&record.data).expect("JSON")
}

#[test]
fn a_row_that_comes_as_expected_passes() {
    let test = "- {name: a, events: [{event: job}], expect: [{row: {aws_account_id: '007', count: 1}, early: true}]}";
    assert_eq!(differences(test), [""; 0]);
}

#[test]
fn what_differs_is_shown_with_both_values() {
    let test = "- name: a\n  events: [{event: job}]\n  expect:\n  - row: {count: 2, status: [New, Old], nothing: x}\n    pane: late\n";
    let found = differences(test).join("\n");
    for part in [
        "line 7",
        "count\n        - 2\n        + 1",
        "status\n        - [New, Old]\n        + New",
        "nothing\n        - x\n        + null",
        "(pane)\n        - late\n        + on_time",
    ] {
        assert!(found.contains(part), "{part:?} in {found}");
    }
    assert!(!found.contains("userAgent"), "{found}");
}

#[test]
fn rows_that_do_not_come_and_rows_that_nobody_expects_are_shown() {
    let missing = "- {name: a, events: [{event: job, with: {eventName: Other}}], expect: [{row: {count: 1}}]}";
    assert!(differences(missing)[0].contains("did not come"), "{:?}", differences(missing));
    let unexpected = "- {name: a, events: [{event: job}], expect: []}";
    assert!(differences(unexpected)[0].contains("not expected"), "{:?}", differences(unexpected));
}

#[test]
fn a_column_expected_as_null_must_be_absent() {
    let test = |column| format!("- {{name: a, events: [{{event: job}}], expect: [{{row: {{{column}: null}}}}]}}");
    assert_eq!(differences(&test("job_arn")), [""; 0]);
    assert_eq!(differences(&test("status")).len(), 1);
}

/// The first expected row fits both risk events, the second only one of them: order must not matter.
#[test]
fn rows_are_paired_so_that_most_pass() {
    let events = "[{event: job}, {event: job, with: {eventID: x, userIdentity: {accountId: '008'}}}]";
    for account in ["'007'", "'008'"] {
        let expect = format!("[{{row: {{count: 1}}}}, {{row: {{count: 1, aws_account_id: {account}}}}}]");
        assert_eq!(differences(&format!("- {{name: a, events: {events}, expect: {expect}}}")), [""; 0]);
    }
}

#[test]
fn what_is_rejected_must_be_expected() {
    let test = |rejected| format!("- {{name: a, rejected: {rejected}, events: [{{record: oops}}], expect: []}}");
    assert_eq!(differences(&test(1)), [""; 0]);
    assert!(differences(&test(0))[0].contains("bad_json"), "{:?}", differences(&test(0)));
}

#[test]
fn wn_2_wn_4_arrivals_decide_the_pane_whatever_their_order() {
    let test = "- name: a\n  events:\n  - {event: job, with: {eventID: c}, arrives: '2026-03-01T11:15:00Z'}\n  \
                - {event: job, with: {eventID: d}, arrives: -6m}\n  - {event: job}\n  \
                - {event: job, with: {eventID: b}, arrives: 74m}\n  expect:\n  \
                - {row: {count: 2}, pane: on_time}\n  - {row: {count: 1}, pane: late}\n  - {row: {count: 1}, pane: future}\n";
    assert_eq!(differences(test), [""; 0]);
}

#[test]
fn with_is_a_merge_patch() {
    let file =
        read("- {name: a, events: [{event: job, with: {userAgent: null, serviceEventDetails: {x: [1]}}}], expect: []}");
    let event = json(&file.cases[0].records[0]);
    assert_eq!(event.get("userAgent"), None);
    assert_eq!(event["serviceEventDetails"], serde_json::json!({"status": "New", "x": [1]}));
}

#[test]
fn copies_have_ids_numbers_and_times_of_their_own() {
    let file =
        read("- {name: a, events: [{event: job, times: 2, every: 90s, with: {userAgent: agent-$n$}}], expect: []}");
    let events: Vec<_> = file.cases[0].records.iter().map(json).collect();
    let shown = |key: &str| events.iter().map(|event| event[key].as_str().unwrap_or_default()).collect::<Vec<_>>();
    assert_eq!(shown("eventID"), ["id-1", "id-2"]);
    assert_eq!(shown("userAgent"), ["agent-1", "agent-2"]);
    assert_eq!(shown("eventTime"), ["2026-03-01T10:00:00Z", "2026-03-01T10:01:30Z"]);
}

#[test]
fn arrivals_are_durations_or_instants() {
    let file = read(
        "- {name: a, events: [{event: job, arrives: 2m}, {event: job, arrives: -1s}, {event: job, arrives: '2026-03-01T10:00:01Z'}], expect: []}",
    );
    let arrives: Vec<_> = file.cases[0].records.iter().map(|record| record.arrives).collect();
    assert_eq!(arrives, [Arrives::After(120_000), Arrives::After(-1000), Arrives::At(Arrival(1_772_359_201_000))]);
}

#[test]
fn the_detection_is_the_file_beside_unless_it_is_named() {
    assert_eq!(read("- {name: a, events: [{event: job}], expect: []}").detection, Path::new("a/b.yml"));
    let named = TestFile::read(
        Path::new("a/b.test.yml"),
        "detection: ../c.yml\ntests: [{name: a, events: [{event: {}}], expect: []}]",
    );
    assert_eq!(named.expect("it reads").detection, Path::new("a/../c.yml"));
    let yaml = "tests: [{name: a, events: [{event: {}}], expect: []}]";
    let in_capitals = TestFile::read(Path::new("a/B.Test.YML"), yaml);
    assert_eq!(in_capitals.expect("it reads").detection, Path::new("a/B.YML"));
}

#[test]
fn every_problem_has_its_place() {
    let yaml = "windw: 1h\ngrace: 15\ntests:\n- name: a\n  events:\n  - {event: job}\n  - {event: {}, arrives: soon}\n  - {}\n  \
                - {file: nowhere.json}\n  - {record: x, times: 2}\n  expect:\n  - {pane: late}\n  - {row: {}, pane: early}\n- {}\n";
    let found = problems(yaml);
    let places: Vec<_> = found.iter().map(|(line, column, _)| (*line, *column)).collect();
    assert_eq!(
        places,
        [(1, 1), (2, 8), (6, 13), (7, 26), (8, 5), (9, 12), (10, 24), (12, 5), (13, 21), (14, 3), (14, 3), (14, 3)],
        "{found:#?}"
    );
    assert!(found[0].2.contains("did you mean `window`?"), "{found:?}");
}

#[test]
fn a_file_without_tests_is_refused() {
    for yaml in ["", "# nothing\n", "tests: []\n", "window: 1h\n"] {
        assert!(problems(yaml)[0].2.contains("no tests"), "{yaml:?}");
    }
    assert!(problems("tests: [\n")[0].2.contains("not YAML"));
    assert!(problems("window: 0s\ntests: [{name: a, events: [{event: {}}], expect: []}]\n")[0].2.contains("longer"));
}

#[test]
fn what_changes_an_event_and_what_one_begins_from_are_mappings() {
    for with in ["[1]", "text", "null"] {
        let yaml = format!("tests:\n- name: a\n  events:\n  - {{event: {{}}, times: 2, with: {with}}}\n  expect: []\n");
        let [(4, 33, message)] = &problems(&yaml)[..] else { panic!("{with}: {:?}", problems(&yaml)) };
        assert!(message.contains("`with` is a mapping, not"), "{message}");
    }
    for template in ["[1]", "text", "null"] {
        let events = "{event: job, times: 2, every: 1s, with: {eventTime: '2026-03-01T10:00:00Z'}}";
        let yaml = format!("events: {{job: {template}}}\ntests:\n- name: a\n  events:\n  - {events}\n  expect: []\n");
        let [(1, 15, message)] = &problems(&yaml)[..] else { panic!("{template}: {:?}", problems(&yaml)) };
        assert!(message.contains("an event is a mapping, not"), "{message}");
    }
}
