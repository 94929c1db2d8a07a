//! The distinct values behind `values` and `dc`, bounded in a way that does not depend on order (BD-3).
//!
//! Values are told apart by a keyed 128-bit hash. The texts of the values with the smallest hashes are kept to be
//! shown, of the others only the hash, to be counted. Nobody without the key can choose which are shown. A few, which
//! all are shown, need no hash.

use std::collections::{BTreeMap, BTreeSet};

use siphasher::sip128::{Hasher128, SipHasher24};
use smol_str::SmolStr;

use super::{Bounds, Scalar, footprint};

/// A bounded set of texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Distinct {
    /// All texts, sorted, while they are few; then none.
    few: Vec<SmolStr>,
    /// The texts with the smallest hashes.
    shown: BTreeMap<u128, SmolStr>,
    /// Further hashes, all larger than those of `shown`.
    counted: BTreeSet<u128>,
    /// Whether a value beyond the second bound was seen.
    overflowed: bool,
    /// The memory of the texts.
    text_bytes: usize,
}

/// So many texts need no hash: to find a place among them costs less.
const FEW: usize = 64;

/// How much of a set is kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct DistinctBounds {
    /// Texts kept.
    pub(super) shown: usize,
    /// Values counted, the shown ones included.
    pub(super) counted: usize,
}

/// The keyed hash of BD-3: SipHash-2-4, 128 bits.
pub(super) fn keyed_hash(bounds: &Bounds, text: &str) -> u128 {
    let mut hasher = SipHasher24::new_with_key(&bounds.sampling_key);
    std::hash::Hasher::write(&mut hasher, text.as_bytes());
    hasher.finish128().as_u128()
}

impl Distinct {
    /// As new; its memory stays.
    pub(super) fn clear(&mut self) {
        self.few.clear();
        self.shown.clear();
        self.counted.clear();
        (self.overflowed, self.text_bytes) = (false, 0);
    }

    /// Adds one value.
    pub(super) fn add(&mut self, bounds: &Bounds, limits: DistinctBounds, scalar: &Scalar) {
        self.add_text(bounds, limits, &scalar.to_text());
    }

    fn add_text(&mut self, bounds: &Bounds, limits: DistinctBounds, text: &SmolStr) {
        if self.shown.is_empty() && self.counted.is_empty() {
            let Err(place) = self.few.binary_search(text) else { return };
            if self.few.len() < FEW.min(limits.shown) {
                if self.few.len() == self.few.capacity() {
                    // Most have one.
                    self.few.reserve_exact(self.few.len().clamp(1, 8));
                }
                self.few.insert(place, text.clone());
                self.text_bytes += footprint::shared_bytes(text);
                return;
            }
            self.hash_all(bounds);
        }
        let hash = keyed_hash(bounds, text);
        if self.shown.contains_key(&hash) || self.counted.contains(&hash) {
            return;
        }
        self.show(hash, text.clone());
        self.shrink(limits);
    }

    /// Adds every value of another set of the same bounds.
    pub(super) fn merge(&mut self, bounds: &Bounds, limits: DistinctBounds, other: &Self) {
        other.few.iter().for_each(|text| self.add_text(bounds, limits, text));
        if other.shown.is_empty() && other.counted.is_empty() {
            return;
        }
        self.hash_all(bounds);
        for (hash, text) in &other.shown {
            // A text that only the other set still had cannot be needed: here its hash was too large to be shown.
            if !self.counted.contains(hash) {
                self.show(*hash, text.clone());
            }
        }
        let hidden = other.counted.iter().filter(|hash| !self.shown.contains_key(hash));
        self.counted.extend(hidden);
        self.overflowed |= other.overflowed;
        self.shrink(limits);
    }

    /// From now on values are told apart by their hashes.
    fn hash_all(&mut self, bounds: &Bounds) {
        for text in std::mem::take(&mut self.few) {
            self.text_bytes -= footprint::shared_bytes(&text);
            self.show(keyed_hash(bounds, &text), text);
        }
    }

    /// The number of distinct values; at the second bound, that bound.
    pub(super) fn count(&self) -> usize {
        self.few.len() + self.shown.len() + self.counted.len()
    }

    /// The values shown, by UTF-8 bytes.
    pub(super) fn values(&self) -> Vec<Scalar> {
        let mut texts: Vec<_> = self.few.iter().chain(self.shown.values()).cloned().collect();
        texts.sort_unstable();
        texts.into_iter().map(Scalar::Text).collect()
    }

    /// Whether there are more values than are shown.
    pub(super) fn hides_values(&self) -> bool {
        !self.counted.is_empty() || self.overflowed
    }

    /// Whether there are more values than are counted.
    pub(super) fn overflowed(&self) -> bool {
        self.overflowed
    }

