//! Who stops the daemon, changes its detections, and sees whether it comes to rest.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use trailrisk::engine::{Checkpoint, Position};
use trailrisk::metrics::Metrics;
use trailrisk::pipeline::{Reload, Reloaded};
use trailrisk::sink::Routes;

use crate::world::{State, World};

/// How long after the last record everything must be closed, delivered and stored, in milliseconds.
const PATIENCE: i64 = 600_000;
/// Behind the last record every window is closed after this, in milliseconds.
const LAST_CLOSE: i64 = 60_000;

/// When the stop comes.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// After so many milliseconds.
    After(i64),
    /// Once all is done.
    Rest,
}

/// ST-1: the signal.
pub async fn stop(world: Arc<World>, goal: Goal, stop: CancellationToken) {
    match goal {
        Goal::After(millis) => world.wait(millis).await,
        Goal::Rest => rest(&world).await,
    }
    world.note(|| "STOP".to_owned());
    let now = world.now();
    world.state().stopping = Some(now);
    stop.cancel();
}

/// Until nothing is left to do; a daemon that does not come to that is stuck.
async fn rest(world: &World) {
    let give_up = world.now().max(world.log.settled()) + PATIENCE;
    while !is_at_rest(world) {
        world.wait(2_000).await;
        if world.now() > give_up {
            let state =
                format!("{:?}", world.state().durable.as_ref().map(|durable| (durable.horizon, &durable.shards)));
            world.violate("progress", || format!("it does not come to rest: {state}"));
            return;
        }
    }
}

/// CP-2: everything is read, closed, released, and nothing is held.
fn is_at_rest(world: &World) -> bool {
    let state = world.state();
    let Some(durable) = &state.durable else { return false };
    let all_read = world.log.shards.iter().enumerate().all(|(ix, shard)| {
        let ancestors_only = || is_known_by_children(world, durable, ix);
        durable.shards.get(&shard.id).map_or_else(ancestors_only, |row| {
            let end = if row.drained { Position::End } else { last_position(world, ix, row.start) };
            let end = if is_all_gone(world, &state, ix) { row.processed.clone() } else { end };
            row.resume_after == end && row.processed == end && row.drained == shard.closed.is_some()
        })
    });
    all_read && durable.horizon.0 > world.log.settled() + LAST_CLOSE
}

/// CP-8: nothing is left that could be read.
fn is_all_gone(world: &World, state: &State, ix: usize) -> bool {
    world.habits.trims && state.trimmed[ix] == world.log.shards[ix].records.len()
}

/// A shard that has left the checkpoint, because it and its children were done.
fn is_known_by_children(world: &World, durable: &Checkpoint, ix: usize) -> bool {
    let children = &world.log.shards[ix].children;
    !children.is_empty()
        && children.iter().all(|child| {
            durable.shards.contains_key(&world.log.shards[*child].id) || is_known_by_children(world, durable, *child)
        })
}

fn last_position(world: &World, ix: usize, start: trailrisk::engine::StartPosition) -> Position {
    let readable = world.log.shards[ix].records.iter().skip(world.log.first_index(ix, start));
    readable.last().map_or(Position::Start, |record| record.position.clone())
}

/// RD-3: whether a shard was given up for a while.
pub async fn watch_stalls(world: Arc<World>, metrics: Metrics) {
    let stalled = metrics.kinesis_shards.with_label_values(&["simulation", "stalled"]);
    loop {
        world.wait(5_000).await;
        if stalled.get() > 0 {
            world.seen("a stall");
        }
    }
}

/// WN-7: other detections, or the same ones again, at random moments.
pub async fn reload(world: Arc<World>, reloads: mpsc::Sender<Reload>) {
    for _ in 0..world.below(3) {
        world.wait(world.below(60_000)).await;
        let changes = world.habits.changes && !world.state().calm;
        if changes {
            world.change_detections();
        }
        let (done, outcome) = oneshot::channel();
        let plans = world.state().active.iter().map(|detection| Arc::clone(&detection.plan)).collect();
        let reload = Reload {
            plans,
            routes: Routes::default(),
            files: Vec::new(),
            filters: Vec::new(),
            decode_all: world.habits.decode_all,
            done,
        };
        world.note(|| format!("RELOAD {changes}"));
        if reloads.send(reload).await.is_err() {
            return;
        }
        let Ok(outcome) = outcome.await else { return };
        world.note(|| format!("{outcome:?}"));
        world.seen(if changes { "other detections" } else { "the same detections again" });
        let expected = if changes { Reloaded::InForce } else { Reloaded::Unchanged };
        world.require(outcome == expected, "WN-7", || format!("a reload is {outcome:?}, not {expected:?}"));
    }
}

impl World {
    /// Each detection as it was, in another version, or not at all; the first one in a version that was never before,
    /// so that every change activates something, which says where it was cut.
    pub fn change_detections(&self) {
        let mut state = self.state();
        let state = &mut *state;
        state.version += 1;
        let mut active = vec![self.detections[0].changed(state.version)];
        for detection in &self.detections[1..] {
            match state.rng.below(5) {
                0 => {}
                1 | 2 => active.push(detection.changed(2)),
                _ => active.push(detection.clone()),
            }
        }
        let is_new = |new: &&crate::detections::Detection| state.known.iter().all(|known| known.name() != new.name());
        let new: Vec<_> = active.iter().filter(is_new).cloned().collect();
        state.known.extend(new);
        state.active = active;
    }
}
