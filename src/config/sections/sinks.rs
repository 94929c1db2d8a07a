//! `sinks`.

use std::collections::BTreeSet;

use super::format::format;
use super::{DAY, HOUR, MILLISECOND, SECOND, min_severity, one_line, splunk, stages, webhook};
use crate::config::field::Field;
use crate::config::reader::Section;
use crate::config::{BatchLimit, DeliveryConfig, FileSinkConfig, FormatConfig, Fsync, Place, SinkConfig, SinkKind};
use crate::risk_event::Stage;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;
const GIB: usize = 1 << 30;

/// The sinks, and for each of these where its path stands, with the key. `names` takes the name of each, also of one that
/// is wrong otherwise.
pub(super) fn sinks(field: Field<'_>, names: &mut BTreeSet<String>) -> (Vec<SinkConfig>, Vec<(Place, String)>) {
    field.require("a list with at least one sink");
    let items = field.some_items("at least one sink is expected");
    let mut has_stdout = false;
    let read = |item: Field<'_>| {
        let path = (item.place_of("path"), format!("{}.path", item.path));
        Some((sink(item.section(), names, &mut has_stdout)?, path))
    };
    items.into_iter().filter_map(read).unzip()
}

fn sink(mut section: Section<'_>, names: &mut BTreeSet<String>, has_stdout: &mut bool) -> Option<SinkConfig> {
    let name = section.take("name").required("a name of its own", label);
    if !name.is_empty() && !names.insert(name.clone()) {
        section.problem("name", format!("{name:?} is the name of an earlier sink; names must be unique"));
    }
    let required = section.take("required").flag(true);
    let stages_field = section.take("stages");
    let has_stages = stages_field.node.is_some();
    let mut stages = stages(stages_field, "names no stage, so the sink would receive nothing");
    let min_severity = min_severity(section.take("min_severity"));
    let detections = section.take("detections").items().into_iter().filter_map(detection).collect();
    let queue_bytes = section.take("queue_bytes").size(64 * KIB..=16 * GIB, 16 * MIB);
    // Without a type, its keys cannot be told from wrong ones.
    let (kind, format, delivery) = kind(&mut section)?;
    if kind == SinkKind::Stdout && std::mem::replace(has_stdout, true) {
        section.problem(
            "type",
            "is stdout again: only one sink can write to standard output; merge it with the other one",
        );
    }
    if matches!(format, FormatConfig::SplunkRisk(_)) && !has_stages {
        stages = vec![Stage::Final];
    }
    section.finish();
    Some(SinkConfig { name, required, stages, min_severity, detections, queue_bytes, format, delivery, kind })
}

/// As the dead letters are called where sinks are named: in `/readyz` and on the status page.
const DEAD_LETTERS: &str = "dead_letter";

/// Sink names are values of a metric label.
fn label(text: &str) -> Result<(), String> {
    if text == DEAD_LETTERS {
        return Err("is what the dead letters are called: another name is expected".to_owned());
    }
    let is_label = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b);
    let is_valid = (1..=63).contains(&text.len()) && text.bytes().all(is_label);
    if is_valid { Ok(()) } else { Err("is no sink's name: 1 to 63 of a-z, 0-9, `_` and `-` are expected".to_owned()) }
}

fn detection(field: Field<'_>) -> Option<String> {
    field.read(|text| one_line(text, 256).map(|()| text.to_owned()))
}

fn kind(section: &mut Section<'_>) -> Option<(SinkKind, FormatConfig, DeliveryConfig)> {
    let field = section.take("type");
    field.require("stdout, file, webhook or splunk_hec");
    let names = ["stdout", "file", "webhook", "splunk_hec"].map(|name| (name, name));
    match field.one_of(&names)? {
        "stdout" => Some((SinkKind::Stdout, FormatConfig::Native, DeliveryConfig::local())),
        "file" => Some((SinkKind::File(file(section)), file_format(section), DeliveryConfig::local())),
        "splunk_hec" => Some(splunk::splunk_hec(section)),
        _ => Some(webhook::webhook(section)),
    }
}

fn file(section: &mut Section<'_>) -> FileSinkConfig {
    let path = section.take("path");
    path.require("the file to append to");
    let path = path.path().unwrap_or_default();
    let rotates = section.take("rotate_bytes");
    let is_rotated = rotates.node.is_some();
    let bytes = rotates.size(64 * KIB..=1024 * GIB, 0);
    let keep = section.take("keep");
    if keep.node.is_some() && !is_rotated {
        section.problem("keep", "has no meaning without rotate_bytes");
    }
    FileSinkConfig {
        path,
        rotate_bytes: is_rotated.then_some(bytes as u64),
        keep: keep.count(1..=1000, 5),
        fsync: section.take("fsync").one_of(&Fsync::ALL.map(|fsync| (fsync.as_str(), fsync))).unwrap_or(Fsync::Always),
    }
}

/// A line has no headers.
fn file_format(section: &mut Section<'_>) -> FormatConfig {
    let format = format(section);
    if matches!(format, FormatConfig::CloudEventsBinary(_)) {
        section.problem("format", "puts half of the risk event into headers, which a file does not have");
    }
    format
}

/// The keys of every sink whose receiver is elsewhere.
pub(super) fn delivery(section: &mut Section<'_>, batch_events: usize) -> DeliveryConfig {
    let default = DeliveryConfig::default();
    let batch = BatchLimit {
        events: section.take("batch_max_events").count(1..=1000, batch_events),
        bytes: section.take("batch_max_bytes").size(KIB..=64 * MIB, default.batch.bytes),
    };
    let delivery = DeliveryConfig {
        retry_min: section.take("retry_min").duration(10 * MILLISECOND..=HOUR, default.retry_min),
        retry_max: section.take("retry_max").duration(10 * MILLISECOND..=HOUR, default.retry_max),
        give_up_after: section.take("give_up_after").duration(SECOND..=30 * DAY, default.give_up_after),
        concurrency: section.take("concurrency").count(1..=64, 4),
        batch,
    };
    if delivery.retry_min > delivery.retry_max {
        section.problem("retry_min", "is longer than retry_max");
    }
    delivery
}
