//! The shape of a test file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::reader::Reader;
use super::record::{TestRecord, read_records};
use crate::yaml::{Documents, Node};

/// The keys of a file, of a test, and of an expected row.
const FILE_KEYS: [&str; 6] = ["detection", "window", "grace", "max_future_skew", "events", "tests"];
const CASE_KEYS: [&str; 4] = ["name", "events", "rejected", "expect"];
const EXPECTED_KEYS: [&str; 5] = ["row", "pane", "message", "early", "partial"];
const PANES: [&str; 3] = ["on_time", "late", "future"];

/// A file of tests of one detection.
#[derive(Debug)]
pub struct TestFile {
    /// `detection`: the ESCU file; by default the one that stands beside, without `.test` in its name.
    pub detection: PathBuf,
    /// `window`, instead of the configured one.
    pub window: Option<Duration>,
    /// `grace`, instead of the configured one.
    pub grace: Option<Duration>,
    /// `max_future_skew`, instead of the configured one.
    pub max_future_skew: Option<Duration>,
    /// `tests`; at least one.
    pub cases: Vec<Case>,
}

/// One test: what the stream holds, and what must come of it.
#[derive(Debug)]
pub struct Case {
    /// `name`.
    pub name: String,
    /// The line of the file that it begins at, counted from 1.
    pub line: usize,
    /// `events`, as records of a stream.
    pub records: Vec<TestRecord>,
    /// `rejected`: how many pieces of the records cannot be decoded; default 0.
    pub rejected: u64,
    /// `expect`: every final risk event that must come, in any order; an empty list: none.
    pub expected: Vec<ExpectedRow>,
}

/// A final risk event as it is expected. What is not given is not compared.
#[derive(Debug, Default)]
pub struct ExpectedRow {
    /// The line of the file that it begins at, counted from 1.
    pub line: usize,
    /// `row`: columns with their values as text, in order; none: the column is null.
    pub columns: Vec<(String, Vec<String>)>,
    /// `pane`: `on_time`, `late` or `future` (WN-2 to WN-4).
    pub pane: Option<String>,
    /// `message`: the risk message.
    pub message: Option<String>,
    /// `early`: whether it was also told early (EM-1).
    pub early: Option<bool>,
    /// `partial` (WN-7).
    pub partial: Option<bool>,
}

/// Something wrong with a test file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct FileProblem {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl TestFile {
    /// Reads the text of the test file at `path`, and the files of events that it names.
    ///
    /// # Errors
    /// With every problem, in the order of the file.
    pub fn read(path: &Path, yaml: &str) -> Result<Self, Vec<FileProblem>> {
        let mut reader = Reader::default();
        let file = Documents::read(yaml).map_err(|error| reader.not_yaml(error)).ok().and_then(|documents| {
            let mut roots = documents.nodes();
            let root = roots.next().filter(|root| !root.is_null());
            if root.is_none() {
                reader.problems.push(FileProblem { line: 1, column: 1, message: "the file holds no tests".to_owned() });
            }
            if let Some(more) = roots.next() {
                reader.problem(more, "a test file is one YAML document");
            }
            read_file(&mut reader, path, root?)
        });
        match file {
            Some(file) if reader.problems.is_empty() => Ok(file),
            _ => {
                reader.problems.sort_by_key(|problem| (problem.line, problem.column));
                Err(reader.problems)
            }
        }
    }
}

fn read_file(reader: &mut Reader, path: &Path, root: Node<'_>) -> Option<TestFile> {
    reader.keys(root, "a test file", &FILE_KEYS)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let detection = match root.get("detection") {
        Some(node) => folder.join(reader.text(node, "`detection`")?),
        None => beside(path),
    };
    let mut setting = |key: &str| root.get(key).and_then(|node| reader.duration(node, &format!("`{key}`")));
    let (window, grace, max_future_skew) = (setting("window"), setting("grace"), setting("max_future_skew"));
    if let Some(node) = root.get("window").filter(|_| window.is_some_and(|window| window.is_zero())) {
        reader.problem(node, "a window is longer than nothing");
    }
    let templates = templates(reader, root);
    let tests = match root.get("tests") {
        Some(node) => reader.items(node, "`tests`"),
        None => Vec::new(),
    };
    if tests.is_empty() {
        reader.problem(root, "the file holds no tests: `tests` is a list of at least one");
    }
    let cases = tests.into_iter().filter_map(|node| read_case(reader, folder, &templates, node)).collect();
    Some(TestFile { detection, window, grace, max_future_skew, cases })
}

