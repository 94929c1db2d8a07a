//! What `trailrisk explain` says of a plan.

use super::*;

/// `docs/spl.md`: it says which filters hide nothing.
#[test]
fn it_says_which_filters_hide_nothing() {
    let explanation = |filter: &str| filtered("* | stats count by user", filter).explain();
    let nothing = explanation("search *");
    assert!(nothing.contains("search *  (test_filter, which hides nothing)\n"), "{nothing}");
    let something = explanation("search user!=bob");
    assert!(something.contains("search user!=bob  (test_filter)\n"), "{something}");
}

#[test]
fn warnings_are_shown_with_the_plan() {
    let warned = plan("* | stats count by usre | search vser=bob");
    let messages: Vec<&str> = warned.warnings().iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(messages.len(), 2);
    let explanation = warned.explain();
    let lines = format!("warnings        {}\n                {}\n", messages[0], messages[1]);
    assert!(explanation.ends_with(&lines), "{explanation}");
    let explanation = plan("* | stats count by user").explain();
    assert!(!explanation.contains("warnings"), "{explanation}");
}

/// Also where both are of one length.
#[test]
fn wn_1_it_says_what_cuts_the_windows() {
    for (search, window) in [
        ("* | bin _time span=1h | stats count by user _time", "1h from bin _time"),
        ("* | bin _time span=5m | stats count by user _time", "5m from bin _time"),
        ("* | bin _time span=5m | stats count by user", "1h from the settings"),
        ("* | bin _time span=5m as slot | stats count by user slot _time", "1h from the settings"),
        ("* | stats count by user", "1h from the settings"),
    ] {
        let explanation = plan(search).explain();
        assert!(explanation.contains(&format!("window          {window}; complete")), "{search}: {explanation}");
    }
}

/// `docs/spl.md`: what is merged is appended.
#[test]
fn merged_searches_are_shown_as_what_they_are_short_for() {
    for search in [
        r#"| multisearch [search a="1" | eval kind=1] [search b=2] | stats count by kind"#,
        "a=1 | eval kind=1 | append [search b=2] | stats count by kind",
    ] {
        let explanation = plan(search).explain();
        for line in ["filter          a=1\n", "append [search b=2]\n"] {
            assert!(explanation.contains(line), "{search}: {explanation}");
        }
    }
    let rows = plan("| union [search a=1 | stats count by b] [search c=1 | stats count by b] | sort b").explain();
    assert!(rows.contains("append [subsearch 1]\n"), "{rows}");
}
