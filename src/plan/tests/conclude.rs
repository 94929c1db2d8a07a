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

/// A hundred rows that meet four thousand, each with two lists, took 2.4 GB: at the end of the window, and again after each
/// restart. What is not made is counted, and it is the same in whatever order the groups came.
#[test]
fn bd_2_what_a_window_makes_of_its_groups_takes_no_more_than_its_room() {
    const ROOM: usize = 1 << 20;
    let join = "* | stats values(v) as v by a k | join max=0 k [search * | stats count by b k]";
    for (search, wanted) in [
        (join.to_owned(), 40 * 400),
        (format!("{join} | eval w=v | where 1=1"), 40 * 400),
        ("* | stats values(v) as v by a k | sort a | eval w=v | mvexpand w".to_owned(), 40 * 100),
        ("* | stats values(v) as v by a k | sort a | eval w=v | stats values(v) as v by a w".to_owned(), 40 * 100),
        ("* | stats values(v) as v by a k | eventstats values(v) as w list(v) as x list(a) as y".to_owned(), 40),
    ] {
        let plan = plan(&search);
        let text = |text: String| Value::One(Scalar::text(text));
        let many = Value::Many((0..100).map(|v| Scalar::text(format!("a value of some length, {v}"))).collect());
        let row = |leg: u32, name: &str, number: u32| {
            let group = GroupKey { leg, values: vec![Scalar::text(number.to_string())], event: None, ordinal: 0 };
            let mut row = vec![(name.into(), text(number.to_string())), ("k".into(), text("k".to_owned()))];
            row.extend((leg == 0).then(|| ("v".into(), many.clone())));
            GroupRow { group, time: EventTime(0), row, values_truncated: false }
        };
        let further = if search.contains("join") { 400 } else { 0 };
        let rows: Vec<_> = (0..40).map(|n| row(0, "a", n)).chain((0..further).map(|n| row(1, "b", n))).collect();
        let concluded = |rows: Vec<GroupRow>| {
            let budget = Budget::of_window(0).with_room(ROOM);
            plan.conclude_within(budget, &Bounds::default(), rows, EventTime(HOUR))
        };
        let conclusion = concluded(rows.clone());
        let values = |row: &Row| row.iter().map(|(_, value)| size_of_val(value.scalars())).sum::<usize>();
        let made: usize = conclusion.rows.iter().map(|row| values(&row.row)).sum();
        assert!(made <= ROOM && !conclusion.rows.is_empty(), "{made} bytes of values of {search}");
        assert!(conclusion.rows.len() as u64 + conclusion.cut >= wanted && conclusion.cut > 0, "{search}");
        assert_eq!(concluded(rows.into_iter().rev().collect()), conclusion, "{search}");
    }
}
