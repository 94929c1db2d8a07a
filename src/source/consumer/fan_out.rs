//! One shard by enhanced fan-out: subscribe, take what is pushed, subscribe again behind it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Consumer, Cursor, Halt, Step};
use crate::engine::SequenceNumber;
use crate::source::api::{ApiError, ErrorKind, IteratorStart, KinesisApi, Subscription, SubscriptionEvent};
use crate::source::budget::cost;
use crate::source::fan_out::{Clearing, Registration};
use crate::source::pacing::Moment;
use crate::time::Arrival;

/// Kinesis takes one subscription a second for a consumer and shard.
const FLOOR: Duration = Duration::from_secs(1);
/// For so long after a subscription it refuses another; later it ends the first one for it.
const HELD: Duration = Duration::from_secs(5);
/// Kinesis pushes an event every few seconds, also where there are no records. After so long without one the connection is
/// taken for dead, whatever TCP says. Time that our own side takes does not count.
const SILENT: Duration = Duration::from_secs(35);

/// Where the next subscription begins, and when it may.
#[derive(Default)]
struct Subscriptions {
    /// Behind what Kinesis says that a subscription goes on, once there was an event.
    continuation: Option<SequenceNumber>,
    /// Not before this.
    next: Moment,
    /// When the last one was accepted.
    accepted: Option<Moment>,
}

/// What comes next of a subscription.
enum Next {
    Event(SubscriptionEvent, OwnedSemaphorePermit),
    /// Kinesis ended it.
    Expired,
    Broken(ApiError),
    Silent,
}

impl Subscriptions {
    fn start(&self, cursor: &Cursor) -> IteratorStart {
        self.continuation.clone().map_or_else(|| cursor.iterator_start(), IteratorStart::After)
    }

    /// One was asked for, and refused.
    fn refused(&mut self, mut error: ApiError) -> ApiError {
        if error.kind == ErrorKind::Throttled {
            let held_until = self.accepted.map_or(Moment::ZERO, |accepted| accepted + HELD);
            self.next = self.next.max(held_until);
        }
        // Kinesis gave the number; the position of the last record is as good.
        if error.kind == ErrorKind::Fatal && self.continuation.take().is_some() {
            error.kind = ErrorKind::Retry;
        }
        error
    }
}

impl<A: KinesisApi> Consumer<A> {
    /// Reads until the shard's end, as the registered consumer.
    pub(super) async fn read_subscribed(&mut self, registration: &Registration) -> Result<(), Halt> {
        let mut subscriptions = Subscriptions::default();
        while self.subscribe(registration, &mut subscriptions).await? == Step::Continue {}
        Ok(())
    }

    /// One subscription, to its end.
    async fn subscribe(
        &mut self,
        registration: &Registration,
        subscriptions: &mut Subscriptions,
    ) -> Result<Step, Halt> {
        let turn = sleep_until(self.origin + self.pacing.next_read().max(subscriptions.next));
        self.watched(turn).await?;
        let (shared, shard, start) = (Arc::clone(&self.shared), self.shard.clone(), subscriptions.start(&self.cursor));
        let (asked, asked_at) = (self.now(), shared.api.server_time());
        subscriptions.next = asked + FLOOR;
        match self.watched(shared.api.subscribe(&registration.arn(), &shard, &start)).await? {
            Ok(subscription) => {
                subscriptions.accepted = Some(self.now());
                self.follow(subscription, Clearing::asked(asked_at), subscriptions).await
            }
            Err(error) => {
                if error.kind == ErrorKind::NotFound {
                    registration.miss();
                }
                self.failed(subscriptions.refused(error)).await
            }
        }
    }

