//! Hot reload (WN-7): looks at the files now and then and on SIGHUP, reads them beside the pipeline, and hands it the
//! whole set or nothing.
//!
//! Files are compared by content. Notifications of the file system are deliberately not used: mounted folders are
//! swapped by symbolic links, and network and overlay file systems do not tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, spawn_blocking};
use tracing::Span;

use super::detections::{self, RetentionError};
use super::{ConfigSource, chain};
use crate::catalog::{self, CatalogError, Detections};
use crate::clock;
use crate::config::{Config, ConfigError, DetectionsConfig, SourceConfig};
use crate::detection::Problem;
use crate::metrics::DetectionMetrics;
use crate::pipeline::{Reload, Reloaded};
use crate::source::Terms;
use crate::telemetry::Alarm;

/// How often files that change while they are read are read again.
const READS: usize = 5;

/// Why what is on disk is not taken.
#[derive(Debug, thiserror::Error)]
enum ReloadError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    #[error(transparent)]
    Retention(#[from] RetentionError),
    #[error("a detection that runs uses what is not supported in its new form:\n{0}")]
    Unsupported(Box<Problem>),
    #[error("the files change while they are read; they will be read again")]
    Moving,
    #[error("reading the files failed")]
    Task(#[from] JoinError),
}

/// The contents of the files at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub config: [u8; 32],
    pub detections: [u8; 32],
}

impl Seen {
    pub fn of(source: &ConfigSource, detections: &DetectionsConfig) -> Self {
        Self { config: catalog::file_digest(&source.file), detections: catalog::digest(detections) }
    }
}

/// What one reading of the files came to.
struct Attempt {
    /// What is compared with at the next look; none where the files did not hold still.
    seen: Option<Seen>,
    /// Whose files are looked at from now on: those of the configuration, if that could be read.
    watched: Option<DetectionsConfig>,
    outcome: Result<(Config, Detections), ReloadError>,
}

/// Detections that were read together, and what else of their configuration counts with them.
#[derive(Debug)]
pub(super) struct Reading {
    pub detections: Detections,
    /// Whether every record is parsed (PO-3).
    pub decode_all: bool,
    /// For people.
    configuration: String,
}

impl Reading {
    pub fn new(config: &Config, detections: Detections) -> Self {
        Self { detections, decode_all: config.detections.decode_all, configuration: config.hash() }
    }

    /// The ids of the detections.
    fn ids(&self) -> BTreeSet<String> {
        self.detections.plans.iter().map(|plan| plan.text().id.clone()).collect()
    }

    /// What a pipeline begins with: what was read last, or, where the stream does not keep enough for that (CP-8), what the
    /// process began with. A reload would have been refused alike.
    ///
    /// # Errors
    /// When neither fits.
    pub fn for_stream(
        latest: Arc<Self>,
        first: &Arc<Self>,
        source: &SourceConfig,
        retention_hours: u32,
    ) -> Result<Arc<Self>, RetentionError> {
        let fits = |reading: &Self| detections::check_retention(&reading.detections.plans, source, retention_hours);
        match fits(&latest) {
            Ok(()) => Ok(latest),
            Err(_) => fits(first).map(|()| Arc::clone(first)),
        }
    }

    /// What a pipeline is to take; none where it has gone.
    async fn hand_to(&self, pipeline: &Joined) -> Option<oneshot::Receiver<Reloaded>> {
        let Self { detections, decode_all, .. } = self;
        let (done, answer) = oneshot::channel();
        let reload = Reload {
            plans: detections.plans.clone(),
            routes: detections.routes.clone(),
            files: detections.files.clone(),
            filters: detections.filters.clone(),
            decode_all: *decode_all,
            done,
        };
        pipeline.reloads.send(reload).await.ok().map(|()| answer)
    }
}

/// What a reload is judged against: the configuration that the process runs with, and its streams with their retention
/// in hours, as it is now.
struct Running {
    config: Arc<Config>,
    streams: Vec<(SourceConfig, u32)>,
}

