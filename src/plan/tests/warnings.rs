//! What Splunk accepts in silence and is hardly meant.

use super::*;

fn warned(search: &str) -> Vec<(String, String)> {
    let warnings = plan(search).warnings().to_vec();
    warnings.into_iter().map(|warning| (search[warning.span].to_owned(), warning.message)).collect()
}

#[track_caller]
fn assert_warned(search: &str, place: &str, word: &str) {
    let warnings = warned(search);
    assert!(warnings.len() == 1 && warnings[0].0 == place && warnings[0].1.contains(word), "{search}: {warnings:?}");
}

#[test]
fn by_fields_that_differ_from_event_to_event() {
    assert_warned("eventName=GetUser | stats count by user eventID", "eventID", "a group of its own");
    assert_warned("eventName=GetUser | rename requestID as id | stats count by id", "id", "requestID differs");
    assert_warned("eventName=GetUser | stats count by user _time", "_time", "bin _time");
    for search in [
        "* | bin _time span=5m | stats count by _time user",
        "* | eval eventID=substr(eventID, 1, 2) | stats count by eventID",
        "* | stats values(eventID) as ids min(_time) as first by user",
        "* | eval t=strftime(_time, \"%H\") | stats count by t",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

#[test]
fn by_fields_next_to_documented_ones() {
    assert_warned("* | stats count by usre", "usre", "did you mean user?");
    assert_warned("* | stats count by awsregion", "awsregion", "did you mean awsRegion?");
    for search in [
        "* | stats count by user src dest signature vendor_account recipientAccountId",
        "* | eval usre=1 | stats count by usre",
        "* | rex field=user \"(?<usre>.)\" | stats count by usre",
        "* | spath | stats count by usre",
        "* | stats count by requestParameters.usre date_hour something_else",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

#[test]
fn texts_without_quotes() {
    assert_warned("* | where user=bob | stats count by user", "bob", "the text is \"bob\"");
    assert_warned(
        "* | where isnotnull(user) AND NOT (user!=bob) | stats count by user",
        "bob",
        "without quotes is a field",
    );
    for search in [
        "* | where user=\"bob\"",
        "* | where user=userName OR user='bob'",
        "* | eval bob=1 | where user=bob",
        "* | rename requestParameters.* as * | where user=bob",
        "* | spath | where user=bob",
        "* | stats count avg(x) as mean by user | where count=mean",
        "* | where x<bob",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

#[test]
fn calls_that_several_services_have() {
    assert_warned("eventName=DeletePolicy | stats count by user", "eventName=DeletePolicy", "organizations");
    assert_warned("eventName IN (x, deleteipset) errorCode=success", "eventName IN (x, deleteipset)", "guardduty");
    for search in [
        "eventName=DeletePolicy eventSource=iam.amazonaws.com | stats count by user",
        "eventName=DeletePolicy dest=iam* | stats count by user",
        "eventName!=DeletePolicy",
        "userName=DeletePolicy | stats count by user",
        "userName IN (x, DeletePolicy) | stats count by user",
        "eventName=UpdateTrail | stats count by user",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

#[test]
fn subsearches_are_looked_at_as_well() {
    let search =
        "eventName=GetUser | stats count by user | join user [search eventName=A | stats count by user requestID]";
    assert_warned(search, "requestID", "a group of its own");
    let appended =
        "eventName=GetUser | stats count by user | append [search eventName=A | stats count by user requestID]";
    assert_warned(appended, "requestID", "a group of its own");
}
