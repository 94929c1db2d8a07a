//! A bound in bytes on what a queue holds (BD-1). Deliberately absent: the queue.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Bytes in use against a limit. What is being worked on counts as held until it is returned.
pub(super) struct Budget {
    limit: usize,
    used: AtomicUsize,
    returned: Notify,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), returned: Notify::new() }
    }

    /// Whether the next item may come, however large it is: the bound is exceeded by one item at most.
    pub(super) fn has_room(&self) -> bool {
        self.used.load(Ordering::Acquire) < self.limit.max(1)
    }

    /// Whether `bytes` fit within the limit; an item larger than the limit fits when nothing else is held.
    pub(super) fn admits(&self, bytes: usize) -> bool {
        let used = self.used.load(Ordering::Acquire);
        used == 0 || used.saturating_add(bytes) <= self.limit
    }

    pub(super) fn take(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::AcqRel);
    }

    pub(super) fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes, Ordering::AcqRel);
        debug_assert!(before >= bytes, "no more is given back than was taken");
        self.returned.notify_waiters();
    }

    /// Waits until [`Budget::has_room`]. Cancel-safe.
    pub(super) async fn room(&self) {
        loop {
            // Registered before the check, so that what is returned in between is not missed.
            let returned = self.returned.notified();
            if self.has_room() {
                return;
            }
            returned.await;
        }
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    pub(super) fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::testing::is_pending;

    #[test]
    fn bd_1_an_oversized_item_is_admitted_only_where_nothing_is_held() {
        let budget = Budget::new(10);
        assert!(budget.admits(11));
        budget.take(1);
        assert!(!budget.admits(10));
        assert!(budget.admits(9));
    }

    #[tokio::test]
    async fn bd_1_room_returns_when_bytes_are_given_back() {
        let budget = Budget::new(10);
        budget.take(15);
        let mut room = std::pin::pin!(budget.room());
        assert!(is_pending(room.as_mut()).await);
        budget.give_back(5);
        assert!(is_pending(room.as_mut()).await, "the limit itself is not below the limit");
        budget.give_back(1);
        room.await;
    }
}
