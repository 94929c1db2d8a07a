//! What we tell the world: a risk event, and its deterministic id (EM-3).
//!
//! Deliberately absent: how it is written. Serialisation lives at the edge (`sink::format`).

use std::sync::Arc;

pub use crate::plan::Evidence;
use crate::plan::{Scalar, Value};
use crate::time::{Arrival, EventTime};

/// 128 bits over what a risk event is about, never over when or where it was made (EM-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RiskEventId(pub u128);

impl std::fmt::Display for RiskEventId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// EM-1, EM-2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// At the first match, within milliseconds of the read.
    Early,
    /// The window is complete.
    Final,
}

impl Stage {
    /// Both stages.
    pub const ALL: [Self; 2] = [Self::Early, Self::Final];

    /// As it is written in a risk event and in a delivery key.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Final => "final",
        }
    }
}

/// The idempotency key of a delivery: `<id>-<stage>` (EM-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeliveryKey {
    /// The risk event.
    pub id: RiskEventId,
    /// Which of its stages.
    pub stage: Stage,
}

impl std::fmt::Display for DeliveryKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.id, self.stage.as_str())
    }
}

/// Which part of a window's events a result covers (WN-2, WN-3, WN-4, BD-2). The order is part of the closing order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Pane {
    /// What arrived before `close_at`.
    OnTime,
    /// What arrived later, by bucket of effective arrival (its start).
    Late(Arrival),
    /// What was dated after its arrival, by bucket of effective arrival (its start).
    Future(Arrival),
    /// Closed early because a bound was hit; numbered from 1 within its window.
    Forced(u32),
}

impl std::fmt::Display for Pane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::OnTime => f.write_str("on_time"),
            Self::Late(_) => f.write_str("late"),
            Self::Future(_) => f.write_str("future"),
            Self::Forced(n) => write!(f, "forced-{n}"),
        }
    }
}

/// One finding. Everything in it but `positions` is a pure function of what the stream holds (EM-4).
#[derive(Clone, Debug, PartialEq)]
pub struct RiskEvent {
    /// EM-3.
    pub id: RiskEventId,
    /// EM-1, EM-2.
    pub stage: Stage,
    /// Which part of the window.
    pub pane: Pane,
    /// In a late or future pane: the id that the on-time result of the same window and group has or would have.
    pub supplements: Option<RiskEventId>,
    /// The detection: facts and risk model.
    pub detection: Arc<crate::plan::PlanText>,
    /// The message with its tokens filled in.
    pub risk_message: String,
    /// Who or what is at risk; a multivalue column makes one object a value.
    pub risk_objects: Vec<RiskObject>,
    /// Who or what is suspected.
    pub threat_objects: Vec<ThreatObject>,
    /// The by-fields and their values.
    pub group: Vec<(Arc<str>, Value)>,
    /// The result row: columns in the search's order.
    pub row: Vec<(Arc<str>, Value)>,
    /// Start of the window.
    pub window_start: EventTime,
    /// End of the window, exclusive.
    pub window_end: EventTime,
    /// Distinct events of the group (AG-2).
    pub event_count: u64,
    /// The earliest event.
    pub first_event: EventTime,
    /// The latest event.
    pub last_event: EventTime,
    /// Some of the events, by (time, id); which ones does not depend on order (BD-3).
    pub evidence: Vec<Evidence>,
    /// Whether there are more than `evidence` shows.
    pub evidence_truncated: bool,
    /// Marks that say what the result does not cover.
    pub marks: Marks,
    /// Where the newest contributing record of each shard stands: `meta`, outside the compared bytes.
    pub positions: Vec<(crate::engine::ShardId, crate::engine::SequenceNumber)>,
    /// The newest effective arrival among the contributing records: for the latency metric, never written.
    pub newest_arrival: Arrival,
}

impl RiskEvent {
    /// The idempotency key of this stage (EM-3).
    pub fn delivery_key(&self) -> DeliveryKey {
        DeliveryKey { id: self.id, stage: self.stage }
    }
}

/// Marks of a risk event; each is written only where it is true.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    /// WN-7: the window was cut by an activation, or began before the first start.
    pub partial: bool,
    /// BD-2: part of the window was closed early.
    pub truncated: bool,
    /// AG-2: more ids than `max_ids_per_group`.
    pub count_is_upper_bound: bool,
    /// BD-3: a `values()` shows fewer than there are.
    pub values_truncated: bool,
    /// BD-4: of its group, or of its window where a command needs all rows, more rows would have come than are made.
    pub rows_cut: bool,
}

/// A risk object with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskObject {
    /// The row's column.
    pub field: Arc<str>,
    /// `user`, `system`, `other`, ...
    pub kind: Arc<str>,
    /// Its value.
    pub value: Scalar,
    /// 0 to 100.
    pub score: f64,
}

/// A threat object with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct ThreatObject {
    /// The row's column.
    pub field: Arc<str>,
    /// `ip_address`, `user`, ...
    pub kind: Arc<str>,
    /// Its value.
    pub value: Scalar,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn em_3_a_delivery_key_is_the_id_in_32_digits_and_the_stage() {
        let key = |id, stage| DeliveryKey { id: RiskEventId(id), stage }.to_string();
        assert_eq!(key(0xabc, Stage::Early), "00000000000000000000000000000abc-early");
        assert_eq!(key(u128::MAX, Stage::Final), "ffffffffffffffffffffffffffffffff-final");
    }

    #[test]
    fn panes_are_written_as_the_contract_names_them() {
        let panes = [Pane::OnTime, Pane::Late(Arrival(1)), Pane::Future(Arrival(1)), Pane::Forced(2)];
        assert_eq!(panes.map(|pane| pane.to_string()), ["on_time", "late", "future", "forced-2"]);
    }
}
