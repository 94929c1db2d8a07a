//! Values: null is no value, an array is a multivalue field of two or more.

use serde_json::{Value as Json, json};

/// All values of a field.
pub fn all(value: &Json) -> Vec<Json> {
    match value {
        Json::Null => Vec::new(),
        Json::Array(items) => items.clone(),
        one => vec![one.clone()],
    }
}

/// A field of these values.
pub fn field(mut values: Vec<Json>) -> Json {
    match values.len() {
        0 => Json::Null,
        1 => values.remove(0),
        _ => Json::Array(values),
    }
}

/// The same done to every value.
pub fn each(value: &Json, of: impl Fn(&str) -> Json) -> Json {
    field(all(value).iter().map(|one| of(&text(one))).filter(|made| !made.is_null()).collect())
}

/// As text.
pub fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) => print(number.as_f64().expect("a double")),
        other => panic!("{other} is no single value"),
    }
}

/// A number, or null where there is none.
pub fn number(number: f64) -> Json {
    if number.is_nan() { Json::Null } else { json!(number + 0.0) }
}

/// What a single value is as a number: text counts if it is written as one.
pub fn as_number(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => read(text),
        _ => None,
    }
}

/// Digits with a sign, a point, an exponent; nothing else is a number.
fn read(text: &str) -> Option<f64> {
    let digits = |part: &str| part.chars().all(|c| c.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.strip_prefix(['+', '-']).unwrap_or(exponent)),
        None => (unsigned, "0"),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let written = !exponent.is_empty() && [whole, fraction] != ["", ""];
    let is_number = written && digits(whole) && digits(fraction) && digits(exponent);
    let number = is_number.then(|| text.parse::<f64>().expect("a number"));
    // What no double holds stays text.
    number.filter(|number| number.is_finite())
}

/// As Splunk prints: whole numbers that a double counts one by one with all their digits, others with fifteen at most,
/// and no more than are needed.
fn print(number: f64) -> String {
    if number.trunc() == number && number.abs() <= 2f64.powi(53) {
        return (number as i64).to_string();
    }
    let scientific = format!("{number:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("an exponent");
    let exponent: i32 = exponent.parse().expect("an exponent");
    if (-5..15).contains(&exponent) {
        let decimals = usize::try_from(14 - exponent).expect("not negative");
        return short(&format!("{number:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", short(mantissa), exponent.abs())
}

fn short(digits: &str) -> &str {
    if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits }
}
