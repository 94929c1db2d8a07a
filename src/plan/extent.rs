//! The smallest and the largest value: `min`, `max`, `range`.
//!
//! They are numeric if all values are numbers, else lexicographic; which of the two is only known at the end, so both
//! are kept.

use std::cmp::Ordering;
use std::ops::Range;

use super::number::{self, Numeric};
use super::{Scalar, Value, footprint};

/// The extremes of a set of values.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Extent {
    numbers: Option<[Scalar; 2]>,
    texts: Option<[Scalar; 2]>,
    any_text: bool,
}

impl Extent {
    /// Adds one value.
    pub(super) fn add(&mut self, scalar: &Scalar) {
        let is_number = Numeric::of(scalar).is_some();
        if is_number {
            widen(&mut self.numbers, [scalar; 2], by_number);
        }
        widen(&mut self.texts, [scalar; 2], by_text);
        self.any_text |= !is_number;
    }

    /// Widens it to another one.
    pub(super) fn widen(&mut self, other: &Self) {
        if let Some(numbers) = &other.numbers {
            widen(&mut self.numbers, numbers.each_ref(), by_number);
        }
        if let Some(texts) = &other.texts {
            widen(&mut self.texts, texts.each_ref(), by_text);
        }
        self.any_text |= other.any_text;
    }

    /// The smallest value.
    pub(super) fn min(&self) -> Value {
        self.extremes().map_or(Value::Null, |[min, _]| Value::One(min.clone()))
    }

    /// The largest value.
    pub(super) fn max(&self) -> Value {
        self.extremes().map_or(Value::Null, |[_, max]| Value::One(max.clone()))
    }

    /// The difference of the two; null where not all values are numbers.
    pub(super) fn range(&self) -> Value {
        match self.extremes().map(|extremes| extremes.each_ref().map(Numeric::of)) {
            Some([Some(min), Some(max)]) if !self.any_text => Value::number(max.float() - min.float()),
            _ => Value::Null,
        }
    }

    /// An estimate of the memory taken beside itself, in bytes (BD-2).
    pub(super) fn heap_bytes(&self) -> usize {
        self.numbers.iter().chain(&self.texts).flatten().map(footprint::scalar_heap_bytes).sum()
    }

    fn extremes(&self) -> Option<&[Scalar; 2]> {
        if self.any_text { self.texts.as_ref() } else { self.numbers.as_ref() }
    }
}

fn widen(extremes: &mut Option<[Scalar; 2]>, other: [&Scalar; 2], order: fn(&Scalar, &Scalar) -> Ordering) {
    let Some([min, max]) = extremes else {
        *extremes = Some(other.map(Scalar::clone));
        return;
    };
    if order(other[0], min).is_lt() {
        min.clone_from(other[0]);
    }
    if order(other[1], max).is_gt() {
        max.clone_from(other[1]);
    }
}

/// By value; numbers written differently (`1`, `1.0`) by their spelling, so that the order is total.
fn by_number(a: &Scalar, b: &Scalar) -> Ordering {
    match (a, b) {
        (Scalar::Number(x), Scalar::Number(y)) => x.total_cmp(y),
        _ => match (Numeric::of(a), Numeric::of(b)) {
            (Some(x), Some(y)) => x.order(y).then_with(|| a.cmp(b)),
            (x, y) => x.is_some().cmp(&y.is_some()),
        },
    }
}

/// Seconds since the epoch, from 2001 to 2255. Numbers with ten digits before the point have one order, as numbers and as texts,
/// unless they are rounded to eleven when they are printed.
const INSTANTS: Range<f64> = 1e9..9e9;

fn by_text(a: &Scalar, b: &Scalar) -> Ordering {
    let by_spelling = match (a, b) {
        (Scalar::Number(a), Scalar::Number(b)) if INSTANTS.contains(a) && INSTANTS.contains(b) => {
            return a.total_cmp(b);
        }
        (Scalar::Number(a), Scalar::Number(b)) => number::compare_printed(*a, *b),
        _ => a.to_text().as_bytes().cmp(b.to_text().as_bytes()),
    };
    by_spelling.then_with(|| a.cmp(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(values: &[&str]) -> Extent {
        let mut extent = Extent::default();
        values.iter().for_each(|value| extent.add(&Scalar::text(*value)));
        extent
    }

    #[test]
    fn a_range_is_that_of_numbers_alone() {
        assert_eq!(extent(&["1", "10", "9"]).range(), Value::number(9.0));
        assert_eq!(extent(&[]).range(), Value::Null);
        // Between two numbers in the order of texts stands one that is none.
        assert_eq!(extent(&["1", "2x", "3"]).range(), Value::Null);
    }

    /// The double nearest to all of them is one.
    #[test]
    fn ag_5_the_extremes_of_long_numbers_do_not_depend_on_which_came_first() {
        let values = ["10000000000000001", "9999999999999999", "1e16", "10000000000000000"];
        let expected = ["9999999999999999", "10000000000000001"].map(Value::text);
        for order in [[0, 1, 2, 3], [3, 2, 1, 0], [1, 2, 0, 3], [2, 0, 3, 1], [2, 1, 0, 3], [0, 2, 1, 3]] {
            let extent = extent(&order.map(|place| values[place]));
            assert_eq!([extent.min(), extent.max()], expected, "{order:?}");
        }
        let spelled = [["1", "1.0", "01"], ["1.0", "01", "1"], ["01", "1", "1.0"]].map(|values| extent(&values));
        assert!(spelled.iter().all(|extent| *extent == spelled[0]), "{spelled:?}");
    }

    #[test]
    fn instants_are_in_the_order_in_which_they_are_printed() {
        let around = [1e9, 1_682_380_277.0, 2e9, 8_999_999_999.0, 9e9, 1e10];
        let near = [0.0, 0.25, 0.3, 0.123_456, 0.999_999, 0.999_999_9, -0.000_001, -1.0];
        let numbers: Vec<f64> = around.iter().flat_map(|whole| near.map(|part| whole + part)).collect();
        for (a, b) in numbers.iter().flat_map(|a| numbers.iter().map(|b| (Scalar::Number(*a), Scalar::Number(*b)))) {
            let printed = a.to_text().cmp(&b.to_text()).then_with(|| a.cmp(&b));
            assert_eq!(by_text(&a, &b), printed, "{a} {b}");
        }
    }

    #[test]
    fn bd_2_no_extent_takes_more_than_is_estimated() {
        let long = "x".repeat(500);
        assert!(extent(&[long.as_str()]).heap_bytes() >= 2 * long.len());
        // Of numbers there are two pairs, by value and by spelling.
        let number = "1".repeat(300);
        assert!(extent(&[number.as_str()]).heap_bytes() >= 4 * number.len());
        assert_eq!(extent(&[]).heap_bytes(), 0);
    }
}
