//! What runs: a search compiled to a streaming plan.
//!
//! Owns: matching one event, its by-fields, the aggregates (partials), the commands over a row. Pure.
//! Deliberately absent: windows, shards and watermarks (the engine's), decoding (cloudtrail's).

mod absent;
mod aggregate;
mod branch;
mod columns;
mod command;
mod compile;
mod conclude;
mod distinct;
mod earlier;
mod early;
mod error;
mod evaluate;
mod expiry;
mod explain;
mod expr;
mod extent;
mod extract;
mod fingerprint;
pub(crate) mod footprint;
mod join;
mod leg;
mod literals;
mod lookup;
mod matcher;
mod misuse;
mod names;
mod origin;
mod other_data;
pub(crate) mod packing;
mod partial;
mod parts;
mod pattern;
mod presence;
mod reads;
mod record;
mod regular;
mod requirements;
mod run;
mod schema;
mod services;
mod sources;
mod statistics;
#[cfg(test)]
pub(crate) mod tests;
mod text;
mod time_format;
mod unquoted;
mod warnings;
mod whole;
mod written;

use std::sync::Arc;

use crate::value::number;
pub use crate::value::{Scalar, Value};
pub(crate) use columns::Columns;
pub use compile::Plan;
pub use conclude::{Conclusion, GroupRow, WindowRow};
pub use early::{Early, Least};
pub use error::{CompileError, CompileErrorKind, PlanWarning};
pub use fingerprint::Fingerprint;
pub use lookup::{LookupTable, Lookups, MatchType};
pub(crate) use other_data::other_data;
pub use partial::{Added, Change, Contributions, Partial, Unit};
pub use sources::Sources;
pub use text::{PlanText, RiskModel, RiskObjectSpec, Severity, ThreatObjectSpec};

use crate::time::EventTime;

/// The by-values of a group, in the order of the search. Never null, never multivalue. For a search without `stats`
/// it is empty, and the event itself is the group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// Which search of the plan it belongs to: 0 is the search itself, others are subsearches of `join` and `append`.
    pub leg: u32,
    /// By-values.
    pub values: Vec<Scalar>,
    /// The event, where the search has no `stats`.
    pub event: Option<crate::cloudtrail::EventKey>,
    /// Which of the rows made from that event (`mvexpand` makes several); 0 for a search with `stats`.
    pub ordinal: u32,
}

/// What one event adds to one group: the arguments of the aggregates in their order (for a search without `stats`:
/// the columns of the row).
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// The group.
    pub group: GroupKey,
    /// The ordinal of the row made from the event (AG-2): `mvexpand` and multivalue by-fields make several.
    pub ordinal: u32,
    /// The aggregates' arguments, in the plan's order; null for `count`.
    pub inputs: Vec<Value>,
}

impl Contribution {
    /// How many values it brings to the aggregate to which it brings most, and at least one: no count of rows or values
    /// grows by more.
    pub fn values(&self) -> u64 {
        self.inputs.iter().map(|input| input.scalars().len()).fold(1, usize::max) as u64
    }
}

/// What a plan makes of one event that its search matches.
#[derive(Clone, Debug, PartialEq)]
pub enum PlanOutcome {
    /// At least one row of the event counts, or would if the bound on rows had not cut them all.
    Matched {
        /// One a row made from the event (`mvexpand` and multivalue by-fields make several), by ordinal.
        contributions: Vec<Contribution>,
        /// The rows that do not count.
        lost: LostRows,
    },
    /// A by-field is null in every row of the event: dropped from this detection and counted (AG-3). The index is into
    /// the plan's by-fields.
    NullBy(usize),
}

/// Rows made from one event that are in no group, although the event matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostRows {
    /// Not made: beyond the bound on the rows of one event. At least so many.
    pub cut: u64,
    /// Without a by-field, while other rows of the event have all of them.
    pub null_by: u64,
}

/// A result row: columns in the search's order.
pub type Row = Vec<(Arc<str>, Value)>;

/// The result of the commands after `stats` for one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rows {
    /// The rows that passed.
    pub rows: Vec<Row>,
    /// For each filter of [`PlanText::filters`]: how many rows it hid (AG-4).
    pub hidden: Vec<usize>,
    /// Rows not made: beyond the bound on the rows that `mvexpand` makes of one. At least so many.
    pub cut: u64,
}

/// One event of the evidence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Evidence {
    /// When it happened.
    pub time: EventTime,
    /// Its `eventID`, or the hash that stands in for one.
    pub event_id: Arc<str>,
}

/// How much a partial may keep (AG-2, BD-3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Units whose ids are kept; beyond it counts are upper bounds.
    pub max_ids_per_group: usize,
    /// Values that `values` shows.
    pub max_values: usize,
    /// Distinct values that `dc` and `values` count.
    pub max_distinct_values: usize,
    /// Events that the evidence shows.
    pub max_evidence: usize,
    /// Key of the hash by which what is shown is chosen, so that nobody outside can choose it.
    pub sampling_key: [u8; 16],
    /// BD-4: key of the hash tables over what events hold. Another one in every process, for it decides no result.
    pub table_key: [u8; 16],
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            max_ids_per_group: 100_000,
            max_values: 100,
            max_distinct_values: 10_000,
            max_evidence: 10,
            sampling_key: [0; 16],
            table_key: [0; 16],
        }
    }
}
