//! What this process calls itself, its wall clock, and the signals that stop it.

use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::Exit;
use crate::clock;
use crate::sink::WallClock;

pub(super) fn wall_clock() -> WallClock {
    Arc::new(|| jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX))
}

pub(super) fn worker_name() -> String {
    std::env::var("HOSTNAME").unwrap_or_else(|_| format!("process-{}", std::process::id()))
}

/// ST-1: the first signal stops, the second leaves at once.
pub(super) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        for count in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if count > 0 {
                tracing::warn!("a second signal came: what is not acknowledged is told again after the restart");
                std::process::exit(Exit::DeadlineMissed as i32);
            }
            stopped.cancel();
        }
    });
    Ok(stop)
}
