//! Inflates gzip under a cap.

use flate2::{Decompress, FlushDecompress, Status};

/// The first bytes of a gzip stream.
const MAGIC: [u8; 2] = [0x1F, 0x8B];
/// The base-two logarithm of gzip's window.
const WINDOW_BITS: u8 = 15;
/// What a byte of deflate may become at the most, rounded up.
const MAX_RATIO: usize = 1040;

/// Why a gzip stream was not inflated.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It does not inflate, or a checksum does not hold.
    Bad,
    /// It inflates to more than the cap.
    TooLarge,
}

/// Whether the bytes begin like gzip.
pub(super) fn is_gzip(data: &[u8]) -> bool {
    data.starts_with(&MAGIC)
}

/// Inflates every member. Stops at the cap, so that a bomb costs at most that much memory and time.
pub(super) fn inflate(data: &[u8], max_bytes: usize) -> Result<Vec<u8>, Fault> {
    let mut inflated = Vec::with_capacity(expected(data).min(max_bytes.saturating_add(1)));
    let mut rest = data;
    while !rest.is_empty() {
        rest = member(rest, &mut inflated, max_bytes)?;
    }
    Ok(inflated)
}

/// The size that the last member gives itself (of nearly every stream it is the only one), as far as its length allows.
fn expected(data: &[u8]) -> usize {
    let size = data.last_chunk::<4>().map_or(0, |size| u32::from_le_bytes(*size) as usize);
    // One byte more shows that nothing follows.
    size.min(data.len().saturating_mul(MAX_RATIO)) + 1
}

/// Inflates one member straight into the buffer; gives what stands behind it.
fn member<'a>(data: &'a [u8], inflated: &mut Vec<u8>, max_bytes: usize) -> Result<&'a [u8], Fault> {
    let mut decompress = Decompress::new_gzip(WINDOW_BITS);
    let mut read = 0;
    loop {
        if inflated.len() > max_bytes {
            return Err(Fault::TooLarge);
        }
        // Who says nothing true of its size is given twice as much each time; `expected` is never nothing.
        if inflated.len() == inflated.capacity() {
            let room = inflated.len().min(max_bytes - inflated.len() + 1);
            inflated.reserve_exact(room);
        }
        let before = (read, inflated.len());
        let status = decompress.decompress_vec(&data[read..], inflated, FlushDecompress::None);
        read = usize::try_from(decompress.total_in()).map_err(|_| Fault::Bad)?;
        match status {
            Ok(Status::StreamEnd) if inflated.len() > max_bytes => return Err(Fault::TooLarge),
            Ok(Status::StreamEnd) => return Ok(&data[read..]),
            // Neither reads nor writes although there is room: the end is missing.
            Ok(Status::Ok | Status::BufError) if before == (read, inflated.len()) => return Err(Fault::Bad),
            Ok(Status::Ok | Status::BufError) => {}
            Err(_) => return Err(Fault::Bad),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloudtrail::testing::gzip;

    #[test]
    fn members_follow_each_other_and_lie_about_their_size_in_vain() {
        let large = "x".repeat(100_000);
        let two = [gzip("ab"), gzip(&large)].concat();
        assert_eq!(inflate(&two, 100_002), Ok(format!("ab{large}").into_bytes()));
        assert_eq!(inflate(&two, 100_001), Err(Fault::TooLarge));
        assert_eq!(inflate(&gzip(""), 0), Ok(Vec::new()));
        for size in [0_u32, 1, u32::MAX] {
            let mut lying = gzip(&large);
            let at = lying.len() - 4;
            lying[at..].copy_from_slice(&size.to_le_bytes());
            assert_eq!(inflate(&lying, 1 << 20), Err(Fault::Bad), "{size}");
        }
    }

    #[test]
    fn what_is_cut_or_has_something_behind_it_is_bad() {
        let whole = gzip(JOB);
        for cut in 2..whole.len() {
            assert_eq!(inflate(&whole[..cut], 1 << 20), Err(Fault::Bad), "{cut}");
        }
        assert_eq!(inflate(&[whole.as_slice(), b"more"].concat(), 1 << 20), Err(Fault::Bad));
        let mut flipped = whole.clone();
        let at = flipped.len() - 6;
        flipped[at] ^= 1;
        assert_eq!(inflate(&flipped, 1 << 20), Err(Fault::Bad));
    }

    /// From a bomb whose size is a lie, no more room is made than the cap, and no more for what says its true size.
    #[test]
    fn threat_4_what_is_inflated_takes_no_more_memory_than_it_has_to() {
        let large = "x".repeat(100_000);
        for lie in [None, Some(0_u32), Some(u32::MAX)] {
            let mut bomb = gzip(&large);
            let at = bomb.len() - 4;
            if let Some(size) = lie {
                bomb[at..].copy_from_slice(&size.to_le_bytes());
            }
            for cap in (0..10).chain([20_000, 99_999]) {
                let mut inflated = Vec::with_capacity(expected(&bomb).min(cap + 1));
                assert!(member(&bomb, &mut inflated, cap).is_err(), "{lie:?} {cap}");
                assert!(inflated.capacity() <= cap + 1, "{} of {cap}", inflated.capacity());
            }
        }
        let inflated = inflate(&gzip(&large), usize::MAX).expect("gzip");
        assert_eq!(inflated.capacity(), large.len() + 1, "the room is made at once");
    }

    const JOB: &str = include_str!("../../tests/data/cloudtrail/jobcreated.json");
}
