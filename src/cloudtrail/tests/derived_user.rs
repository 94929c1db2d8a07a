//! `user`, `user_name`, `user_type`, `user_arn`, `userName`, row by row, with expectations from the contract.

use serde_json::{Value as Json, json};

use crate::cloudtrail::field;
use crate::cloudtrail::testing::event_with;
use crate::value::Value;

/// An event in which every place that a user is taken from holds another name.
fn everywhere(name: &str) -> Json {
    json!({
        "eventName": name,
        "userIdentity": {
            "type": "IAMUser",
            "userName": "identity",
            "arn": "arn:aws:iam::1:user/path/arn",
            "principalId": "first:second",
            "sessionContext": {"sessionIssuer": {"userName": "issuer", "type": "Role"}},
        },
        "requestParameters": {
            "userName": "request", "newUserName": "renamed", "roleArn": "arn:aws:iam::1:role/role",
            "sourceIdentity": "source",
        },
        "responseElements": {
            "loginProfile": {"userName": "profile"},
            "user": {"userName": "created"},
            "accessKey": {"userName": "key"},
            "assumedRoleUser": {"arn": "arn:aws:sts::1:assumed-role/role/session"},
        },
        "errorMessage": "User: arn:aws:iam::1:user/x is not authorized to perform: iam:GetUser on resource: user bob",
    })
}

