//! `format`: how a risk event is written for its receiver. Deliberately absent: the writing (`sink::format`).

use super::{SplunkEnvelope, TemplateConfig};

/// `format`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum FormatConfig {
    /// `native`: the risk event as `trailrisk.risk_event/v1`.
    #[default]
    Native,
    /// `ocsf`: a Detection Finding of `ocsf_version`.
    Ocsf(OcsfVersion),
    /// `cloudevents`: a CloudEvent in JSON, the native risk event its data.
    CloudEvents(CloudEventsConfig),
    /// `cloudevents_binary`: the native risk event, a CloudEvent's attributes in the headers.
    CloudEventsBinary(CloudEventsConfig),
    /// `template`: what the operator's template writes.
    Template(TemplateConfig),
    /// `type: splunk_hec` with `variant: event`: the native risk event in the collector's envelope.
    SplunkEvent(SplunkEnvelope),
    /// `type: splunk_hec` with `variant: risk`: events of the risk index.
    SplunkRisk(SplunkEnvelope),
}

impl FormatConfig {
    /// As the configuration names it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Ocsf(_) => "ocsf",
            Self::CloudEvents(_) => "cloudevents",
            Self::CloudEventsBinary(_) => "cloudevents_binary",
            Self::Template(_) => "template",
            Self::SplunkEvent(_) => "splunk_event",
            Self::SplunkRisk(_) => "splunk_risk",
        }
    }
}

/// `ocsf_version`: which version of the schema the findings follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum OcsfVersion {
    /// 1.1.0.
    V1_1_0,
    /// 1.5.0.
    V1_5_0,
    /// 1.8.0.
    #[default]
    V1_8_0,
}

impl OcsfVersion {
    /// Every version, descending.
    pub const ALL: [Self; 3] = [Self::V1_8_0, Self::V1_5_0, Self::V1_1_0];

    /// As it is written in `metadata.version`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_1_0 => "1.1.0",
            Self::V1_5_0 => "1.5.0",
            Self::V1_8_0 => "1.8.0",
        }
    }
}

/// What CloudEvents ask of a deployment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CloudEventsConfig {
    /// `cloudevents_source`: the attribute `source`, a URI reference; default `urn:trailrisk:<stream>`.
    pub source: Option<String>,
}
