//! AG-5: a filter that expires applies in windows that end by then, and in no later one.

use serde_json::json;

use super::*;
use crate::plan::{Conclusion, Fingerprint, GroupRow};

/// The window of [`event`] ends at midnight; `{}` in the search is where the filter stands.
const WINDOW_END: i64 = 1_682_380_800_000;

fn expiring_text(search: &str, filter: &str, expires_ms: Option<i64>) -> PlanText {
    let start = search.find("{}").expect("a place for the filter");
    let mut text = text(&search.replace("{}", filter));
    text.filters = vec![FilterPlace { name: "x_filter".into(), start, end: start + filter.len(), expires_ms }];
    text
}

fn expiring(search: &str, filter: &str, expires_ms: i64) -> Plan {
    let text = expiring_text(search, filter, Some(expires_ms));
    Plan::compile(&text).unwrap_or_else(|error| panic!("{}: {error}", text.search))
}

/// Rows and hidden rows of two events of alice.
fn passed_and_hidden(plan: &Plan) -> (usize, usize) {
    let events = [event(json!({"who": "alice"})), event(json!({"who": "alice", "eventID": "2"}))];
    let groups = groups(plan, &events);
    let rows: Vec<Rows> = groups.iter().map(|(group, partial)| rows_of(plan, group, partial)).collect();
    (rows.iter().map(|rows| rows.rows.len()).sum(), rows.iter().flat_map(|rows| &rows.hidden).sum())
}

/// Once it has expired, rows pass that it would have hidden.
#[test]
fn em_1_a_threshold_that_expires_is_no_reason_not_to_look() {
    let least = |expires| {
        let text = expiring_text("* | stats count by who | where count > 1 | {}", "where count > 5", expires);
        Plan::compile(&text).expect("it compiles").least().to_pass
    };
    assert_eq!((least(None), least(Some(WINDOW_END))), (6, 2));
}

/// What a filter macro hides is counted; what ends before it is not.
#[test]
fn ag_4_a_row_comes_as_far_as_a_filter_when_the_thresholds_before_it_are_met() {
    for (search, filter, to_pass, to_count) in [
        ("* | stats count by who | where count > 9 | {}", "search who!=bob", 10, 10),
        ("* | stats count by who | {} | where count > 9", "search who!=bob", 10, 0),
        ("* | stats count by who | {}", "where count > 9", 10, 0),
        ("* | stats count by who | where count > 4 | {} | where count > 9", "search who!=bob", 10, 5),
        ("* | stats count by who | where count > 4 | where count > 9 | {}", "where count > 20", 21, 10),
    ] {
        let plan = Plan::compile(&expiring_text(search, filter, None)).expect("it compiles");
        assert_eq!(plan.least(), crate::plan::Least { to_pass, to_count }, "{search}");
    }
}

#[test]
fn ag_5_the_end_of_the_window_decides_whether_a_filter_applies() {
    let search = "* | stats count by who | {}";
    for filter in ["search who!=alice", "where who!=\"alice\"", "search who=* | where count>5"] {
        assert_eq!(passed_and_hidden(&expiring(search, filter, WINDOW_END + 1)), (0, 1), "{filter}");
        assert_eq!(passed_and_hidden(&expiring(search, filter, WINDOW_END)), (0, 1), "it ends by then: {filter}");
        assert_eq!(passed_and_hidden(&expiring(search, filter, WINDOW_END - 1)), (1, 0), "{filter}");
    }
}

