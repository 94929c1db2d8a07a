//! The whole source: connects, lists, starts consumers, stops them.
//!
//! Owns: the tasks. Deliberately absent: which shards to read and from where; the engine's [`crate::engine::Output::Read`]
//! says so, and [`Source::start`] obeys.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::{self, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use super::api::{ApiError, ErrorKind, KinesisApi, ListedShard, StreamDescription};
use super::aws::AwsKinesis;
use super::consumer::Consumer;
use super::error::SourceError;
use super::fan_out;
use super::holes::HoleWatch;
use super::shared::Shared;
use super::terms::Terms;
use super::{ReadRequest, Reading, ShardMessage};
use crate::config::{SourceConfig, StartConfig, StreamRef};
use crate::engine::{ShardId, ShardRef, StartPosition};
use crate::metrics::Metrics;
use crate::time::Arrival;

/// Tries at start-up before a failure that may pass is believed.
const START_TRIES: u32 = 3;
/// Pause between them, and before a listing that failed is repeated at the latest.
const START_PAUSE: Duration = Duration::from_secs(1);
const LIST_RETRY: Duration = Duration::from_secs(10);
/// Each further shard begins so much later, so that a thousand do not ask in one instant, and in step ever after.
const START_SPREAD: Duration = Duration::from_millis(1);

/// A connected stream and the tasks that read it. Dropping it stops them; [`Source::shutdown`] also waits for them.
pub struct Source<A: KinesisApi = AwsKinesis> {
    shared: Arc<Shared<A>>,
    messages: mpsc::Sender<ShardMessage>,
    tasks: JoinSet<Result<(), SourceError>>,
    /// The tasks that run, or ended and were not seen yet, and how each is stopped alone.
    running: HashMap<task::Id, (Task, CancellationToken)>,
    shutdown: CancellationToken,
}

#[derive(Debug, PartialEq, Eq)]
enum Task {
    Listing,
    Registration,
    Consumer(ShardId),
}

impl Source {
    /// Connects to the stream with the SDK's standard chain for region and credentials, and asks what it is.
    /// `read_buffer_bytes` bounds the records between the reads and the engine (BD-1). Nothing is read yet.
    ///
    /// # Errors
    /// No region, no credentials, no such stream, no permission, unreachable: each with what to do.
    pub async fn connect(
        config: &SourceConfig,
        read_buffer_bytes: usize,
        messages: mpsc::Sender<ShardMessage>,
        metrics: Metrics,
    ) -> Result<Self, SourceError> {
        let api = AwsKinesis::connect(config, metrics.clone()).await?;
        Self::with_api(api, config, read_buffer_bytes, messages, metrics).await
    }
}

impl<A: KinesisApi> Source<A> {
    /// As [`Source::connect`], over any implementation of the port.
    ///
    /// # Errors
    /// No such stream, no permission, unreachable, not readable.
    pub async fn with_api(
        api: A,
        config: &SourceConfig,
        read_buffer_bytes: usize,
        messages: mpsc::Sender<ShardMessage>,
        metrics: Metrics,
    ) -> Result<Self, SourceError> {
        let description = describe(&api, config).await?;
        if !description.readable {
            return Err(SourceError::NotReadable { stream: description.name, status: description.status });
        }
        let consumer = fan_out::consumer_arn(&api, &config.reader, &description).await?;
        let shared = Shared::new(api, config.clone(), description, read_buffer_bytes, metrics);
        let shared = Arc::new(shared.reading_as(consumer));
        let (tasks, running, shutdown) = (JoinSet::new(), HashMap::new(), CancellationToken::new());
        Ok(Self { shared, messages, tasks, running, shutdown })
    }

    /// What the stream was when it was connected to; for the checks of CP-8.
    pub fn description(&self) -> &StreamDescription {
        &self.shared.description
    }

    /// What may be changed of it since, as of the last look.
    pub fn terms(&self) -> &Terms {
        &self.shared.terms
    }

    /// The trim horizon at this moment: the stream holds nothing that arrived before. None without Kinesis's clock.
    pub fn horizon(&self) -> Option<Arrival> {
        self.shared.horizon()
    }

    /// Kinesis's clock at this moment; none before the first answer that had a `Date`.
    pub fn server_time(&self) -> Option<Arrival> {
        self.shared.api.server_time()
    }

    /// How reading this shard fares; nothing is known of one that is not read.
    pub fn reading(&self, shard: &ShardId) -> Reading {
        self.shared.reading(shard)
    }

    /// How reading each shard fares that is being read.
    pub fn readings(&self) -> BTreeMap<ShardId, Reading> {
        self.shared.readings()
    }

