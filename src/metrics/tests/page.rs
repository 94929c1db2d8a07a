//! `docs/metrics.md` against the registry, both ways: what the code says of a metric stands in the page as it is here.

use std::collections::{BTreeMap, BTreeSet};

use prometheus::proto::{MetricFamily, MetricType};

use super::populated;

const PAGE: &str = include_str!("../../../docs/metrics.md");
/// Labels whose values the page lists: those of closed sets.
const CLOSED: [&str; 9] = ["cause", "envelope", "event", "operation", "origin", "outcome", "reason", "stage", "state"];

/// The cells of a family: name, type with unit, labels, meaning.
fn row(family: &MetricFamily) -> String {
    let kind = format!("{:?}", family.get_field_type()).to_lowercase();
    let kind = unit(family).map_or(kind.clone(), |unit| format!("{kind}, {unit}"));
    let labels: Vec<String> = labels(family).iter().map(|(name, values)| label(name, values)).collect();
    format!("| `{}` | {kind} | {} | {} |", family.name(), labels.join(", "), family.help())
}

fn unit(family: &MetricFamily) -> Option<&'static str> {
    let name = family.name().trim_end_matches("_total");
    match name {
        _ if name.ends_with("_timestamp_seconds") || name.ends_with("_start_time_seconds") => {
            Some("seconds since 1970")
        }
        _ if name.ends_with("_seconds") || family.get_field_type() == MetricType::HISTOGRAM => Some("seconds"),
        _ if name.contains("_bytes") => Some("bytes"),
        _ => None,
    }
}

fn labels(family: &MetricFamily) -> BTreeMap<String, BTreeSet<String>> {
    let mut labels = BTreeMap::<String, BTreeSet<String>>::new();
    for pair in family.get_metric().iter().flat_map(|metric| metric.get_label()) {
        labels.entry(pair.name().to_owned()).or_default().insert(pair.value().to_owned());
    }
    labels
}

fn label(name: &str, values: &BTreeSet<String>) -> String {
    if !CLOSED.contains(&name) {
        return format!("`{name}`");
    }
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    format!("`{name}` ({})", values.join(", "))
}

/// The row of the page without its last cell, which says what to do with the metric.
fn without_use(row: &str) -> Option<(String, &str)> {
    let (known, advice) = row.strip_suffix('|')?.trim_end().rsplit_once('|')?;
    Some((format!("{known}|"), advice.trim()))
}

#[test]
fn the_page_says_of_every_metric_what_the_registry_says_and_of_no_other() {
    let families = populated().0.gather();
    let expected: BTreeSet<String> = families.iter().map(row).collect();
    let is_row = |line: &&str| line.starts_with("| `trailrisk_") || line.starts_with("| `process_");
    let rows: Vec<(String, &str)> = PAGE.lines().filter(is_row).filter_map(without_use).collect();
    let found: BTreeSet<String> = rows.iter().map(|(row, _)| row.clone()).collect();
    let lines =
        |sign: char, rows: Vec<&String>| -> String { rows.iter().map(|row| format!("{sign}{row}\n")).collect() };
    let missing = lines('+', expected.difference(&found).collect());
    let surplus = lines('-', found.difference(&expected).collect());
    assert!(expected == found, "docs/metrics.md needs (a last cell says what to do with it):\n{surplus}{missing}");
    assert_eq!(rows.len(), expected.len(), "each metric has one row");
    for (row, advice) in rows {
        assert!(advice.len() > 10, "what is it good for? {row}");
    }
}
