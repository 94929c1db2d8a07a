use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::cloudtrail::EventKey;
use crate::engine::tests::support::plan;
use crate::plan::Scalar;

const KEY: [u8; 16] = [7; 16];

fn ordered(plan: &Plan, keys: &[GroupKey]) -> Vec<GroupKey> {
    let mut groups = Groups::new(plan);
    let names: Vec<GroupIx> = keys.iter().map(|key| groups.entry(plan, &KEY, key)).collect();
    for (key, name) in keys.iter().zip(names) {
        assert_eq!(groups.entry(plan, &KEY, key), name, "a key has one group");
    }
    let mut ordered = Ordered::new(groups);
    let mut all = Vec::new();
    loop {
        match ordered.next(plan) {
            Next::Sorting => {}
            Next::Group(key, _) => all.push(key),
            Next::None => return all,
        }
    }
}

fn sorted(keys: &[GroupKey]) -> Vec<GroupKey> {
    keys.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Also such as begin alike for longer than a prefix.
fn scalar() -> impl Strategy<Value = Scalar> {
    let long = "aaaaaaaaaa[ab\u{0}]{0,8}".prop_map(Scalar::text);
    prop_oneof![(-3..3i32).prop_map(|n| Scalar::Number(f64::from(n) / 2.0)), "[ab]{0,3}".prop_map(Scalar::text), long]
}

/// Of a search with so many by-values.
fn key(values: usize) -> impl Strategy<Value = GroupKey> {
    prop::collection::vec(scalar(), values).prop_map(|values| GroupKey { leg: 0, values, event: None, ordinal: 0 })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wn_6_groups_come_in_the_order_of_their_keys(
        keys in (0..4usize).prop_flat_map(|values| prop::collection::vec(key(values), 0..80)),
    ) {
        let search = ["E | stats count", "E | stats count by a", "E | stats count by a, b", "E | stats count by a, b, c"];
        let values = keys.first().map_or(0, |key| key.values.len());
        prop_assert_eq!(ordered(&plan("p", search[values]), &keys), sorted(&keys));
    }

    /// As of the shipped detection, of which all groups may have one source.
    #[test]
    fn wn_6_groups_that_begin_alike_come_in_order(
        first in scalar(), mut keys in prop::collection::vec(key(3), 0..80),
    ) {
        keys.iter_mut().for_each(|key| key.values[0] = first.clone());
        prop_assert_eq!(ordered(&plan("p", "E | stats count by a, b, c"), &keys), sorted(&keys));
    }

    #[test]
    fn wn_6_events_that_are_their_own_groups_come_in_the_order_of_their_ids(
        events in prop::collection::vec((any::<u128>(), 0..3u32), 0..80),
    ) {
        let of = |(event, ordinal)| GroupKey { leg: 0, values: vec![], event: Some(EventKey(event)), ordinal };
        let keys: Vec<GroupKey> = events.into_iter().map(of).collect();
        prop_assert_eq!(ordered(&plan("p", "E | table user"), &keys), sorted(&keys));
    }

    /// EM-5: where they are needed all at once. Of three searches with two by-values, one, and none but the event.
    #[test]
    fn wn_6_the_groups_of_several_searches_come_in_the_order_of_their_keys(
        two in prop::collection::vec(key(2), 0..20), one in prop::collection::vec(key(1), 0..20),
        events in prop::collection::vec(any::<u128>(), 0..20),
    ) {
        let own = |event| GroupKey { leg: 2, values: vec![], event: Some(EventKey(event)), ordinal: 0 };
        let one = one.into_iter().map(|key| GroupKey { leg: 1, ..key });
        let keys: Vec<GroupKey> = two.into_iter().chain(one).chain(events.into_iter().map(own)).collect();
        let plan = plan("p", "E | stats count by a, b | append [search F | stats count by a] | append [search G | table a]");
        let mut groups = Groups::new(&plan);
        for key in &keys {
            groups.entry(&plan, &KEY, key);
        }
        prop_assert_eq!(groups.into_map(&plan).into_keys().collect::<Vec<_>>(), sorted(&keys));
    }
}

#[test]
fn wn_6_more_groups_than_are_sorted_at_a_time_come_in_order() {
    let plan = plan("p", "E | stats count by user");
    let of = |number: usize| {
        // They differ behind their prefixes.
        let user = Scalar::text(format!("arn:aws:iam::123456789012:user/{}", number * 7919 % 100_000));
        GroupKey { leg: 0, values: vec![user], event: None, ordinal: 0 }
    };
    let keys: Vec<GroupKey> = (0..2 * RUN + 5).map(of).collect();
    assert_eq!(ordered(&plan, &keys), sorted(&keys));
}
