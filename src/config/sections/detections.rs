//! `detections`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{DAY, HOUR, MINUTE, SECOND, lookups, min_severity, one_line, stages};
use crate::config::field::Field;
use crate::config::reader::Section;
use crate::config::{DeliverySettings, DetectionSettings, DetectionsConfig};
use crate::plan::Severity;
use crate::risk_event::Stage;
use crate::spl::did_you_mean;

const WINDOW: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 86_400);
const GRACE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(7 * 86_400);

impl Default for DetectionsConfig {
    /// The defaults, and no detection.
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            macros: Vec::new(),
            lookups: Vec::new(),
            window: HOUR,
            grace: 15 * MINUTE,
            max_future_skew: 5 * MINUTE,
            settings: Vec::new(),
            decode_all: false,
            reload_interval: Some(10 * SECOND),
        }
    }
}

impl Default for DeliverySettings {
    /// Everything is sent.
    fn default() -> Self {
        let (stages, min_severity) = (Stage::ALL.to_vec(), Severity::Informational);
        Self { staged: false, stages, min_severity, sinks: Vec::new() }
    }
}

/// `sinks` are the names of those that there are.
pub(super) fn detections(mut section: Section<'_>, sinks: &BTreeSet<String>) -> DetectionsConfig {
    let default = DetectionsConfig::default();
    let detections = DetectionsConfig {
        paths: paths(section.take("paths")),
        macros: section.take("macros").paths(),
        lookups: lookups::lookups(section.take("lookups")),
        window: section.take("window").duration(WINDOW, default.window),
        grace: section.take("grace").duration(GRACE, default.grace),
        max_future_skew: section.take("max_future_skew").duration(Duration::ZERO..=DAY, default.max_future_skew),
        settings: settings(section.take("settings"), sinks),
        decode_all: section.take("decode").one_of(&[("candidates", false), ("all", true)]).unwrap_or_default(),
        reload_interval: section.take("reload_interval").duration_or_off(SECOND..=DAY, default.reload_interval),
    };
    section.finish();
    detections
}

fn paths(field: Field<'_>) -> Vec<PathBuf> {
    field.require("a list of detection files, or folders of them,");
    let items = field.some_items("names no detection, so nothing would be detected");
    items.into_iter().filter_map(Field::path).collect()
}

fn settings(field: Field<'_>, sinks: &BTreeSet<String>) -> Vec<DetectionSettings> {
    let mut seen = BTreeSet::new();
    field.items().into_iter().map(|item| setting(item.section(), sinks, &mut seen)).collect()
}

fn setting(mut section: Section<'_>, sinks: &BTreeSet<String>, seen: &mut BTreeSet<String>) -> DetectionSettings {
    let detection = section.take("detection");
    let place = detection.place.clone();
    let setting = DetectionSettings {
        place,
        detection: detection.required("the id or the name of a detection", |text| one_line(text, 256)),
        enabled: section.take("enabled").flag(true),
        window: section.take("window").optional_duration(WINDOW),
        grace: section.take("grace").optional_duration(GRACE),
        delivery: DeliverySettings {
            staged: section.take("staged").flag(false),
            stages: stages(section.take("stages"), "names no stage; `staged: true` sends nothing"),
            min_severity: min_severity(section.take("min_severity")),
            sinks: sink_names(section.take("sinks"), sinks),
        },
    };
    if !setting.detection.is_empty() && !seen.insert(setting.detection.clone()) {
        section.problem("detection", format!("{:?} has an earlier entry; one is expected", setting.detection));
    }
    section.finish();
    setting
}

fn sink_names(field: Field<'_>, known: &BTreeSet<String>) -> Vec<String> {
    let mut named = BTreeSet::new();
    let check = |text: &str, named: &mut BTreeSet<String>| {
        if !known.contains(text) {
            let names: Vec<_> = known.iter().map(String::as_str).collect();
            let near = did_you_mean(text, names.iter().copied());
            return Err(format!("is no sink of this configuration: {} is expected{near}", names.join(" or ")));
        }
        if named.insert(text.to_owned()) { Ok(text.to_owned()) } else { Err("is named twice".to_owned()) }
    };
    field.items().into_iter().filter_map(|item| item.read(|text| check(text, &mut named))).collect()
}
