//! Numbers, texts and values as bytes that only this process reads: what waits in large numbers is kept so.
//!
//! Deliberately absent: a format. Nothing packed is ever stored or sent.

use super::{Scalar, Value};

/// What a value is, in the low bits of its first number; above them the length of a text or of a list.
const NULL: u64 = 0;
const SAME: u64 = 1;
const NUMBER: u64 = 2;
const TEXT: u64 = 3;
const MANY: u64 = 4;
const KIND_BITS: u32 = 3;

/// A number in as many bytes as it needs, seven bits each.
pub(crate) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    out.push(number.to_le_bytes()[0]);
}

/// A number that may be below zero. `i64::MIN`, which stands for what never was, takes one byte.
pub(crate) fn put_signed(out: &mut Vec<u8>, number: i64) {
    let zigzag = (number << 1 ^ number >> 63).cast_unsigned();
    put_number(out, zigzag.wrapping_add(1));
}

/// A value; the number `usual` takes a byte only.
pub(super) fn put_value(out: &mut Vec<u8>, usual: f64, value: &Value) {
    match value {
        Value::Null => put_number(out, NULL),
        Value::One(scalar) => put_scalar(out, usual, scalar),
        Value::Many(scalars) => {
            put_number(out, (scalars.len() as u64) << KIND_BITS | MANY);
            scalars.iter().for_each(|scalar| put_scalar(out, usual, scalar));
        }
    }
}

fn put_scalar(out: &mut Vec<u8>, usual: f64, scalar: &Scalar) {
    match scalar {
        Scalar::Number(number) if number.to_bits() == usual.to_bits() => put_number(out, SAME),
        Scalar::Number(number) => {
            put_number(out, NUMBER);
            out.extend_from_slice(&number.to_bits().to_le_bytes());
        }
        Scalar::Text(text) => {
            put_number(out, (text.len() as u64) << KIND_BITS | TEXT);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Takes from the front what was put there, in the same order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// What [`put_number`] wrote.
    pub(crate) fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let [byte] = self.array();
            number |= u64::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                return number;
            }
            shift += 7;
        }
    }

    /// A number that was written from a smaller type.
    pub(crate) fn small<T: TryFrom<u64>>(&mut self) -> T {
        T::try_from(self.number()).ok().expect("it was packed from this type")
    }

    /// What [`put_signed`] wrote.
    pub(crate) fn signed(&mut self) -> i64 {
        let zigzag = self.number().wrapping_sub(1);
        (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()
    }

    /// So many bytes as they are.
    pub(crate) fn bytes(&mut self, count: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(count);
        self.0 = rest;
        bytes
    }

    /// A fixed number of bytes.
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        let (bytes, rest) = self.0.split_first_chunk().expect("it was packed before");
        self.0 = rest;
        *bytes
    }

    /// What [`put_value`] wrote, with the same `usual`.
    pub(super) fn value(&mut self, usual: f64) -> Value {
        let head = self.number();
        match head & ((1 << KIND_BITS) - 1) {
            NULL => Value::Null,
            MANY => Value::Many((0..head >> KIND_BITS).map(|_| self.scalar(usual)).collect()),
            _ => Value::One(self.scalar_of(head, usual)),
        }
    }

    fn scalar(&mut self, usual: f64) -> Scalar {
        let head = self.number();
        self.scalar_of(head, usual)
    }

    fn scalar_of(&mut self, head: u64, usual: f64) -> Scalar {
        match head & ((1 << KIND_BITS) - 1) {
            SAME => Scalar::Number(usual),
            NUMBER => Scalar::Number(f64::from_bits(u64::from_le_bytes(self.array()))),
            _ => Scalar::text(self.utf8(head >> KIND_BITS)),
        }
    }

    /// A text of so many bytes.
    pub(super) fn utf8(&mut self, length: u64) -> &'a str {
        let length = usize::try_from(length).expect("the length of a text");
        std::str::from_utf8(self.bytes(length)).expect("texts are packed whole")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalars() -> impl Strategy<Value = Scalar> {
        prop_oneof![
            any::<f64>().prop_filter_map("no NaN", Scalar::number),
            Just(Scalar::Number(1.5)),
            ".{0,300}".prop_map(Scalar::text),
        ]
    }

    fn values() -> impl Strategy<Value = Value> {
        prop::collection::vec(scalars(), 0..4).prop_map(Value::from_scalars)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_is_packed_comes_back(
            number in any::<u64>(), signed in any::<i64>(), value in values(),
        ) {
            let mut out = Vec::new();
            put_number(&mut out, number);
            put_signed(&mut out, signed);
            put_value(&mut out, 1.5, &value);
            let mut reader = Reader(&out);
            prop_assert_eq!(reader.number(), number);
            prop_assert_eq!(reader.signed(), signed);
            prop_assert_eq!(reader.value(1.5), value);
            prop_assert!(reader.0.is_empty());
        }
    }

    #[test]
    fn what_is_usual_takes_a_byte() {
        for (number, bytes) in [(i64::MIN, 1), (0, 1), (-1, 1), (1_700_000_000_000, 6), (i64::MAX, 10)] {
            let mut out = Vec::new();
            put_signed(&mut out, number);
            assert_eq!((out.len(), Reader(&out).signed()), (bytes, number));
        }
        let mut out = Vec::new();
        put_value(&mut out, 7.0, &Value::number(7.0));
        put_value(&mut out, 7.0, &Value::Null);
        assert_eq!(out.len(), 2);
    }
}
