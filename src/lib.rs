//! trailrisk runs Splunk ESCU detections over CloudTrail as an exact stream.
//!
//! `ARCHITECTURE.md` draws the house; `docs/semantics.md` is the contract, whose rule ids (RD-1, WN-2, ...) stand in the
//! comments here and in the names of the tests.

#[cfg(feature = "daemon")]
pub mod admin;
#[cfg(feature = "daemon")]
pub mod app;
#[cfg(feature = "daemon")]
mod aws;
#[cfg(feature = "daemon")]
pub mod backtest;
#[cfg(feature = "daemon")]
pub mod catalog;
#[cfg(feature = "daemon")]
pub mod checkpoint;
#[cfg(feature = "daemon")]
pub mod cli;
#[cfg(feature = "daemon")]
pub mod clock;
pub mod cloudtrail;
#[cfg(feature = "daemon")]
pub mod config;
pub mod detection;
#[cfg(feature = "daemon")]
pub mod detection_test;
pub mod engine;
pub mod evaluate;
#[cfg(feature = "daemon")]
pub mod files;
#[cfg(feature = "daemon")]
pub mod isolation;
pub mod kpl;
#[cfg(feature = "daemon")]
pub mod metrics;
#[cfg(feature = "daemon")]
pub mod pipeline;
pub mod plan;
#[cfg(feature = "daemon")]
pub mod release;
#[cfg(feature = "daemon")]
pub mod replay;
pub mod risk_event;
#[cfg(feature = "daemon")]
pub mod sink;
#[cfg(feature = "daemon")]
pub mod source;
pub mod spl;
#[cfg(feature = "daemon")]
pub mod status;
#[cfg(feature = "daemon")]
pub mod tail;
#[cfg(feature = "daemon")]
pub mod telemetry;
pub mod time;
pub mod value;
mod yaml;
