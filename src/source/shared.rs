//! What the tasks of the source have in common: the port, the settings, the byte budget, the metrics.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::IntGauge;
use tokio::sync::Semaphore;

use super::alarm::FailingCalls;
use super::api::{ApiError, KinesisApi, ListedShard, StreamDescription};
use super::ceiling::Ceiling;
use super::error::SourceError;
use super::fan_out::Registration;
use super::terms::Terms;
use super::{Reading, UserRecords};
use crate::config::SourceConfig;
use crate::engine::ShardId;
use crate::kpl::HashRange;
use crate::metrics::Metrics;
use crate::telemetry::{Alarm, Recovered};
use crate::time::Arrival;

/// What the tasks of the source have in common.
pub(super) struct Shared<A> {
    pub(super) api: A,
    pub(super) settings: SourceConfig,
    /// What the stream was when it was connected to, for what never changes: its names and its creation.
    pub(super) description: StreamDescription,
    /// The rest of it.
    pub(super) terms: Terms,
    /// The registered consumer to read as; none where the stream is polled.
    pub(super) registration: Option<Arc<Registration>>,
    /// BD-1: one permit a byte.
    pub(super) budget: Arc<Semaphore>,
    pub(super) budget_bytes: u32,
    /// BD-2: how far shards are read.
    pub(super) ceiling: Ceiling,
    /// What is said of calls that fail.
    pub(super) failing: FailingCalls,
    /// What is said of holes in the hash keys.
    torn: Alarm,
    metrics: Metrics,
    /// The hash keys of the shards, as they were listed.
    hash_ranges: Mutex<BTreeMap<ShardId, HashRange>>,
    /// The shards that have a consumer, and how it fares.
    reading: Mutex<BTreeMap<ShardId, Reading>>,
}

/// Counts a shard as stalled while it lives.
pub(super) struct StalledMark(IntGauge);

/// Counts a shard as being read while it lives.
pub(super) struct ReadingMark<A> {
    shared: Arc<Shared<A>>,
    shard: ShardId,
}

impl<A: KinesisApi> Shared<A> {
    pub(super) fn new(
        api: A,
        settings: SourceConfig,
        description: StreamDescription,
        budget_bytes: usize,
        metrics: Metrics,
    ) -> Self {
        // Tokio counts what one waiter may take in 32 bits; 4 GiB of records in flight is beyond any use.
        let budget_bytes = u32::try_from(budget_bytes).unwrap_or(u32::MAX).max(1);
        let budget = Arc::new(Semaphore::new(budget_bytes as usize));
        let terms = Terms::of(&description, api.server_time());
        let shared = Self {
            api,
            settings,
            terms,
            description,
            registration: None,
            budget,
            budget_bytes,
            ceiling: Ceiling::none(),
            failing: FailingCalls::default(),
            torn: Alarm::default(),
            metrics,
            hash_ranges: Mutex::default(),
            reading: Mutex::default(),
        };
        for state in ["open", "draining", "stalled"] {
            shared.shards_gauge(state).set(0);
        }
        shared.show_retention();
        shared
    }

    /// Of a stream that is read as the registered consumer of this ARN, if there is one.
    pub(super) fn reading_as(self, consumer: Option<String>) -> Self {
        Self { registration: consumer.map(|arn| Arc::new(Registration::new(&arn))), ..self }
    }

    fn show_retention(&self) {
        let seconds = f64::from(self.terms.retention_hours()) * 3600.0;
        self.metrics.kinesis_stream_retention_seconds.with_label_values(&[self.stream()]).set(seconds);
    }

    /// Counts the shard as being read until the mark is dropped.
    pub(super) fn mark_reading(self: &Arc<Self>, shard: &ShardId) -> ReadingMark<A> {
        self.metrics.know_shard(self.stream(), shard);
        self.lock().insert(shard.clone(), Reading::default());
        ReadingMark { shared: Arc::clone(self), shard: shard.clone() }
    }

    /// Counts a shard as stalled until the mark is dropped.
    pub(super) fn mark_stalled(&self) -> StalledMark {
        let gauge = self.shards_gauge("stalled");
        gauge.inc();
        StalledMark(gauge)
    }

    /// CP-8: whether the stream is still the one that was connected to. One that cannot be described is for the reads
    /// to say.
    ///
    /// # Errors
    /// [`SourceError::Recreated`].
    pub(super) async fn check_identity(&self) -> Result<(), SourceError> {
        self.api.describe().await.map_or(Ok(()), |described| self.learn(&described))
    }

    /// Takes in what the stream is by now.
    ///
    /// # Errors
    /// [`SourceError::Recreated`].
    pub(super) fn learn(&self, described: &StreamDescription) -> Result<(), SourceError> {
        if described.created_at != self.description.created_at {
            return Err(SourceError::Recreated { stream: described.name.clone() });
        }
        self.terms.learn(described, self.api.server_time());
        self.show_retention();
        Ok(())
    }

    /// The trim horizon at this moment, if Kinesis's clock is known.
    pub(super) fn horizon(&self) -> Option<Arrival> {
        self.api.server_time().map(|now| self.terms.horizon(now))
    }

    /// Whether user records of aggregates are held against their shard's hash keys.
    pub(super) fn checks_hash_range(&self) -> bool {
        self.settings.hash_range_check.applies(self.terms.placed_by_key())
    }

    /// The hash keys of a shard; none before a listing shows it.
    pub(super) fn hash_range(&self, shard: &ShardId) -> Option<HashRange> {
        self.hash_ranges.lock().unwrap_or_else(PoisonError::into_inner).get(shard).copied()
    }

