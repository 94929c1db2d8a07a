//! Sums and what is made of them, without adding doubles in any order (AG-5).
//!
//! Values are taken in fixed point: an `i128` of 10^-9 units. Doubles beyond 10^22 are taken as 10^22. What is whole of them
//! is summed by itself, so that no sum over the values of a group can overflow.

use std::collections::BTreeMap;

use super::number::Numeric;
use super::{Scalar, Value};

/// Units of 10^-9.
const SCALE: i128 = 1_000_000_000;
/// The largest magnitude that is taken as it is.
const LARGEST: f64 = 1e22;
/// Deviations are squared with this many significant bits: squares of 50 bits leave room for 2^27 of them in a `u128`.
const DEVIATION_BITS: u32 = 50;

fn to_fixed(number: f64) -> i128 {
    let number = number.clamp(-LARGEST, LARGEST);
    // Whole part and fraction apart: their sum would lose the digits that the double has.
    number.trunc() as i128 * SCALE + (number.fract() * SCALE as f64).round() as i128
}

fn to_float(fixed: i128) -> f64 {
    Total { whole: fixed / SCALE, units: fixed % SCALE }.to_float()
}

/// A sum: what is whole of it, and the units that are left, of one sign.
#[derive(Debug, PartialEq)]
struct Total {
    whole: i128,
    units: i128,
}

impl Total {
    fn of(numbers: &[i128]) -> Self {
        let whole: i128 = numbers.iter().map(|number| number / SCALE).sum();
        let units: i128 = numbers.iter().map(|number| number % SCALE).sum();
        let (whole, units) = (whole + units / SCALE, units % SCALE);
        match (whole.signum(), units.signum()) {
            (1, -1) => Self { whole: whole - 1, units: units + SCALE },
            (-1, 1) => Self { whole: whole + 1, units: units - SCALE },
            _ => Self { whole, units },
        }
    }

    fn to_float(&self) -> f64 {
        self.whole as f64 + self.units as f64 / SCALE as f64
    }

    /// Divided by a count, cut to units.
    fn shared_by(&self, count: i128) -> i128 {
        self.whole / count * SCALE + (self.whole % count * SCALE + self.units) / count
    }
}

fn numbers(scalars: &[Scalar]) -> Vec<i128> {
    scalars.iter().filter_map(Numeric::of).map(|number| to_fixed(number.float())).collect()
}

/// The sum; null where no value is a number.
pub(super) fn sum(scalars: &[Scalar]) -> Value {
    match numbers(scalars).as_slice() {
        [] => Value::Null,
        numbers => Value::number(Total::of(numbers).to_float()),
    }
}

/// The sum of squares; null where no value is a number.
pub(super) fn sum_of_squares(scalars: &[Scalar]) -> Value {
    let squares: Vec<Scalar> =
        scalars.iter().filter_map(Numeric::of).map(|number| Scalar::Number(number.float() * number.float())).collect();
    sum(&squares)
}

/// The mean; null where no value is a number.
pub(super) fn mean(scalars: &[Scalar]) -> Value {
    match numbers(scalars).as_slice() {
        [] => Value::Null,
        numbers => Value::number(Total::of(numbers).to_float() / numbers.len() as f64),
    }
}

/// The variance of a sample (divided by n - 1; 0 for one value) or of a population (divided by n).
pub(super) fn variance(scalars: &[Scalar], sample: bool) -> Option<f64> {
    let numbers = numbers(scalars);
    let n = numbers.len() as i128;
    if n == 0 {
        return None;
    }
    let mean = Total::of(&numbers).shared_by(n);
    let deviations: Vec<u128> = numbers.iter().map(|number| (number - mean).unsigned_abs()).collect();
    let largest = deviations.iter().max().copied().unwrap_or(0);
    let shift = (u128::BITS - largest.leading_zeros()).saturating_sub(DEVIATION_BITS);
    let squares: u128 = deviations.iter().map(|deviation| (deviation >> shift).pow(2)).sum();
    let divisor = if sample { n - 1 } else { n };
    // One division, so that the result is rounded once: 10^18 times a small count is a double without loss.
    let units = divisor as f64 * SCALE.pow(2) as f64;
    Some(if divisor == 0 { 0.0 } else { squares as f64 / units * 4f64.powi(shift as i32) })
}

/// The value of nearest rank; null where no value is a number.
pub(super) fn percentile(scalars: &[Scalar], percent: f64) -> Value {
    let mut sorted = numbers(scalars);
    sorted.sort_unstable();
    // In fixed point: as doubles, 7 percent of 100 are more than 7.
    let share = to_fixed(percent.clamp(0.0, 100.0)).unsigned_abs() * sorted.len() as u128;
    let rank = share.div_ceil(100 * SCALE.unsigned_abs()) as usize;
    sorted.get(rank.saturating_sub(1)).map_or(Value::Null, |number| Value::number(to_float(*number)))
}

/// The middle value, of two the higher one, as in Splunk; null where no value is a number.
pub(super) fn median(scalars: &[Scalar]) -> Value {
    let mut sorted = numbers(scalars);
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).map_or(Value::Null, |number| Value::number(to_float(*number)))
}

