//! The real binary as a process, over real HTTP to an in-process Kinesis: what must be seen of the whole.
//!
//! Sizes are those of a quick run; the environment makes the same tests run large (`TRAILRISK_CHAOS_RECORDS`,
//! `TRAILRISK_CHAOS_KILLS`, `TRAILRISK_CHAOS_SEED`, `TRAILRISK_SUSPENDS`, `TRAILRISK_ROUNDS`, `TRAILRISK_WEBHOOK_OUTAGE`,
//! `TRAILRISK_WEBHOOK_RECORDS`, `TRAILRISK_WEBHOOK_PADDING`,
//! `TRAILRISK_WEBHOOK_FAULTS`, `TRAILRISK_WEBHOOK_SEED`, `TRAILRISK_LATENCY_SAMPLES`, `TRAILRISK_FLOOD_GROUPS`,
//! `TRAILRISK_FLOOD_STATE_MIB`, `TRAILRISK_FLOOD_EVENTS`).

#![expect(clippy::print_stdout, reason = "the figures and the seed of a run are for its reader")]

pub mod aggregate;
mod aggregates;
mod alerting;
mod backtest;
mod bad_input;
mod bucket;
mod chaos;
mod command_line;
mod commands;
mod damaged_files;
mod dead_letter;
mod dead_letter_replay;
mod detection_tests;
mod escu;
pub mod event;
pub mod fan_out;
mod faults;
mod filters;
mod floods;
mod golden;
mod hostile;
mod latency;
pub mod line;
mod logs;
mod lookups;
mod reload;
mod secrets;
mod series;
mod settings;
mod several;
mod shell;
mod sink_test;
mod sinks;
mod splunk;
mod start_up;
mod status;
mod stop;
mod streams;
mod tail;
mod webhook;
mod whole_path;

use serde_json::{Value, json};

use crate::support::daemon::{Home, package};
use crate::support::kinesis::Endpoint;

const STREAM: &str = "trail";

/// A folder for the binary under test.
pub fn home() -> Home {
    Home::new(env!("CARGO_BIN_EXE_trailrisk"), &[])
}

/// A configuration with short pauses and windows of 2 s, for the shipped detection; YAML, since it is JSON.
pub fn config(kinesis: &Endpoint) -> Value {
    json!({
        "source": {
            "stream": STREAM,
            "region": "us-east-1",
            "endpoint_url": kinesis.url(),
            "start": "trim_horizon",
            "poll_interval": "200ms",
            "tip_slack": "1s",
            "list_interval": "1s",
        },
        "detections": {
            "paths": [package("config/detections")],
            "macros": package("config/macros.yaml"),
            "window": "2s",
            "grace": "1s",
        },
        "sinks": [{"name": "stdout", "type": "stdout"}],
        "dead_letter": {"path": "dead-letters.ndjson"},
        "checkpoint": {"store": "file", "path": "checkpoint.json", "interval": "200ms"},
        "admin": {"listen": "127.0.0.1:0"},
        "log": {"level": "info", "format": "json"},
    })
}

/// A size of a test: from the environment, or that of a quick run.
fn size(variable: &str, quick: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is a number, not {text:?}")),
        Err(_) => quick,
    }
}
