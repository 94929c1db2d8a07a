//! The stored form of a checkpoint: one JSON document that says what it is, and carries a checksum of its content, so
//! that damage is an error and never a different position.
//!
//! `{"format":"trailrisk.checkpoint","version":1,"sha256":"..","checkpoint":{..}}`

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::engine::{CHECKPOINT_VERSION, Checkpoint};

const FORMAT: &str = "trailrisk.checkpoint";
const REPAIR: &str = "restore a copy of the file, or give the position up with `trailrisk checkpoint reset`";

/// The checksum is over the bytes of `checkpoint` as they stand in the document.
#[derive(Serialize, Deserialize)]
struct Document {
    format: String,
    version: u32,
    sha256: String,
    checkpoint: Box<RawValue>,
}

/// The document of a checkpoint: one line, without a newline at its end, so that no shorter text is whole.
pub fn encode(checkpoint: &Checkpoint) -> String {
    let checkpoint =
        serde_json::value::to_raw_value(checkpoint).expect("a checkpoint holds texts, finite numbers and text keys");
    let sha256 = checksum(checkpoint.get());
    let document = Document { format: FORMAT.to_owned(), version: CHECKPOINT_VERSION, sha256, checkpoint };
    serde_json::to_string(&document).expect("a document holds texts and numbers")
}

/// Reads a document.
///
/// # Errors
/// Says what is wrong with it, and what to do.
pub(super) fn decode(bytes: &[u8]) -> Result<Checkpoint, String> {
    let document: Document =
        serde_json::from_slice(bytes).map_err(|error| format!("it is truncated or damaged ({error}); {REPAIR}"))?;
    if document.format != FORMAT {
        return Err(format!(
            "its format is {:?}, not {FORMAT:?}: is it another file, or damaged? {REPAIR}",
            document.format
        ));
    }
    check_version(document.version)?;
    if document.sha256 != checksum(document.checkpoint.get()) {
        return Err(format!("its checksum does not fit its content: it is damaged, or was edited; {REPAIR}"));
    }
    let checkpoint: Checkpoint = serde_json::from_str(document.checkpoint.get())
        .map_err(|error| format!("its content is not that of version {CHECKPOINT_VERSION} ({error}); {REPAIR}"))?;
    check_version(checkpoint.version)?;
    Ok(checkpoint)
}

fn check_version(version: u32) -> Result<(), String> {
    if version > CHECKPOINT_VERSION {
        return Err(format!(
            "it was written by a newer build (version {version}; this build reads {CHECKPOINT_VERSION}): \
             run that build again, or give the position up with `trailrisk checkpoint reset`"
        ));
    }
    if version < CHECKPOINT_VERSION {
        return Err(format!("its version {version} is unknown (this build reads {CHECKPOINT_VERSION}); {REPAIR}"));
    }
    Ok(())
}

fn checksum(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
