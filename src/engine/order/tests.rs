use std::collections::BTreeSet;
use std::sync::Arc;

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

/// Also such as begin alike for longer than groups are told apart at first sight.
fn scalar() -> impl Strategy<Value = Scalar> {
    let long = "aaaaaaaaaa[ab\u{0}]{0,8}".prop_map(Scalar::text);
    prop_oneof![(-3..3i32).prop_map(|n| Scalar::Number(f64::from(n) / 2.0)), "[ab]{0,3}".prop_map(Scalar::text), long]
}

/// Of the two searches of [`joined`], whose groups have two by-values and one.
fn key() -> impl Strategy<Value = GroupKey> {
    (0..2u32, scalar(), scalar()).prop_map(|(leg, one, two)| {
        let values = if leg == 0 { vec![one, two] } else { vec![one] };
        GroupKey { leg, values, event: None, ordinal: 0 }
    })
}

fn joined() -> Arc<Plan> {
    plan("p", "E | stats count by user, src | append [search F | stats count by user | where count > 1]")
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn wn_6_groups_come_in_the_order_of_their_keys(keys in prop::collection::vec(key(), 0..80)) {
        prop_assert_eq!(ordered(&joined(), &keys), sorted(&keys));
    }

    /// As of the shipped detection, of which all groups have one source.
    #[test]
    fn wn_6_groups_that_begin_alike_come_in_order(
        search in 0..2u32, first in scalar(), values in prop::collection::vec((scalar(), scalar()), 0..80),
    ) {
        let of = |(second, third)| GroupKey { leg: search, values: vec![first.clone(), second, third], event: None, ordinal: 0 };
        let mut keys: Vec<GroupKey> = values.into_iter().map(of).collect();
        let joined = "E | stats count by a, b, c | append [search F | stats count by a, b, c | where count > 1]";
        prop_assert_eq!(ordered(&plan("p", joined), &keys), sorted(&keys));
        keys.iter_mut().for_each(|key| key.leg = 0);
        prop_assert_eq!(ordered(&plan("p", "E | stats count by a, b, c"), &keys), sorted(&keys));
    }

    #[test]
    fn wn_6_events_that_are_their_own_groups_come_in_the_order_of_their_ids(
        events in prop::collection::vec((any::<u128>(), 0..3u32), 0..80),
    ) {
        let of = |(event, ordinal)| GroupKey { leg: 0, values: vec![], event: Some(EventKey(event)), ordinal };
        let keys: Vec<GroupKey> = events.into_iter().map(of).collect();
        // The keys of a subsearch are longer.
        let joined = "E | table user | append [search F | stats count by a, b, c, d, e, f, g]";
        for search in ["E | table user", joined] {
            prop_assert_eq!(ordered(&plan("p", search), &keys), sorted(&keys));
        }
    }
}

#[test]
fn wn_6_more_groups_than_are_sorted_at_a_time_come_in_order() {
    let plan = plan("p", "E | stats count by user");
    let of = |number: usize| {
        let user = Scalar::text(format!("user-{}", number * 7919 % 100_000));
        GroupKey { leg: 0, values: vec![user], event: None, ordinal: 0 }
    };
    let keys: Vec<GroupKey> = (0..2 * RUN + 5).map(of).collect();
    assert_eq!(ordered(&plan, &keys), sorted(&keys));
}
