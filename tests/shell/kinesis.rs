//! The stream behind the port, as Kinesis shows it at each instant; it fails, hangs, and tells less than it could, but
//! never anything untrue.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;
use trailrisk::config::ConsumerRef;
use trailrisk::engine::{Position, ShardId, ShardRef};
use trailrisk::source::{
    ApiError, ConsumerDescription, ErrorKind, IteratorStart, KinesisApi, ListedShard, ReadAnswer, ShardIterator,
    StreamDescription,
};
use trailrisk::time::Arrival;

use crate::bugs::{Bug, ReaderBug};
use crate::fan_out::{self, SimSubscription};
use crate::log;
use crate::stored;
use crate::world::{LISTING_LAG, World, millis};

/// An iterator lives so long.
const ITERATOR_LIFE: i64 = 300_000;

/// One process's client.
pub struct SimKinesis {
    world: Arc<World>,
    /// The last answer's `Date`, in whole seconds, and when it came.
    date: Mutex<Option<(i64, Instant)>>,
    bug: ReaderBug,
}

impl SimKinesis {
    pub fn new(world: Arc<World>) -> Self {
        Self { bug: ReaderBug::new(world.bug), world, date: Mutex::default() }
    }

    /// One call: the way there, the answer of that moment, the way back; or a failure.
    async fn call<T>(
        &self,
        operation: &'static str,
        shard: Option<&ShardId>,
        answer: impl FnOnce() -> Result<T, ErrorKind>,
    ) -> Result<T, ApiError> {
        let outcome = self.outcome(answer).await;
        if let Err(kind) = &outcome {
            self.world.note(|| format!("{operation} {shard:?} fails: {kind:?}"));
            self.bug.failed(shard);
        }
        outcome.map_err(|kind| error(operation, shard, kind))
    }

    async fn outcome<T>(&self, answer: impl FnOnce() -> Result<T, ErrorKind>) -> Result<T, ErrorKind> {
        let world = &self.world;
        world.pause(150).await;
        if world.mishap(if world.habits.stalls { 12 } else { 3 }) {
            let until = world.now() + world.below(world.habits.longest());
            world.state().kinesis_down_until = until;
        }
        let down = world.is_down(|state| state.kinesis_down_until);
        let fails = world.mishap(world.habits.kinesis);
        let how = if fails { world.below(10) } else { 10 };
        match how {
            0 => {
                world.seen("a call that hangs");
                world.wait(world.below(world.habits.longest())).await;
            }
            1..=3 => {
                world.seen("a throttle");
                self.answered();
                return Err(ErrorKind::Throttled);
            }
            4 => return Err(ErrorKind::Refused),
            5 if world.chance(60) => return Err(ErrorKind::Fatal),
            _ => {}
        }
        if down || how < 7 {
            return Err(ErrorKind::Retry);
        }
        let answer = answer();
        let late = world.mishap(world.habits.late_answers);
        world.pause(if late { 9_500 } else { 150 }).await;
        // The connection breaks on the way back.
        if how < 10 {
            return Err(ErrorKind::Retry);
        }
        self.answered();
        answer
    }

    fn answered(&self) {
        let now = self.world.now();
        *self.date.lock().expect("no holder panics") = Some((now.div_euclid(1_000) * 1_000, Instant::now()));
    }

    fn listing(&self) -> Vec<ListedShard> {
        let world = &self.world;
        let seen = world.now() - if world.has(Bug::ListingLags) { 20_000 } else { world.below(LISTING_LAG) };
        let begun = world.state().durable.is_some();
        let shards = world.log.shards.iter().enumerate();
        let visible = shards.filter(|(_, shard)| shard.created <= seen || (!begun && shard.parents.is_empty()));
        let listed = visible.map(|(ix, shard)| {
            let open = shard.closed.is_none_or(|closed| closed > world.now());
            ListedShard { shard: world.log.shard_ref(ix), open, hash_range: None }
        });
        // For a backtest nothing is forgotten.
        let listed: Vec<_> =
            listed.filter(|listed| world.is_backtest() || !self.is_forgotten(&listed.shard.shard)).collect();
        world.note(|| format!("list: {} shards", listed.len()));
        listed
    }

