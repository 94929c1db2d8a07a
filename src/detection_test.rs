//! Tests beside a detection: a file `<detection>.test.yml` with events, when they arrive, and the rows that must come
//! of them. They run through the live engine, with every time stamp given, so that windows, thresholds and late events
//! can be tested without a stream.
//!
//! Owns: the file's shape, the run, the comparison. Deliberately absent: finding files, printing (the command's).

mod compare;
mod file;
mod reader;
mod record;
mod run;
#[cfg(test)]
mod tests;

pub use compare::{Difference, compare};
pub use file::{Case, ExpectedRow, FileProblem, TestFile};
pub use record::{Arrives, TestRecord};
pub use run::{Outcome, run};