/// `a.test.yml` tests `a.yml`, in whatever case.
fn beside(path: &Path) -> PathBuf {
    const MARK: &str = ".test.";
    let mut name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    if let Some(at) = name.to_ascii_lowercase().find(MARK) {
        name.replace_range(at..at + MARK.len(), ".");
    }
    path.with_file_name(name)
}

/// The file's own `events`: by name, for its tests to begin from.
fn templates(reader: &mut Reader, root: Node<'_>) -> BTreeMap<String, Value> {
    let Some(node) = root.get("events") else { return BTreeMap::new() };
    let Some(entries) = node.entries() else {
        reader.problem(node, format!("the file's `events` map names to events; this is {}", node.kind()));
        return BTreeMap::new();
    };
    let mut templates = BTreeMap::new();
    for (key, value) in entries {
        let Some(name) = reader.text(key, "an event's name") else { continue };
        // An empty one stands for what is none, so that to begin from it is no problem of its own.
        let event = reader.mapping(value, "an event").unwrap_or_else(|| serde_json::json!({}));
        templates.insert(name.to_owned(), event);
    }
    templates
}

fn read_case(reader: &mut Reader, folder: &Path, templates: &BTreeMap<String, Value>, node: Node<'_>) -> Option<Case> {
    reader.keys(node, "a test", &CASE_KEYS)?;
    let name = match node.get("name") {
        Some(name) => reader.text(name, "`name`").unwrap_or_default().to_owned(),
        None => {
            reader.problem(node, "the test has no `name`");
            String::new()
        }
    };
    let events = match node.get("events") {
        Some(events) => reader.items(events, "`events`"),
        None => Vec::new(),
    };
    if events.is_empty() {
        reader.problem(node, "the test has no `events`: a list of what the stream holds");
    }
    let records = events.into_iter().flat_map(|event| read_records(reader, folder, templates, event)).collect();
    let rejected = node.get("rejected").and_then(|node| reader.count(node, "`rejected`", 0)).unwrap_or(0);
    let expected = match node.get("expect") {
        Some(expect) => reader.items(expect, "`expect`"),
        None => {
            reader.problem(node, "the test says not what to `expect`: a list of rows, or [] for none");
            Vec::new()
        }
    };
    let expected = expected.into_iter().filter_map(|row| read_expected(reader, row)).collect();
    Some(Case { name, line: node.place().line, records, rejected, expected })
}

fn read_expected(reader: &mut Reader, node: Node<'_>) -> Option<ExpectedRow> {
    reader.keys(node, "an expected row", &EXPECTED_KEYS)?;
    let Some(row) = node.get("row") else {
        reader.problem(node, "an expected row has a `row`: columns with their values");
        return None;
    };
    let Some(entries) = row.entries() else {
        reader.problem(row, format!("a `row` maps columns to values; this is {}", row.kind()));
        return None;
    };
    let columns = entries.into_iter().filter_map(|(column, value)| Some((column.shown()?, values(reader, value)?)));
    let columns = columns.collect();
    let pane = node.get("pane").and_then(|pane| {
        let text = reader.text(pane, "`pane`")?;
        if !PANES.contains(&text) {
            reader.problem(pane, format!("`pane` is one of {}", PANES.join(", ")));
        }
        Some(text.to_owned())
    });
    let message = node.get("message").and_then(|node| reader.text(node, "`message`")).map(str::to_owned);
    let early = node.get("early").and_then(|node| reader.flag(node, "`early`"));
    let partial = node.get("partial").and_then(|node| reader.flag(node, "`partial`"));
    Some(ExpectedRow { line: node.place().line, columns, pane, message, early, partial })
}

/// The values of a column, as text.
fn values(reader: &mut Reader, node: Node<'_>) -> Option<Vec<String>> {
    let values = match node.items() {
        Some(items) => items.into_iter().map(Node::shown).collect(),
        None if node.is_null() => Some(Vec::new()),
        None => node.shown().map(|value| vec![value]),
    };
    if values.is_none() {
        reader.problem(node, "a column holds one value or a list of values");
    }
    values
}
