//! ESCU detection files: three generations of one schema, read into one model.
//!
//! Owns: the file's shape, its facts and its risk model, and the way back from a place in the expanded search to a line
//! of the file. Deliberately absent: I/O (callers hand in text), and what a search does (the plan's).

mod annotations;
mod attack;
mod compile;
mod expiring;
mod load;
mod lookups;
mod message;
mod problem;
mod reader;
mod risk;
mod search;

pub use attack::only_tactic;
pub use compile::{Compiled, compile};
pub use expiring::ExpiringFilter;
pub use load::{Loaded, PlanSettings, identity, load};
pub use problem::{Problem, ProblemSeverity};
pub use search::SearchPlace;

pub use crate::spl::FilterPlace;

pub use crate::plan::{PlanText, RiskModel, RiskObjectSpec, Severity, ThreatObjectSpec};
