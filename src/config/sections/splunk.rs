//! `type: splunk_hec`.

use super::http::{header_value, http};
use super::sinks::delivery;
use super::{HOUR, MINUTE, SECOND, one_line};
use crate::config::field::Field;
use crate::config::reader::Section;
use crate::config::{DeliveryConfig, FormatConfig, Secret, SinkKind, SplunkEnvelope, SplunkHecConfig};

/// The collector takes batches well; Splunk's own clients send some hundred events at once.
const BATCH_EVENTS: usize = 100;

#[derive(Clone, Copy)]
enum Variant {
    Event,
    Risk,
}

pub(super) fn splunk_hec(section: &mut Section<'_>) -> (SinkKind, FormatConfig, DeliveryConfig) {
    let token = section.take("token").never_shown().required("the collector's token", header_value);
    let variant = section.take("variant").one_of(&[("event", Variant::Event), ("risk", Variant::Risk)]);
    let envelope = SplunkEnvelope {
        index: name(section.take("index")),
        source: name(section.take("source")),
        sourcetype: name(section.take("sourcetype")),
        host: name(section.take("host")),
    };
    let config = SplunkHecConfig {
        http: http(section),
        token: Secret(token),
        acknowledgement: section.take("acknowledgement").flag(false),
        acknowledgement_timeout: section.take("acknowledgement_timeout").duration(SECOND..=HOUR, MINUTE),
    };
    if config.http.has_authorization() {
        section.problem("headers", "holds Authorization, which the token sets already: Splunk would get two");
    }
    let format = match variant.unwrap_or(Variant::Event) {
        Variant::Event => FormatConfig::SplunkEvent(envelope),
        Variant::Risk => FormatConfig::SplunkRisk(envelope),
    };
    (SinkKind::SplunkHec(config), format, delivery(section, BATCH_EVENTS))
}

fn name(field: Field<'_>) -> Option<String> {
    field.read(|text| one_line(text, 256).map(|()| text.to_owned()))
}
