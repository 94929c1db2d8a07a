//! WN-7: plans change while the stream is read.
//!
//! A change is a cut at an instant of effective arrival, and takes effect only when a durable checkpoint holds it:
//! otherwise the next process would cut elsewhere, and tell something else under the same ids (EM-4).

use std::sync::Arc;

use super::Engine;
use super::checkpoint::PlanSpan;
use super::instance::{InstanceKey, PlanIx};
use super::io::{CheckpointTicket, PlanCounters};
use super::plans::{PlanSlot, are_active, changed};
use crate::plan::Plan;
use crate::time::Arrival;

/// A change of plans on its way to the store.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnstoredCut {
    at: Arrival,
    /// The first checkpoint that holds it.
    ticket: Option<CheckpointTicket>,
}

impl UnstoredCut {
    pub fn at(at: Arrival) -> Self {
        Self { at, ticket: None }
    }
}

/// Where each plan of the old numbering stands in the new one.
struct Renumbering(Vec<Option<PlanIx>>);

impl Renumbering {
    fn between(old: &[PlanSlot], new: &[PlanSlot]) -> Self {
        let place = |slot: &PlanSlot| new.iter().position(|other| other.plan.fingerprint() == slot.plan.fingerprint());
        let number = |ix: usize| PlanIx(u32::try_from(ix).expect("plans are few"));
        Self(old.iter().map(|slot| place(slot).map(number)).collect())
    }

    fn key(&self, key: InstanceKey) -> InstanceKey {
        let plan = self.0[key.plan.0 as usize].expect("a plan with instances does not leave");
        InstanceKey { plan, ..key }
    }
}

impl Engine {
    /// Each plan and where it counts, in the order of [`Engine::plans`].
    pub fn plan_spans(&self) -> impl Iterator<Item = (&Arc<Plan>, &[PlanSpan])> {
        self.plans.iter().map(|slot| (&slot.plan, &*slot.spans))
    }

    /// Whether a change of plans waits for its checkpoint.
    pub fn is_changing_plans(&self) -> bool {
        self.unstored_cut.is_some()
    }

    pub(super) fn plans_changed(&mut self, current: Vec<Arc<Plan>>) {
        if are_active(&self.plans, &current) {
            return;
        }
        let cut = self.earliest_cut();
        // Two changes before the first is durable: the checkpoint that holds both is waited for.
        let at = self.unstored_cut.map_or(cut, |earlier| earlier.at.min(cut));
        self.unstored_cut = Some(UnstoredCut::at(at));
        let slots = changed(self.plans.clone(), current, cut);
        self.replace_plans(slots);
    }

    /// The earliest instant at which the plans may be cut: nothing that was taken in arrived then or later, every
    /// instance that is complete by now was complete before, and no earlier process has read further.
    fn earliest_cut(&self) -> Arrival {
        let newest = self.shards.iter().map(|shard| shard.newest_effective().plus(1));
        let cuts = self.plans.iter().flat_map(|slot| &slot.spans).flat_map(|span| [span.activated, span.retired]);
        newest.chain(cuts.flatten()).fold(self.watermark.max(self.config.unseen_from), Arrival::max)
    }

    /// Whether a record with this effective arrival must wait until a change of plans is durable.
    pub(super) fn is_behind_change(&self, effective: Arrival) -> bool {
        self.unstored_cut.is_some_and(|cut| effective >= cut.at)
    }

    /// Nothing that a cut goes through is complete before the cut is durable.
    pub(super) fn held_by_change(&self, watermark: Arrival) -> Arrival {
        self.unstored_cut.map_or(watermark, |cut| watermark.min(cut.at))
    }

    /// A checkpoint is taken: it holds the change.
    pub(super) fn change_is_in(&mut self, ticket: CheckpointTicket) {
        if let Some(cut) = &mut self.unstored_cut {
            cut.ticket.get_or_insert(ticket);
        }
    }

    /// A checkpoint is durable.
    pub(super) fn change_is_stored(&mut self, ticket: CheckpointTicket) {
        self.unstored_cut = self.unstored_cut.filter(|cut| cut.ticket.is_none_or(|first| ticket < first));
    }

    /// Whether a plan counts, may still count what is on its way, or has instances that are not released.
    pub(super) fn needs_plan(&self, ix: usize, horizon: Arrival) -> bool {
        let is_of_plan = |key: &InstanceKey| key.plan.0 as usize == ix;
        self.plans[ix].ends_at().is_none_or(|end| self.watermark < end)
            || self.open.keys().any(is_of_plan)
            || self.forced.iter().any(|(key, _)| is_of_plan(key))
            || self.ledger.has_closing(PlanIx(u32::try_from(ix).expect("plans are few")), horizon)
    }

    /// Plans that have drained leave.
    pub(super) fn drop_drained_plans(&mut self) {
        let needed: Vec<bool> = (0..self.plans.len()).map(|ix| self.needs_plan(ix, Arrival::MIN)).collect();
        if needed.contains(&false) {
            let left = self.plans.iter().zip(needed).filter(|(_, needed)| *needed);
            self.replace_plans(left.map(|(slot, _)| slot.clone()).collect());
        }
    }

    fn replace_plans(&mut self, slots: Vec<PlanSlot>) {
        let renumbering = Renumbering::between(&self.plans, &slots);
        self.renumber_instances(&renumbering);
        self.renumber_parked(&renumbering);
        // AG-4: what was decoded before a plan was loaded lies before its activation.
        let before = self.counters.events;
        let fresh = |slot: &PlanSlot| PlanCounters { outside_activation: before, ..PlanCounters::of(&slot.plan) };
        let mut counters: Vec<PlanCounters> = slots.iter().map(fresh).collect();
        for (old, place) in self.counters.plans.drain(..).zip(&renumbering.0) {
            if let Some(place) = place {
                counters[place.0 as usize] = old;
            }
        }
        self.counters.plans = counters;
        self.plans = slots;
        self.plans_version += 1;
    }

    fn renumber_instances(&mut self, renumbering: &Renumbering) {
        let open = std::mem::take(&mut self.open).into_iter();
        self.open = open.map(|(key, instance)| (renumbering.key(key), instance)).collect();
        let forced = std::mem::take(&mut self.forced).into_iter();
        self.forced = forced.map(|(key, instance)| (renumbering.key(key), instance)).collect();
        if let Some(closing) = &mut self.in_progress {
            closing.key = renumbering.key(closing.key.clone());
        }
        self.ledger.renumber(|key| renumbering.key(key));
    }

    /// Records that wait were evaluated against the plans of their time. A plan that is new since then counts only what
    /// arrived later.
    fn renumber_parked(&mut self, renumbering: &Renumbering) {
        let parked = self.shards.iter_mut().flat_map(|shard| &mut shard.parked);
        for event in parked.flat_map(|record| &mut record.events) {
            let outcomes = std::mem::take(&mut event.outcomes).into_iter();
            let renumbered =
                outcomes.filter_map(|(plan, outcome)| renumbering.0[plan].map(|place| (place.0 as usize, outcome)));
            event.outcomes = renumbered.collect();
        }
    }
}
