//! Sinks: where risk events go, each with its own queue and worker.
//!
//! Owns: delivery, retries, acknowledgement, serialisation for the outside. Deliberately absent: sources, the engine's
//! state. `source` and `sink` do not know each other.
//!
//! The way of a risk event: [`Sinks::push`] writes it once and puts it into the queue of every sink that subscribes;
//! a lane of the sink's worker takes it, tries until its receiver has it (or refuses it for good, then it becomes a
//! dead letter), and acknowledges; when the last required sink has, [`Acknowledgements::next`] gives its delivery key.
//! Several pipelines may share the sinks ([`Sinks::another`]): each is told of its own.

mod acknowledgement;
mod append_file;
mod budget;
mod circuit;
mod dead_letter;
mod error;
mod file;
pub mod format;
mod health;
mod http;
mod metrics;
mod probe;
mod queue;
mod retry;
mod router;
mod sinks;
mod splunk;
mod start;
mod stdout;
mod subscription;
mod transport;
mod webhook;
mod worker;

#[cfg(test)]
mod testing;

pub use acknowledgement::Acknowledgements;
pub use dead_letter::{DeadLetterAcknowledgements, DeadLetterDeps, DeadLetterError, DeadLetterStore, DeadLetters};
pub use error::SinkError;
pub use health::{BlockedSink, FailureKind, SinkHealth, SinkState};
pub use probe::{Probe, ProbeDeps, probe};
pub use queue::Delivery;
pub use router::{Router, Routes, Withheld};
pub use sinks::{Origin, SinkDeps, SinkEnd, Sinks, WallClock, formats, workers_ended};
pub use stdout::{SharedStdout, StdoutWriter};
pub use transport::{Failure, Outcome, Transport};
