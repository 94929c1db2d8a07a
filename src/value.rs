//! What a field holds while a search runs.

pub(crate) mod number;

use std::cmp::Ordering;
use std::fmt;

use smol_str::SmolStr;

/// One value. Fields of an event are text, as Splunk extracts them; `eval`, `stats` and `_time` make numbers.
/// The order is total (numbers before text; numbers by value, text by UTF-8 bytes), because it reaches output (AG-5).
#[derive(Clone, Debug)]
pub enum Scalar {
    /// A finite or infinite double; never NaN (an operation that would give NaN gives null).
    Number(f64),
    /// Text, as it stands in the event.
    Text(SmolStr),
}

/// The value of a field: nothing, one value, or several (a multivalue field; never empty, never of one).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Value {
    /// The field does not exist.
    #[default]
    Null,
    /// One value.
    One(Scalar),
    /// Two or more values, in their order.
    Many(Vec<Scalar>),
}

impl PartialEq for Scalar {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Scalar {}

impl PartialOrd for Scalar {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Scalar {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
            (Self::Text(a), Self::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        }
    }
}

impl Scalar {
    /// Text.
    pub fn text(text: impl Into<SmolStr>) -> Self {
        Self::Text(text.into())
    }

    /// A number, or nothing where it is NaN; minus zero becomes zero.
    pub fn number(number: f64) -> Option<Self> {
        (!number.is_nan()).then_some(Self::Number(number + 0.0))
    }

    /// As text: what it is, or the number as Splunk prints it.
    pub fn to_text(&self) -> SmolStr {
        match self {
            Self::Number(number) => number::print(*number).into(),
            Self::Text(text) => text.clone(),
        }
    }
}

/// Text as it is, a number as Splunk prints it: `1`, `0.3`, `1e+20`.
impl fmt::Display for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => f.write_str(&number::print(*number)),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl Value {
    /// One text value.
    pub fn text(text: impl Into<SmolStr>) -> Self {
        Self::One(Scalar::text(text))
    }

    /// One number; null where it is NaN.
    pub fn number(number: f64) -> Self {
        Scalar::number(number).map_or(Self::Null, Self::One)
    }

    /// The value that holds these, in their order.
    pub fn from_scalars(mut scalars: Vec<Scalar>) -> Self {
        match scalars.len() {
            0 => Self::Null,
            1 => scalars.pop().map_or(Self::Null, Self::One),
            _ => Self::Many(scalars),
        }
    }

    /// One value more, behind the others.
    pub fn and(self, scalar: Scalar) -> Self {
        match self {
            Self::Null => Self::One(scalar),
            Self::One(first) => Self::Many(vec![first, scalar]),
            Self::Many(mut scalars) => {
                scalars.push(scalar);
                Self::Many(scalars)
            }
        }
    }

    /// Whether the field does not exist.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// All values, in their order.
    pub fn scalars(&self) -> &[Scalar] {
        match self {
            Self::Null => &[],
            Self::One(scalar) => std::slice::from_ref(scalar),
            Self::Many(scalars) => scalars,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_takes_no_memory_beside_its_place_which_is_three_words() {
        assert_eq!((size_of::<Scalar>(), size_of::<Value>()), (3 * size_of::<usize>(), 4 * size_of::<usize>()));
        let elsewhere = |text: &str| Scalar::text(text).to_text().is_heap_allocated();
        assert_eq!(
            ["", "192.168.100.200", &"x".repeat(23), &"x".repeat(24)].map(elsewhere),
            [false, false, false, true]
        );
    }
}
