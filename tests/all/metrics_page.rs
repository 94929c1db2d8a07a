//! The rows of `docs/metrics.md`. That they are those of the registry is tested beside the metrics.

use regex::Regex;

use crate::support::daemon::package;

/// A metric.
pub struct Row {
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// The values of labels whose values are a closed set.
    pub values: Vec<(String, String)>,
}

/// The metrics, in the order of the page.
pub fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(package("docs/metrics.md")).expect("the page");
    let row = Regex::new(r"(?m)^\| `(\w+)` \| (\w+)[^|]* \| ([^|]*) \|").expect("a pattern");
    let rows: Vec<Row> = row
        .captures_iter(&page)
        .map(|cells| Row { name: cells[1].to_owned(), kind: cells[2].to_owned(), values: values(&cells[3]) })
        .collect();
    assert!(rows.len() > 40, "{} rows", rows.len());
    rows
}

/// What the samples of all metrics are called.
pub fn samples() -> Vec<String> {
    let suffixes = |row: &Row| match row.kind.as_str() {
        "histogram" => ["_bucket", "_count", "_sum"].map(|suffix| format!("{}{suffix}", row.name)).to_vec(),
        _ => vec![row.name.clone()],
    };
    rows().iter().flat_map(suffixes).collect()
}

fn values(labels: &str) -> Vec<(String, String)> {
    let label = Regex::new(r"`(\w+)` \(([^)]*)\)").expect("a pattern");
    let listed = label.captures_iter(labels);
    listed
        .flat_map(|label| label[2].split(", ").map(|value| (label[1].to_owned(), value.to_owned())).collect::<Vec<_>>())
        .collect()
}
