//! The status page: what is shown of the daemon, the sentence above it, and how both are written.
//!
//! Owns: the plain data of the page and of `/api/status` (one struct for both), the verdict on it, the HTML. The
//! pipeline's task publishes a [`Snapshot`] on its tick; whoever is asked completes the newest one with readiness and
//! liveness. Deliberately absent: HTTP (`admin`), where the figures come from (`pipeline`), anything that changes the
//! daemon, and text of events unless `admin.status_events` asks for it.

mod headline;
mod history;
mod index;
mod model;
mod page;
mod recent;
mod words;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;

pub use headline::{Situation, is_behind};
pub use history::{History, Sampler};
pub use index::{Entry, Index};
pub use model::{
    About, Check, Checkpoint, DeadLetters, Delivery, Detection, DetectionState, Failing, Finding, Health, LastError,
    NullField, OpenWindows, Part, RecentEvent, Shard, ShardState, Sink, Snapshot, State, Status, Stream, Watermark,
    WatermarkHold,
};
pub use page::{Page, Section, json};
pub use recent::RecentEvents;

/// Where the pipeline's task puts what is to be shown. The streams of the page end when it is dropped.
#[derive(Debug)]
pub struct Publisher(watch::Sender<Published>);

/// The newest snapshot. Cloning shares it.
#[derive(Clone, Debug)]
pub struct Board(watch::Receiver<Published>);

#[derive(Clone, Debug)]
struct Published {
    snapshot: Arc<Snapshot>,
    at: Instant,
}

/// A board that shows `first` until something is published.
pub fn board(first: Snapshot, now: Instant) -> (Publisher, Board) {
    let (sender, receiver) = watch::channel(Published { snapshot: Arc::new(first), at: now });
    (Publisher(sender), Board(receiver))
}

impl Publisher {
    /// Replaces what is shown. Never waits for a reader.
    pub fn publish(&self, snapshot: Snapshot, now: Instant) {
        self.0.send_replace(Published { snapshot: Arc::new(snapshot), at: now });
    }
}

impl Board {
    /// The newest snapshot, and how long ago it was published.
    pub fn newest(&self, now: Instant) -> (Arc<Snapshot>, Duration) {
        let published = self.0.borrow();
        (Arc::clone(&published.snapshot), now.saturating_duration_since(published.at))
    }

    /// Waits for the next one. False when there will be none any more. Cancel-safe.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}
