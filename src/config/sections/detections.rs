//! `detections`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{DAY, HOUR, MINUTE, SECOND, one_line};
use crate::config::field::Field;
use crate::config::reader::Section;
use crate::config::{DetectionSettings, DetectionsConfig};

const WINDOW: RangeInclusive<Duration> = SECOND..=Duration::from_secs(30 * 86_400);
const GRACE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_secs(7 * 86_400);

impl Default for DetectionsConfig {
    /// The defaults, and no detection.
    fn default() -> Self {
        Self {
            paths: Vec::new(),
            macros: None,
            window: HOUR,
            grace: 15 * MINUTE,
            max_future_skew: 5 * MINUTE,
            settings: Vec::new(),
            decode_all: false,
            reload_interval: Some(10 * SECOND),
        }
    }
}

pub(super) fn detections(mut section: Section<'_>) -> DetectionsConfig {
    let default = DetectionsConfig::default();
    let detections = DetectionsConfig {
        paths: paths(section.take("paths")),
        macros: section.take("macros").path(),
        window: section.take("window").duration(WINDOW, default.window),
        grace: section.take("grace").duration(GRACE, default.grace),
        max_future_skew: section.take("max_future_skew").duration(Duration::ZERO..=DAY, default.max_future_skew),
        settings: settings(section.take("settings")),
        decode_all: section.take("decode").one_of(&[("candidates", false), ("all", true)]).unwrap_or_default(),
        reload_interval: section.take("reload_interval").duration_or_off(SECOND..=DAY, default.reload_interval),
    };
    refuse_repeats(&section, &detections.settings);
    section.finish();
    detections
}

fn paths(field: Field<'_>) -> Vec<PathBuf> {
    field.require("a list of detection files, or folders of them,");
    let items = field.some_items("names no detection, so nothing would be detected");
    items.into_iter().filter_map(Field::path).collect()
}

fn settings(field: Field<'_>) -> Vec<DetectionSettings> {
    field.items().into_iter().map(|item| setting(item.section())).collect()
}

fn setting(mut section: Section<'_>) -> DetectionSettings {
    let setting = DetectionSettings {
        detection: section.take("detection").required("the id or the name of a detection", |text| one_line(text, 256)),
        enabled: section.take("enabled").flag(true),
        window: section.take("window").optional_duration(WINDOW),
        grace: section.take("grace").optional_duration(GRACE),
    };
    section.finish();
    setting
}

fn refuse_repeats(section: &Section<'_>, settings: &[DetectionSettings]) {
    let mut seen = BTreeSet::new();
    for setting in settings.iter().filter(|setting| !setting.detection.is_empty()) {
        if !seen.insert(&setting.detection) {
            section.problem("settings", format!("has two entries for {:?}", setting.detection));
        }
    }
}
