//! When to try again: exponential back-off with full jitter, and what `Retry-After` says.

use std::time::Duration;

/// The longest pause that a receiver can ask for: it must not be able to silence a sink for a day.
const RETRY_AFTER_CAP: Duration = Duration::from_secs(300);

/// How a sink retries.
#[derive(Clone, Copy, Debug)]
pub(super) struct RetryPolicy {
    /// Upper bound of the first pause.
    pub(super) min: Duration,
    /// Upper bound of every pause.
    pub(super) max: Duration,
    /// Age at which a delivery becomes a dead letter; none on a required sink, which holds for ever (CP-7).
    pub(super) give_up_after: Option<Duration>,
}

/// The pauses between the attempts of one delivery.
pub(super) struct Backoff {
    policy: RetryPolicy,
    bound: Duration,
}

impl RetryPolicy {
    pub(super) fn backoff(self) -> Backoff {
        Backoff { policy: self, bound: self.min.min(self.max) }
    }
}

impl Backoff {
    /// A pause drawn from zero to a bound that doubles up to `max`; not shorter than what the receiver asks for.
    pub(super) fn pause(&mut self, retry_after: Option<Duration>) -> Duration {
        let drawn = self.bound.mul_f64(fastrand::f64());
        self.bound = self.bound.saturating_mul(2).min(self.policy.max);
        drawn.max(retry_after.unwrap_or_default().min(RETRY_AFTER_CAP))
    }
}

/// Reads a `Retry-After`: seconds, or a date.
pub(super) fn parse_retry_after(value: &str, now: jiff::Timestamp) -> Option<Duration> {
    if let Ok(seconds) = value.trim().parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value.trim()).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: RetryPolicy =
        RetryPolicy { min: Duration::from_secs(1), max: Duration::from_secs(60), give_up_after: None };

    #[test]
    fn the_bound_doubles_to_the_maximum_and_the_jitter_fills_it() {
        let bounds = [1, 2, 4, 8, 16, 32, 60, 60].map(Duration::from_secs);
        let mut longest = [Duration::ZERO; 8];
        let mut shortest = [Duration::MAX; 8];
        for _ in 0..2000 {
            let mut backoff = POLICY.backoff();
            for step in 0..8 {
                let pause = backoff.pause(None);
                longest[step] = longest[step].max(pause);
                shortest[step] = shortest[step].min(pause);
            }
        }
        for step in 0..8 {
            assert!(longest[step] <= bounds[step], "step {step} is above its bound");
            assert!(longest[step] >= bounds[step].mul_f64(0.9), "step {step} does not reach its bound");
            assert!(shortest[step] <= bounds[step].mul_f64(0.1), "step {step} is not jittered down to zero");
        }
    }

    #[test]
    fn retry_after_is_honoured_up_to_a_cap() {
        let mut backoff = POLICY.backoff();
        assert_eq!(backoff.pause(Some(Duration::from_secs(120))), Duration::from_secs(120));
        assert_eq!(backoff.pause(Some(Duration::from_secs(86_400))), RETRY_AFTER_CAP);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: jiff::Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        let read = |value| parse_retry_after(value, now);
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(7)));
        assert_eq!(read("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO), "a date gone by");
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
    }
}
