//! `trailrisk run`: the order of start (configuration, metrics, listener, sinks, store, source), supervision, drain.

mod start;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::detections::{self, RetentionError};
use super::host::{stop_on_signal, wall_clock, worker_name};
use super::reload::{Reloader, Running, Seen};
use super::{ConfigSource, Exit, Failure, chain};
use crate::admin::{AdminError, AdminServer, AdminState, Check, Liveness, Readiness};
use crate::catalog::{self, CatalogError, Detections};
use crate::checkpoint::{CheckpointStore, FileStore, MemoryStore, StoreError};
use crate::clock;
use crate::cloudtrail::DecodeLimits;
use crate::config::{CheckpointStoreConfig, Config};
use crate::engine::StoredPlanError;
use crate::isolation::Isolation;
use crate::metrics::{DetectionMetrics, Metrics};
use crate::pipeline::{Ended, Observer, Parts, Pipeline, PipelineError, Reload, Shown};
use crate::release;
use crate::sink::{
    DeadLetterDeps, DeadLetterError, DeadLetters, SharedStdout, SinkDeps, SinkError, Sinks, StdoutWriter,
};
use crate::source::{AwsKinesis, Source, SourceError};
use crate::telemetry;
use crate::time::Arrival;

/// What this build calls itself.
pub const PRODUCER: &str = concat!("trailrisk/", env!("CARGO_PKG_VERSION"));
/// Messages between the consumers and the pipeline; each consumer has one batch on its way, so this bounds nothing.
const CHANNEL_MESSAGES: usize = 64;
/// A pipeline that is silent for longer is stuck.
const MAX_SILENCE: Duration = Duration::from_secs(60);

/// Why the daemon does not start. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A detection, a macro, or a setting.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The admin port.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A sink.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The dead-letter file.
    #[error(transparent)]
    DeadLetter(#[from] DeadLetterError),
    /// The checkpoint store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The stream.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A plan that still drains.
    #[error(transparent)]
    StoredPlan(#[from] StoredPlanError),
    /// CP-8.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// CP-8: the checkpoint is another stream's.
    #[error(
        "the checkpoint belongs to stream {stored:?} created at {stored_at}, but the stream to read is {found:?} created \
         at {found_at}: everything that the old one held after the checkpoint may be lost. To begin anew, run \
         `trailrisk checkpoint reset`"
    )]
    OtherStream {
        /// The stream of the checkpoint.
        stored: String,
        /// Its creation.
        stored_at: Arrival,
        /// The configured stream.
        found: String,
        /// Its creation.
        found_at: Arrival,
    },
}

/// Runs the daemon until a signal, and says how it ended.
pub(super) fn run(source: ConfigSource) -> Result<Exit, Failure> {
    // What changes after this look is noticed by the next one.
    let config_seen = catalog::file_digest(&source.file);
    let config = source.read().map_err(Failure::config)?;
    telemetry::init(&config.log).map_err(Failure::config)?;
    let seen = Seen { config: config_seen, detections: catalog::digest(&config.detections) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let exit = runtime.block_on(supervise(source, config, seen));
    // A store that hangs in a write must not keep the process.
    runtime.shutdown_timeout(Duration::from_secs(1));
    exit
}

async fn supervise(source: ConfigSource, config: Config, seen: Seen) -> Result<Exit, Failure> {
    let stop = stop_on_signal()?;
    // From now on the signal does not end the process, also not while it starts.
    let hangup = signal(SignalKind::hangup())?;
    // Said once, by whoever prints the failure, and whatever the log's level.
    let daemon = match Daemon::start(&config, Box::new(tokio::io::stdout()), &stop).await {
        Ok(daemon) => daemon,
        Err(StartError::Store(StoreError::Stopped { .. })) => {
            tracing::info!("stopped while another process held the lease");
            return Ok(Exit::Ok);
        }
        Err(error) => return Err(Failure::config(error)),
    };
    tokio::spawn(daemon.reloader(source, config, seen).run(hangup));
    match tokio::spawn(daemon.run(stop)).await {
        Ok(Ok(Ended::Clean)) => Ok(Exit::Ok),
        Ok(Ok(Ended::DeadlineMissed { .. })) => Ok(Exit::DeadlineMissed),
        Ok(Err(error)) => Err(Failure::new(Exit::Internal, error)),
        Err(panicked) => Err(Failure::new(Exit::Internal, panicked)),
    }
}

/// A daemon that has started: the stream is described, the sinks run, nothing is read yet.
pub struct Daemon {
    work: Begin,
    reloads: mpsc::Sender<Reload>,
    /// The ids of the detections that run.
    active: BTreeSet<String>,
    retention_hours: u32,
    metrics: DetectionMetrics,
    admin: JoinHandle<()>,
    admin_address: SocketAddr,
    end_admin: CancellationToken,
    end_sinks: CancellationToken,
    registry: prometheus::Registry,
}

type Work = std::pin::Pin<Box<dyn Future<Output = Result<Ended, PipelineError>> + Send>>;
type Begin = Box<dyn FnOnce(CancellationToken) -> Work + Send>;

/// What the start has made so far.
struct Base<'a> {
    config: &'a Config,
    detections: Detections,
    metrics: Metrics,
    readiness: Readiness,
    liveness: Liveness,
    end_sinks: CancellationToken,
    stdout: SharedStdout,
}

