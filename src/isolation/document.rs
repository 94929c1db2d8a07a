//! The stored form of the starts: one JSON document in the notes of the checkpoint.

use super::starts::{STARTS_VERSION, Starts};
use crate::checkpoint::{Notes, StoreError};

/// What is kept; none if nothing is.
pub(super) fn read(notes: &dyn Notes) -> Result<Option<Starts>, StoreError> {
    let unreadable = |detail| StoreError::Unreadable { place: notes.place(), detail };
    notes.read()?.map(|bytes| decode(&bytes)).transpose().map_err(unreadable)
}

/// Replaces it; returns once that is durable.
pub(super) fn write(notes: &dyn Notes, starts: &Starts) -> Result<(), StoreError> {
    notes.write(&serde_json::to_vec(starts).expect("plain data with text keys is JSON"))
}

/// Reads a document.
///
/// # Errors
/// Says what is wrong with it, and what to do.
pub(super) fn decode(bytes: &[u8]) -> Result<Starts, String> {
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
