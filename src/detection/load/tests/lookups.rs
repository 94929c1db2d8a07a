//! Lookups that a search uses become part of its plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::plan::{LookupTable, Plan};

fn table(name: &str, columns: &[&str], rows: &[&[&str]]) -> (String, Arc<LookupTable>) {
    let row = |row: &&[&str]| row.iter().map(|cell| (*cell).into()).collect();
    let table = LookupTable {
        name: name.into(),
        case_sensitive: true,
        match_types: BTreeMap::new(),
        max_matches: 100,
        default_match: None,
        columns: columns.iter().map(|column| (*column).to_owned()).collect(),
        rows: rows.iter().map(row).collect(),
    };
    (name.to_owned(), Arc::new(table))
}

fn known() -> Lookups {
    [
        table("owners", &["user", "team", "phone"], &[&["ann", "red", "1"], &["bob", "blue", "2"]]),
        table("unused", &["user"], &[&["ann"]]),
    ]
    .into()
}

fn yaml(search: &str) -> String {
    format!(
        "name: One\nid: one\nversion: 1\ntype: TTP\nsearch: >-\n  {search}\n\
         tags: {{impact: 10, confidence: 10, message: m $team$, observable: []}}\n"
    )
}

fn load_with(search: &str, lookups: &Lookups) -> Result<Loaded, Vec<Problem>> {
    load(&yaml(search), "x.yml", &Macros::built_in(), lookups, &SETTINGS)
}

const SEARCH: &str = "`cloudtrail` | stats count by user | lookup owners user OUTPUT team";

#[test]
fn wn_7_a_lookup_is_part_of_the_plan_as_far_as_the_search_names_it() {
    let text = load_with(SEARCH, &known()).expect("it loads").text;
    let [owners] = &*text.lookups else { panic!("one lookup") };
    assert_eq!((owners.name.as_str(), owners.columns.as_slice()), ("owners", &["user".into(), "team".into()][..]));
    let fingerprint = |text: &crate::plan::PlanText| Plan::compile(text).expect("it compiles").fingerprint();
    let changed = |columns: &[&str], rows: &[&[&str]]| {
        let mut lookups = known();
        lookups.extend([table("owners", columns, rows)]);
        fingerprint(&load_with(SEARCH, &lookups).expect("it loads").text)
    };
    let columns = ["user", "team", "phone"];
    assert_eq!(
        changed(&columns, &[&["ann", "red", "9"], &["bob", "blue", "9"]]),
        fingerprint(&text),
        "an unused column"
    );
    assert_ne!(changed(&columns, &[&["ann", "red", "1"], &["bob", "green", "2"]]), fingerprint(&text));
    let stored = serde_json::to_string(&text).expect("JSON");
    let restored: crate::plan::PlanText = serde_json::from_str(&stored).expect("its own JSON");
    assert_eq!(fingerprint(&restored), fingerprint(&text), "a stored plan needs no file");
}

#[test]
fn wn_7_a_plan_without_lookups_has_the_text_that_it_always_had() {
    let text = load_with("`cloudtrail` | stats count by team", &known()).expect("it loads").text;
    assert!(!serde_json::to_string(&text).expect("JSON").contains("lookups"));
}

#[test]
fn what_does_not_exist_gets_the_nearest_spelling() {
    let problem = |search: &str| {
        let problems = load_with(search, &known()).expect_err("a problem");
        (problems[0].message.clone(), problems[0].help.clone().unwrap_or_default())
    };
    let base = "`cloudtrail` | stats count by user team |";
    let (message, help) = problem(&format!("{base} lookup owner user OUTPUT team"));
    assert_eq!(
        (message.as_str(), help.as_str()),
        ("the lookup `owner` is not in the configuration", "did you mean `owners`?")
    );
    let (_, help) = problem(&format!("{base} lookup previously_seen user OUTPUT first"));
    assert!(help.contains("a history longer than a window"), "{help}");
    let (message, help) = problem(&format!("{base} lookup owners usr AS user OUTPUT team"));
    assert_eq!(message, "the lookup `owners` has no column `usr`");
    assert_eq!(help, "did you mean `user`? its columns are user, team, phone");
    for command in ["append", "join user"] {
        let nested = format!("{base} {command} [search * | stats count by user | lookup owners user OUTPUT address]");
        assert_eq!(problem(&nested).0, "the lookup `owners` has no column `address`", "{command}");
    }
}
