//! The derived layer, row by row, with expectations written by hand from the contract. `user`, `user_name`,
//! `user_type` are in `derived_user.rs`.

use serde_json::{Value as Json, json};

use crate::cloudtrail::field;
use crate::cloudtrail::testing::event_with;
use crate::value::{Scalar, Value};

/// Checks the fields of an event; an empty expectation means null.
fn check(members: Json, expected: &[(&str, &str)]) {
    let event = event_with(&members);
    for (name, text) in expected {
        let value = if text.is_empty() { Value::Null } else { Value::text(*text) };
        assert_eq!(field(&event, name), value, "{name} of {members}");
    }
}

#[test]
fn every_event_has_its_constants_and_its_time() {
    check(
        json!({}),
        &[
            ("sourcetype", "aws:cloudtrail"),
            ("source", "aws_cloudtrail"),
            ("vendor_product", "AWS CloudTrail"),
            ("date_hour", "7"),
            ("date_minute", "8"),
            ("date_second", "9"),
            ("date_mday", "6"),
            ("date_wday", "monday"),
            ("date_month", "may"),
            ("date_year", "2024"),
        ],
    );
    assert_eq!(field(&event_with(&json!({})), "_time"), Value::number(1_714_979_289.0));
    let fraction = event_with(&json!({"eventTime": "2024-05-06T07:08:09.250Z"}));
    assert_eq!(field(&fraction, "_time"), Value::number(1_714_979_289.25));
}

#[test]
fn copies_under_other_names() {
    check(
        json!({"sourceIPAddress": "AWS Internal", "eventName": "GetX", "userAgent": "[a]", "awsRegion": "r"}),
        &[
            ("src", "AWS Internal"),
            ("src_ip", "AWS Internal"),
            ("sourceIPAddress", "AWS Internal"),
            ("signature", "GetX"),
            ("command", "GetX"),
            ("user_agent", "[a]"),
            ("vendor_region", "r"),
        ],
    );
    check(json!({}), &[("src", ""), ("signature", ""), ("user_agent", ""), ("vendor_region", "")]);
}

#[test]
fn error_code_is_the_events_else_the_logins_else_success() {
    check(
        json!({"errorCode": "AccessDenied", "errorMessage": "no"}),
        &[
            ("errorCode", "AccessDenied"),
            ("msg", "AccessDenied"),
            ("result_id", "AccessDenied"),
            ("result", "no"),
            ("reason", "no"),
            ("status", "failure"),
        ],
    );
    let absent =
        [("errorCode", "success"), ("msg", "success"), ("result_id", ""), ("result", ""), ("status", "success")];
    check(json!({}), &absent);
    check(json!({"errorCode": null}), &absent);
    check(json!({"errorCode": ""}), &[("errorCode", "success"), ("msg", "success"), ("status", "success")]);
    check(
        json!({"responseElements": {"ConsoleLogin": "Failure"}}),
        &[("errorCode", "failure"), ("msg", "success"), ("status", "failure")],
    );
    check(json!({"responseElements": {"ConsoleLogin": "Success"}}), &[("errorCode", "success")]);
    check(json!({"errorCode": "E", "responseElements": {"ConsoleLogin": "Failure"}}), &[("errorCode", "E")]);
}

#[test]
fn accounts() {
    for kind in ["AWSAccount", "AWSService"] {
        check(
            json!({"userIdentity": {"type": kind, "accountId": "1"}, "recipientAccountId": "2"}),
            &[("aws_account_id", "2"), ("vendor_account", "1"), ("user_group_id", "1")],
        );
        check(json!({"userIdentity": {"type": kind, "accountId": "1"}}), &[("aws_account_id", "")]);
    }
    check(
        json!({"userIdentity": {"type": "IAMUser"}, "recipientAccountId": "2"}),
        &[("aws_account_id", ""), ("vendor_account", "2"), ("user_group_id", "")],
    );
    check(json!({"userIdentity": {"accountId": "1"}, "recipientAccountId": "2"}), &[("aws_account_id", "1")]);
    check(json!({"userIdentity": {"accountId": ""}, "recipientAccountId": "2"}), &[("vendor_account", "2")]);
    // What is empty stands where nothing else is.
    let blank = event_with(&json!({"recipientAccountId": ""}));
    assert_eq!(field(&blank, "recipientAccountId"), Value::text(""));
}

