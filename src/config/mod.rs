//! Configuration: the file's shape, read into what the parts need. Every problem is reported at once, nothing is bound
//! or opened yet.
//!
//! Order: defaults < file < environment (`TRAILRISK_SOURCE__STREAM` for `source.stream`) < flags. Unknown keys are
//! refused. `${NAME}` and `${file:PATH}` in a value stand for a secret, which no refusal of the value repeats.

mod canonical;
mod detections;
mod difference;
mod environment;
mod field;
mod format;
mod http;
mod kinesis;
mod node;
mod problem;
mod read;
mod reader;
mod sections;
mod sources;
mod splunk;
mod substitute;
mod template;
#[cfg(test)]
mod tests;
mod units;
mod webhook;

pub use detections::{DeliverySettings, DetectionSettings, DetectionsConfig, LookupConfig};
pub use environment::{Environment, Overrides};
pub use format::{CloudEventsConfig, FormatConfig, OcsfVersion};
pub use http::{Compression, HttpConfig, ProxyConfig, TlsConfig};
pub use kinesis::{ConsumerRef, HashRangeCheck, ProtocolConfig, ReaderConfig, RoleConfig, StartConfig};
pub use problem::{ConfigError, Place, Problem};
pub use read::{admin_listen, parse, read, without_file};
pub(crate) use sections::source_name;
pub use sources::SourceNameError;
pub use splunk::{SplunkEnvelope, SplunkHecConfig};
pub use template::TemplateConfig;
pub(crate) use units::{duration, show_size};
pub use webhook::{AuthConfig, SigningKey, WebhookConfig};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::plan::Severity;
use crate::risk_event::Stage;

/// The JSON Schema of the file, which editors use. Tests hold it to the reader, key by key; only the reader decides.
pub const SCHEMA: &str = include_str!("../../docs/configuration.schema.json");

/// The whole configuration, validated.
#[derive(Clone, Debug)]
pub struct Config {
    /// `source`, or the items of `sources`: at least one, no two of one name.
    pub sources: Vec<SourceConfig>,
    /// Whether it is a list (`sources`): then whatever belongs to one of them carries its name.
    pub names_sources: bool,
    /// `detections`, `macros`, and what applies to every detection.
    pub detections: DetectionsConfig,
    /// `sinks`, in the file's order; at least one.
    pub sinks: Vec<SinkConfig>,
    /// `dead_letter`.
    pub dead_letter: DeadLetterConfig,
    /// `checkpoint`.
    pub checkpoint: CheckpointConfig,
    /// `limits`.
    pub limits: LimitsConfig,
    /// `admin`.
    pub admin: AdminConfig,
    /// `log`.
    pub log: LogConfig,
    /// `shutdown`.
    pub shutdown: ShutdownConfig,
}

/// `source`, or one of `sources`: a Kinesis stream.
#[derive(Clone, Debug)]
pub struct SourceConfig {
    /// `name`: the logical source, part of every id (EM-3); default the stream's name.
    pub name: String,
    /// `stream`: name or ARN.
    pub stream: StreamRef,
    /// `region`, or that of the stream's ARN; otherwise the SDK's standard chain.
    pub region: Option<String>,
    /// `endpoint_url`: for an emulator or a VPC endpoint.
    pub endpoint_url: Option<String>,
    /// `role_arn` with its `external_id`: a role to assume for the stream, such as one of the account that it is in.
    pub role: Option<RoleConfig>,
    /// `start`: where a stream without a checkpoint is begun.
    pub start: StartConfig,
    /// `reader`, with `consumer` and `register_consumer`; default polling.
    pub reader: ReaderConfig,
    /// `hash_range_check` of user records in KPL aggregates; default `auto`.
    pub hash_range_check: HashRangeCheck,
    /// `protocol`: who reads the answers of `GetRecords`; default `own`.
    pub protocol: ProtocolConfig,
    /// `poll_interval`: pause between reads at the tip; at least 200 ms, default 1 s.
    pub poll_interval: Duration,
    /// `idle_poll_interval`: the longest pause between reads of a shard that brings nothing; not below `poll_interval`,
    /// default twice that.
    pub idle_poll_interval: Duration,
    /// `tip_slack` (semantics 1), default 5 s.
    pub tip_slack: Duration,
    /// `stalled_after` (RD-3), default 60 s.
    pub stalled_after: Duration,
    /// `request_timeout` of one attempt, default 10 s.
    pub request_timeout: Duration,
    /// `list_interval`: pause between listings of the shards, default 60 s.
    pub list_interval: Duration,
    /// `outage_budget` (CP-8): how long an outage must be survivable within the stream's retention; default 4 h.
    pub outage_budget: Duration,
}

