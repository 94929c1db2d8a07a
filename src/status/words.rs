//! Figures as people read them.

/// `0.4 s`, `75 s`, `3 min`, `5 h`, `4 d`: coarse enough that a sentence does not change every second for long.
pub(super) fn duration(seconds: f64) -> String {
    let seconds = seconds.max(0.0);
    match seconds {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", (s / 60.0).floor()),
        s if s < 172_800.0 => format!("{:.0} h", (s / 3600.0).floor()),
        s => format!("{:.0} d", (s / 86_400.0).floor()),
    }
}

/// A configured duration, exactly: `1 h`, `15 min`, `90 s`.
pub(super) fn exact(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3600.0, "h"), (60.0, "min")];
    let unit = units.into_iter().find(|(size, _)| seconds >= *size && seconds % size == 0.0);
    unit.map_or_else(|| format!("{seconds} s"), |(size, unit)| format!("{:.0} {unit}", seconds / size))
}

/// `512 B`, `64.0 MiB`.
pub(super) fn bytes(bytes: f64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes.max(0.0), 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    if unit == 0 { format!("{value:.0} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// `12,345`.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let grouped = digits.as_bytes().rchunks(3).rev().map(|group| String::from_utf8_lossy(group).into_owned());
    grouped.collect::<Vec<_>>().join(",")
}

/// `3.2`, `12,345`: a rate.
pub(super) fn rate(per_second: f64) -> String {
    if per_second < 100.0 { format!("{per_second:.1}") } else { count(per_second.round() as u64) }
}

/// Of an RFC 3339 instant: `12:01:05`.
pub(super) fn clock(instant: &str) -> &str {
    instant.get(11..19).unwrap_or(instant)
}

/// Since when, as a sentence says it: `12:01 UTC`, with the date where that is a day or more ago.
pub(super) fn since(instant: &str, seconds: f64) -> String {
    let minute = instant.get(11..16).unwrap_or(instant);
    match instant.get(..10) {
        Some(date) if seconds >= 86_400.0 => format!("{date} {minute} UTC"),
        _ => format!("{minute} UTC"),
    }
}

/// `shardId-...02` for `shardId-000000000002`; another id as it is.
pub(super) fn shard(id: &str) -> String {
    let digits = id.strip_prefix("shardId-").filter(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()));
    match digits.map(|digits| digits.trim_start_matches('0')) {
        Some(digits) if digits.len() < 10 => format!("shardId-...{digits:0>2}"),
        _ => id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_coarser_the_longer_they_are() {
        let shown = [-1.0, 0.44, 75.0, 119.0, 120.0, 199.0, 7_199.0, 7_200.0, 200_000.0].map(duration);
        assert_eq!(shown, ["0.0 s", "0.4 s", "75 s", "119 s", "2 min", "3 min", "119 min", "2 h", "2 d"]);
        assert_eq!([3600.0, 900.0, 90.0, 0.0, 172_800.0].map(exact), ["1 h", "15 min", "90 s", "0 s", "2 d"]);
    }

    #[test]
    fn sizes_and_counts_have_their_units_and_groups() {
        assert_eq!([0.0, 1023.0, 1024.0, 1_610_612_736.0].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 GiB"]);
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([0.0, 12.34, 48_211.6].map(rate), ["0.0", "12.3", "48,212"]);
    }

    #[test]
    fn instants_are_shown_by_the_clock_and_old_ones_by_their_day() {
        let at = "2026-11-24T12:01:05.25Z";
        assert_eq!((clock(at), since(at, 60.0).as_str()), ("12:01:05", "12:01 UTC"));
        assert_eq!(since(at, 90_000.0), "2026-11-24 12:01 UTC");
        assert_eq!((clock("never"), since("never", 1.0).as_str()), ("never", "never UTC"));
    }

    #[test]
    fn only_what_reads_as_a_shard_id_is_shortened() {
        assert_eq!(shard("shardId-000000000002"), "shardId-...02");
        assert_eq!(shard("shardId-000000012345"), "shardId-...12345");
        assert_eq!(shard("shardId-x"), "shardId-x");
        assert_eq!(shard("other"), "other");
    }
}
