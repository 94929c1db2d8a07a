//! The files that the project ships.

use super::*;

const DETECTION: &str = include_str!("../../../../config/detections/aws_exfiltration_via_batch_service.yml");
const MACROS: &str = include_str!("../../../../config/macros.yaml");
const SEED: &str = include_str!("../../../../tests/data/escu-history/v1-seed.yml");

#[test]
fn the_shipped_detection_has_the_seeds_search_and_facts() {
    let ours = loaded(DETECTION).text;
    let seed = loaded(SEED).text;
    let pipeline = |search: &str| crate::spl::parse(search).expect("SPL").to_string();
    assert_eq!(pipeline(&ours.search), pipeline(&seed.search));
    assert_eq!(ours.risk, seed.risk);
    assert_eq!((ours.id, ours.name, ours.version, ours.kind), (seed.id, seed.name, seed.version, seed.kind));
}

#[test]
fn the_shipped_macros_change_nothing_until_they_are_edited() {
    assert_eq!(Macros::from_yaml(MACROS).expect("macros"), Macros::built_in());
}

/// Every example in the comments of the macros file is what it says it is.
#[test]
fn the_examples_of_the_shipped_macros_work() {
    let is_example = |line: &&str| line.starts_with("aws_exfiltration_via_batch_service_filter:");
    let lines = MACROS.lines().filter_map(|line| line.strip_prefix("#   "));
    let examples: Vec<&str> = lines.filter(is_example).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let text = loaded_with(DETECTION, &Macros::from_yaml(example).expect(example)).text;
        let (_, definition) = example.split_once(": ").expect("a definition");
        assert!(text.search.ends_with(definition), "{}", text.search);
    }
}
