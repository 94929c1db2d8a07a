//! What must hold at every step, whatever the schedule.

use std::collections::{BTreeMap, BTreeSet};

use trailrisk::engine::{Checkpoint, Counters, Engine, Position, ShardId};
use trailrisk::risk_event::{DeliveryKey, Pane, RiskEvent, RiskEventId, Stage};
use trailrisk::time::Arrival;

use crate::oracle::Key;
use crate::sink::Sink;
use crate::whole::WholeRule;

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Its id in the contract.
    pub rule: &'static str,
    pub detail: String,
}

/// Nothing, or the rule that was broken.
pub type Verdict = Result<(), Violation>;

/// Fails with the rule unless the condition holds.
pub fn require(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Verdict {
    if holds { Ok(()) } else { Err(Violation { rule, detail: detail() }) }
}

/// What was seen so far, of all processes.
#[derive(Debug, Default)]
pub struct Checks {
    /// Every final that was ever emitted.
    emitted: BTreeMap<RiskEventId, RiskEvent>,
    /// Which subject has which id, and the other way round (EM-3).
    ids: BTreeMap<Key, RiskEventId>,
    /// Acknowledged before a clean stop: never again.
    settled: BTreeSet<DeliveryKey>,
    settled_dead_letters: BTreeSet<(ShardId, Position)>,
    /// Of this process.
    last_checkpoint: Option<Checkpoint>,
    watermark: Option<Arrival>,
    last_closed: Option<(i64, String, String, i64, Pane, Vec<String>)>,
    horizon_at_start: Option<Arrival>,
    /// Whether bodies are promised to be equal: not where a bound is hit or Kinesis breaks its condition.
    exact: bool,
    /// Whether nothing is repeated and no early stage lost: not where a shard may stall while it replays (CP-5).
    once: bool,
    pub violations_of_slack: u64,
}

impl Checks {
    /// `exact`: whether equal bodies are promised; `once`: whether a clean stop lets nothing be repeated.
    pub fn new(exact: bool, once: bool) -> Self {
        Self { exact, once, ..Self::default() }
    }

    /// A process begins, from what is durable.
    pub fn process_begins(&mut self, durable: Option<&Checkpoint>) {
        self.last_checkpoint = durable.cloned();
        self.horizon_at_start = durable.map(|checkpoint| checkpoint.horizon);
        self.watermark = None;
        self.last_closed = None;
    }

    /// A process ends.
    pub fn process_ends(&mut self, engine: &Engine) -> Verdict {
        self.violations_of_slack += engine.counters().tip_slack_violations;
        sums(engine.counters())
    }

    /// CP-6: a clean stop, all acknowledged.
    pub fn clean_stop(&mut self, sink: &Sink) {
        self.settled.extend(sink.acknowledged.iter().copied());
        self.settled_dead_letters.extend(sink.dead_lettered.iter().cloned());
    }

    /// CP-3: the watermark never goes back within a process.
    pub fn watermark(&mut self, engine: &Engine) -> Verdict {
        let now = engine.gauges().watermark;
        let before = self.watermark.replace(now).unwrap_or(Arrival::MIN);
        require(now >= before, "W", || format!("the watermark went back from {before} to {now}"))
    }

    /// A dead letter goes out.
    pub fn dead_letter(&self, letter: &trailrisk::engine::DeadLetter, replaying: bool) -> Verdict {
        let name = (letter.shard.clone(), letter.position.clone());
        require(!replaying, "CP-5", || format!("a dead letter in replay: {name:?}"))?;
        require(!self.settled_dead_letters.contains(&name), "CP-6", || format!("twice over a clean stop: {name:?}"))
    }

    /// A risk event goes out; `announced`: its early stage is on its way or delivered, or not promised.
    pub fn emitted(&mut self, event: &RiskEvent, key: &Key, close_at: i64, announced: bool) -> Verdict {
        if !self.exact {
            return Ok(());
        }
        let delivery = event.delivery_key();
        let twice = self.once && self.settled.contains(&delivery);
        require(!twice, "CP-6", || format!("twice over a clean stop: {delivery} {key:?}"))?;
        let id = *self.ids.entry(key.clone()).or_insert(event.id);
        require(id == event.id, "EM-3", || format!("another id for {key:?}"))?;
        if event.stage == Stage::Early {
            return Ok(());
        }
        let released = self.horizon_at_start.is_some_and(|horizon| close_at <= horizon.0);
        require(!released, "CP-1", || format!("emitted again below the horizon: {key:?}"))?;
        self.closes_in_order(key, close_at)?;
        let again = self.emitted.contains_key(&event.id);
        require(announced || again || !self.once, "CP-1a", || format!("the early stage was lost: {key:?}"))?;
        let first = self.emitted.entry(event.id).or_insert_with(|| comparable(event));
        require(*first == comparable(event), "EM-4", || format!("two bodies of one key: {first:?} {event:?}"))
    }

    /// WN-6. Where events are groups their keys decide, between versions of a detection their fingerprints.
    fn closes_in_order(&mut self, key: &Key, close_at: i64) -> Verdict {
        let id = key.detection.split('/').next().unwrap_or_default().to_owned();
        // Where a search needs all rows, their order is its own.
        let group = if needs_all_rows(&id) { vec![] } else { key.group.clone() };
        let closed = (close_at, id, key.detection.clone(), key.window, key.pane, group);
        let Some(before) = self.last_closed.replace(closed.clone()) else { return Ok(()) };
        let other_version = before.1 == closed.1 && before.2 != closed.2;
        let ordered = before <= closed || (other_version && before.0 <= closed.0);
        require(ordered, "WN-6", || format!("{closed:?} after {before:?}"))
    }

    /// EM-3: no two subjects share an id.
    pub fn ids_are_unique(&self) -> Verdict {
        let distinct: BTreeSet<_> = self.ids.values().collect();
        require(distinct.len() == self.ids.len(), "EM-3", || "two subjects share an id".to_owned())
    }

    /// The finals of this run, for comparison with another schedule's.
    pub fn finals(&self) -> &BTreeMap<RiskEventId, RiskEvent> {
        &self.emitted
    }

    /// CP-3: nothing in a checkpoint goes back.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Verdict {
        let before = self.last_checkpoint.replace(checkpoint.clone());
        let Some(before) = before else { return Ok(()) };
        require(checkpoint.horizon >= before.horizon, "CP-3", || "H went back".to_owned())?;
        for (id, old) in &before.shards {
            let Some(new) = checkpoint.shards.get(id) else {
                require(old.drained, "CP-3", || format!("{id} was forgotten"))?;
                continue;
            };
            let kept = new.resume_after >= old.resume_after;
            require(kept, "CP-3", || format!("C of {id}: {} to {}", old.resume_after, new.resume_after))?;
            let kept = new.processed >= old.processed;
            require(kept, "CP-3", || format!("P of {id}: {} to {}", old.processed, new.processed))?;
            require(new.drained || !old.drained, "CP-3", || format!("{id} is undrained"))?;
        }
        Ok(())
    }
}

/// Whether the search of this detection puts its rows in an order of its own.
fn needs_all_rows(id: &str) -> bool {
    let of_groups = [WholeRule::Expanded, WholeRule::Several];
    let mut others = WholeRule::ALL.into_iter().filter(|rule| !of_groups.contains(rule));
    others.any(|rule| id.starts_with(&format!("{rule:?}-").to_lowercase()))
}

/// A risk event without what stands outside the compared bytes (EM-4).
pub fn comparable(event: &RiskEvent) -> RiskEvent {
    RiskEvent { positions: vec![], newest_arrival: Arrival::MIN, ..event.clone() }
}

/// AG-4: every event ends in exactly one bucket per detection.
fn sums(counters: &Counters) -> Verdict {
    for (plan, of) in counters.plans.iter().enumerate() {
        let sum = of.counted + of.unmatched + of.null_by + of.duplicate + of.replayed + of.outside_activation;
        require(sum == counters.events, "AG-4", || format!("plan {plan}: {of:?} of {} events", counters.events))?;
        let by_field: u64 = of.null_by_field.iter().sum();
        require(by_field == of.null_by, "AG-3", || format!("plan {plan}: {of:?}"))?;
    }
    Ok(())
}
