//! Events of a stream for the person who sets it up: what comes, in which envelope, how late.
//!
//! Owns: which shards are read (`frontier`), which events are shown (`filter`), how (`line`), and what they come to
//! (`tally`). Pure: reading and printing is the command's. Deliberately absent: windows, checkpoints, detections.

mod filter;
mod frontier;
mod line;
mod tally;

pub use filter::{Filter, FilterError};
pub use frontier::Frontier;
pub use line::{HEADER, Place, Shown, event, rejected};
pub use tally::Tally;
