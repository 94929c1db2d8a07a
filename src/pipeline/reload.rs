//! Other detections while the pipeline runs (WN-7).

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Pipeline;
use crate::catalog::DetectionFile;
use crate::cloudtrail::DecodeLimits;
use crate::detection::ExpiringFilter;
use crate::engine::{Engine, Input};
use crate::evaluate::Evaluator;
use crate::plan::Plan;
use crate::sink::Routes;
use crate::source::KinesisApi;

/// Everything that may change while the pipeline runs, as one value: all of it is taken, or nothing.
#[derive(Debug)]
pub struct Reload {
    /// The detections from now on.
    pub plans: Vec<Arc<Plan>>,
    /// Where their risk events go.
    pub routes: Routes,
    /// Their files, for people.
    pub files: Vec<DetectionFile>,
    /// Their filters that expire.
    pub filters: Vec<ExpiringFilter>,
    /// Whether every record is parsed (PO-3).
    pub decode_all: bool,
    /// Told when it is in force. The next reload waits for that.
    pub done: oneshot::Sender<Reloaded>,
}

/// What became of a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reloaded {
    /// In force: a durable checkpoint holds it.
    InForce,
    /// It says what was in force already.
    Unchanged,
}

/// The evaluator for the plans that the engine has; made anew when these change.
pub(super) struct Matching {
    evaluator: Evaluator,
    plans_version: u64,
    limits: DecodeLimits,
    decode_all: bool,
}

impl Matching {
    pub fn new(engine: &Engine, limits: DecodeLimits, decode_all: bool) -> Self {
        let evaluator = Evaluator::new(engine.plans(), limits, decode_all);
        Self { evaluator, plans_version: engine.plans_version(), limits, decode_all }
    }

    /// For the plans of this moment.
    pub fn follow(&mut self, engine: &Engine) -> &Evaluator {
        if self.plans_version != engine.plans_version() {
            *self = Self::new(engine, self.limits, self.decode_all);
        }
        &self.evaluator
    }

    /// Whether that was something else before.
    fn set_decode_all(&mut self, engine: &Engine, decode_all: bool) -> bool {
        let is_new = self.decode_all != decode_all;
        if is_new {
            *self = Self::new(engine, self.limits, decode_all);
        }
        is_new
    }
}

impl<A: KinesisApi> Pipeline<A> {
    /// Takes a reload. Not to be called while checkpoints fail: a change that has begun holds the reading until one that
    /// holds it is durable.
    pub(super) fn reload(&mut self, reload: Reload) {
        self.observer.counted(&self.engine);
        let other_decode = self.matching.set_decode_all(&self.engine, reload.decode_all);
        // Delivery and warnings are no part of a result: they need not wait for a checkpoint.
        self.observer.set_detections(reload.files, reload.routes.clone());
        let other_routes = self.sinks.set_routes(reload.routes);
        self.observer.watch_filters(reload.filters);
        self.engine.handle_input(Input::PlansChanged(reload.plans));
        self.observer.counted(&self.engine);
        if self.engine.is_changing_plans() {
            self.reloading = Some(reload.done);
            self.take_checkpoint();
            return;
        }
        let outcome = if other_decode || other_routes { Reloaded::InForce } else { Reloaded::Unchanged };
        // Whoever asked may be gone by now.
        let _ = reload.done.send(outcome);
    }

    /// A checkpoint is durable. If it is an older one than the change of plans, another follows at once.
    pub(super) fn go_on_reloading(&mut self) {
        if self.engine.is_changing_plans() {
            self.take_checkpoint();
        } else if let Some(done) = self.reloading.take() {
            let _ = done.send(Reloaded::InForce);
        }
    }
}
