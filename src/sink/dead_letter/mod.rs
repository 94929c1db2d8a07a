//! Dead letters: what cannot be decoded, and what a receiver refuses, kept in an append-only file, on standard output or
//! in a bucket.
//!
//! It is a required sink without a way out: while the place cannot be written to, dead letters are held and tried again,
//! never dropped; their queue fills, and reading stops (BD-1, PO-1).

mod bucket;
mod line;
mod store;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use prometheus::IntGauge;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) use line::{Refusal, RefusalReason};
pub use store::DeadLetterStore;

use self::bucket::Bucket;
use self::line::{Letter, Rejection};
use self::store::Place;
use super::append_file::AppendFile;
use super::budget::Budget;
use super::format::Body;
use super::queue::{Delivery, Failing};
use super::sinks::WallClock;
use super::stdout::SharedStdout;
use crate::aws::NoAuthorities;
use crate::config::DeadLetterConfig;
use crate::engine::{DeadLetter, DeadLetterId};
use crate::metrics::ProcessMetrics;

/// What the queue of dead letters may hold.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// The sending half of one pipeline. Cheap to clone; the writer ends when the last one is gone.
#[derive(Clone)]
pub struct DeadLetters {
    /// Bounded by the budget, in bytes.
    letters: mpsc::UnboundedSender<Letter>,
    /// Where its letters are acknowledged; bounded by the letters.
    ids: mpsc::UnboundedSender<DeadLetterId>,
    /// Of its letters, where sources are named.
    source: Option<Arc<str>>,
    shared: Arc<Shared>,
}

/// The receiving half.
pub struct DeadLetterAcknowledgements {
    ids: mpsc::UnboundedReceiver<DeadLetterId>,
}

/// What dead letters are given.
pub struct DeadLetterDeps {
    /// The daemon's metrics.
    pub metrics: ProcessMetrics,
    /// Where `type: stdout` writes.
    pub stdout: SharedStdout,
    /// The wall clock, for the names of objects.
    pub clock: WallClock,
    /// Ends the writer at once (ST-1); what is not stored stays unacknowledged.
    pub stop: CancellationToken,
}