    async fn follow(
        &mut self,
        mut subscription: A::Subscription,
        mut clearing: Clearing,
        subscriptions: &mut Subscriptions,
    ) -> Result<Step, Halt> {
        loop {
            let outcome = match self.next_event(&mut subscription, &mut clearing).await? {
                Next::Event(event, permit) => {
                    let through = clearing.on_event(self.now());
                    let Some(step) = self.take_event(event, permit, through, subscriptions).await? else { continue };
                    self.shared.count_subscription(if step == Step::Drained { "drained" } else { "broken" });
                    return Ok(step);
                }
                Next::Expired => "expired",
                Next::Broken(error) => {
                    self.shared.count_subscription("broken");
                    return self.failed(error).await;
                }
                Next::Silent => {
                    self.note(&self.error("silent", "nothing was pushed for 35 s; subscribing again"));
                    "silent"
                }
            };
            self.shared.count_subscription(outcome);
            return Ok(Step::Continue);
        }
    }

    /// BD-1: the subscription is looked into only with a permit in hand, which goes back where nothing is there. (What the
    /// transport has buffered is bounded by its flow control.)
    async fn next_event(&mut self, subscription: &mut A::Subscription, clearing: &mut Clearing) -> Result<Next, Halt> {
        // Tokio's budget must not let it seem that nothing is there.
        let mut next = pin!(unconstrained(subscription.next()));
        let mut silent_at = Instant::now() + SILENT;
        loop {
            let asked = Instant::now();
            let permit = self.permit().await;
            silent_at += asked.elapsed();
            match poll_fn(|cx| Poll::Ready(next.as_mut().poll(cx))).await {
                Poll::Ready(Ok(Some(event))) => return Ok(Next::Event(event, permit)),
                Poll::Ready(Ok(None)) => return Ok(Next::Expired),
                Poll::Ready(Err(error)) => return Ok(Next::Broken(error)),
                Poll::Pending => drop(permit),
            }
            clearing.clear(self.now(), self.shared.api.server_time());
            if self.watched(timeout_at(silent_at, woken())).await?.is_err() {
                return Ok(Next::Silent);
            }
        }
    }

    /// Sends on what an event holds. None: there is more to come.
    async fn take_event(
        &mut self,
        event: SubscriptionEvent,
        permit: OwnedSemaphorePermit,
        through: Option<Arrival>,
        subscriptions: &mut Subscriptions,
    ) -> Result<Option<Step>, Halt> {
        let SubscriptionEvent { records, continuation, millis_behind_latest: behind, children } = event;
        let (received, empty) = (self.now(), records.is_empty());
        self.size.on_read(cost(&records), records.len(), u16::MAX);
        self.recovered().await?;
        self.shared.count_read(&self.shard, behind);
        self.watch_trim(&records, behind, through).await?;
        let records = self.user_records(records).await?;
        let permit = self.fit(permit, cost(&records));
        self.deliver(records, behind, permit).await?;
        let ends = continuation.is_none() || !children.is_empty();
        subscriptions.continuation = continuation.or(subscriptions.continuation.take());
        if ends {
            if children.is_empty() && !self.is_closed().await? {
                self.note(&self.error("an end too early", "the shard is open; subscribing again"));
                return Ok(Some(Step::Continue));
            }
            self.drained(children).await?;
            return Ok(Some(Step::Drained));
        }
        if self.tip.on_read(received, empty, behind)
            && let Some(through) = through
        {
            self.send_tip(through).await?;
        }
        Ok(None)
    }

    /// RD-1: an event that says the end and names no children is believed of a shard that is closed, or gone.
    async fn is_closed(&mut self) -> Result<bool, Halt> {
        loop {
            match self.list().await? {
                Ok(listing) => {
                    let is_open = |shard| listing.iter().any(|listed| listed.shard.shard == shard && listed.open);
                    return Ok(!is_open(self.shard.clone()));
                }
                Err(error) => self.hold(&error).await?,
            }
        }
    }

    fn error(&self, code: &str, message: &str) -> ApiError {
        let (kind, operation, shard) = (ErrorKind::Retry, "SubscribeToShard", Some(self.shard.clone()));
        ApiError { kind, operation, shard, code: code.to_owned(), message: message.to_owned(), request_id: None }
    }
}

/// Resolves when the task is woken after the first poll, by whatever wakes it.
async fn woken() {
    let mut is_first = true;
    poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }).await;
}
