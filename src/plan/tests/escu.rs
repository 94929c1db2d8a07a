//! Splunk's own detections over one event of each of their data sources. The expected rows are written from the
//! searches, the events and `docs/fields.md`.

mod expected;

use expected::{SILENT, UNUSUAL, USUAL, Usual, open_keys};

use super::corpus::{escu, examples};
use super::*;
use crate::plan::GroupRow;

/// Every row of a detection over these events.
pub(super) fn rows_over(plan: &Plan, events: &[Event<'_>]) -> Vec<String> {
    let groups = groups(plan, events);
    if !plan.whole_result() {
        return groups
            .iter()
            .flat_map(|(group, partial)| rows_of(plan, group, partial).rows)
            .map(|row| shown(&row))
            .collect();
    }
    let rows = groups.iter().flat_map(|(group, partial)| {
        let rows = rows_of(plan, group, partial).rows;
        rows.into_iter().map(|row| GroupRow {
            group: group.clone(),
            time: partial.first_event(),
            row,
            values_truncated: false,
        })
    });
    let concluded = plan.conclude(&Bounds::default(), rows.collect(), EventTime(i64::MAX));
    concluded.rows.iter().map(|row| shown(&row.row)).collect()
}

#[test]
fn every_detection_makes_of_the_examples_what_its_search_says() {
    let rows = |rows: &[Usual]| rows.iter().map(Usual::row).collect::<Vec<_>>();
    let keys = ("aws_detect_users_creating_keys_with_encrypt_policy_without_mfa", rows(&open_keys()));
    let expected = USUAL.iter().map(|(name, usual)| (*name, rows(usual))).chain([keys]);
    let expected = expected.chain(UNUSUAL.map(|(name, row)| (name, vec![row.to_owned()])));
    let mut expected: std::collections::BTreeMap<_, _> =
        expected.chain(SILENT.map(|(name, _)| (name, vec![]))).collect();
    for (name, plan) in escu() {
        let rows = expected.remove(name.as_str()).unwrap_or_else(|| panic!("{name} is in no table"));
        let mut made = rows_over(&plan, &examples());
        made.sort();
        assert_eq!(made, rows, "{name}");
    }
    assert!(expected.is_empty(), "the tables name detections that do not load: {:?}", expected.keys());
}
