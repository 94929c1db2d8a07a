//! Which deliveries are done: a risk event's key is released once every required sink that subscribes to it has
//! acknowledged or dead-lettered it (CP-7).
//!
//! The commit point is a call, never a drop: what is forgotten (a stop, a panic) stays unacknowledged, and the stream
//! gives it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use super::sinks::{SinkEnd, workers_ended};
use crate::risk_event::DeliveryKey;

/// The receiving half of the sinks.
pub struct Acknowledgements {
    keys: mpsc::UnboundedReceiver<DeliveryKey>,
    /// Its sending halves end with the workers.
    workers: watch::Receiver<Option<SinkEnd>>,
}

/// Hands out the shares of each delivery. While one is held, [`Acknowledgements::next`] waits for more.
pub(super) struct Acknowledger {
    keys: mpsc::UnboundedSender<DeliveryKey>,
}

/// One required sink's share of a delivery.
pub(super) struct Share {
    delivery: Arc<Outstanding>,
}

struct Outstanding {
    key: DeliveryKey,
    shares: AtomicUsize,
    keys: mpsc::UnboundedSender<DeliveryKey>,
}

#[expect(
    clippy::disallowed_methods,
    reason = "who pushes is who takes the keys: a bound would make it wait for itself"
)]
pub(super) fn channel(workers: watch::Receiver<Option<SinkEnd>>) -> (Acknowledger, Acknowledgements) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Acknowledger { keys: sender }, Acknowledgements { keys: receiver, workers })
}

impl Acknowledgements {
    /// The next delivery that is done: every required sink that subscribes to its stage, detection and severity has
    /// acknowledged it, or stored it as a dead letter. Where none subscribes it is done at once.
    ///
    /// None once its [`super::Sinks`] are closed, so are all others over the same sinks, and the workers have ended: nothing
    /// more will come, and best-effort sinks, of which no share is waited for, are done as well. Cancel-safe.
    pub async fn next(&mut self) -> Option<DeliveryKey> {
        if let Some(key) = self.keys.recv().await {
            return Some(key);
        }
        workers_ended(self.workers.clone()).await;
        None
    }
}

impl Acknowledger {
    /// The shares of `sinks` required sinks; without any, the delivery is done.
    pub(super) fn shares(&self, key: DeliveryKey, sinks: usize) -> Vec<Share> {
        if sinks == 0 {
            acknowledge(&self.keys, key);
        }
        let delivery = Arc::new(Outstanding { key, shares: AtomicUsize::new(sinks), keys: self.keys.clone() });
        (0..sinks).map(|_| Share { delivery: Arc::clone(&delivery) }).collect()
    }
}

impl Share {
    /// This sink is done with the delivery.
    pub(super) fn acknowledge(self) {
        if self.delivery.shares.fetch_sub(1, Ordering::AcqRel) == 1 {
            acknowledge(&self.delivery.keys, self.delivery.key);
        }
    }
}

fn acknowledge(keys: &mpsc::UnboundedSender<DeliveryKey>, key: DeliveryKey) {
    // A receiving half that is gone belongs to a pipeline that is gone: the delivery stays unacknowledged.
    let _ = keys.send(key);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk_event::{RiskEventId, Stage};

    const KEY: DeliveryKey = DeliveryKey { id: RiskEventId(7), stage: Stage::Final };

    fn no_workers() -> watch::Receiver<Option<SinkEnd>> {
        watch::channel(None).1
    }

    #[tokio::test]
    async fn cp_7_the_last_required_sink_releases_the_key() {
        let (acknowledger, mut done) = channel(no_workers());
        let mut shares = acknowledger.shares(KEY, 2);
        shares.pop().unwrap().acknowledge();
        assert!(done.keys.try_recv().is_err(), "one sink is still missing");
        shares.pop().unwrap().acknowledge();
        assert_eq!(done.next().await, Some(KEY));
    }

    #[tokio::test]
    async fn a_forgotten_share_acknowledges_nothing() {
        let (acknowledger, mut done) = channel(no_workers());
        drop(acknowledger.shares(KEY, 1));
        drop(acknowledger);
        assert_eq!(done.next().await, None);
    }

    #[tokio::test]
    async fn without_a_required_sink_the_key_is_released_at_once() {
        let (acknowledger, mut done) = channel(no_workers());
        acknowledger.shares(KEY, 0);
        assert_eq!(done.next().await, Some(KEY));
    }
}
