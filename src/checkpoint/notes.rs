//! Bytes beside the checkpoint, which belong to it: what isolation keeps for the next process (PO-2).

use std::fmt::Debug;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::file::{STARTS_SUFFIX, beside, io_error, real, write_whole};

/// A small document, replaced whole, by who holds the store.
pub trait Notes: Debug + Send + Sync {
    /// How people find it.
    fn place(&self) -> String;

    /// What it holds; none if there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces it; returns once that is durable.
    ///
    /// # Errors
    /// When it cannot be written: then what it held still stands.
    fn write(&self, bytes: &[u8]) -> Result<(), StoreError>;
}

/// `<checkpoint>.starts`. The lock of the checkpoint guards it as well.
#[derive(Debug)]
pub struct FileNotes(PathBuf);

impl FileNotes {
    /// Beside the checkpoint at this path, or what a link there leads to.
    ///
    /// # Errors
    /// When links lead in a circle.
    pub fn of(checkpoint: &Path) -> Result<Self, StoreError> {
        Ok(Self::beside(&real(checkpoint)?))
    }

    /// Beside the checkpoint in this file, which is no link.
    pub(super) fn beside(checkpoint: &Path) -> Self {
        Self(beside(checkpoint, STARTS_SUFFIX))
    }
}

impl Notes for FileNotes {
    fn place(&self) -> String {
        self.0.display().to_string()
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        match std::fs::read(&self.0) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read", &self.0, source)),
        }
    }

    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        write_whole(&self.0, bytes).map_err(|source| io_error("write", &self.0, source))
    }
}
