//! `docs/troubleshooting.md` and the messages in the code belong together: what the page quotes is said, and what is said
//! at WARN and ERROR, or ends a start, is quoted.

use std::path::{Path, PathBuf};

use regex::Regex;

use crate::support::daemon::package;

/// Layers whose errors are of a search and name its place; `docs/spl.md` explains them.
const OF_SEARCHES: [&str; 3] = ["src/spl", "src/plan", "src/detection_test"];
/// As short as a constant part of a message may be and still be looked for.
const LEAST: usize = 6;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path());
    let mut files: Vec<PathBuf> = entries
        .flat_map(|path| match path.is_dir() {
            true => sources(&path),
            false => vec![path],
        })
        .collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.sort();
    files
}

/// The product's code with its texts in one line each: without tests, and with what escapes stand for.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("UTF-8");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    Regex::new(r"\\\n\s*").expect("a pattern").replace_all(code, "").into_owned()
}

fn files() -> Vec<(PathBuf, String)> {
    let is_test = |path: &PathBuf| {
        path.components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "testing" | "testing.rs")))
    };
    let files = sources(&package("src")).into_iter().filter(|path| !is_test(path));
    files.map(|path| (path.clone(), code(&path))).collect()
}

fn page() -> String {
    std::fs::read_to_string(package("docs/troubleshooting.md")).expect("the page")
}

/// Code spans of a text, of one or two backticks.
fn quoted(text: &str) -> Vec<String> {
    let span = Regex::new(r"``\s?(.+?)\s?``|`([^`]+)`").expect("a pattern");
    let inner = |found: regex::Captures<'_>| found.get(1).or_else(|| found.get(2)).expect("one").as_str().to_owned();
    span.captures_iter(text).map(inner).collect()
}

/// What the first column of the tables quotes.
fn messages(page: &str) -> Vec<String> {
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| message"));
    rows.flat_map(|row| quoted(row[2..].split(" | ").next().expect("a first column"))).collect()
}

/// The parts of a literal of the code that are always said.
fn constant_parts(literal: &str) -> Vec<String> {
    let placeholders = Regex::new(r"\{\{|\}\}|\{[^{}]*\}").expect("a pattern");
    let text = literal.replace("\\\"", "\"").replace("\\n", "");
    placeholders.split(&text).map(|part| part.trim().to_owned()).filter(|part| part.len() >= LEAST).collect()
}

#[test]
fn every_message_of_the_page_is_one_that_the_code_says() {
    let code: String = files().into_iter().map(|(_, code)| code.replace("\\\"", "\"")).collect();
    let messages = messages(&page());
    assert!(messages.len() > 150, "{}", messages.len());
    for message in messages {
        for part in message.split('…').map(|part| part.trim_matches([' ', ',', ':', '(', ')', '.', '?', ';'])) {
            assert!(code.contains(part), "nothing says {part:?} of {message:?}");
        }
    }
}

/// The texts of calls such as `warn!(..)`.
fn said(code: &str, macros: &str) -> Vec<String> {
    let call = Regex::new(&format!(r"\btracing::(?:{macros})!\(")).expect("a pattern");
    let literal = Regex::new(r#""((?:[^"\\]|\\.)*)""#).expect("a pattern");
    let calls = call.find_iter(code).map(|found| {
        let rest = &code[found.end()..];
        &rest[..rest.find(");").or(rest.find("),\n")).unwrap_or(rest.len())]
    });
    calls.filter_map(|text| literal.captures_iter(text).last().map(|found| found[1].to_owned())).collect()
}

#[test]
fn every_warning_and_error_of_the_log_is_on_the_page() {
    let page = page();
    let mut count = 0;
    for (path, code) in files() {
        for text in said(&code, "warn|error") {
            for part in constant_parts(&text) {
                let beginning = part.split(". ").next().expect("a beginning").split(": ").next().expect("a beginning");
                assert!(page.contains(beginning), "{}: {beginning:?} is not on the page", path.display());
                count += 1;
            }
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn every_error_that_ends_a_start_or_a_run_is_on_the_page() {
    let page = page();
    let error = Regex::new(r#"#\[error\(\s*"((?:[^"\\]|\\.)*)""#).expect("a pattern");
    let mut count = 0;
    for (path, code) in files() {
        let shown = path.strip_prefix(package("")).unwrap_or(&path).display().to_string();
        if OF_SEARCHES.iter().any(|layer| shown.contains(layer)) {
            continue;
        }
        for found in error.captures_iter(&code) {
            for part in constant_parts(&found[1]) {
                let beginning: String = part.split(": ").next().expect("a beginning").to_owned();
                assert!(page.contains(&beginning), "{shown}: {beginning:?} is not on the page");
                count += 1;
            }
        }
    }
    assert!(count > 40, "{count}");
}

#[test]
fn every_link_of_the_pages_for_operators_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)#]*)(?:#([^)]*))?\)").expect("a pattern");
    for page in ["docs/troubleshooting.md", "docs/configuration.md"] {
        let text = std::fs::read_to_string(package(page)).expect("the page");
        for found in link.captures_iter(&text) {
            let target = if found[1].is_empty() { package(page) } else { package("docs").join(&found[1]) };
            assert!(target.exists(), "{page}: {}", &found[0]);
            let Some(anchor) = found.get(2) else { continue };
            let headings = std::fs::read_to_string(&target).expect("a page");
            let mut anchors = headings.lines().filter(|line| line.starts_with('#')).map(anchor_of);
            assert!(anchors.any(|heading| heading == anchor.as_str()), "{page}: {}", &found[0]);
        }
    }
}

fn anchor_of(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
        .map(|c| if c == ' ' { '-' } else { c })
        .collect()
}