#[test]
fn ag_5_an_expired_filter_lets_pass_without_stats_before_stats_and_in_what_is_appended() {
    for (search, hidden) in [
        ("* | {}", 2),
        ("* | table who | {}", 2),
        ("* | {} | stats count by who", 0),
        ("* | append [search eventName=None] | {} | stats count by who", 0),
        ("* | {} | append [search eventName=None] | stats count by who", 0),
        ("* | {}| stats count by who", 0),
        ("eventName=None | append [search * | {}] | stats count by who", 0),
    ] {
        let rows = if hidden == 2 { 2 } else { 1 };
        assert_eq!(passed_and_hidden(&expiring(search, "search who!=alice", WINDOW_END)), (0, hidden), "{search}");
        assert_eq!(passed_and_hidden(&expiring(search, "search who!=alice", WINDOW_END - 1)), (rows, 0), "{search}");
    }
}

/// Wherever they stand.
#[test]
fn ag_5_other_commands_than_those_of_the_filter_do_not_expire() {
    for search in [
        "* | stats count by who | where who!=\"alice\" | {}",
        "* | stats count by who | {} | where who!=\"alice\"",
        "* | where who!=\"alice\" | {} | stats count by who",
        "* | {} | where who!=\"alice\" | stats count by who",
    ] {
        let rows = passed_and_hidden(&expiring(search, "search who!=carol", WINDOW_END - 1)).0;
        assert_eq!(rows, 0, "{search}");
    }
}

/// A definition may end with the pipe behind it.
#[test]
fn ag_5_a_filter_that_ends_with_its_pipe_is_a_command_of_its_own() {
    let at = |expires| passed_and_hidden(&expiring("* | {}stats count by who", "search who!=alice |", expires)).0;
    assert_eq!((at(WINDOW_END), at(WINDOW_END - 1)), (0, 1));
}

/// A subsearch beside it has no part in it.
#[test]
fn ag_5_a_filter_may_expire_beside_a_subsearch() {
    for search in [
        "* | stats count by who | {} | join who [search * | stats count by who]",
        "* | stats count by who | join who [search * | stats count by who] | {}",
        "* | stats count by who | {} | append [search eventName=None | stats count by who]",
        "* | stats count by who | append [search eventName=None | stats count by who] | {}",
        "* | append [search eventName=A | where a=1] | append [search * | {}] | stats count by who",
        "* | append [search * | {}] | append [search eventName=A | where a=1] | stats count by who",
    ] {
        expiring(search, "search who!=alice", WINDOW_END);
    }
}

#[test]
fn ag_5_an_expired_filter_lets_pass_over_the_whole_window() {
    let conclude = |expires: i64| -> Conclusion {
        let plan = expiring("* | stats count by who | sort who | {}", "search who!=alice", expires);
        let events = [event(json!({"who": "alice"}))];
        let row = |(group, partial): &(GroupKey, Partial)| GroupRow {
            values_truncated: false,
            group: group.clone(),
            time: partial.first_event(),
            row: rows_of(&plan, group, partial).rows.remove(0),
        };
        let rows = groups(&plan, &events).iter().map(row).collect();
        plan.conclude(&Bounds::default(), rows, EventTime(WINDOW_END))
    };
    let (before, after) = (conclude(WINDOW_END), conclude(WINDOW_END - 1));
    assert_eq!((before.rows.len(), before.hidden), (0, vec![1]));
    assert_eq!((after.rows.len(), after.hidden), (1, vec![0]));
}

/// PO-3: in windows after its expiry it asks for nothing.
#[test]
fn po_3_a_filter_that_expires_is_nothing_that_an_event_must_show() {
    let plan = expiring("* | {} | stats count by who", "search eventName=None", WINDOW_END);
    assert_eq!(plan.requirements(), [vec![]]);
    let lasting = expiring_text("* | {} | stats count by who", "search eventName=None", None);
    assert_eq!(Plan::compile(&lasting).expect("it compiles").requirements()[0].len(), 1);
}

/// The second command is the filter's in part only.
#[test]
fn a_filter_whose_last_command_goes_on_behind_it_cannot_expire() {
    let text = expiring_text("* | stats count by who | {} b=2", "search a=1 | search c=2", Some(WINDOW_END));
    assert!(Plan::compile(&text).is_err());
}

