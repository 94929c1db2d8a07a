//! What runs: a search compiled to a streaming plan.
//!
//! Owns: matching one event, its by-fields, the aggregates (partials), the commands over a row. Pure.
//! Deliberately absent: windows, shards and watermarks (the engine's), decoding (cloudtrail's).

mod value;

use std::sync::Arc;

pub use value::{Scalar, Value};

/// The by-values of a group, in the order of the search. Never null, never multivalue. For a search without `stats`
/// it is empty, and the event itself is the group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupKey {
    /// By-values.
    pub values: Vec<Scalar>,
    /// The event, where the search has no `stats`.
    pub event: Option<crate::cloudtrail::EventKey>,
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

/// A result row: columns in the search's order.
pub type Row = Vec<(Arc<str>, Value)>;
