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
    match jiff::Timestamp::from_millisecond(millis) {
        Ok(instant) => write!(f, "{instant}"),
        Err(_) => write!(f, "{millis}ms"),
    }
}
