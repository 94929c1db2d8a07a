//! `join`, and `append` where all rows are needed: two searches over the same events, whose rows meet at the end of the
//! window (EM-5).

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::whole::{concluded, conclusion, events};
use super::*;
use crate::plan::Early;

/// Users with a number each, by kind of call.
fn calls() -> Vec<Json> {
    [("A", "ann", 1), ("A", "bob", 2), ("A", "cat", 3), ("B", "ann", 10), ("B", "bob", 20), ("B", "bob", 21)]
        .map(|(name, user, n)| json!({"eventName": name, "u": user, "n": n}))
        .into()
}

const SUB: &str = "[search eventName=B | stats count values(n) as n by u]";

/// Neither search names what they meet by anywhere else.
#[test]
fn rows_of_events_have_the_fields_that_they_meet_by() {
    let search = "eventName=A | sort n | join u [search eventName=B | sort - n | eval found=n] | table u found";
    assert_eq!(concluded(search, &calls()), ["u=ann found=10", "u=bob found=21"]);
    let nested = "eventName=A | stats count by u | join u [search eventName=None | sort n | append [search eventName=B | sort - n]] \
                  | where n=21";
    assert_eq!(concluded(nested, &calls()).len(), 1, "what is read of the rows in the end");
}

#[test]
fn rows_meet_where_the_fields_agree() {
    let main = "eventName=A | stats max(n) as n max(n) as own by u";
    for (join, expected) in [
        (format!("join u {SUB}"), &["u=ann n=10 own=1 count=1", "u=bob n=[20, 21] own=2 count=2"][..]),
        (
            format!("join type=inner u overwrite=true {SUB}"),
            &["u=ann n=10 own=1 count=1", "u=bob n=[20, 21] own=2 count=2"],
        ),
        (format!("join overwrite=false u {SUB}"), &["u=ann n=1 own=1 count=1", "u=bob n=2 own=2 count=2"]),
        (
            format!("join type=left u {SUB} | fillnull value=none count"),
            &["u=ann n=10 own=1 count=1", "u=bob n=[20, 21] own=2 count=2", "u=cat n=3 own=3 count=none"],
        ),
        (format!("join type=outer u {SUB} | where isnull(count) | fields u n"), &["u=cat n=3"]),
        ("join u [search eventName=C | stats count by u]".into(), &[]),
        (
            "join u [search eventName=B | stats count by u n | fields u count] | where u=\"bob\"".into(),
            &["u=bob n=2 own=2 count=1"],
        ),
    ] {
        assert_eq!(concluded(&format!("{main} | {join}"), &calls()), expected, "{join}");
    }
}

#[test]
fn the_first_matches_are_taken_in_the_order_of_the_subsearch() {
    let search = |max: &str, sort: &str| {
        format!(
            "eventName=A | stats count as c by u | join {max} u [search eventName=B | stats count by u n {sort} | fields u n] | fields u n"
        )
    };
    assert_eq!(concluded(&search("", ""), &calls()), ["u=ann n=10", "u=bob n=20"]);
    assert_eq!(concluded(&search("max=1", "| sort - n"), &calls()), ["u=ann n=10", "u=bob n=21"]);
    assert_eq!(concluded(&search("max=0", ""), &calls()), ["u=ann n=10", "u=bob n=20", "u=bob n=21"]);
    assert_eq!(concluded(&search("max=2", "| sort - n"), &calls()), ["u=ann n=10", "u=bob n=21", "u=bob n=20"]);
}

#[test]
fn single_events_are_joined_newest_first() {
    let search = "eventName=A | table u n | join u [search eventName=B | rename n as m | table u m]";
    assert_eq!(concluded(search, &calls()), ["u=bob n=2 m=21", "u=ann n=1 m=10"]);
}

#[test]
fn events_of_a_subsearch_keep_the_fields_that_are_named_outside() {
    let search = "eventName=A | stats count by u | join type=left u [search eventName=B n>10] | table u n eventName";
    let rows = ["u=ann n=null eventName=null", "u=bob n=21 eventName=B", "u=cat n=null eventName=null"];
    assert_eq!(concluded(search, &calls()), rows);
}

#[test]
fn a_row_without_the_field_matches_nothing() {
    let keyed = "eval k=if(u=\"ann\", null(), u)";
    let search = format!(
        "eventName=A | stats count by u | {keyed} | join type=left k [search eventName=B | stats count as b by u | {keyed} | fields k b] | fields u b"
    );
    assert_eq!(concluded(&search, &calls()), ["u=ann", "u=bob b=2", "u=cat"]);
}

#[test]
fn several_values_are_one_key() {
    let search =
        "* | stats values(n) as n by u | join n [search eventName=B | stats values(n) as n by eventName | eval hit=1]";
    assert_eq!(concluded(search, &calls()), [""; 0]);
    let same = "eventName=B | stats values(n) as n by u | join n [search eventName=B | stats values(n) as n count by u | eval hit=1 | fields n hit]";
    assert_eq!(concluded(same, &calls()), ["u=ann n=10 hit=1", "u=bob n=[20, 21] hit=1"]);
}

