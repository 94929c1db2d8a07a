//! EM-5: an instance whose rows are made when all of its groups are there.

use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::cloudtrail::{DecodeLimits, decode};
use crate::engine::{
    EngineConfig, EvaluatedEvent, EvaluatedRecord, Input, Position, SequenceNumber, ShardId, ShardRef, StartPosition,
    StreamIdentity, Timing,
};
use crate::plan::{Plan, tests::text};

const HOUR: i64 = 3_600_000;

fn engine(search: &str, bounds: Bounds) -> (Engine, Arc<Plan>) {
    let plan = Arc::new(Plan::compile(&text(search)).expect("it compiles"));
    let config = EngineConfig {
        source_name: "test".into(),
        stream: StreamIdentity { name: "stream".into(), created_at: 0 },
        bounds,
        max_state_bytes: usize::MAX,
        timing: Timing::Live,
        start: StartPosition::TrimHorizon,
        started_at: Arrival(0),
        unseen_from: Arrival::MIN,
    };
    let mut engine = Engine::new(config, vec![Arc::clone(&plan)]);
    let shard = |n| ShardRef { shard: shard(n), parents: Vec::new() };
    engine.handle_input(Input::ShardsListed(vec![shard(0), shard(1)]));
    (engine, plan)
}

fn shard(n: usize) -> ShardId {
    ShardId(format!("shard-{n}").into())
}

/// One record a (user, minute), on the shards by turns.
fn read(engine: &mut Engine, plan: &Plan, events: &[(&str, i64)]) {
    for (n, (user, minute)) in events.iter().enumerate() {
        let json = json!({
            "eventVersion": "1.08", "eventID": format!("event-{n}"), "eventName": "GetUser", "u": user,
            "eventSource": "iam.amazonaws.com", "eventTime": format!("1970-01-01T00:{minute:02}:00Z"),
        });
        let event = decode(json.to_string().as_bytes(), &DecodeLimits::default()).events.remove(0);
        let outcomes = plan.evaluate(&event).map(|outcome| (0, outcome)).into_iter().collect();
        let (key, content_hash, id, time) = (event.key, event.content_hash(), event.id().into(), event.time);
        let sequence = SequenceNumber::try_new(&(n + 1).to_string()).expect("digits");
        let record = EvaluatedRecord {
            position: Position::After(sequence, 0),
            arrival: Arrival(time.0),
            events: vec![EvaluatedEvent { key, id, content_hash, time, outcomes }],
            decoded: 1,
            rejected: Vec::new(),
        };
        engine.handle_input(Input::Records { shard: shard(n % 2), records: vec![record] });
    }
}

/// The finals of the first window. Before it closes nothing is emitted.
fn finals(engine: &mut Engine) -> Vec<RiskEvent> {
    let mut early = std::iter::from_fn(|| engine.poll_output()).filter(|output| matches!(output, Output::Emit(_)));
    assert!(early.next().is_none(), "EM-5: no early stage");
    for n in 0..2 {
        engine.handle_input(Input::AtTip { shard: shard(n), read_through: Arrival(2 * HOUR) });
    }
    let outputs = std::iter::from_fn(|| engine.poll_output());
    outputs.filter_map(|output| if let Output::Emit(event) = output { Some(*event) } else { None }).collect()
}

const EVENTS: [(&str, i64); 6] = [("ann", 1), ("bob", 2), ("bob", 3), ("cat", 4), ("bob", 5), ("ann", 6)];

fn run(search: &str) -> (Vec<RiskEvent>, Engine) {
    run_within(search, Bounds::default())
}

fn run_within(search: &str, bounds: Bounds) -> (Vec<RiskEvent>, Engine) {
    let (mut engine, plan) = engine(search, bounds);
    read(&mut engine, &plan, &EVENTS);
    (finals(&mut engine), engine)
}

fn column(event: &RiskEvent, name: &str) -> String {
    let value = event.row.iter().find(|(column, _)| &**column == name).map(|(_, value)| value);
    value.expect("the column").scalars().iter().map(ToString::to_string).collect()
}

#[test]
fn em_5_rows_come_in_the_searchs_order_when_the_window_is_complete() {
    let (events, engine) = run("* | stats count by u | sort -count | head 2");
    let shown: Vec<_> = events.iter().map(|event| (column(event, "u"), event.event_count)).collect();
    assert_eq!(shown, [("bob".to_owned(), 3), ("ann".to_owned(), 2)]);
    assert!(events.iter().all(|event| event.stage == Stage::Final && event.pane == Pane::OnTime));
    assert_eq!(engine.gauges().state_bytes, 0, "what was held is given back");
    assert_eq!(engine.gauges().open_instances, 0);
}