#[test]
fn dest() {
    let parameters = json!({
        "Host": "Host", "host": ["host"], "instanceId": "i-1", "userName": "bob",
        "instancesSet": {"items": [{"instanceId": "i-2"}]},
    });
    let login_to = json!({"LoginTo": "https://console"});
    for (name, expected) in [
        ("PutBucketAcl", "Host"),
        ("GetBucketEncryption", "host"),
        ("CreateBucket", "host"),
        ("PutObject", "host"),
        ("RunInstances", "s"),
        ("StartInstances", "i-2"),
        ("StopInstances", "i-2"),
        ("TerminateInstances", "i-2"),
        ("RebootInstances", "i-2"),
        ("AttachVolume", "i-1"),
        ("DeleteLoginProfile", "bob"),
        ("ConsoleLogin", "https://console"),
        ("AssumeRole", "https://console"),
        ("AssumeRoleWithSAML", "https://console"),
        ("CheckMfa", "https://console"),
        ("ListAliases", "https://console"),
        ("GetObject", "s"),
    ] {
        let mut members = json!({"eventName": name, "eventSource": "s.amazonaws.com"});
        let expected = if expected == "s" { "s.amazonaws.com" } else { expected };
        check(members.clone(), &[("dest", "s.amazonaws.com")]);
        members["requestParameters"] = parameters.clone();
        members["additionalEventData"] = login_to.clone();
        check(members, &[("dest", expected)]);
    }
    check(json!({"eventName": "PutObject", "requestParameters": {"Host": "Host"}}), &[("dest", "Host")]);
    let run = event_with(&json!({
        "eventName": "RunInstances",
        "responseElements": {"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}},
    }));
    assert_eq!(field(&run, "dest"), Value::Many(vec![Scalar::text("i-1"), Scalar::text("i-2")]));
}

#[test]
fn action() {
    for (name, succeeded, failed) in [
        ("ConsoleLogin", "success", "failure"),
        ("AssumeRoleWithSAML", "success", "failure"),
        ("GetSessionToken", "success", "failure"),
        ("CheckMfa", "success", "failure"),
        ("CreateUser", "created", "created"),
        ("RunInstances", "created", "created"),
        ("AllocateAddress", "created", "created"),
        ("ImportKeyPair", "created", "created"),
        ("DeleteUser", "deleted", "deleted"),
        ("TerminateInstances", "deleted", "deleted"),
        ("ReleaseAddress", "deleted", "deleted"),
        ("PutObject", "modified", "modified"),
        ("UpdateUser", "modified", "modified"),
        ("ModifyVolume", "modified", "modified"),
        ("AttachRolePolicy", "modified", "modified"),
        ("DetachRolePolicy", "modified", "modified"),
        ("AddUserToGroup", "modified", "modified"),
        ("RemoveUserFromGroup", "modified", "modified"),
        ("SetDefaultPolicyVersion", "modified", "modified"),
        ("AssociateAddress", "modified", "modified"),
        ("AuthorizeSecurityGroupIngress", "modified", "modified"),
        ("RevokeSecurityGroupIngress", "modified", "modified"),
        ("GetObject", "read", "read"),
        ("ListUsers", "read", "read"),
        ("DescribeInstances", "read", "read"),
        ("HeadBucket", "read", "read"),
        ("StartInstances", "started", "started"),
        ("StopInstances", "stopped", "stopped"),
        ("Invoke", "", "unknown"),
    ] {
        check(json!({"eventName": name}), &[("action", succeeded), ("status", "success")]);
        check(json!({"eventName": name, "errorCode": "E"}), &[("action", failed), ("status", "failure")]);
    }
    check(
        json!({"eventName": "ConsoleLogin", "responseElements": {"ConsoleLogin": "Failure"}}),
        &[("action", "failure"), ("status", "failure")],
    );
}

#[test]
fn the_events_own_action_and_status_go_first() {
    check(
        json!({"eventName": "CreateUser", "action": "mine", "status": "own"}),
        &[("action", "mine"), ("status", "own")],
    );
    check(json!({"eventName": "CreateUser", "action": null}), &[("action", "created")]);
}

#[test]
fn a_raw_field_stays_under_its_own_path() {
    let members = json!({"userIdentity": {"userName": "bob"}, "eventName": "CreateUser", "errorMessage": "m"});
    check(
        members,
        &[("userIdentity.userName", "bob"), ("eventName", "CreateUser"), ("errorMessage", "m"), ("user", "")],
    );
}

#[test]
fn every_derived_field_is_in_the_users_table() {
    let page = include_str!("../../../docs/fields.md");
    for name in crate::cloudtrail::derived::names() {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}
