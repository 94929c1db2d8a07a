//! EM-5: commands that need every row of a window.

use serde_json::{Value as Json, json};

use super::*;
use crate::plan::{Conclusion, Early, GroupRow, WindowRow};

/// Events a minute apart, oldest first.
pub(super) fn events(fields: &[Json]) -> Vec<Event<'static>> {
    let event_of = |(minute, fields): (usize, &Json)| {
        let mut fields = fields.clone();
        fields["eventID"] = json!(format!("id-{minute}"));
        fields["eventTime"] = json!(format!("2023-04-24T23:{minute:02}:00Z"));
        event(fields)
    };
    fields.iter().enumerate().map(event_of).collect()
}

pub(super) fn conclusion(plan: &Plan, events: &[Event<'_>]) -> Conclusion {
    let group_row = |(group, partial): &(GroupKey, Partial)| {
        let made = rows_of(plan, group, partial).rows;
        let time = partial.first_event();
        made.into_iter()
            .map(|row| GroupRow { group: group.clone(), time, row, values_truncated: false })
            .collect::<Vec<_>>()
    };
    let mut rows: Vec<GroupRow> = groups(plan, events).iter().flat_map(group_row).collect();
    let window_end = EventTime(1_682_380_800_000);
    let concluded = plan.conclude(&Bounds::default(), rows.clone(), window_end);
    rows.reverse();
    assert_eq!(plan.conclude(&Bounds::default(), rows, window_end), concluded, "AG-5: the order of the input is none");
    concluded
}

pub(super) fn concluded(search: &str, fields: &[Json]) -> Vec<String> {
    let plan = plan(search);
    assert!(plan.whole_result(), "{search}");
    conclusion(&plan, &events(fields)).rows.iter().map(|WindowRow { row, .. }| shown(row)).collect()
}

fn users() -> Vec<Json> {
    [("ann", 1), ("bob", 20), ("bob", 3), ("cat", 3), ("bob", 9), ("ann", 5)]
        .map(|(user, n)| json!({"u": user, "n": n}))
        .into()
}

#[test]
fn sort_head_and_dedup_choose_among_the_rows() {
    const STATS: &str = "* | stats count max(n) as top by u";
    for (commands, expected) in [
        ("sort - count", &["u=bob count=3 top=20", "u=ann count=2 top=5", "u=cat count=1 top=3"][..]),
        ("sort 1 - top", &["u=bob count=3 top=20"]),
        ("sort top", &["u=cat count=1 top=3", "u=ann count=2 top=5", "u=bob count=3 top=20"]),
        ("sort str(top)", &["u=bob count=3 top=20", "u=cat count=1 top=3", "u=ann count=2 top=5"]),
        ("eval k=if(count>1, 1, null()) | fields u k | sort k, -u", &["u=bob k=1", "u=ann k=1", "u=cat k=null"]),
        ("eval k=if(count>1, 1, null()) | fields u k | sort -k, u", &["u=ann k=1", "u=bob k=1", "u=cat k=null"]),
        ("eval k=1 | head 1 | eventstats first(count) as f | eval k=f+\"x\" | table k", &["k=2x"]),
        ("head 2", &["u=ann count=2 top=5", "u=bob count=3 top=20"]),
        ("eval big=if(top>4, 1, 0) | dedup big | table u", &["u=ann", "u=cat"]),
        ("eval big=if(top>4, 1, 0) | dedup 2 big | table u", &["u=ann", "u=bob", "u=cat"]),
        ("eval k=if(count>1, 1, null()) | dedup k | table u", &["u=ann"]),
        ("eval k=if(count>1, 1, null()) | dedup k keepempty=true | table u", &["u=ann", "u=cat"]),
        ("sort - count | where top<10", &["u=ann count=2 top=5", "u=cat count=1 top=3"]),
    ] {
        assert_eq!(concluded(&format!("{STATS} | {commands}"), &users()), expected, "{commands}");
    }
}

#[test]
fn fillnull_over_rows_fills_every_column() {
    let filled = concluded("* | table u nn | sort - u | head 1 | fillnull value=none", &users());
    assert_eq!(filled, ["u=cat nn=none"]);
    let renamed =
        concluded("* | stats count max(n) as top min(n) as low by u | head 1 | rename count as low", &users());
    assert_eq!(renamed, ["u=ann low=2 top=5"], "a renamed column keeps its place");
}

#[test]
fn dedup_may_look_at_neighbours_only() {
    let fields = ["a", "a", "b", "a"].map(|v| json!({"v": v}));
    assert_eq!(concluded("* | table v | dedup v consecutive=true", &fields), ["v=a", "v=b", "v=a"]);
}

#[test]
fn sort_knows_addresses_and_mixed_columns() {
    let fields = |values: &[&str]| values.iter().map(|v| json!({"v": v})).collect::<Vec<_>>();
    let sorted =
        |command: &str, values| concluded(&format!("* | stats count by v | {command} | table v"), &fields(values));
    assert_eq!(sorted("sort v", &["10.0.0.10", "10.0.0.9"]), ["v=10.0.0.9", "v=10.0.0.10"]);
    assert_eq!(sorted("sort v", &["10", "9", "1x"]), ["v=10", "v=1x", "v=9"]);
    assert_eq!(sorted("sort num(v)", &["10", "9", "1x"]), ["v=9", "v=10", "v=1x"]);
    // In a comparison `1e16` equals all of them; an order in which two equal a third and not each other is none.
    let long = ["10000000000000002", "1e16", "9999999999999999", "10000000000000001"];
    let in_order = ["v=9999999999999999", "v=1e16", "v=10000000000000001", "v=10000000000000002"];
    assert_eq!(sorted("sort num(v)", &long), in_order);
    assert_eq!(sorted("sort -ip(v)", &["10.0.0.10", "here", "10.0.0.9"]), ["v=10.0.0.10", "v=10.0.0.9", "v=here"]);
}

#[test]
fn eventstats_adds_what_the_rows_come_to() {
    assert_eq!(
        concluded(
            "* | stats count by u | eventstats avg(count) as mean max(count) as most | where count > mean",
            &users()
        ),
        ["u=bob count=3 mean=2 most=3"]
    );
    assert_eq!(
        concluded("* | stats count by u n | eventstats dc(n) as kinds by u | table u n kinds", &users()[..3]),
        ["u=ann n=1 kinds=1", "u=bob n=20 kinds=2", "u=bob n=3 kinds=2"]
    );
    // A row without the by-field is left as it is.
    let search = "* | stats count by u | eval k=if(u=\"bob\", 1, null()) | eventstats count as c by k | table u c";
    assert_eq!(concluded(search, &users()), ["u=ann c=null", "u=bob c=1", "u=cat c=null"]);
}

/// stdev of 1 and 2 (a sample) is 0.707...
#[test]
fn baselines_over_the_rows_of_a_window() {
    let search = "* | stats count by u | eventstats avg(count) as avg stdev(count) as dev | eval bound=avg+dev \
        | where count > avg | table u bound";
    assert_eq!(concluded(search, &users()[..3]), ["u=bob bound=2.20710678118655"]);
}

#[test]
fn a_second_stats_groups_rows() {
    let search = "* | stats count by u n | stats count as rows sum(count) as events values(n) as n list(u) as l first(n) as f by u";
    assert_eq!(
        concluded(search, &users()),
        [
            "u=ann rows=2 events=2 n=[1, 5] l=[ann, ann] f=1",
            "u=bob rows=3 events=3 n=[20, 3, 9] l=[bob, bob, bob] f=20",
            "u=cat rows=1 events=1 n=3 l=cat f=3"
        ]
    );
    assert_eq!(
        concluded("* | stats count by u | stats max(count) as m count(eval(count>1)) as c", &users()),
        ["m=3 c=2"]
    );
}

#[test]
fn em_3_a_row_of_a_second_stats_is_of_the_group_of_its_own_by_values() {
    let plan = plan("* | stats count by u n | stats count by n");
    assert_eq!(plan.by_fields(), ["u".into(), "n".into()]);
    let group = |values: &[&str]| GroupKey {
        leg: 0,
        values: values.iter().map(|value| Scalar::text(*value)).collect(),
        event: None,
        ordinal: 0,
    };
    let rows = conclusion(&plan, &events(&users())).rows;
    assert!(rows.iter().all(|row| plan.group_fields(&row.group) == ["n".into()]));
    let three = rows.iter().find(|row| row.group == group(&["3"])).expect("two users have it");
    assert_eq!((three.ordinal, shown(&three.row).as_str()), (0, "n=3 count=2"));
    assert_eq!(three.sources.iter().cloned().collect::<Vec<_>>(), [group(&["bob", "3"]), group(&["cat", "3"])]);
}

#[test]
fn em_3_rows_that_keep_their_group_are_counted_within_it() {
    let plan = plan("* | stats values(n) as n by u | sort -u | mvexpand n");
    let rows = conclusion(&plan, &events(&users())).rows;
    let shown_rows: Vec<_> = rows.iter().map(|row| format!("{} #{}", shown(&row.row), row.ordinal)).collect();
    assert_eq!(
        shown_rows,
        ["u=cat n=3 #0", "u=bob n=20 #0", "u=bob n=3 #1", "u=bob n=9 #2", "u=ann n=1 #0", "u=ann n=5 #1"]
    );
    assert!(rows.iter().all(|row| row.sources.iter().eq([&row.group])));
    assert!(rows.iter().all(|row| plan.group_fields(&row.group) == plan.by_fields()));
}

#[test]
fn events_come_newest_first_as_splunk_returns_them() {
    assert_eq!(concluded("* | dedup u | table n", &users()), ["n=5", "n=9", "n=3"]);
    assert_eq!(concluded("* | head 2 | stats count by u", &users()), ["u=ann count=1", "u=bob count=1"]);
    assert_eq!(concluded("* | sort n | stats first(n) as first dc(_raw) as raws", &users()), ["first=1 raws=6"]);
}

/// EM-5: the rows of events hold what the search names, wherever it names it.
#[test]
fn searches_over_all_rows_see_the_fields_and_the_text_of_the_events() {
    assert_eq!(concluded("* | sort n | where searchmatch(\"u=bob n<5\") | stats count", &users()), ["count=1"]);
    assert_eq!(concluded("* | sort n | search iam.amazonaws u=bob | stats count", &users()), ["count=3"]);
    assert_eq!(concluded("* | sort n | search nowhere | stats count", &users()).len(), 0);
}

#[test]
fn fields_over_all_rows_keeps_the_time() {
    let search = "* | fields u | head 1 | stats count by u _time";
    assert_eq!(concluded(search, &users()), ["u=ann _time=1682377500 count=1"]);
}

#[test]
fn ag_5_of_events_at_one_time_the_largest_id_is_the_newest() {
    let at_once =
        ["1", "2"].map(|n| event(json!({"n": n, "eventID": format!("00000000-0000-0000-0000-00000000000{n}")})));
    for search in ["* | head 1 | stats first(n) as n", "* | stats first(n) as n | head 1"] {
        let rows = conclusion(&plan(search), &at_once).rows;
        assert_eq!(rows.iter().map(|row| shown(&row.row)).collect::<Vec<_>>(), ["n=2"], "{search}");
    }
}

#[test]
fn ag_3_a_row_without_a_by_field_is_counted() {
    let plan = plan("* | stats count by u | eval k=if(u=\"bob\", 1, null()) | stats count by k");
    let conclusion = conclusion(&plan, &events(&users()));
    assert_eq!((conclusion.rows.len(), conclusion.null_by), (1, 2));
}

#[test]
fn ag_4_what_a_filter_hides_is_counted() {
    let plan = filtered("* | stats count by u | sort -count", "search u!=bob");
    let conclusion = conclusion(&plan, &events(&users()));
    assert_eq!((conclusion.rows.len(), conclusion.hidden), (2, vec![1]));
}

#[test]
fn bd_3_a_second_stats_marks_what_it_does_not_show() {
    let fields: Vec<Json> = (0..150).map(|n| json!({"u": format!("user-{n}")})).collect();
    let many = plan("* | stats count by u | stats values(u) as users");
    let rows = groups(
        &many,
        &fields
            .iter()
            .enumerate()
            .map(|(n, fields)| {
                let mut fields = fields.clone();
                fields["eventID"] = json!(n.to_string());
                event(fields)
            })
            .collect::<Vec<_>>(),
    );
    let rows = rows.iter().map(|(group, partial)| GroupRow {
        values_truncated: false,
        group: group.clone(),
        time: partial.first_event(),
        row: rows_of(&many, group, partial).rows.remove(0),
    });
    let conclusion = many.conclude(&Bounds::default(), rows.collect(), EventTime(0));
    assert!(conclusion.rows[0].values_truncated);
    assert_eq!(conclusion.rows[0].row[0].1.scalars().len(), 100);
}

#[test]
fn em_5_there_is_no_early_stage_and_the_reason_names_the_command() {
    for (commands, reason) in [
        ("stats count by u | where count > 5 | sort -count", "`sort -count` needs every row of the window"),
        ("stats count by u | eventstats avg(count)", "`eventstats avg(count)` needs every row of the window"),
        ("dedup u", "`dedup u` needs every row of the window"),
    ] {
        assert_eq!(*plan(&format!("* | {commands}")).early(), Early::AtClose(reason.into()));
    }
    let explanation = plan("* | stats count by u | sort -count | where count>1").explain();
    assert!(explanation.contains("over all rows   sort -count\n                where count>1\n"), "{explanation}");
}

#[test]
fn rows_have_no_order_of_time() {
    let search = "* | stats count by u | stats latest(u) by count";
    assert_eq!(&search[refused(search).span], "latest(u)");
    assert!(plan("* | stats count by u | search u=a | stats max(count) as top | search top>1").warnings().is_empty());
    assert_eq!(plan("* | stats count by u | stats max(count) as top | search count>1").warnings().len(), 1);
}

#[test]
fn fillnull_makes_for_all_rows_what_rename_took_away() {
    let search = "* | rename req.* as r_* | fillnull value=7 | head 2 | stats sum(req.n) as n";
    assert_eq!(concluded(search, &[json!({"req": {"n": 1}})]), ["n=7"]);
}

/// Null is what a row lacks and another one has.
#[test]
fn fillnull_fills_of_a_row_what_others_have() {
    let calls = [("A", "ann"), ("A", "cat"), ("B", "ann")].map(|(name, u)| json!({"eventName": name, "u": u}));
    let joined = "eventName=A | stats count by u | join type=left u [search eventName=B | stats count as n by u] \
                  | fillnull value=0 | where n=0";
    assert_eq!(concluded(joined, &calls), ["u=cat count=1 n=0"]);
    let appended = "* | stats count by u | append [search * | stats count by eventName] | fillnull value=x \
                    | stats sum(count) as n by u eventName";
    let expected = ["u=ann eventName=x n=2", "u=cat eventName=x n=1", "u=x eventName=A n=2", "u=x eventName=B n=1"];
    assert_eq!(concluded(appended, &calls), expected);
    let taken = plan("* | stats count by u | rex field=u \"^(?<c>c)\" | fillnull value=no | search c=no");
    assert_eq!(rows(&taken, &events(&calls)).iter().map(shown).collect::<Vec<_>>(), ["u=ann count=2 c=no"]);
}

#[test]
fn fillnull_fills_under_the_names_that_a_wildcard_in_rename_gives() {
    let row =
        |search: &str, fields: Json| rows(&plan(search), &events(&[fields])).iter().map(shown).collect::<Vec<_>>();
    let internal = "* | bin _time span=1h | stats count by _time u | rename * as r_* | fillnull value=0";
    assert_eq!(row(internal, json!({"u": "a"})), ["_time=1682377200 r_u=a r_count=1"]);
    let null = "* | stats count values(x) as a_x by u | rename a_* as b_* | fillnull value=0";
    assert_eq!(row(null, json!({"u": "a"})), ["u=a count=1 b_x=0"]);
}
