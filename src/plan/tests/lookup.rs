//! `lookup`: over events and over rows.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::plan::{Early, LookupTable, MatchType};

fn table(csv: &str) -> LookupTable {
    let mut lines = csv.split(' ').map(|line| line.split(',').collect::<Vec<_>>());
    LookupTable {
        name: "t".into(),
        case_sensitive: true,
        match_types: BTreeMap::new(),
        max_matches: 100,
        default_match: None,
        columns: lines.next().expect("a header").into_iter().map(str::to_owned).collect(),
        rows: lines.map(|row| row.into_iter().map(Into::into).collect()).collect(),
    }
}

fn users() -> LookupTable {
    table("user,team,n ann,red,1 bob,blue,2 bob,green,3 cat,,4")
}

fn compiled(search: &str, table: LookupTable) -> Plan {
    let text = PlanText { lookups: vec![Arc::new(table)], ..text(search) };
    Plan::compile(&text).unwrap_or_else(|error| panic!("{search}: {error}"))
}

/// The rows of one event with these fields, by a search that ends in a table.
fn looked_up(search: &str, table: LookupTable, fields: serde_json::Value) -> Vec<String> {
    rows(&compiled(search, table), &[event(fields)]).iter().map(shown).collect()
}

#[test]
fn rows_that_agree_give_fields() {
    for (lookup, user, expected) in [
        ("lookup t user AS u OUTPUT team", "ann", "team=red n=null"),
        ("lookup t user AS u OUTPUT team AS n", "ann", "team=old n=red"),
        ("lookup t user AS u OUTPUT team, n", "bob", "team=[blue, green] n=[2, 3]"),
        ("lookup t user AS u OUTPUT team, n", "cat", "team=null n=4"),
        ("lookup t user AS u OUTPUT team, n", "Ann", "team=null n=null"),
        ("lookup t user AS u OUTPUTNEW team, n", "ann", "team=old n=1"),
        ("lookup t user AS u OUTPUTNEW team, n", "dan", "team=old n=null"),
        ("lookup local=true t user AS u, team AS v OUTPUT n", "bob", "team=old n=3"),
        ("lookup t user AS missing OUTPUT n", "bob", "team=old n=null"),
    ] {
        let search = format!("* | {lookup} | table team n");
        assert_eq!(
            looked_up(&search, users(), json!({"u": user, "v": "green", "team": "old"})),
            [expected],
            "{lookup} {user}"
        );
    }
}

#[test]
fn of_several_values_all_are_looked_up_in_the_order_of_the_table() {
    let search = "* | eval u=split(u, \";\") | lookup t user AS u OUTPUT n | table n";
    assert_eq!(looked_up(search, users(), json!({"u": "cat;x;ann"})), ["n=[1, 4]"]);
}

#[test]
fn settings_of_the_table() {
    let search = "* | lookup t user AS u OUTPUT n | table n";
    let of = |table: LookupTable, user: &str| looked_up(search, table, json!({"u": user})).concat();
    assert_eq!(of(LookupTable { max_matches: 1, ..users() }, "bob"), "n=2");
    assert_eq!(of(LookupTable { case_sensitive: false, ..users() }, "ANN"), "n=1");
    assert_eq!(of(LookupTable { default_match: Some("none".into()), ..users() }, "dan"), "n=none");
    assert_eq!(of(LookupTable { default_match: Some("none".into()), ..users() }, "ann"), "n=1");
    let shouted = LookupTable { case_sensitive: false, ..table("user,n ANN,1") };
    assert_eq!(of(shouted.clone(), "ann"), "n=1");
    let match_types = [("user".into(), MatchType::Wildcard)].into();
    assert_eq!(of(LookupTable { match_types, ..shouted }, "Ann"), "n=1");
    let wild = LookupTable {
        match_types: [("user".into(), MatchType::Wildcard)].into(),
        ..table("user,n svc-*,1 *-admin,2 x,3")
    };
    assert_eq!(of(wild.clone(), "svc-admin"), "n=[1, 2]");
    assert_eq!(of(wild.clone(), "SVC-1"), "n=null");
    assert_eq!(of(LookupTable { case_sensitive: false, ..wild }, "SVC-1"), "n=1");
}

#[test]
fn networks_and_texts_together() {
    let offices = LookupTable {
        match_types: [("net".into(), MatchType::Cidr)].into(),
        ..table("net,account,office 10.0.0.0/8,1,all 10.1.0.0/16,1,one 10.1.0.0/16,2,two 2001:db8::/32,1,six")
    };
    let search = "* | lookup t net AS sourceIPAddress, account AS a OUTPUT office | table office";
    let of = |address: &str, account: &str| {
        looked_up(search, offices.clone(), json!({"sourceIPAddress": address, "a": account})).concat()
    };
    assert_eq!(of("10.1.2.3", "1"), "office=[all, one]");
    assert_eq!(of("10.1.2.3", "2"), "office=two");
    assert_eq!(of("10.2.2.3", "2"), "office=null");
    assert_eq!(of("2001:db8::1", "1"), "office=six");
    assert_eq!(of("s3.amazonaws.com", "1"), "office=null");
}

#[test]
fn what_is_looked_up_may_group_and_filter() {
    let search = "* | lookup t user AS u OUTPUT team | stats count by team | lookup t team OUTPUT n | where n>1";
    let plan = compiled(search, users());
    let events: Vec<_> = ["ann", "bob", "dan"].map(|user| event(json!({"eventID": user, "u": user}))).into();
    assert_eq!(
        rows(&plan, &events).iter().map(shown).collect::<Vec<_>>(),
        ["team=blue count=1 n=2", "team=green count=1 n=3"]
    );
    assert_eq!(plan.evaluate(&events[2]), Some(PlanOutcome::NullBy(0)), "AG-3: whoever is in no team");
}