#[test]
fn without_fields_all_common_columns_must_agree() {
    let search = "eventName=A | stats count as a by u, awsRegion, eventSource | join [search eventName=B | stats count as b by u eventSource]";
    let calls: Vec<Json> = calls()
        .into_iter()
        .map(|mut call| {
            call["awsRegion"] = json!("x");
            call
        })
        .collect();
    assert_eq!(concluded(search, &calls).len(), 2);
    for (search, place) in [
        ("eventName=A | join [search eventName=B | stats count by u]", "join"),
        ("eventName=A | stats count by u | join [search eventName=B]", "join"),
        ("eventName=A | stats count as a by u | join [search eventName=B | stats count by v]", "join"),
        ("eventName=A | stats count by u | join u* [search eventName=B | stats count by u]", "u*"),
    ] {
        assert_eq!(&search[refused(search).span], place, "{search}");
    }
}

#[test]
fn a_field_that_one_side_cannot_have_is_warned_of() {
    let warned = |search: &str| plan(search).warnings().iter().map(|w| w.message.clone()).collect::<Vec<_>>();
    let of_sub = warned("eventName=A | stats count by u | join u [search eventName=B | stats count by v]");
    assert!(of_sub.len() == 1 && of_sub[0].contains("its subsearch has the column u"), "{of_sub:?}");
    let of_main = warned("eventName=A | stats count by v | join u [search eventName=B | stats count by u]");
    assert!(of_main.len() == 1 && of_main[0].contains("before it"), "{of_main:?}");
    assert_eq!(warned(&format!("eventName=A | stats count by u | join u {SUB} | where n > 1")), [""; 0]);
}

#[test]
fn joins_nest_and_follow_one_another() {
    let search = format!(
        "eventName=A | stats count as a by u | join u [search eventName=B | stats count as b by u | join type=left u \
         [search eventName=A n>1 | stats max(n) as top by u]] | join type=left u {SUB} | fields u a b top count"
    );
    assert_eq!(concluded(&search, &calls()), ["u=ann a=1 b=1 count=1", "u=bob a=1 b=2 top=2 count=2"]);
}

#[test]
fn append_adds_the_rows_of_groups() {
    let search = "eventName=A | stats count by u | append [search eventName=B | stats count as b by u] | stats sum(count) as a sum(b) as b by u";
    assert_eq!(concluded(search, &calls()), ["u=ann a=1 b=1", "u=bob a=1 b=2", "u=cat a=1 b=null"]);
    let last = "eventName=A n=1 | stats count by u | append [search eventName=B | stats count by u | sort - count]";
    assert_eq!(concluded(last, &calls()), ["u=ann count=1", "u=bob count=2", "u=ann count=1"]);
    // Before `stats`, a subsearch with groups needs all rows as well.
    let events = "eventName=A | table u | append [search eventName=B | stats count by u] | stats count as rows sum(count) as c by u";
    assert_eq!(concluded(events, &calls()), ["u=ann rows=2 c=1", "u=bob rows=2 c=2", "u=cat rows=1 c=null"]);
    let single = "eventName=A | stats count by u | append [search eventName=B n=10]  | table u n";
    assert_eq!(concluded(single, &calls()), ["u=ann n=null", "u=bob n=null", "u=cat n=null", "u=ann n=10"]);
}

#[test]
fn em_3_a_joined_row_is_of_the_main_group_and_of_the_events_of_both() {
    let plan = plan("eventName=A | stats count as c by u | join max=0 u [search eventName=B | stats count by u n]");
    let rows = conclusion(&plan, &events(&calls())).rows;
    let of_bob: Vec<_> = rows.iter().filter(|row| row.group.values == [Scalar::text("bob")]).collect();
    assert_eq!(of_bob.iter().map(|row| (row.group.leg, row.ordinal)).collect::<Vec<_>>(), [(0, 0), (0, 1)]);
    let legs = |row: &crate::plan::WindowRow| row.sources.iter().map(|group| group.leg).collect::<Vec<_>>();
    assert!(of_bob.iter().all(|row| legs(row) == [0, 1]));
    assert_eq!(plan.by_fields(), ["u".into(), "u".into(), "n".into()]);
    assert_eq!(plan.group_fields(&of_bob[0].group), ["u".into()]);
}

/// Or the rows of a window of ten thousand users would take the memory of a hundred million groups.
#[test]
fn bd_2_rows_that_are_joined_with_what_all_groups_come_to_share_these() {
    const USERS: usize = 50;
    let of_user = |n: usize| json!({"eventID": n.to_string(), "eventName": "A", "u": format!("user-{n}")});
    let calls: Vec<Json> = (0..USERS).map(of_user).collect();
    let joined = "eventName=A | stats count by u eventName | join eventName \
        [search eventName=A | stats count as n by u eventName | stats avg(n) as mean by eventName]";
    for (rest, rows_made) in [("", USERS), ("| mvexpand u | stats max(mean) as mean by u", USERS), ("| stats count", 1)]
    {
        let rows = conclusion(&plan(&format!("{joined} {rest}")), &events(&calls)).rows;
        assert_eq!(rows.len(), rows_made, "{rest}");
        let sources = if rows_made == 1 { 2 * USERS } else { USERS + 1 };
        assert!(rows.iter().all(|row| row.sources.iter().count() == sources), "{rest}");
        let groups: std::collections::BTreeSet<_> =
            rows.iter().flat_map(|row| row.sources.iter().map(std::ptr::from_ref)).collect();
        assert_eq!(groups.len(), 2 * USERS, "{rest}");
    }
}

