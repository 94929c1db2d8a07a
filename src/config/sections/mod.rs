//! What each section of the file holds: its keys, defaults and ranges. The shipped `config/trailrisk.yaml` explains
//! them to operators; a test holds the two together.

mod checkpoint;
mod detections;
mod format;
mod http;
mod lookups;
mod paths;
mod proxy;
mod rest;
mod sinks;
mod source;
mod splunk;
mod tls;
mod url;
mod webhook;

pub(crate) use source::name as source_name;

use std::collections::BTreeSet;
use std::time::Duration;

use super::Config;
use super::field::Field;
use super::reader::Section;
use crate::plan::Severity;
use crate::risk_event::Stage;

/// Reads everything.
pub(super) fn config(mut root: Section<'_>) -> Config {
    let mut sink_names = BTreeSet::new();
    let (sinks, checkpoint, dead_letter) = (root.take("sinks"), root.take("checkpoint"), root.take("dead_letter"));
    let (reader, checkpoint_place) = (sinks.reader, checkpoint.place.clone());
    let dead_letter_place = dead_letter.place_of("path");
    let (sinks, sink_paths) = sinks::sinks(sinks, &mut sink_names);
    let (sources, names_sources) = source::sources(root.take("source"), root.take("sources"));
    let default_scope = sources.first().filter(|_| !names_sources).map_or("", |source| source.stream.name()).to_owned();
    let config = Config {
        detections: detections::detections(root.take("detections").section(), &sink_names),
        sinks,
        dead_letter: rest::dead_letter(dead_letter.section()),
        checkpoint: checkpoint::checkpoint(checkpoint.section(), default_scope),
        limits: rest::limits(root.take("limits").section()),
        admin: rest::admin(root.take("admin").section()),
        log: rest::log(root.take("log").section()),
        shutdown: rest::shutdown(root.take("shutdown").section()),
        sources,
        names_sources,
    };
    root.finish();
    let places = paths::Places { checkpoint: checkpoint_place, dead_letter: dead_letter_place, sinks: sink_paths };
    paths::check(reader, &config, &places);
    config
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(86_400);

/// `stages`: at least one where the key is there; `none` says what an empty list would mean.
fn stages(field: Field<'_>, none: &str) -> Vec<Stage> {
    if field.node.is_none() {
        return Stage::ALL.to_vec();
    }
    let words = Stage::ALL.map(|stage| (stage.as_str(), stage));
    let items = field.some_items(none);
    let stages: BTreeSet<Stage> = items.into_iter().filter_map(|item| item.one_of(&words)).collect();
    stages.into_iter().collect()
}

/// `min_severity`.
fn min_severity(field: Field<'_>) -> Severity {
    let severities = Severity::ALL.map(|severity| (severity.as_str(), severity));
    field.one_of(&severities).unwrap_or(Severity::Informational)
}

/// Refuses texts that are empty, long, or hold control characters.
fn one_line(text: &str, longest: usize) -> Result<(), String> {
    if text.is_empty() {
        return Err("is empty".to_owned());
    }
    if text.chars().count() > longest {
        return Err(format!("is longer than {longest} characters"));
    }
    if text.chars().any(char::is_control) { Err("holds a control character".to_owned()) } else { Ok(()) }
}
