//! A backtest over any range of any log gives what the oracle says of the instances that close in it.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::Arc;

use trailrisk::backtest::{Backtest, Range, Seen, Setup, Want, close_at};
use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::engine::{Checkpoint, PlanCheckpoint, ShardRef, StartPosition, StreamIdentity};
use trailrisk::plan::{Bounds, Plan};
use trailrisk::risk_event::RiskEvent;
use trailrisk::source::Record;
use trailrisk::time::Arrival;

use crate::checks::{Verdict, Violation, comparable, require};
use crate::detections::{Detection, name_of};
use crate::log::{BASE, Log, TIP_SLACK};
use crate::oracle::{self, Body, Key};
use crate::rng::Rng;
use crate::stream::Reader;
use crate::world::World;

struct Run<'a> {
    world: &'a World,
    log: Log,
    rng: Rng,
    range: Range,
    backtest: Backtest,
    readers: Vec<Reader>,
    printed: Vec<RiskEvent>,
    /// Kinesis's clock: everything has arrived.
    now: i64,
}

/// Of one seed, one range.
pub fn run(world: &World, seed: u64) -> Verdict {
    let mut rng = Rng::new(seed, 5);
    let now = world.log.settled() + 30_000;
    let range = range(&mut rng, BASE + 60_000, now);
    let mut log = world.log.clone();
    let seen = match log.start {
        // As a daemon that began there.
        StartPosition::AtTimestamp(_) if rng.chance(500) => Some(Seen { started_at: log.started_at, plans: vec![] }),
        _ => {
            (log.start, log.started_at) = (StartPosition::TrimHorizon, Arrival::MIN);
            None
        }
    };
    let plans = world.detections.iter().map(|detection| detection.plan.clone()).collect();
    let mut run = Run::new(world, log, rng, range, plans, seen);
    run.go()?;
    run.judge()
}

/// What a daemon said whose detections changed, by one of its checkpoints.
pub fn after_changes(live: &crate::run::Run<'_>, known: &[Detection], at: &Checkpoint, seed: u64) -> Verdict {
    let mut rng = Rng::new(seed, 6);
    let log = live.world.log.clone();
    if log.start == StartPosition::TrimHorizon && log.started_at > Arrival::MIN {
        // The log holds more than a stream that was begun there.
        return Ok(());
    }
    // Everything that closes in the range had closed when the checkpoint was taken.
    let (from, now) = (BASE + 60_000, at.horizon.0);
    if now <= from + 1 {
        return Ok(());
    }
    let range = range(&mut rng, from, now);
    let is_active = |plan: &&PlanCheckpoint| plan.spans.iter().any(|span| span.retired.is_none());
    let names: BTreeSet<_> = at.plans.iter().filter(is_active).map(|plan| name_of(&plan.text)).collect();
    let active = known.iter().filter(|detection| names.contains(&detection.name()));
    let plans: Vec<_> = active.map(|detection| detection.plan.clone()).collect();
    let seen = Seen { started_at: at.started_at, plans: at.plans.clone() };
    let mut run = Run::new(live.world, log, rng, range, plans, Some(seen));
    run.go()?;
    run.judge_live(live, known, at)
}

/// Any, down to a millisecond, and at the very bounds of windows.
fn range(rng: &mut Rng, earliest: i64, now: i64) -> Range {
    let instant = |rng: &mut Rng| {
        let at = earliest + rng.below(now - earliest);
        if rng.chance(500) { at.div_euclid(1_000) * 1_000 } else { at }
    };
    let from = instant(rng);
    let to = match rng.below(4) {
        0 => from + 1,
        1 => from + 1 + rng.below(12_000),
        _ => instant(rng),
    };
    let (from, to) = if rng.chance(400) { (earliest, now) } else { (from, to) };
    let (from, to) = (from.min(to), from.max(to).max(from.min(to) + 1).min(now));
    Range::new(Arrival(from.min(to - 1)), Arrival(to)).expect("not empty")
}

impl<'a> Run<'a> {
    fn new(world: &'a World, log: Log, rng: Rng, range: Range, plans: Vec<Arc<Plan>>, seen: Option<Seen>) -> Self {
        let setup = Setup {
            source_name: "simulation".to_owned(),
            stream: StreamIdentity { name: "simulation".to_owned(), created_at: 0 },
            plans,
            bounds: Bounds { max_evidence: 10_000, ..Bounds::default() },
            max_state_bytes: 1 << 30,
            limits: DecodeLimits::default(),
            decode_all: world.decode_all,
            range,
            seen,
        };
        let backtest = Backtest::new(setup).expect("its plans compile");
        let readers = vec![Reader::default(); log.shards.len()];
        let now = log.settled() + 30_000;
        Run { world, log, rng, range, backtest, readers, printed: vec![], now }
    }

    fn go(&mut self) -> Verdict {
        let listed = self.listed();
        self.backtest.shards_listed(listed);
        let mut idle = 0;
        loop {
            self.settle();
            if self.backtest.is_complete() {
                return Ok(());
            }
            require(!self.backtest.is_stuck(), "backtest", || "every shard has ended".to_owned())?;
            require(idle < 10_000, "backtest", || format!("it waits for ever: {:?}", self.backtest.shards()))?;
            let ix = self.rng.index(self.readers.len());
            idle = if self.read(ix) { 0 } else { idle + 1 };
        }
    }