#[test]
fn em_3_appended_groups_are_told_from_those_of_the_search() {
    let plan = plan("eventName=A | stats count by u | append [search eventName=B | stats count by u]");
    let rows = conclusion(&plan, &events(&calls())).rows;
    let groups: std::collections::BTreeSet<_> = rows.iter().map(|row| (row.group.clone(), row.ordinal)).collect();
    assert_eq!(groups.len(), rows.len());
}

#[test]
fn ag_3_the_null_by_field_of_a_subsearch_is_counted_as_its_own() {
    let plan = plan("eventName=A | stats count by u | join u [search eventName=B | stats count by u missing]");
    let of = |fields: Json| plan.evaluate(&event(fields));
    assert_eq!(of(json!({"eventName": "B", "u": "ann"})), Some(PlanOutcome::NullBy(2)));
    assert_eq!(of(json!({"eventName": "A"})), Some(PlanOutcome::NullBy(0)));
    assert_eq!(of(json!({"eventName": "C"})), None);
}

#[test]
fn em_5_a_join_has_no_early_stage_and_says_so() {
    let plan = plan(&format!("eventName=A | stats count by u | join u {SUB}"));
    let Early::AtClose(reason) = plan.early() else { panic!("a join waits") };
    assert_eq!(reason, "`join u` needs every row of the window");
    let explanation = plan.explain();
    for line in [
        "over all rows   join u [subsearch 1]",
        "subsearch 1     eventName=B",
        "aggregates      count\n                values(n) as n",
    ] {
        assert!(explanation.contains(line), "{explanation}");
    }
}

#[test]
fn po_3_a_record_may_hold_what_either_search_asks_for() {
    let literals = |search: &str| plan(search).required_literals();
    assert_eq!(
        literals("eventName=CreateUser | stats count by u | join u [search eventName=ConsoleLogin | stats count by u]"),
        Some(vec!["consolelogin".into(), "createuser".into()])
    );
    assert_eq!(literals("eventName=CreateUser | stats count by u | join u [search * | stats count by u]"), None);
}

#[test]
fn wn_1_both_searches_cut_the_same_windows() {
    let bin = "bin _time span=5m | stats count by u _time";
    assert_eq!(plan(&format!("a=1 | {bin} | join u _time [search b=1 | {bin}]")).window_ms(), 300_000);
    for search in [
        format!("a=1 | {bin} | join u [search b=1 | stats count by u]"),
        format!("a=1 | stats count by u | join u [search b=1 | {bin}]"),
    ] {
        let error = refused(&search);
        assert_eq!(&search[error.span.clone()], "bin _time span=5m", "{search}: {error}");
    }
}

/// A call as the naive join below sees it: whether it is of the search or of the subsearch, and its user.
fn random_calls() -> impl Strategy<Value = Vec<(bool, u8, u8)>> {
    proptest::collection::vec((any::<bool>(), 0..4u8, 0..3u8), 0..24)
}

proptest! {
    #[test]
    fn ag_5_joins_agree_with_a_naive_one_in_any_order(calls in random_calls(), shift in 0..24usize, left in any::<bool>()) {
        let kind = if left { "left" } else { "inner" };
        let plan = plan(&format!(
            "eventName=A | stats count as a by u | join type={kind} max=0 u [search eventName=B | stats count as b by u n]"
        ));
        let fields: Vec<Json> = calls
            .iter()
            .map(|(main, u, n)| json!({"eventName": if *main { "A" } else { "B" }, "u": u.to_string(), "n": n.to_string()}))
            .collect();
        let mut events = events(&fields);
        let made = conclusion(&plan, &events);
        let shift = shift.min(events.len());
        events.rotate_left(shift);
        prop_assert_eq!(&conclusion(&plan, &events), &made);

        let count = |main: bool, u: u8, n: Option<u8>| {
            calls.iter().filter(|call| call.0 == main && call.1 == u && n.is_none_or(|n| n == call.2)).count()
        };
        let mut expected = Vec::new();
        for u in (0..4u8).filter(|u| count(true, *u, None) > 0) {
            let a = count(true, u, None);
            let matches: Vec<u8> = (0..3u8).filter(|n| count(false, u, Some(*n)) > 0).collect();
            expected.extend(matches.iter().map(|n| format!("u={u} a={a} n={n} b={}", count(false, u, Some(*n)))));
            if left && matches.is_empty() {
                expected.push(format!("u={u} a={a}"));
            }
        }
        prop_assert_eq!(made.rows.iter().map(|row| shown(&row.row)).collect::<Vec<_>>(), expected);
    }
}