/// A stream by name or ARN.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamRef {
    /// By name.
    Name(String),
    /// By ARN (across accounts).
    Arn(String),
}

impl StreamRef {
    /// The stream's name: of an ARN, what follows `stream/`.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Arn(arn) => arn.rsplit('/').next().unwrap_or(arn),
        }
    }
}

/// One sink.
#[derive(Clone, Debug, PartialEq)]
pub struct SinkConfig {
    /// `name`: a metric label, unique.
    pub name: String,
    /// `required` (CP-7), default true.
    pub required: bool,
    /// `stages`, default both.
    pub stages: Vec<Stage>,
    /// `min_severity`, default informational.
    pub min_severity: Severity,
    /// `detections`: ids or names; empty means all.
    pub detections: Vec<String>,
    /// `queue_bytes`: what its queue may hold, default 16 MiB.
    pub queue_bytes: usize,
    /// `format`: how a risk event is written for it.
    pub format: FormatConfig,
    /// How it delivers.
    pub delivery: DeliveryConfig,
    /// `type` and what belongs to it.
    pub kind: SinkKind,
}

/// The kinds of sink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkKind {
    /// One JSON object a line on standard output.
    Stdout,
    /// One JSON object a line in a file.
    File(FileSinkConfig),
    /// POST to a URL.
    Webhook(WebhookConfig),
    /// Splunk's HTTP Event Collector.
    SplunkHec(SplunkHecConfig),
}

impl SinkKind {
    /// The word of the configuration.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::File(_) => "file",
            Self::Webhook(_) => "webhook",
            Self::SplunkHec(_) => "splunk_hec",
        }
    }
}

/// How a sink delivers. What is written here (standard output, a file) has no such keys:
/// see [`DeliveryConfig::local`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeliveryConfig {
    /// `retry_min`: upper bound of the first pause, default 500 ms.
    pub retry_min: Duration,
    /// `retry_max`: longest pause, default 60 s.
    pub retry_max: Duration,
    /// `give_up_after`, of a best-effort sink: then dead letter; default 1 h.
    pub give_up_after: Duration,
    /// `concurrency`: attempts at the same time; events of one id stay in order. Default 1.
    pub concurrency: usize,
    /// `batch_max_events` and `batch_max_bytes`: what one attempt may carry.
    pub batch: BatchLimit,
}

/// What one attempt may carry. It carries what is waiting at that moment: nothing is held back to fill a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimit {
    /// At least 1, which is the default.
    pub events: usize,
    /// Bytes of their bodies; a larger event goes alone. Default 1 MiB.
    pub bytes: usize,
}

impl Default for BatchLimit {
    fn default() -> Self {
        Self { events: 1, bytes: 1 << 20 }
    }
}

impl DeliveryConfig {
    /// Of a sink that writes to this host: it fails where a full disk is behind it.
    pub fn local() -> Self {
        let batch = BatchLimit { events: 1000, ..BatchLimit::default() };
        Self { retry_max: Duration::from_secs(30), batch, ..Self::default() }
    }
}

impl Default for DeliveryConfig {
    fn default() -> Self {
        Self {
            retry_min: Duration::from_millis(500),
            retry_max: Duration::from_secs(60),
            give_up_after: Duration::from_secs(3600),
            concurrency: 1,
            batch: BatchLimit::default(),
        }
    }
}

/// `type: file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSinkConfig {
    /// `path`; no two sinks have the same.
    pub path: PathBuf,
    /// `rotate_bytes`: the file is moved to `<path>.1` before it grows beyond; none: it is never moved.
    pub rotate_bytes: Option<u64>,
    /// `keep`: how many moved files are kept, default 5.
    pub keep: usize,
    /// `fsync`.
    pub fsync: Fsync,
}

