//! Matching one event and the commands before `stats`.

use serde_json::json;

use super::*;

#[test]
fn terms_ignore_case_and_know_wildcards() {
    let event = || json!({"userAgent": "Console.amazonaws.com", "n": 1.0, "flag": true});
    for (search, expected) in [
        ("eventName=getuser", true),
        ("eventName=Get*", true),
        ("eventName=*USER", true),
        ("eventName=\"Get*\"", true),
        ("eventName=Get", false),
        ("eventname=GetUser", false),
        ("eventName IN (Put*, getuser)", true),
        ("eventName IN (Put*, Delete*)", false),
        ("userAgent!=console.amazonaws.com", false),
        ("userAgent!=*.example.com", true),
        ("n=1", true),
        ("n=1.00", true),
        ("n>0.5 n<2", true),
        ("n>1", false),
        ("n>=1 n<=1.0", true),
        ("n>=1.5", false),
        ("n<=0.5", false),
        ("userAgent>=console.amazonaws.com userAgent<=CONSOLE.amazonaws.com", true),
        ("userAgent<=b", false),
        ("userAgent>b", true),
        ("userAgent<D", true),
        ("flag=true", true),
        ("eventName=*", true),
        ("missing=*", false),
        ("sourcetype=aws:cloudtrail", true),
        ("sourcetype=other", false),
        ("index=aws sourcetype=aws:cloudtrail", true),
        ("index=aws eventName=PutUser", false),
    ] {
        assert_eq!(matches(search, event()), expected, "{search}");
    }
}

/// As `cidrmatch` does, and `lookup` with `match_type = CIDR(..)`.
#[test]
fn a_network_equals_itself_and_the_addresses_in_it() {
    let fields = || json!({"sourceIPAddress": "10.1.2.3", "six": "2001:db8::7", "net": "0.0.0.0/0", "path": "/8"});
    for (search, expected) in [
        ("sourceIPAddress=10.0.0.0/8", true),
        ("src_ip=\"10.1.2.0/24\"", true),
        ("src_ip=10.1.3.0/24", false),
        ("src_ip IN (192.168.0.0/16, 10.0.0.0/8)", true),
        ("src_ip!=10.0.0.0/8", false),
        ("NOT src_ip=10.0.0.0/8", false),
        ("missing!=10.0.0.0/8", false),
        ("six=2001:db8::/32", true),
        ("six=10.0.0.0/8", false),
        ("net=0.0.0.0/0", true),
        ("path=*/8", true),
        ("src_ip=10.0.0.0/33", false),
    ] {
        assert_eq!(matches(search, fields()), expected, "{search}");
    }
    let hidden = plan("* | stats count by src_ip | search NOT src_ip IN (10.0.0.0/8)");
    assert!(rows(&hidden, &[event(fields())]).is_empty());
    let plan = plan("sourceIPAddress=10.0.0.0/8");
    assert_eq!((plan.required_literals(), plan.requirements()), (None, vec![vec![]]), "PO-3: it begins in any way");
}

#[test]
fn a_bare_term_is_looked_for_in_the_raw_text_that_a_command_wrote() {
    assert!(!matches("* | eval _raw=\"abc\" | search GetUser", json!({})));
    assert!(matches("* | eval _raw=\"abc\" | search ABC", json!({})));
    assert!(!matches("* | eval _raw=null() | search GetUser", json!({})));
}

/// Splunk's `fields`: internal fields are not removed unless they are named, and their wildcard is `_*`.
#[test]
fn a_wildcard_of_fields_removes_no_internal_field() {
    let event = || event(json!({"a": 1, "time": "x"}));
    for (fields, expected) in [
        ("- *", "a=null time=null _time=1682380277"),
        ("- *e", "a=1 time=null _time=1682380277"),
        ("- t*, *_ti*", "a=1 time=null _time=1682380277"),
        ("- _*", "a=1 time=x _time=null"),
        ("- _t*e", "a=1 time=x _time=null"),
        ("- _time", "a=1 time=x _time=null"),
    ] {
        let made = rows(&plan(&format!("eventName=GetUser | fields {fields} | table a time _time")), &[event()]);
        assert_eq!(made.iter().map(shown).collect::<Vec<_>>(), [expected], "fields {fields}");
    }
    let made = rows(&plan("time=x | fields - *e"), &[event()]);
    assert_eq!(made.iter().map(shown).collect::<Vec<_>>(), ["_time=1682380277"], "columns of single events");
    for (fields, expected) in [("- *", "_time=1682380277"), ("- *e", "_time=1682380277 count=1"), ("- _*", "count=1")] {
        let made = rows(&plan(&format!("* | stats count by _time | fields {fields}")), &[event()]);
        assert_eq!(made.iter().map(shown).collect::<Vec<_>>(), [expected], "fields {fields}");
    }
}

