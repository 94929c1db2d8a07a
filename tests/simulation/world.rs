//! What all schedules of one log share, and what a run may do beside the ordinary.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::engine::{EngineConfig, EvaluatedRecord, StartPosition, StreamIdentity, Timing};
use trailrisk::evaluate::{Evaluator, RawRecord};
use trailrisk::plan::{Bounds, Plan};
use trailrisk::time::Arrival;

use crate::bugs::Bug;
use crate::detections::{Detection, Rule, name_of};
use crate::log::{BASE, Log, LogRecord, LogShard};

/// What all schedules of one log share.
pub struct World {
    pub log: Log,
    pub detections: Vec<Detection>,
    /// `decode: all`, or the prefilter (PO-3).
    pub decode_all: bool,
    /// Time passes so many times as fast: windows of minutes, and shards that are hours apart (BD-2).
    pub pace: i64,
    /// Evaluated records, by the plans' names.
    evaluated: RefCell<BTreeMap<Vec<String>, Evaluated>>,
}

/// Of each shard, its records.
pub type Evaluated = Rc<Vec<Vec<EvaluatedRecord>>>;

impl World {
    pub fn new(log: Log, detections: Vec<Detection>, decode_all: bool) -> Self {
        Self { log, detections, decode_all, pace: 1, evaluated: RefCell::default() }
    }

    /// The same world, in which everything takes so many times as long.
    pub fn stretched(mut self, pace: i64) -> Self {
        let stretch = |at: &mut i64| *at = BASE + (*at - BASE) * pace;
        let closings: Vec<_> = self.log.shards.iter().map(|shard| closing(&self.log, shard)).collect();
        for (shard, closing) in self.log.shards.iter_mut().zip(closings) {
            stretch(&mut shard.created);
            // Kinesis shows an end as soon after it as ever, like a record.
            shard.closed = shard.closed.zip(closing).map(|(shown, mut closing)| {
                let delay = shown - closing;
                stretch(&mut closing);
                closing + delay
            });
            for record in &mut shard.records {
                let delay = record.visible - record.arrival;
                stretch(&mut record.arrival);
                record.visible = record.arrival + delay;
                record.events.iter_mut().for_each(|event| stretch(&mut event.time));
            }
            let mut visible = i64::MIN;
            for record in &mut shard.records {
                visible = visible.max(record.visible);
                record.visible = visible;
            }
            shard.closed = shard.closed.map(|closed| closed.max(visible));
        }
        stretch(&mut self.log.first_start);
        stretch(&mut self.log.started_at.0);
        if let StartPosition::AtTimestamp(at) = &mut self.log.start {
            stretch(&mut at.0);
        }
        self.detections.iter_mut().for_each(|detection| *detection = stretched(detection, pace));
        self.pace = pace;
        self
    }

    /// The records, evaluated against these plans.
    pub fn evaluate(&self, plans: Vec<Arc<Plan>>) -> Evaluated {
        let names = plans.iter().map(|plan| name_of(plan.text())).collect();
        let evaluator = Evaluator::new(plans, DecodeLimits::default(), self.decode_all);
        let of_shard = |records: &[LogRecord]| {
            let evaluate = |record: &LogRecord| {
                let data = record.bytes();
                let raw = RawRecord { position: &record.position, arrival: Arrival(record.arrival), data: &data };
                evaluator.evaluate([raw]).records.remove(0)
            };
            records.iter().map(evaluate).collect()
        };
        let all = || Rc::new(self.log.shards.iter().map(|shard| of_shard(&shard.records)).collect());
        Rc::clone(self.evaluated.borrow_mut().entry(names).or_insert_with(all))
    }
}

/// When a shard was closed: its children are there from then on.
fn closing(log: &Log, shard: &LogShard) -> Option<i64> {
    shard.children.iter().map(|child| log.shards[*child].created).min()
}

/// With longer windows. One whose search cuts them itself stays as it is.
fn stretched(detection: &Detection, pace: i64) -> Detection {
    let Detection { rule, window, grace, skew, .. } = *detection;
    if rule == Rule::Burst {
        detection.clone()
    } else {
        Detection::new(rule, 1, window * pace, grace * pace, skew * pace)
    }
}

/// What a run may do beside the ordinary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub bug: Option<Bug>,
    /// BD-2: bytes of state; the promise is then only that nothing is lost.
    pub max_state_bytes: Option<usize>,
    /// RD-3: shards may stall.
    pub stalls: bool,
    /// BD-3: fewer values and less evidence are shown than there are; which ones depends on no order.
    pub few_shown: bool,
    /// What Kinesis may break of its word.
    pub breaks: Breaks,
    /// WN-7: plans change at any moment; the caller knows what is then expected.
    pub plan_changes: bool,
    pub trace: bool,
}

/// The conditions of the promise that do not hold. Results then differ from the oracle's, but nothing that the stream holds
/// is lost, and nothing hangs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaks {
    #[default]
    Nothing,
    /// Records, and ends of shards, are shown later than `tip_slack` after their time.
    Slack,
    /// CP-8: records are older than the retention before they are read, or before their windows are complete.
    Retention,
}

impl Options {
    /// Whether equal bodies are promised.
    pub fn is_exact(&self) -> bool {
        self.max_state_bytes.is_none() && self.breaks == Breaks::Nothing
    }
}

/// The engine's configuration. From `unseen_from` on no earlier process has read anything.
pub fn engine_config(world: &World, options: Options, unseen_from: Arrival) -> EngineConfig {
    EngineConfig {
        source_name: "simulation".into(),
        stream: StreamIdentity { name: "simulation".to_owned(), created_at: 0 },
        bounds: bounds(options),
        max_state_bytes: options.max_state_bytes.unwrap_or(1 << 30),
        timing: Timing::Live,
        start: world.log.start,
        started_at: world.log.started_at,
        unseen_from,
    }
}

fn bounds(options: Options) -> Bounds {
    if options.few_shown {
        Bounds { max_evidence: 2, max_values: 2, max_distinct_values: 3, ..Bounds::default() }
    } else {
        Bounds { max_evidence: 10_000, ..Bounds::default() }
    }
}
