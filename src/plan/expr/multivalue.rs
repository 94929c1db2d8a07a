//! Functions of multivalue fields. Values are compared and sorted as text, as Splunk does.

use std::collections::BTreeSet;

use super::{numeric, text};
use crate::plan::{Scalar, Value};

/// How many values; null where there are none.
pub(super) fn mvcount(arguments: &[Value]) -> Value {
    match arguments[0].scalars().len() {
        0 => Value::Null,
        count => Value::number(count as f64),
    }
}

/// `mvindex(field, start)`, `mvindex(field, start, end)`: from 0, the end included, negative from the back.
pub(super) fn mvindex(arguments: &[Value]) -> Value {
    let scalars = arguments[0].scalars();
    let position = |argument: &Value| {
        let index = numeric::of(argument)?;
        Some(if index < 0.0 { index + scalars.len() as f64 } else { index })
    };
    let Some(start) = position(&arguments[1]) else { return Value::Null };
    let Some(end) = arguments.get(2).map_or(Some(start), position) else { return Value::Null };
    let inside = |index: usize| (start..=end).contains(&(index as f64));
    let chosen = scalars.iter().enumerate().filter(|(index, _)| inside(*index));
    Value::from_scalars(chosen.map(|(_, scalar)| scalar.clone()).collect())
}

/// `mvjoin(field, delimiter)`.
pub(super) fn mvjoin(arguments: &[Value]) -> Value {
    match (&arguments[0], text::of(&arguments[1])) {
        (Value::Null, _) | (_, None) => Value::Null,
        (field, Some(delimiter)) => {
            let texts: Vec<_> = field.scalars().iter().map(Scalar::to_string).collect();
            Value::text(texts.join(&delimiter))
        }
    }
}

/// Each value once, where it stands first.
pub(super) fn mvdedup(arguments: &[Value]) -> Value {
    let mut seen = BTreeSet::new();
    let first = arguments[0].scalars().iter().filter(|scalar| seen.insert(scalar.to_text()));
    Value::from_scalars(first.cloned().collect())
}

/// `mvzip(left, right)`, `mvzip(left, right, delimiter)`: the first value with the first and so on, as far as both go.
pub(super) fn mvzip(arguments: &[Value]) -> Value {
    let Some(delimiter) = arguments.get(2).map_or_else(|| Some(",".into()), text::of) else { return Value::Null };
    let pairs = arguments[0].scalars().iter().zip(arguments[1].scalars());
    Value::from_scalars(pairs.map(|(left, right)| Scalar::text(format!("{left}{delimiter}{right}"))).collect())
}

/// All values of all arguments.
pub(super) fn mvappend(arguments: &[Value]) -> Value {
    Value::from_scalars(arguments.iter().flat_map(Value::scalars).cloned().collect())
}

/// The values in the order of their UTF-8 bytes.
pub(super) fn mvsort(arguments: &[Value]) -> Value {
    let mut scalars = arguments[0].scalars().to_vec();
    scalars.sort_by_cached_key(Scalar::to_text);
    Value::from_scalars(scalars)
}

/// `split(text, delimiter)`; an empty delimiter gives the characters.
pub(super) fn split(arguments: &[Value]) -> Value {
    let (Some(text), Some(delimiter)) = (text::of(&arguments[0]), text::of(&arguments[1])) else {
        return Value::Null;
    };
    let parts: Vec<Scalar> = if delimiter.is_empty() {
        text.chars().map(|c| Scalar::text(c.to_string())).collect()
    } else {
        text.split(&*delimiter).map(Scalar::text).collect()
    };
    Value::from_scalars(parts)
}

/// The first argument that is not null.
pub(super) fn coalesce(arguments: &[Value]) -> Value {
    arguments.iter().find(|value| !value.is_null()).cloned().unwrap_or_default()
}