    /// Keeps what a listing says of hash keys; those of a shard never change.
    pub(super) fn learn_hash_ranges(&self, listing: &[ListedShard]) {
        let ranges = listing.iter().filter_map(|listed| Some((listed.shard.shard.clone(), listed.hash_range?)));
        *self.hash_ranges.lock().unwrap_or_else(PoisonError::into_inner) = ranges.collect();
    }

    /// `kinesis_shards`, by a listing: open shards, and closed ones that are still read.
    pub(super) fn count_listing(&self, listing: &[ListedShard]) {
        self.learn_hash_ranges(listing);
        let open = listing.iter().filter(|listed| listed.open).count();
        let closed: BTreeSet<_> =
            listing.iter().filter(|listed| !listed.open).map(|listed| &listed.shard.shard).collect();
        let mut draining = 0;
        for (shard, reading) in self.lock().iter_mut() {
            reading.closed = closed.contains(shard);
            draining += i64::from(reading.closed);
        }
        self.shards_gauge("open").set(i64::try_from(open).unwrap_or(i64::MAX));
        self.shards_gauge("draining").set(draining);
    }

    /// User records that were read, and the bytes in which they came.
    pub(super) fn count_records(&self, shard: &ShardId, read: &UserRecords, bytes: usize) {
        let labels = &[self.stream(), shard.as_str()];
        self.metrics.kinesis_records_total.with_label_values(labels).inc_by(read.records.len() as u64);
        self.metrics.kinesis_record_bytes_total.with_label_values(labels).inc_by(bytes as u64);
        for (outcome, aggregates) in [("split", read.split), ("bad", read.bad)] {
            self.metrics.kinesis_aggregates_total.with_label_values(&[self.stream(), outcome]).inc_by(aggregates);
        }
    }

    /// Hash keys that no open shard has.
    pub(super) fn show_holes(&self, holes: &[HashRange]) {
        let count = i64::try_from(holes.len()).unwrap_or(i64::MAX);
        self.metrics.kinesis_hash_range_holes.with_label_values(&[self.stream()]).set(count);
        match holes.first() {
            Some(HashRange { from, to }) => {
                if self.torn.raise().is_some() {
                    tracing::error!(
                        stream = self.stream(), holes = count, %from, %to,
                        "no open shard that Kinesis lists has some hash keys; what is put there may not be read"
                    );
                }
            }
            None => {
                if let Some(Recovered { seconds, .. }) = self.torn.clear() {
                    tracing::info!(stream = self.stream(), seconds, "the open shards have every hash key again");
                }
            }
        }
    }

    /// How a subscription of enhanced fan-out ended.
    pub(super) fn count_subscription(&self, outcome: &str) {
        self.metrics.kinesis_subscriptions_total.with_label_values(&[self.stream(), outcome]).inc();
    }

    /// The shard was read, so far behind its tip.
    pub(super) fn count_read(&self, shard: &ShardId, millis_behind_latest: i64) {
        let labels = &[self.stream(), shard.as_str()];
        let behind = millis_behind_latest as f64 / 1000.0;
        self.metrics.kinesis_shard_behind_latest_seconds.with_label_values(labels).set(behind);
        let now = self.api.server_time();
        self.note(shard, |reading| {
            reading.behind_latest = Some(Duration::from_millis(millis_behind_latest.max(0).unsigned_abs()));
            reading.last_read = now.or(reading.last_read);
            (reading.failure, reading.request_id) = (None, None);
        });
        if let Some(now) = now {
            let last_read = self.metrics.kinesis_shard_last_read_timestamp_seconds.with_label_values(labels);
            last_read.set(now.0 as f64 / 1000.0);
        }
    }

    /// A call for a shard failed.
    pub(super) fn note_failure(&self, shard: &ShardId, error: &ApiError) {
        self.failing.raise(Some(shard), error);
        self.note(shard, |reading| {
            reading.failure = Some(format!("{}: {}", error.operation, error.code));
            reading.request_id.clone_from(&error.request_id);
        });
    }

    /// How reading one shard fares; nothing is known of one that has no consumer.
    pub(super) fn reading(&self, shard: &ShardId) -> Reading {
        self.lock().get(shard).cloned().unwrap_or_default()
    }

    /// The shards that have a consumer.
    pub(super) fn readings(&self) -> BTreeMap<ShardId, Reading> {
        self.lock().clone()
    }

    fn note(&self, shard: &ShardId, note: impl FnOnce(&mut Reading)) {
        if let Some(reading) = self.lock().get_mut(shard) {
            note(reading);
        }
    }

    /// A position could not be continued from.
    pub(super) fn count_possible_loss(&self) {
        self.metrics.kinesis_possible_loss_total.with_label_values(&[self.stream()]).inc();
    }

    /// Reading waited for room.
    pub(super) fn count_backpressure(&self, held: Duration) {
        self.metrics.backpressure_seconds_total.with_label_values(&["read"]).inc_by(held.as_secs_f64());
    }

    /// The error of a listing.
    pub(super) fn unlisted(&self, error: ApiError) -> SourceError {
        SourceError::Listing { stream: self.description.name.clone(), source: Box::new(error) }
    }

    fn stream(&self) -> &str {
        &self.description.name
    }

    fn shards_gauge(&self, state: &str) -> IntGauge {
        self.metrics.kinesis_shards.with_label_values(&[self.stream(), state])
    }
}

impl<A> Shared<A> {
    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ShardId, Reading>> {
        // Nothing that holds it can panic halfway through a change.
        self.reading.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StalledMark {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl<A> Drop for ReadingMark<A> {
    fn drop(&mut self) {
        self.shared.lock().remove(&self.shard);
        self.shared.failing.forget(&self.shard);
    }
}
