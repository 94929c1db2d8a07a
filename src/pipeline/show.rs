//! What the status page shows, gathered once a second from the engine, the sinks and the source, and published as plain
//! data. Owned by the pipeline's task: nobody else is asked, nobody waits.

mod detections;
mod shards;
mod sinks;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Pipeline;
use crate::catalog::DetectionFile;
use crate::clock;
use crate::engine::{Engine, Gauges, ShardId, WatermarkHold};
use crate::metrics::Metrics;
use crate::risk_event::RiskEvent;
use crate::sink::{Routes, Sinks};
use crate::source::{KinesisApi, Reading};
use crate::status::{self, About, Publisher, RecentEvents, Sampler, Snapshot};
use crate::time::Arrival;

/// What the page is told once.
#[derive(Debug)]
pub struct Shown {
    /// Where it is put.
    pub publisher: Publisher,
    /// What runs.
    pub about: About,
    /// The name of the source, where sources are named.
    pub source: Option<String>,
    /// How the stream is read.
    pub reader: &'static str,
    /// What lag is normal (semantics 1): the tip's slack, and the pauses between reads.
    pub expected_lag: Duration,
    /// BD-2.
    pub max_state_bytes: usize,
    /// Whether risk events are shown (`admin.status_events`).
    pub events: bool,
    /// The detections' files.
    pub files: Vec<DetectionFile>,
    /// Where their risk events go.
    pub routes: Routes,
}

/// Gathers and publishes.
pub(super) struct Show {
    shown: Shown,
    metrics: Metrics,
    sampler: Sampler,
    recent: Option<RecentEvents>,
    /// Risk events made, by detection.
    made: BTreeMap<String, u64>,
    /// The wall clock's time at which a shard was noticed to be stalled.
    stalled: BTreeMap<ShardId, jiff::Timestamp>,
    stored: Option<(Instant, jiff::Timestamp)>,
}

/// What is looked at.
pub(super) struct Scene<'a> {
    pub engine: &'a Engine,
    pub gauges: Gauges,
    pub sinks: &'a Sinks,
    pub readings: BTreeMap<ShardId, Reading>,
    /// Whether a risk event or dead letter waits for room, and nothing is read (BD-1).
    pub is_blocked: bool,
}

impl Show {
    pub fn new(shown: Shown, metrics: Metrics) -> Self {
        let recent = shown.events.then(RecentEvents::default);
        let sampler = Sampler::new(clock::monotonic(), 0);
        let (made, stalled) = (BTreeMap::new(), BTreeMap::new());
        Self { shown, metrics, sampler, recent, made, stalled, stored: None }
    }

    pub fn set_detections(&mut self, files: Vec<DetectionFile>, routes: Routes) {
        (self.shown.files, self.shown.routes) = (files, routes);
    }

    pub fn emitted(&mut self, event: &RiskEvent) {
        *self.made.entry(event.detection.id.clone()).or_default() += 1;
        if let Some(recent) = &mut self.recent {
            recent.push(event, text(wall()));
        }
    }

    pub fn stalled(&mut self, shard: &ShardId, stalled: bool) {
        if stalled {
            self.stalled.insert(shard.clone(), wall());
        } else {
            self.stalled.remove(shard);
        }
    }

    pub fn checkpoint_stored(&mut self) {
        self.stored = Some((clock::monotonic(), wall()));
    }

    pub fn publish(&mut self, scene: &Scene<'_>) {
        let now = clock::monotonic();
        let watermark = self.watermark(scene);
        self.sampler.look(now, scene.engine.counters().records, watermark.lag_seconds);
        let snapshot = Snapshot {
            at: text(wall()),
            about: About {
                unclean_starts: self.metrics.unclean_starts.get().unsigned_abs(),
                ..self.shown.about.clone()
            },
            stream: self.stream(scene),
            watermark,
            checkpoint: self.checkpoint(scene, now),
            state: self.state(scene),
            shards: self.shards(scene),
            sinks: sinks::all(scene.sinks),
            dead_letters: sinks::dead_letters(scene.sinks, &self.metrics),
            detections: self.detections(scene.engine),
            detections_on_disk_valid: self.metrics.detections.last_reload_successful.get() == 1,
            risk_events: self.recent.as_ref().map(RecentEvents::all),
            history: self.sampler.history().clone(),
        };
        self.shown.publisher.publish(snapshot, now);
    }

