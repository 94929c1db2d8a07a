//! A group says the same whichever form it has.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::cloudtrail::EventKey;
use crate::engine::ids::SequenceNumber;
use crate::plan::{GroupKey, Value};
use crate::time::EventTime;

fn plan(commands: &str) -> Arc<Plan> {
    let search = format!("E | stats count values(a) min(a) dc(a) list(a) by user {commands}");
    crate::engine::tests::support::plan("p", &search)
}

/// A contribution; everything about it follows from these.
#[derive(Clone, Copy, Debug)]
struct Seen {
    shard: u32,
    event: u8,
    ordinal: u32,
    copy: u8,
}

fn seen(shards: u32) -> impl Strategy<Value = Seen> {
    (0..shards, 0..90u8, 0..2u32, 0..3u8).prop_map(|(shard, event, ordinal, copy)| Seen { shard, event, ordinal, copy })
}

fn add(group: &mut Group, plan: &Plan, bounds: &Bounds, record: usize, seen: Seen) -> Added {
    let number = SequenceNumber::try_new(&(record + 1).to_string()).unwrap();
    let position = Position::After(number, 0);
    let effective = Arrival(i64::from(seen.event) * 10);
    let origin = Origin { shard: ShardIx(seen.shard), position: &position, effective };
    let event = EvaluatedEvent {
        key: EventKey(seen.event.into()),
        id: format!("event-{}", seen.event).into(),
        content_hash: u64::from(seen.copy ^ (seen.event % 3)),
        time: EventTime(i64::from(seen.event) * 1000 + i64::from(seen.copy)),
        outcomes: vec![],
    };
    let value = match seen.event % 3 {
        0 => Value::Null,
        1 => Value::text(format!("{}-{}", seen.event, seen.copy)),
        _ => Value::from_scalars(vec![crate::plan::Scalar::text("x"), crate::plan::Scalar::Number(seen.copy.into())]),
    };
    let mut inputs = vec![value; 5];
    inputs[0] = Value::Null;
    let key = GroupKey { leg: 0, values: vec![crate::plan::Scalar::text("u")], event: None, ordinal: 0 };
    let contribution = Contribution { group: key, ordinal: seen.ordinal, inputs };
    group.add(plan, bounds, &origin, &event, &contribution, &mut Vec::new())
}

fn whole(group: &Group, plan: &Plan, bounds: &Bounds, scratch: &mut Option<Partial>) -> Partial {
    group.with_whole(plan, bounds, 0, scratch, Partial::clone)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ag_1_a_small_group_says_what_its_partials_would(
        all in (1..6u32).prop_flat_map(|shards| prop::collection::vec(seen(shards), 1..90)),
        threshold in any::<bool>(), max_ids_per_group in prop_oneof![Just(3), Just(100_000)],
    ) {
        let plan = plan(if threshold { "| where count > 3" } else { "" });
        let bounds = Bounds { max_ids_per_group, ..Bounds::default() };
        let (mut group, mut grown, mut scratch) = (Group::default(), Group::default(), None);
        for (record, seen) in all.into_iter().enumerate() {
            let added = add(&mut group, &plan, &bounds, record, seen);
            prop_assert_eq!(added, add(&mut grown, &plan, &bounds, record, seen));
            grown.grow(&plan, &bounds, 0);
            prop_assert_eq!(whole(&group, &plan, &bounds, &mut scratch), whole(&grown, &plan, &bounds, &mut None));
            prop_assert_eq!(group.newest(), grown.newest());
            prop_assert_eq!(group.newest_arrival(), grown.newest_arrival());
        }
    }
}

#[test]
fn what_was_told_stays_told_as_it_grows() {
    let (plan, bounds) = (plan(""), Bounds::default());
    for (announced, first_look_done) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut group = Group::default();
        for event in 0..100 {
            add(&mut group, &plan, &bounds, event.into(), Seen { shard: 0, event, ordinal: 0, copy: 0 });
            if event == 0 {
                assert!(!group.told().announced && !group.told().first_look_done);
                group.tell(Told { announced, first_look_done });
            }
            assert_eq!((group.told().announced, group.told().first_look_done), (announced, first_look_done));
        }
        assert!(matches!(group, Group::Many(_)));
        group.tell(Told { announced: !announced, first_look_done: !first_look_done });
        assert_eq!((group.told().announced, group.told().first_look_done), (!announced, !first_look_done));
    }
}

