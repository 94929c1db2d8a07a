//! Kinesis's clock: the `Date` header of its answers, carried on by the monotonic clock (semantics 1).

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_kinesis::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_kinesis::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kinesis::error::BoxError;
use aws_sdk_kinesis::primitives::{DateTime, DateTimeFormat};
use tokio::time::Instant;

use crate::time::Arrival;

/// The last `Date`, and when it was received. It never runs ahead of the server's clock: `Date` is cut off to the
/// second and was written before it was received.
#[derive(Debug, Default)]
pub(super) struct ServerClock(Mutex<Option<(Arrival, Instant)>>);

impl ServerClock {
    /// The server's time now.
    pub(super) fn now(&self) -> Option<Arrival> {
        let (date, received) = (*self.0.lock().unwrap_or_else(PoisonError::into_inner))?;
        let since = i64::try_from(received.elapsed().as_millis()).unwrap_or(i64::MAX);
        Some(date.plus(since))
    }

    fn set(&self, date: Arrival) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((date, Instant::now()));
    }
}

/// Reads the `Date` of every answer, errors included. Answers without a request id come from something between, whose
/// clock is not Kinesis's.
#[derive(Debug)]
pub(super) struct DateReader(pub(super) Arc<ServerClock>);

impl Intercept for DateReader {
    fn name(&self) -> &'static str {
        "DateReader"
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.response().headers();
        if headers.contains_key("x-amzn-requestid")
            && let Some(date) = headers.get("date").and_then(parse_date)
        {
            self.0.set(date);
        }
        Ok(())
    }
}

fn parse_date(text: &str) -> Option<Arrival> {
    let date = DateTime::from_str(text, DateTimeFormat::HttpDate).ok()?;
    date.to_millis().ok().map(Arrival)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_date_of_an_answer_is_read_as_http_writes_it() {
        assert_eq!(parse_date("Mon, 24 Apr 2023 23:51:17 GMT"), Some(Arrival(1_682_380_277_000)));
        assert_eq!(parse_date("2023-04-24T23:51:17Z"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn the_clock_goes_on_by_monotonic_time_and_is_set_by_the_last_answer() {
        let clock = ServerClock::default();
        assert_eq!(clock.now(), None, "no answer, no evidence");
        clock.set(Arrival(1_000_000));
        tokio::time::advance(Duration::from_millis(1500)).await;
        assert_eq!(clock.now(), Some(Arrival(1_001_500)));
        clock.set(Arrival(1_001_000));
        assert_eq!(clock.now(), Some(Arrival(1_001_000)), "the last answer counts, not the largest");
    }
}
