//! How a risk event is written for the outside: serialisation lives at this edge and nowhere else.

mod cloudevents;
mod escape;
mod json;
pub mod native;
mod ocsf;
#[cfg(test)]
pub(super) mod schema;
mod splunk;
mod template;
mod value;

use tokio_util::bytes::Bytes;

pub(super) use escape::to_json;

use self::template::Template;
use super::queue::Delivery;
use crate::config::{CloudEventsConfig, FormatConfig, OcsfVersion, SplunkEnvelope};
use crate::risk_event::RiskEvent;

const JSON: &str = "application/json";

/// How one sink writes risk events.
#[derive(Clone, Debug)]
pub enum BodyFormat {
    /// The native line.
    Native,
    /// A Detection Finding.
    Ocsf(OcsfVersion),
    /// A CloudEvent in JSON.
    CloudEvents(CloudEventsConfig),
    /// A CloudEvent in headers and body.
    CloudEventsBinary(CloudEventsConfig),
    /// What a template writes.
    Template(Template),
    /// The native risk event for Splunk's collector.
    SplunkEvent(SplunkEnvelope),
    /// Events of Splunk's risk index, several lines or none.
    SplunkRisk(SplunkEnvelope),
}

/// One risk event as one sink sends it.
#[derive(Clone, Debug)]
pub struct Body {
    /// One line without its newline. For Splunk's risk index, several lines or none.
    pub bytes: Bytes,
    /// The media type.
    pub content_type: &'static str,
    /// What belongs to it in an HTTP request; visible ASCII.
    pub headers: Vec<(&'static str, String)>,
}

impl BodyFormat {
    /// From its configuration.
    ///
    /// # Errors
    /// What is wrong with a template, and where.
    pub fn of(config: &FormatConfig) -> Result<Self, String> {
        Ok(match config {
            FormatConfig::Native => Self::Native,
            FormatConfig::Ocsf(version) => Self::Ocsf(*version),
            FormatConfig::CloudEvents(config) => Self::CloudEvents(config.clone()),
            FormatConfig::CloudEventsBinary(config) => Self::CloudEventsBinary(config.clone()),
            FormatConfig::Template(config) => Self::Template(Template::load(config)?),
            FormatConfig::SplunkEvent(envelope) => Self::SplunkEvent(envelope.clone()),
            FormatConfig::SplunkRisk(envelope) => Self::SplunkRisk(envelope.clone()),
        })
    }

    /// The body of an event, whose native line is there already.
    ///
    /// # Errors
    /// Why the format does not fit this event; no text of the event.
    pub fn body(&self, event: &RiskEvent, meta: &native::Meta<'_>, line: &Bytes) -> Result<Body, String> {
        Ok(match self {
            Self::Native => Body::native(line),
            Self::Ocsf(version) => Body::json(ocsf::body(event, meta, *version)),
            Self::CloudEvents(config) => cloudevents::structured(event, meta, config, &Body::native(line)),
            Self::CloudEventsBinary(config) => cloudevents::binary(event, meta, config, Body::native(line)),
            Self::Template(template) => Body::json(template.body(line)?),
            Self::SplunkEvent(envelope) => Body::json(splunk::event(event, envelope, &Body::native(line))),
            Self::SplunkRisk(envelope) => {
                splunk::check_risk_bytes(event, line.len())?;
                Body::json(splunk::risk_lines(event, meta, envelope))
            }
        })
    }
}

impl Body {
    /// Shares the line's memory.
    pub(super) fn native(line: &Bytes) -> Self {
        Self { bytes: line.slice(..line.trim_ascii_end().len()), content_type: JSON, headers: Vec::new() }
    }

    fn json(bytes: Vec<u8>) -> Self {
        Self { bytes: bytes.into(), content_type: JSON, headers: Vec::new() }
    }
}

/// The bodies of a batch as lines.
pub(super) fn lines(batch: &[Delivery]) -> Vec<u8> {
    let mut lines = Vec::with_capacity(batch.iter().map(|delivery| delivery.body.bytes.len() + 1).sum());
    for delivery in batch {
        lines.extend_from_slice(&delivery.body.bytes);
        lines.push(b'\n');
    }
    lines
}

/// The bodies of a batch as lines, without those that are empty.
pub(super) fn lines_of_some(batch: &[Delivery]) -> Vec<u8> {
    let bodies = batch.iter().map(|delivery| &*delivery.body.bytes).filter(|bytes| !bytes.is_empty());
    bodies.collect::<Vec<_>>().join(&b'\n')
}

/// How many lines a body is.
pub(super) fn lines_in(body: &Body) -> usize {
    body.bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
}

/// The media type of [`array`].
pub(super) fn array_content_type(batch: &[Delivery]) -> &'static str {
    match batch.first().map(|delivery| delivery.body.content_type) {
        Some("application/cloudevents+json") => "application/cloudevents-batch+json",
        _ => JSON,
    }
}

/// The bodies of a batch as a JSON array.
pub(super) fn array(batch: &[Delivery]) -> Vec<u8> {
    let mut array = Vec::with_capacity(batch.iter().map(|delivery| delivery.body.bytes.len() + 1).sum::<usize>() + 1);
    for (index, delivery) in batch.iter().enumerate() {
        array.push(if index == 0 { b'[' } else { b',' });
        array.extend_from_slice(&delivery.body.bytes);
    }
    array.push(b']');
    array
}

#[cfg(test)]
mod tests;
