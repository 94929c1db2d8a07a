//! Warnings of a search follow a field back to the command that makes it, and on to the columns that it becomes.

use std::sync::Arc;

use super::*;
use crate::plan::LookupTable;

fn warnings(search: &str) -> Vec<String> {
    let table = LookupTable {
        name: "t".into(),
        case_sensitive: true,
        match_types: Default::default(),
        max_matches: 1,
        default_match: None,
        columns: vec!["user".into(), "team".into()],
        rows: Vec::new(),
    };
    let text = PlanText { lookups: vec![Arc::new(table)], ..text(search) };
    let plan = Plan::compile(&text).unwrap_or_else(|error| panic!("{search}: {error}"));
    plan.warnings().iter().map(|warning| warning.message.clone()).collect()
}

#[track_caller]
fn assert_warned(search: &str, words: &str) {
    let warnings = warnings(search);
    assert!(warnings.len() == 1 && warnings[0].contains(words), "{search}: {warnings:?}");
}

/// Events of `JobCreated` name no actor, so that `stats` by one would drop them all.
#[test]
fn ag_3_a_by_field_that_no_event_searched_for_can_have() {
    for search in [
        "eventName=JobCreated | stats count by user",
        "signature=jobcreated | stats count by user",
        "eventName IN (JobCreated) | stats count by user",
        "eventName=JobCreated OR eventName IN (jobcreated) | stats count by user",
        "errorCode=success eventName=JobCreated | stats count by userIdentity.arn",
        "eventName=JobCreated | rename user as who | stats count by who",
    ] {
        assert_warned(search, "stats drops every event that lacks a by-field");
    }
    for search in [
        "userAgent=JobCreated | stats count by user",
        "userAgent IN (JobCreated) | stats count by user",
        "eventName IN (JobCreated, Get*) | stats count by user",
        "eventName IN (JobCreated, GetUser) | stats count by user",
        "eventName!=JobCreated | stats count by user",
        "NOT eventName=JobCreated | stats count by user",
        "eventName=JobCreated OR errorCode=success | stats count by user",
        "eventName=JobCreated | stats count by userIdentity.accountId",
    ] {
        assert_eq!(warnings(search), [""; 0], "{search}");
    }
}

#[test]
fn a_by_field_that_a_command_makes_is_not_doubted_and_any_other_is() {
    for (makes, another) in [
        ("eval usre=1", "eval x=1"),
        ("fillnull usre", "fillnull x"),
        ("bin span=10 n as usre", "bin span=10 n as x"),
        ("convert ctime(n) as usre", "convert ctime(n) as x"),
        ("spath input=policy output=usre path=a", "spath input=policy output=x path=a"),
        ("spath input=policy path=usre", "spath input=policy path=x"),
        ("rex \"(?<usre>.)\"", "rex \"(?<x>.)\""),
        ("lookup t user OUTPUT team AS usre", "lookup t user OUTPUT team"),
        ("eventstats count as usre", "eventstats count as x"),
        // They may make any field.
        ("fillnull", "where x=1"),
        ("spath", "mvexpand x"),
        ("append [search eventName=A | eval usre=1]", "sort x"),
        ("join user [search eventName=A | eval usre=1]", "dedup x"),
        ("rename requestParameters.* as *", "rename requestParameters.x as x"),
        ("rename n as x, user as usre", "rename n as x, user as who"),
    ] {
        assert_eq!(warnings(&format!("* | {makes} | stats count by usre")), [""; 0], "{makes}");
        assert_warned(&format!("* | {another} | stats count by usre"), "no field usre: did you mean user?");
    }
    // Followed back through both names.
    assert_warned("* | rename usre as a | rename a as b | stats count by b", "no field usre");
    assert_warned("* | eval usre=1 | rename usre as a | stats count by a awsregion", "no field awsregion");
}

#[test]
fn a_column_that_a_command_makes_is_not_doubted_and_any_other_is() {
    for (makes, another) in [
        ("eval x=1", "eval y=1"),
        ("rename count as x", "rename count as y"),
        ("fillnull x", "fillnull y"),
        ("bin span=10 count as x", "bin span=10 count as y"),
        ("convert ctime(count) as x", "convert ctime(count) as y"),
        ("eventstats max(count) as x", "eventstats max(count) as y"),
        ("spath input=user output=x path=a", "spath input=user output=y path=a"),
        ("spath input=user path=x", "spath input=user path=y"),
        ("rex field=user \"(?<x>.)\"", "rex field=user \"(?<y>.)\""),
        ("lookup t user OUTPUT team AS x", "lookup t user OUTPUT team AS y"),
        // They may make any column.
        ("spath input=user", "dedup user"),
        ("append [search eventName=A | stats count as x]", "sort count"),
        ("join user [search eventName=A | stats count as x by user]", "head 5"),
    ] {
        for reads in ["search x=1", "where x=1"] {
            let search = |command: &str| format!("* | stats count by user | {command} | {reads}");
            assert_eq!(warnings(&search(makes)), [""; 0], "{makes}");
            assert_warned(&search(another), "no column x: it is always null here");
        }
    }
}

#[test]
fn ag_3_what_is_appended_behind_stats_gives_its_events_no_field() {
    let search = "eventName=JobCreated | stats count by user | append [search eventName=GetUser | stats count by src]";
    assert_warned(search, "no event of JobCreated has the field user");
    let sub = "eventName=GetUser | stats count by src | append [search eventName=JobCreated | stats count by user]";
    assert_warned(sub, "no event of JobCreated has the field user");
}
