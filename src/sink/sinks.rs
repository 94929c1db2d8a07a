//! The sending half: every sink behind one `push`.

use std::sync::Arc;

use prometheus::Counter;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::bytes::Bytes;
use tokio_util::sync::CancellationToken;

use super::acknowledgement::{self, Acknowledgements, Acknowledger};
use super::dead_letter::{DeadLetters, RefusalReason};
use super::error::SinkError;
use super::format::{Body, BodyFormat, native};
use super::health::{BlockedSink, SinkHealth};
use super::queue::Delivery;
use super::router::{Router, Routes, Withheld};
use super::start::{Spawn, Transports, observe, spawn_lanes};
use super::stdout::SharedStdout;
use super::transport::Transport;
use super::worker::{Sink, WorkerDeps};
use crate::config::SinkConfig;
use crate::metrics::Metrics;
use crate::risk_event::{DeliveryKey, RiskEvent};

/// The wall clock: for `meta.emitted_at` and the dates of `Retry-After`, never for anything that is compared.
pub type WallClock = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// What the sinks are given.
pub struct SinkDeps {
    /// The daemon's metrics.
    pub metrics: Metrics,
    /// Where refused risk events go.
    pub dead_letters: DeadLetters,
    /// `meta.producer`, also the `user-agent`: `trailrisk/<version>`.
    pub producer: String,
    /// `meta.worker`.
    pub worker: String,
    /// Of what is pushed.
    pub origin: Origin,
    /// The wall clock.
    pub clock: WallClock,
    /// Where the stdout sink writes.
    pub stdout: SharedStdout,
    /// Ends every worker at once (ST-1: the drain deadline); what is not acknowledged stays so.
    pub stop: CancellationToken,
}

/// Where a pipeline's risk events come from.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `meta.stream`.
    pub stream: String,
    /// `meta.source`, where sources are named.
    pub source: Option<String>,
}

/// Why a sink's worker ended before the sinks were closed. The daemon stops (ST-1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkEnd {
    /// The reader of a required standard output went away: a stop that leaves what it did not read unacknowledged.
    ClosedPipe {
        /// The sink.
        sink: Arc<str>,
    },
    /// The worker panicked: a stop with a non-zero exit code.
    Failed {
        /// The sink.
        sink: Arc<str>,
    },
}

/// The sending half of the sinks, owned by the pipeline. Several pipelines have one each over the same sinks.
pub struct Sinks {
    open: Arc<Open>,
    router: Router,
    metrics: Metrics,
    acknowledger: Acknowledger,
    dead_letters: DeadLetters,
    waiting: Counter,
    clock: WallClock,
    producer: String,
    worker: String,
    origin: Origin,
    ended: watch::Receiver<Option<SinkEnd>>,
    lines: native::Lines,
}

/// Waits until every worker has ended, and has counted what it leaves: some time after the close of all sinks, soon after
/// [`SinkDeps::stop`]. `ended` is that of [`Sinks::ended`].
pub async fn workers_ended(mut ended: watch::Receiver<Option<SinkEnd>>) {
    while ended.changed().await.is_ok() {}
}

/// The queues; they are closed with the last sending half.
struct Open(Arc<[Arc<Sink>]>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.iter().for_each(|sink| sink.queue.close());
    }
}

impl Sinks {
    /// Starts a worker for each sink, on the current runtime.
    ///
    /// # Errors
    /// When a sink's configuration cannot work: a bad URL or header, a forbidden address.
    pub fn start(configs: &[SinkConfig], deps: SinkDeps) -> Result<(Self, Acknowledgements), SinkError> {
        let transports = Transports::of_all(configs, deps.stdout.clone(), &deps.producer, &deps.clock)?;
        let workers = transports.into_iter().map(Transports::spawn);
        Self::spawn(configs, workers, deps)
    }

    /// As [`Sinks::start`], over any implementation of the port: of each sink one transport a lane. What a sink's
    /// configuration says of its kind then only decides its format.
    ///
    /// # Errors
    /// When a sink's format cannot work: a bad template.
    pub fn with_transports<T: Transport>(
        configs: &[SinkConfig],
        lanes: Vec<Vec<T>>,
        deps: SinkDeps,
    ) -> Result<(Self, Acknowledgements), SinkError> {
        Self::spawn(configs, lanes.into_iter().map(spawn_lanes), deps)
    }

