//! Notions of time. Each is its own type, so that an event's time cannot be compared with its arrival by accident.
//!
//! Deliberately absent: any way to read a clock. The pure layers are given time, they never take it.

use std::fmt;

/// The instant that an event says it happened at (`eventTime`), in milliseconds since the Unix epoch.
/// Windows are cut on it (semantics WN-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(pub i64);

/// An instant on Kinesis's clock, in milliseconds since the Unix epoch: an arrival, an effective arrival, a
/// read-through time, the watermark, the horizon, a `close_at`. Completeness is judged on it (semantics 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Arrival(pub i64);

impl EventTime {
    /// Seconds since the epoch, as `_time` has it in SPL.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1000.0
    }
}

impl Arrival {
    /// Before every arrival: the read-through time of a root shard that was never read.
    pub const MIN: Self = Self(i64::MIN);

    /// This instant moved by `millis`, saturating, so that `MIN` stays `MIN`.
    #[must_use]
    pub fn plus(self, millis: i64) -> Self {
        if self == Self::MIN { self } else { Self(self.0.saturating_add(millis)) }
    }
}

impl fmt::Display for EventTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_utc(f, self.0)
    }
}

impl fmt::Display for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::MIN { f.write_str("never") } else { write_utc(f, self.0) }
    }
}

/// RFC 3339 in UTC, with milliseconds only where there are any: `2023-04-24T23:51:17Z`.
fn write_utc(f: &mut fmt::Formatter<'_>, millis: i64) -> fmt::Result {
    if let Some(text) = whole_second(millis) {
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())?;
        return f.write_str("Z");
    }
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(instant) => write!(f, "{instant}"),
        Err(_) => write!(f, "{millis}ms"),
    }
}

/// What stands before the `Z` of an instant that has no milliseconds.
pub(crate) fn whole_second(millis: i64) -> Option<[u8; 19]> {
    if millis % 1000 == 0 { utc_seconds(millis) } else { None }
}

/// `2023-04-24T23:51:17`, the second of an instant in UTC, without the machinery of a format: a million results have
/// seven million instants. None before the year 0 and after 9999.
pub(crate) fn utc_seconds(millis: i64) -> Option<[u8; 19]> {
    let instant = jiff::Timestamp::from_millisecond(millis).ok()?;
    let date = jiff::tz::Offset::UTC.to_datetime(instant);
    let year = u16::try_from(date.year()).ok()?;
    let mut text = *b"0000-00-00T00:00:00";
    let mut put = |at: usize, number: u8| {
        text[at] = b'0' + number / 10;
        text[at + 1] = b'0' + number % 10;
    };
    let two_digits = |number: i8| number.unsigned_abs();
    put(0, u8::try_from(year / 100).ok()?);
    put(2, u8::try_from(year % 100).ok()?);
    put(5, two_digits(date.month()));
    put(8, two_digits(date.day()));
    put(11, two_digits(date.hour()));
    put(14, two_digits(date.minute()));
    put(17, two_digits(date.second()));
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_rfc_3339_whichever_way() {
        let year_0 = -62_167_219_200_000;
        let year_10_000 = 253_402_300_800_000;
        let around = [year_0, -1, 0, 951_782_400_000, 1_682_380_277_000, 4_107_542_399_000, year_10_000];
        for millis in around.into_iter().flat_map(|at| [at - 1000, at - 999, at - 1, at, at + 1, at + 500, at + 1000]) {
            let Ok(instant) = jiff::Timestamp::from_millisecond(millis) else {
                assert_eq!(EventTime(millis).to_string(), format!("{millis}ms"));
                continue;
            };
            assert_eq!(EventTime(millis).to_string(), instant.to_string());
            let date = jiff::tz::Offset::UTC.to_datetime(instant);
            let expected = (0..=9999).contains(&date.year()).then(|| date.strftime("%Y-%m-%dT%H:%M:%S").to_string());
            assert_eq!(utc_seconds(millis).map(|text| String::from_utf8_lossy(&text).into_owned()), expected);
        }
        assert_eq!(EventTime(1_682_380_277_000).to_string(), "2023-04-24T23:51:17Z");
        assert_eq!((utc_seconds(year_0 - 1), utc_seconds(i64::MAX)), (None, None));
    }

    #[test]
    fn an_arrival_is_written_as_an_instant_and_that_before_all_as_never() {
        assert_eq!(Arrival(1_682_380_277_500).to_string(), "2023-04-24T23:51:17.5Z");
        assert_eq!((Arrival::MIN.to_string(), Arrival::MIN.plus(-1).to_string()), ("never".into(), "never".into()));
        assert_ne!(Arrival::MIN.plus(1).to_string(), Arrival(i64::MIN + 1).to_string(), "it is not moved");
    }
}
