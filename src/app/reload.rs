//! Hot reload (WN-7): looks at the files now and then and on SIGHUP, reads them beside the pipeline, and hands it the
//! whole set or nothing.
//!
//! Files are compared by content. Notifications of the file system are deliberately not used: mounted folders are
//! swapped by symbolic links, and network and overlay file systems do not tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use tokio::signal::unix::Signal;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, spawn_blocking};

use super::detections::{self, RetentionError};
use super::{ConfigSource, chain};
use crate::catalog::{self, CatalogError, Detections};
use crate::clock;
use crate::config::{Config, ConfigError, DetectionsConfig};
use crate::detection::Problem;
use crate::metrics::DetectionMetrics;
use crate::pipeline::{Reload, Reloaded};
use crate::plan::Plan;
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

/// What a reload is judged against: the configuration that the process runs with, and its stream.
pub(super) struct Running {
    pub config: Config,
    pub retention_hours: u32,
}

/// The task that reloads.
pub(super) struct Reloader {
    source: Arc<ConfigSource>,
    running: Arc<Running>,
    /// The ids of the detections that run.
    active: BTreeSet<String>,
    watched: DetectionsConfig,
    seen: Option<Seen>,
    reloads: mpsc::Sender<Reload>,
    metrics: DetectionMetrics,
    moving: Alarm,
}

impl Reloader {
    /// `seen` is what the files held before they were read at the start.
    pub fn new(
        source: ConfigSource,
        running: Running,
        active: BTreeSet<String>,
        seen: Seen,
        reloads: mpsc::Sender<Reload>,
        metrics: DetectionMetrics,
    ) -> Self {
        let watched = running.config.detections.clone();
        Self {
            source: Arc::new(source),
            running: Arc::new(running),
            active,
            watched,
            seen: Some(seen),
            reloads,
            metrics,
            moving: Alarm::default(),
        }
    }

    /// Until the pipeline is gone.
    pub async fn run(mut self, mut hangup: Signal) {
        loop {
            let is_asked = tokio::select! {
                _ = hangup.recv() => true,
                () = pause(self.watched.reload_interval) => false,
                () = self.reloads.closed() => return,
            };
            if is_asked || self.has_changed().await {
                self.reload(is_asked).await;
            }
        }
    }

    async fn has_changed(&self) -> bool {
        let (source, watched) = (Arc::clone(&self.source), self.watched.clone());
        let now = spawn_blocking(move || Seen::of(&source, &watched)).await;
        now.is_ok_and(|now| Some(now) != self.seen)
    }

    async fn reload(&mut self, is_asked: bool) {
        let (source, running) = (Arc::clone(&self.source), Arc::clone(&self.running));
        let (active, watched) = (self.active.clone(), self.watched.clone());
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
        self.metrics.reloads_total.with_label_values(&["refused"]).inc();
        self.metrics.last_reload_successful.set(0);
        if !matches!(error, ReloadError::Moving) {
            tracing::error!(error = chain(error), "the detections are not reloaded; those loaded before go on");
        } else if let Some(repeats) = self.moving.raise() {
            tracing::warn!(
                repeats,
                "the files change while they are read, and will be read again; those loaded before go on"
            );
        }
    }

    async fn hand_over(&mut self, config: &Config, detections: Detections, is_asked: bool) {
        let differences = self.running.config.differences_beyond_detections(config);
        if !differences.is_empty() {
            tracing::warn!(keys = differences.join(", "), "changed in the configuration, but needs a restart");
        }
        let (done, answer) = oneshot::channel();
        // Without a pipeline there is nothing to reload.
        detections::log(&detections, &self.running.config.sinks);
        let Detections { plans, routes, files, filters, .. } = detections;
        let ids = ids(&plans);
        let reload = Reload { plans, routes, files, filters, decode_all: config.detections.decode_all, done };
        let _ = self.reloads.send(reload).await;
        let Ok(reloaded) = answer.await else { return };
        self.active = ids;
        self.moving.clear();
        self.metrics.succeeded(clock::wall().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64()));
        let outcome = match reloaded {
            Reloaded::InForce => {
                let configuration = config.hash();
                tracing::info!(detections = self.active.len(), configuration, "the changed detections are in force");
                "applied"
            }
            Reloaded::Unchanged => {
                tracing::info!(asked = is_asked, "nothing changed in the detections");
                "unchanged"
            }
        };
        self.metrics.reloads_total.with_label_values(&[outcome]).inc();
    }
}

/// The ids of these detections.
pub(super) fn ids(plans: &[Arc<Plan>]) -> BTreeSet<String> {
    plans.iter().map(|plan| plan.text().id.clone()).collect()
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
            detections::check_retention(&loaded.plans, &running.config.source, running.retention_hours)?;
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