/// A row keeps the id of its group whatever the commands over all rows add to it.
#[test]
fn em_3_rows_have_the_id_of_their_group() {
    let (events, _) = run("* | stats count by u | eventstats avg(count) as mean");
    let ids: std::collections::BTreeSet<_> = events.iter().map(|event| event.id).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(events[1].group, [("u".into(), crate::plan::Value::text("bob"))]);
    assert_eq!(column(&events[1], "mean"), "2");
}

#[test]
fn a_row_of_several_groups_has_the_evidence_of_all_of_them() {
    let (events, _) = run("* | stats count by u | search u!=cat | stats sum(count) as total by count");
    let two = events.iter().find(|event| column(event, "count") == "2").expect("ann has two");
    assert_eq!((two.event_count, two.first_event, two.last_event), (2, EventTime(60_000), EventTime(360_000)));
    let (all, _) = run("* | stats count by u | search u!=cat | stats sum(count) as total");
    let [all] = &*all else { panic!("one row: {all:?}") };
    assert_eq!((column(all, "total").as_str(), all.event_count, all.evidence.len()), ("5", 5, 5));
    assert_eq!((all.first_event, all.last_event), (EventTime(60_000), EventTime(360_000)));
    assert_eq!(all.positions.len(), 2, "both shards contributed");
    assert_eq!(all.newest_arrival, Arrival(360_000));
}

/// A multivalue by-field puts one event into two groups; a row made of both still holds one event.
#[test]
fn ag_2_an_event_of_two_groups_counts_once_in_a_row_made_of_both() {
    let (events, _) = run("* | eval k=split(\"x,y\", \",\") | stats count by k | stats sum(count) as total");
    assert_eq!((column(&events[0], "total").as_str(), events[0].event_count), ("12", 6));
}

#[test]
fn ag_4_rows_lost_over_the_whole_window_are_counted() {
    let (events, engine) =
        run("* | stats count by u | eval k=if(u=\"bob\", 1, null()) | stats sum(count) as total by k");
    assert_eq!(events.len(), 1);
    assert_eq!(engine.counters().plans[0].null_by_rows, 2);
    assert_eq!(engine.counters().plans[0].counted, 6);
}

/// 100 rows and 100 of each are more than one row may become (10,000).
#[test]
fn ag_4_rows_that_the_bound_cuts_at_the_close_are_counted() {
    let list = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let expanded = format!(
        "* | eval a=split(\"{list}\", \",\") | stats values(a) as a values(a) as b by eventName \
         | mvexpand a | mvexpand b | search a=0 b=0"
    );
    for search in [expanded.clone(), format!("{expanded} | sort a")] {
        let (events, engine) = run(&search);
        assert_eq!((events.len(), engine.counters().plans[0].cut_rows), (1, 100), "{search}");
        assert!(events[0].marks.rows_cut, "BD-4: {search}");
    }
}

/// What the bound leaves whole is not marked.
#[test]
fn bd_4_rows_beside_which_none_is_missing_are_not_marked() {
    for search in ["* | stats values(u) as u by eventName | mvexpand u", "* | stats count by u | sort u"] {
        let (events, engine) = run(search);
        assert!(events.len() == 3 && events.iter().all(|event| !event.marks.rows_cut), "{search}");
        assert_eq!(engine.counters().plans[0].cut_rows, 0, "{search}");
    }
}

/// Three users, of whom `values` shows two: of an aggregate over rows, too, the event says so.
#[test]
fn bd_3_what_an_aggregate_over_rows_does_not_show_marks_its_event() {
    let truncated = |max_values| {
        let bounds = Bounds { max_values, ..Bounds::default() };
        let (events, _) = run_within("* | stats count by u | stats values(u) as users", bounds);
        events.iter().map(|event| event.marks.values_truncated).collect::<Vec<_>>()
    };
    assert_eq!((truncated(2), truncated(3)), (vec![true], vec![false]));
}

/// Of bob three events, of ann two, of cat one.
#[test]
fn bd_3_a_joined_row_is_marked_where_either_search_shows_less_than_there_is() {
    let (values, count) = ("* | stats values(eventID) as ids by u", "* | stats count by u");
    for search in [format!("{values} | join u [search {count}]"), format!("{count} | join u [search {values}]")] {
        let (events, _) = run_within(&search, Bounds { max_values: 1, ..Bounds::default() });
        let marked: Vec<_> = events.iter().map(|event| (column(event, "u"), event.marks.values_truncated)).collect();
        let expected = [("ann", true), ("bob", true), ("cat", false)].map(|(user, marked)| (user.to_owned(), marked));
        assert_eq!(marked, expected, "{search}");
    }
}

#[test]
fn a_window_whose_rows_are_all_hidden_is_released_all_the_same() {
    let (events, engine) = run("* | stats count by u | sort u | where count>100");
    assert!(events.is_empty());
    assert_eq!((engine.gauges().pending, engine.gauges().state_bytes), (0, 0));
    assert_eq!(engine.counters().closed, 1);
}
