//! What is shown, as plain data with stable names: `docs/status.md` documents every field.
//!
//! Instants are RFC 3339 in UTC, durations are seconds. A field that does not apply is null.

mod detection;

use serde::{Deserialize, Serialize};

pub use detection::{Delivery, Detection, DetectionState, NullField, OpenWindows, RecentEvent};

use super::History;

/// The whole answer of `/api/status`, and all that the page is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// `trailrisk.status/v1`.
    pub schema: String,
    /// The verdict.
    pub health: Health,
    /// What is wrong, the worst first: the page's headline is the first one's text. Empty where nothing is.
    pub findings: Vec<Finding>,
    /// Every check of `/readyz`.
    pub checks: Vec<Check>,
    /// Age of the figures: how long ago the pipeline published them.
    pub age_seconds: f64,
    /// The figures.
    #[serde(flatten)]
    pub snapshot: Snapshot,
}

/// The verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing is wrong.
    Healthy,
    /// It begins, catches up with what an earlier process had done, or stops: nothing to do.
    Transition,
    /// Somebody should look.
    Attention,
    /// Somebody must act.
    Failing,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// How bad it is.
    pub health: Health,
    /// Which part is at fault.
    pub part: Part,
    /// Its name: of the shard or the sink.
    pub name: Option<String>,
    /// One sentence.
    pub text: String,
    /// What to do: the runbook.
    pub runbook: Option<String>,
}

/// A part that may be at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The process itself.
    Process,
    /// A shard of the stream.
    Shard,
    /// A sink.
    Sink,
    /// The checkpoint store.
    Checkpoint,
    /// The detections on disk.
    Detections,
    /// The state of open windows.
    State,
    /// The stream as a whole.
    Stream,
}

/// One check of `/readyz`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// As `/readyz?verbose` names it.
    pub name: String,
    /// Why it fails; null where it passes.
    pub failure: Option<String>,
}

/// What the pipeline knows of itself. `deny_unknown_fields` does not go with `flatten`: the documentation's test compares
/// instead.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the figures were taken, by the host's clock.
    pub at: String,
    /// What runs.
    pub about: About,
    /// What is read.
    pub stream: Stream,
    /// What has arrived entirely.
    pub watermark: Watermark,
    /// What a restart begins with.
    pub checkpoint: Checkpoint,
    /// The memory of open windows.
    pub state: State,
    /// Shards that are read, and those that wait for their parents; stalled ones first, then those that are behind.
    pub shards: Vec<Shard>,
    /// In the configuration's order.
    pub sinks: Vec<Sink>,
    /// What could not be decoded or was refused.
    pub dead_letters: DeadLetters,
    /// What runs, what drains, what is disabled or refused.
    pub detections: Vec<Detection>,
    /// Whether the files on disk were valid when they were last read; otherwise those loaded before go on.
    pub detections_on_disk_valid: bool,
    /// The newest first, at most 100; null unless `admin.status_events` is set.
    pub risk_events: Option<Vec<RecentEvent>>,
    /// The last hour.
    pub history: History,
}

/// What runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// Of the build.
    pub version: String,
    /// The commit of the build, or `unknown`.
    pub revision: String,
    /// The hash of the configuration in force at the start, as in the first log line.
    pub configuration: String,
    /// `meta.worker` of its risk events.
    pub worker: String,
    /// When the process began.
    pub started_at: String,
    /// Processes before this one, in a row, that came to no orderly end (PO-2); 0 once this one has gone on for a quarter of an
    /// hour beyond all that they had read.
    pub unclean_starts: u64,
}

/// What is read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// The stream's name.
    pub name: String,
    /// The name of its source, where sources are named.
    pub source: Option<String>,
    /// How it is read: `polling` or `fan_out`.
    pub reader: String,
    /// Records processed since the process began.
    pub records: u64,
    /// Events decoded from them; records that no detection can match are not decoded (PO-3).
    pub events: u64,
    /// Pieces that could not be decoded.
    pub rejected: u64,
    /// Records a second, over the last ten.
    pub records_per_second: f64,
    /// Shards that were read to their end since the process began.
    pub drained_shards: u64,
    /// How long the stream keeps a record, as it was last described; null before that.
    pub retention_seconds: Option<f64>,
    /// Positions since the process began that could not be continued from (CP-8).
    pub possible_losses: u64,
    /// CP-5: what an earlier process had done is read again, in silence.
    pub replaying: bool,
}

