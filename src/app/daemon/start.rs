//! Where a process begins: the stream, the checkpoint, the engine between them, and what earlier processes died of.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::StartError;
use super::life::Life;
use super::trimmed::trimmed;
use crate::admin::Check;
use crate::app::host::worker_name;
use crate::catalog::{self, Detections};
use crate::checkpoint::table::{Claim, DynamoTable};
use crate::checkpoint::{Notes, TableStore, inspect};
use crate::clock;
use crate::config::{CheckpointStoreConfig, Config, SourceConfig, TableConfig};
use crate::engine::{Checkpoint, Engine, EngineConfig, Input, StartPosition, StreamIdentity, Timing};
use crate::isolation::Isolation;
use crate::pipeline::Shown;
use crate::plan::Plan;
use crate::release;
use crate::source::{Source, SourceError, StreamDescription, expected_lag};
use crate::status::{self, About, Board, Snapshot};
use crate::telemetry::Alarm;
use crate::time::Arrival;

/// Where a process begins: see [`EngineConfig`].
struct Start {
    position: StartPosition,
    started_at: Arrival,
    unseen_from: Arrival,
}

/// What a process has begun with: for people.
pub(super) struct Begun {
    configuration: String,
    stream: StreamDescription,
    /// All that the stream lists, ended ones included.
    shards: usize,
    detections: usize,
    sinks: usize,
    /// Where reading begins.
    from: String,
}

impl Begun {
    /// The one line of a start that says all of it, for when everything has started.
    pub(super) fn say(self) {
        tracing::info!(
            version = release::VERSION,
            revision = release::revision(),
            configuration = self.configuration,
            worker = worker_name(),
            stream = self.stream.arn,
            retention_hours = self.stream.retention_hours,
            shards = self.shards,
            detections = self.detections,
            sinks = self.sinks,
            from = self.from,
            "started"
        );
    }
}

/// What the status page is told, and where it reads it.
pub(super) fn shown(config: &Config, source: &SourceConfig, detections: &Detections) -> (Shown, Board) {
    let started = jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX);
    let about = About {
        version: release::VERSION.to_owned(),
        revision: release::revision().to_owned(),
        configuration: config.hash(),
        worker: worker_name(),
        started_at: format!("{started:.3}"),
        unclean_starts: 0,
    };
    let (name, reader) = (config.names_sources.then(|| source.name.clone()), source.reader.as_str());
    let stream = status::Stream {
        name: source.stream.name().to_owned(),
        source: name.clone(),
        reader: reader.to_owned(),
        ..status::Stream::default()
    };
    let first = Snapshot {
        at: about.started_at.clone(),
        about: about.clone(),
        stream,
        detections_on_disk_valid: true,
        ..Snapshot::default()
    };
    let (publisher, board) = status::board(first, clock::monotonic());
    let shown = Shown {
        publisher,
        about,
        source: name,
        reader,
        expected_lag: expected_lag(source),
        max_state_bytes: config.limits.max_state_bytes,
        events: config.admin.status_events,
        files: detections.files.clone(),
        routes: detections.routes.clone(),
    };
    (shown, board)
}

impl Life {
    /// The engine, new or restored, with the start frontier registered (RD-2).
    pub(super) async fn engine(
        &self,
        source: &mut Source,
        plans: &[Arc<Plan>],
        stored: Option<Checkpoint>,
    ) -> Result<(Engine, Begun), StartError> {
        let described = source.description().clone();
        let stream = StreamIdentity { name: described.name, created_at: described.created_at };
        let oldest = source.horizon().unwrap_or(Arrival::MIN);
        let (mut engine, from) = match stored {
            Some(checkpoint) => {
                check_stream(&checkpoint.stream, &stream)?;
                self.report_trimmed(&checkpoint, oldest, described.retention_hours);
                let start = Start {
                    position: StartPosition::TrimHorizon,
                    started_at: checkpoint.started_at,
                    unseen_from: self.unseen_from(source)?,
                };
                let from = format!("checkpoint with horizon {}", checkpoint.horizon);
                (Engine::restore(self.engine_config(stream, start), plans.to_vec(), checkpoint)?, from)
            }
            None => {
                self.check_other_file(&stream)?;
                let start = source.resolve_start()?;
                let started_at = match start {
                    StartPosition::TrimHorizon => oldest,
                    StartPosition::AtTimestamp(at) => at,
                };
                let from = match start {
                    StartPosition::TrimHorizon => "trim horizon".to_owned(),
                    StartPosition::AtTimestamp(at) => at.to_string(),
                };
                let start = Start { position: start, started_at, unseen_from: Arrival::MIN };
                (Engine::new(self.engine_config(stream, start), plans.to_vec()), from)
            }
        };
        let listed = source.list().await?;
        let begun = Begun {
            configuration: self.shared.config.hash(),
            stream: source.description().clone(),
            shards: listed.len(),
            detections: plans.len(),
            sinks: self.shared.config.sinks.len(),
            from,
        };
        engine.handle_input(Input::ShardsListed(listed));
        self.view.readiness.pass(Check::ShardsListed);
        Ok((engine, begun))
    }

