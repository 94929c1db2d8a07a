//! WN-7: which plans count, and between which instants.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::checkpoint::{Checkpoint, PlanCheckpoint, PlanSpan};
use super::instance::InstanceKey;
use crate::plan::{CompileError, Plan};
use crate::risk_event::Pane;
use crate::time::Arrival;

/// A plan and where it counts.
#[derive(Clone, Debug)]
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
    /// Whether a contribution with this effective arrival counts.
    pub fn counts_at(&self, effective: Arrival) -> bool {
        self.spans.iter().any(|span| {
            let begun = span.activated.is_none_or(|cut| effective >= cut);
            let ended = span.retired.is_some_and(|cut| effective >= cut);
            begun && !ended
        })
    }

    /// Whether it is the active plan of its detection.
    pub fn is_active(&self) -> bool {
        self.spans.iter().any(|span| span.retired.is_none())
    }

    /// The instant from which nothing counts any more; none for an active plan.
    pub fn ends_at(&self) -> Option<Arrival> {
        let ends: Option<Vec<Arrival>> = self.spans.iter().map(|span| span.retired).collect();
        ends.and_then(|ends| ends.into_iter().max())
    }

    /// Whether an instance was cut by an activation, or began before the stream was first read: then it is `partial`. Of a
    /// forced part, `gathers` is the pane that it is a part of.
    pub fn is_partial(&self, key: &InstanceKey, gathers: Pane, started_at: Arrival) -> bool {
        let (gathers_from, earliest) = match gathers {
            // An event may arrive up to the skew before its own time, so a window gathers before it begins.
            Pane::OnTime | Pane::Forced(_) => {
                let start = Arrival(key.window_start.0);
                (start, start.plus(-self.plan.text().max_future_skew_ms))
            }
            Pane::Late(bucket) | Pane::Future(bucket) => (bucket, bucket),
        };
        let inside = |cut: Arrival| earliest < cut && cut < key.close_at;
        gathers_from < started_at
            || self.spans.iter().flat_map(|span| [span.activated, span.retired]).flatten().any(inside)
    }

    fn retire(&mut self, cut: Arrival) {
        for span in &mut self.spans {
            span.retired.get_or_insert(cut);
        }
    }

    fn activate(&mut self, cut: Arrival) {
        self.spans.push(PlanSpan { activated: Some(cut), retired: None });
    }
}

impl Checkpoint {
    /// The earliest instant at which changed plans may be cut on a restart from here: nothing that was processed by
    /// then arrived at it or later.
    fn earliest_cut(&self) -> Arrival {
        let processed = self.shards.values().map(|shard| shard.processed_arrival.plus(1));
        let cuts = self.plans.iter().flat_map(|plan| &plan.spans).flat_map(|span| [span.activated, span.retired]);
        processed.chain(cuts.flatten()).fold(self.horizon, Arrival::max)
    }
}

/// The plans of a first start: each counts from the first record.
pub(super) fn first_plans(current: Vec<Arc<Plan>>) -> Vec<PlanSlot> {
    let spans = || vec![PlanSpan { activated: None, retired: None }];
    sorted(current.into_iter().map(|plan| PlanSlot { plan, spans: spans() }).collect())
}

/// The plans of a restart, and where they were cut if they are not those of the checkpoint.
pub(super) fn restored_plans(
    current: Vec<Arc<Plan>>,
    checkpoint: &Checkpoint,
    unseen_from: Arrival,
) -> Result<(Vec<PlanSlot>, Option<Arrival>), StoredPlanError> {
    let stored = checkpoint.plans.iter().map(restore).collect::<Result<Vec<_>, _>>()?;
    let cut = checkpoint.earliest_cut().max(unseen_from);
    Ok(if are_active(&stored, &current) { (sorted(stored), None) } else { (changed(stored, current, cut), Some(cut)) })
}

fn restore(stored: &PlanCheckpoint) -> Result<PlanSlot, StoredPlanError> {
    let plan = Plan::compile(&stored.text)
        .map_err(|source| StoredPlanError { detection: stored.text.name.clone(), source })?;
    Ok(PlanSlot { plan: Arc::new(plan), spans: stored.spans.clone() })
}

/// Whether exactly these plans are active already.
pub(super) fn are_active(slots: &[PlanSlot], current: &[Arc<Plan>]) -> bool {
    let active = slots.iter().filter(|slot| slot.is_active()).map(|slot| slot.plan.fingerprint());
    active.collect::<BTreeSet<_>>() == current.iter().map(|plan| plan.fingerprint()).collect()
}

fn is_among(slot: &PlanSlot, plans: &[Arc<Plan>]) -> bool {
    plans.iter().any(|plan| plan.fingerprint() == slot.plan.fingerprint())
}

/// Unchanged plans go on, vanished ones are retired at the cut and drain, new ones are activated there.
pub(super) fn changed(mut slots: Vec<PlanSlot>, current: Vec<Arc<Plan>>, cut: Arrival) -> Vec<PlanSlot> {
    slots.iter_mut().filter(|slot| !is_among(slot, &current)).for_each(|slot| slot.retire(cut));
    for plan in current {
        match slots.iter_mut().find(|slot| slot.plan.fingerprint() == plan.fingerprint()) {
            Some(slot) if slot.is_active() => {}
            // Back before it had drained: one set of instances, so that no id is used twice.
            Some(slot) => slot.activate(cut),
            None => {
                let mut slot = PlanSlot { plan, spans: Vec::new() };
                slot.activate(cut);
                slots.push(slot);
            }
        }
    }
    sorted(slots)
}

fn sorted(mut slots: Vec<PlanSlot>) -> Vec<PlanSlot> {
    slots.sort_by(|a, b| {
        let key = |slot: &PlanSlot| (slot.plan.text().id.clone(), slot.plan.fingerprint());
        key(a).cmp(&key(b))
    });
    slots
}

#[cfg(test)]
mod tests;
