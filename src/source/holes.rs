//! Hash keys that no open shard of a listing has: what is put there is in no shard that is known. Pure.

use super::api::ListedShard;
use crate::kpl::HashRange;

/// While a shard is split or merged, listings may show neither it nor its children as open; a hole counts from the third
/// in a row.
const LISTINGS: u32 = 3;

/// Watches the listings of a stream.
#[derive(Debug, Default)]
pub(super) struct HoleWatch {
    /// Listings with holes, in a row.
    seen: u32,
}

impl HoleWatch {
    /// The holes of a listing, if there were some in the listings before it, too.
    pub(super) fn on_listing(&mut self, listing: &[ListedShard]) -> Vec<HashRange> {
        let holes = holes(listing);
        self.seen = if holes.is_empty() { 0 } else { self.seen.saturating_add(1) };
        if self.seen >= LISTINGS { holes } else { Vec::new() }
    }
}

/// What the open shards leave out of all hash keys, in order. None where a shard's range is not told.
fn holes(listing: &[ListedShard]) -> Vec<HashRange> {
    let open = listing.iter().filter(|listed| listed.open);
    let Some(mut ranges) = open.map(|listed| listed.hash_range).collect::<Option<Vec<HashRange>>>() else {
        return Vec::new();
    };
    ranges.sort_by_key(|range| range.from);
    let (mut holes, mut next) = (Vec::new(), Some(0));
    for range in ranges {
        let Some(from) = next else { break };
        if range.from > from {
            holes.push(HashRange { from, to: range.from - 1 });
        }
        next = range.to.checked_add(1).map(|after| after.max(from));
    }
    holes.extend(next.map(|from| HashRange { from, to: u128::MAX }));
    holes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fake;

    const HALF: u128 = u128::MAX / 2;

    fn shard(open: bool, from: u128, to: u128) -> ListedShard {
        ListedShard { open, hash_range: Some(HashRange { from, to }), ..fake::listed("s", &[]) }
    }

    #[test]
    fn open_shards_that_have_every_key_leave_no_hole_in_whatever_order() {
        let whole = [shard(true, HALF + 1, u128::MAX), shard(false, 0, u128::MAX), shard(true, 0, HALF)];
        assert_eq!(holes(&whole), []);
        assert_eq!(holes(&[shard(true, 0, u128::MAX)]), []);
        assert_eq!(holes(&[shard(true, 0, HALF + 5), shard(true, 3, HALF), shard(true, HALF, u128::MAX)]), []);
    }

    #[test]
    fn what_no_open_shard_has_is_a_hole() {
        let hole = |from, to| HashRange { from, to };
        assert_eq!(holes(&[]), [hole(0, u128::MAX)]);
        assert_eq!(holes(&[shard(true, 0, HALF), shard(false, HALF + 1, u128::MAX)]), [hole(HALF + 1, u128::MAX)]);
        assert_eq!(
            holes(&[shard(true, 5, 9), shard(true, 20, HALF)]),
            [hole(0, 4), hole(10, 19), hole(HALF + 1, u128::MAX)]
        );
    }

    #[test]
    fn a_listing_without_ranges_tells_nothing_of_holes() {
        assert_eq!(holes(&[fake::listed("s", &[])]), []);
    }

    #[test]
    fn a_hole_counts_from_the_third_listing_in_a_row() {
        let (mut watch, torn) = (HoleWatch::default(), [shard(true, 0, HALF)]);
        assert_eq!(watch.on_listing(&torn), []);
        assert_eq!(watch.on_listing(&torn), []);
        assert_eq!(watch.on_listing(&torn).len(), 1);
        assert_eq!(watch.on_listing(&[shard(true, 0, u128::MAX)]), []);
        assert_eq!(watch.on_listing(&torn), [], "and anew");
    }
}
