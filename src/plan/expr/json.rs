//! Functions that read JSON in a text, by the paths of the command `spath`.

use super::text;
use crate::cloudtrail::extract_json;
use crate::plan::{Scalar, Value};

/// `spath(text, path)`: everything that stands under the path.
pub(super) fn spath(arguments: &[Value]) -> Value {
    let Some(path) = text::of(&arguments[1]) else { return Value::Null };
    let texts = arguments[0].scalars().iter().map(Scalar::to_text);
    Value::from_scalars(texts.flat_map(|text| extract_json(&text, &path)).collect())
}

/// `json_extract(json, path)` of a path to one value.
pub(super) fn json_extract(arguments: &[Value]) -> Value {
    match &arguments[0] {
        Value::One(_) => spath(arguments),
        Value::Null | Value::Many(_) => Value::Null,
    }
}
