//! `strftime`, `strptime` and `convert`: Splunk's time formats, always in UTC, English names.

use jiff::fmt::strtime::{self, BrokenDownTime, PosixCustom};
use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, ZonedDateTime};
use smol_str::SmolStr;

use crate::time::utc_seconds;

/// What `security_content_ctime` writes, and most searches.
const COMMON: &str = "%Y-%m-%dT%H:%M:%S";

/// A Splunk time format: strftime's directives, and its own `%Q` and `%N` for fractions of a second.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TimeFormat(String);

/// The zones that `%Z` reads. Other abbreviations stand for several zones each.
const ZONES: [&str; 3] = ["Z", "UTC", "GMT"];

impl TimeFormat {
    /// Reads a format.
    ///
    /// # Errors
    /// Says which directive is not supported.
    pub(super) fn new(format: &str) -> Result<Self, String> {
        let format = Self(translate(format));
        let epoch = BrokenDownTime::from(&Timestamp::UNIX_EPOCH.to_zoned_datetime(TimeZone::UTC));
        match epoch.to_string_with_config(&config(), &format.0) {
            Ok(_) => Ok(format),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Reads a format that times are read in, which takes more: not every directive that can be written can be read.
    ///
    /// # Errors
    /// Says which directive is not supported, or that no instant follows from them.
    pub(super) fn for_reading(format: &str) -> Result<Self, String> {
        let format = Self::new(format)?;
        let epoch = format.format(0.0).unwrap_or_default();
        let parts = format.parts(&epoch).map_err(|error| error.to_string())?;
        instant(&parts).map(|_| format).ok_or_else(|| "a time without a date is no instant".to_owned())
    }

    /// The instant, given in seconds since the epoch, in this format; none outside the years -9999 to 9999.
    pub(super) fn format(&self, seconds: f64) -> Option<SmolStr> {
        if self.0 == COMMON
            && let Some(text) = utc_seconds(((seconds * 1e6).round() as i64).div_euclid(1000))
        {
            return std::str::from_utf8(&text).ok().map(SmolStr::new);
        }
        // `%s` would be the second behind an instant before 1970, while `%S` is that in which it lies.
        let seconds = if seconds < 0.0 && self.0.contains("%s") { seconds.floor() } else { seconds };
        BrokenDownTime::from(&utc(seconds)?).to_string_with_config(&config(), &self.0).ok().map(SmolStr::from)
    }

    /// Reads text in this format to seconds since the epoch; UTC where it has no offset, midnight where it has no time.
    pub(super) fn parse(&self, text: &str) -> Option<f64> {
        let instant = instant(&self.parts(text).ok()?)?;
        Some(instant.as_microsecond() as f64 / 1e6)
    }

    fn parts(&self, text: &str) -> Result<BrokenDownTime, jiff::Error> {
        if !self.0.contains("%Z") {
            return strtime::parse(&self.0, text);
        }
        let mut read = ZONES.iter().map(|zone| strtime::parse(zoned(&self.0, zone), text));
        let first = read.next().expect("there are zones");
        read.fold(first, |found, other| found.or(other))
    }
}

fn instant(parts: &BrokenDownTime) -> Option<Timestamp> {
    if let Some(instant) = parts.timestamp() {
        return Some(instant);
    }
    let date = parts.to_date().ok()?;
    let time = if parts.hour().is_some() { parts.to_time().ok()? } else { jiff::civil::Time::midnight() };
    parts.offset().unwrap_or(Offset::UTC).to_timestamp(date.to_datetime(time)).ok()
}

/// The instant as a date in UTC; none outside the years -9999 to 9999.
pub(super) fn utc(seconds: f64) -> Option<ZonedDateTime> {
    let instant = Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()?;
    Some(instant.to_zoned_datetime(TimeZone::UTC))
}

fn config() -> strtime::Config<PosixCustom> {
    strtime::Config::new().custom(PosixCustom::new())
}

/// Splunk's `%Q`, `%3N`, `%6Q` ... to the directive that takes a number of digits.
fn translate(format: &str) -> String {
    let mut translated = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        translated.push_str(&rest[..at]);
        let (directive, after) = directive(&rest[at..]);
        match directive {
            "%Q" => translated.push_str("%3f"),
            "%N" => translated.push_str("%9f"),
            "%3Q" | "%6Q" | "%9Q" | "%3N" | "%6N" | "%9N" => {
                translated.push_str(&directive[..2]);
                translated.push('f');
            }
            other => translated.push_str(other),
        }
        rest = after;
    }
    translated.push_str(rest);
    translated
}

/// The format with the name of a zone in place of `%Z`.
fn zoned(format: &str, zone: &str) -> String {
    let mut zoned = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        zoned.push_str(&rest[..at]);
        let (directive, after) = directive(&rest[at..]);
        zoned.push_str(if directive == "%Z" { zone } else { directive });
        rest = after;
    }
    zoned.push_str(rest);
    zoned
}