    /// An estimate of the memory taken beside itself, in bytes (BD-2).
    pub(super) fn heap_bytes(&self) -> usize {
        let few = footprint::boxed_bytes(self.few.capacity() * size_of::<SmolStr>());
        let shown = footprint::map_bytes(self.shown.len(), size_of::<(u128, SmolStr)>());
        few + shown + self.text_bytes + footprint::map_bytes(self.counted.len(), size_of::<u128>())
    }

    fn show(&mut self, hash: u128, text: SmolStr) {
        let bytes = footprint::shared_bytes(&text);
        if self.shown.insert(hash, text).is_none() {
            self.text_bytes += bytes;
        }
    }

    /// Moves what is too much to show to what is counted, and drops what is too much to count. Both keep the smallest
    /// hashes, so the result depends on the set of values alone. (Something is counted only where as many smaller
    /// hashes are shown as can be, so nothing ever moves back.)
    fn shrink(&mut self, limits: DistinctBounds) {
        while self.shown.len() > limits.shown {
            let Some((hash, text)) = self.shown.pop_last() else { break };
            self.text_bytes -= footprint::shared_bytes(&text);
            self.counted.insert(hash);
        }
        while self.count() > limits.counted.max(limits.shown) && self.counted.pop_last().is_some() {
            self.overflowed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DistinctBounds = DistinctBounds { shown: 20, counted: 40 };

    fn set(values: usize, limits: DistinctBounds) -> Distinct {
        let mut set = Distinct::default();
        (0..values).for_each(|value| set.add(&Bounds::default(), limits, &Scalar::text(format!("value-{value:02}"))));
        set
    }

    #[test]
    fn bd_3_values_are_counted_beyond_those_that_are_shown() {
        for (values, count, shown, hides, overflowed) in [
            (0, 0, 0, false, false),
            (1, 1, 1, false, false),
            (8, 8, 8, false, false),
            (9, 9, 9, false, false),
            (20, 20, 20, false, false),
            (21, 21, 20, true, false),
            (40, 40, 20, true, false),
            (41, 40, 20, true, true),
        ] {
            let set = set(values, LIMITS);
            let seen = (set.count(), set.values().len(), set.hides_values(), set.overflowed());
            assert_eq!(seen, (count, shown, hides, overflowed), "{values} values");
            let mut cleared = set.clone();
            cleared.clear();
            assert_eq!(cleared, Distinct::default(), "{values} values");
        }
        let seen = |values, shown, counted| {
            let set = set(values, DistinctBounds { shown, counted });
            (set.count(), set.values().len(), set.hides_values(), set.overflowed())
        };
        // Of a bound so low that hardly any needs no hash.
        let low = [2, 3, 4].map(|values| seen(values, 2, 3));
        assert_eq!(low, [(2, 2, false, false), (3, 2, true, false), (3, 2, true, true)]);
        assert_eq!(seen(3, 2, 2), (2, 2, true, true), "none is counted that is not shown");
        // Of one beyond those that need none.
        let (few, high) = (FEW, FEW + 2);
        let beyond = [few, few + 1, high, high + 1].map(|values| seen(values, high, high + 5));
        assert_eq!(
            beyond,
            [
                (few, few, false, false),
                (few + 1, few + 1, false, false),
                (high, high, false, false),
                (high + 1, high, true, false)
            ]
        );
    }

    /// The bytes asked for, and as little as an allocation can add to each: a word.
    fn least_bytes(set: &Distinct) -> usize {
        const WORD: usize = size_of::<usize>();
        let texts = set.few.iter().chain(set.shown.values());
        let elsewhere = texts.filter(|text| text.is_heap_allocated());
        let of_texts: usize = elsewhere.map(|text| 3 * WORD + text.len()).sum();
        let entries = size_of_val(&set.few[..])
            + set.shown.len() * size_of::<(u128, SmolStr)>()
            + set.counted.len() * size_of::<u128>();
        of_texts + entries
    }

    #[test]
    fn bd_2_no_set_takes_more_than_is_estimated_and_a_few_values_take_little() {
        let wide = DistinctBounds { shown: 100, counted: 200 };
        let cases = (0..75).flat_map(|values| [(values, 2, LIMITS), (values, 40, LIMITS), (values, 40, wide)]);
        for (values, width, limits) in cases {
            let mut set = Distinct::default();
            let text = |value| Scalar::text(format!("{value:0width$}"));
            (0..values).for_each(|value| set.add(&Bounds::default(), limits, &text(value)));
            assert!(set.heap_bytes() >= least_bytes(&set), "{values} values");
            if values <= FEW.min(limits.shown) {
                // Most groups have one value or two: they pay for no node of a map.
                assert!(set.heap_bytes() <= 2 * least_bytes(&set), "{values} values");
            }
        }
    }
}
