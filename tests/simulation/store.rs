//! The fake checkpoint store: one document, replaced atomically, some time after it was given.

use std::collections::VecDeque;

use trailrisk::engine::{Checkpoint, CheckpointTicket};

use crate::rng::Rng;

/// What is durable, and what is being written.
#[derive(Debug, Default)]
pub struct Store {
    pub durable: Option<Checkpoint>,
    /// Every checkpoint that ever was durable, for backtests.
    #[cfg(feature = "daemon")]
    pub kept: Vec<Checkpoint>,
    writing: VecDeque<(CheckpointTicket, Checkpoint)>,
}

impl Store {
    /// Begins to write a checkpoint.
    pub fn begin(&mut self, ticket: CheckpointTicket, checkpoint: Checkpoint) {
        self.writing.push_back((ticket, checkpoint));
    }

    /// How many writes are under way.
    pub fn writing(&self) -> usize {
        self.writing.len()
    }

    /// Ends the oldest write. The engine may be told.
    pub fn finish_one(&mut self) -> Option<CheckpointTicket> {
        let (ticket, checkpoint) = self.writing.pop_front()?;
        // As the file holds it: through its JSON.
        let text = serde_json::to_string(&checkpoint).expect("a checkpoint serialises");
        let stored: Checkpoint = serde_json::from_str(&text).expect("a checkpoint is read back");
        #[cfg(feature = "daemon")]
        self.kept.push(stored.clone());
        self.durable = Some(stored);
        Some(ticket)
    }

    /// The process is gone. Of the writes under way some became durable, the others never will be.
    pub fn crash(&mut self, rng: &mut Rng) {
        for _ in 0..rng.index(self.writing.len() + 1) {
            self.finish_one();
        }
        self.writing.clear();
    }
}
