//! Which shards must not be read on for now. They are frozen, and never idle (RD-3).

use super::shard::{Life, Shard};
use super::{Engine, ShardId};
use crate::time::Arrival;

/// BD-2: how far ahead of the watermark shards are read while state is short. At the tip they are apart by `tip_slack` and
/// some polls, and read on; in a backlog they go abreast, many at a time. It is little beside the grace of any window, for
/// which the state is held anyway.
const LEAD_MS: i64 = 60_000;

impl Engine {
    /// Whether a shard must not be read on for now: its records wait for the others' replay (CP-5) or for a change of
    /// plans to be durable (WN-7), or it was read beyond the ceiling (BD-2).
    pub fn is_paused(&self, shard: &ShardId) -> bool {
        self.shard(shard).is_some_and(|shard| pauses(shard, self.ceiling()))
    }

    /// Whether records of a shard wait in the engine (CP-5, WN-7): until they go on, no more of it are to be read.
    pub fn has_parked(&self, shard: &ShardId) -> bool {
        self.shard(shard).is_some_and(|shard| !shard.parked.is_empty())
    }

    /// BD-2: up to which arrival shards are to be read while state is nearly full of windows that wait for the slowest of
    /// them; none: without bound.
    ///
    /// Whoever holds the watermark is below it, so reading goes on. Where nobody who holds it is being read, waiting would
    /// stop the others for as long as that lasts: then instances are closed early at the bound, and marked.
    pub fn ceiling(&self) -> Option<Arrival> {
        let nearly_full = self.state_bytes > self.config.max_state_bytes / 4 * 3;
        // During replay a shard that waits for the others may hold the watermark: pausing those would be a deadlock.
        let waits = nearly_full && !self.is_replaying() && self.is_watermark_awaited();
        waits.then(|| self.watermark.plus(LEAD_MS))
    }

    /// Whether a shard that holds `W` is being read.
    fn is_watermark_awaited(&self) -> bool {
        let reads = |shard: &Shard| shard.life == Life::Reading && !shard.stalled;
        self.shards.iter().any(|shard| reads(shard) && shard.read_through == self.watermark)
    }
}

/// Whether a shard is paused under a ceiling.
pub(super) fn pauses(shard: &Shard, ceiling: Option<Arrival>) -> bool {
    !shard.parked.is_empty() || ceiling.is_some_and(|ceiling| shard.read_through > ceiling)
}
