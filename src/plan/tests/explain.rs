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
