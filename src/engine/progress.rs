//! What people are shown of the engine's state. Nothing here changes anything, and nothing that is computed depends on it.

use super::pause::pauses;
use super::shard::{Life, Shard};
use super::{Engine, ShardId};
use crate::time::Arrival;

/// Where a shard stands in its life (RD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShardLife {
    /// It waits for its parents to be drained.
    Waiting,
    /// It is read.
    Reading,
    /// Its end was processed.
    Drained,
}

/// How far a shard is processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardProgress {
    /// The shard.
    pub shard: ShardId,
    /// Where it stands.
    pub life: ShardLife,
    /// `R`; [`Arrival::MIN`] before its first read.
    pub read_through: Arrival,
    /// RD-3: no successful read for long.
    pub stalled: bool,
    /// CP-5: what an earlier process had done is still read again.
    pub replaying: bool,
    /// CP-5, WN-7, BD-2: it is not read on for now.
    pub paused: bool,
}

/// What `W` waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatermarkHold {
    /// The shard that is processed least far; of several, the first by id.
    Shard(ShardId),
    /// WN-7: a change of detections that no durable checkpoint holds yet.
    Reload,
}

/// The open windows of one plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenWindows {
    /// Instances: a late or future pane is one of its own.
    pub instances: usize,
    /// Groups in them.
    pub groups: usize,
    /// Their estimated size in bytes.
    pub bytes: usize,
    /// When the first of them closes.
    pub next_close: Option<Arrival>,
}

impl Engine {
    /// Every shard, in order of its id.
    pub fn shard_progress(&self) -> Vec<ShardProgress> {
        let shards = self.by_id.values().map(|ix| &self.shards[ix.0 as usize]);
        let ceiling = self.ceiling();
        shards.map(|shard| progress_of(shard, ceiling)).collect()
    }

    /// What `W` waits for; nothing before the start frontier is known, and once every shard is drained.
    pub fn watermark_hold(&self) -> Option<WatermarkHold> {
        let shards = self.frontier_known.then_some(&self.by_id).into_iter().flatten();
        let held = shards.filter_map(|(id, ix)| Some((self.held_at(&self.shards[ix.0 as usize])?, id)));
        let (at, shard) = held.min()?;
        let is_reload = self.held_by_change(at) < at;
        Some(if is_reload { WatermarkHold::Reload } else { WatermarkHold::Shard(shard.clone()) })
    }

    /// The open windows of each plan, in the order of [`Engine::plans`].
    pub fn open_windows(&self) -> Vec<OpenWindows> {
        let mut windows = vec![OpenWindows::default(); self.plans.len()];
        for (key, instance) in &self.open {
            let open = &mut windows[key.plan.0 as usize];
            open.instances += 1;
            open.groups += instance.groups.len();
            open.bytes += instance.bytes();
            // In closing order (WN-6).
            open.next_close.get_or_insert(key.close_at);
        }
        windows
    }

    /// The stream that is read.
    pub fn stream_name(&self) -> &str {
        &self.config.stream.name
    }

    /// `H` of the newest checkpoint: what closed up to here is acknowledged and will not be told again (CP-3).
    pub fn horizon(&self) -> Arrival {
        self.horizon
    }
}

fn progress_of(shard: &Shard, ceiling: Option<Arrival>) -> ShardProgress {
    ShardProgress {
        shard: shard.id.clone(),
        life: match shard.life {
            Life::Waiting => ShardLife::Waiting,
            Life::Reading => ShardLife::Reading,
            Life::Drained => ShardLife::Drained,
        },
        read_through: shard.read_through,
        stalled: shard.stalled,
        replaying: shard.replaying(),
        paused: shard.life == Life::Reading && pauses(shard, ceiling),
    }
}
