//! Inflates gzip under a cap.

use std::io::Read;

use flate2::read::MultiGzDecoder;

/// The first bytes of a gzip stream.
const MAGIC: [u8; 2] = [0x1F, 0x8B];

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
    let mut inflated = Vec::new();
    let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(data).take(limit).read_to_end(&mut inflated).map_err(|_| Fault::Bad)?;
    if inflated.len() > max_bytes { Err(Fault::TooLarge) } else { Ok(inflated) }
}
