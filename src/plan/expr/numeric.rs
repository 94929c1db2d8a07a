//! Arithmetic and the numeric functions. What is not one number gives null, as does a division by zero.

use crate::plan::number::{self, Numeric};
use crate::plan::{Scalar, Value};

/// The number that a value is; none for null, text and multivalue fields.
pub(super) fn of(value: &Value) -> Option<f64> {
    match value {
        Value::One(scalar) => Numeric::of(scalar).map(Numeric::float),
        Value::Null | Value::Many(_) => None,
    }
}

fn unary(arguments: &[Value], compute: impl Fn(f64) -> f64) -> Value {
    of(&arguments[0]).map_or(Value::Null, |number| finite(compute(number)))
}

fn binary(arguments: &[Value], compute: impl Fn(f64, f64) -> f64) -> Value {
    match (of(&arguments[0]), of(&arguments[1])) {
        (Some(a), Some(b)) => finite(compute(a, b)),
        _ => Value::Null,
    }
}

fn finite(number: f64) -> Value {
    if number.is_finite() { Value::number(number) } else { Value::Null }
}

/// `+`: numbers add, otherwise two texts are joined; a number and a text give null.
pub(super) fn add(arguments: &[Value]) -> Value {
    match arguments {
        [Value::One(Scalar::Text(a)), Value::One(Scalar::Text(b))] if !(is_number(a) && is_number(b)) => {
            Value::text(format!("{a}{b}"))
        }
        _ => binary(arguments, |a, b| a + b),
    }
}

fn is_number(text: &str) -> bool {
    number::read(text).is_some()
}

pub(super) fn subtract(arguments: &[Value]) -> Value {
    binary(arguments, |a, b| a - b)
}

pub(super) fn multiply(arguments: &[Value]) -> Value {
    binary(arguments, |a, b| a * b)
}

pub(super) fn divide(arguments: &[Value]) -> Value {
    binary(arguments, |a, b| a / b)
}

pub(super) fn remainder(arguments: &[Value]) -> Value {
    binary(arguments, |a, b| a % b)
}

pub(super) fn negate(arguments: &[Value]) -> Value {
    unary(arguments, |a| -a)
}

pub(super) fn abs(arguments: &[Value]) -> Value {
    unary(arguments, f64::abs)
}

pub(super) fn ceiling(arguments: &[Value]) -> Value {
    unary(arguments, f64::ceil)
}

pub(super) fn floor(arguments: &[Value]) -> Value {
    unary(arguments, f64::floor)
}

pub(super) fn sqrt(arguments: &[Value]) -> Value {
    unary(arguments, f64::sqrt)
}

pub(super) fn pow(arguments: &[Value]) -> Value {
    binary(arguments, |base, exponent| match exponent {
        whole if whole.fract() == 0.0 && (0.0..=1024.0).contains(&whole) => whole_power(base, whole as u32),
        other => libm::pow(base, other),
    })
}

/// Multiplied out, each product rounded as IEEE 754 says. Other powers are `libm`'s: those of the platform's library may
/// differ in the last digit from one to the next (AG-5).
fn whole_power(base: f64, exponent: u32) -> f64 {
    (0..exponent).fold(1.0, |power, _| power * base)
}

/// `round(x)`, `round(x, digits)`: half away from zero.
pub(super) fn round(arguments: &[Value]) -> Value {
    let Some(digits) = arguments.get(1).map_or(Some(0.0), of) else { return Value::Null };
    let scale = 10f64.powi(digits.clamp(0.0, 15.0) as i32);
    unary(arguments, |number| {
        let scaled = number * scale;
        if scaled.is_finite() { scaled.round() / scale } else { number }
    })
}

/// `tonumber(text)`, `tonumber(text, base)`; null where it is not a number. Only base 10, the default, knows fractions.
pub(super) fn tonumber(arguments: &[Value]) -> Value {
    let base = arguments.get(1).map(of);
    if matches!(base, None | Some(Some(10.0))) {
        return of(&arguments[0]).map_or(Value::Null, Value::number);
    }
    let base = base.flatten().filter(|base| (2.0..=36.0).contains(base));
    let (Some(base), Value::One(text)) = (base, &arguments[0]) else { return Value::Null };
    i64::from_str_radix(&text.to_text(), base as u32).map_or(Value::Null, |number| Value::number(number as f64))
}

/// `min(..)` over its arguments; numbers are less than text, null is passed over.
pub(super) fn min(arguments: &[Value]) -> Value {
    normalised(arguments).min().map_or(Value::Null, Value::One)
}

/// `max(..)` over its arguments; text is greater than numbers, null is passed over.
pub(super) fn max(arguments: &[Value]) -> Value {
    normalised(arguments).max().map_or(Value::Null, Value::One)
}

/// The values, numeric text as numbers, so that the order of scalars is that of `min` and `max`.
fn normalised(arguments: &[Value]) -> impl Iterator<Item = Scalar> {
    arguments.iter().flat_map(Value::scalars).map(|scalar| match Numeric::of(scalar) {
        Some(number) => Scalar::Number(number.float()),
        None => scalar.clone(),
    })
}
