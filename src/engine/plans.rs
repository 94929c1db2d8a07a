//! WN-7: which plans count, and between which positions.

use std::sync::Arc;

use super::checkpoint::{Checkpoint, PlanCheckpoint, PlanCut, PlanSpan, ShardCheckpoint};
use super::ids::{Position, ShardId};
use super::instance::InstanceKey;
use crate::plan::{CompileError, Plan};
use crate::risk_event::Pane;
use crate::time::Arrival;

/// A plan and where it counts.
#[derive(Debug)]
pub(super) struct PlanSlot {
    pub plan: Arc<Plan>,
    pub spans: Vec<PlanSpan>,
}

/// A plan's stored text that this build cannot compile any more.
#[derive(Debug, thiserror::Error)]
#[error("the checkpoint holds open windows of {detection:?}, whose stored search does not compile: {source}")]
pub struct StoredPlanError {
    /// The detection's name.
    pub detection: String,
    /// Why.
    pub source: CompileError,
}

impl PlanSlot {
    /// Whether a contribution at this position counts. A shard that a cut does not list was not open then: beyond an
    /// activation everything in it counts, before a retirement nothing.
    pub fn counts_at(&self, shard: &ShardId, position: &Position) -> bool {
        self.spans.iter().any(|span| {
            let begun = span.activated.as_ref().is_none_or(|cut| cut.is_before(shard, position));
            let ended = span.retired.as_ref().is_some_and(|cut| cut.is_before(shard, position));
            begun && !ended
        })
    }

    /// Whether it is the active plan of its detection.
    pub fn is_active(&self) -> bool {
        self.spans.iter().any(|span| span.retired.is_none())
    }

    /// Whether an instance was cut by an activation, or began before the stream was first read: then it is `partial`.
    pub fn is_partial(&self, key: &InstanceKey, started_at: Arrival) -> bool {
        let (gathers_from, earliest) = match key.pane {
            // An event may arrive up to the skew before its own time, so a window gathers before it begins.
            Pane::OnTime | Pane::Forced(_) => {
                let start = Arrival(key.window_start.0);
                (start, start.plus(-self.plan.text().max_future_skew_ms))
            }
            Pane::Late(bucket) | Pane::Future(bucket) => (bucket, bucket),
        };
        self.spans.iter().any(|span| {
            let begun_inside = match &span.activated {
                None => gathers_from < started_at,
                Some(cut) => earliest <= cut.newest && key.close_at > cut.complete_until,
            };
            let retired = span.retired.as_ref();
            let ended_inside = retired.is_some_and(|cut| earliest <= cut.newest && key.close_at > cut.complete_until);
            begun_inside || ended_inside
        })
    }

    fn retire(&mut self, cut: &PlanCut) {
        for span in &mut self.spans {
            span.retired.get_or_insert_with(|| cut.clone());
        }
    }
}

impl PlanCut {
    fn is_before(&self, shard: &ShardId, position: &Position) -> bool {
        self.positions.get(shard).is_none_or(|cut| position > cut)
    }

    /// The cut at the `P` of a stored checkpoint.
    pub(super) fn at_processed(checkpoint: &Checkpoint) -> Self {
        let shards = checkpoint.shards.iter();
        Self {
            positions: shards.map(|(id, shard)| (id.clone(), shard.processed.clone())).collect(),
            complete_until: checkpoint.complete_until(),
            newest: checkpoint.newest_processed(),
        }
    }
}

impl Checkpoint {
    /// The newest effective arrival that was processed when the checkpoint was taken.
    fn newest_processed(&self) -> Arrival {
        self.shards.values().map(|shard| shard.processed_arrival).max().unwrap_or(self.started_at).max(self.horizon)
    }

    /// What arrived up to here lies up to `P` in every shard. A child is covered by the parents whose `P` has not come
    /// to their end.
    fn complete_until(&self) -> Arrival {
        let done = |shard: &ShardCheckpoint| shard.processed == Position::End;
        let covered = |shard: &ShardCheckpoint| {
            shard.parents.iter().any(|parent| self.shards.get(parent).is_some_and(|parent| !done(parent)))
        };
        let open = self.shards.values().filter(|shard| !done(shard) && !covered(shard));
        open.map(|shard| shard.processed_arrival.max(shard.read_through.unwrap_or(Arrival::MIN)))
            .min()
            .unwrap_or(self.horizon)
            .max(self.horizon)
    }
}

/// The plans of a first start: each counts from the first record.
pub(super) fn first_plans(current: Vec<Arc<Plan>>) -> Vec<PlanSlot> {
    let spans = || vec![PlanSpan { activated: None, retired: None }];
    sorted(current.into_iter().map(|plan| PlanSlot { plan, spans: spans() }).collect())
}

/// The plans of a restart: unchanged ones go on, vanished ones are retired at `P` and drain, new ones are activated
/// at `P`.
pub(super) fn restored_plans(
    current: Vec<Arc<Plan>>,
    checkpoint: &Checkpoint,
) -> Result<Vec<PlanSlot>, StoredPlanError> {
    let cut = PlanCut::at_processed(checkpoint);
    let mut slots = checkpoint.plans.iter().map(restore).collect::<Result<Vec<_>, _>>()?;
    for slot in &mut slots {
        if !current.iter().any(|plan| plan.fingerprint() == slot.plan.fingerprint()) {
            slot.retire(&cut);
        }
    }
    for plan in current {
        activate(&mut slots, plan, &cut);
    }
    Ok(sorted(slots))
}

fn restore(stored: &PlanCheckpoint) -> Result<PlanSlot, StoredPlanError> {
    let plan = Plan::compile(&stored.text)
        .map_err(|source| StoredPlanError { detection: stored.text.name.clone(), source })?;
    Ok(PlanSlot { plan: Arc::new(plan), spans: stored.spans.clone() })
}

fn activate(slots: &mut Vec<PlanSlot>, plan: Arc<Plan>, cut: &PlanCut) {
    let span = PlanSpan { activated: Some(cut.clone()), retired: None };
    match slots.iter_mut().find(|slot| slot.plan.fingerprint() == plan.fingerprint()) {
        Some(slot) if slot.is_active() => {}
        // Back before it had drained: one set of instances, so that no id is used twice.
        Some(slot) => slot.spans.push(span),
        None => slots.push(PlanSlot { plan, spans: vec![span] }),
    }
}

fn sorted(mut slots: Vec<PlanSlot>) -> Vec<PlanSlot> {
    slots.sort_by(|a, b| {
        let key = |slot: &PlanSlot| (slot.plan.text().id.clone(), slot.plan.fingerprint());
        key(a).cmp(&key(b))
    });
    slots
}
