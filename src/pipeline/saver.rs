//! Stores checkpoints beside the pipeline, one at a time: a slow disk must not stop the reading.

use std::time::Duration;

use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::checkpoint::{CheckpointStore, StoreError};
use crate::engine::{Checkpoint, CheckpointTicket};

/// What the release of the store may take, a save that is on its way included.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(5);

/// A handle on the task that owns the store.
pub(super) struct Saver {
    /// None once closed.
    requests: Option<mpsc::Sender<(CheckpointTicket, Checkpoint)>>,
    results: mpsc::Receiver<(CheckpointTicket, Result<(), StoreError>)>,
    idle: bool,
}

impl Saver {
    pub fn start(mut store: impl CheckpointStore) -> Self {
        let (requests, mut requested) = mpsc::channel::<(CheckpointTicket, Checkpoint)>(1);
        let (answers, results) = mpsc::channel(1);
        let work = async move {
            while let Some((ticket, checkpoint)) = requested.recv().await {
                let saved = store.save(&checkpoint).await;
                if answers.send((ticket, saved)).await.is_err() {
                    return;
                }
            }
            store.release().await;
        };
        tokio::spawn(work.in_current_span());
        Self { requests: Some(requests), results, idle: true }
    }

    /// Whether no checkpoint is on its way.
    pub fn is_idle(&self) -> bool {
        self.idle
    }

    /// Sends a checkpoint off. Precondition: idle.
    pub fn save(&mut self, ticket: CheckpointTicket, checkpoint: Checkpoint) {
        debug_assert!(self.idle, "one checkpoint at a time");
        let sent = self.requests.as_ref().is_some_and(|requests| requests.try_send((ticket, checkpoint)).is_ok());
        self.idle = !sent;
    }

    /// The outcome of the checkpoint on its way; does not resolve while there is none. None when the task that owns
    /// the store has died. Cancel-safe.
    pub async fn saved(&mut self) -> Option<(CheckpointTicket, Result<(), StoreError>)> {
        let result = self.results.recv().await;
        self.idle = true;
        result
    }

    /// Lets the next process have the store; returns when that is done, or took too long. Nothing is saved any more.
    pub async fn close(&mut self) {
        self.requests = None;
        let rest = async { while self.results.recv().await.is_some() {} };
        if tokio::time::timeout(RELEASE_TIMEOUT, rest).await.is_err() {
            tracing::warn!("the checkpoint store is still busy; it is left");
        }
    }
}
