//! PO-3: what the prefilter turns away holds no match.

use std::fmt::Write;

use proptest::prelude::*;

use super::JOB_CREATED;
use crate::cloudtrail::Prefilter;
use crate::cloudtrail::testing::gzip;

fn prefilter(literals: &[&str]) -> Prefilter {
    Prefilter::new(&[Some(literals.iter().map(|&literal| literal.to_owned()).collect())])
}

#[test]
fn po_3_a_literal_admits_in_any_case_and_its_absence_does_not() {
    assert!(prefilter(&["jobCREATED"]).admits(JOB_CREATED.as_bytes()));
    assert!(!prefilter(&["CreateUser"]).admits(JOB_CREATED.as_bytes()));
    assert!(prefilter(&["CreateUser", "s3.amazonaws.com"]).admits(JOB_CREATED.as_bytes()));
    assert!(!prefilter(&[]).admits(JOB_CREATED.as_bytes()), "a search that no event can match");
}

#[test]
fn po_3_one_search_without_literals_admits_everything() {
    let literals = Some(vec!["CreateUser".to_owned()]);
    assert!(Prefilter::new(&[literals.clone(), None]).admits(JOB_CREATED.as_bytes()));
    assert!(Prefilter::new(&[literals.clone(), Some(vec!["JobCreated".into()])]).admits(JOB_CREATED.as_bytes()));
    assert!(!Prefilter::new(&[literals]).admits(JOB_CREATED.as_bytes()));
}

#[test]
fn po_3_what_is_not_plain_json_is_admitted() {
    let none = prefilter(&["CreateUser"]);
    let escaped = JOB_CREATED.replace("JobCreated", "\\u0043reateUser");
    for data in [gzip(JOB_CREATED), b"\xf3\x89\x9a\xc2".to_vec(), Vec::new(), b" [1]".to_vec(), escaped.into_bytes()] {
        assert!(none.admits(&data), "{data:?}");
    }
    assert!(!none.admits(b" \n {}"));
}

#[test]
fn po_3_letters_that_fold_to_ascii_are_admitted() {
    assert!(prefilter(&["key"]).admits("{\"a\":\"\u{212A}ey\"}".as_bytes()));
    assert!(prefilter(&["s3"]).admits("{\"a\":\"\u{17F}3\"}".as_bytes()));
}

/// A JSON string in which each character may be written as it is, in the other case, or as an escape.
fn spelled(literal: &str, choices: &[u8]) -> String {
    let mut text = String::new();
    for (character, choice) in literal.chars().zip(choices.iter().cycle()) {
        match choice % 8 {
            0 => write!(text, "\\u{:04x}", u32::from(character)).expect("to memory"),
            1 => write!(text, "\\u{:04X}", u32::from(character)).expect("to memory"),
            2 | 3 => text.push(character.to_ascii_uppercase()),
            4 | 5 => text.push(character.to_ascii_lowercase()),
            _ => text.push(character),
        }
    }
    text
}

proptest! {
    #[test]
    fn po_3_no_spelling_of_a_literal_is_turned_away(
        literal in "[A-Za-z0-9 _.:-]{1,12}",
        choices in prop::collection::vec(any::<u8>(), 1..12),
        before in "[a-z\\\\n]{0,3}",
        nested in any::<bool>(),
    ) {
        let before = before.replace('\\', "\\\\");
        let document = format!("{{\"a\":\"{before}{}\"}}", spelled(&literal, &choices));
        let parsed: serde_json::Value = serde_json::from_str(&document).expect("JSON");
        let value = parsed["a"].as_str().expect("text").to_ascii_lowercase();
        prop_assert!(value.contains(&literal.to_ascii_lowercase()), "the generator spells the literal");
        // In CloudWatch Logs the record is a string inside the document.
        let data = if nested { format!("{{\"message\":{}}}", serde_json::Value::from(document)) } else { document };
        prop_assert!(prefilter(&[&literal]).admits(data.as_bytes()));
    }
}
