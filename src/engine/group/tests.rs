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

/// Whether an event need be compared is told by a bit that it has in common with others: event 64 has that of 0.
#[test]
fn ag_2_a_copy_is_recognised_wherever_it_comes_and_another_event_is_not_taken_for_one() {
    let (plan, bounds, mut group) = (plan(""), Bounds::default(), Group::default());
    let steps = [
        (0, 0, Added::New),
        (1, 0, Added::New),
        (0, 0, Added::Duplicate),
        (64, 0, Added::New),
        (2, 0, Added::New),
        (1, 0, Added::Duplicate),
        (0, 1, Added::Conflict),
        (64, 0, Added::Duplicate),
        (65, 0, Added::New),
        (2, 1, Added::Conflict),
    ];
    for (record, (event, copy, expected)) in steps.into_iter().enumerate() {
        let seen = Seen { shard: 0, event, ordinal: 0, copy };
        assert_eq!(add(&mut group, &plan, &bounds, record, seen), expected, "record {record}");
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

/// One contribution of so many bytes of text, of this event and this shard.
fn add_text(group: &mut Group, plan: &Plan, event: u8, bytes: usize, shard: u32, position: &Position) -> Added {
    let origin = Origin { shard: ShardIx(shard), position, effective: Arrival(i64::MAX) };
    let key = EventKey(event.into());
    let event = EvaluatedEvent { key, id: "e".into(), content_hash: 0, time: EventTime(0), outcomes: vec![] };
    let inputs = vec![Value::Null, Value::text("x".repeat(bytes)), Value::Null, Value::Null, Value::Null];
    let key = GroupKey { leg: 0, values: vec![], event: None, ordinal: 0 };
    let contribution = Contribution { group: key, ordinal: u32::MAX, inputs };
    group.add(plan, &Bounds::default(), &origin, &event, &contribution, &mut Vec::new())
}

#[test]
fn bd_2_values_that_repeat_are_kept_once_as_soon_as_they_take_much() {
    let (plan, mut group) = (plan(""), Group::default());
    for event in 0..32_u8 {
        add_text(&mut group, &plan, event, 3000, 0, &Position::Start);
        assert!(group.heap_bytes() < 16_000, "{event}: {}", group.heap_bytes());
    }
}

/// Sub-sequence numbers take one byte or five, so that a head may become shorter than it was.
#[test]
fn ag_1_what_was_kept_stays_where_heads_become_shorter() {
    let (plan, bounds) = (plan(""), Bounds::default());
    for bytes in [1, 50, 100, 130, 200, 300] {
        let (mut group, mut came) = (Group::default(), 0);
        for (record, (event, sub)) in (0..60_u8).flat_map(|event| [(event, u32::MAX), (event, 0)]).enumerate() {
            let position = Position::After(SequenceNumber::try_new(&(100 + record).to_string()).unwrap(), sub);
            came += u64::from(add_text(&mut group, &plan, event, bytes, 0, &position) == Added::New);
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
fn ag_1_as_many_shards_as_contributions_are_named_by_the_longest_positions() {
    let (plan, bounds, mut group) = (plan(""), Bounds::default(), Group::default());
    let position = Position::After(SequenceNumber::try_new(&"9".repeat(128)).unwrap(), u32::MAX);
    for event in 0..64_u8 {
        let shard = u32::MAX - u32::from(event);
        assert_eq!(add_text(&mut group, &plan, event, 1, shard, &position), Added::New);
        group.tell(Told { announced: true, first_look_done: true });
        assert_eq!(matches!(group, Group::Few(_)), u64::from(event) < FEW);
        let count = usize::from(event) + 1;
        let newest: Vec<_> = (0..count).map(|before| (ShardIx(shard + before as u32), position.clone())).collect();
        assert_eq!(group.newest(), newest);
        assert_eq!(group.with_whole(&plan, &bounds, 0, &mut None, Partial::event_count), count as u64);
        assert!(group.told().announced && group.told().first_look_done);
    }
}

/// Room for further contributions is a quarter of the group at most, and copies make none.
#[test]
fn bd_2_a_group_that_grows_is_moved_seldom_and_leaves_a_quarter_unused_at_the_most() {
    const TEXT: usize = 60;
    let (plan, mut group, mut sizes) = (plan(""), Group::default(), Vec::new());
    for event in 0..62_u8 {
        let number = SequenceNumber::try_new(&format!("4959{event:052}")).unwrap();
        let add = |group: &mut Group| {
            add_text(group, &plan, event, TEXT, u32::from(event % 3), &Position::After(number.clone(), 0));
            group.heap_bytes()
        };
        let (bytes, with_copy) = (add(&mut group), add(&mut group));
        // From then on three bytes of lengths are kept, and eight that say which events may be there.
        let more = if event == 0 { 16 } else { 0 };
        assert!((bytes..=bytes + more).contains(&with_copy), "{with_copy} with a copy, {bytes} without");
        let count = usize::from(event) + 1;
        // Beside its text a contribution takes at most 42 bytes, and the head no more than three positions.
        let most = (count * (TEXT + 42) + 120) * 5 / 4 + 32;
        assert!((count * (TEXT + 24)..most).contains(&bytes), "{count}: {bytes}, at most {most}");
        sizes.push(with_copy);
    }
    assert!(matches!(group, Group::Few(_)));
    sizes.dedup();
    assert!(sizes.len() < 24, "{sizes:?}");
}

#[test]
fn a_group_takes_two_words_in_its_instance() {
    assert_eq!(size_of::<Group>(), 2 * size_of::<usize>());
}
