//! `detections.lookups`: names, each with a path, or with a path and how its columns are compared.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::config::LookupConfig;
use crate::config::field::Field;
use crate::plan::{LookupTable, MatchType};

/// As in Splunk.
const MAX_MATCHES: RangeInclusive<usize> = 1..=1000;

pub(super) fn lookups(field: Field<'_>) -> Vec<LookupConfig> {
    field.entries().into_iter().filter_map(|(name, entry)| lookup(name, entry)).collect()
}

fn lookup(name: String, field: Field<'_>) -> Option<LookupConfig> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if name.is_empty() || !name.chars().all(is_name) {
        field.reader.problem(field.place, &field.path, "is no name of a lookup: letters, digits and `_ - .`");
        return None;
    }
    if !field.is_mapping() {
        field.require("the path of a CSV file");
        return Some(LookupConfig { path: field.path()?, ..plain(name) });
    }
    let plain = plain(name);
    let mut section = field.section();
    let path = section.take("path");
    path.require("the path of a CSV file");
    let lookup = LookupConfig {
        path: path.path().unwrap_or_default(),
        case_sensitive: section.take("case_sensitive_match").flag(plain.case_sensitive),
        match_types: section.take("match_type").items().into_iter().filter_map(match_type).collect(),
        max_matches: section.take("max_matches").count(MAX_MATCHES, LookupTable::DEFAULT_MAX_MATCHES),
        default_match: section.take("default_match").read(|text| Ok(text.to_owned())),
        ..plain
    };
    section.finish();
    Some(lookup)
}

fn plain(name: String) -> LookupConfig {
    LookupConfig {
        name,
        path: std::path::PathBuf::new(),
        case_sensitive: true,
        match_types: BTreeMap::new(),
        max_matches: LookupTable::DEFAULT_MAX_MATCHES,
        default_match: None,
    }
}

/// `WILDCARD(column)` or `CIDR(column)`, as in Splunk's `transforms.conf`.
fn match_type(field: Field<'_>) -> Option<(String, MatchType)> {
    field.read(|text| {
        let parts = text.strip_suffix(')').and_then(|text| text.split_once('('));
        let (kind, column) = parts.ok_or("is no match type: WILDCARD(column) or CIDR(column) is expected")?;
        let kind = match kind.to_ascii_uppercase().as_str() {
            "WILDCARD" => MatchType::Wildcard,
            "CIDR" => MatchType::Cidr,
            _ => return Err("is no match type: WILDCARD(column) or CIDR(column) is expected".to_owned()),
        };
        Ok((column.trim().to_owned(), kind))
    })
}
