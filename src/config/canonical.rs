//! The configuration as it is in force, without its secrets, and a hash of that: whether two daemons run the same.

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::units::{show_duration, show_size};
use super::{
    AuthConfig, CheckpointConfig, CheckpointStoreConfig, Config, DeadLetterConfig, DeliveryConfig, DetectionSettings,
    DetectionsConfig, FileSinkConfig, FormatConfig, HttpConfig, LimitsConfig, LogFormat, LookupConfig, ReaderConfig,
    S3Config, SinkConfig, SinkKind, SourceConfig, SplunkHecConfig, StartConfig, StreamRef, TableConfig, TlsConfig,
    WebhookConfig,
};
use crate::risk_event::Stage;

/// Stands for every secret, so that rotating one changes no hash.
const HIDDEN: &str = "<secret>";

impl Config {
    /// Every key with the value in force, defaults included, keys sorted. Secrets are replaced; of a webhook's URL only
    /// scheme, host and port are shown, since the rest often is one.
    pub fn canonical(&self) -> Value {
        let format = match self.log.format {
            LogFormat::Json => "json",
            LogFormat::Text => "text",
        };
        let mut canonical = json!({
            "detections": detections(&self.detections),
            "sinks": self.sinks.iter().map(sink).collect::<Vec<_>>(),
            "dead_letter": dead_letter(&self.dead_letter),
            "checkpoint": checkpoint(&self.checkpoint),
            "limits": limits(&self.limits),
            "admin": {"listen": self.admin.listen.to_string(), "status_events": self.admin.status_events},
            "log": {"level": self.log.level, "format": format},
            "shutdown": {"drain_deadline": show_duration(self.shutdown.drain_deadline)},
        });
        let sources: Vec<Value> = self.sources.iter().map(source).collect();
        match &*sources {
            [only] if !self.names_sources => canonical["source"] = only.clone(),
            _ => canonical["sources"] = sources.into(),
        }
        canonical
    }

