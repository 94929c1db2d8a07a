//! `append`: a second search over the same events, whose rows go on with those of the first.

use serde_json::json;

use super::*;
use crate::plan::Early;

const SEARCH: &str = "eventName=A* n=1 | append [search eventName=AB | eval how=\"second\" | where m>1] \
    | eval how=coalesce(how, \"first\") | stats count values(how) as how by eventName";

fn events() -> Vec<Event<'static>> {
    let of = |id: &str, name: &str, n: u32, m: u32| event(json!({"eventID": id, "eventName": name, "n": n, "m": m}));
    vec![of("1", "AA", 1, 9), of("2", "AB", 1, 9), of("3", "AB", 2, 9), of("4", "AB", 1, 1), of("5", "B", 1, 9)]
}

#[test]
fn an_event_takes_every_way_that_it_matches() {
    let made: Vec<_> = rows(&plan(SEARCH), &events()).iter().map(shown).collect();
    assert_eq!(made, ["eventName=AA count=1 how=first", "eventName=AB count=4 how=[first, second]"]);
}

#[test]
fn ag_2_the_rows_of_both_ways_have_ordinals_of_their_own() {
    let ordinals = |event: &Event| contributions(&plan(SEARCH), event).iter().map(|c| c.ordinal).collect::<Vec<_>>();
    assert_eq!(events().iter().map(ordinals).collect::<Vec<_>>(), [vec![0], vec![0, 1], vec![0], vec![0], vec![]]);
}

#[test]
fn appended_searches_may_be_several_and_may_append_themselves() {
    let search = "eventName=AA | append [| search eventName=AB | append [search eventName=B] | where m>1 | eval x=1] \
        | append [search eventName=C] | table eventName x";
    let made: Vec<_> = rows(&plan(search), &events()).iter().map(shown).collect();
    assert_eq!(made.iter().filter(|row| row.ends_with("x=1")).count(), 3, "{made:?}");
    assert_eq!(made.len(), 4, "{made:?}");
}

#[test]
fn fillnull_behind_append_fills_the_rows_of_both() {
    let search = "eventName=AA | append [search eventName=AB | eval k=1] | fillnull | stats count by eventName k";
    let made: Vec<_> = rows(&plan(search), &events()).iter().map(shown).collect();
    assert_eq!(made, ["eventName=AA k=0 count=1", "eventName=AB k=1 count=3"]);
}

/// As pySigma's Splunk backend writes a temporal correlation.
#[test]
fn merged_searches_find_who_did_both() {
    let search = "| multisearch [search eventName=AA | eval kind=\"a\"] [search eventName=AB m=9 | eval kind=\"b\"] \
        | bin _time span=10m | stats dc(kind) as kinds count by _time n | search kinds>=2 | table n kinds count";
    let made: Vec<_> = rows(&plan(search), &events()).iter().map(shown).collect();
    assert_eq!(made, ["n=1 kinds=2 count=2"]);
}

#[test]
fn without_stats_the_columns_are_those_of_both() {
    let search = "eventName=AA | table n | append [search eventName=B | table m] | search *";
    let made: Vec<_> = rows(&plan(search), &events()).iter().map(shown).collect();
    assert_eq!(made.len(), 2);
    assert!(made.contains(&"n=1 m=null".into()) && made.contains(&"n=null m=9".into()), "{made:?}");
}

#[test]
fn po_3_a_record_may_hold_what_either_search_asks_for() {
    let literals = |search: &str| plan(search).required_literals();
    assert_eq!(literals(SEARCH), Some(vec!["a".into(), "ab".into()]));
    assert_eq!(literals("eventName=AA | append [search n=1]"), None);
}

#[test]
fn em_1_append_before_stats_leaves_the_early_stage() {
    assert_eq!(*plan(SEARCH).early(), Early::FirstMatch);
    assert_eq!(*plan(&format!("{SEARCH} | where count > 3")).early(), Early::Threshold);
}

#[test]
fn wn_1_both_ways_must_cut_the_same_windows() {
    let behind = "* | append [search a=1] | bin _time span=5m | stats count by _time";
    assert_eq!(plan(behind).window_ms(), 300_000);
    let both = "* | bin _time span=5m | append [search a=1 | bin _time span=5m] | stats count by _time";
    assert_eq!(plan(both).window_ms(), 300_000);
    let one = "* | bin _time span=5m | append [search a=1] | stats count by _time";
    assert_eq!(&one[refused(one).span], "bin _time span=5m");
}

#[test]
fn what_append_cannot_do_is_refused_with_its_place() {
    for (search, place) in [
        ("* | append [search a=1 | inputlookup x]", "inputlookup"),
        ("* | append [search index!=x]", "index!=x"),
        ("* | append maxout=5 [search a=1]", "maxout"),
    ] {
        let error = refused(search);
        assert_eq!(&search[error.span.clone()], place, "{search}: {error}");
    }
}

#[test]
fn the_explanation_shows_the_whole_way() {
    let explanation = plan(SEARCH).explain();
    let per_event =
        "per event       append [search eventName=AB | eval how=\"second\" | where m>1]\n                eval how=";
    assert!(explanation.contains(per_event), "{explanation}");
}
