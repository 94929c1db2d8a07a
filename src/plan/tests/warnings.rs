//! What Splunk accepts in silence and is hardly meant.

use super::*;

pub(super) fn warned(search: &str) -> Vec<(String, String)> {
    let warnings = plan(search).warnings().to_vec();
    warnings.into_iter().map(|warning| (search[warning.span].to_owned(), warning.message)).collect()
}

#[track_caller]
pub(super) fn assert_warned(search: &str, place: &str, word: &str) {
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

/// It is null in every event, so that a term on it never matches, a condition on it is never true, and an aggregate of it
/// stays empty.
#[test]
fn fields_next_to_documented_ones_wherever_they_are_read() {
    for (search, place, near) in [
        ("EventName=ConsoleLogin | stats count by user", "EventName=ConsoleLogin", "did you mean eventName?"),
        ("eventName=A (user=b OR NOT useragent IN (x, y))", "useragent IN (x, y)", "did you mean userAgent?"),
        ("requestparameters.userName=a", "requestparameters.userName=a", "did you mean requestParameters?"),
        ("Resources{}.ARN=a*", "Resources{}.ARN=a*", "did you mean resources?"),
        ("* | search errorcode=x", "search errorcode=x", "did you mean errorCode?"),
        ("* | where usrAgent=\"x\"", "where usrAgent=\"x\"", "did you mean userAgent?"),
        ("* | eval a=lower('useridentity.arn')", "lower('useridentity.arn')", "did you mean userIdentity?"),
        ("* | stats values(UserAgent) as ua by user", "values(UserAgent) as ua", "did you mean userAgent?"),
        ("* | stats count(eval(eventname=\"x\")) by user", "count(eval(eventname=\"x\"))", "did you mean eventName?"),
        ("* | rex field=errormessage \"(?<x>.)\"", "rex field=errormessage \"(?<x>.)\"", "did you mean errorMessage?"),
    ] {
        assert_warned(search, place, near);
    }
    for search in [
        "eventName=a requestParameters.useragent=x userIdentity.sessionContext.sessionIssuer.arn=y",
        "* | eval useragent=lower(userAgent) | where useragent=\"x\" | stats values(useragent) as u by user",
        "* | eval usre=1, b=usre+1 | where b>1",
        "* | rename requestParameters.* as * | where useragent=\"x\"",
        "* | spath | search useragent=x",
        "* | where isnull(parameters) AND something_else=1",
        "host_name=x OR other=y",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// AG-3: no event has the field any more, so that every one is dropped.
#[test]
fn ag_3_fields_that_a_command_has_taken_away() {
    for (takes, how) in [
        ("rename user_name as user", "`user_name` is gone here: it was renamed to `user`"),
        ("rename src as a, user_name as b", "it was renamed to `b`"),
        ("fields user", "`fields` keeps others"),
        ("fields - src user_*", "`fields` removes it"),
        ("rename user_name as user | where user=\"x\" | fields user*", "it was renamed to `user`"),
    ] {
        assert_warned(&format!("* | {takes} | stats count by user_name"), "user_name", how);
        assert_warned(&format!("* | {takes} | stats count by user_name"), "user_name", "drops every event");
        let read = format!("* | {takes} | where user_name=\"x\" | stats count by vendor_account");
        assert!(warned(&read).iter().any(|(_, message)| message.contains(how)), "{read}");
    }
    for search in [
        "* | rename user_name as user | stats count by user",
        "* | rename user_name as user | eval user_name=user | stats count by user_name",
        "* | rename user_name as a | rename a as user_name | stats count by user_name",
        "* | fields user* | stats count by user_name",
        "* | fields - src | bin _time span=5m | fields user | stats count by user _time",
        "* | rename user_name as user | fillnull | stats count by user_name",
        "* | rename user_name as user | fillnull value=x user_name | stats count by user_name",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// Every command that reads a column, not conditions alone.
#[test]
fn columns_that_no_row_has() {
    for (search, place) in [
        ("* | stats count by user | eval x=if(cuont>1, 1, 0)", "if(cuont>1, 1, 0)"),
        ("* | stats count by user | sort - cuont", "- cuont"),
        ("* | stats count by user | dedup cuont", "cuont"),
        ("* | stats count by user | stats sum(cuont) as n by user", "sum(cuont) as n"),
        ("* | stats count by user | eventstats max(cuont) as n", "max(cuont) as n"),
        ("* | stats count by user | rename user as who | where user=\"x\"", "where user=\"x\""),
        ("* | stats count by user | fields user | where count>1", "where count>1"),
        ("* | table user src | where dest=\"x\"", "where dest=\"x\""),
    ] {
        assert_warned(search, place, "it is always null here");
    }
    assert_warned("* | stats count by user | stats count by src", "src", "stats drops every row that lacks a by-field");
    assert_warned("* | table user src | stats count by dest", "dest", "stats drops every row that lacks a by-field");
    for search in [
        "* | stats count by user | eval x=count+1, y=x+1 | sort - y | where y>1",
        // Nothing comes of a time that is not there, and Splunk's own files have such.
        "* | stats count by user | convert ctime(firstTime) | table user nothing | rename nothing as something",
        "* | stats count by user | fillnull | where anything=0",
        "* | stats count by user | search text",
        "* | table user src | stats count by src",
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

/// Of an `eventSource` everything is compared, and it is always a host name.
#[test]
fn services_that_are_no_host_names() {
    for (search, place) in [
        ("eventSource=iam eventName=CreateUser", "eventSource=iam"),
        ("eventName=A eventSource!=s3 | stats count by user", "eventSource!=s3"),
        (
            "eventName=A (eventSource IN (\"sts.amazonaws.com\", kms) OR user=b)",
            "eventSource IN (\"sts.amazonaws.com\", kms)",
        ),
        ("eventName=A | search eventSource=EC2", "eventSource=EC2"),
    ] {
        assert_warned(search, place, "such as iam.amazonaws.com");
    }
    for search in [
        "eventSource=iam.amazonaws.com eventName=CreateUser",
        "eventSource=*iam* eventName=CreateUser",
        "eventSource IN (\"iam*\", kms.amazonaws.com) eventName=CreateUser",
        "eventName=A | rename requestParameters.x as eventSource | search eventSource=iam",
        "eventName=A | stats count by eventSource | search eventSource=iam.amazonaws.com",
        "eventSource>iam eventName=CreateUser",
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

/// An object is no field in Splunk's JSON extraction either (<https://docs.splunk.com/Documentation/Splunk/latest/Knowledge/Automatickey-valuefieldextractionsatsearch-time>):
/// its leaves are, and what stands in an array under `name{}`.
#[test]
fn objects_and_arrays_that_are_no_fields() {
    for (search, place, word) in [
        ("requestParameters=\"*admin*\"", "requestParameters=\"*admin*\"", "requestParameters is an object"),
        ("eventName=A NOT responseElements=*x*", "responseElements=*x*", "spath path=responseElements output=text"),
        ("* | where match(userIdentity, \"root\")", "where match(userIdentity, \"root\")", "userIdentity.name"),
        ("* | spath input=requestParameters path=a", "spath input=requestParameters path=a", "is an object"),
        (
            "requestParameters{}.bucketName=a",
            "requestParameters{}.bucketName=a",
            "did you mean requestParameters.bucketName?",
        ),
        ("resources.ARN=a*", "resources.ARN=a*", "did you mean resources{}.ARN?"),
        (
            "* | stats count by responseElements.instancesSet.items.instanceId",
            "responseElements.instancesSet.items.instanceId",
            "did you mean responseElements.instancesSet.items{}.instanceId? stats drops",
        ),
    ] {
        assert_warned(search, place, word);
    }
    for search in [
        "resources{}.ARN=a requestParameters.items{}.x=y requestParameters.itemsList.x=z",
        "* | spath path=requestParameters output=text | where like(text, \"%admin%\")",
        "* | eval requestParameters=mvindex(split(_raw, \"x\"), 1) | where match(requestParameters, \"y\")",
        "* | rename requestParameters.* as * | where items=\"a\"",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// `docs/fields.md`: the derived errorCode is `success` where the event has none, as with Splunk's add-on.
#[test]
fn questions_whether_a_field_is_there_that_always_is() {
    for (search, place, word) in [
        ("eventName=A NOT errorCode=*", "errorCode=*", "every event has errorCode"),
        ("eventName=A (user=b OR errorCode!=*)", "errorCode!=*", "compare errorCode with success"),
        ("* | search NOT (errorMessage=* OR status=*)", "status=*", "every event has status"),
        ("* | where isnull(errorCode) AND user=\"a\"", "isnull(errorCode)", "every event has errorCode"),
        ("* | eval ok=if(isnotnull(msg), 0, 1)", "isnotnull(msg)", "every event has msg"),
        ("* | stats count(eval(isnull(errorCode))) as ok by user", "isnull(errorCode)", "every event has errorCode"),
        ("eventName=A errorCode=\"\"", "errorCode=\"\"", "every event has errorCode"),
        ("* | where errorCode!=\"\" AND user=\"a\"", "errorCode!=\"\"", "every event has errorCode"),
    ] {
        assert_warned(search, place, word);
    }
    for search in [
        "eventName=A errorCode=success NOT errorCode=Access* errorMessage=* user=\"\"",
        "* | rename result_id as errorCode | where isnull(errorCode)",
        "* | eval errorCode=nullif(errorCode, \"success\") | search NOT errorCode=*",
        "* | stats values(result_id) as errorCode by user | where isnull(errorCode)",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// Wildcards belong to the command search; `where` takes the text as it stands and has `like` for patterns
/// (<https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Where>).
#[test]
fn wildcards_in_expressions() {
    for (search, place, word) in [
        ("* | where eventName=\"Create*\"", "\"Create*\"", "like(eventName, \"Create%\")"),
        ("* | where NOT \"*:root\"!='userIdentity.arn'", "\"*:root\"", "like(userIdentity.arn, \"%:root\")"),
        ("* | eval a=if(eventName IN (\"A\", \"Get*\"), 1, 0)", "\"Get*\"", "as it stands"),
        ("* | where like(userAgent, \"*aws-cli*\")", "\"*aws-cli*\"", "write \"%aws-cli%\""),
    ] {
        assert_warned(search, place, word);
    }
    for search in [
        "* | where like(eventName, \"Create%\") OR match(eventName, \"^Get.*\")",
        "* | where 'requestParameters.resource'=\"arn:aws:s3:::a/*\" OR user=\"*\"",
        "* | eval action=lower(eventName) | where action=\"s3:*\"",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// <https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Spath>: what is written to
/// `output` is what stands under the path.
#[test]
fn an_output_of_spath_without_a_path() {
    let (search, place) = ("* | spath input=user output=x", "spath input=user output=x");
    assert_warned(search, place, "nothing to x");
    assert_eq!(warned("* | spath input=user output=x path=a"), []);
    assert_eq!(warned("* | spath input=user"), []);
}

/// ESCU's files grouped by `region` until version 7.0 of the add-on; later ones have `vendor_region`.
#[test]
fn the_region_as_older_add_ons_named_it() {
    assert_warned("* | stats count by user region", "region", "did you mean vendor_region? stats drops");
    assert_warned("region=us-*", "region=us-*", "did you mean vendor_region?");
    assert_eq!(warned("* | eval region=awsRegion | stats count by region"), []);
}

/// CloudTrail writes `eventTime` with a `Z` behind it.
#[test]
fn formats_in_which_no_event_time_is_written() {
    for (search, place) in [
        (r#"* | eval t=strptime(eventTime, "%Y-%m-%dT%H:%M:%S")"#, r#"strptime(eventTime, "%Y-%m-%dT%H:%M:%S")"#),
        (r#"* | where strptime(eventTime, "%Y-%m-%d %H:%M:%SZ")>5"#, r#"strptime(eventTime, "%Y-%m-%d %H:%M:%SZ")"#),
    ] {
        assert_warned(search, place, "no eventTime is written in the format");
    }
    for search in [
        r#"* | eval t=strptime(eventTime, "%Y-%m-%dT%H:%M:%SZ"), u=strptime(eventTime, "%FT%TZ")"#,
        r#"* | eval t=strptime('requestParameters.startTime', "%Y-%m-%d")"#,
        r#"* | eval eventTime="2024-01-01" | eval t=strptime(eventTime, "%Y-%m-%d")"#,
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// Splunk compares texts in expressions with their case
/// (<https://docs.splunk.com/Documentation/Splunk/latest/SearchReference/Where>), in a search
/// without it.
#[test]
fn values_that_cloud_trail_writes_in_another_case() {
    for (search, place, word) in [
        ("* | where 'userIdentity.type'=\"root\"", "\"root\"", "CloudTrail writes Root"),
        ("* | where \"False\"!=readOnly", "\"False\"", "CloudTrail writes false"),
        ("* | eval a=if(errorCode IN (\"AccessDenied\", \"Success\"), 1, 0)", "\"Success\"", "errorCode is success"),
        ("* | stats count(eval('additionalEventData.MFAUsed'==\"NO\")) as n by user", "\"NO\"", "CloudTrail writes No"),
        (
            "* | where 'userIdentity.sessionContext.attributes.mfaAuthenticated'=\"True\"",
            "\"True\"",
            "CloudTrail writes true",
        ),
    ] {
        assert_warned(search, place, word);
    }
    for search in [
        "userIdentity.type=root readOnly=False | search errorCode=Success",
        "* | where 'userIdentity.type'=\"Root\" OR eventType=\"AwsApiCall\" OR 'userIdentity.type'=\"Other\"",
        "* | eval readOnly=upper(readOnly) | where readOnly=\"TRUE\"",
        "* | where 'requestParameters.readOnly'=\"True\"",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}

/// AG-5: `now()` is the end of the window, and no event is older than its beginning.
#[test]
fn ag_5_times_before_the_window_begins() {
    for (search, place) in [
        ("* | where _time>=relative_time(now(), \"-1d@d\")", "relative_time(now(), \"-1d@d\")"),
        ("* | eval new=if(_time>relative_time(now(), \"-61m\"), 1, 0)", "relative_time(now(), \"-61m\")"),
        (
            "* | stats min(_time) as first by user | where first>relative_time(now(), \"@d\")",
            "relative_time(now(), \"@d\")",
        ),
    ] {
        assert_warned(search, place, "before the window of 1h begins");
    }
    for search in [
        "* | where _time>=relative_time(now(), \"-10m@m\") OR _time<relative_time(now(), \"-1h@h\")",
        "* | where _time>=relative_time(_time, \"-1d\")",
        "* | bin _time span=1d | stats count by _time user | where _time>=relative_time(now(), \"-1d@d\")",
        "* | where _time>relative_time(now(), user)",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
    let warned = warned("* | bin _time span=5m | stats count by _time | where _time>relative_time(now(), \"-1h\")");
    assert!(warned[0].1.contains("before the window of 5m begins"), "{warned:?}");
}

#[test]
fn texts_without_quotes_wherever_they_are_compared() {
    for (search, place, word) in [
        ("* | eval a=if(errorCode=AccessDenied, 1, 0)", "AccessDenied", "the text is \"AccessDenied\""),
        ("* | stats count(eval(eventName=CreateUser)) as n by user", "CreateUser", "the text is \"CreateUser\""),
        ("* | eval a=case(readOnly!=true, 1, 1=1, 0)", "true", "the text is \"true\""),
        ("* | where lower(user)=root", "root", "the text is \"root\""),
        ("* | where if(user=root, 1, 0)=1", "root", "the text is \"root\""),
        ("* | where eventName IN (\"A\", CreateUser)", "CreateUser", "the text is \"CreateUser\""),
    ] {
        assert_warned(search, place, word);
    }
    for search in [
        "* | eval a=1, b=if(user=a, 1, 0)",
        "* | eval a=1 | stats count(eval(user=a)) as n by user",
        "* | rename requestParameters.* as * | eval b=if(user=name, 1, 0)",
        "* | eval a=if(user=userName OR src=src_ip, 1, 0), b=x+y, c=coalesce(x, y)",
        "* | where x=1 AND user IN (userName)",
        "* | eval parts=split(user, \",\") | eval a=if(parts!=user, 1, 0)",
    ] {
        assert_eq!(warned(search), [], "{search}");
    }
}
