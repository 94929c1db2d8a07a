//! What detections of others get wrong about CloudTrail's fields, and Splunk does not say.

use super::warnings::{assert_warned, warned};

/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
#[test]
fn members_of_the_identity_that_are_called_otherwise() {
    let of_session = "userIdentity.sessionContext";
    for (field, meant) in [
        ("userIdentity.username", "userIdentity.userName".to_owned()),
        ("userIdentity.UserName", "userIdentity.userName".to_owned()),
        ("userIdentity.sessionContext.mfaAuthenticated", format!("{of_session}.attributes.mfaAuthenticated")),
        (
            "userIdentity.sessioncontext.attributes.mfaauthenticated",
            format!("{of_session}.attributes.mfaAuthenticated"),
        ),
        ("userIdentity.sessionIssuer.arn", format!("{of_session}.sessionIssuer.arn")),
        ("sessionContext.sessionIssuer.userName", format!("{of_session}.sessionIssuer.userName")),
        ("mfaAuthenticated", format!("{of_session}.attributes.mfaAuthenticated")),
        ("accessKeyId", "userIdentity.accessKeyId".to_owned()),
    ] {
        assert_warned(&format!("{field}=x"), &format!("{field}=x"), &format!("did you mean {meant}?"));
    }
    for search in [
        "userIdentity.userName=a userIdentity.sessionContext.attributes.mfaAuthenticated=b userIdentity.somethingNew=c",
        "userIdentity.sessionContext.webIdFederationData.attributes.x=y requestParameters.accessKeyId=z",
        "* | rename userIdentity.accessKeyId as accessKeyId | stats count by accessKeyId",
        "* | rename responseElements.credentials.* as * | search accessKeyId=x",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// `docs/fields.md` says which fields of the add-on there are.
#[test]
fn fields_of_the_information_model_that_are_not_here() {
    assert_warned("eventName=A app=x", "app=x", "app is a field of Splunk's information model that no event has here");
    assert_warned("* | stats count by object", "object", "stats drops every event");
    assert_warned("* | where src_user=\"x\"", "where src_user=\"x\"", "it is always null here");
    assert_eq!(warned("* | eval object=user | stats count by object user dest action vendor_product"), []);
}

/// Names in double quotes are texts in expressions
/// (<https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Eval>).
#[test]
fn names_in_double_quotes_that_a_function_is_to_read() {
    for (search, place) in [
        ("* | where match(\"userAgent\", \"curl\")", "match(\"userAgent\", \"curl\")"),
        ("* | where like(\"userIdentity.arn\", \"%root\")", "like(\"userIdentity.arn\", \"%root\")"),
        ("* | eval a=if(isnull(\"errorMessage\"), 1, 0)", "isnull(\"errorMessage\")"),
        ("* | eval h=strftime(\"_time\", \"%H\")", "strftime(\"_time\", \"%H\")"),
        ("* | where cidrmatch(\"10.0.0.0/8\", \"src_ip\")", "cidrmatch(\"10.0.0.0/8\", \"src_ip\")"),
    ] {
        assert_warned(search, place, "in double quotes is a text");
    }
    for search in [
        "* | where match(userAgent, \"user\") OR like('userIdentity.arn', \"%action\")",
        "* | eval a=lower(\"Some text\"), b=if(user=\"x\", \"action\", \"status\"), c=coalesce(x, \"user\")",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/ConditionalFunctions>:
/// the network comes first; `where` compares texts.
#[test]
fn networks_that_are_no_texts_and_stand_in_the_wrong_place() {
    for (search, place, word) in [
        ("* | where src=\"10.0.0.0/8\"", "\"10.0.0.0/8\"", "cidrmatch(\"10.0.0.0/8\", src)"),
        ("* | eval a=if(sourceIPAddress IN (\"::1\", \"10.0.0.0/8\"), 1, 0)", "\"10.0.0.0/8\"", "cidrmatch("),
        ("* | where NOT cidrmatch(src, \"10.0.0.0/8\")", "cidrmatch(src, \"10.0.0.0/8\")", "the network comes first"),
    ] {
        assert_warned(search, place, word);
    }
    for search in [
        "src=10.0.0.0/8 | where cidrmatch(\"10.0.0.0/8\", src) OR src=\"10.0.0.1\" OR src=\"a/b\"",
        "* | where 'requestParameters.cidrBlock'=\"0.0.0.0/0\" OR cidrmatch('requestParameters.cidr', src)",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// `eventTime` is a text; `_time` is the number.
#[test]
fn event_times_that_are_taken_for_numbers() {
    for (search, place) in [
        ("* | eval h=strftime(eventTime, \"%H\")", "strftime(eventTime, \"%H\")"),
        ("* | where now()-eventTime>3600", "now()-eventTime"),
        ("* | stats max(eval(eventTime/60)) as m by user", "eventTime/60"),
        ("* | where eventTime > relative_time(now(), \"-1h\")", "eventTime > relative_time(now(), \"-1h\")"),
        ("* | where now()-3600 < eventTime", "now()-3600 < eventTime"),
        ("* | where eventTime>=1700000000", "eventTime>=1700000000"),
        ("* | eval t=relative_time(eventTime, \"-1h\"), u=1", "relative_time(eventTime, \"-1h\")"),
        ("* | eval t=eventTime+60", "eventTime+60"),
    ] {
        assert_warned(search, place, "eventTime is a text");
    }
    for search in [
        "* | eval d=now()-strptime(eventTime, \"%Y-%m-%dT%H:%M:%SZ\"), e=eventTime.\"x\", h=strftime(_time, \"%H\")",
        "* | eval eventTime=_time | eval h=strftime(eventTime, \"%H\")",
        "* | where eventTime>\"2024-05-06T07:00:00Z\" OR eventTime='requestParameters.time' | eval t=eventTime+\"x\"",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}