    fn stream(&self, scene: &Scene<'_>) -> status::Stream {
        let (counters, name) = (scene.engine.counters(), scene.engine.stream_name());
        // The source and the start tell them to the metrics, as they are of the stream and not of the engine.
        let retention = self.metrics.kinesis_stream_retention_seconds.with_label_values(&[name]).get();
        status::Stream {
            name: name.to_owned(),
            source: self.shown.source.clone(),
            reader: self.shown.reader.to_owned(),
            records: counters.records,
            events: counters.events,
            rejected: counters.rejected.values().sum(),
            records_per_second: self.sampler.records_per_second(),
            drained_shards: scene.engine.shards().filter(|(.., is_drained)| *is_drained).count() as u64,
            retention_seconds: (retention > 0.0).then_some(retention),
            possible_losses: self.metrics.kinesis_possible_loss_total.with_label_values(&[name]).get(),
            replaying: scene.engine.is_replaying(),
        }
    }

    fn watermark(&self, scene: &Scene<'_>) -> status::Watermark {
        let at = scene.gauges.watermark;
        let full = scene.is_blocked.then(|| sinks::first_full(scene.sinks)).flatten();
        let held = full.map(status::WatermarkHold::Sink).or_else(|| {
            Some(match scene.engine.watermark_hold()? {
                WatermarkHold::Shard(shard) => status::WatermarkHold::Shard(shard.to_string()),
                WatermarkHold::Reload => status::WatermarkHold::Reload,
            })
        });
        status::Watermark {
            at: instant(at),
            lag_seconds: lag(at),
            expected_lag_seconds: self.shown.expected_lag.as_secs_f64(),
            held_by: held,
        }
    }

    fn checkpoint(&self, scene: &Scene<'_>, now: Instant) -> status::Checkpoint {
        status::Checkpoint {
            stored_at: self.stored.map(|(_, at)| text(at)),
            age_seconds: self.stored.map(|(at, _)| tenths(now.saturating_duration_since(at))),
            horizon: instant(scene.engine.horizon()),
            unacknowledged: scene.gauges.pending as u64,
        }
    }

    fn state(&self, scene: &Scene<'_>) -> status::State {
        let gauges = &scene.gauges;
        status::State {
            windows: gauges.open_instances as u64,
            groups: gauges.open_groups as u64,
            bytes: gauges.state_bytes as u64,
            limit_bytes: self.shown.max_state_bytes as u64,
        }
    }
}

impl<A: KinesisApi> Pipeline<A> {
    /// Metrics, readiness, heartbeat, status page.
    pub(super) fn observe(&mut self) {
        self.observer.observe(&self.engine, &self.sinks);
        self.observer.lease(self.lease.doubt());
        if self.isolation.is_history(self.engine.gauges().watermark) {
            self.observer.unclean_starts(0);
        }
        let readings = self.source.as_ref().map(|source| source.readings()).unwrap_or_default();
        let (engine, sinks, is_blocked) = (&self.engine, &self.sinks, self.waiting.is_some());
        let gauges = engine.gauges();
        self.observer.show(&Scene { engine, gauges, sinks, readings, is_blocked });
    }
}

fn wall() -> jiff::Timestamp {
    jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX)
}

/// In milliseconds: nobody reads more.
fn text(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}

/// So long ago.
fn ago(age: Duration) -> String {
    text(wall().checked_sub(age).unwrap_or(jiff::Timestamp::MIN))
}

/// An instant of Kinesis's clock; none before the first.
fn instant(at: Arrival) -> Option<String> {
    (at != Arrival::MIN).then(|| at.to_string())
}

/// How far an instant of Kinesis's clock is behind the host's.
fn lag(at: Arrival) -> Option<f64> {
    let behind = wall().as_millisecond().saturating_sub(at.0).max(0);
    (at != Arrival::MIN).then(|| tenths(Duration::from_millis(behind.unsigned_abs())))
}

fn tenths(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10.0).round() / 10.0
}
