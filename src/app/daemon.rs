//! `trailrisk run`: the order of start (configuration, metrics, listener, then for each source store, stream, sinks),
//! supervision, drain.

mod life;
mod outcome;
mod start;
mod trimmed;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{OnceCell, mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::detections::{self, RetentionError};
use super::host::stop_on_signal;
use super::reload::{Joined, Reading, Reloader, Seen};
use super::{ConfigSource, Exit, Failure};
use crate::admin::{AdminError, AdminServer, AdminState};
use crate::catalog::{self, CatalogError};
use crate::checkpoint::StoreError;
use crate::config::Config;
use crate::engine::StoredPlanError;
use crate::metrics::{ProcessMetrics, Registries};
use crate::release;
use crate::sink::{DeadLetterError, DeadLetters, SharedStdout, SinkEnd, SinkError, Sinks, StdoutWriter, workers_ended};
use crate::source::SourceError;
use crate::telemetry;
use crate::time::Arrival;
use life::{Life, LifeError};
use outcome::Outcome;

/// What this build calls itself.
pub const PRODUCER: &str = concat!("trailrisk/", env!("CARGO_PKG_VERSION"));
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
    /// CP-8: the checkpoint of the stream is there under the name that it has in the other form of the configuration.
    #[error(
        "{other} holds a checkpoint of this stream, but with this configuration it is kept in {path}: move it there, and \
         the file with .starts behind its name likewise, to go on where it stands, or away to begin anew",
        other = other.display(), path = path.display()
    )]
    OtherFile {
        /// Where it is.
        other: PathBuf,
        /// Where it belongs.
        path: PathBuf,
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
    let daemon = Daemon::start(config.into(), Box::new(tokio::io::stdout())).await.map_err(Failure::config)?;
    let (joining, joined) = mpsc::channel(daemon.lives.len());
    tokio::spawn(daemon.reloader(source, seen, joined).run(hangup));
    daemon.run(stop, joining).await
}

/// A daemon whose admin port answers; of Kinesis nothing is asked yet.
struct Daemon {
    lives: Vec<Life>,
    admin: JoinHandle<()>,
    end_admin: CancellationToken,
    /// Where the detections that were read last are known from.
    readings: watch::Sender<Arc<Reading>>,
    shared: Arc<Shared>,
}

/// What the pipelines of the sources have in common.
struct Shared {
    config: Arc<Config>,
    /// The detections of the start.
    first: Arc<Reading>,
    /// Those that the next pipeline begins with.
    latest: watch::Receiver<Arc<Reading>>,
    process: ProcessMetrics,
    /// Made by the first pipeline that needs them: a process that waits for its leases opens nothing.
    outlets: OnceCell<(Sinks, DeadLetters)>,
    end_sinks: CancellationToken,
    /// Once there are sinks.
    last_words: Arc<OnceLock<LastWords>>,
    stdout: SharedStdout,
}

/// What the sinks and the dead letters say when everybody has let go of them. It outlives [`Shared`]: what else keeps them
/// would keep their queues open.
struct LastWords {
    /// [`Sinks::ended`].
    sinks_ended: watch::Receiver<Option<SinkEnd>>,
    /// [`DeadLetters::unclaimed`].
    unclaimed: watch::Receiver<usize>,
}

impl Daemon {
    /// Loads the detections and serves the admin port. Risk events of a stdout sink go to `stdout`.
    async fn start(config: Arc<Config>, stdout: StdoutWriter) -> Result<Self, StartError> {
        let detections = detections::load(&config.detections, &config.sinks)?;
        detections::log(&detections, &config.sinks);
        let first = Arc::new(Reading::new(&config, detections));
        let (readings, latest) = watch::channel(Arc::clone(&first));
        let registry = prometheus::Registry::new();
        let process = ProcessMetrics::new(&registry).expect("a new registry holds no name yet");
        process.build_info.with_label_values(&[release::VERSION, release::revision()]).set(1);
        let shared = Arc::new(Shared {
            config: Arc::clone(&config),
            first,
            latest,
            process,
            outlets: OnceCell::new(),
            end_sinks: CancellationToken::new(),
            last_words: Arc::default(),
            stdout: SharedStdout::new(stdout),
        });
        let mut registries = Registries::new(registry.clone());
        let lives: Vec<_> = config
            .sources
            .iter()
            .map(|source| {
                let own = if config.names_sources { registries.add_source(&source.name) } else { registry.clone() };
                Life::new(&shared, source, &own)
            })
            .collect();
        let views = lives.iter().map(|life| life.view.clone()).collect();
        let admin = AdminServer::bind(config.admin.listen).await?;
        tracing::info!(
            version = release::VERSION,
            revision = release::revision(),
            configuration = config.hash(),
            admin = %admin.address(),
            "starting"
        );
        // Before anything is asked of Kinesis: that the process lives does not depend on it.
        let end_admin = CancellationToken::new();
        let state = AdminState { registries, views };
        let admin = tokio::spawn(admin.serve(state, end_admin.clone().cancelled_owned()));
        Ok(Self { lives, admin, end_admin, readings, shared })
    }

    /// What reloads the detections of all that join. `seen` is what the files held before they were read.
    fn reloader(&self, source: ConfigSource, seen: Seen, joined: mpsc::Receiver<Joined>) -> Reloader {
        let metrics = self.lives.iter().map(|life| life.metrics.detections.clone()).collect();
        Reloader::new(source, Arc::clone(&self.shared.config), self.readings.clone(), seen, metrics, joined)
    }

    /// Starts every pipeline and runs them until `stop`, or until one of them ends (ST-1): then the others drain. A
    /// pipeline that waits for its lease keeps no other from working.
    async fn run(self, stop: CancellationToken, joining: mpsc::Sender<Joined>) -> Result<Exit, Failure> {
        let Self { lives, admin, end_admin, shared, readings: _ } = self;
        let (end_sinks, last_words) = (shared.end_sinks.clone(), Arc::clone(&shared.last_words));
        let stop = stop.child_token();
        // The queues close with the last pipeline.
        drop(shared);
        let mut running = JoinSet::new();
        for life in lives {
            let (source, span) = (life.view.source.clone(), life.span());
            let run = life.run(stop.clone(), joining.clone()).instrument(span);
            running.spawn(async move { (source, tokio::spawn(run).await) });
        }
        drop(joining);
        let mut outcome = Outcome::default();
        while let Some(ended) = running.join_next().await {
            stop.cancel();
            let (source, ended) = ended.expect("it waits for another task and does nothing else");
            outcome.add(source, ended);
        }
        end_sinks.cancel();
        if let Some(LastWords { sinks_ended, unclaimed }) = last_words.get() {
            workers_ended(sinks_ended.clone()).await;
            outcome.lose(*unclaimed.borrow());
        }
        end_admin.cancel();
        // A panic of the admin port was logged by the runtime; it changes nothing about how the stream was left.
        let _ = admin.await;
        outcome.tell()
    }
}