    /// RD-4: where a stream without a checkpoint is begun. `latest` becomes the server's current time; keep it with
    /// the checkpoint.
    ///
    /// # Errors
    /// No server time is known for `latest`, or `at_timestamp` lies in the future.
    pub fn resolve_start(&self) -> Result<StartPosition, SourceError> {
        let now = self.shared.api.server_time();
        match (self.shared.settings.start, now) {
            (StartConfig::TrimHorizon, _) => Ok(StartPosition::TrimHorizon),
            (StartConfig::Latest, now) => now.map(StartPosition::AtTimestamp).ok_or(SourceError::NoServerTime),
            (StartConfig::AtTimestamp(start), Some(now)) if start > now => {
                Err(SourceError::StartInFuture { start, now })
            }
            (StartConfig::AtTimestamp(start), _) => Ok(StartPosition::AtTimestamp(start)),
        }
    }

    /// All shards of the stream, for the start (RD-2). From then on a listing is sent as [`ShardMessage::Listed`]
    /// every `list_interval`.
    ///
    /// # Errors
    /// When the shards cannot be listed.
    pub async fn list(&mut self) -> Result<Vec<ShardRef>, SourceError> {
        let api = &self.shared.api;
        let listing = patiently(|| api.list_shards()).await;
        let listing = listing.map_err(|error| self.shared.unlisted(error))?;
        self.shared.count_listing(&listing);
        if !self.runs(&Task::Listing) {
            let task = list_for_ever(Arc::clone(&self.shared), self.messages.clone());
            self.spawn(Task::Listing, task);
            if let Some(registration) = self.shared.registration.clone() {
                let task = fan_out::stay_registered(Arc::clone(&self.shared), registration);
                self.spawn(Task::Registration, task);
            }
        }
        Ok(shard_refs(listing))
    }

    /// The shards that can hold what arrived at `since` or later, for a range of the stream. No listing follows: whoever
    /// reads a range learns of children at their parents' ends.
    ///
    /// # Errors
    /// When the shards cannot be listed.
    pub async fn list_from(&self, since: Arrival) -> Result<Vec<ShardRef>, SourceError> {
        let api = &self.shared.api;
        let listing = patiently(|| api.list_shards_from(since)).await;
        let listing = listing.map_err(|error| self.shared.unlisted(error))?;
        self.shared.count_listing(&listing);
        Ok(shard_refs(listing))
    }

    /// Whether the stream is still the one that was connected to (CP-8).
    ///
    /// # Errors
    /// [`SourceError::Recreated`].
    pub async fn check_identity(&self) -> Result<(), SourceError> {
        self.shared.check_identity().await
    }

    /// BD-2: no shard is read on that was read beyond this arrival, until it is set anew; none lets all be read.
    pub fn set_ceiling(&self, ceiling: Option<Arrival>) {
        self.shared.ceiling.set(ceiling);
    }

    /// Stops reading a shard: a request in flight is dropped. One that is not read is left alone.
    pub fn stop(&self, shard: &ShardId) {
        let of_shard = |(task, _): &&(Task, CancellationToken)| matches!(task, Task::Consumer(id) if id == shard);
        if let Some((_, stop)) = self.running.values().find(of_shard) {
            stop.cancel();
        }
    }

    /// Starts reading a shard. A shard that is being read already is left alone: never two consumers for one shard.
    pub fn start(&mut self, request: ReadRequest) {
        let task = Task::Consumer(request.shard.clone());
        if self.runs(&task) {
            tracing::warn!(shard = %request.shard, "the shard is being read already; the second request is ignored");
            return;
        }
        tracing::info!(shard = %request.shard, after = %request.after, start = ?request.start, "reading shard");
        let others = self.running.values().filter(|(task, _)| matches!(task, Task::Consumer(_))).count();
        let delay = START_SPREAD * u32::try_from(others).unwrap_or(u32::MAX);
        let delay = delay.min(self.shared.settings.poll_interval);
        let consumer = Consumer::new(Arc::clone(&self.shared), self.messages.clone(), request, delay);
        self.spawn(task, consumer.run());
    }

    /// Resolves when the source cannot go on: a task failed or panicked (ST-1, a critical task). Consumers that come to
    /// the end of their shard are no failure. Safe to drop and call again, as in a `select!`.
    pub async fn failed(&mut self) -> SourceError {
        loop {
            match self.ended().await {
                Some(Ok(())) => {}
                Some(Err(error)) => return error,
                None => std::future::pending().await,
            }
        }
    }