impl Daemon {
    /// Starts everything but the reading. Risk events of a stdout sink go to `stdout`. Where the checkpoint is held by
    /// another process, its end is waited for, unless `stop` is cancelled first.
    ///
    /// # Errors
    /// With the first part that cannot be used; nothing is left running that outlives the runtime.
    pub async fn start(config: &Config, stdout: StdoutWriter, stop: &CancellationToken) -> Result<Self, StartError> {
        let detections = detections::load(&config.detections, &config.sinks)?;
        detections::log(&detections, &config.sinks);
        let registry = prometheus::Registry::new();
        let metrics = Metrics::new(&registry).expect("a new registry holds no name yet");
        metrics.build_info.with_label_values(&[release::VERSION, release::revision()]).set(1);
        metrics.know_stream(config.source.stream.name());
        let (liveness, readiness) = (Liveness::new(MAX_SILENCE), Readiness::starting());
        readiness.pass(Check::Configuration);
        let (shown, board) = start::shown(config, &detections);
        let state =
            AdminState { registry: registry.clone(), liveness: liveness.clone(), readiness: readiness.clone(), board };
        let admin = AdminServer::bind(config.admin.listen).await?;
        let admin_address = admin.address();
        tracing::info!(
            version = release::VERSION,
            revision = release::revision(),
            configuration = config.hash(),
            admin = %admin_address,
            "starting"
        );
        let active = super::reload::ids(&detections.plans);
        let (end_sinks, detection_metrics) = (CancellationToken::new(), metrics.detections.clone());
        let base = Base {
            config,
            detections,
            metrics,
            readiness,
            liveness,
            end_sinks: end_sinks.clone(),
            stdout: SharedStdout::new(stdout),
        };
        // Before anything is asked of Kinesis: that the process lives does not depend on it.
        let end_admin = CancellationToken::new();
        let admin = tokio::spawn(admin.serve(state, end_admin.clone().cancelled_owned()));
        let unless_started = end_admin.clone().drop_guard();
        let (reloads, reloaded) = mpsc::channel(1);
        let (work, retention_hours) = base.with_configured_store(stop, reloaded, shown).await?;
        unless_started.disarm();
        Ok(Self {
            work,
            reloads,
            active,
            retention_hours,
            metrics: detection_metrics,
            admin,
            admin_address,
            end_admin,
            end_sinks,
            registry,
        })
    }

    /// What reloads its detections. `seen` is what the files held before they were read.
    fn reloader(&self, source: ConfigSource, config: Config, seen: Seen) -> Reloader {
        let running = Running { config, retention_hours: self.retention_hours };
        Reloader::new(source, running, self.active.clone(), seen, self.reloads.clone(), self.metrics.clone())
    }

    /// Where the admin port listens.
    pub fn admin_address(&self) -> SocketAddr {
        self.admin_address
    }

    /// The metrics, for a caller in the same process.
    pub fn registry(&self) -> prometheus::Registry {
        self.registry.clone()
    }

    /// Runs until `stop`, or until something fails (ST-1).
    ///
    /// # Errors
    /// What failed.
    pub async fn run(self, stop: CancellationToken) -> Result<Ended, PipelineError> {
        let ended = (self.work)(stop).await;
        self.end_sinks.cancel();
        self.end_admin.cancel();
        // A panic of the admin port was logged by the runtime; it changes nothing about how the stream was left.
        let _ = self.admin.await;
        match &ended {
            Ok(ended) => tracing::info!(?ended, "stopped"),
            Err(error) => tracing::error!(error = chain(error), "stopped by a failure"),
        }
        ended
    }
}

