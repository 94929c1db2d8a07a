//! AG-1, AG-2, AG-5, BD-3: a partial is a function of the set of units, and merging obeys its laws.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::plan::tests::plan;

/// Every kind of aggregate.
const SEARCH: &str = "* | stats count count(a) min(a) max(a) range(a) values(a) dc(a) sum(a) avg(a) stdev(a) list(a) \
    first(a) last(a) mode(a) median(a) perc90(a) by eventName";

static PLAN: LazyLock<Plan> = LazyLock::new(|| plan(SEARCH));

/// A copy of a row of an event: everything else about it follows from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    event: u8,
    ordinal: u32,
    copy: u8,
}

fn seen() -> impl Strategy<Value = Seen> {
    (0..8u8, 0..2u32, 0..3u8).prop_map(|(event, ordinal, copy)| Seen { event, ordinal, copy })
}

fn add(plan: &Plan, bounds: &Bounds, partial: &mut Partial, seen: Seen) -> Added {
    let id: Arc<str> = format!("event-{}", seen.event).into();
    let unit = Unit {
        key: EventKey(seen.event.into()),
        ordinal: seen.ordinal,
        id: &id,
        // The copies of different events have their hashes in different orders.
        content_hash: u64::from(seen.copy ^ (seen.event % 3)),
        time: EventTime(i64::from(seen.event / 2) * 1000 + i64::from(seen.copy)),
    };
    let number = i32::from(seen.event) * 7 + i32::from(seen.copy) * 3 - 10;
    let input = match (seen.event + seen.copy) % 4 {
        0 => Value::Null,
        1 => Value::text(format!("text-{number}")),
        2 => Value::text(number.to_string()),
        _ => Value::from_scalars(vec![crate::plan::Scalar::text(number.to_string()), crate::plan::Scalar::text("x")]),
    };
    let mut inputs = vec![input; plan.leg(0).aggregates.len()];
    inputs[0] = Value::Null;
    partial.add(plan, bounds, &unit, &inputs).0
}

fn partial(plan: &Plan, bounds: &Bounds, all: &[Seen]) -> Partial {
    let mut partial = Partial::new(plan, 0);
    all.iter().for_each(|seen| _ = add(plan, bounds, &mut partial, *seen));
    partial
}

fn merged(plan: &Plan, bounds: &Bounds, partials: &[&Partial]) -> Partial {
    let mut merged = Partial::new(plan, 0);
    partials.iter().for_each(|partial| merged.merge(plan, bounds, partial));
    merged
}

fn tight() -> Bounds {
    Bounds { max_values: 2, max_distinct_values: 4, max_evidence: 3, ..Bounds::default() }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::One(crate::plan::Scalar::Number(number)) => *number,
        other => panic!("a count is a number: {other:?}"),
    }
}

