//! AG-4: what was read is counted, and how; each of it more than once.

use std::collections::BTreeMap;

use super::support::{Stream, event, named, plan};
use crate::cloudtrail::RejectReason;
use crate::engine::{Counters, Input, Output, PlanCounters};
use crate::risk_event::DeliveryKey;

const COUNT: &str = "eventName=E | stats count by user";

#[test]
fn ag_4_every_event_is_counted_as_what_it_was() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    stream.put(0, 25_000, &[event("1", 25_000, "ann"), named("F", "2", 25_000, "ann"), named("F", "3", 25_000, "ann")]);
    stream.put(0, 25_001, &[event("1", 25_000, "ann"), event("1", 25_000, "ann")]);
    // Of a window that is complete, and beyond the skew of 100 s.
    stream.put(0, 25_002, &[event("4", 1_000, "ann"), event("5", 2_000, "bob")]);
    stream.put(0, 25_003, &[event("6", 200_000, "ann"), event("7", 300_000, "bob"), event("8", 400_000, "cat")]);
    let nobody = |id: &str| event(id, 25_000, "ann").replace(r#""userName":"ann""#, r#""type":"Root""#);
    stream.put(0, 25_004, &[nobody("9"), nobody("10")]);
    let rejected = stream.put(0, 25_005, &["{".to_owned()]).len() + stream.put(0, 25_006, &["[".to_owned()]).len();
    assert_eq!(rejected, 0);
    let plan = PlanCounters {
        counted: 6,
        unmatched: 2,
        duplicate: 2,
        null_by: 2,
        null_by_field: vec![2],
        late: 2,
        future: 3,
        ..PlanCounters::default()
    };
    let expected = Counters {
        records: 7,
        events: 12,
        rejected: BTreeMap::from([(RejectReason::BadJson, 2)]),
        plans: vec![plan],
        ..Counters::default()
    };
    assert_eq!(stream.engine.counters(), &expected);
    assert_eq!(expected.plans[0].events(), 12);
    stream.tip_all(1_000_000);
    let instances = 1 + 1 + 3;
    assert_eq!(stream.engine.counters(), &Counters { closed: instances, ..expected });
}

#[test]
fn cp_4_what_is_read_again_is_counted_apart() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    let records = [1_000, 1_001, 1_002].map(|arrival| (arrival, [event(&arrival.to_string(), 500, "ann")]));
    records.iter().for_each(|(arrival, events)| drop(stream.put(0, *arrival, events)));
    let stored = stream.checkpoint();
    let mut next = Stream::restored(vec![plan("a", COUNT)], 1, stored, 5_000);
    records.iter().for_each(|(arrival, events)| drop(next.put(0, *arrival, events)));
    next.put(0, 1_003, &[event("1003", 500, "ann")]);
    let counters = next.engine.counters();
    assert_eq!((counters.records, counters.replayed_records, counters.events), (4, 3, 4));
}

/// Two windows of which the second one, still open, holds what is read again before the events of the first.
#[test]
fn cp_4_events_of_released_windows_are_counted_as_read_again() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    let records =
        [(1_000, vec![event("1", 12_000, "ann")]), (1_001, vec![event("2", 500, "ann"), event("3", 500, "ann")])];
    records.iter().for_each(|(arrival, events)| drop(stream.put(0, *arrival, events)));
    stream.tip_all(11_000);
    let stored = stream.checkpoint();
    let mut next = Stream::restored(vec![plan("a", COUNT)], 1, stored, 12_000);
    records.iter().for_each(|(arrival, events)| drop(next.put(0, *arrival, events)));
    let counters = &next.engine.counters().plans[0];
    assert_eq!((counters.counted, counters.replayed, counters.events()), (1, 2, 3));
}

#[test]
fn rd_3_records_that_come_later_than_was_promised_are_counted() {
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    stream.put(0, 1_000, &[event("1", 500, "ann")]);
    stream.tip(0, 5_000);
    stream.put(0, 4_998, &[event("2", 600, "ann")]);
    stream.put(0, 4_999, &[event("3", 700, "ann")]);
    // Not before those; and one that keeps the promise.
    stream.put(0, 5_000, &[event("4", 700, "ann")]);
    stream.put(0, 5_001, &[event("5", 700, "ann")]);
    assert_eq!(stream.engine.counters().tip_slack_violations, 1, "what follows a lifted one follows it");
}

#[test]
fn ag_4_rows_that_an_event_does_not_become_are_counted() {
    let list = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let cut =
        format!("eventName=E | eval a=split(\"{list}\", \",\"), b=a | mvexpand a | mvexpand b | stats count by user");
    let without =
        "eventName=E | eval a=split(user, \",\") | mvexpand a | eval k=if(a=\"x\", a, null()) | stats count by k";
    let nothing = cut.replace("| stats", "| search a=none | stats");
    let mut stream = Stream::new(vec![plan("a", &cut), plan("b", without), plan("c", &nothing)], 1);
    stream.put(0, 1_000, &[event("1", 500, "x,y,z"), event("2", 500, "x,y,z")]);
    let [cut, without, nothing] = &stream.engine.counters().plans[..] else { panic!("three plans") };
    assert_eq!((cut.cut_rows, cut.null_by_rows, cut.counted), (200, 0, 2));
    assert_eq!((without.cut_rows, without.null_by_rows, without.counted), (0, 4, 2));
    assert_eq!(
        (nothing.cut_rows, nothing.unmatched, nothing.events()),
        (200, 2, 2),
        "what is left of them does not match"
    );
}

#[test]
fn bd_2_what_an_early_risk_event_takes_is_given_back_when_it_is_acknowledged() {
    const GROUPS: usize = 50;
    let mut stream = Stream::new(vec![plan("a", COUNT)], 1);
    let events: Vec<_> = (0..GROUPS).map(|n| event(&n.to_string(), 500, &format!("user-{n}"))).collect();
    stream.read(0, 1_000, &events);
    let told: Vec<_> = std::iter::from_fn(|| stream.engine.poll_output()).collect();
    let keys = told.iter().filter_map(|output| if let Output::Emit(event) = output { Some(event) } else { None });
    let before = stream.engine.gauges().state_bytes;
    keys.for_each(|event| stream.engine.handle_input(Input::Delivered(event.delivery_key())));
    let after = stream.engine.gauges().state_bytes;
    assert!(before >= after + GROUPS * size_of::<DeliveryKey>(), "{before} and {after}");
    stream.tip_all(100_000);
    assert_eq!(stream.engine.gauges().state_bytes, 0);
}

/// Of a copy with other bytes one row may be new, and another one known.
#[test]
fn ag_4_an_event_is_counted_if_any_row_made_from_it_is() {
    let mut stream = Stream::new(vec![plan("a", "eventName=E | eval k=split(user, \",\") | stats count by k")], 1);
    let mut counted = |users: &str| {
        stream.put(0, 1_000, &[event("1", 500, users)]);
        let counters = &stream.engine.counters().plans[0];
        (counters.counted, counters.duplicate, counters.conflicts)
    };
    assert_eq!(counted("ann,bob,cat"), (1, 0, 0));
    assert_eq!(counted("dan,bob,cat"), (2, 0, 2), "the first row is new");
    assert_eq!(counted("ann,bob,eve"), (3, 0, 4), "the last one is");
    assert_eq!(counted("dan,bob,eve"), (3, 1, 7));
}
