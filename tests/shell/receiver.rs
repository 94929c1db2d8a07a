//! The receivers behind the sinks: they fail, hang, answer late, lose their answer, and refuse. And standard output,
//! whose reader is slow, fails in the middle of a line, or goes away.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::AsyncWrite;
use tokio::time::Sleep;
use tokio_util::bytes::Bytes;
use trailrisk::risk_event::{DeliveryKey, Stage};
use trailrisk::sink::{Delivery, Failure, FailureKind, Outcome, Transport};

use crate::bugs::Bug;
use crate::received::{Delivered, key_of};
use crate::world::{World, millis};

/// One lane's way to a receiver.
pub struct SimTransport {
    pub world: Arc<World>,
    pub sink: usize,
}

impl Transport for SimTransport {
    /// A batch is in order, and of one that fails the first ones may have arrived.
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        let world = Arc::clone(&self.world);
        for Delivery { key, line, .. } in batch {
            world.tried(self.sink, *key);
            let outcome = world.counted(self.deliver(*key, line)).await;
            world.note(|| format!("sink {} {key}: {outcome:?}", self.sink));
            if outcome != Outcome::Delivered {
                return outcome;
            }
        }
        let acknowledged = batch.iter().map(|delivery| (self.sink, delivery.key));
        world.state().received.acknowledged.extend(acknowledged);
        Outcome::Delivered
    }
}

impl World {
    /// CP-6: what was settled before a clean stop is not tried again.
    fn tried(&self, sink: usize, key: DeliveryKey) {
        // What a process that was suspended had in its queues may go out before it learns that it was replaced.
        let once = !self.habits.stalls && !self.habits.bounded && !self.state().zombie;
        let settled = once && self.state().received.settled.contains(&(sink, key));
        self.require(!settled, "CP-6", || format!("{key} to sink {sink} again after a clean stop"));
    }

    fn arrives(&self, sink: usize, key: DeliveryKey, line: &[u8]) {
        let now = self.now();
        let received = &mut self.state().received;
        received.settle_network(now);
        received.deliveries.push(Delivered { sink, key, line: line.to_vec() });
    }
}

impl SimTransport {
    async fn deliver(&self, key: DeliveryKey, line: &Bytes) -> Outcome {
        match self.world.bug {
            Some(Bug::AcknowledgedAtPush) => {
                self.later(key, line.clone(), 3_000);
                Outcome::Delivered
            }
            Some(Bug::AcknowledgedAtStop) if self.world.state().stopping.is_some() => Outcome::Delivered,
            Some(Bug::FinalFirst) if key.stage == Stage::Early => {
                self.later(key, line.clone(), 60_000);
                Outcome::Delivered
            }
            Some(Bug::RetryDropped) => {
                self.honest(key, line).await;
                Outcome::Delivered
            }
            _ => self.honest(key, line).await,
        }
    }

    async fn honest(&self, key: DeliveryKey, line: &Bytes) -> Outcome {
        let world = &self.world;
        world.pause(60).await;
        if world.mishap(world.habits.sinks / 20) {
            let until = world.now() + world.below(20_000);
            world.state().sinks_down_until = until;
        }
        if key.id.0 % 1_000 < world.habits.refused.unsigned_abs().into() && self.sink == 0 {
            world.seen("a refusal");
            return failed(FailureKind::EventRefused, None);
        }
        if world.is_down(|state| state.sinks_down_until) {
            return failed(FailureKind::Unavailable, None);
        }
        let how = if world.mishap(world.habits.sinks) { world.below(7) } else { 7 };
        match how {
            0 => failed(FailureKind::Unavailable, world.chance(300).then(|| millis(world.below(5_000)))),
            1 => failed(FailureKind::Misconfigured, None),
            2 => {
                world.wait(world.below(30_000)).await;
                failed(FailureKind::Unavailable, None)
            }
            // It has it, and nobody hears of that.
            3 => {
                world.seen("a lost acknowledgement");
                world.arrives(self.sink, key, line);
                world.pause(10_000).await;
                failed(FailureKind::Unavailable, None)
            }
            // Given up, and on its way all the same.
            4 => {
                world.seen("a delivery behind its time-out");
                let due = world.now() + world.below(40_000);
                let delivered = Delivered { sink: self.sink, key, line: line.to_vec() };
                world.state().received.network.push((due, delivered));
                failed(FailureKind::Unavailable, None)
            }
            5 => {
                world.wait(world.below(15_000)).await;
                world.arrives(self.sink, key, line);
                world.pause(2_000).await;
                Outcome::Delivered
            }
            _ => {
                world.arrives(self.sink, key, line);
                world.pause(60).await;
                Outcome::Delivered
            }
        }
    }

    fn later(&self, key: DeliveryKey, line: Bytes, after: i64) {
        let (world, sink) = (Arc::clone(&self.world), self.sink);
        tokio::spawn(async move {
            world.wait(after).await;
            world.arrives(sink, key, &line);
        });
    }
}

fn failed(kind: FailureKind, retry_after: Option<Duration>) -> Outcome {
    Outcome::Failed(Failure { retry_after, ..Failure::new(kind, "simulated") })
}

/// Standard output. What its reader gets of it ends at any byte when the process does.
pub struct SimStdout {
    world: Arc<World>,
    /// What was written since the last line break that the reader has seen.
    line: Vec<u8>,
    busy: Option<Pin<Box<Sleep>>>,
}

impl SimStdout {
    pub fn new(world: Arc<World>) -> Self {
        Self { world, line: Vec::new(), busy: None }
    }

    fn poll_busy(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.busy.is_none() && self.world.mishap(self.world.habits.sinks / 2) {
            self.busy = Some(Box::pin(tokio::time::sleep(millis(self.world.below(4_000)))));
        }
        if let Some(busy) = &mut self.busy {
            ready!(busy.as_mut().poll(cx));
            self.busy = None;
        }
        Poll::Ready(())
    }

    fn take(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte != b'\n' {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            // A torn line is no document.
            if let Some(key) = key_of(&line) {
                self.world.tried(0, key);
                self.world.arrives(0, key, &line);
                self.world.state().received.acknowledged.insert((0, key));
                self.world.note(|| format!("stdout {key}"));
            }
        }
    }
}

impl AsyncWrite for SimStdout {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_busy(cx));
        let world = Arc::clone(&self.world);
        if world.mishap(world.habits.sinks / 10) {
            return Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
        }
        if world.mishap(world.habits.sinks / 4) {
            world.seen("a closed pipe");
            world.note(|| "stdout is closed".to_owned());
            world.state().received.closed = true;
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let some =
            if world.mishap(200) { world.below(i64::try_from(bytes.len()).expect("a line")) + 1 } else { i64::MAX };
        let some = bytes.len().min(usize::try_from(some).expect("at least one"));
        self.take(&bytes[..some]);
        Poll::Ready(Ok(some))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_busy(cx));
        Poll::Ready(if self.world.mishap(self.world.habits.sinks / 10) {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(())
        })
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
