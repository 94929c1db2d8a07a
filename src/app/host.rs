//! What this process calls itself, and its wall clock.

use std::sync::Arc;

use crate::clock;
use crate::sink::WallClock;

pub(super) fn wall_clock() -> WallClock {
    Arc::new(|| jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX))
}

pub(super) fn worker_name() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| format!("process-{}", std::process::id()))
}

pub(super) fn revision() -> &'static str {
    option_env!("TRAILRISK_REVISION").unwrap_or("unknown")
}