    /// Closed, read to its end by a process before: old enough that Kinesis has forgotten it.
    fn is_forgotten(&self, shard: &ShardId) -> bool {
        let mut state = self.world.state();
        let row = state.durable.as_ref().and_then(|durable| durable.shards.get(shard));
        let done = row.is_some_and(|row| row.drained && row.resume_after == Position::End);
        if done && state.rng.chance(100) {
            state.forgotten.insert(shard.clone());
        }
        state.forgotten.contains(shard)
    }

    fn known(&self, shard: &ShardId) -> Result<(), ErrorKind> {
        if self.world.is_gone(shard) { Err(ErrorKind::NotFound) } else { Ok(()) }
    }

    fn first(&self, shard: &ShardId, start: &IteratorStart) -> usize {
        let log = &self.world.log;
        let ix = log.index_of(shard);
        let records = &log.shards[ix].records;
        let at = match start {
            IteratorStart::TrimHorizon => 0,
            IteratorStart::AtTimestamp(from) => {
                log.first_index(ix, trailrisk::engine::StartPosition::AtTimestamp(*from))
            }
            IteratorStart::At(number) => stored::begin_of(&log.shards[ix], number),
            IteratorStart::After(number) => stored::end_of(&log.shards[ix], stored::begin_of(&log.shards[ix], number)),
        };
        self.bug.first(shard, at.max(self.world.first_left(ix)), start, records.len())
    }

    fn iterator(&self, next: usize) -> ShardIterator {
        ShardIterator(format!("{next}/{}", self.world.now()))
    }

    fn read(&self, shard: &ShardId, iterator: &ShardIterator, limit: u16) -> Result<ReadAnswer, ErrorKind> {
        let world = &self.world;
        let (next, issued) = iterator.0.split_once('/').expect("an iterator of ours");
        let (next, issued): (usize, i64) = (next.parse().expect("a number"), issued.parse().expect("a number"));
        let now = world.now();
        if now - issued > ITERATOR_LIFE || world.mishap(world.habits.expiry) {
            world.seen("an expired iterator");
            return Err(ErrorKind::NewIterator);
        }
        let ix = world.log.index_of(shard);
        let content = &world.log.shards[ix];
        let readable = content.records.iter().take_while(|record| record.visible <= now).count();
        let next = self.bug.next(shard, next, readable).max(world.first_left(ix));
        let most = usize::from(limit).min(1 + usize::try_from(world.below(6)).expect("it is small"));
        let empty = world.mishap(world.habits.empty);
        let to = if empty { next } else { readable.min(next + most).max(next) };
        let to = if to > next { stored::end_of(content, to - 1) } else { to };
        let behind = content.records[to..readable.max(to)].first().map_or(0, |record| (now - record.arrival).max(1));
        let at_end = to == content.records.len() && content.closed.is_some_and(|closed| closed <= now);
        let ended = (at_end && (to == next || world.chance(500))) || (to == next && self.bug.is_end(behind));
        world.note(|| format!("read {shard} {next}..{to} behind {behind}, end {ended}"));
        if (next..to).map(|number| world.bytes[ix][number].len()).sum::<usize>() > 64 * 1024 {
            world.seen("an answer in pieces");
        }
        let children = if ended && world.chance(700) { children(world, ix) } else { Vec::new() };
        if ended {
            world.seen(if children.is_empty() { "an end that names no children" } else { "an end" });
        }
        Ok(ReadAnswer {
            records: stored::records(world, ix, next, to),
            next: (!ended).then(|| self.iterator(to)),
            millis_behind_latest: self.bug.behind(behind),
            children,
        })
    }
}

/// The children of a shard, as an answer names them.
pub fn children(world: &World, ix: usize) -> Vec<ShardRef> {
    if world.has(Bug::ListingLags) {
        return Vec::new();
    }
    world.log.shards[ix].children.iter().map(|child| world.log.shard_ref(*child)).collect()
}

impl KinesisApi for SimKinesis {
    async fn describe(&self) -> Result<StreamDescription, ApiError> {
        self.world.counted(self.call("DescribeStreamSummary", None, || Ok(description()))).await
    }

    async fn list_shards(&self) -> Result<Vec<ListedShard>, ApiError> {
        self.world.counted(self.call("ListShards", None, || Ok(self.listing()))).await
    }

