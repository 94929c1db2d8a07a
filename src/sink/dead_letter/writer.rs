//! The one task that writes dead letters: in batches, synced, then acknowledged.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use prometheus::IntCounterVec;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::bytes::Bytes;

use super::Shared;
use super::line::{Letter, Receipt};
use super::store::DeadLetterStore;
use crate::sink::health::FailureKind;
use crate::sink::queue::Failing;
use crate::sink::retry::RetryPolicy;
use crate::sink::sinks::WallClock;
use crate::telemetry::{Alarm, Recovered};

/// A batch shares one sync; it ends with the letter that reaches this size.
const BATCH_BYTES: usize = 1024 * 1024;

/// It never gives up: a full disk or a read-only folder is mended by an operator.
const RETRY: RetryPolicy =
    RetryPolicy { min: Duration::from_millis(500), max: Duration::from_secs(30), give_up_after: None };

/// See the module.
pub(super) struct Writer<S> {
    store: S,
    clock: WallClock,
    letters: mpsc::UnboundedReceiver<Letter>,
    shared: Arc<Shared>,
    written: IntCounterVec,
    alarm: Alarm,
}

impl<S: DeadLetterStore> Writer<S> {
    pub(super) fn new(
        store: S,
        clock: WallClock,
        letters: mpsc::UnboundedReceiver<Letter>,
        shared: Arc<Shared>,
        written: IntCounterVec,
    ) -> Self {
        Self { store, clock, letters, shared, written, alarm: Alarm::default() }
    }

    /// Ends when the last sender is gone and everything is written.
    pub(super) async fn run(mut self) {
        while let Some(first) = self.letters.recv().await {
            let (batch, lines) = self.batch(first).await;
            self.keep(lines.into()).await;
            batch.into_iter().for_each(|letter| self.acknowledge(letter));
        }
    }

    /// What waits, and what comes within the time that the place lingers; all of it once nothing more can come.
    async fn batch(&mut self, first: Letter) -> (Vec<Letter>, Vec<u8>) {
        let (mut lines, mut batch) = (first.line(), vec![first]);
        let until = Instant::now() + self.store.linger();
        while lines.len() < BATCH_BYTES {
            let next = match self.letters.try_recv() {
                Ok(letter) => Some(letter),
                Err(_) if Instant::now() >= until => None,
                Err(_) => tokio::time::timeout_at(until, self.letters.recv()).await.unwrap_or_default(),
            };
            let Some(letter) = next else { break };
            lines.extend_from_slice(&letter.line());
            batch.push(letter);
        }
        (batch, lines)
    }

    /// Returns once the lines are durable, however long that takes.
    async fn keep(&self, lines: Bytes) {
        let (at, mut backoff) = ((self.clock)(), RETRY.backoff());
        while let Err(error) = self.store.keep(&lines, at).await {
            self.report(&error);
            tokio::time::sleep(backoff.pause(None)).await;
        }
        self.shared.set_failing(None);
        if let Some(Recovered { times, seconds }) = self.alarm.clear() {
            tracing::info!(attempts = times, seconds, "dead letters are written again");
        }
    }

    fn report(&self, error: &io::Error) {
        let since = self.shared.failing().map_or_else(Instant::now, |failing| failing.since);
        let detail = format!("cannot write dead letters: {error}");
        self.shared.set_failing(Some(Failing { since, kind: FailureKind::Unavailable, detail }));
        if let Some(repeats) = self.alarm.raise() {
            tracing::error!(%error, repeats, "cannot write dead letters; they are held and retried");
        }
    }

    fn acknowledge(&self, letter: Letter) {
        self.written.with_label_values(&[letter.origin()]).inc();
        self.shared.give_back(&letter);
        match letter.receipt() {
            // A receiving half that is gone belongs to a pipeline that is gone.
            Receipt::Record(id, ids) => drop(ids.send(id)),
            Receipt::Sink(share) => share.into_iter().for_each(crate::sink::acknowledgement::Share::acknowledge),
        }
    }
}
