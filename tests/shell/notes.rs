//! What isolation keeps beside the checkpoint (PO-2): it outlives crashes, and its writes fail for a while now and then.

use std::fmt;
use std::io;
use std::sync::Arc;

use trailrisk::checkpoint::{Notes, StoreError};

use crate::world::World;

/// One process's handle; what it holds is the world's.
pub struct SimNotes(pub Arc<World>);

impl Notes for SimNotes {
    fn place(&self) -> String {
        "the simulated notes".to_owned()
    }

    fn read(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.state().notes.clone())
    }

    fn write(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let world = &self.0;
        // The life at hand tries an attempt again until it is noted, also where all else is calm.
        let is_attempt = String::from_utf8_lossy(bytes).contains(r#""attempt":{"#);
        if world.state().zombie {
            // The table's own notes have the epoch of their writer.
            return Ok(());
        }
        let fails = if is_attempt { world.chance(world.habits.store) } else { world.mishap(world.habits.store) };
        if fails {
            world.seen(if is_attempt { "an attempt that cannot be noted" } else { "a note that fails" });
            world.note(|| "note fails".to_owned());
            let source = io::Error::from(io::ErrorKind::StorageFull);
            return Err(StoreError::Io { action: "write", place: self.place(), source });
        }
        world.note(|| format!("noted {}", String::from_utf8_lossy(bytes)));
        world.state().notes = Some(bytes.to_vec());
        world.noted(bytes);
        Ok(())
    }
}

impl fmt::Debug for SimNotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimNotes")
    }
}