    /// The first 12 hexadecimal digits of the SHA-256 over the canonical form.
    pub fn hash(&self) -> String {
        let digest = Sha256::digest(sorted(self.canonical()).to_string());
        digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Keys in order, whatever map `serde_json` was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

fn checkpoint(checkpoint: &CheckpointConfig) -> Value {
    let interval = show_duration(checkpoint.interval);
    match &checkpoint.store {
        CheckpointStoreConfig::Memory => json!({"store": "memory", "path": null, "interval": interval}),
        CheckpointStoreConfig::File(path) => json!({"store": "file", "path": path, "interval": interval}),
        CheckpointStoreConfig::DynamoDb(TableConfig { table, scope, lease_duration, region, endpoint_url }) => json!({
            "store": "dynamodb",
            "table": table,
            "scope": scope,
            "lease_duration": show_duration(*lease_duration),
            "region": region,
            "endpoint_url": endpoint_url,
            "interval": interval,
        }),
    }
}

fn source(source: &SourceConfig) -> Value {
    let stream = match &source.stream {
        StreamRef::Name(text) | StreamRef::Arn(text) => text,
    };
    let start = match source.start {
        StartConfig::Latest => json!("latest"),
        StartConfig::TrimHorizon => json!("trim_horizon"),
        StartConfig::AtTimestamp(at) => json!({"at_timestamp": at.to_string()}),
    };
    let (consumer, register) = match &source.reader {
        ReaderConfig::Polling => (None, false),
        ReaderConfig::FanOut { consumer, register } => (Some(consumer.as_str()), *register),
    };
    json!({
        "name": source.name,
        "stream": stream,
        "region": source.region,
        "endpoint_url": source.endpoint_url,
        "role_arn": source.role.as_ref().map(|role| &role.arn),
        "external_id": source.role.as_ref().map(|role| &role.external_id),
        "start": start,
        "reader": source.reader.as_str(),
        "consumer": consumer,
        "register_consumer": register,
        "hash_range_check": source.hash_range_check.as_str(),
        "protocol": source.protocol.as_str(),
        "poll_interval": show_duration(source.poll_interval),
        "idle_poll_interval": show_duration(source.idle_poll_interval),
        "tip_slack": show_duration(source.tip_slack),
        "stalled_after": show_duration(source.stalled_after),
        "request_timeout": show_duration(source.request_timeout),
        "list_interval": show_duration(source.list_interval),
        "outage_budget": show_duration(source.outage_budget),
    })
}

fn detections(detections: &DetectionsConfig) -> Value {
    json!({
        "paths": detections.paths,
        "macros": detections.macros,
        "lookups": detections.lookups.iter().map(lookup).collect::<Map<_, _>>(),
        "window": show_duration(detections.window),
        "grace": show_duration(detections.grace),
        "max_future_skew": show_duration(detections.max_future_skew),
        "settings": detections.settings.iter().map(setting).collect::<Vec<_>>(),
        "decode": if detections.decode_all { "all" } else { "candidates" },
        "reload_interval": detections.reload_interval.map_or("off".to_owned(), show_duration),
    })
}

fn lookup(lookup: &LookupConfig) -> (String, Value) {
    let value = json!({
        "path": lookup.path,
        "case_sensitive_match": lookup.case_sensitive,
        "match_type": lookup.match_types,
        "max_matches": lookup.max_matches,
        "default_match": lookup.default_match,
    });
    (lookup.name.clone(), value)
}

fn setting(setting: &DetectionSettings) -> Value {
    json!({
        "detection": setting.detection,
        "enabled": setting.enabled,
        "window": setting.window.map(show_duration),
        "grace": setting.grace.map(show_duration),
        "staged": setting.delivery.staged,
        "stages": names_of(&setting.delivery.stages),
        "min_severity": setting.delivery.min_severity.as_str(),
        "sinks": setting.delivery.sinks,
    })
}

fn sink(sink: &SinkConfig) -> Value {
    let common = json!({
        "name": sink.name,
        "required": sink.required,
        "stages": names_of(&sink.stages),
        "min_severity": sink.min_severity.as_str(),
        "detections": sink.detections,
        "queue_bytes": show_size(sink.queue_bytes),
    });
    let kind = match &sink.kind {
        SinkKind::Stdout => vec![json!({"type": "stdout"})],
        SinkKind::File(config) => vec![file(config), format(&sink.format)],
        SinkKind::SplunkHec(config) => {
            vec![splunk_hec(config), http(&config.http), envelope(&sink.format), delivery(&sink.delivery)]
        }
        SinkKind::Webhook(webhook) => {
            vec![self::webhook(webhook), http(&webhook.http), format(&sink.format), delivery(&sink.delivery)]
        }
    };
    let keys = std::iter::once(common).chain(kind).flat_map(|value| match value {
        Value::Object(keys) => keys,
        _ => Map::new(),
    });
    Value::Object(keys.collect())
}

/// Whether it signs, not with how many secrets: rotating them changes no hash.
fn webhook(config: &WebhookConfig) -> Value {
    let auth = match &config.auth {
        None => Value::Null,
        Some(AuthConfig::Bearer(_)) => json!({"bearer": HIDDEN}),
        Some(AuthConfig::Basic { .. }) => json!({"basic": {"user": HIDDEN, "password": HIDDEN}}),
    };
    json!({"type": "webhook", "signing_secrets": config.signing_keys.first().map(|_| HIDDEN), "auth": auth})
}

fn splunk_hec(config: &SplunkHecConfig) -> Value {
    json!({
        "type": "splunk_hec",
        "token": HIDDEN,
        "acknowledgement": config.acknowledgement,
        "acknowledgement_timeout": show_duration(config.acknowledgement_timeout),
    })
}

fn envelope(format: &FormatConfig) -> Value {
    let (variant, envelope) = match format {
        FormatConfig::SplunkEvent(envelope) => ("event", envelope),
        FormatConfig::SplunkRisk(envelope) => ("risk", envelope),
        _ => return json!({}),
    };
    json!({
        "variant": variant,
        "index": envelope.index,
        "source": envelope.source,
        "sourcetype": envelope.sourcetype,
        "host": envelope.host,
    })
}

fn format(format: &FormatConfig) -> Value {
    let version = if let FormatConfig::Ocsf(version) = format { Some(version.as_str()) } else { None };
    let source = match format {
        FormatConfig::CloudEvents(config) | FormatConfig::CloudEventsBinary(config) => config.source.as_deref(),
        _ => None,
    };
    let template = if let FormatConfig::Template(template) = format { Some(template) } else { None };
    let names = template.iter().flat_map(|template| &template.values);
    let values: Map<String, Value> = names.map(|(name, _)| (name.clone(), json!(HIDDEN))).collect();
    json!({
        "format": format.as_str(),
        "ocsf_version": version,
        "cloudevents_source": source,
        "template": template.map(|template| &template.path),
        "template_values": values,
    })
}

fn names_of(stages: &[Stage]) -> Vec<&'static str> {
    stages.iter().map(|stage| stage.as_str()).collect()
}

fn file(file: &FileSinkConfig) -> Value {
    json!({
        "type": "file",
        "path": file.path,
        "rotate_bytes": file.rotate_bytes.map(show_bytes),
        "keep": file.keep,
        "fsync": file.fsync.as_str(),
    })
}

fn dead_letter(config: &DeadLetterConfig) -> Value {
    match config {
        DeadLetterConfig::File(path) => json!({"type": "file", "path": path}),
        DeadLetterConfig::Stdout => json!({"type": "stdout"}),
        DeadLetterConfig::S3(S3Config { bucket, prefix, region, endpoint_url }) => json!({
            "type": "s3", "url": format!("s3://{bucket}/{prefix}"), "region": region, "endpoint_url": endpoint_url,
        }),
    }
}

fn show_bytes(bytes: u64) -> String {
    show_size(usize::try_from(bytes).unwrap_or(usize::MAX))
}

fn delivery(delivery: &DeliveryConfig) -> Value {
    json!({
        "retry_min": show_duration(delivery.retry_min),
        "retry_max": show_duration(delivery.retry_max),
        "give_up_after": show_duration(delivery.give_up_after),
        "concurrency": delivery.concurrency,
        "batch_max_events": delivery.batch.events,
        "batch_max_bytes": show_size(delivery.batch.bytes),
    })
}

fn http(http: &HttpConfig) -> Value {
    let headers: Map<String, Value> = http.headers.iter().map(|(name, _)| (name.clone(), json!(HIDDEN))).collect();
    json!({
        "url": origin(&http.url),
        "allow_http": http.allow_http,
        "allow_private": http.allow_private,
        "headers": headers,
        "timeout": show_duration(http.timeout),
        "compression": http.compression.as_str(),
        "tls": tls(&http.tls),
        "proxy": if http.proxy.is_some() { "environment" } else { "none" },
    })
}

/// Whether there are certificates, not which: renewing one changes no hash.
fn tls(tls: &TlsConfig) -> Value {
    let identity = tls.identity.as_ref().map(|_| HIDDEN);
    json!({
        "ca_certificate": tls.ca_certificate.as_ref().map(|_| HIDDEN),
        "client_certificate": identity,
        "client_key": identity,
    })
}

fn origin(url: &str) -> String {
    let origin = reqwest::Url::parse(url).map(|url| url.origin().ascii_serialization());
    origin.map_or_else(|_| HIDDEN.to_owned(), |origin| format!("{origin}/{HIDDEN}"))
}

fn limits(limits: &LimitsConfig) -> Value {
    json!({
        "read_buffer_bytes": show_size(limits.read_buffer_bytes),
        "max_state_bytes": show_size(limits.max_state_bytes),
        "max_inflated_bytes": show_size(limits.max_inflated_bytes),
        "max_ids_per_group": limits.max_ids_per_group,
        "max_values": limits.max_values,
        "max_distinct_values": limits.max_distinct_values,
        "max_evidence": limits.max_evidence,
        "sampling_key": limits.sampling_key.as_ref().map(|_| HIDDEN),
    })
}