    fn spawn(
        configs: &[SinkConfig],
        workers: impl Iterator<Item = Spawn>,
        deps: SinkDeps,
    ) -> Result<(Self, Acknowledgements), SinkError> {
        let (ended_sender, ended) = watch::channel(None);
        let (acknowledger, acknowledgements) = acknowledgement::channel(ended.clone());
        let formats = formats(configs)?;
        let with_formats = configs.iter().zip(formats);
        let sinks: Arc<[_]> =
            with_formats.map(|(config, format)| Arc::new(Sink::new(config, format, &deps.metrics.process))).collect();
        let worker_deps =
            WorkerDeps { dead_letters: deps.dead_letters.clone(), ended: ended_sender, stop: deps.stop.clone() };
        for (sink, spawn) in sinks.iter().zip(workers) {
            spawn(Arc::clone(sink), worker_deps.clone());
        }
        tokio::spawn(observe(Arc::downgrade(&sinks), deps.stop));
        let sinks = Self {
            open: Arc::new(Open(sinks)),
            router: Router::new(configs, Routes::default()),
            acknowledger,
            dead_letters: deps.dead_letters,
            waiting: deps.metrics.backpressure_seconds_total.with_label_values(&["sink"]),
            metrics: deps.metrics,
            clock: deps.clock,
            producer: deps.producer,
            worker: deps.worker,
            origin: deps.origin,
            ended,
            lines: native::Lines::default(),
        };
        Ok((sinks, acknowledgements))
    }

    /// Another pipeline's sending half over the same sinks: what is pushed through it is acknowledged to it alone.
    pub fn another(&self, origin: Origin, metrics: Metrics) -> (Self, Acknowledgements) {
        let (acknowledger, acknowledgements) = acknowledgement::channel(self.ended.clone());
        let sinks = Self {
            open: Arc::clone(&self.open),
            router: self.router.without_routes(),
            acknowledger,
            dead_letters: self.dead_letters.clone(),
            waiting: metrics.backpressure_seconds_total.with_label_values(&["sink"]),
            metrics,
            clock: Arc::clone(&self.clock),
            producer: self.producer.clone(),
            worker: self.worker.clone(),
            origin,
            ended: self.ended.clone(),
            lines: native::Lines::default(),
        };
        (sinks, acknowledgements)
    }

    /// Replaces what holds for single detections, from the next [`Sinks::push`] on. At the start nothing does. Returns
    /// whether that was something else.
    pub fn set_routes(&mut self, routes: Routes) -> bool {
        self.router.set_routes(routes)
    }

    /// Waits until [`Sinks::push`] may be called once: every required sink's queue, and that of the dead letters, holds
    /// less than its limit (BD-1). Time spent waiting is counted as back-pressure. Cancel-safe.
    pub async fn ready(&self) {
        if self.has_room() {
            return;
        }
        let _waiting = self.waiting();
        for sink in self.open.0.iter().filter(|sink| sink.required) {
            sink.queue.budget().room().await;
        }
        self.dead_letters.ready().await;
    }

    /// As [`Sinks::ready`], for a dead letter of the engine, which [`DeadLetters::push`] takes: it waits for no sink.
    pub async fn ready_for_dead_letter(&self) {
        if !self.dead_letters.has_room() {
            let _waiting = self.waiting();
            self.dead_letters.ready().await;
        }
    }

