//! The sections that are small: `dead_letter`, `limits`, `admin`, `log`, `shutdown`.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::{MINUTE, SECOND, url};
use crate::config::reader::Section;
use crate::config::{
    AdminConfig, DeadLetterConfig, LimitsConfig, LogConfig, LogFormat, S3Config, Secret, ShutdownConfig,
};
use crate::telemetry::{self, TelemetryError};

const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;
/// Kinesis answers a read with at most 10 MiB; a smaller buffer could never hold one.
const ONE_READ: usize = 10 * MIB;
const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9464);

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            read_buffer_bytes: 64 * MIB,
            max_state_bytes: GIB,
            max_inflated_bytes: 64 * MIB,
            max_ids_per_group: 100_000,
            max_values: 100,
            max_distinct_values: 10_000,
            max_evidence: 10,
            sampling_key: None,
        }
    }
}

/// The types of `dead_letter` with the keys that each has.
const DEAD_LETTER_TYPES: [(&str, &[&str]); 3] =
    [("file", &["path"]), ("stdout", &[]), ("s3", &["url", "region", "endpoint_url"])];

pub(super) fn dead_letter(mut section: Section<'_>) -> DeadLetterConfig {
    let kind = section.take("type").one_of(&DEAD_LETTER_TYPES.map(|(name, _)| (name, name))).unwrap_or("file");
    for (other, keys) in DEAD_LETTER_TYPES.iter().filter(|(other, _)| *other != kind) {
        section.pass_over(keys, "type", &format!("belongs to `type: {other}`, and the type is {kind}"));
    }
    let dead_letter = match kind {
        "stdout" => DeadLetterConfig::Stdout,
        "s3" => DeadLetterConfig::S3(s3(&mut section)),
        _ => {
            let default = || PathBuf::from("/var/lib/trailrisk/dead-letters.ndjson");
            DeadLetterConfig::File(section.take("path").path().unwrap_or_else(default))
        }
    };
    section.finish();
    dead_letter
}

fn s3(section: &mut Section<'_>) -> S3Config {
    let url = section.take("url");
    url.require("the bucket and a prefix, such as s3://bucket/trailrisk");
    let (bucket, prefix) = url.read(s3_url).unwrap_or_default();
    let text = |text: &str| super::one_line(text, 128).map(|()| text.to_owned());
    S3Config {
        bucket,
        prefix,
        region: section.take("region").read(text),
        endpoint_url: url::endpoint_url(section.take("endpoint_url")),
    }
}

fn s3_url(text: &str) -> Result<(String, String), String> {
    let rest = text.strip_prefix("s3://").ok_or("is no place in S3: s3://bucket/prefix is expected")?;
    super::one_line(text, 900)?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let is_bucket = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b".-".contains(&b);
    if !(3..=63).contains(&bucket.len()) || !bucket.bytes().all(is_bucket) {
        return Err("names no bucket: 3 to 63 of a-z, 0-9, `.` and `-` are expected".to_owned());
    }
    Ok((bucket.to_owned(), prefix.trim_matches('/').to_owned()))
}

pub(super) fn limits(mut section: Section<'_>) -> LimitsConfig {
    let default = LimitsConfig::default();
    let limits = LimitsConfig {
        read_buffer_bytes: section.take("read_buffer_bytes").size(ONE_READ..=64 * GIB, default.read_buffer_bytes),
        max_state_bytes: section.take("max_state_bytes").size(MIB..=1024 * GIB, default.max_state_bytes),
        max_inflated_bytes: section.take("max_inflated_bytes").size(MIB..=4 * GIB, default.max_inflated_bytes),
        max_ids_per_group: section.take("max_ids_per_group").count(1..=100_000_000, default.max_ids_per_group),
        max_values: section.take("max_values").count(1..=100_000, default.max_values),
        max_distinct_values: section.take("max_distinct_values").count(1..=10_000_000, default.max_distinct_values),
        max_evidence: section.take("max_evidence").count(0..=1000, default.max_evidence),
        sampling_key: section.take("sampling_key").never_shown().read(sampling_key),
    };
    if limits.max_values > limits.max_distinct_values {
        section.problem("max_values", "is larger than max_distinct_values");
    }
    section.finish();
    limits
}

fn sampling_key(text: &str) -> Result<Secret, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(Secret(text.to_owned())) }
}

pub(super) fn admin(mut section: Section<'_>) -> AdminConfig {
    let expected = "is no address: an IP address with a port is expected, such as 127.0.0.1:9464 or [::1]:9464";
    let listen = section.take("listen").read(|text| text.parse().map_err(|_| expected.to_owned()));
    let status_events = section.take("status_events").flag(false);
    section.finish();
    AdminConfig { listen: listen.unwrap_or(DEFAULT_LISTEN), status_events }
}

pub(super) fn log(mut section: Section<'_>) -> LogConfig {
    let expected = "is no filter: a level (error, warn, info, debug, trace, off) or directives such as \
                    `info,trailrisk::source=debug` are expected";
    let level = section.take("level");
    // The detail repeats a part of the value.
    let is_hidden = level.is_hidden();
    let read = |text: &str| match telemetry::check_filter(text) {
        Ok(()) => Ok(text.to_owned()),
        Err(TelemetryError::Filter { detail, .. }) if !is_hidden => Err(format!("{expected} ({detail})")),
        Err(_) => Err(expected.to_owned()),
    };
    let formats = [("json", LogFormat::Json), ("text", LogFormat::Text)];
    let log = LogConfig {
        level: level.read(read).unwrap_or_else(|| "info".to_owned()),
        format: section.take("format").one_of(&formats).unwrap_or(LogFormat::Json),
    };
    section.finish();
    log
}

pub(super) fn shutdown(mut section: Section<'_>) -> ShutdownConfig {
    let drain_deadline = section.take("drain_deadline").duration(SECOND..=10 * MINUTE, 20 * SECOND);
    section.finish();
    ShutdownConfig { drain_deadline }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_s3_is_a_bucket_and_a_prefix() {
        let place = |bucket: &str, prefix: &str| Ok((bucket.to_owned(), prefix.to_owned()));
        assert_eq!(s3_url("s3://soc-letters/trailrisk/dead/"), place("soc-letters", "trailrisk/dead"));
        assert_eq!(s3_url("s3://soc-letters"), place("soc-letters", ""));
        for text in ["soc-letters", "https://soc-letters/x", "s3://", "s3://UPPER/x", "s3:///x", "s3://ab/x\n"] {
            assert!(s3_url(text).is_err(), "{text}");
        }
    }
}
