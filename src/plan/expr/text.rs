//! Functions of text. On a multivalue field those that give text work on each value.

use crate::plan::pattern::fold;
use crate::plan::{Scalar, Value, number};

use super::numeric;

/// Applies `change` to each value; null results are left out.
pub(super) fn each(value: &Value, change: impl Fn(&str) -> Option<Scalar>) -> Value {
    Value::from_scalars(value.scalars().iter().filter_map(|scalar| change(&scalar.to_text())).collect())
}

fn map(arguments: &[Value], change: impl Fn(&str) -> String) -> Value {
    each(&arguments[0], |text| Some(Scalar::text(change(text))))
}

/// One value as text; none for null and multivalue fields.
pub(super) fn of(value: &Value) -> Option<smol_str::SmolStr> {
    match value {
        Value::One(scalar) => Some(scalar.to_text()),
        Value::Null | Value::Many(_) => None,
    }
}

/// `a . b`; null if either side is.
pub(super) fn concat(arguments: &[Value]) -> Value {
    match (of(&arguments[0]), of(&arguments[1])) {
        (Some(a), Some(b)) => Value::text(format!("{a}{b}")),
        _ => Value::Null,
    }
}

pub(super) fn lower(arguments: &[Value]) -> Value {
    map(arguments, |text| fold(text).into_owned())
}

pub(super) fn upper(arguments: &[Value]) -> Value {
    map(arguments, str::to_uppercase)
}

/// `%7B` is `{`; what is no escape stays, and so does a `+`.
pub(super) fn urldecode(arguments: &[Value]) -> Value {
    map(arguments, |text| {
        let mut decoded = Vec::with_capacity(text.len());
        let mut rest = text.as_bytes();
        while let [first, behind @ ..] = rest {
            let escaped = behind.get(..2).filter(|_| *first == b'%').and_then(hexadecimal);
            decoded.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &behind[2..] } else { behind };
        }
        String::from_utf8_lossy(&decoded).into_owned()
    })
}

fn hexadecimal(digits: &[u8]) -> Option<u8> {
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(digits.iter().try_fold(0, |number, digit| Some(number * 16 + value(*digit)?))?).ok()
}

/// The number of characters.
pub(super) fn len(arguments: &[Value]) -> Value {
    of(&arguments[0]).map_or(Value::Null, |text| Value::number(text.chars().count() as f64))
}

pub(super) fn trim(arguments: &[Value]) -> Value {
    trimmed(arguments, |text, set| text.trim_matches(set))
}

pub(super) fn ltrim(arguments: &[Value]) -> Value {
    trimmed(arguments, |text, set| text.trim_start_matches(set))
}

pub(super) fn rtrim(arguments: &[Value]) -> Value {
    trimmed(arguments, |text, set| text.trim_end_matches(set))
}

/// Trims the characters of the second argument, or blanks and tabs.
fn trimmed(arguments: &[Value], trim: impl for<'t> Fn(&'t str, &[char]) -> &'t str) -> Value {
    let set: Vec<char> = match arguments.get(1) {
        None => vec![' ', '\t'],
        Some(set) => match of(set) {
            Some(set) => set.chars().collect(),
            None => return Value::Null,
        },
    };
    map(arguments, |text| trim(text, &set).to_owned())
}

/// `substr(text, start)`, `substr(text, start, length)` as SQLite has it, which Splunk names as its model: start counts
/// from 1, a negative one from the end; places before the text take part in the length.
pub(super) fn substr(arguments: &[Value]) -> Value {
    let (Some(start), Some(length)) =
        (numeric::of(&arguments[1]), arguments.get(2).map_or(Some(f64::INFINITY), numeric::of))
    else {
        return Value::Null;
    };
    map(arguments, |text| {
        let count = text.chars().count() as f64;
        let from = if start < 0.0 { count + start } else { start - 1.0 };
        let end = (from + length).clamp(0.0, count) as usize;
        let from = from.max(0.0) as usize;
        text.chars().skip(from).take(end.saturating_sub(from)).collect()
    })
}

/// Splunk's replacement (`\1` is a group) as the regex crate writes it (`${1}`).
pub(super) fn replacement(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek().copied()) {
            ('$', _) => out.push_str("$$"),
            ('\\', Some(digit)) if digit.is_ascii_digit() => {
                out.push_str(&format!("${{{digit}}}"));
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// `tostring(x)`, and `tostring(x, "hex" | "commas" | "duration")` of a number.
pub(super) fn tostring(arguments: &[Value]) -> Value {
    let Some(format) = arguments.get(1) else { return each(&arguments[0], |text| Some(Scalar::text(text))) };
    let (Some(number), Some(format)) = (numeric::of(&arguments[0]), of(format)) else { return arguments[0].clone() };
    match &*format {
        "hex" => Value::text(format!("0x{:X}", number as i64)),
        "commas" => Value::text(with_commas(number)),
        "duration" => Value::text(duration(number)),
        _ => Value::Null,
    }
}

/// Thousands separated, at most two decimals: `1,234.57`.
fn with_commas(number: f64) -> String {
    let rounded = (number * 100.0).round() / 100.0;
    // Larger ones have no decimals, and would be printed with an exponent.
    let rounded = if rounded.abs() < 1e15 { number::print(rounded) } else { format!("{number:.0}") };
    let (whole, fraction) = rounded.split_at(rounded.find('.').unwrap_or(rounded.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{fraction}")
}

/// Seconds as `[days+]HH:MM:SS`.
fn duration(seconds: f64) -> String {
    let total = seconds.abs() as u64;
    let (days, rest) = (total / 86_400, total % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    let sign = if seconds <= -1.0 { "-" } else { "" };
    if days == 0 { format!("{sign}{clock}") } else { format!("{sign}{days}+{clock}") }
}