/// The place for dead letters cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    /// The file.
    #[error("cannot open the dead-letter file {path}: its folder must exist and be writable", path = path.display())]
    File {
        /// `dead_letter.path`.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// No region is known.
    #[error("no AWS region is known for dead letters: set dead_letter.region, AWS_REGION, or a region in the profile")]
    NoRegion,
    /// No certificate authorities.
    #[error(transparent)]
    NoAuthorities(#[from] NoAuthorities),
}

/// The state of the writer, for `/readyz`.
#[derive(Clone)]
pub(super) struct DeadLetterHealth(Arc<Shared>);

struct Shared {
    budget: Budget,
    /// Letters of which nobody waits for the acknowledgement.
    unclaimed: watch::Sender<usize>,
    failing: Mutex<Option<Failing>>,
    failing_gauge: IntGauge,
}

impl DeadLetters {
    /// Opens the place (a file is made with mode 0600 where there is none) and starts its writer.
    ///
    /// # Errors
    /// When a file cannot be opened for appending, or no region is known. A bucket that is not there is logged as a
    /// warning; what it refuses shows with the first letter: it is held, and `/readyz` says so.
    pub async fn start(
        config: &DeadLetterConfig,
        deps: DeadLetterDeps,
    ) -> Result<(Self, DeadLetterAcknowledgements), DeadLetterError> {
        let store = match config {
            DeadLetterConfig::File(path) => Place::File(open(path)?),
            DeadLetterConfig::Stdout => Place::Stdout(deps.stdout.clone()),
            DeadLetterConfig::S3(config) => {
                let bucket = Bucket::open(config).await?.ok_or(DeadLetterError::NoRegion)?;
                tokio::spawn(deps.stop.clone().run_until_cancelled_owned(bucket.clone().look()));
                Place::Bucket(bucket)
            }
        };
        Ok(Self::with_store(store, &deps.metrics, deps.clock, deps.stop))
    }

    /// As [`DeadLetters::start`], in any place.
    #[expect(clippy::disallowed_methods, reason = "the budget bounds the letters, and with them the ids, in bytes")]
    pub fn with_store<S: DeadLetterStore>(
        store: S,
        metrics: &ProcessMetrics,
        clock: WallClock,
        stop: CancellationToken,
    ) -> (Self, DeadLetterAcknowledgements) {
        let (letters, queued) = mpsc::unbounded_channel();
        let (ids, acknowledged) = mpsc::unbounded_channel();
        let (budget, failing_gauge) = (Budget::new(QUEUE_BYTES), metrics.dead_letters_failing.clone());
        let (unclaimed, failing) = (watch::Sender::new(0), Mutex::default());
        let shared = Arc::new(Shared { budget, unclaimed, failing, failing_gauge });
        let written = metrics.dead_letters_total.clone();
        let writer = writer::Writer::new(store, clock, queued, Arc::clone(&shared), written);
        tokio::spawn(async move { stop.run_until_cancelled_owned(writer.run()).await });
        (Self { letters, ids, source: None, shared }, DeadLetterAcknowledgements { ids: acknowledged })
    }

    /// Another pipeline's sending half to the same place: its letters say the name of their source, where sources are named,
    /// and are acknowledged to it alone.
    #[expect(clippy::disallowed_methods, reason = "the budget bounds the letters, and with them the ids, in bytes")]
    pub fn another(&self, source: Option<&str>) -> (Self, DeadLetterAcknowledgements) {
        let (ids, acknowledged) = mpsc::unbounded_channel();
        let another = Self { ids, source: source.map(Into::into), ..self.clone() };
        (another, DeadLetterAcknowledgements { ids: acknowledged })
    }

    /// Waits until [`DeadLetters::push`] may be called once: the queue holds less than its limit (BD-1). Cancel-safe.
    pub async fn ready(&self) {
        self.shared.budget.room().await;
    }

    /// Queues a dead letter of the engine; its id is acknowledged once it is durable. Never blocks. Call it once after
    /// each [`DeadLetters::ready`].
    pub fn push(&self, letter: DeadLetter) {
        self.send(Letter::Record(Rejection { letter, source: self.source.clone(), ids: self.ids.clone() }));
    }

    /// Queues a risk event that a sink does not deliver; its share is acknowledged once it is durable.
    /// A letter keeps the line, and the budget counts that alone: the body in the sink's format, which may be many times as
    /// large, is let go (BD-1).
    pub(super) fn push_refusal(&self, refusal: Refusal) {
        let delivery = Delivery { body: Body::native(&refusal.delivery.line), ..refusal.delivery };
        self.send(Letter::Sink(Refusal { delivery, ..refusal }));
    }

    /// Nothing more comes from here. Waits until the letters of best-effort sinks are durable, whoever sent them, but not
    /// beyond the deadline. No other letter is waited for: what it stands for comes again.
    pub async fn close(self, deadline: Instant) {
        let mut unclaimed = self.unclaimed();
        // Without a sender nothing more can come, and a place that lingers need not.
        drop(self);
        let none = unclaimed.wait_for(|letters| *letters == 0);
        let _ = tokio::time::timeout_at(deadline, none).await;
    }

    /// How many letters of best-effort sinks are not durable, whoever sent them. Those that are left when the workers of
    /// all sinks have ended are lost (ST-1): until then a sink may give up more. Keeps no queue open.
    pub fn unclaimed(&self) -> watch::Receiver<usize> {
        self.shared.unclaimed.subscribe()
    }

    pub(super) fn has_room(&self) -> bool {
        self.shared.budget.has_room()
    }

    pub(super) fn health(&self) -> DeadLetterHealth {
        DeadLetterHealth(Arc::clone(&self.shared))
    }

    fn send(&self, letter: Letter) {
        self.shared.take(&letter);
        // The writer is gone only after `stop`: then the letter stays unacknowledged, and the stream gives it again.
        let _ = self.letters.send(letter);
    }
}

fn open(path: &Path) -> Result<AppendFile, DeadLetterError> {
    let file = AppendFile::new(path.to_owned());
    let opened = file.append(b"", true);
    opened.map(|_| file).map_err(|source| DeadLetterError::File { path: path.to_owned(), source })
}

impl DeadLetterAcknowledgements {
    /// The next dead letter that is written and synced. None once no sending half is left, and everything that they sent is
    /// acknowledged or forgotten. Cancel-safe.
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
    fn take(&self, letter: &Letter) {
        self.budget.take(letter.bytes());
        if !letter.is_claimed() {
            self.unclaimed.send_modify(|letters| *letters += 1);
        }
    }

    fn give_back(&self, letter: &Letter) {
        self.budget.give_back(letter.bytes());
        if !letter.is_claimed() {
            self.unclaimed.send_modify(|letters| *letters -= 1);
        }
    }

    fn failing(&self) -> Option<Failing> {
        self.failing.lock().expect("no holder of this lock can panic").clone()
    }

    fn set_failing(&self, failing: Option<Failing>) {
        self.failing_gauge.set(i64::from(failing.is_some()));
        *self.failing.lock().expect("no holder of this lock can panic") = failing;
    }
}

#[cfg(test)]
mod tests;