impl Base<'_> {
    async fn with_configured_store(
        self,
        stop: &CancellationToken,
        reloads: mpsc::Receiver<Reload>,
        shown: Shown,
    ) -> Result<(Begin, u32), StartError> {
        match &self.config.checkpoint.store {
            CheckpointStoreConfig::Memory => {
                self.metrics.leases_held.set(1);
                self.with_store(MemoryStore::default(), reloads, shown).await
            }
            CheckpointStoreConfig::File(path) => {
                let store = FileStore::open(path)?;
                self.metrics.leases_held.set(1);
                self.with_store(store, reloads, shown).await
            }
            CheckpointStoreConfig::DynamoDb(table) => {
                let store = self.table_store(table, stop).await?;
                self.with_store(store, reloads, shown).await
            }
        }
    }

    async fn with_store<S: CheckpointStore>(
        self,
        mut store: S,
        reloads: mpsc::Receiver<Reload>,
        shown: Shown,
    ) -> Result<(Begin, u32), StartError> {
        match self.assemble(&mut store, reloads, shown).await {
            Ok((parts, isolation, retention_hours)) => {
                let begin: Begin =
                    Box::new(move |stop| Box::pin(Pipeline::new(parts, store).isolating(isolation).run(stop)));
                Ok((begin, retention_hours))
            }
            Err(error) => {
                store.release().await;
                Err(error)
            }
        }
    }

    /// The parts of the pipeline, what earlier processes died of, and the stream's retention in hours.
    async fn assemble(
        self,
        store: &mut impl CheckpointStore,
        reloads: mpsc::Receiver<Reload>,
        shown: Shown,
    ) -> Result<(Parts<AwsKinesis>, Isolation, u32), StartError> {
        let stored = store.load().await?;
        let (messages, received) = mpsc::channel(CHANNEL_MESSAGES);
        let read_buffer = self.config.limits.read_buffer_bytes;
        let mut source = Source::connect(&self.config.source, read_buffer, messages, self.metrics.clone()).await?;
        let retention_hours = source.description().retention_hours;
        detections::check_retention(&self.detections.plans, &self.config.source, retention_hours)?;
        let (engine, begun) = self.engine(&mut source, stored).await?;
        let isolation = self.isolation(&source, store.notes())?;
        let (dead_letters, dead_letter_acknowledgements) =
            DeadLetters::start(&self.config.dead_letter, self.dead_letter_deps()).await?;
        let mut observer = Observer::new(
            self.metrics.clone(),
            self.readiness.clone(),
            self.liveness.watch("pipeline", clock::monotonic()),
            source.description().name.clone(),
            &engine,
            self.config.limits.max_state_bytes,
        )
        .showing(shown);
        observer.watch_filters(self.detections.filters.clone());
        let (checkpoint_interval, drain_deadline) =
            (self.config.checkpoint.interval, self.config.shutdown.drain_deadline);
        let decode_limits = DecodeLimits { max_inflated_bytes: self.config.limits.max_inflated_bytes };
        let decode_all = self.config.detections.decode_all;
        let (sinks, acknowledgements) = self.sinks(dead_letters.clone())?;
        begun.say();
        let parts = Parts {
            engine,
            decode_limits,
            decode_all,
            reloads,
            source,
            messages: received,
            sinks,
            acknowledgements,
            dead_letters,
            dead_letter_acknowledgements,
            observer,
            checkpoint_interval,
            drain_deadline,
        };
        Ok((parts, isolation, retention_hours))
    }

    fn dead_letter_deps(&self) -> DeadLetterDeps {
        DeadLetterDeps {
            metrics: self.metrics.clone(),
            stdout: self.stdout.clone(),
            clock: wall_clock(),
            stop: self.end_sinks.clone(),
        }
    }

    fn sinks(self, dead_letters: DeadLetters) -> Result<(Sinks, crate::sink::Acknowledgements), StartError> {
        let deps = SinkDeps {
            metrics: self.metrics,
            dead_letters,
            producer: PRODUCER.to_owned(),
            worker: worker_name(),
            stream: self.config.source.stream.name().to_owned(),
            clock: wall_clock(),
            stdout: self.stdout,
            stop: self.end_sinks,
        };
        let (mut sinks, acknowledgements) = Sinks::start(&self.config.sinks, deps)?;
        sinks.set_routes(self.detections.routes);
        Ok((sinks, acknowledgements))
    }
}
