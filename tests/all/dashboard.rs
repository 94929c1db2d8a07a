//! The dashboard for Grafana: it asks for what there is, and its thresholds are those of the alerts. That its expressions
//! parse is checked by `promtool`, that they have answers by a Prometheus that scrapes the demo.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use crate::metrics_page;
use crate::support::daemon::package;

const DASHBOARD: &str = "deploy/grafana/trailrisk.json";

fn text(path: &str) -> String {
    std::fs::read_to_string(package(path)).expect("it is shipped")
}

fn dashboard() -> Value {
    serde_json::from_str(&text(DASHBOARD)).expect("JSON")
}

/// The panels without the headings of rows.
fn panels(dashboard: &Value) -> Vec<&Value> {
    let panels = dashboard["panels"].as_array().expect("a list");
    let panels: Vec<&Value> = panels.iter().filter(|panel| panel["type"] != "row").collect();
    assert!(panels.len() > 30, "{}", panels.len());
    panels
}

fn expressions(panel: &Value) -> Vec<&str> {
    let targets = panel["targets"].as_array().expect("a list");
    targets.iter().map(|target| target["expr"].as_str().expect("PromQL")).collect()
}

/// Expression of each alert.
fn alerts() -> BTreeMap<String, String> {
    let alert = Regex::new(r"(?ms)^ +- alert: (\w+)$\n +expr: (.+?)^ +(?:for|labels):").expect("a pattern");
    alert.captures_iter(&text("deploy/prometheus/alerts.yaml")).map(|it| (it[1].to_owned(), it[2].to_owned())).collect()
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let keys: BTreeMap<_, _> = object.iter().map(|(key, value)| (key.clone(), sorted(value))).collect();
            keys.into_iter().collect()
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[test]
fn every_metric_that_the_dashboard_asks_for_exists() {
    let recorded = Regex::new(r"(?m)^ +- record: (\S+)$").expect("a pattern");
    let recorded =
        recorded.captures_iter(&text("deploy/prometheus/recording.yaml")).map(|it| it[1].to_owned()).collect();
    let known: BTreeSet<String> = [metrics_page::samples(), recorded].concat().into_iter().collect();
    let metric = Regex::new(r"((?:\w+:)*(?:trailrisk|process)_[\w:]+)").expect("a pattern");
    let text = text(DASHBOARD);
    let asked: BTreeSet<String> = metric.captures_iter(&text).map(|it| it[1].to_owned()).collect();
    assert!(asked.len() > 40, "{asked:?}");
    let unknown: Vec<_> = asked.difference(&known).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    let unused: Vec<_> = known.iter().filter(|name| name.contains(':') && !asked.contains(*name)).collect();
    assert!(unused.is_empty(), "recorded for nobody: {unused:?}");
}

/// A panel says what it shows, in a unit, of the chosen daemons.
#[test]
fn every_panel_has_a_description_a_unit_and_the_variables() {
    let dashboard = dashboard();
    for panel in panels(&dashboard) {
        let title = panel["title"].as_str().expect("a title");
        assert!(panel["description"].as_str().is_some_and(|text| text.len() > 10), "{title}: its description");
        assert!(panel["fieldConfig"]["defaults"]["unit"].is_string(), "{title}: its unit");
        assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
        for expression in expressions(panel) {
            // Some alerts are of no instance: that of a daemon which is gone.
            let of_instance = if expression.contains("ALERTS{") { r#""$instance|""# } else { r#""$instance""# };
            let selectors = expression.matches(&format!(r#"job=~"$job", instance=~{of_instance}"#)).count();
            assert_eq!(selectors, expression.matches('{').count(), "{title}: {expression} has another selector");
            assert!(selectors > 0, "{title}: {expression} has no selector");
        }
    }
}

/// The line at which a panel turns red or orange is one that its alert compares with, and its link leads to what to do.
#[test]
fn thresholds_are_those_of_the_alerts() {
    let (dashboard, alerts) = (dashboard(), alerts());
    let named = Regex::new(r"\bthe alert (\w+)").expect("a pattern");
    let mut shown = BTreeSet::new();
    for panel in panels(&dashboard) {
        let (title, description) = (&panel["title"], panel["description"].as_str().unwrap_or_default());
        let alert = named.captures(description).map(|it| it[1].to_owned());
        let steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"].as_array().expect("a list");
        for threshold in steps.iter().filter_map(|step| step["value"].as_f64()) {
            let alert = alert.as_deref().unwrap_or_else(|| panic!("{title}: {threshold} is no alert's"));
            let expression = &alerts[alert];
            // What is counted is above 0 from 1 on.
            let above = if threshold == 1.0 { "> 0".to_owned() } else { format!("> {threshold}") };
            let compared = [above, format!(">= {threshold}"), format!("== {threshold}"), format!("{threshold} * ")];
            assert!(
                compared.iter().any(|it| expression.contains(it.as_str())),
                "{title}: {threshold}, but {expression}"
            );
        }
        if let Some(alert) = alert {
            let url = panel["links"][0]["url"].as_str().unwrap_or_default();
            assert!(url.ends_with(&format!("/docs/runbook.md#{}", alert.to_lowercase())), "{title}: {url}");
            shown.insert(alert);
        }
    }
    let hidden: Vec<_> = alerts.keys().filter(|alert| !shown.contains(*alert)).collect();
    // Of a daemon that is down, or into which nothing comes, there is nothing to draw a line in.
    assert_eq!(hidden, ["TrailriskDown", "TrailriskNoEvents"]);
}

/// Two versions of it can be compared: the keys are sorted, the ids are those of the order, and no panel covers another.
#[test]
fn the_file_is_in_one_order() {
    let dashboard = dashboard();
    let canonical = serde_json::to_string_pretty(&sorted(&dashboard)).expect("JSON") + "\n";
    assert!(canonical == text(DASHBOARD), "sort the keys, and indent by two: `jq --sort-keys .`");
    let panels = dashboard["panels"].as_array().expect("a list");
    let mut taken = BTreeSet::new();
    for (number, panel) in panels.iter().enumerate() {
        assert_eq!(panel["id"], number + 1, "{}", panel["title"]);
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("a number");
        for (x, y) in (at("y")..at("y") + at("h")).flat_map(|y| (at("x")..at("x") + at("w")).map(move |x| (x, y))) {
            assert!(x < 24 && taken.insert((x, y)), "{} covers another", panel["title"]);
        }
    }
}