/// Which form a group has changes nothing but what it costs.
#[test]
fn events_are_kept_as_they_came_up_to_the_number_of_their_values() {
    // Of one value each, or of two.
    let kept_of = |kind: u8, commands, max_ids_per_group, shards| {
        let (plan, bounds) = (plan(commands), Bounds { max_ids_per_group, ..Bounds::default() });
        let mut group = Group::default();
        let mut few: u64 = 0;
        for number in 0..80 {
            let (shard, event) = (u32::from(number) % shards, number * 3 + kind);
            add(&mut group, &plan, &bounds, number.into(), Seen { shard, event, ordinal: 0, copy: 0 });
            few += u64::from(matches!(group, Group::Few(_)));
        }
        few
    };
    let kept = |commands, max_ids_per_group, shards| kept_of(1, commands, max_ids_per_group, shards);
    assert_eq!(kept_of(2, "", 100, 1), FEW.div_ceil(2));
    for shards in [1, 2, 7, 50] {
        assert_eq!((kept("", 100, shards), kept("| where count > 3", 100, shards)), (FEW, FEW_LOOKED_AT));
        assert_eq!(kept("", 3, shards), 3, "no more than ids are kept");
        assert_eq!(kept("| where count > 20", 100, shards), 20, "nobody looks before");
        assert_eq!(kept("| where count > 100", 100, shards), FEW);
    }
}

#[test]
fn bd_2_values_that_repeat_are_kept_once_as_soon_as_they_take_much() {
    let (plan, bounds) = (plan(""), Bounds::default());
    let mut group = Group::default();
    let position = Position::Start;
    let origin = Origin { shard: ShardIx(0), position: &position, effective: Arrival(0) };
    let mut bytes = Vec::new();
    for event in 0..32_u8 {
        let key = EventKey(event.into());
        let event = EvaluatedEvent { key, id: "e".into(), content_hash: 0, time: EventTime(0), outcomes: vec![] };
        let inputs = vec![Value::Null, Value::text("x".repeat(3000)), Value::Null, Value::Null, Value::Null];
        let key = GroupKey { leg: 0, values: vec![], event: None, ordinal: 0 };
        let contribution = Contribution { group: key, ordinal: 0, inputs };
        group.add(&plan, &bounds, &origin, &event, &contribution, &mut Vec::new());
        bytes.push(group.heap_bytes());
    }
    assert!(bytes.iter().all(|bytes| *bytes < 20_000), "{bytes:?}");
}

/// Sub-sequence numbers take one byte or five, so that a head may become shorter than it was.
#[test]
fn ag_1_what_was_kept_stays_where_heads_become_shorter() {
    let (plan, bounds) = (plan(""), Bounds::default());
    for bytes in [1, 50, 100, 130, 200, 300] {
        let (mut group, mut came) = (Group::default(), 0);
        for (record, (event, sub)) in (0..60_u8).flat_map(|event| [(event, u32::MAX), (event, 0)]).enumerate() {
            let number = SequenceNumber::try_new(&(100 + record).to_string()).unwrap();
            let position = Position::After(number, sub);
            let origin = Origin { shard: ShardIx(0), position: &position, effective: Arrival(0) };
            let key = EventKey(event.into());
            let event = EvaluatedEvent { key, id: "e".into(), content_hash: 0, time: EventTime(0), outcomes: vec![] };
            let text = Value::text(format!("{record:0bytes$}"));
            let inputs = vec![Value::Null, text, Value::Null, Value::Null, Value::Null];
            let key = GroupKey { leg: 0, values: vec![], event: None, ordinal: 0 };
            let contribution = Contribution { group: key, ordinal: 0, inputs };
            let added = group.add(&plan, &bounds, &origin, &event, &contribution, &mut Vec::new());
            came += u64::from(added == Added::New);
            assert_eq!(
                group.with_whole(&plan, &bounds, 0, &mut None, Partial::event_count),
                came,
                "{bytes} bytes each"
            );
            assert_eq!(group.newest(), [(ShardIx(0), position)]);
        }
        assert_eq!(came, 60);
    }
}

#[test]
fn a_group_takes_two_words_in_its_instance() {
    assert_eq!(size_of::<Group>(), 2 * size_of::<usize>());
}