#[test]
fn a_filter_in_a_filter_expires_with_whichever_expires_first() {
    let inner = "search who!=alice";
    let plan = |outer_ms: Option<i64>, inner_ms: Option<i64>| {
        let mut text = expiring_text("* | stats count by who | {}", inner, inner_ms);
        text.filters.push(FilterPlace { name: "outer_filter".into(), expires_ms: outer_ms, ..text.filters[0].clone() });
        Plan::compile(&text).expect("it compiles")
    };
    for (outer, inner, passed) in
        [(None, Some(-1), 1), (Some(-1), None, 1), (Some(1), Some(0), 0), (Some(0), Some(-1), 1)]
    {
        let at = |offset: Option<i64>| offset.map(|offset| WINDOW_END + offset);
        let rows = passed_and_hidden(&plan(at(outer), at(inner))).0;
        assert_eq!(rows, passed, "{outer:?} {inner:?}");
    }
}

/// PO-3: what an event must hold today it need not hold tomorrow.
#[test]
fn po_3_a_filter_that_expires_requires_no_literal() {
    let text = |expires| expiring_text("* | {} | stats count", "search userName=zeppelin", expires);
    let literals = |expires| Plan::compile(&text(expires)).expect("it compiles").required_literals();
    assert_eq!(literals(None), Some(vec!["zeppelin".to_owned()]));
    assert_eq!(literals(Some(WINDOW_END)), None);
}

#[test]
fn what_expires_may_only_hide_and_is_a_command_of_its_own() {
    for (search, filter, word) in [
        ("* | stats count by who | {}", "eval who=\"x\"", "only hide rows"),
        ("* | stats count by who | {}", "search who=a | rename who as user", "only hide rows"),
        ("* | stats count by who | {}", "sort who", "only hide rows"),
        ("* | {}", "stats count by who", "only hide rows"),
        ("* | append [search * | {}] | stats count", "eval a=1", "only hide rows"),
        ("* | stats count by u | join u [search * | {} | stats count by u]", "eval a=1", "only hide rows"),
        ("eventName=* {} | stats count", "NOT who=a", "no command of its own"),
        ("* | stats count by who | where count>1 {}", "AND count<5", "no command of its own"),
        ("* | stats count by who | where {}", "count<5 | search who=a", "no command of its own"),
        ("* | append [search {}] | stats count", "who=a", "no command of its own"),
    ] {
        let error = Plan::compile(&expiring_text(search, filter, Some(0))).expect_err(search);
        assert!(error.message.contains(word) && error.message.contains("`x_filter`"), "{search}: {error}");
        Plan::compile(&expiring_text(search, filter, None)).unwrap_or_else(|error| panic!("{search}: {error}"));
    }
}

/// WN-7: the expiry is part of the plan; a plan without one has the text, and so the ids, that it had before.
#[test]
fn wn_7_the_expiry_is_part_of_the_fingerprint() {
    let text = |expires| expiring_text("* | stats count by who | {}", "search who!=a", expires);
    let (none, one, other) = (text(None), text(Some(1)), text(Some(2)));
    assert_ne!(Fingerprint::of(&one), Fingerprint::of(&none));
    assert_ne!(Fingerprint::of(&one), Fingerprint::of(&other));
    let json = |text: &PlanText| serde_json::to_string(text).expect("it is JSON");
    assert!(json(&none).contains(r#""filters":[{"name":"x_filter","start":25,"end":38}]"#), "{}", json(&none));
    assert_eq!(serde_json::from_str::<PlanText>(&json(&one)).expect("it is read back"), one);
}

#[test]
fn explain_says_until_when_a_filter_applies() {
    let explained = expiring("* | stats count by who | {}", "search who!=a", WINDOW_END).explain();
    assert!(
        explained.contains("search who!=a  (x_filter, in windows that end by 2023-04-25T00:00:00Z)"),
        "{explained}"
    );
}
