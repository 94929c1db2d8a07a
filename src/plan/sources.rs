//! Which groups of events a row is made of.
//!
//! Rows share what they have in common. A `join` with what all groups come to gives each of ten thousand rows ten thousand
//! groups; copied, they would take more memory than there is, at the end of a window and again after each restart.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::GroupKey;

/// The groups of events that a row is made of; never empty. Lists of them, which may have some in common.
#[derive(Clone, Debug)]
pub struct Sources(Vec<Arc<[GroupKey]>>);

/// A list of so many is shared; shorter ones become one, so that there are not many.
const SHARED: usize = 16;

impl Sources {
    /// Of a row that is a group.
    pub(super) fn of(group: GroupKey) -> Self {
        Self(vec![Arc::from([group])])
    }

    /// Of a row that is made of others.
    pub(super) fn of_all<'a>(rows: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut lists: Vec<_> = rows.into_iter().flat_map(|row| &row.0).collect();
        lists.sort_unstable_by_key(|list| list.as_ptr());
        lists.dedup_by_key(|list| list.as_ptr());
        let (shared, short): (Vec<_>, Vec<_>) = lists.into_iter().partition(|list| list.len() >= SHARED);
        let short = match short.as_slice() {
            [] => None,
            [only] => Some(Arc::clone(only)),
            several => Some(distinct(several.iter().copied()).into_iter().cloned().collect()),
        };
        Self(shared.into_iter().cloned().chain(short).collect())
    }

    /// Each of them once, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &GroupKey> {
        distinct(self.0.iter()).into_iter()
    }
}

fn distinct<'a>(lists: impl Iterator<Item = &'a Arc<[GroupKey]>>) -> BTreeSet<&'a GroupKey> {
    lists.flat_map(|list| list.iter()).collect()
}

impl PartialEq for Sources {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}
