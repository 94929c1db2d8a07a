//! EM-5: whether a window's rows wait for each other, and what of them is not made.

use super::*;
use crate::plan::GroupRow;
use crate::plan::run::Budget;

#[test]
fn em_5_only_commands_over_all_rows_wait_for_the_whole_window() {
    for (search, waits) in [
        ("*", false),
        ("* | table a", false),
        ("* | append [search a=1] | stats count", false),
        ("* | stats count by a | where count>1 | eval b=1", false),
        ("* | stats count by a | sort a", true),
        ("* | head 1", true),
        ("* | stats count by a | append [search a=1 | stats count by a]", true),
    ] {
        assert_eq!(plan(search).whole_result(), waits, "{search}");
    }
}

#[test]
fn rows_that_a_window_has_no_room_for_are_counted() {
    let plan = plan("* | stats count values(v) as v by a | sort 0 a | mvexpand v | where v=1");
    let many = Value::Many((0..10).map(|v| Scalar::text(v.to_string())).collect());
    let row = |a: u32| {
        let group = GroupKey { leg: 0, values: vec![Scalar::text(a.to_string())], event: None, ordinal: 0 };
        GroupRow { group, time: EventTime(0), row: vec![("v".into(), many.clone())], values_truncated: false }
    };
    let rows = (0..1_001).map(row).collect();
    // Of ten thousand rows: a window has room for a hundred times as many.
    let conclusion = plan.conclude_within(Budget::of_row(), &Bounds::default(), rows, EventTime(HOUR));
    assert_eq!((conclusion.rows.len(), conclusion.cut), (1_000, 10));
}
