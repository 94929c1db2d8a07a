//! trailrisk runs Splunk ESCU detections over CloudTrail as an exact stream.
//!
//! `ARCHITECTURE.md` draws the house; `docs/semantics.md` is the contract, whose rule ids (RD-1, WN-2, ...) stand in the
//! comments here and in the names of the tests.

#[cfg(feature = "daemon")]
pub mod checkpoint;
pub mod cloudtrail;
#[cfg(feature = "daemon")]
pub mod config;
pub mod detection;
pub mod engine;
#[cfg(feature = "daemon")]
pub mod metrics;
pub mod plan;
pub mod risk_event;
#[cfg(feature = "daemon")]
pub mod sink;
#[cfg(feature = "daemon")]
pub mod source;
pub mod spl;
pub mod time;
mod yaml;
