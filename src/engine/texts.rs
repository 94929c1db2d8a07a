//! By-values, each kept once and named by a number: most groups differ in one of theirs only.

use std::hash::Hasher as _;

use hashbrown::HashTable;
use siphasher::sip::SipHasher13;

use crate::plan::{Scalar, footprint};

/// Names one by-value of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct TextIx(pub u32);

/// The by-values of one instance.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// All of them behind each other, in bytes whose order is that of the values.
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
    /// By keyed hash; never iterated (AG-5, BD-4).
    index: HashTable<u32>,
}

/// What stands before a value's bytes: numbers come before texts.
const NUMBER: u8 = 0;
const TEXT: u8 = 1;

impl Texts {
    /// The name of this value; a new one where it has none yet.
    pub fn intern(&mut self, key: &[u8; 16], scalar: &Scalar) -> TextIx {
        let mut bits = [0; 8];
        let (tag, bytes) = encoded(scalar, &mut bits);
        let hash = hash(key, bytes);
        if let Some(known) = self.index.find(hash, |ix| self.holds(TextIx(*ix), tag, bytes)) {
            return TextIx(*known);
        }
        let new = u32::try_from(self.ends.len()).expect("an instance has fewer than 2^32 by-values");
        let length = 1 + bytes.len();
        grow_gently(&mut self.bytes, length);
        self.bytes.push(tag);
        self.bytes.extend_from_slice(bytes);
        grow_gently(&mut self.ends, 1);
        self.ends.push(self.bytes.len());
        let (texts, ends) = (&self.bytes, &self.ends);
        self.index.insert_unique(hash, new, |ix| self::hash(key, &slice(texts, ends, *ix)[1..]));
        TextIx(new)
    }

    /// Whether that is the name of this value.
    pub fn is(&self, ix: TextIx, scalar: &Scalar) -> bool {
        let mut bits = [0; 8];
        let (tag, bytes) = encoded(scalar, &mut bits);
        self.holds(ix, tag, bytes)
    }

    fn holds(&self, ix: TextIx, tag: u8, bytes: &[u8]) -> bool {
        self.get(ix).split_first() == Some((&tag, bytes))
    }

    /// The value as bytes, in the order of values.
    pub fn get(&self, ix: TextIx) -> &[u8] {
        slice(&self.bytes, &self.ends, ix.0)
    }

    /// The value.
    pub fn scalar(&self, ix: TextIx) -> Scalar {
        let (tag, bytes) = self.get(ix).split_first().expect("every value has a tag");
        match *tag {
            NUMBER => {
                let bits = bytes.try_into().expect("a double has eight bytes");
                Scalar::Number(number_of(u64::from_be_bytes(bits)))
            }
            _ => Scalar::text(std::str::from_utf8(bytes).expect("it was a text")),
        }
    }

    /// The memory taken, in bytes (BD-2).
    pub fn heap_bytes(&self) -> usize {
        footprint::boxed_bytes(self.bytes.capacity())
            + footprint::boxed_bytes(self.ends.capacity() * size_of::<usize>())
            + footprint::boxed_bytes(self.index.allocation_size())
    }
}

/// A value's tag and bytes; those of a number are put into `bits`.
fn encoded<'a>(scalar: &'a Scalar, bits: &'a mut [u8; 8]) -> (u8, &'a [u8]) {
    match scalar {
        Scalar::Number(number) => {
            *bits = ordered_bits(*number).to_be_bytes();
            (NUMBER, bits)
        }
        Scalar::Text(text) => (TEXT, text.as_bytes()),
    }
}

/// Room for more, an eighth at a time: doubling would leave half of it unused.
pub(super) fn grow_gently<T>(list: &mut Vec<T>, more: usize) {
    if list.capacity() - list.len() < more {
        list.reserve_exact(more.max(list.len() / 8).max(4));
    }
}

/// The keyed hash of BD-4.
pub(super) fn hash(key: &[u8; 16], bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher13::new_with_key(key);
    hasher.write(bytes);
    hasher.finish()
}

fn slice<'a>(bytes: &'a [u8], ends: &[usize], ix: u32) -> &'a [u8] {
    let ix = ix as usize;
    let start = if ix == 0 { 0 } else { ends[ix - 1] };
    &bytes[start..ends[ix]]
}

/// Bits in the order of `f64::total_cmp`.
fn ordered_bits(number: f64) -> u64 {
    let bits = number.to_bits();
    if number.is_sign_negative() { !bits } else { bits | 1 << 63 }
}

fn number_of(ordered: u64) -> f64 {
    f64::from_bits(if ordered >> 63 == 0 { !ordered } else { ordered & !(1 << 63) })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn scalars() -> impl Strategy<Value = Scalar> {
        prop_oneof![any::<f64>().prop_filter_map("no NaN", Scalar::number), ".{0,20}".prop_map(Scalar::text)]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bd_4_a_value_has_one_name_and_comes_back_in_its_order(
            all in prop::collection::vec(scalars(), 1..40), key in any::<[u8; 16]>(),
        ) {
            let mut texts = Texts::default();
            let names: Vec<TextIx> = all.iter().map(|scalar| texts.intern(&key, scalar)).collect();
            for (scalar, name) in all.iter().zip(&names) {
                prop_assert_eq!(&texts.scalar(*name), scalar);
                for (other, other_name) in all.iter().zip(&names) {
                    prop_assert_eq!(texts.is(*other_name, scalar), name == other_name);
                    prop_assert_eq!(scalar == other, name == other_name);
                    prop_assert_eq!(scalar.cmp(other), texts.get(*name).cmp(texts.get(*other_name)));
                }
            }
        }
    }

    /// At least what stands in it, at most twice that: tables and lists hold some room in advance.
    #[test]
    fn bd_2_by_values_are_counted_with_what_finds_them() {
        let mut texts = Texts::default();
        assert_eq!(texts.heap_bytes(), 0);
        for number in 1..=1_000_usize {
            texts.intern(&[7; 16], &Scalar::text(format!("value-{number:04}")));
            let (held, room) = (texts.bytes.len(), texts.bytes.capacity());
            assert!(room - held <= (held / 8).max(4), "{room} for {held}");
            let each = "value-0001".len() + 1 + size_of::<usize>() + size_of::<u32>() + 1;
            let least = number * each;
            let most = 2 * least + 200;
            assert!((least..most).contains(&texts.heap_bytes()), "{} of {least} to {most}", texts.heap_bytes());
        }
    }

    #[test]
    fn bd_2_a_list_grows_seldom_and_leaves_an_eighth_unused_at_the_most() {
        let mut list: Vec<u16> = Vec::new();
        let mut growths = 0;
        for item in 0..10_000 {
            let before = list.capacity();
            grow_gently(&mut list, 1);
            growths += usize::from(list.capacity() > before);
            assert!(list.capacity() > list.len());
            list.push(item);
            let unused = list.capacity() - list.len();
            assert!(unused <= (list.len() / 8).max(4), "{unused} behind {}", list.len());
        }
        assert!(growths < 100, "{growths}");
        grow_gently(&mut list, 5_000);
        assert!((15_000..15_500).contains(&list.capacity()), "what does not fit at once is asked for whole");
    }
}
