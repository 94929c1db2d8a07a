//! WN-7: detections change between two processes. The old plan drains, the new one counts from the cut on, nothing is
//! lost between them, and what the cut went through says so.

use std::collections::BTreeMap;

use trailrisk::engine::{Checkpoint, Position};
use trailrisk::risk_event::Pane;

use crate::checks::{Verdict, Violation, require};
use crate::detections::Detection;
use crate::log::Log;
use crate::oracle::{self, Key, Placed, assign};
use crate::rng::Rng;
use crate::run::Run;
use crate::verdict;
use crate::world::{Options, World};

/// Where the plans were cut: `P` of each shard that was known then.
struct Cut {
    processed: Vec<Option<Position>>,
    /// The newest effective arrival at or before it.
    newest: i64,
    /// What was released at it.
    horizon: i64,
}

impl Cut {
    fn at(log: &Log, durable: &Checkpoint) -> Self {
        let rows = log.shards.iter().map(|shard| durable.shards.get(&shard.id));
        Self {
            processed: rows.map(|row| row.map(|row| row.processed.clone())).collect(),
            newest: durable.shards.values().map(|row| row.processed_arrival.0).max().unwrap_or(i64::MIN),
            horizon: durable.horizon.0,
        }
    }

    /// A shard that was not known at the cut lies behind it.
    fn is_before(&self, log: &Log, at: &Placed<'_>) -> bool {
        let position = &log.shards[at.shard].records[at.record].position;
        self.processed[at.shard].as_ref().is_none_or(|processed| position > processed)
    }
}

/// Which version of each detection is active before the first cut and after each.
struct History {
    active: Vec<Vec<Detection>>,
    cuts: Vec<Cut>,
}

impl History {
    /// Whether a version counts an event.
    fn counts(&self, log: &Log, name: &str, at: &Placed<'_>) -> bool {
        let epoch = self.cuts.iter().filter(|cut| cut.is_before(log, at)).count();
        self.active[epoch].iter().any(|detection| detection.name() == name)
    }
}

/// A few changes, each at a clean stop; crashes only after the last one, so that no process has told of what a later cut
/// takes away.
pub fn run(world: &World, seed: u64, trace: bool) -> Result<(), (Violation, Vec<String>)> {
    let options = Options { plan_changes: true, trace, ..Options::default() };
    let mut run = Run::new(world, options, seed);
    let placed = oracle::place(&world.log);
    let outcome = changes(&mut run, &mut Rng::new(seed, 4)).and_then(|history| judge(&run, &placed, &history));
    outcome.map_err(|violation| (violation, std::mem::take(&mut run.trace)))
}

fn changes(run: &mut Run<'_>, rng: &mut Rng) -> Result<History, Violation> {
    let mut history = History { active: vec![run.active.clone()], cuts: vec![] };
    run.list_shards()?;
    for _ in 0..1 + rng.index(3) {
        run.steps(30 + rng.below(150), false)?;
        let active = another(&run.world.detections, rng);
        run.change_to(active.clone())?;
        let durable = run.store.durable.as_ref().expect("a stop stores a checkpoint");
        history.cuts.push(Cut::at(&run.world.log, durable));
        history.active.push(active);
    }
    run.steps(150, true)?;
    run.settle()?;
    Ok(history)
}

/// Each detection as it was, in another version, or not at all.
fn another(detections: &[Detection], rng: &mut Rng) -> Vec<Detection> {
    let changed = detections.iter().filter_map(|detection| match rng.below(5) {
        0 => None,
        1 | 2 => Some(detection.changed(2)),
        _ => Some(detection.clone()),
    });
    changed.collect()
}

fn judge(run: &Run<'_>, placed: &[Placed<'_>], history: &History) -> Verdict {
    let log = &run.world.log;
    let mut got = verdict::received(run);
    let marks: BTreeMap<Key, bool> = got.iter().map(|(key, body)| (key.clone(), body.partial)).collect();
    let mut expected = BTreeMap::new();
    for detection in &run.known {
        let name = detection.name();
        let counted: Vec<_> = placed.iter().filter(|at| history.counts(log, &name, at)).copied().collect();
        expected.extend(oracle::evaluate_one(detection, &counted, &|_| false));
        for (key, partial) in marks.iter().filter(|(key, _)| key.detection == name) {
            let cut = is_cut(detection, key, placed, &|at| history.counts(log, &name, at));
            require(*partial || !cut, "WN-7", || format!("cut, and does not say so: {key:?}"))?;
            let excused = cut || may_be_cut(detection, key, log.started_at.0, &history.cuts);
            require(!*partial || excused, "WN-7", || format!("not cut, and says so: {key:?}"))?;
        }
    }
    got.values_mut().for_each(|body| body.partial = false);
    verdict::compare(&expected, &got)
}

/// Whether events of the instance's group stand on the other side of a cut.
fn is_cut(detection: &Detection, key: &Key, placed: &[Placed<'_>], counts: &dyn Fn(&Placed<'_>) -> bool) -> bool {
    let of_group = placed.iter().filter(|at| {
        let (window, pane, _) = assign(detection, at.event.time, at.effective);
        let groups = detection.rule.groups(at.event);
        let same = (window, pane) == (key.window, key.pane) && groups.contains(&key.group);
        same && detection.rule.matches(at.event) && key.event.as_ref().is_none_or(|event| *event == at.event.id)
    });
    of_group.into_iter().any(|at| !counts(at))
}

/// Whether the instance was gathering at a cut, or before the first start.
fn may_be_cut(detection: &Detection, key: &Key, started_at: i64, cuts: &[Cut]) -> bool {
    let from = oracle::gathers_from(key);
    let on_time = matches!(key.pane, Pane::OnTime | Pane::Forced(_));
    let earliest = if on_time { from - detection.skew } else { from };
    let close_at = if on_time { from + detection.window + detection.grace } else { from + detection.window };
    from < started_at || cuts.iter().any(|cut| earliest <= cut.newest && close_at > cut.horizon)
}
