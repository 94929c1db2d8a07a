//! WN-7: detections change, while the process runs and between two of them, crashes or not. The old plan drains, the new
//! one counts from the cut on, nothing is lost between them, and what the cut went through says so.

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::engine::{Checkpoint, Engine};

use crate::broken;
use crate::checks::{Verdict, Violation, require};
use crate::detections::{Detection, Rule, name_of};
use crate::log::Log;
use crate::oracle::{self, Body, Key, Placed, assign};
use crate::run::Run;
use crate::verdict;
use crate::world::{Breaks, Options, World};

/// What was active, and from which effective arrival on: the engine chooses the instants, the oracle what follows.
pub struct History {
    epochs: Vec<Epoch>,
    /// Of each shard, the effective arrivals of its records.
    pub effective: Vec<Vec<i64>>,
}

struct Epoch {
    from: i64,
    active: BTreeSet<String>,
    /// A durable checkpoint holds it; otherwise it has not taken place if the process is gone.
    stored: bool,
}

fn names(detections: &[Detection]) -> BTreeSet<String> {
    detections.iter().map(Detection::name).collect()
}

impl History {
    /// The first start.
    pub fn new(log: &Log, active: &[Detection]) -> Self {
        let first = Epoch { from: i64::MIN, active: names(active), stored: true };
        Self { epochs: vec![first], effective: effective_arrivals(log) }
    }

    /// The engine was told of other detections, or began with them.
    pub fn begins(&mut self, engine: &Engine, active: &[Detection]) {
        if engine.is_changing_plans() {
            let spans = engine.plan_spans().flat_map(|(_, spans)| spans);
            let cuts = spans.flat_map(|span| [span.activated, span.retired]).flatten();
            let from = cuts.max().expect("a change is a cut").0;
            self.epochs.push(Epoch { from, active: names(active), stored: false });
        }
    }

    /// A checkpoint became durable.
    pub fn stored(&mut self, engine: &Engine) {
        if let Some(last) = self.epochs.last_mut() {
            last.stored |= !engine.is_changing_plans();
        }
    }

    /// The process is gone; what it had not stored has not taken place.
    pub fn process_ends(&mut self, durable: Option<&Checkpoint>) {
        let stored = |epoch: &Epoch| epoch.stored || durable.is_some_and(|durable| active(durable) == epoch.active);
        if self.epochs.last().is_some_and(|last| !stored(last)) {
            self.epochs.pop();
        }
        self.epochs.iter_mut().for_each(|epoch| epoch.stored = true);
    }

    /// Where the plans were cut, as long as that is not durable.
    pub fn unstored_cut(&self) -> Option<i64> {
        self.epochs.last().filter(|last| !last.stored).map(|last| last.from)
    }

    /// Whether a version of a detection counts an event.
    fn counts(&self, name: &str, at: &Placed<'_>) -> bool {
        let epoch = self.epochs.iter().rfind(|epoch| at.effective >= epoch.from).expect("the first has no begin");
        epoch.active.contains(name)
    }

    /// The instants at which a version of a detection began or ceased to count.
    fn cuts(&self, name: &str) -> Vec<i64> {
        let pairs = self.epochs.windows(2);
        let cuts = pairs.filter(|pair| pair[0].active.contains(name) != pair[1].active.contains(name));
        cuts.map(|pair| pair[1].from).collect()
    }
}

fn active(checkpoint: &Checkpoint) -> BTreeSet<String> {
    let active = checkpoint.plans.iter().filter(|plan| plan.spans.iter().any(|span| span.retired.is_none()));
    active.map(|plan| name_of(&plan.text)).collect()
}

fn effective_arrivals(log: &Log) -> Vec<Vec<i64>> {
    let mut of_shards: Vec<Vec<i64>> = log.shards.iter().map(|shard| vec![i64::MIN; shard.records.len()]).collect();
    for at in oracle::place(log) {
        of_shards[at.shard][at.record] = at.effective;
    }
    of_shards
}

/// Plans that change at random moments, with crashes and stops between.
pub fn run(world: &World, seed: u64, options: Options) -> Result<(), (Violation, Vec<String>)> {
    let mut run = Run::new(world, Options { plan_changes: true, ..options }, seed);
    let placed = oracle::place(&world.log);
    let outcome = run.go().and_then(|()| judge(&run, &placed, options));
    #[cfg(feature = "daemon")]
    let outcome = outcome.and_then(|()| backtests(&run, seed));
    outcome.map_err(|violation| (violation, std::mem::take(&mut run.trace)))
}

/// By two of the checkpoints that became durable.
#[cfg(feature = "daemon")]
fn backtests(run: &Run<'_>, seed: u64) -> Verdict {
    if !run.options.is_exact() || run.options.bug.is_some() {
        return Ok(());
    }
    let mut rng = crate::rng::Rng::new(seed, 7);
    for number in 0..2 {
        // Of the later ones, by which most had closed.
        let kept = &run.store.kept[run.store.kept.len() / 2..];
        if let Some(at) = kept.get(rng.index(kept.len())) {
            crate::ranges::after_changes(run, &run.known, at, 2 * seed + number)?;
        }
    }
    Ok(())
}

fn judge(run: &Run<'_>, placed: &[Placed<'_>], options: Options) -> Verdict {
    let expected = expected(run, placed)?;
    match options.breaks {
        Breaks::Nothing if options.is_exact() => verdict::compare(&expected, &verdict::received(run)),
        Breaks::Nothing => broken::all_are_found(run, &expected, &BTreeSet::new()),
        // On which side of a cut a record stands that surfaces too late, nobody can say.
        Breaks::Slack | Breaks::Retention => Ok(()),
    }
}

fn expected(run: &Run<'_>, placed: &[Placed<'_>]) -> Result<BTreeMap<Key, Body>, Violation> {
    let (log, history) = (&run.world.log, &run.history);
    let mut expected = BTreeMap::new();
    for detection in &run.known {
        let name = detection.name();
        let counted: Vec<_> = placed.iter().filter(|at| history.counts(&name, at)).copied().collect();
        let cuts = history.cuts(&name);
        let is_partial = |key: &Key| {
            let is_inside = |cut: &i64| oracle::gathers_across(detection, key, *cut);
            oracle::gathers_from(key) < log.started_at.0 || cuts.iter().any(is_inside)
        };
        let bodies = oracle::evaluate_one(detection, &counted, &is_partial);
        for (key, body) in &bodies {
            let cut = is_cut(detection, key, placed, &|at| history.counts(&name, at));
            require(body.partial || !cut, "WN-7", || format!("the oracle itself: cut, and does not say so: {key:?}"))?;
        }
        expected.extend(bodies);
    }
    Ok(expected)
}

/// Whether events of the instance's group stand on the other side of a cut.
fn is_cut(detection: &Detection, key: &Key, placed: &[Placed<'_>], counts: &dyn Fn(&Placed<'_>) -> bool) -> bool {
    let of_group = placed.iter().filter(|at| {
        let (window, pane, _) = assign(detection, at.event.time, at.effective);
        if (window, pane) != (key.window, key.pane) || !detection.rule.matches(at.event) {
            return false;
        }
        // Where a row may depend on every event of its instance, each of them counts.
        matches!(detection.rule, Rule::Whole(_))
            || detection.rule.groups(at.event).contains(&key.group)
                && key.event.as_ref().is_none_or(|event| *event == at.event.id)
    });
    of_group.into_iter().any(|at| !counts(at))
}