/// What has arrived entirely.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watermark {
    /// Everything that arrived up to this instant is processed; null before every shard was read once.
    pub at: Option<String>,
    /// How far that is behind the host's clock.
    pub lag_seconds: Option<f64>,
    /// What lag is normal with this configuration: the tip's slack, and two pauses between reads.
    pub expected_lag_seconds: f64,
    /// What it waits for.
    pub held_by: Option<WatermarkHold>,
}

/// What the watermark waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "name", rename_all = "snake_case")]
pub enum WatermarkHold {
    /// The shard that is processed least far.
    Shard(String),
    /// A sink whose queue is full: nothing is read meanwhile (BD-1).
    Sink(String),
    /// Changed detections, until a checkpoint holds them (WN-7).
    Reload,
}

/// What a restart begins with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// When the last one was stored, by the host's clock.
    pub stored_at: Option<String>,
    /// How long ago that was.
    pub age_seconds: Option<f64>,
    /// What closed up to this instant is acknowledged and will not be told again (CP-3).
    pub horizon: Option<String>,
    /// Risk events and dead letters that are not acknowledged yet (CP-7).
    pub unacknowledged: u64,
}

/// The memory of open windows (BD-2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// Open windows.
    pub windows: u64,
    /// Groups in them.
    pub groups: u64,
    /// Their estimated size.
    pub bytes: u64,
    /// `limits.max_state_bytes`.
    pub limit_bytes: u64,
}

/// One shard.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    /// Its id.
    pub id: String,
    /// How it fares.
    pub state: ShardState,
    /// Since when it is stalled: its last successful read, or when that was noticed.
    pub stalled_since: Option<String>,
    /// `MillisBehindLatest` of its last read.
    pub behind_latest_seconds: Option<f64>,
    /// Everything that arrived in it up to this instant is processed.
    pub read_through: Option<String>,
    /// How far that is behind the host's clock.
    pub lag_seconds: Option<f64>,
    /// Its last successful read, by Kinesis's clock.
    pub last_read: Option<String>,
    /// Whether the watermark waits for it.
    pub holds_watermark: bool,
    /// It is not read on for now: others are waited for, or the state is nearly full.
    pub paused: bool,
    /// Operation and error code of the last call that has failed since the last read.
    pub failure: Option<String>,
    /// Its request id, which AWS support asks for.
    pub request_id: Option<String>,
}

/// How a shard fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShardState {
    /// No successful read for `source.stalled_after` (RD-3).
    Stalled,
    /// It is read.
    Open,
    /// It takes no more records, and is read to its end.
    Draining,
    /// Its parents are not read to their ends yet (RD-1).
    Waiting,
}

/// One sink.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// Its name.
    pub name: String,
    /// `type` of the configuration.
    pub kind: String,
    /// Whether it holds the checkpoint (CP-7).
    pub required: bool,
    /// What fails at this moment; null while deliveries succeed.
    pub failing: Option<Failing>,
    /// Whether its receiver is only probed, by one request at a time.
    pub circuit_open: bool,
    /// Deliveries that wait or are on their way.
    pub pending: u64,
    /// Age of the oldest of them; 0 where there is none.
    pub oldest_pending_seconds: f64,
    /// Bytes that they hold.
    pub queue_bytes: u64,
    /// The bound of these; once it is reached, a required sink holds reading (BD-1).
    pub queue_limit_bytes: u64,
    /// Deliveries acknowledged since the process began.
    pub acknowledged: u64,
    /// Deliveries that became dead letters.
    pub dead_lettered: u64,
    /// Deliveries of a best-effort sink that found no room, or that it still held at the end.
    pub dropped: u64,
    /// The last attempt that failed; it may have recovered since.
    pub last_error: Option<LastError>,
}

/// A delivery that fails and is still to be made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failing {
    /// `unavailable`, `misconfigured` or `event_refused`.
    pub kind: String,
    /// Since when.
    pub since: String,
    /// How long.
    pub seconds: f64,
    /// What the last attempt came to; neither secrets nor text of events.
    pub error: String,
}

/// An attempt that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LastError {
    /// When.
    pub at: String,
    /// What was wrong; neither secrets nor text of events.
    pub text: String,
}

/// What could not be decoded or was refused.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadLetters {
    /// Written since the process began.
    pub written: u64,
    /// Why they cannot be written at this moment.
    pub failing: Option<Failing>,
}
