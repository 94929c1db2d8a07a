//! Dead letters: what cannot be decoded, and what a receiver refuses, kept in an append-only file.
//!
//! It is a required sink without a way out: while the file cannot be written, dead letters are held and tried again,
//! never dropped; their queue fills, and reading stops (BD-1, PO-1).

mod file;
mod line;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(super) use line::{Refusal, RefusalReason};
pub use writer::DeadLetterStore;

use self::line::Letter;
use super::budget::Budget;
use super::queue::Failing;
use crate::config::DeadLetterConfig;
use crate::engine::{DeadLetter, DeadLetterId};
use crate::metrics::Metrics;

/// What the queue of dead letters may hold.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// The sending half. Cheap to clone; the writer ends when the last one is gone.
#[derive(Clone)]
pub struct DeadLetters {
    /// Bounded by the budget, in bytes.
    letters: mpsc::UnboundedSender<Letter>,
    shared: Arc<Shared>,
}

/// The receiving half.
pub struct DeadLetterAcknowledgements {
    ids: mpsc::UnboundedReceiver<DeadLetterId>,
}

/// The dead-letter file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the dead-letter file {path}: its folder must exist and be writable", path = path.display())]
pub struct DeadLetterError {
    /// `dead_letter.path`.
    pub path: PathBuf,
    /// The cause.
    pub source: std::io::Error,
}

/// The state of the writer, for `/readyz`.
#[derive(Clone)]
pub(super) struct DeadLetterHealth(Arc<Shared>);

struct Shared {
    budget: Budget,
    failing: Mutex<Option<Failing>>,
}

impl DeadLetters {
    /// Opens the file (made with mode 0600 where there is none) and starts its writer, which ends at once on `stop`.
    ///
    /// # Errors
    /// When the file cannot be opened for appending.
    pub fn start(
        config: &DeadLetterConfig,
        metrics: &Metrics,
        stop: CancellationToken,
    ) -> Result<(Self, DeadLetterAcknowledgements), DeadLetterError> {
        let file = file::AppendFile::new(config.path.clone());
        file.append_now(b"").map_err(|source| DeadLetterError { path: config.path.clone(), source })?;
        Ok(Self::with_store(file, metrics, stop))
    }

    /// As [`DeadLetters::start`], over any implementation of the port.
    #[expect(clippy::disallowed_methods, reason = "the budget bounds the letters, and with them the ids, in bytes")]
    pub fn with_store<S: DeadLetterStore>(
        store: S,
        metrics: &Metrics,
        stop: CancellationToken,
    ) -> (Self, DeadLetterAcknowledgements) {
        let (letters, queued) = mpsc::unbounded_channel();
        let (ids, acknowledged) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { budget: Budget::new(QUEUE_BYTES), failing: Mutex::default() });
        let writer = writer::Writer::new(store, queued, ids, Arc::clone(&shared), metrics.dead_letters_total.clone());
        tokio::spawn(async move { stop.run_until_cancelled_owned(writer.run()).await });
        (Self { letters, shared }, DeadLetterAcknowledgements { ids: acknowledged })
    }

    /// Waits until [`DeadLetters::push`] may be called once: the queue holds less than its limit (BD-1). Cancel-safe.
    pub async fn ready(&self) {
        self.shared.budget.room().await;
    }

    /// Queues a dead letter of the engine; its id is acknowledged once it is durable. Never blocks. Call it once after
    /// each [`DeadLetters::ready`].
    pub fn push(&self, letter: DeadLetter) {
        self.send(Letter::Record(letter));
    }

    /// Queues a risk event that a sink does not deliver; its share is acknowledged once it is durable.
    pub(super) fn push_refusal(&self, refusal: Refusal) {
        self.send(Letter::Sink(refusal));
    }

    pub(super) fn has_room(&self) -> bool {
        self.shared.budget.has_room()
    }

    pub(super) fn health(&self) -> DeadLetterHealth {
        DeadLetterHealth(Arc::clone(&self.shared))
    }

    fn send(&self, letter: Letter) {
        self.shared.budget.take(letter.bytes());
        // The writer is gone only after `stop`: then the letter stays unacknowledged, and the stream gives it again.
        let _ = self.letters.send(letter);
    }
}

impl DeadLetterAcknowledgements {
    /// The next dead letter that is written and synced. None once the writer has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<DeadLetterId> {
        self.ids.recv().await
    }
}

impl DeadLetterHealth {
    pub(super) fn failing(&self) -> Option<Failing> {
        self.0.failing()
    }
}

impl Shared {
    fn failing(&self) -> Option<Failing> {
        self.failing.lock().expect("no holder of this lock can panic").clone()
    }

    fn set_failing(&self, failing: Option<Failing>) {
        *self.failing.lock().expect("no holder of this lock can panic") = failing;
    }
}

#[cfg(test)]
mod tests;
