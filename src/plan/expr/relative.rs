//! `relative_time`: Splunk's relative times (`-1d@d`), in UTC (AG-5).

use jiff::Span;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

use super::{numeric, text};
use crate::plan::Value;
use crate::plan::time_format::utc;

/// `relative_time(time, specifier)`.
pub(super) fn relative_time(arguments: &[Value]) -> Value {
    let (Some(seconds), Some(specifier)) = (numeric::of(&arguments[0]), text::of(&arguments[1])) else {
        return Value::Null;
    };
    relative_to(seconds, &specifier).map_or(Value::Null, Value::number)
}

/// The time that a specifier makes of another, in seconds since 1970; none where it is none.
pub(in crate::plan) fn relative_to(seconds: f64, specifier: &str) -> Option<f64> {
    moved(seconds, &steps(specifier)?)
}

/// Whether a text is a relative time.
pub(super) fn is_specifier(text: &str) -> bool {
    steps(text).is_some()
}

/// What is done to a time, in the order written.
#[derive(Clone, Copy)]
enum Step {
    Move(i64, Unit),
    /// Back to the beginning of the unit.
    Snap(Unit),
    /// Back to the beginning of a day of the week, counted from Sunday.
    SnapToWeekday(i8),
}

#[derive(Clone, Copy)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// None where the text is no relative time, or does nothing.
fn steps(text: &str) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (step, behind) = step(rest)?;
        steps.push(step);
        rest = behind;
    }
    (!steps.is_empty()).then_some(steps)
}

fn step(text: &str) -> Option<(Step, &str)> {
    let sign = text.chars().next()?;
    let (digits, rest) = leading(text.get(1..)?, |c| c.is_ascii_digit());
    let (word, rest) = leading(rest, |c| c.is_ascii_alphabetic());
    let step = match sign {
        '+' | '-' => {
            let amount = if digits.is_empty() { 1 } else { digits.parse::<i64>().ok()? };
            Step::Move(if sign == '-' { -amount } else { amount }, unit(word)?)
        }
        '@' if !digits.is_empty() => return None,
        '@' if word == "w" => {
            let (day, rest) = leading(rest, |c| c.is_ascii_digit());
            let day = if day.is_empty() { 0 } else { day.parse::<i8>().ok().filter(|day| *day <= 7)? };
            return Some((Step::SnapToWeekday(day % 7), rest));
        }
        '@' => Step::Snap(unit(word)?),
        _ => return None,
    };
    Some((step, rest))
}

fn leading(text: &str, is_part: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_part(c)).unwrap_or(text.len()))
}

fn unit(word: &str) -> Option<Unit> {
    Some(match word {
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mon" | "month" | "months" => Unit::Month,
        "q" | "qtr" | "qtrs" | "quarter" | "quarters" => Unit::Quarter,
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Year,
        _ => return None,
    })
}

/// None outside the years that a date has.
fn moved(seconds: f64, steps: &[Step]) -> Option<f64> {
    let start = utc(seconds)?.datetime();
    let end = steps.iter().try_fold(start, |time, step| match *step {
        Step::Move(amount, unit) => time.checked_add(span(amount, unit)?).ok(),
        Step::Snap(unit) => snapped(time, unit),
        Step::SnapToWeekday(day) => {
            let back = (time.weekday().to_sunday_zero_offset() - day).rem_euclid(7);
            midnight(time.date()).checked_sub(Span::new().days(back)).ok()
        }
    })?;
    Some(Offset::UTC.to_timestamp(end).ok()?.as_microsecond() as f64 / 1e6)
}

fn span(amount: i64, unit: Unit) -> Option<Span> {
    let span = Span::new();
    match unit {
        Unit::Second => span.try_seconds(amount),
        Unit::Minute => span.try_minutes(amount),
        Unit::Hour => span.try_hours(amount),
        Unit::Day => span.try_days(amount),
        Unit::Week => span.try_weeks(amount),
        Unit::Month => span.try_months(amount),
        Unit::Quarter => span.try_months(amount.checked_mul(3)?),
        Unit::Year => span.try_years(amount),
    }
    .ok()
}

fn snapped(time: DateTime, unit: Unit) -> Option<DateTime> {
    let (date, hour) = (time.date(), time.hour());
    let first_of = |month| Date::new(date.year(), month, 1).ok().map(midnight);
    match unit {
        Unit::Second => Some(date.to_datetime(Time::new(hour, time.minute(), time.second(), 0).ok()?)),
        Unit::Minute => Some(date.to_datetime(Time::new(hour, time.minute(), 0, 0).ok()?)),
        Unit::Hour => Some(date.to_datetime(Time::new(hour, 0, 0, 0).ok()?)),
        Unit::Day => Some(midnight(date)),
        Unit::Week => midnight(date).checked_sub(Span::new().days(time.weekday().to_sunday_zero_offset())).ok(),
        Unit::Month => first_of(date.month()),
        Unit::Quarter => first_of((date.month() - 1) / 3 * 3 + 1),
        Unit::Year => first_of(1),
    }
}

fn midnight(date: Date) -> DateTime {
    date.to_datetime(Time::midnight())
}