/// A pipeline that has begun, and takes reloads from now on.
pub(super) struct Joined {
    pub source: SourceConfig,
    /// Of the stream, which may change.
    pub terms: Terms,
    /// What it has begun with.
    pub reading: Arc<Reading>,
    pub reloads: mpsc::Sender<Reload>,
    pub metrics: DetectionMetrics,
    /// What the lines about it are in.
    pub span: Span,
}

/// The task that reloads.
pub(super) struct Reloader {
    source: Arc<ConfigSource>,
    config: Arc<Config>,
    /// The last set that could be taken. Who joins late, behind another process's lease, begins with it: what the files held
    /// at the start may be retired by now, and what they hold may be broken.
    latest: watch::Sender<Arc<Reading>>,
    watched: DetectionsConfig,
    seen: Option<Seen>,
    /// The pipelines that will come: those of other processes' leases come late.
    joining: mpsc::Receiver<Joined>,
    pipelines: Vec<Joined>,
    /// Of all pipelines, those to come included.
    metrics: Vec<DetectionMetrics>,
    moving: Alarm,
}

impl Reloader {
    /// `seen` is what the files held before they were read at the start.
    pub fn new(
        source: ConfigSource,
        config: Arc<Config>,
        latest: watch::Sender<Arc<Reading>>,
        seen: Seen,
        metrics: Vec<DetectionMetrics>,
        joining: mpsc::Receiver<Joined>,
    ) -> Self {
        Self {
            source: Arc::new(source),
            watched: config.detections.clone(),
            config,
            latest,
            seen: Some(seen),
            joining,
            pipelines: Vec::new(),
            metrics,
            moving: Alarm::default(),
        }
    }

    /// Until the pipelines are gone.
    pub async fn run(mut self, mut hangup: Signal) {
        loop {
            let is_asked = tokio::select! {
                _ = hangup.recv() => true,
                () = pause(self.watched.reload_interval) => false,
                joined = self.joining.recv() => {
                    let Some(joined) = joined else { return };
                    self.join(joined).await;
                    continue;
                }
            };
            if is_asked || self.has_changed().await {
                self.reload(is_asked).await;
            }
        }
    }

    /// While it started, the files may have been read again.
    async fn join(&mut self, joined: Joined) {
        let latest = Arc::clone(&self.latest.borrow());
        if !Arc::ptr_eq(&latest, &joined.reading) {
            let fits =
                detections::check_retention(&latest.detections.plans, &joined.source, joined.terms.retention_hours());
            match fits {
                Ok(()) => drop(told(&joined, latest.hand_to(&joined).await, &latest).await),
                Err(error) => self.refused(&error.into()),
            }
        }
        self.pipelines.push(joined);
    }

    async fn has_changed(&self) -> bool {
        let (source, watched) = (Arc::clone(&self.source), self.watched.clone());
        let now = spawn_blocking(move || Seen::of(&source, &watched)).await;
        now.is_ok_and(|now| Some(now) != self.seen)
    }

    async fn reload(&mut self, is_asked: bool) {
        self.pipelines.retain(|pipeline| !pipeline.reloads.is_closed());
        let streams =
            self.pipelines.iter().map(|pipeline| (pipeline.source.clone(), pipeline.terms.retention_hours())).collect();
        let (source, running) = (Arc::clone(&self.source), Running { config: Arc::clone(&self.config), streams });
        let (active, watched) = (self.latest.borrow().ids(), self.watched.clone());
        let attempt = spawn_blocking(move || attempt(&source, &running, &active, &watched)).await;
        let attempt =
            attempt.unwrap_or_else(|error| Attempt { seen: self.seen, watched: None, outcome: Err(error.into()) });
        self.seen = attempt.seen;
        if let Some(watched) = attempt.watched {
            self.watched = watched;
        }
        match attempt.outcome {
            Ok((config, detections)) => self.hand_over(&config, detections, is_asked).await,
            Err(error) => self.refused(&error),
        }
    }

