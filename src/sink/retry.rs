//! When to try again: exponential back-off with full jitter, and what `Retry-After` says.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

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

    /// The pause where none that is shorter can help; not shorter than what the receiver asks for.
    pub(super) fn slowest(self, retry_after: Option<Duration>) -> Duration {
        self.max.max(asked(retry_after))
    }
}

impl Backoff {
    /// A pause drawn from zero to a bound that doubles up to `max`; not shorter than what the receiver asks for.
    pub(super) fn pause(&mut self, retry_after: Option<Duration>) -> Duration {
        let drawn = self.bound.mul_f64(fastrand::f64());
        self.bound = self.bound.saturating_mul(2).min(self.policy.max);
        drawn.max(asked(retry_after))
    }
}

fn asked(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(RETRY_AFTER_CAP)
}

/// Reads a `Retry-After` (RFC 9110, 10.2.3): seconds in any number of digits, or a date in any of its three forms.
pub(super) fn parse_retry_after(value: &str, now: jiff::Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    Some(Duration::try_from(http_date(value)?.duration_since(now)).unwrap_or_default())
}

/// The form that is sent, and the two that a recipient has to accept as well (5.6.7). All are in UTC.
fn http_date(text: &str) -> Option<jiff::Timestamp> {
    let in_utc = |form| TimeZone::UTC.to_timestamp(DateTime::strptime(form, text).ok()?).ok();
    let obsolete = ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"];
    let sent = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok();
    sent.or_else(|| obsolete.into_iter().find_map(in_utc))
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
        assert_eq!(read("+7"), None);
        assert_eq!(read(""), None);
    }

    /// RFC 9110, 10.2.3: any number of digits is a pause. One of years is cut like every long one, not passed over.
    #[test]
    fn a_pause_of_years_is_as_long_as_one_may_be() {
        let now: jiff::Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        for value in ["4294967296", "99999999999", "99999999999999999999999999", "Tue, 31 Dec 2999 23:59:59 GMT"] {
            let pause = parse_retry_after(value, now).expect(value);
            assert_eq!(POLICY.backoff().pause(Some(pause)), RETRY_AFTER_CAP, "{value}");
        }
    }

    /// RFC 9110, 5.6.7: a recipient MUST accept all three forms of an HTTP date.
    #[test]
    fn a_date_may_have_each_of_the_three_forms() {
        let now: jiff::Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(parse_retry_after(date, now), Some(Duration::from_secs(7)), "{date}");
        }
    }
}