/// The most frequent text; of several the first by UTF-8 bytes.
pub(super) fn mode(scalars: &[Scalar]) -> Value {
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for scalar in scalars {
        *counts.entry(scalar.to_text()).or_default() += 1;
    }
    let most = counts.into_iter().max_by(|(a, x), (b, y)| x.cmp(y).then_with(|| b.cmp(a)));
    most.map_or(Value::Null, |(text, _)| Value::text(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalars(texts: &[&str]) -> Vec<Scalar> {
        texts.iter().map(|text| Scalar::text(*text)).collect()
    }

    /// Of the largest values an `i128` has room for seventeen million, and an event may bring a million.
    #[test]
    fn ag_5_no_sum_overflows() {
        let [low, high] = [i128::MIN, i128::MAX];
        let total = |numbers: &[i128]| Total::of(numbers);
        assert_eq!(total(&[high; 4]).whole, 4 * (high / SCALE) + 4 * (high % SCALE) / SCALE);
        assert_eq!(total(&[low, high, 1]), Total { whole: 0, units: 0 });
        assert_eq!(total(&[high; 5]).shared_by(5), high);
        for numbers in [&[5 * SCALE, -1][..], &[-5 * SCALE, 1], &[-1, 1, 7, -7 * SCALE - 8], &[SCALE, -SCALE - 1]] {
            let (sum, total) = (numbers.iter().sum::<i128>(), total(numbers));
            assert_eq!(total, Total { whole: sum / SCALE, units: sum % SCALE }, "{numbers:?}");
            assert_eq!(total.shared_by(3), sum / 3, "{numbers:?}");
        }
    }

    #[test]
    fn sums_are_exact_in_any_order() {
        // As doubles, 0.1 added ten times is not 1, and 1e16 + 1 - 1e16 is not 1.
        assert_eq!(sum(&scalars(&["0.1"; 10])), Value::number(1.0));
        assert_eq!(sum(&scalars(&["10000000000000000", "1", "-10000000000000000"])), Value::number(1.0));
        assert_eq!(sum(&scalars(&["2", "x"])), Value::number(2.0));
        assert_eq!(sum(&scalars(&["0.25", "1.5"])), Value::number(1.75));
        assert_eq!(sum(&scalars(&["-0.25", "-1.5", "0.001"])), Value::number(-1.749));
        assert_eq!(sum(&scalars(&["x"])), Value::Null);
        assert_eq!(sum(&vec![Scalar::Number(f64::MAX); 1000]), Value::number(1e25));
        assert_eq!(sum(&vec![Scalar::Number(f64::MIN); 1000]), Value::number(-1e25));
        assert_eq!(mean(&scalars(&["1", "2", "2"])), Value::number(5.0 / 3.0));
        // As a double a little less.
        assert_eq!(sum(&scalars(&["0.000000003"])), Value::number(0.000000003));
    }

    #[test]
    fn variance_matches_its_definition() {
        let values = scalars(&["2", "4", "4", "4", "5", "5", "7", "9"]);
        assert_eq!(variance(&values, false), Some(4.0));
        let sample = variance(&values, true).expect("there are numbers");
        assert!((sample - 32.0 / 7.0).abs() < 1e-9);
        assert_eq!(variance(&scalars(&["5"]), true), Some(0.0));
        assert_eq!(variance(&[], true), None);
        // Large values with a small spread, where squares of the values themselves would swallow it.
        assert_eq!(variance(&scalars(&["1000000000001", "1000000000003"]), false), Some(1.0));
        let deviation = variance(&scalars(&["0", "5", "10", "5"]), true).map(f64::sqrt);
        assert_eq!(deviation, Some(4.08248290463863), "the double nearest to the root of 50/3");
        let wide = variance(&scalars(&["-1e15", "1e15"]), false).expect("there are numbers");
        assert!((wide / 1e30 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn percentiles_are_of_nearest_rank() {
        let values = scalars(&["15", "20", "35", "40", "50"]);
        for (percent, expected) in [(5.0, 15.0), (30.0, 20.0), (40.0, 20.0), (50.0, 35.0), (100.0, 50.0)] {
            assert_eq!(percentile(&values, percent), Value::number(expected));
        }
        let hundred: Vec<Scalar> = (1..=100).map(|number| Scalar::Number(f64::from(number))).collect();
        for percent in 1..=100 {
            let percent = f64::from(percent);
            assert_eq!(percentile(&hundred, percent), Value::number(percent), "the {percent}th of a hundred");
        }
        assert_eq!(percentile(&hundred, 0.0), Value::number(1.0));
        assert_eq!(percentile(&hundred, 99.5), Value::number(100.0));
        assert_eq!(median(&scalars(&["3", "1", "2"])), Value::number(2.0));
        assert_eq!(median(&scalars(&["4", "1", "2", "3"])), Value::number(3.0));
        assert_eq!(median(&[]), Value::Null);
    }

    #[test]
    fn mode_is_the_most_frequent_text() {
        assert_eq!(mode(&scalars(&["b", "a", "b", "c"])), Value::text("b"));
        assert_eq!(mode(&scalars(&["b", "a"])), Value::text("a"));
        assert_eq!(mode(&[]), Value::Null);
    }
}
