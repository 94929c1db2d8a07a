//! One source from its checkpoint to its end: its store, its stream, its engine, its pipeline.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::start::shown;
use super::{LastWords, MAX_SILENCE, PRODUCER, Shared, StartError};
use crate::admin::{Check, Liveness, Readiness, View};
use crate::app::host::{wall_clock, worker_name};
use crate::app::reload::{Joined, Reading, wall_seconds};
use crate::checkpoint::{CheckpointStore, FileStore, MemoryStore};
use crate::clock;
use crate::cloudtrail::DecodeLimits;
use crate::config::{CheckpointStoreConfig, SourceConfig};
use crate::isolation::Isolation;
use crate::metrics::Metrics;
use crate::pipeline::{Ended, Observer, Parts, Pipeline, PipelineError, Reload, Shown};
use crate::sink::{
    Acknowledgements, DeadLetterAcknowledgements, DeadLetterDeps, DeadLetters, Origin, Routes, SinkDeps, Sinks,
};
use crate::source::{AwsKinesis, Source, Terms};

/// Messages between the consumers and the pipeline; each consumer has one batch on its way, so this bounds nothing.
const CHANNEL_MESSAGES: usize = 64;

/// Why a pipeline ended that was not asked to.
#[derive(Debug, thiserror::Error)]
pub(super) enum LifeError {
    /// It did not begin.
    #[error(transparent)]
    Start(#[from] StartError),
    /// It was told to stop before it began.
    #[error("stopped before anything was read")]
    Stopped,
    /// It could not go on.
    #[error(transparent)]
    Work(#[from] PipelineError),
}

/// A source that is to be read.
pub(super) struct Life {
    pub(super) shared: Arc<Shared>,
    pub(super) source: SourceConfig,
    pub(super) metrics: Metrics,
    pub(super) view: View,
    shown: Shown,
}

/// The pipeline's ends of what is shared.
struct Outlets {
    sinks: Sinks,
    acknowledgements: Acknowledgements,
    dead_letters: DeadLetters,
    dead_letter_acknowledgements: DeadLetterAcknowledgements,
}

/// A pipeline that is about to run.
struct Assembled {
    parts: Parts<AwsKinesis>,
    /// What earlier processes died of.
    isolation: Isolation,
    /// What may change of the stream.
    terms: Terms,
    /// What it begins with.
    reading: Arc<Reading>,
}

impl Life {
    pub(super) fn new(shared: &Arc<Shared>, source: &SourceConfig, registry: &prometheus::Registry) -> Self {
        let config = &shared.config;
        let metrics =
            Metrics::beside(shared.process.clone(), registry).expect("the registry holds none of a source yet");
        metrics.know_stream(source.stream.name());
        let (liveness, readiness) = (Liveness::new(MAX_SILENCE), Readiness::starting());
        readiness.pass(Check::Configuration);
        let name = config.names_sources.then(|| source.name.clone());
        // They could be read, or there were no daemon.
        metrics.detections.succeeded(wall_seconds());
        let (shown, board) = shown(config, source, &shared.latest.borrow().detections);
        let view = View { source: name, liveness, readiness, board };
        Self { shared: Arc::clone(shared), source: source.clone(), metrics, view, shown }
    }

    /// What every line of the log about it is in: its name, where sources are named.
    pub(super) fn span(&self) -> tracing::Span {
        match &self.view.source {
            // At the highest level, so that no filter of levels takes it away.
            Some(source) => tracing::error_span!("pipeline", source),
            None => tracing::Span::none(),
        }
    }

    /// Starts and runs the pipeline until `stop`. Where its checkpoint is held by another process, its end is waited for.
    pub(super) async fn run(self, stop: CancellationToken, joining: mpsc::Sender<Joined>) -> Result<Ended, LifeError> {
        match self.shared.config.checkpoint_store(&self.source) {
            CheckpointStoreConfig::Memory => {
                self.metrics.leases_held.set(1);
                self.over(MemoryStore::default(), stop, joining).await
            }
            CheckpointStoreConfig::File(path) => {
                let store = FileStore::open(&path).map_err(StartError::from)?;
                self.metrics.leases_held.set(1);
                self.over(store, stop, joining).await
            }
            CheckpointStoreConfig::DynamoDb(table) => {
                let store = self.table_store(&table, &stop).await?;
                self.over(store, stop, joining).await
            }
        }
    }

    async fn over<S: CheckpointStore>(
        self,
        mut store: S,
        stop: CancellationToken,
        joining: mpsc::Sender<Joined>,
    ) -> Result<Ended, LifeError> {
        let (reloads, reloaded) = mpsc::channel(1);
        let (source, metrics) = (self.source.clone(), self.metrics.detections.clone());
        // Nothing is read yet: what is dropped in the middle of a start is begun anew by the next one.
        match stop.run_until_cancelled(self.assemble(&mut store, reloaded)).await {
            None => {
                store.release().await;
                Err(LifeError::Stopped)
            }
            Some(Ok(Assembled { parts, isolation, terms, reading })) => {
                let span = tracing::Span::current();
                // Without the reloader nothing is reloaded, and nothing else depends on it. It goes with the last sender.
                let _ = joining.send(Joined { source, terms, reading, reloads, metrics, span }).await;
                Ok(Pipeline::new(parts, store).isolating(isolation).run(stop).await?)
            }
            Some(Err(error)) => {
                store.release().await;
                Err(error.into())
            }
        }
    }

    /// The stream, what is read of it, and where that goes.
    async fn assemble(
        self,
        store: &mut impl CheckpointStore,
        reloads: mpsc::Receiver<Reload>,
    ) -> Result<Assembled, StartError> {
        let stored = store.load().await?;
        let config = &self.shared.config;
        let (messages, received) = mpsc::channel(CHANNEL_MESSAGES);
        let read_buffer = config.limits.read_buffer_bytes;
        let mut source = Source::connect(&self.source, read_buffer, messages, self.metrics.clone()).await?;
        let terms = source.terms().clone();
        // What is read from now on comes as a reload.
        let latest = Arc::clone(&self.shared.latest.borrow());
        let reading = Reading::for_stream(latest, &self.shared.first, &self.source, terms.retention_hours())?;
        let detections = &reading.detections;
        let (engine, begun) = self.engine(&mut source, &detections.plans, stored).await?;
        let isolation = self.isolation(&source, store.notes())?;
        let outlets = self.outlets(&detections.routes).await?;
        let mut observer = Observer::new(
            self.metrics.clone(),
            self.view.readiness.clone(),
            self.view.liveness.watch(self.task(), clock::monotonic()),
            source.description().name.clone(),
            &engine,
            config.limits.max_state_bytes,
        )
        .showing(Shown { files: detections.files.clone(), routes: detections.routes.clone(), ..self.shown });
        observer.watch_filters(detections.filters.clone());
        begun.say();
        let parts = Parts {
            engine,
            decode_limits: DecodeLimits { max_inflated_bytes: config.limits.max_inflated_bytes },
            decode_all: reading.decode_all,
            reloads,
            source,
            messages: received,
            sinks: outlets.sinks,
            acknowledgements: outlets.acknowledgements,
            dead_letters: outlets.dead_letters,
            dead_letter_acknowledgements: outlets.dead_letter_acknowledgements,
            observer,
            checkpoint_interval: config.checkpoint.interval,
            drain_deadline: config.shutdown.drain_deadline,
        };
        Ok(Assembled { parts, isolation, terms, reading })
    }

    /// As `/livez` names it.
    fn task(&self) -> String {
        self.view.source.as_ref().map_or_else(|| "pipeline".to_owned(), |source| format!("pipeline of {source}"))
    }

    /// Its own ends of the sinks and the dead letters, which the first to need them starts.
    async fn outlets(&self, routes: &Routes) -> Result<Outlets, StartError> {
        let (sinks, dead_letters) = self.shared.outlets.get_or_try_init(|| self.start_outlets()).await?;
        let source = self.view.source.clone();
        let (dead_letters, dead_letter_acknowledgements) = dead_letters.another(source.as_deref());
        let origin = Origin { stream: self.source.stream.name().to_owned(), source };
        let (mut sinks, acknowledgements) = sinks.another(origin, self.metrics.clone());
        sinks.set_routes(routes.clone());
        Ok(Outlets { sinks, acknowledgements, dead_letters, dead_letter_acknowledgements })
    }

    async fn start_outlets(&self) -> Result<(Sinks, DeadLetters), StartError> {
        let Shared { config, process, end_sinks, last_words, stdout, .. } = &*self.shared;
        let deps = DeadLetterDeps {
            metrics: process.clone(),
            stdout: stdout.clone(),
            clock: wall_clock(),
            stop: end_sinks.clone(),
        };
        let (dead_letters, _) = DeadLetters::start(&config.dead_letter, deps).await?;
        let deps = SinkDeps {
            metrics: self.metrics.clone(),
            dead_letters: dead_letters.clone(),
            producer: PRODUCER.to_owned(),
            worker: worker_name(),
            origin: Origin { stream: String::new(), source: None },
            clock: wall_clock(),
            stdout: stdout.clone(),
            stop: end_sinks.clone(),
        };
        let (sinks, _) = Sinks::start(&config.sinks, deps)?;
        // There is one start of them at the most.
        let _ = last_words.set(LastWords { sinks_ended: sinks.ended(), unclaimed: dead_letters.unclaimed() });
        Ok((sinks, dead_letters))
    }
}
