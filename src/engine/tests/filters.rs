//! Filters: what they hide is counted once, and only while they apply.

use std::sync::Arc;

use super::support::{Stream, event, plan};
use crate::plan::Plan;
use crate::risk_event::{RiskEvent, Stage};
use crate::spl::FilterPlace;

/// Hides the groups of bob in windows that end by 10 s.
fn filtered() -> Arc<Plan> {
    filtered_behind("eventName=E | stats count by user | ")
}

fn filtered_behind(search: &str) -> Arc<Plan> {
    let filter = "search user!=bob";
    let mut text = (**plan("d", &format!("{search}{filter}")).text()).clone();
    let place = FilterPlace {
        name: "d_filter".to_owned(),
        start: search.len(),
        end: search.len() + filter.len(),
        expires_ms: Some(10_000),
    };
    text.filters = vec![place];
    Arc::new(Plan::compile(&text).expect("it compiles"))
}

fn shown(events: &[RiskEvent], stage: Stage) -> Vec<(&str, i64)> {
    let events = events.iter().filter(|event| event.stage == stage);
    events.map(|event| (event.risk_message.as_str(), event.window_end.0)).collect()
}

/// Every event of a hidden group makes its row anew for the early stage; the count is that of the groups hidden at close.
#[test]
fn ag_4_a_hidden_row_is_counted_once_when_its_window_closes() {
    let mut stream = Stream::new(vec![filtered()], 1);
    let first =
        [event("1", 1_000, "bob"), event("2", 2_000, "bob"), event("3", 3_000, "ann"), event("4", 4_000, "bob")];
    let mut events = stream.put(0, 5_000, &first);
    assert_eq!(stream.engine.counters().plans[0].hidden_rows, [0], "nothing is closed yet");
    events.extend(stream.put(0, 12_000, &[event("5", 11_000, "bob")]));
    events.extend(stream.tip_all(30_000));
    assert_eq!(stream.engine.counters().plans[0].hidden_rows, [1], "one group of one window");
    assert_eq!(stream.engine.counters().plans[0].counted, 5, "a hidden event is a counted one");
    assert_eq!(shown(&events, Stage::Early), [("ann", 10_000), ("bob", 20_000)], "AG-5, in the early stage");
    assert_eq!(shown(&events, Stage::Final), [("ann", 10_000), ("bob", 20_000)], "AG-5, in the final");
}

/// Of users with as many events as their names have letters.
#[test]
fn ag_4_a_hidden_row_is_counted_also_where_a_threshold_would_have_dropped_it_later() {
    const STATS: &str = "eventName=E | stats count by user | ";
    for (before, filter, behind, finals, hidden) in [
        ("where count > 2 | ", "search user!=ccc", "", vec!["dddd"], 1),
        ("", "search user!=a*", "| where count > 2", vec!["ccc", "dddd"], 1),
        ("", "where count > 2", "", vec!["ccc", "dddd"], 2),
        ("where count > 1 | ", "search user!=bb", "| where count > 3", vec!["dddd"], 1),
        ("where count > 4 | ", "search user!=bb", "", vec![], 0),
    ] {
        let search = format!("{STATS}{before}{filter} {behind}");
        let mut text = (**plan("d", &search).text()).clone();
        let start = STATS.len() + before.len();
        text.filters = vec![FilterPlace { name: "f".into(), start, end: start + filter.len(), expires_ms: None }];
        let mut stream = Stream::new(vec![Arc::new(Plan::compile(&text).expect("it compiles"))], 1);
        for user in ["a", "bb", "ccc", "dddd"] {
            let events: Vec<_> = (0..user.len()).map(|n| event(&format!("{user}{n}"), 1_000, user)).collect();
            stream.put(0, 5_000, &events);
        }
        let events = stream.tip_all(30_000);
        let shown: Vec<_> = shown(&events, Stage::Final).into_iter().map(|(user, _)| user).collect();
        assert_eq!((shown, stream.engine.counters().plans[0].hidden_rows[0]), (finals, hidden), "{search}");
        assert_eq!(stream.engine.gauges().state_bytes, 0, "{search}");
    }
}

/// Where the rows of a window are made together, a filter may stand before or behind the command that needs them all.
#[test]
fn ag_4_a_row_that_is_hidden_among_all_rows_of_a_window_is_counted() {
    for search in ["eventName=E | stats count by user | sort user | ", "eventName=E | sort user | table user | "] {
        let mut stream = Stream::new(vec![filtered_behind(search)], 1);
        stream.put(0, 5_000, &[event("1", 1_000, "bob"), event("2", 2_000, "ann")]);
        assert_eq!(shown(&stream.tip_all(30_000), Stage::Final), [("ann", 10_000)], "{search}");
        assert_eq!(stream.engine.counters().plans[0].hidden_rows, [1], "{search}");
    }
    let before = "eventName=E | stats count by user | ";
    let mut text = (**filtered_behind(before).text()).clone();
    text.search.push_str(" | sort user");
    let mut stream = Stream::new(vec![Arc::new(Plan::compile(&text).expect("it compiles"))], 1);
    stream.put(0, 5_000, &[event("1", 1_000, "bob"), event("2", 2_000, "ann")]);
    assert_eq!(shown(&stream.tip_all(30_000), Stage::Final), [("ann", 10_000)], "before");
    assert_eq!(stream.engine.counters().plans[0].hidden_rows, [1], "before");
}

/// A late pane is of its own window, whatever the time: the filter applies to it although it closes after the expiry.
#[test]
fn ag_5_a_late_pane_is_judged_by_the_end_of_its_window() {
    let mut stream = Stream::new(vec![filtered()], 1);
    let late = stream.put(0, 25_000, &[event("1", 1_000, "bob"), event("2", 2_000, "ann")]);
    assert_eq!(shown(&late, Stage::Early), [("ann", 10_000)]);
    assert_eq!(shown(&stream.tip_all(60_000), Stage::Final), [("ann", 10_000)]);
    assert_eq!(stream.engine.counters().plans[0].hidden_rows, [1]);
}
