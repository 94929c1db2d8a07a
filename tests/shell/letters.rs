//! The dead-letter file: slow, full for a while, and gone in the middle of an append.

use std::io;
use std::sync::Arc;

use tokio_util::bytes::Bytes;
use trailrisk::sink::DeadLetterStore;

use crate::bugs::Bug;
use crate::world::World;

/// See the module.
pub struct SimLetters(pub Arc<World>);

impl SimLetters {
    async fn write(world: Arc<World>, lines: Bytes) -> io::Result<()> {
        let how = if world.mishap(world.habits.store) { world.below(3) } else { 3 };
        world.pause(if how == 0 { 20_000 } else { 40 }).await;
        if how == 1 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        world.note(|| format!("{} bytes of dead letters", lines.len()));
        world.state().received.take_letters(&lines);
        world.pause(40).await;
        Ok(())
    }
}

impl DeadLetterStore for SimLetters {
    async fn keep(&self, lines: &Bytes, _: jiff::Timestamp) -> io::Result<()> {
        let lines = lines.clone();
        let world = Arc::clone(&self.0);
        match world.bug {
            Some(Bug::LetterBeforeDurable) => {
                tokio::spawn(async move {
                    world.wait(3_000).await;
                    Self::write(world, lines).await
                });
                Ok(())
            }
            Some(Bug::LetterForgotten) => {
                let _ = world.counted(Self::write(Arc::clone(&world), lines)).await;
                Ok(())
            }
            _ => world.counted(Self::write(Arc::clone(&world), lines)).await,
        }
    }
}
