//! EM-3: the deterministic id of a risk event.

use sha2::{Digest, Sha256};

use super::assign::Slot;
use crate::plan::{GroupKey, Partial, Plan, Scalar};
use crate::risk_event::{Pane, RiskEventId};

/// What an id is about, besides the row's ordinal.
pub(super) struct Subject<'a> {
    /// What the ids of the instance begin with.
    pub ids: &'a InstanceIds,
    pub plan: &'a Plan,
    pub slot: &'a Slot,
    pub group: &'a GroupKey,
    /// What the group holds: tells the parts of a window apart (BD-2).
    pub whole: &'a Partial,
}

/// What all ids of one instance begin with, hashed once.
#[derive(Clone, Debug)]
pub(super) struct InstanceIds {
    own: Canonical,
    /// Of the on-time result of the same window.
    on_time: Canonical,
}

/// Feeds a hash with parts of which none can run into the next: texts are length-prefixed, values type-tagged.
#[derive(Clone, Debug)]
struct Canonical(Sha256);

impl Canonical {
    fn new(domain: &str) -> Self {
        let mut canonical = Self(Sha256::new());
        canonical.text(domain);
        canonical
    }

    fn tag(&mut self, tag: u8) {
        self.0.update([tag]);
    }

    fn integer(&mut self, value: i64) {
        self.0.update(value.to_be_bytes());
    }

    fn count(&mut self, value: usize) {
        self.0.update((value as u64).to_be_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.count(bytes.len());
        self.0.update(bytes);
    }

    fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn scalar(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Number(number) => {
                self.tag(1);
                self.0.update(number.to_bits().to_be_bytes());
            }
            Scalar::Text(text) => {
                self.tag(2);
                self.text(text);
            }
        }
    }

    fn pane(&mut self, slot: &Slot, pane: Pane) {
        match pane {
            Pane::OnTime => self.tag(0),
            Pane::Late(bucket) => {
                self.tag(1);
                self.integer(bucket.0);
            }
            Pane::Future(bucket) => {
                self.tag(2);
                self.integer(bucket.0);
            }
            // A late or future instance can be forced as well, so the number alone would not tell them apart.
            Pane::Forced(number) => {
                self.tag(3);
                self.integer(i64::from(number));
                self.integer(slot.close_at.0);
            }
        }
    }

    /// Where a window is cut by a bound depends on the schedule: after a crash a part may hold other events than the
    /// part of the same number before, and the rest others, up to all of them. It must not have the same id, or a receiver
    /// would drop it as a repetition.
    fn units(&mut self, whole: &Partial) {
        for (event, ordinal) in whole.units() {
            self.0.update(event.0.to_be_bytes());
            self.0.update(ordinal.to_be_bytes());
        }
    }

    fn first_128_bits(self) -> u128 {
        let digest = self.0.finalize();
        digest.iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte))
    }
}

impl InstanceIds {
    /// `source` is `source.name`.
    pub fn new(source: &str, plan: &Plan, slot: &Slot) -> Self {
        let mut window = Canonical::new("trailrisk.risk_event/v1");
        window.text(source);
        window.text(&plan.text().id);
        window.bytes(&plan.fingerprint().0);
        window.integer(slot.window_start.0);
        window.integer(plan.window_ms());
        let in_pane = |pane| {
            let mut canonical = window.clone();
            canonical.pane(slot, pane);
            canonical
        };
        Self { own: in_pane(slot.pane), on_time: in_pane(Pane::OnTime) }
    }
}

impl Subject<'_> {
    /// The id of the row with this ordinal; `is_rest` of a final one of what is left of a window that was cut.
    pub fn id(&self, ordinal: usize, is_rest: bool) -> RiskEventId {
        let mut canonical = self.ids.own.clone();
        let is_forced = matches!(self.slot.pane, Pane::Forced(_));
        if is_rest && !is_forced {
            canonical.tag(4);
        }
        if is_rest || is_forced {
            canonical.units(self.whole);
        }
        self.id_after(canonical, ordinal)
    }

    /// The id that the on-time result of the same window and group has or would have (WN-3).
    pub fn on_time_id(&self, ordinal: usize) -> RiskEventId {
        self.id_after(self.ids.on_time.clone(), ordinal)
    }

    fn id_after(&self, mut canonical: Canonical, ordinal: usize) -> RiskEventId {
        canonical.count(self.group.values.len());
        for (name, value) in self.plan.group_fields(self.group).iter().zip(&self.group.values) {
            canonical.text(name);
            canonical.scalar(value);
        }
        canonical.count(ordinal);
        match self.group.event {
            None => canonical.tag(0),
            Some(key) => {
                canonical.tag(1);
                canonical.0.update(key.0.to_be_bytes());
                canonical.integer(i64::from(self.group.ordinal));
            }
        }
        // Appended rows may have by-values like those of the search; the search's own need no mark.
        if self.group.leg > 0 {
            canonical.tag(2);
            canonical.integer(i64::from(self.group.leg));
        }
        RiskEventId(canonical.first_128_bits())
    }
}
