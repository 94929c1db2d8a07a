//! The keys of every sink that sends over HTTP.

use std::collections::BTreeSet;

use super::proxy::proxy;
use super::tls::tls;
use super::{MILLISECOND, MINUTE, SECOND, url};
use crate::config::field::Field;
use crate::config::reader::Section;
use crate::config::{Compression, HttpConfig, Secret, TlsConfig};

/// Headers that the request itself decides on.
const RESERVED_HEADERS: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "idempotency-key",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

pub(super) fn http(section: &mut Section<'_>) -> HttpConfig {
    let allow_http = section.take("allow_http").flag(false);
    let allow_private = section.take("allow_private").flag(false);
    let check_url = |text: &str| url::webhook(text, allow_http, allow_private);
    let compressions = Compression::ALL.map(|compression| (compression.as_str(), compression));
    let config = HttpConfig {
        url: section.take("url").never_shown().required("the URL to POST to", check_url),
        allow_http,
        allow_private,
        headers: headers(section.take("headers")),
        timeout: section.take("timeout").duration(100 * MILLISECOND..=5 * MINUTE, 10 * SECOND),
        compression: section.take("compression").one_of(&compressions).unwrap_or_default(),
        tls: tls(section.take("tls").section()),
        proxy: proxy(section.take("proxy")),
    };
    if config.url.starts_with("http:") && config.tls != TlsConfig::default() {
        section.problem("tls", "has no meaning for a URL of plain http");
    }
    config
}

impl HttpConfig {
    /// Whether `headers` hold an `Authorization` already.
    pub(super) fn has_authorization(&self) -> bool {
        self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization"))
    }
}

fn headers(field: Field<'_>) -> Vec<(String, Secret)> {
    let mut seen = BTreeSet::new();
    field.never_shown().entries().into_iter().filter_map(|(name, value)| header(name, value, &mut seen)).collect()
}

fn header(name: String, value: Field<'_>, seen: &mut BTreeSet<String>) -> Option<(String, Secret)> {
    if let Err(message) = header_name(&name, seen) {
        value.reader.problem(value.place.clone(), &value.path, message);
    }
    value.require("a value");
    let value = value.read(|text| header_value(text).map(|()| text.to_owned()))?;
    Some((name, Secret(value)))
}

pub(super) fn header_value(text: &str) -> Result<(), String> {
    let is_sendable = |c: char| c == ' ' || c.is_ascii_graphic();
    let is_valid = !text.is_empty() && text.chars().all(is_sendable);
    if is_valid { Ok(()) } else { Err("is empty or holds what no header may: visible ASCII is expected".to_owned()) }
}

fn header_name(name: &str, seen: &mut BTreeSet<String>) -> Result<(), String> {
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let lower = name.to_ascii_lowercase();
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err("is no header's name".to_owned());
    }
    if RESERVED_HEADERS.contains(&lower.as_str()) {
        return Err("is a header that the request itself sets".to_owned());
    }
    if seen.insert(lower) { Ok(()) } else { Err("is given twice; case does not matter in a header's name".to_owned()) }
}