fn values(plan: &Plan, partial: &Partial) -> Vec<Value> {
    (0..plan.leg(0).aggregates.len()).map(|index| partial.value(plan, index)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn order_of_adding_is_irrelevant_ag_5(
        (all, shuffled) in prop::collection::vec(seen(), 0..20)
            .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        caps in any::<bool>(),
    ) {
        let plan = &*PLAN;
        let bounds = if caps { tight() } else { Bounds::default() };
        let (one, other) = (partial(plan, &bounds, &all), partial(plan, &bounds, &shuffled));
        prop_assert_eq!(&one, &other);
        prop_assert_eq!(one.size_bytes(), other.size_bytes());
    }

    #[test]
    fn shards_merge_to_what_one_shard_would_hold_ag_1(
        units in prop::collection::vec((seen(), 0..3usize), 0..20), caps in any::<bool>(),
    ) {
        let plan = &*PLAN;
        let bounds = if caps { tight() } else { Bounds::default() };
        let all: Vec<Seen> = units.iter().map(|(seen, _)| *seen).collect();
        let shard = |wanted| units.iter().filter(|(_, shard)| *shard == wanted).map(|(seen, _)| *seen).collect::<Vec<_>>();
        let [a, b, c] = [0, 1, 2].map(|index| partial(plan, &bounds, &shard(index)));
        let whole = partial(plan, &bounds, &all);
        prop_assert_eq!(&merged(plan, &bounds, &[&a, &b, &c]), &whole);
        // Commutative.
        prop_assert_eq!(&merged(plan, &bounds, &[&c, &b, &a]), &whole);
        // Associative.
        let right = merged(plan, &bounds, &[&b, &c]);
        prop_assert_eq!(&merged(plan, &bounds, &[&a, &right]), &whole);
        // Idempotent.
        prop_assert_eq!(&merged(plan, &bounds, &[&whole, &whole, &a]), &whole);
        prop_assert_eq!(values(plan, &merged(plan, &bounds, &[&c, &a, &b])), values(plan, &whole));
    }

    #[test]
    fn what_is_counted_is_the_set_of_events_ag_2(all in prop::collection::vec(seen(), 0..30)) {
        let plan = &*PLAN;
        let partial = partial(plan, &Bounds::default(), &all);
        let units: std::collections::BTreeSet<_> = all.iter().map(|seen| (seen.event, seen.ordinal)).collect();
        let events: std::collections::BTreeSet<_> = all.iter().map(|seen| seen.event).collect();
        prop_assert_eq!(partial.value(plan, 0), Value::number(units.len() as f64));
        prop_assert_eq!(partial.event_count(), events.len() as u64);
        prop_assert!(!partial.count_is_upper_bound());
        prop_assert_eq!(partial.evidence().len(), events.len());
        prop_assert!(!partial.evidence_truncated());
    }

    #[test]
    fn beyond_the_bound_on_ids_the_count_is_an_upper_bound_and_says_so_ag_2(all in prop::collection::vec(seen(), 0..30)) {
        let plan = &*PLAN;
        let bounds = Bounds { max_ids_per_group: 4, ..Bounds::default() };
        let (bounded, exact) = (partial(plan, &bounds, &all), partial(plan, &Bounds::default(), &all));
        prop_assert_eq!(bounded.count_is_upper_bound(), exact.count() > 4);
        prop_assert!(bounded.count() >= exact.count());
        prop_assert!(bounded.event_count() >= exact.event_count());
        prop_assert!(number(&bounded.value(plan, 1)) >= number(&exact.value(plan, 1)));
        // Set-like aggregates go on.
        for index in 2..7 {
            prop_assert_eq!(bounded.value(plan, index), exact.value(plan, index));
        }
    }
}

#[test]
fn duplicates_and_conflicts_are_told_apart_ag_2() {
    let plan = &*PLAN;
    let bounds = Bounds::default();
    let mut partial = Partial::new(plan, 0);
    let seen = |copy| Seen { event: 1, ordinal: 0, copy };
    let added = [0, 0, 1, 0].map(|copy| add(plan, &bounds, &mut partial, seen(copy)));
    // The copy with the smallest hash is kept: here that of copy 1, so the first one conflicts from then on.
    assert_eq!(added, [Added::New, Added::Duplicate, Added::Conflict, Added::Conflict]);
    assert_eq!(partial.count(), 1);
    assert_eq!((partial.first_event(), partial.last_event()), (EventTime(0), EventTime(1)));
}

#[test]
fn capped_values_are_marked_and_not_chosen_by_their_spelling_bd_3() {
    let plan = plan("* | stats values(a) dc(a) by eventName");
    let shown = |sampling_key: [u8; 16]| {
        let bounds = Bounds { max_values: 3, max_distinct_values: 50, sampling_key, ..Bounds::default() };
        let mut partial = Partial::new(&plan, 0);
        for index in 0..40u8 {
            let id: Arc<str> = index.to_string().into();
            let unit = Unit { key: EventKey(index.into()), ordinal: 0, id: &id, content_hash: 0, time: EventTime(0) };
            let input = Value::text(format!("v{index:02}"));
            partial.add(&plan, &bounds, &unit, &[input.clone(), input]);
        }
        assert!(partial.values_truncated());
        assert_eq!(partial.value(&plan, 1), Value::number(40.0), "the exact count goes on beyond what is shown");
        assert!(partial.evidence_truncated());
        assert_eq!(partial.evidence().len(), 10);
        partial.value(&plan, 0).scalars().iter().map(|scalar| scalar.to_string()).collect::<Vec<_>>()
    };
    let (one, other) = (shown([1; 16]), shown([2; 16]));
    assert_eq!(one.len(), 3);
    assert!(one.is_sorted());
    assert_ne!(one, other, "without the key nobody can tell which are shown");
    assert_ne!(one, ["v00", "v01", "v02"]);
}

#[test]
fn dc_beyond_its_bound_is_marked_bd_3() {
    let plan = plan("* | stats dc(a) by eventName");
    let bounds = Bounds { max_distinct_values: 4, ..Bounds::default() };
    let mut partial = Partial::new(&plan, 0);
    for index in 0..5u8 {
        assert!(!partial.values_truncated());
        let id: Arc<str> = index.to_string().into();
        let unit = Unit { key: EventKey(index.into()), ordinal: 0, id: &id, content_hash: 0, time: EventTime(0) };
        partial.add(&plan, &bounds, &unit, &[Value::text(index.to_string())]);
    }
    assert!(partial.values_truncated());
    assert_eq!(partial.value(&plan, 0), Value::number(4.0));
}

#[test]
fn the_size_follows_what_is_held() {
    let plan = &*PLAN;
    let bounds = Bounds::default();
    let empty = Partial::new(plan, 0).size_bytes();
    let one = partial(plan, &bounds, &[Seen { event: 1, ordinal: 0, copy: 0 }]).size_bytes();
    let two = partial(plan, &bounds, &[Seen { event: 1, ordinal: 0, copy: 0 }, Seen { event: 2, ordinal: 0, copy: 0 }]);
    assert!(empty < one && one < two.size_bytes());
}

/// A shard beyond the bound cannot tell what another one has as well, so what each counted adds up.
#[test]
fn ag_2_counts_of_shards_beyond_the_bound_add_up_and_say_so() {
    let plan = &*PLAN;
    let bounds = Bounds { max_ids_per_group: 2, ..Bounds::default() };
    // An `a` in each, of events 1 and 2 two values in one of the copies.
    let shard = |events: std::ops::Range<u8>| {
        let seen: Vec<_> = events.map(|event| Seen { event, ordinal: 0, copy: (5 - event % 4) % 4 % 3 }).collect();
        partial(plan, &bounds, &seen)
    };
    let (one, other) = (shard(0..5), shard(5..8));
    let counts = |partial: &Partial| (partial.count(), partial.event_count(), number(&partial.value(plan, 1)));
    let (a, b) = (counts(&one), counts(&other));
    assert_eq!((a.0, a.1, b.0, b.1), (5, 5, 3, 3));
    assert!(a.2 >= 4.0 && b.2 >= 2.0, "units beyond the bound count their values: {a:?} {b:?}");
    for order in [[&one, &other], [&other, &one]] {
        let merged = merged(plan, &bounds, &order);
        assert_eq!(counts(&merged), (a.0 + b.0, a.1 + b.1, a.2 + b.2));
        assert!(merged.count_is_upper_bound());
    }
}

#[test]
fn bd_3_evidence_is_in_the_order_of_time_and_says_whether_there_is_more() {
    let all: Vec<_> = (0..8).rev().map(|event| Seen { event, ordinal: 0, copy: 0 }).collect();
    let bounds = |most, max_evidence| Bounds { max_ids_per_group: most, max_evidence, ..Bounds::default() };
    let whole = partial(&PLAN, &bounds(8, 8), &all);
    let evidence = whole.evidence();
    assert!(evidence.len() == 8 && evidence.is_sorted_by_key(|one| (one.time, one.event_id.clone())), "{evidence:?}");
    let truncated = |most, max_evidence| partial(&PLAN, &bounds(most, max_evidence), &all).evidence_truncated();
    assert_eq!([truncated(8, 8), truncated(8, 7), truncated(2, 7)], [false, true, true]);
}

/// Further rows of an event that is counted make no further event.
#[test]
fn ag_2_beyond_the_bound_on_ids_an_event_that_is_known_is_not_counted_again() {
    let bounds = Bounds { max_ids_per_group: 1, ..Bounds::default() };
    let rows: Vec<_> = (0..3).map(|ordinal| Seen { event: 1, ordinal, copy: 0 }).collect();
    let partial = partial(&PLAN, &bounds, &rows);
    assert_eq!((partial.event_count(), partial.count()), (1, 3));
}

/// What a row of several groups is made of.
#[test]
fn a_bare_partial_is_its_events_whatever_was_asked_of_them() {
    let count = plan("* | stats count by eventName");
    let seen: Vec<_> = (0..6).map(|event| Seen { event, ordinal: u32::from(event % 2), copy: event % 3 }).collect();
    let of = |plan: &Plan, seen: &[Seen]| partial(plan, &Bounds::default(), seen).bare();
    assert_eq!(of(&PLAN, &seen), of(&count, &seen));
    let mut met = of(&PLAN, &seen[..4]);
    met.merge(&count, &Bounds::default(), &of(&count, &seen[2..]));
    assert_eq!(met, of(&count, &seen));
}

#[test]
fn bd_2_the_size_holds_every_text_that_an_aggregate_keeps() {
    for function in ["list(a)", "first(a)", "mode(a)", "values(a)", "min(a)", "max(a)"] {
        let plan = plan(&format!("* | stats {function} by eventName"));
        let size = |length: usize| {
            let id: Arc<str> = "event".into();
            let unit = Unit { key: EventKey(1), ordinal: 0, id: &id, content_hash: 0, time: EventTime(0) };
            let mut partial = Partial::new(&plan, 0);
            partial.add(&plan, &Bounds::default(), &unit, &[Value::text("x".repeat(length))]);
            partial.size_bytes()
        };
        // Once, or twice where it is the smallest and the largest; glibc gives memory by 16 bytes.
        let grown = size(10_024) - size(24);
        assert!((10_000..20_032).contains(&grown), "{function}: {grown}");
        assert!(size(24) > Partial::new(&plan, 0).size_bytes() + 24, "{function}");
    }
}

/// Of events that are no evidence the id is there for the order of the inputs alone.
#[test]
fn bd_2_the_size_holds_the_id_of_every_event_whose_inputs_are_kept() {
    const EVENTS: u128 = 30;
    let plan = plan("* | stats list(a) by eventName");
    let mut partial = Partial::new(&plan, 0);
    for event in 0..EVENTS {
        let id: Arc<str> = format!("{event:01000}").into();
        let unit = Unit { key: EventKey(event), ordinal: 0, id: &id, content_hash: 0, time: EventTime(0) };
        partial.add(&plan, &Bounds::default(), &unit, &[Value::text("x")]);
    }
    assert!(partial.size_bytes() > 30 * 1000, "{}", partial.size_bytes());
}

/// The memory of the partial of another group, of this search or of another one, leaves no trace in what it is used for.
#[test]
fn ag_1_a_refilled_partial_is_what_the_contributions_come_to() {
    let plan = plan(
        "* | stats count count(a) values(a) dc(a) max(a) list(a) by eventName \
         | append [search * | stats count values(b) by eventName]",
    );
    let packed = |leg: u32, events: std::ops::Range<u8>| {
        let mut out = Vec::new();
        for event in events {
            let id: Arc<str> = format!("event-{event}").into();
            let time = EventTime(i64::from(event) * 1000);
            let unit = Unit { key: EventKey(event.into()), ordinal: 0, id: &id, content_hash: 0, time };
            let inputs = vec![Value::text(event.to_string()); plan.leg(leg).aggregates.len()];
            Contributions::push(&mut out, 0, &unit, &inputs);
        }
        out
    };
    let bounds = Bounds { max_ids_per_group: 4, max_values: 3, max_distinct_values: 4, ..Bounds::default() };
    let of = |leg: u32, packed: &[u8]| Partial::of(&plan, &bounds, leg, Contributions(packed));
    for (from, to) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        let (before, after) = (packed(from, 0..8), packed(to, 8..11));
        let mut partial = of(from, &before);
        partial.refill(&plan, &bounds, to, Contributions(&after));
        assert_eq!(partial, of(to, &after), "{from} to {to}");
    }
}
