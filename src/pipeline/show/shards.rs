//! The shards that are read, and those that wait.

use super::{Scene, Show, instant, lag, tenths, text};
use crate::engine::{ShardLife, ShardProgress, WatermarkHold};
use crate::source::Reading;
use crate::status::{self, Shard, ShardState};
use crate::time::Arrival;

impl Show {
    /// Stalled ones first, then those that are behind, each by id: rows that change places every second cannot be read.
    pub(super) fn shards(&self, scene: &Scene<'_>) -> Vec<Shard> {
        let hold = scene.engine.watermark_hold();
        let living = scene.engine.shard_progress().into_iter().filter(|shard| shard.life != ShardLife::Drained);
        let mut shards: Vec<_> = living
            .map(|shard| {
                let reading = scene.readings.get(&shard.shard).cloned().unwrap_or_default();
                let holds = hold.as_ref() == Some(&WatermarkHold::Shard(shard.shard.clone()));
                self.shard(&shard, reading, holds)
            })
            .collect();
        let expected = self.shown.expected_lag.as_secs_f64();
        shards.sort_by_key(|shard| rank(shard, expected));
        shards
    }

    fn shard(&self, shard: &ShardProgress, reading: Reading, holds_watermark: bool) -> Shard {
        let noticed = self.stalled.get(&shard.shard).map(|at| text(*at));
        Shard {
            id: shard.shard.to_string(),
            state: state(shard, &reading),
            stalled_since: noticed.map(|noticed| reading.last_read.and_then(instant).unwrap_or(noticed)),
            behind_latest_seconds: reading.behind_latest.map(tenths),
            read_through: instant(shard.read_through),
            lag_seconds: lag(shard.read_through),
            last_read: instant(reading.last_read.unwrap_or(Arrival::MIN)),
            holds_watermark,
            paused: shard.paused,
            failure: reading.failure,
            request_id: reading.request_id,
        }
    }
}

fn rank(shard: &Shard, expected_lag: f64) -> u8 {
    match shard {
        shard if shard.state == ShardState::Stalled => 0,
        shard if shard.lag_seconds.is_some_and(|lag| status::is_behind(lag, expected_lag)) => 1,
        _ => 2,
    }
}

fn state(shard: &ShardProgress, reading: &Reading) -> ShardState {
    match shard.life {
        _ if shard.stalled => ShardState::Stalled,
        ShardLife::Waiting => ShardState::Waiting,
        ShardLife::Reading | ShardLife::Drained if reading.closed => ShardState::Draining,
        ShardLife::Reading | ShardLife::Drained => ShardState::Open,
    }
}
