//! When a filter expires, as the macros file writes it.
//!
//! Deliberately absent: what day it is. Whether a filter applies is decided by the window it is applied to (AG-5).

/// Milliseconds since the Unix epoch of a date (its end, in UTC: the whole day still counts) or of an instant in RFC 3339.
///
/// # Errors
/// With what the text is instead.
pub(super) fn read(text: &str) -> Result<i64, String> {
    let instant = if is_date(text) { end_of(text) } else { text.parse().ok() };
    instant
        .map(jiff::Timestamp::as_millisecond)
        .ok_or_else(|| format!("{text:?}, which is neither a date nor an instant with an offset"))
}

/// `2026-12-31`. Whether these are digits is judged where it is read.
fn is_date(text: &str) -> bool {
    matches!(text.as_bytes(), [_, _, _, _, b'-', _, _, b'-', _, _])
}

fn end_of(date: &str) -> Option<jiff::Timestamp> {
    let start: jiff::Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    start.checked_add(jiff::SignedDuration::from_hours(24)).ok()
}

#[cfg(test)]
mod tests {
    use super::read;

    fn instant(text: &str) -> i64 {
        text.parse::<jiff::Timestamp>().expect("an instant").as_millisecond()
    }

    #[test]
    fn a_date_is_the_end_of_its_day_in_utc() {
        assert_eq!(read("2026-12-31"), Ok(instant("2027-01-01T00:00:00Z")));
        assert_eq!(read("2028-02-28"), Ok(instant("2028-02-29T00:00:00Z")), "a leap year");
    }

    #[test]
    fn an_instant_is_itself_whatever_its_offset() {
        assert_eq!(read("2026-12-31T18:00:00Z"), Ok(instant("2026-12-31T18:00:00Z")));
        assert_eq!(read("2026-12-31T18:00:00+02:00"), Ok(instant("2026-12-31T16:00:00Z")));
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in
            ["", "never", "2026-13-01", "2026-02-30", "2026-12-31T18:00:00", "31.12.2026", "26-12-31", "9999-12-31"]
        {
            assert!(read(text).is_err_and(|what| what.contains(text)), "{text:?}");
        }
    }
}