    /// Those that were open then or later: a shard ends when its children begin.
    fn listed(&self) -> Vec<ShardRef> {
        let (shards, since) = (&self.log.shards, self.backtest.read_from().0);
        let is_listed = |ix: &usize| shards[*ix].children.first().is_none_or(|child| shards[*child].created >= since);
        (0..shards.len()).filter(is_listed).map(|ix| self.log.shard_ref(ix)).collect()
    }

    fn settle(&mut self) {
        let mut wanted = Vec::new();
        let settled = self.backtest.settle(&mut |want| {
            wanted.push(want);
            Ok::<(), Infallible>(())
        });
        settled.expect("it cannot fail");
        wanted.into_iter().for_each(|want| self.carry_out(want));
    }

    fn carry_out(&mut self, want: Want) {
        match want {
            Want::Read(request) => {
                let ix = self.log.index_of(&request.shard);
                self.readers[ix].open(&self.log, ix, &request.after, request.start);
            }
            Want::Print(event) => self.printed.push(*event),
            Want::Rejected(_) => {}
        }
    }

    /// Whether something was read.
    fn read(&mut self, ix: usize) -> bool {
        let shard = self.log.shards[ix].id.clone();
        let reader = &self.readers[ix];
        if !reader.opened || reader.ended || self.backtest.is_done_with(&shard) || !self.backtest.may_read_on(&shard) {
            return false;
        }
        let (from, all) = (reader.next, self.log.shards[ix].records.len());
        if from < all {
            let to = all.min(from + 1 + self.rng.index(6));
            self.readers[ix].next = to;
            let records: Vec<Record> = self.log.shards[ix].records[from..to].iter().map(raw).collect();
            let mut wanted = Vec::new();
            let taken = self.backtest.take(&shard, &records, &mut |want| {
                wanted.push(want);
                Ok::<(), Infallible>(())
            });
            taken.expect("it cannot fail");
            wanted.into_iter().for_each(|want| self.carry_out(want));
        } else if self.log.shards[ix].closed.is_some() {
            self.readers[ix].ended = true;
            let children: Vec<_> =
                self.log.shards[ix].children.iter().map(|child| self.log.shard_ref(*child)).collect();
            let named: Vec<_> = children.iter().map(|child| child.shard.clone()).collect();
            self.backtest.drained(shard, children);
            if self.backtest.any_waits(&named) {
                let listed = self.listed();
                self.backtest.shards_listed(listed);
            }
        } else {
            self.now += 1_000;
            self.backtest.at_tip(shard, Arrival(self.now - TIP_SLACK));
        }
        true
    }

    fn judge(&self) -> Verdict {
        let of_range = |key: &Key| {
            let of_this = |detection: &&crate::detections::Detection| detection.name() == key.detection;
            let detection = self.world.detections.iter().find(of_this).expect("one of them");
            self.range.holds(Arrival(oracle::closes_at(detection, key)))
        };
        let mut expected: BTreeMap<Key, Body> = oracle::evaluate(&self.log, &self.world.detections);
        expected.retain(|key, _| of_range(key));
        let got: BTreeMap<Key, Body> = self.printed.iter().map(oracle::read).collect();
        let ids: BTreeSet<_> = self.printed.iter().map(|event| event.id).collect();
        require(ids.len() == self.printed.len(), "EM-3", || "one id twice".to_owned())?;
        require(self.printed.is_sorted_by_key(close_at), "WN-6", || "not in the order of closing".to_owned())?;
        crate::verdict::compare(&expected, &got)
            .map_err(|violation| Violation { detail: format!("{:?}: {}", self.range, violation.detail), ..violation })
    }
}

impl Run<'_> {
    /// Each result is the live one, byte for byte; and none is missing of a version that the checkpoint has known since it
    /// began to gather.
    fn judge_live(&self, live: &crate::run::Run<'_>, known: &[Detection], at: &Checkpoint) -> Verdict {
        let finals = &live.sink.received.finals;
        let printed: BTreeMap<_, _> = self.printed.iter().map(|event| (event.id, comparable(event))).collect();
        for (id, event) in &printed {
            let same = finals.get(id).map(comparable).as_ref() == Some(event);
            require(same, "EM-4", || format!("{:?}: {event:?}, live {:?}", self.range, finals.get(id)))?;
        }
        for event in finals.values().filter(|event| self.range.holds(close_at(event))) {
            let (key, _) = oracle::read(event);
            let Some(stored) = at.plans.iter().find(|plan| name_of(&plan.text) == key.detection) else { continue };
            let detection = known.iter().find(|one| one.name() == key.detection).expect("only known ones emit");
            let begun = stored.spans.first().and_then(|span| span.activated).unwrap_or(Arrival::MIN);
            let is_whole = oracle::gathers_from(&key) - detection.skew >= begun.0;
            let found = printed.contains_key(&event.id);
            require(found || !is_whole, "EM-4", || format!("{:?} lacks {key:?}, activated {begun}", self.range))?;
        }
        Ok(())
    }
}

fn raw(record: &crate::log::LogRecord) -> Record {
    let (position, arrival) = (record.position.clone(), Arrival(record.arrival));
    Record { position, arrival, data: record.bytes(), refusal: None }
}