/// A wildcard in `rename` names no internal field, of rows that are single events either.
#[test]
fn a_wildcard_of_rename_leaves_the_time_of_single_events() {
    let made = rows(&plan("a=1 | rename * as x.*"), &[event(json!({"a": 1}))]);
    assert_eq!(made.iter().map(shown).collect::<Vec<_>>(), ["_time=1682380277 x.eventName=GetUser x.a=1"]);
    let made = rows(&plan("req._time=7 | rename req.* as *"), &[event(json!({"req": {"_time": 7}}))]);
    assert_eq!(made.iter().map(shown).collect::<Vec<_>>(), ["_time=1682380277 eventName=GetUser req._time=7"]);
}

/// Those beside the event's own are derived (docs/fields.md). Internal ones begin with an underscore.
#[test]
fn wildcards_name_every_field_that_an_event_has_but_internal_ones() {
    let fields = || json!({"sourceIPAddress": "10.1.2.3", "req": {"_time": 7, "a": 1}});
    for (commands, field, expected) in [
        ("table src*", "src_ip", "10.1.2.3"),
        ("table *", "src_ip", "10.1.2.3"),
        ("rename src* as from*", "from_ip", "10.1.2.3"),
        ("rename req.* as *", "a", "1"),
        ("rename req.* as * | eval t=_time", "t", "1682380277"),
        ("rename * as x.* | eval t=_time", "t", "1682380277"),
    ] {
        let plan = plan(&format!("* | {commands} | stats count by {field}"));
        let rows = rows(&plan, &[event(fields())]);
        assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), [format!("{field}={expected} count=1")], "{commands}");
    }
}

#[test]
fn unequal_needs_the_field_and_not_does_not() {
    assert!(!matches("missing!=x", json!({})));
    assert!(matches("NOT missing=x", json!({})));
    assert!(matches("field!=x", json!({"field": ""})));
}

#[test]
fn or_binds_tighter_than_the_implicit_and() {
    assert!(!matches("eventName=GetUser OR eventName=PutUser missing=x", json!({})));
    assert!(matches("missing=x OR eventName=GetUser eventSource=iam.amazonaws.com", json!({})));
}

#[test]
fn any_value_of_a_multivalue_field_may_match() {
    let fields = || json!({"items": [{"group": "all"}, {"group": "some"}]});
    assert!(matches("items{}.group=ALL", fields()));
    assert!(matches("items{}.group=some", fields()));
    assert!(!matches("items{}.group=none", fields()));
    assert!(!matches("items{}.group=all", json!({"items": []})));
}

#[test]
fn bare_terms_are_looked_for_in_the_raw_event() {
    assert!(matches("IAM.amazonaws", json!({})));
    assert!(matches("\"eventName*GetUser\"", json!({})));
    assert!(!matches("nowhere", json!({})));
}

#[test]
fn parts_of_the_time_stamp_are_fields_in_utc() {
    // 2023-04-24 was a Monday.
    assert!(matches("date_hour=23 date_minute=51 date_second=17 date_wday=monday", json!({})));
    assert!(matches("date_mday=24 date_month=april date_year=2023 date_hour>=20", json!({})));
    assert!(!matches("date_wday=sunday OR date_hour<8", json!({})));
}

/// The columns of the one row of a search without `stats`.
fn columns(search: &str, fields: serde_json::Value) -> String {
    let plan = plan(search);
    let rows = rows(&plan, &[event(fields)]);
    rows.iter().map(shown).collect::<Vec<_>>().join("; ")
}

