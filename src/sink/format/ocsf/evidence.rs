//! `cloud` and `evidences`: what the row says of account, region, call, source and actor.
//!
//! The columns of a row are named by its search. Those looked for are CloudTrail's own names and those that Splunk's
//! add-on gives them.

use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};

use super::object;
use crate::plan::{Row, Scalar};

const ACCOUNT: [&str; 5] =
    ["aws_account_id", "recipientAccountId", "vendor_account", "account_id", "userIdentity.accountId"];
const REGION: [&str; 4] = ["awsRegion", "vendor_region", "aws_region", "region"];
const OPERATION: [&str; 3] = ["eventName", "signature", "command"];
const SERVICE: [&str; 1] = ["eventSource"];
const ERROR: [&str; 1] = ["errorCode"];
const SOURCE: [&str; 3] = ["src", "src_ip", "sourceIPAddress"];
const USER_NAME: [&str; 4] = ["user", "user_name", "userName", "userIdentity.userName"];
const USER_UID: [&str; 4] = ["user_arn", "userIdentity.arn", "user_id", "userIdentity.principalId"];

/// Account and region where the row names exactly one.
pub(super) fn cloud(row: &Row) -> Json {
    let account = only(&texts(row, &ACCOUNT)).filter(|id| is_account_id(id));
    object([
        ("provider", "AWS".into()),
        ("account", account.map_or(Json::Null, |uid| json!({"uid": uid, "type_id": 10, "type": "AWS Account"}))),
        ("region", only(&texts(row, &REGION)).into()),
    ])
}

pub(super) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// One evidence of all that the row has one of. Of what it has several, each is an evidence of its own: a row does not
/// say which source belongs to which call.
pub(super) fn evidences(row: &Row) -> Json {
    let artifacts = [("api", apis(row)), ("src_endpoint", sources(row)), ("actor", actors(row))];
    let mut common = Map::new();
    let mut several = Vec::new();
    for (name, mut values) in artifacts {
        if values.len() == 1 {
            common.extend(values.pop().map(|value| (name.to_owned(), value)));
        } else {
            several.extend(values.into_iter().map(|value| (name.to_owned(), value)));
        }
    }
    if several.is_empty() {
        return if common.is_empty() { Json::Null } else { json!([common]) };
    }
    several.into_iter().map(|artifact| common.clone().into_iter().chain([artifact]).collect::<Map<_, _>>()).collect()
}

fn apis(row: &Row) -> Vec<Json> {
    let service = only(&texts(row, &SERVICE)).map_or(Json::Null, |name| json!({"name": name}));
    let error = only(&texts(row, &ERROR)).filter(|error| error != "success");
    let response = error.map_or(Json::Null, |error| json!({"error": error}));
    let api = |operation: String| {
        object([("operation", operation.into()), ("service", service.clone()), ("response", response.clone())])
    };
    texts(row, &OPERATION).into_iter().map(api).collect()
}

fn sources(row: &Row) -> Vec<Json> {
    texts(row, &SOURCE).iter().map(|source| endpoint(source)).collect()
}

/// CloudTrail's source is an address, the name of an AWS service, or words such as `AWS Internal`.
fn endpoint(source: &str) -> Json {
    match source.parse::<IpAddr>() {
        Ok(ip) => json!({"ip": ip.to_string()}),
        Err(_) if source.ends_with(".amazonaws.com") => json!({"svc_name": source}),
        Err(_) if is_hostname(source) => json!({"hostname": source}),
        Err(_) => json!({"name": source}),
    }
}

pub(super) fn is_hostname(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        !label.is_empty() && is_inner && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253 && text.contains('.') && text.split('.').all(is_label)
}

/// Name and id of one user make one actor; of several it is not known which belong together.
fn actors(row: &Row) -> Vec<Json> {
    let (names, uids) = (texts(row, &USER_NAME), texts(row, &USER_UID));
    if names.len() <= 1 && uids.len() <= 1 {
        let user = object([("name", only(&names).into()), ("uid", only(&uids).into())]);
        return if names.is_empty() && uids.is_empty() { Vec::new() } else { vec![json!({"user": user})] };
    }
    let (member, values) = if names.is_empty() { ("uid", uids) } else { ("name", names) };
    values.into_iter().map(|value| json!({"user": {member: value}})).collect()
}

/// The values of the first of these columns that has any.
fn texts(row: &Row, names: &[&str]) -> Vec<String> {
    let column = |name: &&str| row.iter().find(|(column, _)| **column == **name).map(|(_, value)| value.scalars());
    let scalars = names.iter().filter_map(column).find(|scalars| !scalars.is_empty()).unwrap_or_default();
    scalars.iter().map(Scalar::to_string).filter(|text| !text.is_empty()).collect()
}

fn only(texts: &[String]) -> Option<String> {
    if let [text] = texts { Some(text.clone()) } else { None }
}
