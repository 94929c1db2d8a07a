//! A seed: several lives, each ended by a crash or a stop; then calm, until everything is done; then one more life, which
//! must have nothing to say.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use trailrisk::pipeline::{Ended, PipelineError};
use trailrisk::source::SourceError;

use crate::backtest;
use crate::life::{End, Fate, Process, live};
use crate::supervision::Goal;
use crate::verdict;
use crate::world::World;

/// What a seed came to: the first rule that was broken, if one was, and its trace.
pub struct Outcome {
    pub violation: Option<(&'static str, String)>,
    pub trace: Vec<String>,
    pub seen: BTreeSet<&'static str>,
}

/// Runs it. A panic is a violation, too: assertions are rules.
pub fn run(world: &Arc<World>) -> Outcome {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| lives(world))) {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        world.violate("assertion", || text.unwrap_or_default());
    }
    let trace = world.take_trace();
    let mut state = world.state();
    Outcome { violation: state.violation.take(), trace, seen: std::mem::take(&mut state.seen) }
}

fn lives(world: &Arc<World>) {
    let mut suspended: Option<Process> = None;
    for _ in 0..world.habits.lives {
        if world.habits.changes && world.chance(300) {
            world.change_detections();
        }
        // Whoever supervises it starts it again, until it does.
        let crashed = loop {
            match one_life(world, fate(world)) {
                (End::NoStart(_), _) => {}
                (End::Crash, process) if world.habits.suspended => break Some(process),
                _ => break None,
            }
        };
        if let Some(zombie) = suspended.take() {
            awake(world, zombie);
        }
        suspended = crashed;
        if world.is_violated() {
            return;
        }
    }
    world.state().calm = true;
    let end = rest(world);
    let clean = matches!(end, End::Ended(Ended::Clean));
    world.require(clean, "ST-1", || format!("it was calm, and ended so: {end:?}"));
    if world.is_violated() {
        return;
    }
    let before = world.said();
    one_life(world, Fate { dies_at: u64::MAX, goal: Goal::After(20_000) });
    let after = world.said();
    world.require(before == after, "CP-6", || format!("said after a clean stop, at rest: {before:?}, {after:?}"));
    let end = world.now() + 100_000;
    world.state().received.settle_network(end);
    verdict::judge(world);
    if world.habits.is_exact()
        && world.killers.is_empty()
        && !world.habits.changes
        && !world.has_a_bug()
        && !world.is_violated()
    {
        let calm = world.chance(500);
        world.state().backtest = true;
        world.state().calm = calm;
        backtest::check(world);
    }
}

/// PO-2: after at most five crashes without progress a record is isolated. How far a process comes before it dies is a matter
/// of chance, and each may have come further.
fn rest(world: &Arc<World>) -> End {
    let processed = || {
        let state = world.state();
        let rows = state.durable.iter().flat_map(|durable| &durable.shards);
        rows.map(|(id, row)| (id.clone(), row.processed.clone())).collect::<Vec<_>>()
    };
    let mut most = 6 * world.killers.len();
    loop {
        let before = processed();
        let end = one_life(world, Fate { dies_at: u64::MAX, goal: Goal::Rest }).0;
        let is_stuck = processed() == before;
        if !matches!(end, End::Crash) || (is_stuck && most == 0) {
            return end;
        }
        most -= usize::from(is_stuck);
    }
}

fn fate(world: &World) -> Fate {
    let long = if world.habits.stalls { 300_000 } else { 120_000 };
    let longest = if world.chance(500) { 20_000 } else { long };
    let polls = [60, 600, 6_000][usize::try_from(world.below(3)).expect("one of three")];
    let dies_at =
        if world.killers.is_empty() && world.chance(650) { 1 + world.below(polls).unsigned_abs() } else { u64::MAX };
    Fate { dies_at, goal: Goal::After(1_000 + world.below(longest)) }
}

/// With what is left of it.
fn one_life(world: &Arc<World>, fate: Fate) -> (End, Process) {
    world.state().received.begin_life();
    world.look_for_what_is_not_replayed();
    let (end, process) = live(world, fate);
    is_in_order(world, &end);
    (end, process)
}

/// A process that was suspended goes on behind another's back: whatever it does, the store and all that is told are the
/// same in the end.
fn awake(world: &Arc<World>, process: Process) {
    world.state().received.begin_life();
    let end = process.wake(world);
    match end {
        End::Failed(PipelineError::LeaseLost(_)) => world.seen("a process that was replaced"),
        end => is_in_order(world, &end),
    }
}

fn is_in_order(world: &World, end: &End) {
    world.seen(match end {
        End::Crash => "a crash",
        End::Ended(Ended::Clean) => "a clean stop",
        End::Ended(Ended::DeadlineMissed { .. }) => "a stop that misses its deadline",
        End::NoStart(_) => "no start",
        End::Ended(Ended::ReaderGone { .. }) => "an end behind a closed pipe",
        End::Failed(PipelineError::Checkpoint(_)) => "an end without a checkpoint",
        End::Failed(PipelineError::StoreHangs) => "a store that hangs to the end",
        End::Failed(_) => "a source that fails",
    });
    match end {
        End::Ended(Ended::Clean) => world.state().received.settle(),
        // What the fakes cause, and whoever supervises the daemon answers by another start.
        End::Crash
        | End::Ended(Ended::DeadlineMissed { .. } | Ended::ReaderGone { .. })
        | End::Failed(
            PipelineError::Checkpoint(_)
            | PipelineError::StoreHangs
            | PipelineError::Source(SourceError::Shard { .. } | SourceError::Listing { .. }),
        ) => {}
        End::NoStart(
            SourceError::Unreachable { .. }
            | SourceError::Refused { .. }
            | SourceError::NoConsumer { .. }
            | SourceError::ConsumerRefused { .. }
            | SourceError::Misconfigured { .. }
            | SourceError::Listing { .. }
            | SourceError::NoServerTime,
        ) => {}
        End::NoStart(_) | End::Failed(_) => world.violate("ST-1", || format!("it ended by {end:?}")),
    }
}

impl World {
    pub fn is_violated(&self) -> bool {
        self.state().violation.is_some()
    }

    /// How much was said so far.
    fn said(&self) -> (usize, usize) {
        let state = self.state();
        (state.received.deliveries.len(), state.received.letters.len())
    }
}
