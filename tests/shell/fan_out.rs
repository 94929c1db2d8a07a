//! `SubscribeToShard` of the simulated stream: what Kinesis makes goes its way whether anybody looks or not, is kept for a
//! reader that is slow, and is as old then as when it was made.

use std::sync::Arc;

use trailrisk::engine::{SequenceNumber, ShardId};
use trailrisk::source::{ApiError, ErrorKind, IteratorStart, Subscription, SubscriptionEvent};

use crate::kinesis::{children, error};
use crate::stored;
use crate::world::World;

/// A subscription lives so long.
const SESSION: i64 = 300_000;
/// For so long a shard's consumer is refused another one.
const HELD: i64 = 5_000;
/// What the connection holds of a reader that is slow, in events; then Kinesis waits.
const BUFFER: u32 = 6;
/// Continuations begin here: they are the number of no record.
const CONTINUATIONS: u128 = 10_u128.pow(30);

/// One subscription.
pub struct SimSubscription {
    world: Arc<World>,
    shard: ShardId,
    ix: usize,
    /// The next record.
    next: usize,
    begun: i64,
    /// When Kinesis made the last event.
    made: i64,
    /// Events that were kept, in a row.
    kept: u32,
}

/// The record at which a continuation goes on; none of a record's own number.
pub fn continued(start: &IteratorStart) -> Option<usize> {
    let IteratorStart::After(number) = start else { return None };
    let number: u128 = number.as_str().parse().expect("digits");
    number.checked_sub(CONTINUATIONS).map(|next| usize::try_from(next).expect("one of ours"))
}

fn continuation(next: usize) -> SequenceNumber {
    SequenceNumber::try_new(&(CONTINUATIONS + next as u128).to_string()).expect("digits")
}

impl SimSubscription {
    /// From this record on, unless the shard has another subscription that is too young.
    pub fn accept(world: &Arc<World>, shard: &ShardId, next: usize) -> Result<Self, ErrorKind> {
        let now = world.now();
        let last = world.state().subscribed.insert(shard.clone(), now);
        if let Some(last) = last.filter(|last| now - last < HELD) {
            world.state().subscribed.insert(shard.clone(), last);
            world.seen("a subscription that is in use");
            return Err(ErrorKind::Throttled);
        }
        world.note(|| format!("subscribed to {shard} from {next}"));
        let (world, shard, ix) = (Arc::clone(world), shard.clone(), world.log.index_of(shard));
        Ok(Self { world, shard, ix, next, begun: now, made: now, kept: 0 })
    }

    /// What breaks it, if anything does.
    async fn breaks(&self) -> Option<ApiError> {
        let world = &self.world;
        let down = world.is_down(|state| state.kinesis_down_until);
        if !down && !world.mishap(world.habits.kinesis / 4) {
            return None;
        }
        let kind = match world.below(6) {
            0 => {
                world.seen("a subscription that falls silent");
                std::future::pending::<()>().await;
                ErrorKind::Retry
            }
            1 => ErrorKind::Refused,
            2 => ErrorKind::Throttled,
            _ => ErrorKind::Retry,
        };
        world.seen("a subscription that breaks");
        world.note(|| format!("the subscription to {} breaks: {kind:?}", self.shard));
        Some(error("SubscribeToShard", Some(&self.shard), kind))
    }

    fn readable(&self, at: i64) -> usize {
        let records = &self.world.log.shards[self.ix].records;
        records.iter().take_while(|record| record.visible <= at).count().max(self.next)
    }

    /// When Kinesis makes the next event: soon where there is something, else as a sign of life.
    fn next_made(&self) -> i64 {
        let soon = self.made + 50 + self.world.below(300);
        if self.readable(soon) > self.next { soon } else { self.made + 1_000 + self.world.below(4_000) }
    }

    /// Of that instant.
    fn event(&mut self, made: i64) -> SubscriptionEvent {
        let (world, ix) = (Arc::clone(&self.world), self.ix);
        let content = &world.log.shards[ix];
        self.next = self.next.max(world.first_left(ix));
        let most = self.next + 1 + usize::try_from(world.below(6)).expect("it is small");
        let to = if world.mishap(world.habits.empty) { self.next } else { self.readable(made).min(most) };
        let to = if to > self.next { stored::end_of(content, to - 1) } else { to };
        let behind = content.records[to..self.readable(made).max(to)].first();
        let behind = behind.map_or(0, |record| (made - record.arrival).max(1));
        let ended = to == content.records.len() && content.closed.is_some_and(|closed| closed <= made);
        let names = ended && world.chance(700);
        world.note(|| format!("pushed {} {}..{to} behind {behind}, made {made}, end {ended}", self.shard, self.next));
        let event = SubscriptionEvent {
            records: stored::records(&world, ix, self.next, to),
            continuation: (!ended).then(|| continuation(to)),
            millis_behind_latest: behind,
            children: if names { children(&world, ix) } else { Vec::new() },
        };
        self.next = to;
        event
    }
}

impl Subscription for SimSubscription {
    async fn next(&mut self) -> Result<Option<SubscriptionEvent>, ApiError> {
        if let Some(error) = self.breaks().await {
            return Err(error);
        }
        let world = Arc::clone(&self.world);
        if self.made - self.begun > SESSION || world.mishap(world.habits.expiry / 4) {
            world.seen("a subscription that expires");
            return Ok(None);
        }
        let mut made = self.next_made();
        let arrives = made + world.below(400);
        if arrives <= world.now() {
            world.seen("an event that was kept");
            self.kept += 1;
            if self.kept > BUFFER {
                made = world.now() - world.below(100);
            }
        } else {
            self.kept = 0;
            world.wait(arrives - world.now()).await;
        }
        self.made = made;
        Ok(Some(self.event(made)))
    }
}
