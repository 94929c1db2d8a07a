//! The two clocks of the daemon. Every reading of a clock goes through here; `clippy.toml` refuses the others, so that
//! a clock cannot slip into a decision unseen.
//!
//! Deliberately absent: Kinesis's time, on which completeness is judged (semantics 1). The source derives it from the
//! server's answers, never from these.

use std::time::{Instant, SystemTime};

/// The host's wall clock. Only for what people read (`meta.emitted_at`, log lines, signatures): it may jump.
#[expect(clippy::disallowed_methods, reason = "the one sanctioned reading of the wall clock")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}

/// The monotonic clock, for pauses, deadlines and heartbeats. In a test that pauses tokio's time it is that time.
pub fn monotonic() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_monotonic_clock_follows_paused_time() {
        let before = monotonic();
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(monotonic() - before, Duration::from_secs(3600));
    }

    #[test]
    fn the_monotonic_clock_needs_no_runtime() {
        let first = monotonic();
        assert!(monotonic() >= first);
    }
}