    /// A shard ends when its children begin.
    async fn list_shards_from(&self, since: Arrival) -> Result<Vec<ListedShard>, ApiError> {
        let shards = &self.world.log.shards;
        let was_open = |listed: &ListedShard| {
            let children = &shards[self.world.log.index_of(&listed.shard.shard)].children;
            children.first().is_none_or(|child| shards[*child].created >= since.0)
        };
        let answer = || Ok(self.listing().into_iter().filter(was_open).collect());
        self.world.counted(self.call("ListShards", None, answer)).await
    }

    async fn shard_iterator(&self, shard: &ShardId, start: &IteratorStart) -> Result<ShardIterator, ApiError> {
        let answer = || self.known(shard).map(|()| self.iterator(self.first(shard, start)));
        self.world.counted(self.call("GetShardIterator", Some(shard), answer)).await
    }

    async fn get_records(&self, shard: &ShardId, at: &ShardIterator, limit: u16) -> Result<ReadAnswer, ApiError> {
        let answer = || self.known(shard).and_then(|()| self.read(shard, at, limit));
        self.world.counted(self.call("GetRecords", Some(shard), answer)).await
    }

    async fn describe_consumer(&self, stream_arn: &str, _: &ConsumerRef) -> Result<ConsumerDescription, ApiError> {
        let (arn, stream_arn) = (format!("{stream_arn}/consumer/simulation:1"), Some(stream_arn.to_owned()));
        let described = || Ok(ConsumerDescription { arn, stream_arn, status: "ACTIVE".to_owned() });
        self.world.counted(self.call("DescribeStreamConsumer", None, described)).await
    }

    async fn register_consumer(&self, _: &str, _: &str) -> Result<ConsumerDescription, ApiError> {
        Err(error("RegisterStreamConsumer", None, ErrorKind::Refused))
    }

    type Subscription = SimSubscription;

    async fn subscribe(&self, _: &str, shard: &ShardId, start: &IteratorStart) -> Result<SimSubscription, ApiError> {
        let accept = || {
            self.known(shard)?;
            let next = fan_out::continued(start).unwrap_or_else(|| self.first(shard, start));
            SimSubscription::accept(&self.world, shard, next)
        };
        self.world.counted(self.call("SubscribeToShard", Some(shard), accept)).await
    }

    fn server_time(&self) -> Option<Arrival> {
        let (date, at) = (*self.date.lock().expect("no holder panics"))?;
        let since = i64::try_from(at.elapsed().as_millis()).expect("a short life");
        let ahead = if self.world.has(Bug::ServerTimeAhead) { 9_000 } else { 0 };
        Some(Arrival(date + since + ahead))
    }
}

fn description() -> StreamDescription {
    StreamDescription {
        name: "simulation".to_owned(),
        arn: "arn:aws:kinesis:us-east-1:123456789012:stream/simulation".to_owned(),
        created_at: log::BASE - 1,
        readable: true,
        status: "ACTIVE".to_owned(),
        retention_hours: 24,
        encryption: "NONE".to_owned(),
        mode: "ON_DEMAND".to_owned(),
        placed_by_key: true,
        open_shards: 1,
    }
}

pub fn error(operation: &'static str, shard: Option<&ShardId>, kind: ErrorKind) -> ApiError {
    let (code, message) = (format!("{kind:?}"), "simulated".to_owned());
    ApiError { kind, operation, shard: shard.cloned(), code, message, request_id: None }
}

/// RD-1: what goes on around the source while it runs: jumps of the clock, as a suspension makes them.
pub async fn jump(world: Arc<World>) {
    for _ in 0..world.habits.jumps {
        world.wait(world.below(60_000)).await;
        if !world.state().calm {
            let jump = world.below(if world.habits.stalls { 400_000 } else { 15_000 });
            world.seen("a jump of the clock");
            world.note(|| format!("the clock jumps by {jump}"));
            // What the clock jumps by is no time that a stop takes, which may be over when it has jumped.
            let stopping = world.state().stopping;
            world.state().stopping = stopping.map(|at| at + jump);
            tokio::time::advance(millis(jump)).await;
        }
    }
}
