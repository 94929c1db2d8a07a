//! Where the starts are kept: `<checkpoint>.starts`, one JSON document, replaced whole. The lock of the checkpoint guards
//! it as well.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::starts::{STARTS_VERSION, Starts};
use crate::checkpoint::{STARTS_SUFFIX, StoreError, beside, io_error, write_whole};

/// The file of one checkpoint.
#[derive(Debug)]
pub(super) struct StartsFile(PathBuf);

impl StartsFile {
    /// Beside the checkpoint at this path.
    pub fn of(checkpoint: &Path) -> Self {
        Self(beside(checkpoint, STARTS_SUFFIX))
    }

    /// What it holds; none if it does not exist.
    pub fn read(&self) -> Result<Option<Starts>, StoreError> {
        let bytes = match std::fs::read(&self.0) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(io_error("read", &self.0, source)),
        };
        let unreadable = |detail| StoreError::Unreadable { place: self.0.display().to_string(), detail };
        decode(&bytes).map(Some).map_err(unreadable)
    }

    /// Replaces it; returns once that is durable.
    pub fn write(&self, starts: &Starts) -> Result<(), StoreError> {
        let bytes = serde_json::to_vec(starts).expect("plain data with text keys is JSON");
        write_whole(&self.0, &bytes).map_err(|source| io_error("write", &self.0, source))
    }
}

fn decode(bytes: &[u8]) -> Result<Starts, String> {
    const ADVICE: &str = "removing the file forgets which records are isolated (PO-2)";
    let value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| format!("{error}; {ADVICE}"))?;
    match value["version"].as_u64() {
        Some(version) if version == u64::from(STARTS_VERSION) => {}
        Some(version) => {
            return Err(format!(
                "its format is {version}, this build reads {STARTS_VERSION}; use the build that wrote it"
            ));
        }
        None => return Err(format!("it has no version; {ADVICE}")),
    }
    serde_json::from_value(value).map_err(|error| format!("{error}; {ADVICE}"))
}
