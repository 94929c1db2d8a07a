//! What the compiler does not check: who may import whom, how long a file may be, what the pure layers must not touch,
//! and that every rule of the contract is named by a test.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The pure layers and what each may use of the others. A module that is not listed may use everything.
const LAYERS: [(&str, &[&str]); 9] = [
    ("kpl", &[]),
    ("time", &[]),
    ("value", &[]),
    ("spl", &["yaml"]),
    ("cloudtrail", &["kpl", "time", "value"]),
    ("plan", &["cloudtrail", "spl", "time", "value"]),
    ("detection", &["plan", "spl", "yaml"]),
    ("engine", &["cloudtrail", "plan", "risk_event", "time", "value"]),
    ("evaluate", &["cloudtrail", "engine", "plan", "time"]),
];
/// `source` and `sink` do not know each other.
const STRANGERS: [(&str, &str); 2] = [("source", "sink"), ("sink", "source")];
/// What would make a pure layer depend on the clock, the outside, or the order of a hash table.
const IMPURE: [&str; 8] =
    ["tokio", "std::fs", "std::net::Tcp", "std::env", "SystemTime", "Instant::now", "HashMap", "prometheus"];
const MAX_LINES: usize = 400;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder exists") {
            let path = entry.expect("readable").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The files of a top-level module of the library.
fn module(name: &str) -> Vec<PathBuf> {
    let belongs = |path: &PathBuf| {
        let inside = path.strip_prefix(root().join("src")).expect("below src");
        inside.starts_with(name) || inside == Path::new(&format!("{name}.rs"))
    };
    sources(&root().join("src")).into_iter().filter(belongs).collect()
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs" | "testing.rs")))
}

/// The code of a file without its tests and comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("UTF-8");
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn imports(code: &str) -> BTreeSet<String> {
    let after = code.split("crate::").skip(1);
    after.map(|rest| rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()).collect()
}

#[test]
fn imports_of_the_pure_layers_point_down_only() {
    for (layer, allowed) in LAYERS {
        for path in module(layer).iter().filter(|path| !is_test(path)) {
            for used in imports(&code(path)) {
                assert!(used == layer || allowed.contains(&used.as_str()), "{} uses {used}", path.display());
            }
        }
    }
    for (module_name, stranger) in STRANGERS {
        for path in module(module_name) {
            assert!(!imports(&code(&path)).contains(stranger), "{} knows {stranger}", path.display());
        }
    }
}

#[test]
fn pure_layers_touch_nothing_impure() {
    for path in LAYERS.iter().flat_map(|(layer, _)| module(layer)).filter(|path| !is_test(path)) {
        let code = code(&path);
        for word in IMPURE {
            assert!(!code.contains(word), "{} mentions {word}", path.display());
        }
    }
}

/// AG-5: the order of a hash table must reach nothing, so where there is one it is asked for single entries only.
#[test]
fn hash_tables_of_the_pure_layers_are_only_looked_up() {
    let mut tables = Vec::new();
    for path in LAYERS.iter().flat_map(|(layer, _)| module(layer)).filter(|path| !is_test(path)) {
        let code = code(&path);
        if code.contains("hashbrown") {
            assert_eq!(
                code.matches(": HashTable<").count(),
                code.matches("index: HashTable<").count(),
                "{}",
                path.display()
            );
            let uses = code.split("index").skip(1).filter_map(|rest| rest.trim_start().strip_prefix('.'));
            for used in uses.map(|rest| rest.split(['(', '.', ';']).next().unwrap_or_default()) {
                let is_asked = ["find", "insert_unique", "allocation_size"].contains(&used);
                assert!(is_asked, "{}: {used} of a hash table", path.display());
            }
            assert!(!code.contains("in &self.index") && !code.contains("in self.index"), "{}", path.display());
            tables.push(path.strip_prefix(root()).expect("below it").display().to_string());
        }
    }
    assert_eq!(tables, ["src/engine/groups.rs", "src/engine/texts.rs"]);
}

#[test]
fn files_stay_short() {
    for folder in ["src", "tests", "examples", "benches"] {
        for path in sources(&root().join(folder)) {
            let lines = fs::read_to_string(&path).expect("UTF-8").lines().count();
            assert!(lines <= MAX_LINES, "{} has {lines} lines, more than {MAX_LINES}", path.display());
        }
    }
}

#[test]
fn every_rule_of_the_contract_is_named_by_a_test() {
    let contract = fs::read_to_string(root().join("docs/semantics.md")).expect("the contract");
    let tests: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|path| fs::read_to_string(path).expect("UTF-8").to_lowercase())
        .collect();
    let missing: Vec<String> = rules(&contract)
        .into_iter()
        .filter(|rule| {
            let id = rule.to_lowercase().replace('-', "_");
            !tests.contains(&format!("fn {id}_")) && !tests.contains(&format!("_{id}()"))
        })
        .collect();
    assert!(missing.is_empty(), "no test is named after {}", missing.join(", "));
}

/// Ids such as `RD-1` or `CP-1a` that the contract defines.
fn rules(contract: &str) -> BTreeSet<String> {
    let words = contract.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
    let is_rule = |word: &&str| {
        let Some((family, number)) = word.split_once('-') else { return false };
        ["RD", "WN", "AG", "EM", "CP", "BD", "PO", "ST"].contains(&family)
            && number.starts_with(|c: char| c.is_ascii_digit())
            && number.len() <= 2
    };
    words.filter(is_rule).map(str::to_owned).collect()
}

/// `docs/security.md` names tests; what it names must exist, and each threat has its row.
#[test]
fn every_test_that_the_security_page_names_exists() {
    assert_names_tests("docs/security.md", "| #", 25, &["not tested"]);
}

/// `docs/kinesis.md` says of every feature and trouble which test shows it.
#[test]
fn every_test_that_the_kinesis_page_names_exists() {
    assert_names_tests("docs/kinesis.md", "| feature", 20, &["not built yet"]);
    assert_names_tests("docs/kinesis.md", "| # | trouble", 21, &["not built yet"]);
}

/// The table whose head begins so has this many rows, and its last column names tests that exist, or owns up.
fn assert_names_tests(page: &str, head: &str, count: usize, excuses: &[&str]) {
    let text = fs::read_to_string(root().join(page)).expect("the page");
    let tests: String = ["src", "tests"]
        .iter()
        .flat_map(|folder| sources(&root().join(folder)))
        .map(|path| fs::read_to_string(path).expect("UTF-8"))
        .collect();
    let table = text.lines().skip_while(|line| !line.starts_with(head)).take_while(|line| line.starts_with('|'));
    let rows: Vec<&str> = table.skip(2).collect();
    assert_eq!(rows.len(), count, "{page}: a row for each");
    for row in rows {
        let named = row.rsplit('|').nth(1).expect("a last column");
        let names: Vec<&str> = named.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty() || excuses.contains(&named.trim()), "{row}");
        for name in names {
            assert!(tests.contains(&format!("fn {name}(")), "there is no test {name}");
        }
    }
}
