//! Reads `eventTime` (WN-5). Deliberately absent: any guess. What could be two instants is none.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::time::EventTime;

/// Reads a time stamp: a date and a time of day as in RFC 3339 or with a space between them, with or without a
/// fraction and an offset. Without an offset it is UTC, as everything in CloudTrail is; that is how Athena and its kin
/// write the same events. Fractions are cut to milliseconds, downwards, so that windows before 1970 are cut alike.
pub(super) fn parse(text: &str) -> Option<EventTime> {
    // An annotation such as `[Europe/Berlin]` needs a zone database, and without an offset it would be read as UTC.
    if text.contains('[') || !text.contains(':') {
        return None;
    }
    let instant = text.parse::<Timestamp>().ok().or_else(|| without_offset(text))?;
    i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).ok().map(EventTime)
}

fn without_offset(text: &str) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn millis(text: &str) -> Option<i64> {
        parse(text).map(|time| time.0)
    }

    #[test]
    fn wn_5_every_format_of_the_corpus_is_read() {
        let second = 1_682_380_277_000;
        assert_eq!(millis("2023-04-24T23:51:17Z"), Some(second));
        assert_eq!(millis("2023-04-24 23:51:17"), Some(second));
        assert_eq!(millis("2023-04-24 23:51:17Z"), Some(second));
        assert_eq!(millis("2023-04-24 23:51:17.250"), Some(second + 250));
        assert_eq!(millis("2023-04-24T23:51:17.250Z"), Some(second + 250));
        assert_eq!(millis("2023-04-24 23:51:17.123456789"), Some(second + 123));
        assert_eq!(millis("2023-04-25T01:51:17+02:00"), Some(second));
    }

    #[test]
    fn wn_2_fractions_are_cut_downwards_before_1970() {
        assert_eq!(millis("1969-12-31T23:59:59.9995Z"), Some(-1));
        assert_eq!(millis("1900-01-01T00:00:00Z"), Some(-2_208_988_800_000));
    }

    #[test]
    fn far_future_is_a_time() {
        assert_eq!(millis("9999-12-30T00:00:00Z"), Some(253_402_128_000_000));
    }

    #[test]
    fn wn_5_what_is_no_time_or_could_be_two_is_none() {
        for text in [
            "",
            "...",
            "redacted",
            "eventTime",
            "2023-04-24",
            "24/04/2023 10:00:00",
            "1682380277",
            "2014-03-06T21: 22: 54Z",
            "2023-13-01T00:00:00Z",
            "2023-04-24T23:51:17[Europe/Berlin]",
            "2023-04-24T23:51:17+99:99",
        ] {
            assert_eq!(millis(text), None, "{text}");
        }
    }
}
