//! `checkpoint`.

use std::path::PathBuf;

use super::source::is_region;
use super::{MILLISECOND, MINUTE, SECOND, url};
use crate::config::reader::Section;
use crate::config::{CheckpointConfig, CheckpointStoreConfig, TableConfig};

#[derive(Clone, Copy, PartialEq)]
enum Store {
    File,
    Memory,
    DynamoDb,
}

pub(super) fn checkpoint(mut section: Section<'_>, default_scope: String) -> CheckpointConfig {
    let default = || PathBuf::from("/var/lib/trailrisk/checkpoint.json");
    let words = [("file", Store::File), ("memory", Store::Memory), ("dynamodb", Store::DynamoDb)];
    let store = section.take("store").one_of(&words).unwrap_or(Store::File);
    let path = section.take("path").path().unwrap_or_else(default);
    let table = table(&mut section, store, default_scope);
    let interval = section.take("interval").duration(100 * MILLISECOND..=10 * MINUTE, 5 * SECOND);
    section.finish();
    let store = match store {
        Store::File => CheckpointStoreConfig::File(path),
        Store::Memory => CheckpointStoreConfig::Memory,
        Store::DynamoDb => CheckpointStoreConfig::DynamoDb(table),
    };
    CheckpointConfig { store, interval }
}

fn table(section: &mut Section<'_>, store: Store, default_scope: String) -> TableConfig {
    let table = section.take("table");
    if store == Store::DynamoDb {
        table.require("the name or the ARN of a DynamoDB table");
    }
    let table = table.read(table_name);
    if table.is_some() && store != Store::DynamoDb {
        section.problem("table", "is not used: set checkpoint.store to dynamodb, or leave it out");
    }
    let region = |text: &str| {
        let expected = "is no region: a name such as eu-central-1 is expected";
        if is_region(text) { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
    };
    TableConfig {
        table: table.unwrap_or_default(),
        scope: section.take("scope").read(scope).unwrap_or(default_scope),
        lease_duration: section.take("lease_duration").duration(SECOND..=10 * MINUTE, 20 * SECOND),
        region: section.take("region").read(region),
        endpoint_url: url::endpoint_url(section.take("endpoint_url")),
    }
}

fn table_name(text: &str) -> Result<String, String> {
    let name = match text.strip_prefix("arn:") {
        None => text,
        Some(rest) => rest.split_once(":table/").map(|(_, name)| name).unwrap_or_default(),
    };
    let expected = "is no table: 3 to 255 letters, digits, `_`, `.` and `-` are expected, or the ARN of a table";
    if is_plain(name) && (3..=255).contains(&name.len()) { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

fn scope(text: &str) -> Result<String, String> {
    let expected = "is no scope: 1 to 128 letters, digits, `_`, `.` and `-` are expected";
    if is_plain(text) && (1..=128).contains(&text.len()) { Ok(text.to_owned()) } else { Err(expected.to_owned()) }
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
}
