//! BD-2: how far shards may be read while state is short. The pipeline sets it, as the engine says; a consumer looks at it
//! before it reads.
//!
//! Deliberately absent: who is ahead of whom, which the engine knows ([`crate::engine::Engine::ceiling`]).

use tokio::sync::watch;

use crate::time::Arrival;

/// A ceiling that rises by less is not told: every consumer that waits is woken by it. Far less than the engine lets shards
/// be ahead.
const STEP_MS: i64 = 10_000;

/// Up to which arrival shards are read; none: without bound.
#[derive(Debug)]
pub(super) struct Ceiling(watch::Sender<Option<Arrival>>);

impl Ceiling {
    pub(super) fn none() -> Self {
        Self(watch::Sender::new(None))
    }

    pub(super) fn set(&self, ceiling: Option<Arrival>) {
        self.0.send_if_modified(|told| {
            let rises_little = told.zip(ceiling).is_some_and(|(told, new)| told <= new && new < told.plus(STEP_MS));
            let is_news = *told != ceiling && !rises_little;
            if is_news {
                *told = ceiling;
            }
            is_news
        });
    }

    /// Whether a shard that was read up to `reached` may be read on. One that was never read always may.
    pub(super) fn lets(&self, reached: Arrival) -> bool {
        is_below(reached, *self.0.borrow())
    }

    /// Resolves once such a shard may be read on.
    pub(super) async fn risen(&self, reached: Arrival) {
        let risen = self.0.subscribe().wait_for(|ceiling| is_below(reached, *ceiling)).await.map(drop);
        risen.expect("the sender is this one");
    }
}

fn is_below(reached: Arrival, ceiling: Option<Arrival>) -> bool {
    ceiling.is_none_or(|ceiling| reached <= ceiling)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bd_2_what_is_above_the_ceiling_is_not_read_on_and_what_was_never_read_always_is() {
        let ceiling = Ceiling::none();
        assert!(ceiling.lets(Arrival(i64::MAX)));
        ceiling.set(Some(Arrival(100)));
        assert!(ceiling.lets(Arrival::MIN) && ceiling.lets(Arrival(100)) && !ceiling.lets(Arrival(101)));
        ceiling.set(None);
        assert!(ceiling.lets(Arrival(101)));
    }

    #[test]
    fn who_waits_is_woken_by_steps_that_count() {
        let ceiling = Ceiling::none();
        ceiling.set(Some(Arrival(0)));
        let mut waiting = ceiling.0.subscribe();
        for (at, is_told) in [(0, false), (STEP_MS - 1, false), (STEP_MS, true), (STEP_MS + 1, false)] {
            ceiling.set(Some(Arrival(at)));
            assert_eq!(waiting.has_changed().unwrap(), is_told, "{at}");
            waiting.mark_unchanged();
        }
        ceiling.set(None);
        assert!(waiting.has_changed().unwrap());
    }
}