#[test]
fn em_1_a_lookup_of_what_does_not_change_may_be_announced() {
    let early = |search: &str| compiled(search, users()).early().clone();
    assert_eq!(early("* | stats count by user | lookup t user OUTPUT team | where team=\"red\""), Early::FirstMatch);
    assert_eq!(early("* | stats count by user | lookup t user OUTPUT n | where count>3"), Early::Threshold);
    let of_values = "* | stats values(user) as user by eventName | lookup t user OUTPUT team | where team=\"red\"";
    assert!(matches!(early(of_values), Early::AtClose(_)));
}

#[test]
fn po_3_what_a_lookup_writes_is_not_in_the_event() {
    let literals = |search: &str| compiled(search, users()).required_literals();
    assert_eq!(literals("* | lookup t user OUTPUT team AS eventName | search eventName=red"), None);
    assert_eq!(literals("eventName=GetUser | lookup t user OUTPUT team"), Some(vec!["getuser".into()]));
}

#[test]
fn the_explanation_says_what_is_looked_up_in() {
    let explanation = compiled("* | lookup t user OUTPUT team", users()).explain();
    assert!(explanation.contains("lookups         t: 4 rows of user, team, n\n"), "{explanation}");
    let other = LookupTable {
        case_sensitive: false,
        max_matches: 1,
        default_match: Some("no".into()),
        match_types: [("user".into(), MatchType::Wildcard)].into(),
        ..users()
    };
    let explanation = compiled("* | lookup t user OUTPUT team", other).explain();
    let expected = "t: 4 rows of user (wildcard), team, n; case is ignored; at most 1 match; otherwise \"no\"";
    assert!(explanation.contains(expected), "{explanation}");
}

#[test]
fn a_lookup_that_is_not_there_is_refused_with_its_place() {
    for (search, place) in [("* | lookup t user OUTPUT x", "t"), ("* | stats count | lookup t user OUTPUT x", "t")] {
        assert_eq!(&search[refused(search).span], place);
    }
    let text = PlanText { lookups: vec![Arc::new(users())], ..text("* | lookup t user OUTPUT x") };
    let error = Plan::compile(&text).expect_err("no such column");
    assert_eq!(&text.search[error.span], "x");
}

proptest! {
    /// Against a look at every row of the table.
    #[test]
    fn lookups_agree_with_a_naive_one(
        rows_of_table in proptest::collection::vec((0..4u8, 0..3u8, 0..9u8), 0..12),
        (a, b) in (0..4u8, 0..3u8),
        most in 1..4usize,
    ) {
        let csv = rows_of_table.iter().fold("a,b,n".to_owned(), |csv, (a, b, n)| format!("{csv} {a},{b},{n}"));
        let table = LookupTable { max_matches: most, ..table(&csv) };
        let made = looked_up("* | lookup t a, b OUTPUT n | table n", table, json!({"a": a.to_string(), "b": b.to_string()}));
        let found = rows_of_table.iter().filter(|row| (row.0, row.1) == (a, b)).take(most);
        let found: Vec<_> = found.map(|row| row.2.to_string()).collect();
        let expected = match found.as_slice() {
            [] => "n=null".to_owned(),
            [one] => format!("n={one}"),
            several => format!("n=[{}]", several.join(", ")),
        };
        prop_assert_eq!(made, [expected]);
    }
}

#[test]
fn a_table_with_some_of_its_columns_compares_them_as_before() {
    let table = LookupTable {
        match_types: [("net".into(), MatchType::Cidr), ("name".into(), MatchType::Wildcard)].into(),
        case_sensitive: false,
        max_matches: 1,
        default_match: Some("none".into()),
        ..table("net,name,office 10.0.0.0/8,a*,one 10.1.0.0/16,b*,two")
    };
    let kept = table.only(&["office", "net"].into());
    let expected = LookupTable {
        match_types: [("net".into(), MatchType::Cidr)].into(),
        columns: vec!["net".into(), "office".into()],
        rows: [["10.0.0.0/8", "one"], ["10.1.0.0/16", "two"]].map(|row| row.map(Into::into).into()).into(),
        ..table.clone()
    };
    assert_eq!(kept, expected);
    let search = "* | lookup t net AS sourceIPAddress OUTPUT office | table office";
    let office = |table: &LookupTable, address: &str| {
        looked_up(search, table.clone(), json!({"sourceIPAddress": address})).concat()
    };
    for address in ["10.1.2.3", "10.2.2.3", "11.0.0.1", "here"] {
        assert_eq!(office(&kept, address), office(&table, address), "{address}");
    }
}

#[test]
fn networks_and_addresses_are_cells_of_a_cidr_column() {
    for (cell, expected) in [
        ("10.0.0.0/8", true),
        ("10.1.2.3", true),
        ("2001:db8::/32", true),
        ("::1", true),
        ("10.0.0.0/33", false),
        ("10.0.0/8", false),
        ("office", false),
        ("", false),
    ] {
        assert_eq!(LookupTable::is_network(cell), expected, "{cell:?}");
    }
}

#[test]
fn wn_1_windows_are_not_cut_on_a_time_that_a_table_gives() {
    let refusal = |search: &str| {
        let text = PlanText { lookups: vec![Arc::new(users())], ..text(search) };
        Plan::compile(&text).err().map(|error| error.kind)
    };
    let search = |output: &str| format!("* | lookup t user OUTPUT {output} | bin _time span=5m | stats count by _time");
    assert_eq!(refusal(&search("n AS _time")), Some(crate::plan::CompileErrorKind::Unsupported));
    assert_eq!(refusal(&search("n AS time, team")), None);
}
