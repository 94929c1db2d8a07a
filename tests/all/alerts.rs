//! The alerts and recording rules that are shipped, the runbook, and the metrics that they look at belong together. What an alert does is
//! tested by `promtool test rules`.

use std::collections::BTreeSet;

use regex::Regex;

use crate::metrics_page;
use crate::support::daemon::package;

fn text(path: &str) -> String {
    std::fs::read_to_string(package(path)).expect("it is shipped")
}

/// What the first group of the pattern is at each of its places.
fn all(pattern: &str, text: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).expect("a pattern");
    pattern.captures_iter(text).map(|found| found[1].to_owned()).collect()
}

fn alerts() -> BTreeSet<String> {
    let alerts = all(r"(?m)^ +- alert: (\w+)$", &text("deploy/prometheus/alerts.yaml"));
    assert!(alerts.len() > 10, "{alerts:?}");
    alerts
}

#[test]
fn every_rule_looks_at_metrics_that_exist_and_what_is_recorded_is_tested() {
    let recorded = all(r"(?m)^ +- record: (\S+)$", &text("deploy/prometheus/recording.yaml"));
    let known: BTreeSet<String> = metrics_page::samples().into_iter().chain(recorded.clone()).collect();
    for file in ["alerts.yaml", "recording.yaml", "tests.yaml"] {
        let metrics = all(r"((?:\w+:)*trailrisk_[\w:]+)", &text(&format!("deploy/prometheus/{file}")));
        assert!(metrics.len() > 5, "{metrics:?}");
        let unknown: Vec<_> = metrics.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
    let tested = text("deploy/prometheus/tests.yaml");
    for rule in recorded {
        assert!(tested.contains(&format!("expr: {rule}\n")), "{rule} is not tested");
    }
}

#[test]
fn every_alert_has_a_section_of_the_runbook_and_every_section_an_alert() {
    let runbook = text("docs/runbook.md");
    assert_eq!(all(r"(?m)^## (\w+)$", &runbook), alerts());
}

#[test]
fn every_alert_and_the_status_page_link_to_a_section() {
    let sections: BTreeSet<String> = alerts().iter().map(|alert| alert.to_lowercase()).collect();
    let links = all(r"runbook_url: https://\S+/docs/runbook\.md#(\w+)", &text("deploy/prometheus/alerts.yaml"));
    assert_eq!(links, sections, "one link an alert");
    let page = all(r#""(trailrisk[a-z]+)""#, &text("src/status/headline/rules.rs"));
    assert!(page.len() > 4 && page.is_subset(&sections), "{page:?}");
    let within = all(r"\]\(#(\w+)\)", &text("docs/runbook.md"));
    assert!(within.is_subset(&sections), "{within:?}");
}

/// Who is woken looks at the status page first: it must not say that all is well.
#[test]
fn whatever_pages_somebody_is_said_by_the_status_page() {
    let alerts = text("deploy/prometheus/alerts.yaml");
    let rules = alerts.split("- alert: ").skip(1).filter(|rule| rule.contains("severity: page"));
    let paging: Vec<&str> = rules.filter_map(|rule| rule.lines().next()).collect();
    assert!(paging.len() > 5, "{paging:?}");
    let links = |path: &str| all(r#""(trailrisk[a-z]+)""#, &text(path));
    let page = &links("src/status/headline.rs") | &links("src/status/headline/rules.rs");
    let silent: Vec<_> = paging.iter().filter(|alert| !page.contains(&alert.to_lowercase())).collect();
    assert!(silent.is_empty(), "{silent:?}");
}

#[test]
fn every_alert_is_tested_for_a_fault_and_for_health() {
    let tests = text("deploy/prometheus/tests.yaml");
    for case in ["fault", "health"] {
        assert_eq!(all(&format!(r"(?m)^  - name: (\w+), {case}$"), &tests), alerts());
    }
}
