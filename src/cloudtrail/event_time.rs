//! Reads `eventTime` (WN-5). Deliberately absent: any guess. What could be two instants is none.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::time::EventTime;

/// Reads a time stamp: a date and a time of day as in RFC 3339 or with a space between them, with or without a
/// fraction and an offset. Without an offset it is UTC, as everything in CloudTrail is; that is how Athena and its kin
/// write the same events. Fractions are cut to milliseconds, downwards, so that windows before 1970 are cut alike.
pub(super) fn parse(text: &str) -> Option<EventTime> {
    let instant = usual(text).or_else(|| any(text))?;
    i64::try_from(instant.as_nanosecond().div_euclid(1_000_000)).ok().map(EventTime)
}

fn any(text: &str) -> Option<Timestamp> {
    // An annotation such as `[Europe/Berlin]` needs a zone database, and without an offset it would be read as UTC.
    if text.contains('[') || !text.contains(':') {
        return None;
    }
    text.parse().ok().or_else(|| without_offset(text))
}

/// What CloudTrail writes, `2023-04-24T23:51:17Z`, read directly: every event that is decoded has one.
fn usual(text: &str) -> Option<Timestamp> {
    let text: &[u8; 20] = text.as_bytes().try_into().ok()?;
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    let digit = |at: usize| text[at].checked_sub(b'0').filter(|digit| *digit < 10);
    let two = |at: usize| i8::try_from(digit(at)? * 10 + digit(at + 1)?).ok();
    if marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let year = i16::from(two(0)?) * 100 + i16::from(two(2)?);
    let time = DateTime::new(year, two(5)?, two(8)?, two(11)?, two(14)?, two(17)?, 0).ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

fn without_offset(text: &str) -> Option<Timestamp> {
    Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{any, parse, usual};

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

    /// Every day, with the neighbours that are none, of years that leap and years that do not.
    #[test]
    fn wn_5_what_is_read_directly_is_what_is_read_anyhow() {
        let years = [0, 1, 1600, 1899, 1900, 1969, 1970, 1999, 2000, 2023, 2024, 2038, 2100, 9999];
        let dates = years.into_iter().flat_map(|year| (0..=13).map(move |month| (year, month)));
        for (number, (year, month, day)) in
            dates.flat_map(|(year, month)| (0..=32).map(move |day| (year, month, day))).enumerate()
        {
            let text =
                format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", number % 24, number % 60, number % 59);
            assert_eq!(usual(&text), any(&text), "{text}");
        }
        for time in ["00:00:00", "23:59:59", "24:00:00", "23:60:00", "23:59:61"] {
            let text = format!("2024-02-29T{time}Z");
            assert_eq!(usual(&text), any(&text), "{text}");
        }
        assert_eq!(usual("2016-12-31T23:59:60Z"), None, "a leap second is left to the other reading");
        let text = "2023-04-24T23:51:17Z";
        for (place, byte) in (0..text.len()).flat_map(|place| (0..128).map(move |byte| (place, byte))) {
            let changed = [&text.as_bytes()[..place], &[byte], &text.as_bytes()[place + 1..]].concat();
            let changed = String::from_utf8(changed).expect("ASCII");
            assert!(usual(&changed).is_none_or(|direct| any(&changed) == Some(direct)), "{changed}");
        }
    }
}
