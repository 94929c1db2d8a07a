//! Durations and sizes. A unit is compulsory: `poll_interval: 5` could mean anything.

use std::time::Duration;

const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZE_UNITS: [(&str, u64); 7] = [
    ("B", 1),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// Reads a duration such as `500ms`.
///
/// # Errors
/// Says what is expected.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let millis = number_with_unit(text, &DURATION_UNITS);
    millis.map(Duration::from_millis).ok_or_else(|| {
        "is not a duration: a whole number with its unit ms, s, m, h or d is expected, such as 500ms or 15m".to_owned()
    })
}

/// Reads a size in bytes such as `64MiB`.
///
/// # Errors
/// Says what is expected.
pub(super) fn size(text: &str) -> Result<usize, String> {
    let bytes = number_with_unit(text, &SIZE_UNITS).and_then(|bytes| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| {
        "is not a size: a whole number with its unit B, KB, MB, GB, KiB, MiB or GiB is expected, such as 64MiB"
            .to_owned()
    })
}

/// The duration in its largest whole unit.
pub(super) fn show_duration(duration: Duration) -> String {
    show(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX), &DURATION_UNITS)
}

/// The size in its largest whole unit.
pub(crate) fn show_size(bytes: usize) -> String {
    show(bytes as u64, &SIZE_UNITS)
}

fn number_with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn show(amount: u64, units: &[(&str, u64)]) -> String {
    let fitting = units.iter().filter(|(_, factor)| amount.is_multiple_of(*factor) && amount >= *factor);
    let (unit, factor) = fitting.max_by_key(|(_, factor)| *factor).unwrap_or(&units[0]);
    format!("{}{unit}", amount / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit() {
        let read = |text| duration(text).ok().map(|d| d.as_millis());
        assert_eq!(
            ["500ms", "10s", "15m", "1h", "1d", "0s", "5 s"].map(read),
            [Some(500), Some(10_000), Some(900_000), Some(3_600_000), Some(86_400_000), Some(0), Some(5000)]
        );
        for text in
            ["", "5", "s", "1.5s", "-1s", "1h30m", "1S", "1sec", " 1s", "99999999999999999999s", "999999999999999999d"]
        {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn sizes_tell_1000_from_1024() {
        let read = |text| size(text).ok();
        assert_eq!(["64MiB", "1GiB", "100KB", "7B"].map(read), [Some(64 << 20), Some(1 << 30), Some(100_000), Some(7)]);
        for text in ["64", "64M", "64mb", "1kB", "1.5GiB", "99999999999GiB"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_shown_reads_back() {
        for text in ["500ms", "90s", "15m", "36h", "7d", "0ms"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        for text in ["64MiB", "1GiB", "100KB", "1025B", "0B"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
    }
}
