//! Aggregates, rows, and the commands over rows.

use serde_json::json;

use super::*;

/// Events a minute apart, oldest first, with `v` as given (null: absent).
fn events(values: &[serde_json::Value]) -> Vec<Event<'static>> {
    let event_of = |(index, value): (usize, &serde_json::Value)| {
        event(
            json!({"eventID": format!("id-{index}"), "eventTime": format!("2023-04-24T23:{index:02}:00Z"), "v": value}),
        )
    };
    values.iter().enumerate().map(event_of).collect()
}

fn aggregate(aggregate: &str, values: &[serde_json::Value]) -> String {
    let plan = plan(&format!("* | rename v{{}} as w | eval v=coalesce(v, w) | stats {aggregate} as x by eventName"));
    let rows = rows(&plan, &events(values));
    assert_eq!(rows.len(), 1);
    shown_value(&rows[0][1].1)
}

/// The newest hundred.
#[test]
fn ag_5_a_list_shows_a_hundred_values() {
    let event = event(json!({"v": (0..150).collect::<Vec<_>>()}));
    let rows = rows(&plan("* | stats list(v{}) as all by eventName"), &[event]);
    assert_eq!(rows[0][1].1.scalars().len(), 100);
}

#[test]
fn each_aggregate_has_splunks_meaning() {
    let numbers = [json!("3"), json!("10"), json!("9"), json!("3"), json!(null)];
    for (function, expected) in [
        ("count", "5"),
        ("count(v)", "4"),
        ("dc(v)", "3"),
        ("values(v)", "[10, 3, 9]"),
        ("list(v)", "[3, 9, 10, 3]"),
        ("min(v)", "3"),
        ("max(v)", "10"),
        ("range(v)", "7"),
        ("sum(v)", "25"),
        ("sumsq(v)", "199"),
        ("avg(v)", "6.25"),
        ("median(v)", "9"),
        ("mode(v)", "3"),
        ("perc50(v)", "3"),
        ("perc75(v)", "9"),
        ("varp(v)", "10.6875"),
        ("earliest(v)", "3"),
        ("latest(v)", "3"),
        ("sum(missing)", "null"),
        ("dc(missing)", "0"),
        ("count(missing)", "0"),
        ("values(missing)", "null"),
        ("count(eval(v>5))", "2"),
        ("sum(eval(v*2))", "50"),
        ("dc(eval(if(v>5, 1, 0)))", "2"),
    ] {
        assert_eq!(aggregate(function, &numbers), expected, "{function}");
    }
}

#[test]
fn first_is_the_newest_event_as_splunk_hands_them_to_stats() {
    let values = [json!("old"), json!("middle"), json!("new"), json!(null)];
    for (function, expected) in [
        ("first(v)", "new"),
        ("latest(v)", "new"),
        ("last(v)", "old"),
        ("earliest(v)", "old"),
        ("list(v)", "[new, middle, old]"),
    ] {
        assert_eq!(aggregate(function, &values), expected, "{function}");
    }
}

#[test]
fn extremes_are_lexicographic_as_soon_as_one_value_is_text() {
    assert_eq!(aggregate("min(v)", &[json!("9"), json!("10")]), "9");
    assert_eq!(aggregate("min(v)", &[json!("9"), json!("10"), json!("x")]), "10");
    assert_eq!(aggregate("max(v)", &[json!("9"), json!("10"), json!("-")]), "9");
    assert_eq!(aggregate("range(v)", &[json!("9"), json!("x")]), "null");
}

#[test]
fn values_are_sorted_by_bytes_and_each_value_of_a_multivalue_field_counts() {
    assert_eq!(aggregate("values(v)", &[json!("b"), json!(["B", "a"]), json!("é")]), "[B, a, b, é]");
    assert_eq!(aggregate("count(v)", &[json!(["a", "b"]), json!("c")]), "3");
    assert_eq!(aggregate("values(v)", &[json!("a"), json!("a")]), "a");
}

#[test]
fn columns_are_by_fields_then_aggregates_in_the_order_written() {
    let plan = plan("* | stats max(_time) as z count dc(eventName) by eventSource eventName");
    let rows = rows(&plan, &[event(json!({}))]);
    assert_eq!(shown(&rows[0]), "eventSource=iam.amazonaws.com eventName=GetUser z=1682380277 count=1 dc(eventName)=1");
}