#[test]
fn rename_moves_fields() {
    let fields = || json!({"a": "1", "b": "2", "requestParameters": {"x": "p", "y": {"z": "q"}}, "x": "old"});
    for (commands, expected) in [
        ("rename a as c | table a c", "a=null c=1"),
        ("rename a as b | table a b", "a=null b=1"),
        // Splunk: a missing source leaves the target null.
        ("rename missing as b | table b", "b=null"),
        ("rename a as b, b as c | table a b c", "a=null b=null c=1"),
        ("rename requestParameters.* as * | table x y.z requestParameters.x", "x=p y.z=q requestParameters.x=null"),
        ("rename requestParameters.* as *_new | table x x_new", "x=old x_new=p"),
    ] {
        assert_eq!(columns(&format!("* | {commands}"), fields()), expected, "{commands}");
    }
}

#[test]
fn fillnull_fills_what_is_null_and_nothing_else() {
    let fields = || json!({"a": "1", "empty": ""});
    for (commands, expected) in [
        ("fillnull | table a empty b", "a=1 empty= b=0"),
        ("fillnull value=unknown b | table a b c", "a=1 b=unknown c=null"),
        ("fillnull value=x | rename b as c | table a c", "a=1 c=x"),
    ] {
        assert_eq!(columns(&format!("* | {commands}"), fields()), expected, "{commands}");
    }
}

#[test]
fn fillnull_keeps_by_fields_from_dropping_events() {
    let plan = plan("* | fillnull | stats count by a b");
    assert_eq!(contributions(&plan, &event(json!({"a": "1"})))[0].group.values, [Scalar::text("1"), Scalar::text("0")]);
}

#[test]
fn fields_and_table_restrict_what_is_seen() {
    let fields = || json!({"alpha": "1", "beta": "2"});
    for (commands, expected) in [
        ("fields alpha | eval x=coalesce(beta, \"hidden\") | table x alpha _time", "x=hidden alpha=1 _time=1682380277"),
        ("fields - al* | table alpha beta", "alpha=null beta=2"),
        ("table beta | eval x=coalesce(_time, \"hidden\") | table x beta", "x=hidden beta=2"),
        ("fields beta, alpha", "beta=2 alpha=1"),
        ("table alpha | rename alpha as a | eval b=1", "a=1 b=1"),
    ] {
        assert_eq!(columns(&format!("* | {commands}"), fields()), expected, "{commands}");
    }
}

#[test]
fn without_table_the_columns_are_the_fields_that_the_search_names() {
    let row = columns("eventSource=iam* | where alpha=1 | rename beta as gamma", json!({"alpha": "1", "beta": "2"}));
    assert_eq!(row, "_time=1682380277 eventName=GetUser eventSource=iam.amazonaws.com alpha=1 gamma=2");
    let fields = || json!({"alpha": "1", "beta": "2", "requestParameters": {"x": "p"}});
    for (search, expected) in [
        ("alpha=1 beta=2 | fields - alpha", "_time=1682380277 eventName=GetUser beta=2"),
        ("alpha=1 beta=2 | fields - al*, _time", "eventName=GetUser beta=2"),
        // What every event has is no column, unless it is asked for.
        ("sourcetype=aws:cloudtrail", "_time=1682380277 eventName=GetUser"),
        ("* | rename sourcetype as kind", "_time=1682380277 eventName=GetUser kind=aws:cloudtrail"),
        ("* | rename requestParameters.* as *_new | where x_new=\"p\"", "_time=1682380277 eventName=GetUser x_new=p"),
        ("* | table alpha | rename missing as x", "alpha=1"),
        ("* | table alpha, beta | rename beta as alpha", "alpha=2"),
    ] {
        assert_eq!(columns(search, fields()), expected, "{search}");
    }
}

#[test]
fn a_wildcard_in_rename_means_the_fields_that_there_are() {
    let fields = || json!({"alpha": "1", "x_alpha": "2"});
    for (commands, expected) in [
        ("rename al* as x_al* | table x_alpha", "x_alpha=1"),
        ("fields - alpha | rename al* as x_al* | table x_alpha", "x_alpha=2"),
        ("rename alpha as y | rename al* as x_al* | table x_alpha y", "x_alpha=2 y=1"),
        ("eval alpha=null() | rename al* as x_al* | table x_alpha", "x_alpha=2"),
    ] {
        assert_eq!(columns(&format!("* | {commands}"), fields()), expected, "{commands}");
    }
}