fn read(members: &Json, name: &str) -> String {
    match field(&event_with(members), name) {
        Value::Null => "-".to_owned(),
        Value::One(crate::value::Scalar::Text(text)) => text.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_row_reads_its_own_place() {
    for (name, user, user_name, user_type) in [
        ("CreateLoginProfile", "profile", "profile", "-"),
        ("CreateUser", "created", "created", "-"),
        ("DeleteUser", "request", "request", "-"),
        ("DeleteLoginProfile", "request", "request", "IAMUser"),
        ("UpdateUser", "renamed", "renamed", "-"),
        ("CreateAccessKey", "key", "key", "-"),
        ("ListSigningCertificates", "bob", "bob", "-"),
        ("ListAccessKeys", "bob", "bob", "-"),
        ("GetUser", "bob", "bob", "-"),
        ("GetAccountSummary", "bob", "bob", "-"),
        ("ListAccountAliases", "bob", "bob", "-"),
        ("CreateVirtualMFADevice", "identity", "identity", "-"),
        ("PutBucketAcl", "identity", "identity", "IAMUser"),
        ("CreateLoadBalancerListeners", "issuer", "identity", "IAMUser"),
        ("CreateLoadBalancerPolicy", "issuer", "identity", "IAMUser"),
        ("CreateLogGroup", "issuer", "identity", "IAMUser"),
        ("CreateLogStream", "issuer", "identity", "IAMUser"),
        ("GetBucketEncryption", "issuer", "identity", "IAMUser"),
        ("CreateNetworkInterface", "issuer", "identity", "IAMUser"),
        ("DeleteNetworkInterface", "issuer", "identity", "Role"),
        ("AssumeRole", "session", "identity", "IAMUser"),
        ("AssumeRoleWithSAML", "session", "identity", "IAMUser"),
        ("AssumeRoleWithWebIdentity", "session", "identity", "IAMUser"),
        ("ConsoleLogin", "identity", "identity", "IAMUser"),
        ("ListAliases", "identity", "identity", "Role"),
        ("ListRoles", "identity", "first", "Role"),
        ("RunInstances", "identity", "identity", "IAMUser"),
        ("AttachVolume", "identity", "identity", "IAMUser"),
        ("PutObject", "identity", "identity", "IAMUser"),
        ("CreateBucket", "identity", "identity", "IAMUser"),
        ("GetObject", "identity", "identity", "IAMUser"),
        ("AddUser", "identity", "identity", "-"),
    ] {
        let members = everywhere(name);
        let found = (read(&members, "user"), read(&members, "user_name"), read(&members, "user_type"));
        assert_eq!(found, (user.to_owned(), user_name.to_owned(), user_type.to_owned()), "{name}");
    }
}

#[test]
fn a_row_that_applies_decides_even_without_a_value() {
    for name in ["CreateLoginProfile", "CreateUser", "DeleteUser", "UpdateUser", "CreateAccessKey", "GetUser"] {
        let members = json!({"eventName": name, "userIdentity": {"userName": "identity", "type": "IAMUser"}});
        assert_eq!((read(&members, "user"), read(&members, "user_name")), ("-".into(), "-".into()), "{name}");
    }
    let members = json!({"eventName": "CreateLogGroup", "userIdentity": {"userName": "identity"}});
    assert_eq!((read(&members, "user"), read(&members, "user_name")), ("-".into(), "identity".into()));
}

#[test]
fn the_issuer_stands_in_only_where_the_row_says_so() {
    let issuer = json!({"sessionContext": {"sessionIssuer": {"userName": "issuer"}}});
    for name in ["ListAliases", "ListRoles", "StopInstances", "CreateVolume", "PutObject", "DeleteBucket"] {
        assert_eq!(read(&json!({"eventName": name, "userIdentity": issuer}), "user"), "issuer", "{name}");
    }
    let sign_in = json!({"eventName": "SwitchRole", "eventType": "AwsConsoleSignIn", "userIdentity": issuer});
    assert_eq!(read(&sign_in, "user"), "issuer");
    let default = json!({"eventName": "GetObject", "userIdentity": issuer});
    assert_eq!((read(&default, "user"), read(&default, "user_name")), ("-".into(), "issuer".into()));
    assert_eq!(read(&json!({"eventName": "PutBucketAcl", "userIdentity": issuer}), "user"), "-");
}

#[test]
fn an_access_key_made_in_vain_is_of_the_resources_owner() {
    for (resource, owner) in [
        ("user bob", "bob"),
        ("arn:aws:iam::1:user/path/bob because no identity-based policy allows it", "bob"),
        ("bob with an explicit deny", "bob"),
        ("", "-"),
    ] {
        let message = format!("User: arn:aws:iam::1:user/x is not authorized to perform: a on resource: {resource}");
        let members = json!({"eventName": "CreateAccessKey", "errorMessage": message});
        assert_eq!(read(&members, "user"), owner, "{resource}");
    }
    assert_eq!(read(&json!({"eventName": "GetUser", "errorMessage": "no such user"}), "user"), "-");
}

#[test]
fn an_assumed_role_that_assumes_or_logs_in() {
    let mut members = everywhere("AssumeRole");
    members["userIdentity"]["type"] = json!("AssumedRole");
    assert_eq!(read(&members, "user"), "role");
    members["eventName"] = json!("AssumeRoleWithSAML");
    assert_eq!(read(&members, "user"), "session");

    members["eventName"] = json!("ConsoleLogin");
    members["eventType"] = json!("AwsConsoleSignIn");
    assert_eq!((read(&members, "user"), read(&members, "user_type")), ("identity".into(), "Role".into()));
    members["additionalEventData"] = json!({"LoginTo": "https://console"});
    assert_eq!((read(&members, "user"), read(&members, "user_type")), ("second".into(), "AssumedRole".into()));
    members["userIdentity"]["principalId"] = json!("alone");
    assert_eq!(read(&members, "user"), "identity");
}

#[test]
fn names_fall_back_to_arns() {
    let arn = json!({"arn": "arn:aws:sts::1:assumed-role/role/session"});
    let by_arn = json!({"userIdentity": arn, "requestParameters": {"roleArn": "arn:aws:iam::1:role/other"}});
    assert_eq!((read(&by_arn, "user_name"), read(&by_arn, "userName")), ("session".into(), "session".into()));
    assert_eq!(read(&by_arn, "user_arn"), "arn:aws:sts::1:assumed-role/role/session");
    let by_role = json!({"requestParameters": {"roleArn": "arn:aws:iam::1:role/path/other"}});
    assert_eq!((read(&by_role, "user_name"), read(&by_role, "userName")), ("other".into(), "other".into()));
    assert_eq!(read(&by_role, "user_arn"), "arn:aws:iam::1:role/path/other");
    let root = json!({"userIdentity": {"arn": "arn:aws:iam::1:root"}});
    assert_eq!((read(&root, "user_name"), read(&root, "userName")), ("root".into(), "arn:aws:iam::1:root".into()));
}

#[test]
fn user_name_in_camel_case_has_its_own_order() {
    let mut members = everywhere("GetObject");
    assert_eq!(read(&members, "userName"), "identity");
    members["userIdentity"]["userName"] = json!(null);
    assert_eq!(read(&members, "userName"), "source");
    members["requestParameters"]["sourceIdentity"] = json!("");
    assert_eq!(read(&members, "userName"), "issuer");
    members["userIdentity"]["sessionContext"] = json!(null);
    assert_eq!(read(&members, "userName"), "arn");
}
