//! EM-1, EM-5: what may be announced before the window is complete.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::plan::Early;

const STATS: &str = "* | stats count count(a) as n dc(a) as kinds values(a) as all avg(a) as mean sum(a) as sum max(a) as top \
    min(a) as low first(a) as newest min(_time) as firstTime max(_time) as lastTime by user src";

/// Filters on what only grows.
const THRESHOLDS: [&str; 20] = [
    "where count > 9",
    "where count >= 9 AND user=\"bob\"",
    // A text that is a number is one.
    "where count > \"9\"",
    "where count > -1",
    "where 9 < kinds",
    "where kinds > 2 OR n > 5",
    "search count>9",
    "search all=x*",
    "search all IN (x, y)",
    "search all=*",
    "search count=*",
    "search firstTime=*",
    "where mvcount(all) >= 3",
    "where firstTime < 1682380277",
    "where lastTime > firstTime",
    "eval threshold=9 | where count > threshold",
    "rename count as c | where c > 9",
    "where count > 9 | convert ctime(firstTime) | search user!=bob",
    "where kinds > 2 | table newest | search *",
    "where kinds > 2 | eval x=if(sum > 3, mean, newest) | fillnull value=0 x | search *",
];

fn early(commands: &str) -> Early {
    plan(&format!("{STATS} | {commands}")).early().clone()
}

#[test]
fn nothing_that_hides_rows_means_the_first_match() {
    assert_eq!(*plan(STATS).early(), Early::FirstMatch);
    assert_eq!(*plan("eventName=GetUser").early(), Early::FirstMatch);
    assert_eq!(*plan("eventName=GetUser | where a=1 | table a").early(), Early::FirstMatch);
    for commands in [
        "search *",
        "search \"*\"",
        "search user=bob NOT src=10.*",
        "where user!=\"bob\" OR like(src, \"10.%\")",
        "eval x=count*2 | fillnull",
        "convert ctime(firstTime) | table user firstTime",
        "rename user as u | search NOT u=bob",
        "where 1=1",
        "where mvcount(user)=1",
        "where -1 < 2",
    ] {
        assert_eq!(early(commands), Early::FirstMatch, "{commands}");
    }
}

#[test]
fn thresholds_on_what_only_grows_may_fire_as_soon_as_they_pass() {
    for commands in THRESHOLDS {
        assert_eq!(early(commands), Early::Threshold, "{commands}");
    }
}

#[test]
fn what_a_later_event_may_take_back_waits_for_the_close() {
    for commands in [
        "where count < 9",
        "where count = 9",
        "where count != 9",
        "search count=9",
        "search count<9",
        "where NOT count > 9",
        "search NOT all=x",
        "search all!=x",
        "where mean > 3",
        // It may sum negative numbers.
        "where sum > 3",
        // One text makes the comparison lexicographic.
        "where top > 3",
        "where low < 3",
        "search count>1x",
        "where -count > -9",
        "where len(all) > 3",
        // The newest event may have fewer values than the one before it.
        "where mvcount(newest) >= 2",
        // These look into every column.
        "where searchmatch(\"bob\")",
        "where NOT searchmatch(\"bob\")",
        "where if(searchmatch(\"bob\"), 1, 0)=1",
        "where 1=if(searchmatch(\"bob\"), 1, 0) OR user=\"bob\"",
        "where isnull(1 + if(searchmatch(\"bob\"), 1, 0))",
        "where isnull(-if(searchmatch(\"bob\"), 1, 0))",
        "where if(searchmatch(\"bob\"), 1, 0) IN (1, 2)",
        "where user IN (\"bob\", if(searchmatch(\"bob\"), 1, 0))",
        "where count > \"abc\"",
        "where count > user",
        "where count / n > 2",
        "eval ratio=count/n | where ratio > 2",
        "where isnull(all)",
        "fillnull | search all=0",
        "convert ctime(firstTime) | search firstTime=2023*",
        "search bob",
        "where count > 9 | where count < 20",
        "where count > 9 OR count < 3",
        // The count of no values is filled, and that of one is less than what it was filled with.
        "eval c=mvcount(all) | fillnull value=100 c | where c > 9",
        // What is null is not converted, and the count stays.
        "convert ctime(nope) as count | where count < 3",
        "bin nope span=5 as count | where count < 3",
        r#"rex field=user "(?x)( ?<count>\d+)" | where count > 9"#,
        // Any column may be one of these now.
        "rename c* as x* | where xount > 9",
    ] {
        let Early::AtClose(reason) = early(commands) else { panic!("{commands}") };
        assert!(reason.contains('`'), "the reason shows the command: {reason}");
    }
}

#[test]
fn em_1_behind_a_rename_of_many_nothing_is_known_of_any_column() {
    for commands in ["search foo", "where searchmatch(\"foo\")", "rename q as z | where z=1"] {
        assert!(matches!(early(&format!("rename c* as x* | {commands}")), Early::AtClose(_)), "{commands}");
    }
}

