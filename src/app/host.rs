//! What this process calls itself, its wall clock, and the signals that stop it.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;
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

/// What comes so soon after the first signal is no second one: who passes signals on, as `timeout` and process supervisors
/// do, often sends one to the process and one to its group.
const ONE_SIGNAL: Duration = Duration::from_millis(250);

/// ST-1: the first signal stops, the second leaves at once.
pub(super) fn stop_on_signal() -> std::io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        let poll = |context: &mut Context<'_>| {
            let (terminated, interrupted) = (terminate.poll_recv(context), interrupt.poll_recv(context));
            if terminated.is_ready() { terminated } else { interrupted }
        };
        until_second(poll, &stopped).await;
        tracing::warn!("a second signal came: what is not acknowledged is told again after the restart");
        std::process::exit(Exit::DeadlineMissed as i32);
    });
    Ok(stop)
}

/// Stops with the first signal; ends with the second.
async fn until_second(mut poll: impl FnMut(&mut Context<'_>) -> Poll<Option<()>>, stop: &CancellationToken) {
    poll_fn(&mut poll).await;
    stop.cancel();
    let first = Instant::now();
    while first.elapsed() < ONE_SIGNAL {
        poll_fn(&mut poll).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;

    /// Other signals come at these moments after the first, in milliseconds: after how long it leaves.
    async fn heard(moments: &'static [u64]) -> Option<Duration> {
        let (stop, begun) = (CancellationToken::new(), Instant::now());
        let (signal, mut signals) = mpsc::channel(1);
        let of_now = signal.clone();
        tokio::spawn(async move {
            for moment in [&0].into_iter().chain(moments) {
                tokio::time::sleep_until(begun + Duration::from_millis(*moment)).await;
                let _ = of_now.send(()).await;
            }
        });
        let left = until_second(|context| signals.poll_recv(context), &stop);
        let left = tokio::time::timeout(Duration::from_secs(3600), left).await;
        assert!(stop.is_cancelled() && !signal.is_closed());
        left.ok().map(|()| begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn st_1_the_second_signal_leaves_and_what_comes_with_the_first_is_none() {
        let after = |millis| Some(Duration::from_millis(millis));
        assert_eq!(heard(&[]).await, None);
        assert_eq!(heard(&[2]).await, None);
        assert_eq!(heard(&[0, 1, 249]).await, None);
        assert_eq!(heard(&[2, 300]).await, after(300));
        assert_eq!(heard(&[300]).await, after(300));
        assert_eq!(heard(&[60_000]).await, after(60_000));
    }
}
