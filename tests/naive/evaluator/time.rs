//! Times of day and dates in UTC, counted day by day.

const DAY: i64 = 86_400;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// 1970-01-01 was a Thursday.
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of(year: i64, month: usize) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day; days are counted from 1970-01-01.
fn date(mut days: i64) -> (i64, usize, i64) {
    let mut year = 1970;
    let length = |year| if is_leap(year) { 366 } else { 365 };
    while days < 0 {
        year -= 1;
        days += length(year);
    }
    while days >= length(year) {
        days -= length(year);
        year += 1;
    }
    let mut month = 1;
    while days >= days_of(year, month) {
        days -= days_of(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

/// `relative_time`, of the units that are always as long.
pub fn relative(seconds: f64, specifier: &str) -> Option<f64> {
    if seconds.abs() > 250_000_000_000.0 {
        return None;
    }
    let mut micros = (seconds * 1e6).round() as i64;
    for step in specifier.split_inclusive(|c: char| c.is_ascii_alphabetic()) {
        let (amount, unit) = step.split_at(step.len() - 1);
        let size = 1_000_000
            * match unit {
                "s" => 1,
                "m" => 60,
                "h" => 3600,
                "d" => DAY,
                "w" => 7 * DAY,
                other => panic!("{other} is not known"),
            };
        // A week begins on Sunday, and 1970-01-01 was a Thursday.
        let first = if unit == "w" { -4 * DAY * 1_000_000 } else { 0 };
        match amount {
            "@" => micros -= (micros - first).rem_euclid(size),
            amount => micros += size * amount.parse::<i64>().expect("an amount"),
        }
    }
    Some(micros as f64 / 1e6)
}

/// `strftime`, for years of four digits.
pub fn print(seconds: f64, format: &str) -> Option<String> {
    if seconds.abs() > 250_000_000_000.0 {
        return None;
    }
    // Times are in milliseconds.
    let seconds = ((seconds * 1000.0).round() / 1000.0).floor() as i64;
    let (days, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = date(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let weekday = DAYS[days.rem_euclid(7) as usize];
    let mut made = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            made.push(c);
            continue;
        }
        made += &match chars.next().expect("a letter") {
            'Y' => format!("{year:04}"),
            'm' => format!("{month:02}"),
            'd' => format!("{day:02}"),
            'H' => format!("{hour:02}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'F' => format!("{year:04}-{month:02}-{day:02}"),
            'T' => format!("{hour:02}:{minute:02}:{second:02}"),
            'b' => MONTHS[month - 1][..3].to_owned(),
            'B' => MONTHS[month - 1].to_owned(),
            'a' => weekday[..3].to_owned(),
            'A' => weekday.to_owned(),
            's' => seconds.to_string(),
            '%' => "%".to_owned(),
            other => panic!("%{other} is not known"),
        };
    }
    (-9999..=9999).contains(&year).then_some(made)
}

/// `strptime` for formats of digits: `%Y-%m-%d`, then perhaps `T%H:%M:%S` or ` %H:%M:%S`.
pub fn read(text: &str, format: &str) -> Option<i64> {
    let pattern = regex::escape(format)
        .replace("%Y", r"(?<Y>[0-9]{4})")
        .replace("%m", r"(?<m>[0-9]{2})")
        .replace("%d", r"(?<d>[0-9]{2})")
        .replace("%H", r"(?<H>[0-9]{2})")
        .replace("%M", r"(?<M>[0-9]{2})")
        .replace("%S", r"(?<S>[0-9]{2})");
    let found = regex::Regex::new(&format!("^{pattern}$")).expect("a pattern").captures(text)?;
    let part = |name: &str| found.name(name).map_or(0, |digits| digits.as_str().parse::<i64>().expect("digits"));
    let (year, month, day) = (part("Y"), part("m"), part("d"));
    let known = (1..=12).contains(&month) && (1..=days_of(year, month as usize)).contains(&day);
    let clock = part("H") < 24 && part("M") < 60 && part("S") < 60;
    let days = known.then(|| days_before(year, month as usize) + day - 1)?;
    clock.then_some(days * DAY + part("H") * 3600 + part("M") * 60 + part("S"))
}

/// `tostring(x, "commas")`: two digits after the point at most, no zeros at the end.
pub fn commas(number: f64) -> String {
    let rounded = format!("{:.2}", (number.abs() * 100.0).round() / 100.0);
    let (whole, fraction) = rounded.split_once('.').expect("two digits");
    let grouped: Vec<String> = whole.as_bytes().rchunks(3).rev().map(|d| String::from_utf8_lossy(d).into()).collect();
    let sign = if number < 0.0 && rounded != "0.00" { "-" } else { "" };
    let fraction = format!(".{fraction}");
    let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
    format!("{sign}{}{fraction}", grouped.join(","))
}

/// `tostring(x, "duration")`: `1+01:01:01`.
pub fn duration(seconds: i64) -> String {
    let (sign, seconds) = (if seconds < 0 { "-" } else { "" }, seconds.abs());
    let clock = format!("{:02}:{:02}:{:02}", seconds % DAY / 3600, seconds % 3600 / 60, seconds % 60);
    if seconds >= DAY { format!("{sign}{}+{clock}", seconds / DAY) } else { format!("{sign}{clock}") }
}

/// Days from 1970-01-01 to the first of a month.
fn days_before(year: i64, month: usize) -> i64 {
    let length = |year: i64| if is_leap(year) { 366 } else { 365 };
    let years: i64 = (1970..year).map(length).sum::<i64>() - (year..1970).map(length).sum::<i64>();
    years + (1..month).map(|month| days_of(year, month)).sum::<i64>()
}