#[test]
fn stats_without_by_fields_is_one_group() {
    let plan = plan("* | stats count");
    assert_eq!(rows(&plan, &events(&[json!(1), json!(2)])).iter().map(shown).collect::<Vec<_>>(), ["count=2"]);
}

#[test]
fn commands_after_stats_work_on_the_row() {
    let one = || [event(json!({"who": "Bob"}))];
    for (commands, expected) in [
        ("where count > 0", "u=Bob n=null count=1"),
        ("where count > 1", ""),
        ("where n > 1", ""),
        ("search u=bob", "u=Bob n=null count=1"),
        ("search NOT u=b*", ""),
        ("search bob", "u=Bob n=null count=1"),
        ("search alice", ""),
        ("fillnull", "u=Bob n=0 count=1"),
        ("fillnull value=- n, m", "u=Bob n=- count=1 m=-"),
        ("rename u as user, n as m", "user=Bob m=null count=1"),
        ("rename missing as x", "u=Bob n=null count=1"),
        ("rename missing as u", "u=null n=null count=1"),
        ("eval twice=count*2, u=upper(u)", "u=BOB n=null count=1 twice=2"),
        ("table count u nothing", "count=1 u=Bob nothing=null"),
        ("table c* u", "count=1 u=Bob"),
        ("fields u", "u=Bob"),
        ("fields - n", "u=Bob count=1"),
        ("eval t=now() | convert timeformat=\"%H:%M\" ctime(t) ctime(u) as v", "u=Bob n=null count=1 t=00:00 v=Bob"),
    ] {
        let plan =
            plan(&format!("* | stats max(none) as n count by who | rename who as u | table u n count | {commands}"));
        let shown: Vec<_> = rows(&plan, &one()).iter().map(shown).collect();
        assert_eq!(shown.join("; "), expected, "{commands}");
    }
}

#[test]
fn rows_hidden_by_a_filter_macro_are_counted_and_others_are_not_ag_4() {
    let hidden = |plan: &Plan| {
        let (group, partial) = groups(plan, &[event(json!({"who": "Bob"}))]).remove(0);
        let rows = rows_of(plan, &group, &partial);
        (rows.rows.len(), rows.hidden)
    };
    assert_eq!(hidden(&filtered("* | stats count by who", "search *")), (1, vec![0]));
    assert_eq!(hidden(&filtered("* | stats count by who", "search who!=bob")), (0, vec![1]));
    assert_eq!(hidden(&filtered("* | stats count by who | where count > 5", "search *")), (0, vec![0]));
    // Without stats the filter still sees a row, so that what it hides is counted.
    assert_eq!(hidden(&filtered("* | table who", "search who!=bob")), (0, vec![1]));
    assert_eq!(hidden(&filtered("*", "search NOT who=alice")), (1, vec![0]));
}

#[test]
fn copies_with_other_bytes_conflict_and_the_smallest_hash_counts_ag_2() {
    let plan = plan("* | stats count sum(v) as sum values(v) as all by eventName");
    let copies = [event(json!({"v": "1"})), event(json!({"v": "2"}))];
    let bounds = Bounds::default();
    let smaller = if copies[0].content_hash() < copies[1].content_hash() { "1" } else { "2" };
    for order in [[0, 1], [1, 0]] {
        let mut partial = Partial::new(&plan, 0);
        let mut add = |index: usize| {
            let event: &Event = &copies[index];
            add(&mut partial, &plan, &bounds, event, &contributions(&plan, event)[0])
        };
        assert_eq!(add(order[0]), crate::plan::Added::New);
        assert_eq!(add(order[0]), crate::plan::Added::Duplicate);
        assert_eq!(add(order[1]), crate::plan::Added::Conflict);
        let group = &contributions(&plan, &copies[0])[0].group;
        assert_eq!(
            shown(&rows_of(&plan, group, &partial).rows[0]),
            format!("eventName=GetUser count=1 sum={smaller} all=[1, 2]")
        );
        assert_eq!(partial.event_count(), 1);
    }
}