    fn refused(&self, error: &ReloadError) {
        if !matches!(error, ReloadError::Moving) {
            tracing::error!(error = chain(error), "the detections are not reloaded; those loaded before go on");
        } else if let Some(repeats) = self.moving.raise() {
            tracing::warn!(
                repeats,
                "the files change while they are read, and will be read again; those loaded before go on"
            );
        }
        // Whoever sees the counter finds the line.
        for metrics in &self.metrics {
            metrics.last_reload_successful.set(0);
            metrics.reloads_total.with_label_values(&["refused"]).inc();
        }
    }

    /// Every pipeline takes the set by itself, and has it in force with a checkpoint of its own.
    async fn hand_over(&mut self, config: &Config, detections: Detections, is_asked: bool) {
        let differences = self.config.differences_beyond_detections(config);
        if !differences.is_empty() {
            tracing::warn!(keys = differences.join(", "), "changed in the configuration, but needs a restart");
        }
        detections::log(&detections, &self.config.sinks);
        // The hash is of what is in force, and the rest of the file is not.
        let in_force = Config { detections: config.detections.clone(), ..Config::clone(&self.config) };
        let reading = Arc::new(Reading::new(&in_force, detections));
        self.latest.send_replace(Arc::clone(&reading));
        self.moving.clear();
        // All of those to come begin with it.
        let now = wall_seconds();
        self.metrics.iter().for_each(|metrics| metrics.succeeded(now));
        let mut answers = Vec::new();
        for pipeline in &self.pipelines {
            answers.push(reading.hand_to(pipeline).await);
        }
        for (pipeline, answer) in self.pipelines.iter().zip(answers) {
            if let Some(Reloaded::Unchanged) = told(pipeline, answer, &reading).await {
                let _entered = pipeline.span.enter();
                tracing::info!(asked = is_asked, "nothing changed in the detections");
                pipeline.metrics.reloads_total.with_label_values(&["unchanged"]).inc();
            }
        }
    }
}

/// What became of a reading at a pipeline, which is told if it changed something. None where the pipeline is gone.
async fn told(pipeline: &Joined, answer: Option<oneshot::Receiver<Reloaded>>, reading: &Reading) -> Option<Reloaded> {
    let reloaded = answer?.await.ok()?;
    if reloaded == Reloaded::InForce {
        let (detections, configuration) = (reading.detections.plans.len(), &reading.configuration);
        let _entered = pipeline.span.enter();
        tracing::info!(detections, configuration, "the changed detections are in force");
        pipeline.metrics.reloads_total.with_label_values(&["applied"]).inc();
    }
    Some(reloaded)
}

/// Now, in seconds since 1970.
pub(super) fn wall_seconds() -> f64 {
    clock::wall().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

async fn pause(interval: Option<Duration>) {
    match interval {
        Some(interval) => tokio::time::sleep(interval).await,
        None => std::future::pending().await,
    }
}

/// Reads until the files were the same before and after, so that no set is half of one version and half of another.
fn attempt(source: &ConfigSource, running: &Running, active: &BTreeSet<String>, watched: &DetectionsConfig) -> Attempt {
    for _ in 0..READS {
        let config_seen = catalog::file_digest(&source.file);
        let config = source.read();
        let detections = config.as_ref().map_or(watched, |config| &config.detections).clone();
        let seen = Seen { config: config_seen, detections: catalog::digest(&detections) };
        let outcome = config.map_err(ReloadError::from).and_then(|config| {
            let loaded = detections::load(&config.detections, &running.config.sinks)?;
            for (source, retention_hours) in &running.streams {
                detections::check_retention(&loaded.plans, source, *retention_hours)?;
            }
            match loaded.refused.iter().find(|(id, _)| active.contains(id)) {
                Some((_, problem)) => Err(ReloadError::Unsupported(Box::new(problem.clone()))),
                None => Ok((config, loaded)),
            }
        });
        if Seen::of(source, &detections) == seen {
            return Attempt { seen: Some(seen), watched: Some(detections), outcome };
        }
    }
    Attempt { seen: None, watched: None, outcome: Err(ReloadError::Moving) }
}

#[cfg(test)]
mod tests;
