//! Splunk's detections that their published example does not fire, over events made for them.

use serde_json::json;

use super::corpus::escu;
use super::escu::rows_over;
use super::*;

fn rows_of_events(detection: &str, events: &[Event<'_>]) -> Vec<String> {
    rows_over(&escu()[detection], events)
}

const BOB: &str = r#"{"type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::1:user/bob", "accountId": "1", "principalId": "AIDA"}"#;

/// An event of bob's.
fn of_bob(mut fields: serde_json::Value) -> Event<'static> {
    fields["userIdentity"] = serde_json::from_str(BOB).expect("JSON");
    fields["sourceIPAddress"] = fields.get("sourceIPAddress").cloned().unwrap_or(json!("10.0.0.1"));
    fields["userAgent"] = json!("cli");
    fields["awsRegion"] = json!("eu-west-1");
    event(fields)
}

#[test]
fn a_policy_that_allows_everything() {
    let policy = |document: &str| {
        of_bob(json!({"eventName": "CreatePolicyVersion", "requestParameters": {"policyDocument": document}}))
    };
    let rows = |document: &str| rows_of_events("aws_create_policy_version_to_allow_all_resources", &[policy(document)]);
    let row = |statement: &str| {
        format!(
            "signature=CreatePolicyVersion dest=iam.amazonaws.com user=bob user_agent=cli src=10.0.0.1 vendor_account=1 \
             vendor_region=eu-west-1 vendor_product=AWS CloudTrail count=1 firstTime=2023-04-24T23:51:17 \
             lastTime=2023-04-24T23:51:17 policy_added={statement}"
        )
    };
    let open = r#"{"Effect":"Allow", "Action":"*"}"#;
    assert_eq!(rows(&format!(r#"{{"Statement":[{{"Action":"s3:*"}}, {open}]}}"#)), [row(open)]);
    assert_eq!(rows(&format!(r#"{{"Statement":{open}}}"#)), [row(open)], "one statement needs no brackets");
    assert_eq!(rows(r#"{"Statement":[{"Action":"s3:*"}]}"#), [""; 0]);
    assert_eq!(rows("no JSON"), [""; 0]);
}

/// `rex` with a literal brace, `spath` on its field, one row for each grant.
#[test]
fn a_bucket_that_is_open_to_everybody() {
    let grant = |uri: &str, permission: &str| json!({"Grantee": {"URI": uri}, "Permission": permission});
    let grants = [
        grant("http://acs.amazonaws.com/groups/global/AllUsers", "READ"),
        grant("http://acs.amazonaws.com/groups/global/AllUsers", "WRITE"),
        grant("http://acs.amazonaws.com/groups/s3/LogDelivery", "WRITE"),
    ];
    let event = of_bob(json!({
        "eventName": "PutBucketAcl", "eventSource": "s3.amazonaws.com",
        "requestParameters": {
            "bucketName": "open", "AccessControlPolicy": {"AccessControlList": {"Grant": grants}}
        }
    }));
    let row = |permission: &str| {
        format!(
            "user_arn=arn:aws:iam::1:user/bob userIdentity.principalId=AIDA userAgent=cli \
             uri=http://acs.amazonaws.com/groups/global/AllUsers permission={permission} bucketName=open count=1 \
             firstTime=2023-04-24T23:51:17 lastTime=2023-04-24T23:51:17"
        )
    };
    assert_eq!(rows_of_events("detect_new_open_s3_buckets", &[event]), [row("READ"), row("WRITE")]);
}

/// Failed logins: each address once, and `attempts` times from one more.
fn logins(addresses: u32, attempts: u32) -> Vec<Event<'static>> {
    let login = |id: String, address: String| {
        of_bob(json!({
            "eventID": id, "eventName": "ConsoleLogin", "eventSource": "signin.amazonaws.com", "sourceIPAddress": address,
            "responseElements": {"ConsoleLogin": "Failure"},
        }))
    };
    let quiet = (0..addresses).map(|n| login(format!("quiet-{n}"), format!("10.0.0.{n}")));
    quiet.chain((0..attempts).map(|n| login(format!("loud-{n}"), "192.0.2.9".into()))).collect()
}

/// 1 of 12 times and 13 of one: the mean is 25 / 13, the deviation of the sample 12 / sqrt(13).
#[test]
fn an_address_that_fails_far_more_often_than_the_others() {
    let detection = "aws_unusual_number_of_failed_authentications_from_ip";
    let [row] = &*rows_of_events(detection, &logins(12, 13)) else { panic!("one outlier") };
    let expected = "_time=1682380200 src=192.0.2.9 distinct_attempts=13 tried_accounts=bob action=ConsoleLogin \
        dest=signin.amazonaws.com vendor_account=1 vendor_region=eu-west-1 vendor_product=AWS CloudTrail user_agent=cli \
        avg_attempts=1.92307692307692 ip_std=3.32820117735137 upperBound=11.907680455131 isOutlier=1";
    assert_eq!(row, expected);
    assert_eq!(rows_of_events(detection, &logins(12, 10)), [""; 0], "not more than ten");
    assert_eq!(rows_of_events(detection, &logins(3, 13)), [""; 0], "too few others to be far from");
}

/// Somebody makes a login profile for another user, who then logs in from the same address. The row is that of the
/// `table` with the columns of the subsearch's `stats`, whose `eventName` is called `values(eventName)`.
#[test]
fn a_login_profile_that_is_used_from_where_it_was_made() {
    let made_for = |user: &str| {
        of_bob(json!({
            "eventID": "made", "eventName": "CreateLoginProfile", "requestParameters": {"userName": user},
        }))
    };
    let login = |id: &str, address: &str, minute: u32| {
        event(json!({
            "eventID": id, "eventName": "ConsoleLogin", "eventSource": "signin.amazonaws.com", "awsRegion": "us-east-1",
            "eventTime": format!("2023-04-24T23:{minute}:00Z"), "sourceIPAddress": address, "userAgent": "browser",
            "userIdentity": {
                "type": "IAMUser", "userName": "eve", "arn": "arn:aws:iam::1:user/eve", "accountId": "1", "principalId": "AIDE",
            },
        }))
    };
    let rows = |events: &[Event<'_>]| rows_of_events("aws_createloginprofile", events);
    let events = [made_for("eve"), login("b", "10.0.0.1", 53), login("a", "10.0.0.1", 55), login("c", "10.0.0.2", 54)];
    let expected = "src_ip=10.0.0.1 eventName=CreateLoginProfile new_login_profile=eve userIdentity.userName=bob \
        eventSource=signin.amazonaws.com aws_account_id=1 errorCode=success user_agent=browser eventID=a \
        awsRegion=us-east-1 userIdentity.principalId=AIDE user=arn:aws:iam::1:user/eve dest=signin.amazonaws.com \
        vendor_account=1 vendor_region=us-east-1 vendor_product=AWS CloudTrail count=1 \
        values(eventName)=ConsoleLogin firstTime=2023-04-24T23:55:00 lastTime=2023-04-24T23:55:00";
    assert_eq!(rows(&events), [expected], "of two logins the first by its by-values");
    let [made, first, second, elsewhere] = events;
    assert_eq!(rows(&[second.clone(), elsewhere.clone(), first, made.clone()]), [expected], "AG-5");
    assert_eq!(rows(&[made.clone(), elsewhere]), [""; 0], "from another address");
    assert_eq!(rows(&[made_for("ann"), second.clone()]), [""; 0], "somebody else");
    assert_eq!(rows(&[made]), [""; 0]);
    assert_eq!(rows(&[second]), [""; 0]);
}