/// Splits after the directive that the text begins with: `%`, an optional digit, one character.
fn directive(text: &str) -> (&str, &str) {
    let digit = usize::from(text.as_bytes().get(1).is_some_and(u8::is_ascii_digit));
    let letter = text[1 + digit..].chars().next().map_or(0, char::len_utf8);
    text.split_at(1 + digit + letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(format: &str, seconds: f64) -> Option<SmolStr> {
        TimeFormat::new(format).expect("a supported format").format(seconds)
    }

    #[test]
    fn formats_in_utc() {
        assert_eq!(format("%Y-%m-%dT%H:%M:%S", 1_682_380_277.0).as_deref(), Some("2023-04-24T23:51:17"));
        assert_eq!(format("%d/%b/%Y %I:%M %p %Z", 1_682_380_277.0).as_deref(), Some("24/Apr/2023 11:51 PM UTC"));
        assert_eq!(format("%H:%M:%S.%Q %3N %6N", 0.25).as_deref(), Some("00:00:00.250 250 250000"));
        assert_eq!(format("%N %9N %3Q %6Q %9Q", 0.25).as_deref(), Some("250000000 250000000 250 250000 250000000"));
        assert_eq!(format("%s 100%%", 7.0).as_deref(), Some("7 100%"));
        assert_eq!(format("%s.%3N", 7.25).as_deref(), Some("7.250"));
        assert_eq!(format("%s %S", -0.1).as_deref(), Some("-1 59"));
        assert_eq!(format("%Y", 1e18), None);
    }

    #[test]
    fn the_common_format_is_written_as_any_other() {
        let (common, other) = (TimeFormat::new(COMMON).unwrap(), TimeFormat::new(&format!("{COMMON}%%")).unwrap());
        for seconds in
            [0.0, -0.5, -1.0, 0.999_999_6, 1_682_380_277.25, -62_167_219_201.0, 253_402_300_800.0, 1e18, -1e18]
        {
            for seconds in [seconds, -seconds, seconds + 0.000_000_4] {
                let expected = other.format(seconds).map(|text| text.trim_end_matches('%').to_owned());
                assert_eq!(common.format(seconds).map(String::from), expected, "{seconds}");
            }
        }
    }

    #[test]
    fn parses_what_it_formats() {
        let parse = |format, text| TimeFormat::new(format).expect("a supported format").parse(text);
        assert_eq!(parse("%Y-%m-%dT%H:%M:%SZ", "2023-04-24T23:51:17Z"), Some(1_682_380_277.0));
        assert_eq!(parse("%Y-%m-%d %H:%M:%S%z", "2023-04-25 01:51:17+0200"), Some(1_682_380_277.0));
        assert_eq!(parse("%Y-%m-%d", "1970-01-02"), Some(86_400.0));
        assert_eq!(parse("%s", "12"), Some(12.0));
        assert_eq!(parse("%Y-%m-%d", "yesterday"), None);
    }

    #[test]
    fn unknown_directives_are_refused() {
        for format in ["%Y %!", "%", "%3", "%é", "%3é", "%3!"] {
            assert!(TimeFormat::new(format).is_err(), "{format}");
        }
    }
}