/// `fsync`: when a file's lines survive a crash of the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fsync {
    /// `always`, the default: before they are acknowledged.
    Always,
    /// `interval`: a second later.
    Interval,
    /// `never`: when the system writes them.
    Never,
}

impl Fsync {
    /// Every policy.
    pub const ALL: [Self; 3] = [Self::Always, Self::Interval, Self::Never];

    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Interval => "interval",
            Self::Never => "never",
        }
    }
}

/// A text that is never shown: its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<secret>")
    }
}

/// `dead_letter`: where goes what cannot be decoded, or is refused by a receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterConfig {
    /// `type: file`: an append-only NDJSON file at `path`, default `/var/lib/trailrisk/dead-letters.ndjson`.
    File(PathBuf),
    /// `type: stdout`: standard output, also beside a stdout sink; `schema` tells the lines apart.
    Stdout,
    /// `type: s3`: objects of a bucket.
    S3(S3Config),
}

/// `type: s3`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Config {
    /// `url`: `s3://bucket/prefix`.
    pub bucket: String,
    /// What every key begins with; no slash at either end, may be empty.
    pub prefix: String,
    /// `region`; otherwise the SDK's standard chain.
    pub region: Option<String>,
    /// `endpoint_url`: for an emulator or a VPC endpoint.
    pub endpoint_url: Option<String>,
}

/// `checkpoint`.
#[derive(Clone, Debug)]
pub struct CheckpointConfig {
    /// `store`.
    pub store: CheckpointStoreConfig,
    /// `interval` between checkpoints, default 5 s.
    pub interval: Duration,
}

/// Where checkpoints are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckpointStoreConfig {
    /// `memory`: gone with the process.
    Memory,
    /// `file` with its `path`, default `/var/lib/trailrisk/checkpoint.json`.
    File(PathBuf),
    /// `dynamodb`: items of a table, under a lease.
    DynamoDb(TableConfig),
}

/// `store: dynamodb`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableConfig {
    /// `table`: its name or ARN.
    pub table: String,
    /// `scope`: what the keys of the items begin with, default the stream's name. Where sources are named, what their names
    /// are put behind, empty by default.
    pub scope: String,
    /// `lease_duration`: how long a process that ended without a word is waited for, default 20 s.
    pub lease_duration: Duration,
    /// `region`; otherwise the SDK's standard chain.
    pub region: Option<String>,
    /// `endpoint_url`: for an emulator or a VPC endpoint.
    pub endpoint_url: Option<String>,
}

/// `limits` (BD).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitsConfig {
    /// `read_buffer_bytes`: records between the reads and the engine (BD-1), default 64 MiB.
    pub read_buffer_bytes: usize,
    /// `max_state_bytes` (BD-2), default 1 GiB.
    pub max_state_bytes: usize,
    /// `max_inflated_bytes` of one record, default 64 MiB.
    pub max_inflated_bytes: usize,
    /// `max_ids_per_group` (AG-2), default 100,000.
    pub max_ids_per_group: usize,
    /// `max_values` that a `values()` shows (BD-3), default 100.
    pub max_values: usize,
    /// `max_distinct_values` that a `dc()` counts exactly (BD-3), default 10,000.
    pub max_distinct_values: usize,
    /// `max_evidence` events in a risk event, default 10.
    pub max_evidence: usize,
    /// `sampling_key`: the key of the hash that chooses which values are shown (BD-3); default derived from
    /// `source.name`, so that replay agrees with live.
    pub sampling_key: Option<Secret>,
}

/// `admin`: the port of the status page, `/metrics`, `/livez`, `/readyz`.
#[derive(Clone, Debug)]
pub struct AdminConfig {
    /// `listen`, default 127.0.0.1:9464; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `status_events`: whether the status page shows recent risk events, default false.
    pub status_events: bool,
}

/// `log`.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `level`: a tracing filter, default `info`.
    pub level: String,
    /// `format`.
    pub format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `shutdown`.
#[derive(Clone, Debug)]
pub struct ShutdownConfig {
    /// `drain_deadline` (ST-1), default 20 s: below the 30 s of ECS and EKS.
    pub drain_deadline: Duration,
}