/// `fields` keeps what begins with an underscore, and with it what is known of it.
#[test]
fn em_1_a_column_that_fields_does_not_name_may_still_be_there() {
    let early = |field: &str| {
        plan(&format!("* | stats count as {field} by user | fields user | where {field} < 5")).early().clone()
    };
    assert!(matches!(early("_n"), Early::AtClose(_)));
    assert_eq!(early("n"), Early::FirstMatch, "it is null");
}

/// Of such a time one text makes the comparison lexicographic, as of any other field.
#[test]
fn em_1_only_the_events_own_time_is_known_to_be_a_number() {
    let early = |command: &str| {
        plan(&format!("* | {command} | stats min(_time) as first by user | where first < 5")).early().clone()
    };
    for command in [
        "search a=1",
        "bin _time span=5m",
        "bin _time span=5m as t",
        "eval t=_time",
        "rename a as b",
        "fillnull",
        "fields user",
        "fields - user",
        "table user _time",
    ] {
        assert_eq!(early(command), Early::Threshold, "{command}");
    }
    for command in [
        "eval _time=a",
        "rename a as _time",
        "bin a span=5 as _time",
        r#"rex field=a "(?<_time>.)""#,
        "append [search b=1 | eval _time=a]",
        "append [search b=1 | fields - _time | fillnull value=x _time]",
        "append [search b=1 | table user | fillnull value=x _time]",
        "fields - _* | fillnull value=x",
    ] {
        assert!(matches!(early(command), Early::AtClose(_)), "{command}");
    }
}

/// Each of their rows is one event, which changes no more.
#[test]
fn without_stats_whatever_hides_rows_leaves_the_first_match() {
    for filter in
        ["search who!=bob", "search bob", "where count > 3", "where isnull(who)", "where searchmatch(\"bob\")"]
    {
        assert_eq!(*filtered("* | table who count", filter).early(), Early::FirstMatch, "{filter}");
    }
}

/// Of each filter the fewest values with which it may pass, of all of them the most.
#[test]
fn em_1_no_row_passes_with_fewer_values_than_its_thresholds_ask_for() {
    for (commands, least) in [
        ("where count > 9", 10),
        ("where count >= 9", 9),
        ("where count > 9.5", 10),
        ("where count >= 9.5", 10),
        ("where count > \"9\"", 10),
        ("where 9 < kinds", 10),
        ("where 9 <= n", 9),
        ("where mvcount(all) >= 3", 3),
        ("search count>9", 10),
        ("rename count as c | where c > 9", 10),
        ("where count > 9 AND user=\"bob\"", 10),
        ("where count > 4 | where kinds > 9 | where n > 2", 10),
        ("where kinds > 2 OR n > 5", 3),
        ("search kinds>2 n>5", 6),
        ("search kinds>2 OR n>5", 3),
        // Of these nothing is known.
        ("where count > 9 OR user=\"bob\"", 0),
        ("where count > -5", 0),
        ("where lastTime > 9", 0),
        ("where 1682380277 > firstTime", 0),
        ("search all=*", 0),
        ("eval threshold=9 | where count > threshold", 0),
        ("where user=\"bob\"", 0),
        ("where sum > 9", 0),
        ("fields - count | fillnull value=100 count | where count > 9", 0),
        ("fields user | fillnull value=100 count | where count > 9 AND kinds > 9", 0),
        ("table k* user | where kinds > 9", 10),
        ("fields count | fillnull value=100 | where count > 9", 10),
        ("eval c=mvcount(all) | where c > 9", 10),
    ] {
        assert_eq!(plan(&format!("{STATS} | {commands}")).least().to_pass, least, "{commands}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// EM-1: what was announced early is never taken back.
    #[test]
    fn a_row_that_passed_a_threshold_passes_for_ever(
        commands in prop::sample::select(&THRESHOLDS[..]),
        values in prop::collection::vec((prop::sample::select(vec!["x", "x1", "y", "3", "-5"]), 0..59u32), 1..25),
    ) {
        let plan = plan(&format!("{STATS} | {commands}"));
        let mut partial = Partial::new(&plan, 0);
        let mut passed = false;
        for (index, (value, minute)) in values.iter().enumerate() {
            let event = event(json!({
                "eventID": format!("id-{index}"), "eventName": "ListBuckets", "a": value, "sourceIPAddress": "10.0.0.1",
                "eventTime": format!("2023-04-24T23:{minute:02}:17Z"), "userIdentity": {"userName": "bob"},
            }));
            let contribution = contributions(&plan, &event).remove(0);
            add(&mut partial, &plan, &Bounds::default(), &event, &contribution);
            let passes = !rows_of(&plan, &contribution.group, &partial).rows.is_empty();
            prop_assert!(passes || !passed, "{commands} after {} events", index + 1);
            let may_pass = plan.may_pass(&contribution.group, &partial, EventTime(i64::MAX));
            prop_assert_eq!(may_pass, passes, "{} after {} events", commands, index + 1);
            passed = passes;
        }
    }
}
