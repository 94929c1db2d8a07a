//! A checkpoint that is gone with the process: for trials and for the simulation of restarts.

use std::sync::{Arc, Mutex, PoisonError};

use super::{CheckpointStore, StoreError, progress};
use crate::engine::Checkpoint;

/// Keeps the checkpoint in memory. A clone is the same store, as the next process would find it.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    stored: Arc<Mutex<Option<Checkpoint>>>,
}

impl CheckpointStore for MemoryStore {
    async fn load(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        Ok(self.stored.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    async fn save(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let mut stored = self.stored.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(detail) = stored.as_ref().and_then(|stored| progress::step_back(stored, checkpoint)) {
            return Err(StoreError::Newer { place: "memory".to_owned(), detail });
        }
        *stored = Some(checkpoint.clone());
        Ok(())
    }
}
