//! What all schedules of one log share, and what a run may do beside the ordinary.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::engine::{EngineConfig, EvaluatedRecord, StreamIdentity, Timing};
use trailrisk::evaluate::{Evaluator, RawRecord};
use trailrisk::plan::{Bounds, Plan};
use trailrisk::time::Arrival;

use crate::bugs::Bug;
use crate::detections::{Detection, name_of};
use crate::log::{Log, LogRecord};

/// What all schedules of one log share.
pub struct World {
    pub log: Log,
    pub detections: Vec<Detection>,
    /// `decode: all`, or the prefilter (PO-3).
    pub decode_all: bool,
    /// Evaluated records, by the plans' names.
    evaluated: RefCell<BTreeMap<Vec<String>, Evaluated>>,
}

/// Of each shard, its records.
pub type Evaluated = Rc<Vec<Vec<EvaluatedRecord>>>;

impl World {
    pub fn new(log: Log, detections: Vec<Detection>, decode_all: bool) -> Self {
        Self { log, detections, decode_all, evaluated: RefCell::default() }
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

/// What a run may do beside the ordinary.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    pub bug: Option<Bug>,
    /// BD-2: bytes of state; the promise is then only that nothing is lost.
    pub max_state_bytes: Option<usize>,
    /// RD-3: shards may stall.
    pub stalls: bool,
    /// WN-7: plans change at any moment; the caller knows what is then expected.
    pub plan_changes: bool,
    pub trace: bool,
}

/// The engine's configuration. From `unseen_from` on no earlier process has read anything.
pub fn engine_config(world: &World, options: Options, unseen_from: Arrival) -> EngineConfig {
    EngineConfig {
        source_name: "simulation".into(),
        stream: StreamIdentity { name: "simulation".to_owned(), created_at: 0 },
        bounds: Bounds { max_evidence: 10_000, ..Bounds::default() },
        max_state_bytes: options.max_state_bytes.unwrap_or(1 << 30),
        timing: Timing::Live,
        start: world.log.start,
        started_at: world.log.started_at,
        unseen_from,
    }
}
