//! EM-5: what columns, marks and rows without a value come to where every row of a window is needed.

use serde_json::{Value as Json, json};

use super::whole::{concluded, conclusion};
use super::*;

fn users() -> Vec<Json> {
    [("ann", 1), ("bob", 20), ("bob", 3), ("cat", 3), ("bob", 9), ("ann", 5)]
        .map(|(user, n)| json!({"u": user, "n": n}))
        .into()
}

#[test]
fn rows_without_the_value_come_last_and_stay_in_their_order() {
    for (sort, expected) in [
        ("sort k", ["u=bob", "u=ann", "u=cat"]),
        ("sort -k", ["u=bob", "u=ann", "u=cat"]),
        ("sort k, -u", ["u=bob", "u=cat", "u=ann"]),
        ("sort num(k), -u", ["u=bob", "u=cat", "u=ann"]),
    ] {
        let search = format!("* | stats count by u | eval k=if(count>2, 1, null()) | {sort} | table u");
        assert_eq!(concluded(&search, &users()), expected, "{sort}");
    }
}

/// Behind `stats` the columns are known, whatever the events hold.
#[test]
fn behind_a_stats_over_rows_a_wildcard_means_its_columns() {
    let stats = "* | sort n | stats count sum(n) as costs by u";
    for (command, expected) in [
        ("table u c*", ["u=ann costs=6 count=2", "u=bob costs=32 count=3", "u=cat costs=3 count=1"]),
        ("rename c* as my_* | fields my_o*", ["my_ount=2 my_osts=6", "my_ount=3 my_osts=32", "my_ount=1 my_osts=3"]),
    ] {
        assert_eq!(concluded(&format!("{stats} | {command}"), &users()), expected, "{command}");
    }
    for (search, place) in [
        ("* | sort n | table c*", "c*"),
        ("* | sort n | rename c* as my_* | stats count by my_x", "c*"),
        ("* | sort n | fields c* | stats count", "c*"),
    ] {
        assert_eq!(&search[refused(search).span], place, "{search}");
    }
}

/// More users than `values` shows, each with a row of its own.
fn crowd() -> Vec<Event<'static>> {
    let fields: Vec<Json> = (0..3)
        .flat_map(|kind| (0..50).map(move |n| json!({"eventName": format!("Get{kind}"), "u": format!("u{kind}-{n}")})))
        .collect();
    fields
        .into_iter()
        .enumerate()
        .map(|(n, mut fields)| {
            fields["eventID"] = json!(n.to_string());
            event(fields)
        })
        .collect()
}

#[test]
fn bd_3_rows_are_marked_by_what_an_aggregate_over_them_does_not_show() {
    let marks = |search: &str| {
        let marks: Vec<bool> =
            conclusion(&plan(search), &crowd()).rows.iter().map(|row| row.values_truncated).collect();
        (marks.len(), marks.iter().filter(|mark| **mark).count())
    };
    for (search, expected) in [
        ("* | stats count by u | eventstats values(u) as users", (150, 150)),
        ("* | stats count by u eventName | eventstats values(u) as users by eventName", (150, 0)),
        // What one command hid, the next one does not bring back.
        ("* | stats count by u | eventstats values(u) as users | eventstats count as rows", (150, 150)),
        ("* | stats count by u | eventstats values(u) as users | stats count as rows", (1, 1)),
        ("* | stats count by u | eventstats count as rows", (150, 0)),
        // Rows that meet: a mark of either is one of both.
        (
            "* | stats count by eventSource | join eventSource [search * | stats count by u eventSource | stats values(u) as users by eventSource]",
            (1, 1),
        ),
        (
            "* | stats count by u eventSource | stats values(u) as users by eventSource | join eventSource [search * | stats count as calls by eventSource]",
            (1, 1),
        ),
        ("* | stats count by eventSource | join eventSource [search * | stats count as calls by eventSource]", (1, 0)),
    ] {
        assert_eq!(marks(search), expected, "{search}");
    }
}

#[test]
fn events_of_a_subsearch_have_no_column_of_what_every_event_has() {
    let calls = [("A", "ann"), ("B", "ann")].map(|(name, user)| json!({"eventName": name, "u": user}));
    let search = |command: &str| {
        format!(
            "eventName=A | stats count by u | where count=1 | {command} [search eventName=B sourcetype=aws:cloudtrail]"
        )
    };
    assert_eq!(concluded(&search("join u"), &calls), ["u=ann count=1 _time=1682377260 eventName=B"]);
    assert_eq!(concluded(&search("append"), &calls).len(), 2);
    let shown = concluded(&format!("{} | where 'sourcetype'=\"aws:cloudtrail\"", search("join u")), &calls);
    assert_eq!(shown, ["u=ann count=1 _time=1682377260 eventName=B sourcetype=aws:cloudtrail"]);
}

/// In Splunk they hold every field that they have, and so those of the rows before the command.
#[test]
fn events_of_a_subsearch_have_the_columns_of_the_rows_that_they_meet() {
    let calls = [("A", "ann", 1), ("A", "bob", 2), ("B", "ann", 10)]
        .map(|(name, user, n)| json!({"eventName": name, "u": user, "n": n}));
    let main = "eventName=A | stats max(n) as n by u";
    for (command, expected) in [
        ("join u [search eventName=B]", &["u=ann n=10 _time=1682377320 eventName=B"][..]),
        ("join overwrite=false u [search eventName=B]", &["u=ann n=1 _time=1682377320 eventName=B"]),
        ("append [search eventName=B]", &["u=ann n=1", "u=bob n=2", "_time=1682377320 eventName=B n=10 u=ann"]),
        ("append [search eventName=B | table u]", &["u=ann n=1", "u=bob n=2", "u=ann"]),
    ] {
        assert_eq!(concluded(&format!("{main} | {command}"), &calls), expected, "{command}");
    }
}