#[test]
fn without_stats_every_event_is_its_own_group() {
    let plan = plan("eventName=GetUser | table eventName");
    let event = event(json!({}));
    let contributions = contributions(&plan, &event);
    assert!(!plan.leg(0).has_stats);
    assert_eq!(contributions.len(), 1);
    assert_eq!(contributions[0].group, GroupKey { leg: 0, values: vec![], event: Some(event.key), ordinal: 0 });
    assert_eq!(contributions[0].inputs, [Value::text("GetUser")]);
}

#[test]
fn bin_floors_time_from_the_epoch_and_cuts_windows_with_time_among_the_by_fields_wn_1() {
    let windowed = plan("* | bin _time span=10m | stats count by _time");
    assert_eq!(windowed.window_ms(), 600_000);
    // 23:51:17 lies in the span from 23:50:00.
    let group = &contributions(&windowed, &event(json!({})))[0].group;
    assert_eq!(group.values, [Scalar::Number(1_682_380_200.0)]);
    let before_1970 = event(json!({"eventTime": "1969-12-31T23:59:59Z"}));
    assert_eq!(contributions(&windowed, &before_1970)[0].group.values, [Scalar::Number(-600.0)]);

    let unwindowed = plan("* | bin _time span=10m | stats min(_time) as t by eventName");
    assert_eq!(unwindowed.window_ms(), HOUR);
    assert_eq!(unwindowed.warnings().len(), 1);
    assert_eq!(shown(&rows(&unwindowed, &[event(json!({}))])[0]), "eventName=GetUser t=1682380200");
}

#[test]
fn bin_of_another_number_shows_its_range() {
    assert_eq!(columns("* | bin n span=10 | table n", json!({"n": 25})), "n=20-30");
    assert_eq!(columns("* | bin span=10 n as m | table n m", json!({"n": -5})), "n=-5 m=-10-0");
}

#[test]
fn a_null_by_field_drops_the_event_and_names_the_first_ag_3() {
    let plan = plan("* | stats count by eventName a b");
    assert_eq!(plan.evaluate(&event(json!({"a": "1"}))), Some(PlanOutcome::NullBy(2)));
    assert_eq!(plan.evaluate(&event(json!({}))), Some(PlanOutcome::NullBy(1)));
    // The empty string is a value.
    assert!(matches!(plan.evaluate(&event(json!({"a": "", "b": ""}))), Some(PlanOutcome::Matched { .. })));
}

#[test]
fn a_multivalue_by_field_counts_once_per_value() {
    let plan = plan("* | rename a{} as a, b{} as b | stats count by a b");
    let contributions = contributions(&plan, &event(json!({"a": ["x", "y"], "b": ["1", "2"]})));
    let made: Vec<_> = contributions
        .iter()
        .map(|c| format!("{}:{}", c.ordinal, c.group.values.iter().map(Scalar::to_string).collect::<String>()))
        .collect();
    assert_eq!(made, ["0:x1", "1:x2", "2:y1", "3:y2"]);
}

#[test]
fn a_number_of_eval_and_the_same_text_of_an_event_are_one_group() {
    let plan = plan("* | eval n=coalesce(n, 5) | stats count by n");
    let rows = rows(&plan, &[event(json!({"eventID": "a"})), event(json!({"eventID": "b", "n": "5"}))]);
    assert_eq!(rows.iter().map(shown).collect::<Vec<_>>(), ["n=5 count=2"]);
}

#[test]
fn every_event_is_in_every_index() {
    use crate::spl::ast::{CompareOp, Pipeline, SearchExpr, SearchTerm, Spanned};
    let node = SearchTerm::Compare { field: "index".into(), op: CompareOp::Eq, value: "main".into() };
    let base = SearchExpr::Term(Spanned { node, span: 0..0 });
    let plan = Plan::from_pipeline(&text("*"), &Pipeline { base, commands: Vec::new() }).expect("it compiles");
    assert!(plan.evaluate(&event(json!({}))).is_some());
}

/// Names of fields come from events, and are taken apart like those of a search.
#[test]
fn threat_3_a_key_of_countless_dots_takes_no_more_than_its_length() {
    let event = event(json!({"requestParameters": {".".repeat(100_000): "p"}}));
    assert!(plan("* | rename requestParameters.* as * | stats count by eventName").evaluate(&event).is_some());
}
