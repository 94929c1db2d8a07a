//! Numbers as SPL knows them: which texts read as a number, how a number is printed, how two compare.

use std::cmp::Ordering;

use super::Scalar;

/// Integers up to this size are doubles without loss.
const EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// What a scalar is as a number. Integers keep all their digits, so that two long account or object ids that round to
/// one double stay different.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Numeric {
    float: f64,
    integer: Option<i128>,
}

impl Numeric {
    /// Reads a scalar; none where it is not a number.
    pub(crate) fn of(scalar: &Scalar) -> Option<Self> {
        match scalar {
            Scalar::Number(float) => Some(Self { float: *float, integer: exact_integer(*float) }),
            Scalar::Text(text) => Self::of_text(text),
        }
    }

    /// Reads text; none where it is not a number.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        // Adding zero makes zero of minus zero.
        read(text).map(|float| Self { float: float + 0.0, integer: text.parse().ok().or_else(|| exact_integer(float)) })
    }

    /// The double nearest to it.
    pub(crate) fn float(self) -> f64 {
        self.float
    }

    /// How two numbers compare: integers by all of their digits, others as doubles. No order of three: `1e16` is equal to
    /// two integers that are not equal to each other.
    pub(crate) fn compare(self, other: Self) -> Ordering {
        match (self.integer, other.integer) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => self.float_order(other),
        }
    }

    /// The order of any number of numbers (AG-5): that of [`Self::compare`], but that of one double each is the integer
    /// that it is.
    pub(crate) fn order(self, other: Self) -> Ordering {
        // A cast that would not fit gives the nearest number that does.
        let exact = |number: Self| number.integer.unwrap_or(number.float as i128);
        self.float_order(other).then_with(|| exact(self).cmp(&exact(other)))
    }

    /// Neither is ever NaN.
    fn float_order(self, other: Self) -> Ordering {
        self.float.partial_cmp(&other.float).unwrap_or(Ordering::Equal)
    }
}

fn exact_integer(float: f64) -> Option<i128> {
    small_integer(float).map(i128::from)
}

/// Minus zero is none: it is printed with its sign.
fn small_integer(float: f64) -> Option<i64> {
    let integer = float as i64;
    let is_it = float.abs() <= EXACT_INTEGER && (integer as f64).to_bits() == float.to_bits();
    is_it.then_some(integer)
}

/// The order of two numbers as they are printed. Of integers with as many digits it is that of the numbers.
pub(crate) fn compare_printed(a: f64, b: f64) -> Ordering {
    let digits = |number: f64| small_integer(number).filter(|integer| *integer > 0).map(i64::ilog10);
    match (digits(a), digits(b)) {
        (Some(x), Some(y)) if x == y => a.total_cmp(&b),
        _ => print(a).cmp(&print(b)),
    }
}

/// Reads a decimal number: sign, digits, fraction, exponent, nothing around it. `inf`, `nan` and hexadecimal are text.
pub(crate) fn read(text: &str) -> Option<f64> {
    let decimal = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'+' | b'-' | b'.' | b'e' | b'E'));
    // The length bound keeps attacker-made digit strings cheap; no double needs as many digits.
    if !decimal || text.len() > 400 {
        return None;
    }
    text.parse::<f64>().ok().filter(|float| float.is_finite())
}

