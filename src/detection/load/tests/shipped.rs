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
    let indented = |line: &str| line.strip_prefix("#   ").unwrap_or_default().to_owned();
    let lines: Vec<String> = MACROS.lines().map(indented).collect();
    let blocks = lines.split(String::is_empty).map(|block| block.join("\n"));
    let examples: Vec<String> =
        blocks.filter(|block| block.contains("aws_exfiltration_via_batch_service_filter:")).collect();
    let expected = [
        ("search NOT aws_account_id IN (111111111111, 222222222222)", vec![None]),
        ("where NOT cidrmatch(\"10.0.0.0/8\", src_ip)", vec![None]),
        ("search NOT aws_account_id=111111111111", vec![Some("2027-01-01T00:00:00Z")]),
        (
            "search NOT userAgent=\"batch*\" | search NOT aws_account_id=222222222222",
            vec![Some("2026-10-02T00:00:00Z"), None],
        ),
    ];
    assert_eq!(examples.len(), expected.len());
    for (example, (filter, expiries)) in examples.iter().zip(expected) {
        let text = loaded_with(DETECTION, &Macros::from_yaml(example).expect(example)).text;
        // Behind the filter that the search names itself, which lets everything pass.
        assert!(text.search.ends_with(&format!("| search * | {filter}")), "{}", text.search);
        let expiry = |place: &crate::spl::FilterPlace| {
            place.expires_ms.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        };
        let found: Vec<_> = text.filters[1..].iter().map(expiry).collect();
        let expiries: Vec<_> = expiries.iter().map(|text| text.map(|text| text.parse().expect("an instant"))).collect();
        assert_eq!(found, expiries, "{example}");
        crate::plan::Plan::compile(&text).unwrap_or_else(|error| panic!("{example}: {error}"));
    }
}
