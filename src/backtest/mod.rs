//! A range of the stream, evaluated again as it was live, and compared with what live said.
//!
//! Owns: what has to be read for a range (`range`), the engine over it (`state`), the comparison (`difference`).
//! Deliberately absent: checkpoints (none is written, and nothing that a daemon reads is touched), sinks.

mod difference;
mod live_file;
mod range;
mod run;
mod state;

pub use difference::{Comparison, Difference, Facts, Tally};
pub use live_file::{LiveFile, LiveFileError};
pub use range::{Range, RangeError, StreamAge, close_at};
pub use run::{BacktestError, Follower, run};
pub use state::{Backtest, Seen, Setup, Want};
