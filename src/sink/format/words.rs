//! Text eight bytes at a time, as one number: most texts are too short for vectors.

/// This byte eight times.
pub(super) const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The highest bit of each byte.
pub(super) const HIGHEST: u64 = all(0x80);

/// Whether a byte cannot stand in a JSON string as it is: a quote, a backslash, a control character.
pub(super) fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..b' ')
}

/// [`is_special`] of eight bytes of ASCII, as a little-endian number: the first of the [`HIGHEST`] bits that are set is that
/// of the first special byte. Those behind it may be set without reason, and those of bytes that are not ASCII.
///
/// Of a byte that is less than what is subtracted from it the highest bit becomes set, which takes 1 from the byte behind
/// it. With one bit changed in all of them the quote is the number behind those of the control characters.
#[inline]
pub(super) fn special(word: u64) -> u64 {
    let quote_or_control = (word ^ all(b'"' ^ b' ')).wrapping_sub(all(b' ' + 1));
    let backslash = (word ^ all(b'\\')).wrapping_sub(all(1));
    quote_or_control | backslash
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

        /// Bytes that differ from special ones by one, or in a bit, are those that arithmetic could take for them.
        #[test]
        fn the_first_special_byte_is_marked_first(
            bytes in prop::array::uniform8(prop_oneof![0..128u8, prop::sample::select(b"\0\x01\x1f !\"#[\\]\x7f".to_vec())]),
        ) {
            let marked = special(u64::from_le_bytes(bytes)) & HIGHEST;
            let first = bytes.iter().position(|byte| is_special(*byte));
            prop_assert_eq!((marked != 0).then(|| (marked.trailing_zeros() / 8) as usize), first, "{:?}", bytes);
        }
    }
}
