//! How single values, rows, ids and instants are written, whichever the format.

use std::fmt::Display;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};

use crate::plan::{Scalar, Value};

/// Written as its `Display`: ids as 32 hexadecimal digits, instants as RFC 3339 in UTC.
pub(super) struct Text<T>(pub(super) T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Named values as an object, in their own order.
pub(super) struct Columns<'a>(pub(super) &'a [(Arc<str>, Value)]);

impl Serialize for Columns<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            map.serialize_entry(&**name, &ValueBody(value))?;
        }
        map.end()
    }
}

/// A multivalue field is a list; an absent one is null, so that the row's shape does not depend on the data.
pub(super) struct ValueBody<'a>(pub(super) &'a Value);

impl Serialize for ValueBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Null => serializer.serialize_none(),
            Value::One(scalar) => ScalarBody(scalar).serialize(serializer),
            Value::Many(scalars) => {
                let mut list = serializer.serialize_seq(Some(scalars.len()))?;
                for scalar in scalars {
                    list.serialize_element(&ScalarBody(scalar))?;
                }
                list.end()
            }
        }
    }
}

/// Text stays text, also where it looks like a number.
pub(super) struct ScalarBody<'a>(pub(super) &'a Scalar);

impl Serialize for ScalarBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Scalar::Text(text) => serializer.serialize_str(text),
            Scalar::Number(number) => serialize_number(*number, serializer),
        }
    }
}

/// The largest magnitude below which every integer is a double of its own.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// Integers without decimals, other numbers in the shortest form that reads back as the same double; infinities, which
/// JSON lacks, as Splunk prints them.
fn serialize_number<S: Serializer>(number: f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_infinite() {
        return serializer.serialize_str(if number > 0.0 { "inf" } else { "-inf" });
    }
    if number.fract() == 0.0 && number.abs() <= EXACT_INTEGER {
        #[expect(clippy::cast_possible_truncation, reason = "an integer within 2^53")]
        return serializer.serialize_i64(number as i64);
    }
    serializer.serialize_f64(number)
}
