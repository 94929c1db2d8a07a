//! Where strings stop: the places of quotes, backslashes and control characters, 64 bytes at a time.

use wide::u8x16;

/// Bytes that are looked at together: as many as a number has bits.
const BLOCK: usize = u64::BITS as usize;

/// Finds the stops of a text that is read from its beginning. Most strings are shorter than a block, so that one look finds
/// the ends of several. The text is given with each question, so that its place stays in a register.
pub(in crate::cloudtrail) struct Stops {
    /// Where the block begins that was looked at last.
    start: usize,
    /// A bit for each of its bytes that is a stop, the lowest for the first.
    found: u64,
}

impl Stops {
    /// Nothing was looked at yet: every place is behind the block.
    pub const NONE: Self = Self { start: BLOCK.wrapping_neg(), found: 0 };

    /// The first stop from this place on, which must not be before one that was found earlier; the text's end where there is
    /// none.
    #[inline(always)]
    pub fn next(&mut self, text: &[u8], mut from: usize) -> usize {
        loop {
            let within = from.wrapping_sub(self.start);
            if within < BLOCK {
                let found = self.found >> within;
                if found != 0 {
                    return from + found.trailing_zeros() as usize;
                }
                from = self.start + BLOCK;
            }
            if from >= text.len() {
                return text.len();
            }
            self.look(text, from);
        }
    }

    #[inline(never)]
    fn look(&mut self, text: &[u8], start: usize) {
        let rest = &text[start..];
        let mut last = [b' '; BLOCK];
        let block = rest.first_chunk().unwrap_or_else(|| {
            last[..rest.len()].copy_from_slice(rest);
            &last
        });
        let (sixteens, _) = block.as_chunks();
        let mut found = 0;
        for (index, sixteen) in sixteens.iter().enumerate() {
            found |= u64::from(stops(u8x16::new(*sixteen))) << (16 * index);
        }
        self.found = found;
        self.start = start;
    }
}

/// A bit for each byte that cannot stand in a JSON string as it is.
#[inline(always)]
fn stops(bytes: u8x16) -> u32 {
    let control = bytes.min(u8x16::splat(b' ' - 1)).simd_eq(bytes);
    (control | bytes.simd_eq(u8x16::splat(b'"')) | bytes.simd_eq(u8x16::splat(b'\\'))).to_bitmask()
}
