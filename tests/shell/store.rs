//! The checkpoint store: slow, failing, and torn by crashes between the request and the write, or between the write and
//! the answer. It refuses to go back (CP-3), as the daemon's own stores do.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use trailrisk::checkpoint::{CheckpointStore, MemoryStore, StoreError};
use trailrisk::engine::{Checkpoint, PlanSpan};

use crate::bugs::Bug;
use crate::detections::name_of;
use crate::world::{State, World};

/// One process's handle; what it holds is the world's.
pub struct SimStore {
    world: Arc<World>,
    disk: MemoryStore,
}

impl SimStore {
    pub async fn open(world: Arc<World>) -> Self {
        let mut disk = MemoryStore::default();
        let durable = world.state().durable.clone();
        if let Some(durable) = durable {
            disk.save(&durable).await.expect("it is the first");
        }
        Self { world, disk }
    }

    async fn write(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let world = Arc::clone(&self.world);
        if world.mishap(world.habits.store / 40) {
            world.seen("a save that hangs");
            world.note(|| "save hangs".to_owned());
            std::future::pending::<()>().await;
        }
        let how = if world.mishap(world.habits.store) { world.below(4) } else { 4 };
        world.state().saving = Some("a crash before a checkpoint is written");
        world.pause(if how == 0 { world.habits.longest().min(60_000) } else { 40 }).await;
        if world.mishap(world.habits.store / 20) {
            let until = world.now() + world.below(60_000);
            world.state().store_down_until = until;
        }
        if how == 1 || world.is_down(|state| state.store_down_until) {
            world.seen("a save that fails");
            world.state().saving = None;
            world.note(|| "save fails".to_owned());
            return Err(failed());
        }
        self.disk.save(checkpoint).await.inspect_err(|error| world.violate("CP-3", || error.to_string()))?;
        world.stored(checkpoint);
        world.state().saving = Some("a crash behind the write of a checkpoint");
        world.note(|| format!("saved {}", summary(checkpoint)));
        world.pause(if how == 0 { 10_000 } else { 40 }).await;
        world.state().saving = None;
        // It is written, but whether that lasts could not be said.
        if how == 2 { Err(failed()) } else { Ok(()) }
    }
}

impl CheckpointStore for SimStore {
    async fn load(&mut self) -> Result<Option<Checkpoint>, StoreError> {
        let world = Arc::clone(&self.world);
        world.counted(world.pause(40)).await;
        let state = world.state();
        Ok(if world.has(Bug::OlderCheckpoint) { state.previous.clone() } else { state.durable.clone() })
    }

    async fn save(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let world = Arc::clone(&self.world);
        if world.has(Bug::StoredBeforeDurable) {
            let (mut disk, checkpoint) = (self.disk.clone(), checkpoint.clone());
            tokio::spawn(async move {
                world.wait(2_000).await;
                disk.save(&checkpoint).await.inspect(|()| world.stored(&checkpoint))
            });
            return Ok(());
        }
        let counts = world.has(Bug::FailedSaveCounts);
        world.counted(self.write(checkpoint)).await.or_else(|error| if counts { Ok(()) } else { Err(error) })
    }
}

fn failed() -> StoreError {
    let source = io::Error::from(io::ErrorKind::StorageFull);
    StoreError::Io { action: "write", place: "the simulated disk".to_owned(), source }
}

/// H, and C and P of every shard.
fn summary(checkpoint: &Checkpoint) -> String {
    let rows = checkpoint.shards.iter().map(|(id, row)| format!(" {id}: {} {}", row.resume_after, row.processed));
    format!("H {}{}", checkpoint.horizon, rows.collect::<String>())
}

impl World {
    /// A checkpoint stands in the store.
    pub fn stored(&self, checkpoint: &Checkpoint) {
        let mut state = self.state();
        state.previous = state.durable.replace(checkpoint.clone());
        state.nothing_goes_back(checkpoint);
        state.note_spans(checkpoint);
        state.note_starts(checkpoint);
    }
}

impl State {
    /// CP-3: whoever writes, nothing that was durable goes back.
    fn nothing_goes_back(&mut self, checkpoint: &Checkpoint) {
        let Some(previous) = &self.previous else { return };
        let rows = checkpoint.shards.iter().filter_map(|(id, row)| Some((row, previous.shards.get(id)?)));
        let kept = rows.map(|(now, then)| now.resume_after >= then.resume_after && now.processed >= then.processed);
        if previous.horizon > checkpoint.horizon || !kept.into_iter().all(|kept| kept) {
            self.violation.get_or_insert(("CP-3", "a checkpoint that goes back is durable".to_owned()));
        }
    }

    /// RD-4: where a shard is begun, and when the stream was, is decided once.
    fn note_starts(&mut self, checkpoint: &Checkpoint) {
        let mut same = *self.started_at.get_or_insert(checkpoint.started_at) == checkpoint.started_at;
        for (shard, row) in &checkpoint.shards {
            same &= *self.starts.entry(shard.clone()).or_insert(row.start) == row.start;
        }
        if !same {
            self.violation.get_or_insert(("RD-4", "the start was resolved again".to_owned()));
        }
    }

    /// WN-7: where each version of a detection counts.
    fn note_spans(&mut self, checkpoint: &Checkpoint) {
        let before = self.previous.iter().flat_map(|before| &before.plans);
        let before: BTreeSet<String> = before.map(|plan| name_of(&plan.text)).collect();
        let now: BTreeSet<String> = checkpoint.plans.iter().map(|plan| name_of(&plan.text)).collect();
        for plan in &checkpoint.plans {
            let name = name_of(&plan.text);
            let was_there = before.contains(&name);
            let times = self.spans.entry(name).or_default();
            // It may have drained and come again since.
            let begun = |spans: &Vec<PlanSpan>| spans.first().map(|span| span.activated);
            if was_there && times.last().is_some_and(|last| begun(last) == begun(&plan.spans)) {
                times.pop();
            }
            times.push(plan.spans.clone());
        }
        // What had nothing open at the cut has left with it.
        let cut = checkpoint.plans.iter().flat_map(|plan| &plan.spans).filter_map(|span| span.activated).max();
        for name in before.difference(&now) {
            let spans = self.spans.get_mut(name).into_iter().flatten().flatten();
            spans.filter(|span| span.retired.is_none()).for_each(|span: &mut PlanSpan| span.retired = cut);
        }
    }
}