    /// Queues a risk event for every sink that gets it. One that none gets is counted, and done at once. Never blocks.
    ///
    /// Call it once after each [`Sinks::ready`]: a required sink takes the event in any case, so that the bound is
    /// exceeded by one event of each pipeline at most. A best-effort sink without room drops it: counted, and sent to the dead letters.
    pub fn push(&mut self, event: RiskEvent) {
        let key = DeliveryKey { id: event.id, stage: event.stage };
        let routed = self.router.sinks_of(&event.detection, event.stage);
        let sinks: Vec<_> = routed.iter().flatten().map(|index| &self.open.0[*index]).collect();
        let mut shares = self.acknowledger.shares(key, sinks.iter().filter(|sink| sink.required).count());
        if let Err(reason) = routed {
            self.count_withheld(&event, reason);
            return;
        }
        // Out of `self`, all of which `meta` borrows.
        let mut lines = std::mem::take(&mut self.lines);
        let meta = self.meta();
        let line = Bytes::copy_from_slice(lines.line(&event, &meta));
        let queued_at = Instant::now();
        for sink in sinks {
            let share = if sink.required { shares.pop() } else { None };
            let delivery = |body| Delivery { key, line: line.clone(), body, queued_at, share };
            match sink.format.body(&event, &meta, &line) {
                Ok(body) => self.queue(sink, delivery(body)),
                Err(detail) => self.refuse_unwritten(sink, delivery(Body::native(&line)), detail),
            }
        }
        self.lines = lines;
    }

    /// Deliveries that are waiting, in flight, or waiting to be tried again, over all sinks.
    pub fn pending(&self) -> usize {
        self.open.0.iter().map(|sink| sink.queue.pending()).sum()
    }

    /// The sinks, the dead-letter file included, with a delivery that fails and is still to be made.
    pub fn blocked(&self) -> Vec<BlockedSink> {
        self.health().blocked()
    }

    /// A handle that answers [`Sinks::blocked`] elsewhere.
    pub fn health(&self) -> SinkHealth {
        SinkHealth { sinks: Arc::clone(&self.open.0), dead_letters: self.dead_letters.health() }
    }

    /// Holds why a worker ended before the close; the pipeline watches it.
    pub fn ended(&self) -> watch::Receiver<Option<SinkEnd>> {
        self.ended.clone()
    }

    /// No more pushes. The workers finish what is queued until [`SinkDeps::stop`]; [`Acknowledgements::next`] gives
    /// what they still acknowledge, then, once the last pipeline has closed its own, none.
    pub fn close(self) {
        drop(self.open);
    }

    /// Whether [`Sinks::ready`] would not wait.
    pub fn has_room(&self) -> bool {
        let mut required = self.open.0.iter().filter(|sink| sink.required);
        required.all(|sink| sink.queue.budget().has_room()) && self.dead_letters.has_room()
    }

    fn waiting(&self) -> Waiting<'_> {
        Waiting { since: Instant::now(), seconds: &self.waiting }
    }

    fn count_withheld(&self, event: &RiskEvent, reason: Withheld) {
        let labels = [event.detection.name.as_str(), event.stage.as_str(), reason.as_str()];
        self.metrics.risk_events_withheld_total.with_label_values(&labels).inc();
    }

    fn queue(&self, sink: &Arc<Sink>, delivery: Delivery) {
        if sink.required || sink.queue.budget().admits(delivery.bytes()) {
            sink.queue.push(delivery);
            return;
        }
        sink.metrics.dropped.inc();
        sink.refuse(&self.dead_letters, delivery, RefusalReason::QueueFull, "the queue is full".to_owned());
    }

    fn refuse_unwritten(&self, sink: &Sink, delivery: Delivery, detail: String) {
        sink.metrics.dead_lettered.inc();
        sink.refuse(&self.dead_letters, delivery, RefusalReason::NotWritten, detail);
    }

    fn meta(&self) -> native::Meta<'_> {
        native::Meta {
            emitted_at: (self.clock)(),
            producer: &self.producer,
            worker: &self.worker,
            stream: &self.origin.stream,
            source: self.origin.source.as_deref(),
        }
    }
}

/// Those of all sinks, in their order.
///
/// # Errors
/// The first template that cannot be used.
pub fn formats(configs: &[SinkConfig]) -> Result<Vec<BodyFormat>, SinkError> {
    let format = |config: &SinkConfig| {
        BodyFormat::of(&config.format).map_err(|problem| SinkError::Template { sink: config.name.clone(), problem })
    };
    configs.iter().map(format).collect()
}

/// Counts the time from its making to its drop, which is also how a `select!` ends a wait.
struct Waiting<'a> {
    since: Instant,
    seconds: &'a Counter,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.seconds.inc_by(Instant::now().saturating_duration_since(self.since).as_secs_f64());
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod volume;
