//! `observables`: risk objects and threat objects. Each names the member of the finding that it is the value of.

use std::net::IpAddr;

use serde_json::{Value as Json, json};

use super::evidence::{is_account_id, is_hostname};
use crate::config::OcsfVersion;
use crate::plan::Scalar;
use crate::risk_event::RiskEvent;

type Type = (u32, &'static str);
const HOSTNAME: Type = (1, "Hostname");
const OTHER: u32 = 99;

pub(super) fn observables(event: &RiskEvent, version: OcsfVersion) -> Json {
    let risk = event.risk_objects.iter().map(|object| (&object.field, &object.kind, &object.value));
    let threat = event.threat_objects.iter().map(|object| (&object.field, &object.kind, &object.value));
    let mut observables: Vec<Json> = Vec::new();
    for (field, kind, value) in risk.chain(threat) {
        let observable = observable(field, kind, value, version);
        if !observables.contains(&observable) {
            observables.push(observable);
        }
    }
    observables.into()
}

/// The row stands in `unmapped`, whole, so that a name always leads to the value.
fn observable(field: &str, kind: &str, value: &Scalar, version: OcsfVersion) -> Json {
    let value = value.to_text();
    let (type_id, caption) = type_of(kind, &value, version).unwrap_or((OTHER, kind));
    json!({"name": format!("unmapped.row.{field}"), "type_id": type_id, "type": caption, "value": value})
}

/// The schema's type of an object by the word that the detection uses for it; none where it has none.
fn type_of(kind: &str, value: &str, version: OcsfVersion) -> Option<Type> {
    match kind {
        "ip_address" if value.parse::<IpAddr>().is_ok() => Some((2, "IP Address")),
        // CloudTrail's source address may be the name of a service.
        "ip_address" | "system" | "domain" if is_hostname(value) => Some(HOSTNAME),
        "system" => Some(HOSTNAME),
        "user" => Some((4, "User Name")),
        "email_address" => Some((5, "Email Address")),
        "url" => Some((6, "URL String")),
        "file_name" => Some((7, "File Name")),
        "file_hash" => Some((8, "Hash")),
        "process_name" => Some((9, "Process Name")),
        _ => type_since_1_5(kind, value).filter(|_| version >= OcsfVersion::V1_5_0),
    }
}

fn type_since_1_5(kind: &str, value: &str) -> Option<Type> {
    match kind {
        "command" => Some((13, "Command Line")),
        "http_user_agent" => Some((16, "HTTP User-Agent")),
        "file_path" => Some((45, "File Path")),
        "other" if is_account_id(value) => Some((35, "Account Object: uid")),
        _ => None,
    }
}
