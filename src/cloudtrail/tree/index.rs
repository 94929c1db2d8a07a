//! Keys told apart by a number each, and members found by it.

use std::ops::Range;

/// The first bytes of a key, and its length in the last one as far as it goes: what differs in it is another key.
/// This is where paths spend their time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cloudtrail) struct Mark(u64);

impl Mark {
    #[inline]
    pub fn of(key: &str) -> Self {
        let bytes = key.as_bytes();
        let first = match bytes.first_chunk() {
            Some(eight) => u64::from_le_bytes(*eight),
            None => bytes.iter().rev().fold(0, |first, byte| first << 8 | u64::from(*byte)),
        };
        Self::new(first, bytes.len())
    }

    /// Of a key that stands there in a text.
    #[inline]
    pub fn at(text: &str, key: Range<usize>) -> Self {
        match text.as_bytes().get(key.start..).and_then(<[u8]>::first_chunk) {
            Some(eight) => Self::new(u64::from_le_bytes(*eight), key.len()),
            None => Self::of(&text[key]),
        }
    }

    /// Of the eight bytes from where a key begins, or as many as it has, and its length.
    #[inline]
    fn new(eight: u64, length: usize) -> Self {
        let kept = u64::MAX >> 8 >> (8 * 7_usize.saturating_sub(length));
        Self(eight & kept | (length.min(255) as u64) << 56)
    }

    /// Whether two keys of this mark are the same: always, if it tells all of their bytes. With their last eight, that is all of
    /// those that have no more than fifteen; a comparison of any length is a call.
    #[inline(always)]
    pub fn is_same<'a>(self, one: impl FnOnce() -> &'a str, other: &str) -> bool {
        let length = self.0 >> 56;
        length <= 7
            || match (one().as_bytes(), other.as_bytes().last_chunk::<8>()) {
                (one, Some(end)) if length <= 15 => one.last_chunk() == Some(end),
                (one, _) => one == other.as_bytes(),
            }
    }
}

/// Where the members of an object stand among each other, counted from 1, by their marks: fields are mostly those of the event's
/// own object, and asked for again and again. Of those with one mark the later ones stand further on.
#[derive(Clone, Debug)]
pub(super) struct Index([u8; Index::SLOTS]);

impl Index {
    const SLOTS: usize = 128;
    /// Of more members each is looked at.
    pub const MOST: usize = Self::SLOTS / 2;
    pub const EMPTY: Self = Self([0; Self::SLOTS]);

    /// Of none where they are more than [`Self::MOST`].
    pub fn of(marks: impl ExactSizeIterator<Item = Mark>) -> Self {
        let mut index = Self::EMPTY;
        if marks.len() <= Self::MOST {
            for (number, mark) in (1..).zip(marks) {
                let mut slot = Self::first_slot(mark);
                while index.0[slot] != 0 {
                    slot = Self::next_slot(slot);
                }
                index.0[slot] = number;
            }
        }
        index
    }

    /// The last one that passes, of those that may have this mark.
    #[inline(always)]
    pub fn last(&self, mark: Mark, passes: impl Fn(usize) -> bool) -> Option<usize> {
        let (mut slot, mut last) = (Self::first_slot(mark), None);
        // Half of them stay free.
        while let number @ 1.. = usize::from(self.0[slot]) {
            if passes(number - 1) {
                last = Some(number - 1);
            }
            slot = Self::next_slot(slot);
        }
        last
    }

    /// Where to look for this mark first.
    #[inline(always)]
    fn first_slot(Mark(mark): Mark) -> usize {
        // Knuth's multiplicative hash: the highest bits depend on all.
        (mark.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (u64::BITS - Self::SLOTS.ilog2())) as usize
    }

    #[inline(always)]
    fn next_slot(slot: usize) -> usize {
        (slot + 1) % Self::SLOTS
    }
}