    /// CP-8: `source` and `sources` keep the checkpoint in files of different names. A stream that has one under the other
    /// name is not begun anew in silence.
    fn check_other_file(&self, stream: &StreamIdentity) -> Result<(), StartError> {
        let config = &self.shared.config;
        let CheckpointStoreConfig::File(path) = config.checkpoint_store(&self.source) else { return Ok(()) };
        let Some(other) = config.other_checkpoint_file(&self.source) else { return Ok(()) };
        // What cannot be read is not known to be of this stream.
        let stored = inspect(&other).ok().flatten();
        match stored.filter(|checkpoint| checkpoint.stream == *stream) {
            Some(_) => Err(StartError::OtherFile { other, path }),
            None => Ok(()),
        }
    }

    /// CP-8: a position older than the trim horizon is reported with the range that may be lost.
    fn report_trimmed(&self, checkpoint: &Checkpoint, oldest: Arrival, retention_hours: u32) {
        for (shard, from) in trimmed(checkpoint, oldest, retention_hours) {
            self.metrics.kinesis_possible_loss_total.with_label_values(&[&checkpoint.stream.name]).inc();
            tracing::error!(
                %shard, %from, to = %oldest,
                "records may be lost: the checkpoint is older than the stream's retention"
            );
        }
    }

    fn engine_config(&self, stream: StreamIdentity, start: Start) -> EngineConfig {
        EngineConfig {
            source_name: self.source.name.as_str().into(),
            stream,
            bounds: catalog::bounds(&self.shared.config.limits, &self.source.name),
            max_state_bytes: self.shared.config.limits.max_state_bytes,
            timing: Timing::Live,
            start: start.position,
            started_at: start.started_at,
            unseen_from: start.unseen_from,
        }
    }

    /// PO-2: kept where the checkpoint is.
    pub(super) fn isolation(&self, source: &Source, notes: Option<Box<dyn Notes>>) -> Result<Isolation, StartError> {
        let Some(notes) = notes else { return Ok(Isolation::none()) };
        Ok(Isolation::kept_in(notes, self.unseen_from(source)?)?)
    }

    /// The store in a table, once no other process holds it; meanwhile `/readyz` and the log say who does.
    pub(super) async fn table_store(
        &self,
        config: &TableConfig,
        stop: &CancellationToken,
    ) -> Result<TableStore<DynamoTable>, StartError> {
        let claim = Claim {
            scope: config.scope.clone(),
            owner: format!("{}-{:016x}", worker_name(), RandomState::new().hash_one(std::process::id())),
            duration: config.lease_duration,
        };
        let (readiness, said) = (self.view.readiness.clone(), Alarm::default());
        let waiting = move |why: Option<String>| match why {
            Some(why) => {
                readiness.fail(Check::Lease, why.as_str());
                if let Some(looks) = said.raise() {
                    tracing::warn!(why, looks, "waiting for the lease of the checkpoint; nothing is read");
                }
            }
            None => readiness.pass(Check::Lease),
        };
        let table = DynamoTable::connect(config).await?;
        Ok(TableStore::open(table, claim, self.metrics.clone(), waiting, stop).await?)
    }

    /// No process before this one has read anything that arrives then or later.
    fn unseen_from(&self, source: &Source) -> Result<Arrival, SourceError> {
        let now = source.server_time().ok_or(SourceError::NoServerTime)?;
        // `Date` is cut off to the second.
        let slack = self.source.tip_slack + Duration::from_secs(1);
        Ok(now.plus(i64::try_from(slack.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// CP-8: a stream recreated under the same name is never passed over in silence.
fn check_stream(stored: &StreamIdentity, found: &StreamIdentity) -> Result<(), StartError> {
    if stored == found {
        return Ok(());
    }
    Err(StartError::OtherStream {
        stored: stored.name.clone(),
        stored_at: Arrival(stored.created_at),
        found: found.name.clone(),
        found_at: Arrival(found.created_at),
    })
}
