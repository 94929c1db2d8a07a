//! `type: splunk_hec`.

use std::time::Duration;

use super::{HttpConfig, Secret};

/// Splunk's HTTP Event Collector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplunkHecConfig {
    /// Where to, and how to get there; the collector's paths are added.
    pub http: HttpConfig,
    /// `token`.
    pub token: Secret,
    /// `acknowledgement`: the token has indexer acknowledgement. Default false.
    pub acknowledgement: bool,
    /// `acknowledgement_timeout`: how long it may take until a batch is sent again; default 1 min.
    pub acknowledgement_timeout: Duration,
}

/// What stands beside an event in the collector's envelope; Splunk has defaults for what is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SplunkEnvelope {
    /// `index`; default that of the token.
    pub index: Option<String>,
    /// `source`; default `trailrisk`, or with `variant: risk` the name of Splunk's search.
    pub source: Option<String>,
    /// `sourcetype`; default `trailrisk:risk_event`, or with `variant: risk` that of the token.
    pub sourcetype: Option<String>,
    /// `host`; default what Splunk sees.
    pub host: Option<String>,
}