/// Prints a number as Splunk does: integers without decimals (exactly, as long as a double holds them exactly), other
/// numbers with up to 15 significant digits, very large and very small ones with an exponent.
pub(crate) fn print(number: f64) -> String {
    if let Some(integer) = small_integer(number) {
        return integer.to_string();
    }
    if !number.is_finite() {
        return number.to_string();
    }
    let scientific = format!("{number:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("the format has an exponent");
    let exponent: i32 = exponent.parse().expect("the exponent is a number");
    if (-5..15).contains(&exponent) {
        let decimals = usize::try_from(14 - exponent).expect("exponent is below 15");
        return without_trailing_zeros(&format!("{number:.decimals$}")).into();
    }
    format!("{}e{exponent:+03}", without_trailing_zeros(mantissa))
}

fn without_trailing_zeros(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_splunk_prints_them() {
        let cases = [
            (1.0, "1"),
            (-3.0, "-3"),
            (0.1 + 0.2, "0.3"),
            (2.5, "2.5"),
            (1.0 / 3.0, "0.333333333333333"),
            (1_682_380_277.0, "1682380277"),
            (1_682_380_277.25, "1682380277.25"),
            (1e20, "1e+20"),
            (1.5e-7, "1.5e-07"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (99_999.999_999_999_99, "100000"),
            (-2.5e100, "-2.5e+100"),
            (1e15 + 0.5, "1e+15"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ];
        for (number, text) in cases {
            assert_eq!(print(number), text);
        }
    }

    #[test]
    fn numbers_are_ordered_as_they_are_printed() {
        let numbers = [
            -0.0,
            0.0,
            1.0,
            9.0,
            10.0,
            11.0,
            99.0,
            100.0,
            -1.0,
            -9.0,
            -10.0,
            0.5,
            9.5,
            1e15,
            9e15,
            1e20,
            2e20,
            1.5e-7,
            1_682_380_277.0,
            1_682_380_277.25,
            1_682_380_278.0,
            9_007_199_254_740_992.0,
            9_007_199_254_740_991.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ];
        for a in numbers {
            for b in numbers {
                assert_eq!(compare_printed(a, b), print(a).cmp(&print(b)), "{a} {b}");
            }
        }
    }

    #[test]
    fn only_plain_decimals_read_as_numbers() {
        for text in ["", "abc", "inf", "nan", "0x10", "1 ", " 1", "1,000", "e", "1.2.3", "10.0.0.1", "--1", "1e999"] {
            assert_eq!(read(text), None, "{text:?}");
        }
        for length in [401, 402, 1000] {
            assert_eq!(read(&"0".repeat(length)), None, "{length} digits");
        }
        assert_eq!(read(&format!("{:0>400}", 7)), Some(7.0));
        for (text, number) in [("5", 5.0), ("-1.5", -1.5), ("+2", 2.0), ("1e3", 1000.0), (".5", 0.5), ("007", 7.0)] {
            assert_eq!(read(text), Some(number));
        }
    }

    #[test]
    fn long_integers_do_not_collapse_into_one_double() {
        let of = |text| Numeric::of_text(text).expect("a number");
        assert_eq!(of("10000000000000001").compare(of("10000000000000000")), Ordering::Greater);
        assert_eq!(of("1.0").compare(of("1")), Ordering::Equal);
        assert_eq!(of("1.5").compare(of("1")), Ordering::Greater);
        assert_eq!(of("-2").compare(of("1e3")), Ordering::Less);
        let number = Numeric::of(&Scalar::Number(EXACT_INTEGER)).expect("a number");
        assert_eq!(of("9007199254740993").compare(number), Ordering::Greater);
        assert_eq!(number.compare(of("9007199254740992")), Ordering::Equal);
    }

    /// Whoever sorts or looks for the smallest compares more than two.
    #[test]
    fn ag_5_numbers_have_one_order_also_where_doubles_have_no_room_for_their_digits() {
        let texts = [
            "-1e16",
            "9007199254740993",
            "9999999999999999",
            "1e16",
            "10000000000000000",
            "10000000000000000.5",
            "10000000000000001",
            "10000000000000002",
            "10000000000000003",
            "1e39",
            "1.5",
            "1",
        ];
        let numbers = texts.map(|text| Numeric::of_text(text).expect("a number"));
        for (a, b) in numbers.iter().flat_map(|a| numbers.map(|b| (*a, b))) {
            assert_eq!(a.order(b), b.order(a).reverse(), "{a:?} {b:?}");
            assert!(a.compare(b).is_eq() || a.order(b) == a.compare(b), "{a:?} {b:?}");
            for c in numbers.iter().filter(|c| a.order(b).is_le() && b.order(**c).is_le()) {
                assert!(a.order(*c).is_le(), "{a:?} {b:?} {c:?}");
                assert!(a.order(*c).is_lt() || (a.order(b).is_eq() && b.order(*c).is_eq()), "{a:?} {b:?} {c:?}");
            }
        }
    }

    #[test]
    fn there_is_one_zero() {
        for text in ["-0", "-0.0", "-0e5", "0"] {
            let zero = Numeric::of_text(text).expect("a number");
            assert_eq!(print(zero.float()), "0", "{text}");
            assert_eq!(zero.compare(Numeric::of(&Scalar::Number(0.0)).expect("a number")), Ordering::Equal);
        }
        assert_eq!(Scalar::number(-0.0).map(|zero| zero.to_text().to_string()).as_deref(), Some("0"));
        assert_eq!(Scalar::number(f64::NAN), None);
    }
}