    /// Stops reading (requests in flight are dropped) and waits for every task.
    ///
    /// # Errors
    /// The first task that failed or panicked.
    pub async fn shutdown(mut self) -> Result<(), SourceError> {
        self.shutdown.cancel();
        let mut first = Ok(());
        while let Some(ended) = self.ended().await {
            first = first.and(ended);
        }
        first
    }

    /// How the next task ended; none if none runs.
    async fn ended(&mut self) -> Option<Result<(), SourceError>> {
        match self.tasks.join_next_with_id().await? {
            Ok((id, ended)) => {
                self.running.remove(&id);
                Some(ended)
            }
            Err(error) => {
                let task = self.running.remove(&error.id()).map(|(task, _)| task);
                Some(Err(panicked(task, error)))
            }
        }
    }

    fn runs(&self, task: &Task) -> bool {
        self.running.values().any(|(running, _)| running == task)
    }

    fn spawn(&mut self, task: Task, work: impl Future<Output = Result<(), SourceError>> + Send + 'static) {
        let stop = self.shutdown.child_token();
        let stopped = stop.clone();
        let work = async move { stopped.run_until_cancelled(work).await.unwrap_or(Ok(())) };
        let id = self.tasks.spawn(work.in_current_span()).id();
        self.running.insert(id, (task, stop));
    }
}

/// Sends a listing every `list_interval`. A listing that fails is repeated; only a request that can never succeed, and
/// a stream that is another one by now (CP-8), end the source.
async fn list_for_ever<A: KinesisApi>(
    shared: Arc<Shared<A>>,
    messages: mpsc::Sender<ShardMessage>,
) -> Result<(), SourceError> {
    let interval = shared.settings.list_interval;
    let mut pause = interval;
    let mut holes = HoleWatch::default();
    loop {
        tokio::time::sleep(pause).await;
        match shared.api.list_shards().await {
            Ok(listing) => {
                pause = interval;
                shared.failing.clear(None);
                shared.check_identity().await?;
                shared.count_listing(&listing);
                shared.show_holes(&holes.on_listing(&listing));
                if messages.send(ShardMessage::Listed(shard_refs(listing))).await.is_err() {
                    return Ok(());
                }
            }
            Err(error) if error.kind == ErrorKind::Fatal => return Err(shared.unlisted(error)),
            Err(error) => {
                pause = interval.min(LIST_RETRY);
                shared.failing.raise(None, &error);
            }
        }
    }
}

async fn describe<A: KinesisApi>(api: &A, config: &SourceConfig) -> Result<StreamDescription, SourceError> {
    let described = patiently(|| api.describe()).await;
    described.map_err(|error| start_error(error, config))
}

/// Repeats a call at start-up while its failure may pass.
pub(super) async fn patiently<T, F>(call: impl Fn() -> F) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let mut tries = 1;
    loop {
        match call().await {
            Err(error) if matches!(error.kind, ErrorKind::Retry | ErrorKind::Throttled) && tries < START_TRIES => {
                tracing::warn!(%error, tries, "Kinesis cannot be asked at the start, trying again");
                tries += 1;
                tokio::time::sleep(START_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

fn start_error(error: ApiError, config: &SourceConfig) -> SourceError {
    let endpoint = match (&config.endpoint_url, &config.region) {
        (Some(url), _) => url.clone(),
        (None, Some(region)) => format!("region {region}"),
        (None, None) => "the default region".to_owned(),
    };
    let stream = match &config.stream {
        StreamRef::Name(text) | StreamRef::Arn(text) => text.clone(),
    };
    let (kind, source) = (error.kind, Box::new(error));
    match kind {
        ErrorKind::NotFound => SourceError::NoSuchStream { stream, endpoint, source },
        ErrorKind::Refused => SourceError::Refused { stream, source },
        ErrorKind::Fatal | ErrorKind::NewIterator => SourceError::Misconfigured { stream, source },
        ErrorKind::Retry | ErrorKind::Throttled => SourceError::Unreachable { endpoint, source },
    }
}

fn shard_refs(listing: Vec<ListedShard>) -> Vec<ShardRef> {
    listing.into_iter().map(|listed| listed.shard).collect()
}

fn panicked(task: Option<Task>, error: JoinError) -> SourceError {
    let detail = match error.try_into_panic() {
        Ok(panic) => panic_text(&*panic),
        Err(error) => error.to_string(),
    };
    let task = match task {
        Some(Task::Consumer(shard)) => format!("the consumer of {shard}"),
        Some(Task::Registration) => "the watch over the registered consumer".to_owned(),
        Some(Task::Listing) | None => "the listing of the shards".to_owned(),
    };
    SourceError::Panicked { task, detail }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests;
