//! A Kinesis that answers from a script, on tokio's (paused) time. Without a script it is an empty stream at its tip.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use prometheus::Registry;
use tokio::time::Instant;

use super::Record;
use super::api::{
    ApiError, ConsumerDescription, ErrorKind, IteratorStart, KinesisApi, ListedShard, ReadAnswer, ShardIterator,
    StreamDescription, Subscription, SubscriptionEvent,
};
use crate::config::{ConsumerRef, HashRangeCheck, ProtocolConfig, ReaderConfig, SourceConfig, StartConfig, StreamRef};
use crate::engine::{Position, SequenceNumber, ShardId, ShardRef};
use crate::metrics::Metrics;
use crate::time::Arrival;

/// The fake's clock at its start.
pub(super) const BEGIN: i64 = 1_700_000_000_000;

/// What `GetRecords` does.
pub(super) enum Read {
    Answer(ReadAnswer),
    Fails(ErrorKind),
    Hangs,
    Panics,
}

/// A call as it was made: when, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Iterator(IteratorStart),
    Read,
    List,
    Subscribe(IteratorStart),
    Register(String),
    DescribeConsumer,
}

/// What `SubscribeToShard` does.
pub(super) enum Subscribe {
    Fails(ErrorKind),
    Hangs,
    /// Accepted; what is pushed, and when since then. Then Kinesis ends it.
    Pushes(Vec<(Duration, Push)>),
}

pub(super) enum Push {
    Event(SubscriptionEvent),
    Fails(ErrorKind),
    Nothing,
}

/// What is pushed, whether anybody looks or not.
pub(super) struct FakeSubscription {
    accepted: Instant,
    pushes: VecDeque<(Duration, Push)>,
}

#[derive(Clone)]
pub(super) struct FakeKinesis {
    begun: Instant,
    script: Arc<Mutex<Script>>,
}

pub(super) struct Script {
    pub(super) reads: VecDeque<Read>,
    pub(super) subscriptions: VecDeque<Subscribe>,
    /// What `DescribeStreamConsumer` answers, one after the other and the last one for ever: a status.
    pub(super) consumers: VecDeque<Result<&'static str, ErrorKind>>,
    /// How often the consumer was registered: the number at the end of its ARN. With another one nothing is pushed.
    pub(super) registration: u32,
    pub(super) registers: Result<(), (ErrorKind, &'static str)>,
    pub(super) listings: VecDeque<Result<Vec<ListedShard>, ErrorKind>>,
    pub(super) iterators: VecDeque<ErrorKind>,
    pub(super) description: Result<StreamDescription, ErrorKind>,
    pub(super) has_date: bool,
    /// How long `GetRecords` takes.
    pub(super) latency: Duration,
    pub(super) calls: Vec<(Duration, Call)>,
}

impl FakeKinesis {
    pub(super) fn new(reads: impl IntoIterator<Item = Read>) -> Self {
        let script = Script {
            reads: reads.into_iter().collect(),
            subscriptions: VecDeque::new(),
            consumers: VecDeque::new(),
            registration: 1,
            registers: Ok(()),
            listings: VecDeque::new(),
            iterators: VecDeque::new(),
            description: Ok(description()),
            has_date: true,
            latency: Duration::ZERO,
            calls: Vec::new(),
        };
        Self { begun: Instant::now(), script: Arc::new(Mutex::new(script)) }
    }

    pub(super) fn script<T>(&self, work: impl FnOnce(&mut Script) -> T) -> T {
        work(&mut self.script.lock().unwrap())
    }

    /// The calls of one kind, in milliseconds since the start.
    pub(super) fn times_of(&self, wanted: &Call) -> Vec<u128> {
        let calls = self.script(|script| script.calls.clone());
        calls.iter().filter(|(_, call)| call == wanted).map(|(at, _)| at.as_millis()).collect()
    }

    pub(super) fn iterators(&self) -> Vec<IteratorStart> {
        let calls = self.script(|script| script.calls.clone());
        calls
            .into_iter()
            .filter_map(|(_, call)| if let Call::Iterator(start) = call { Some(start) } else { None })
            .collect()
    }

    /// Where the subscriptions began, and when, in milliseconds since the start.
    pub(super) fn subscriptions(&self) -> Vec<(u128, IteratorStart)> {
        let calls = self.script(|script| script.calls.clone());
        let subscribed = |(at, call): (Duration, Call)| match call {
            Call::Subscribe(start) => Some((at.as_millis(), start)),
            _ => None,
        };
        calls.into_iter().filter_map(subscribed).collect()
    }

    fn consumer_description(&self, name: &str, status: &str) -> ConsumerDescription {
        let (number, stream_arn) = (self.script(|script| script.registration), description().arn);
        let of_name = || format!("{stream_arn}/consumer/{name}:{number}");
        let arn = if name.starts_with("arn:") { name.to_owned() } else { of_name() };
        ConsumerDescription { arn, stream_arn: Some(stream_arn), status: status.to_owned() }
    }

    fn called(&self, call: Call) {
        let at = self.begun.elapsed();
        self.script(|script| script.calls.push((at, call)));
    }
}

impl KinesisApi for FakeKinesis {
    async fn describe(&self) -> Result<StreamDescription, ApiError> {
        self.script(|script| script.description.clone()).map_err(|kind| error("DescribeStreamSummary", kind))
    }

    async fn list_shards(&self) -> Result<Vec<ListedShard>, ApiError> {
        self.called(Call::List);
        let listing = self.script(|script| script.listings.pop_front()).unwrap_or_else(|| Ok(Vec::new()));
        listing.map_err(|kind| error("ListShards", kind))
    }

    async fn shard_iterator(&self, _: &ShardId, start: &IteratorStart) -> Result<ShardIterator, ApiError> {
        self.called(Call::Iterator(start.clone()));
        match self.script(|script| script.iterators.pop_front()) {
            Some(kind) => Err(error("GetShardIterator", kind)),
            None => Ok(ShardIterator("iterator".to_owned())),
        }
    }

    async fn get_records(&self, _: &ShardId, _: &ShardIterator, _: u16) -> Result<ReadAnswer, ApiError> {
        self.called(Call::Read);
        tokio::time::sleep(self.script(|script| script.latency)).await;
        match self.script(|script| script.reads.pop_front()) {
            Some(Read::Answer(answer)) => Ok(answer),
            Some(Read::Fails(kind)) => Err(error("GetRecords", kind)),
            Some(Read::Hangs) => std::future::pending().await,
            Some(Read::Panics) => panic!("told to panic"),
            None => Ok(empty(0)),
        }
    }

    async fn describe_consumer(&self, _: &str, consumer: &ConsumerRef) -> Result<ConsumerDescription, ApiError> {
        self.called(Call::DescribeConsumer);
        let scripted = self.script(|script| {
            let next = script.consumers.front().copied();
            if script.consumers.len() > 1 {
                script.consumers.pop_front();
            }
            next
        });
        let status = scripted.unwrap_or(Ok("ACTIVE")).map_err(|kind| error("DescribeStreamConsumer", kind))?;
        Ok(self.consumer_description(consumer.as_str(), status))
    }

    async fn register_consumer(&self, _: &str, name: &str) -> Result<ConsumerDescription, ApiError> {
        self.called(Call::Register(name.to_owned()));
        let registers = self.script(|script| script.registers);
        let failed = |(kind, code): (ErrorKind, &str)| ApiError {
            code: code.to_owned(),
            ..error("RegisterStreamConsumer", kind)
        };
        registers.map(|()| self.consumer_description(name, "CREATING")).map_err(failed)
    }

    type Subscription = FakeSubscription;

    async fn subscribe(
        &self,
        consumer: &str,
        _: &ShardId,
        start: &IteratorStart,
    ) -> Result<FakeSubscription, ApiError> {
        self.called(Call::Subscribe(start.clone()));
        let number = self.script(|script| script.registration).to_string();
        if consumer.rsplit_once(':').is_some_and(|(_, registered)| registered != number) {
            return Err(error("SubscribeToShard", ErrorKind::NotFound));
        }
        tokio::time::sleep(self.script(|script| script.latency)).await;
        match self.script(|script| script.subscriptions.pop_front()) {
            Some(Subscribe::Fails(kind)) => Err(error("SubscribeToShard", kind)),
            Some(Subscribe::Pushes(pushes)) => Ok(FakeSubscription { accepted: Instant::now(), pushes: pushes.into() }),
            Some(Subscribe::Hangs) | None => std::future::pending().await,
        }
    }

    fn server_time(&self) -> Option<Arrival> {
        let since = i64::try_from(self.begun.elapsed().as_millis()).unwrap();
        self.script(|script| script.has_date).then_some(Arrival(BEGIN + since))
    }
}

impl Subscription for FakeSubscription {
    async fn next(&mut self) -> Result<Option<SubscriptionEvent>, ApiError> {
        let Some((at, push)) = self.pushes.pop_front() else { return Ok(None) };
        let at = self.accepted + at;
        if Instant::now() < at {
            tokio::time::sleep_until(at).await;
        }
        match push {
            Push::Event(event) => Ok(Some(event)),
            Push::Fails(kind) => Err(error("SubscribeToShard", kind)),
            Push::Nothing => std::future::pending().await,
        }
    }
}

/// An event of a subscription that holds what an answer holds.
pub(super) fn event(answer: ReadAnswer, continuation: Option<u64>) -> Push {
    Push::Event(SubscriptionEvent {
        records: answer.records,
        continuation: continuation.map(sequence),
        millis_behind_latest: answer.millis_behind_latest,
        children: answer.children,
    })
}

/// An answer without records.
pub(super) fn empty(millis_behind_latest: i64) -> ReadAnswer {
    let next = Some(ShardIterator("iterator".to_owned()));
    ReadAnswer { records: Vec::new(), next, millis_behind_latest, children: Vec::new() }
}

/// An answer with records of these sequence numbers, 72 bytes each: 200 with their overhead.
pub(super) fn records(numbers: impl IntoIterator<Item = u64>) -> ReadAnswer {
    let record =
        |number: u64| Record { position: after(number), arrival: Arrival(BEGIN), data: vec![b'x'; 72], refusal: None };
    ReadAnswer { records: numbers.into_iter().map(record).collect(), ..empty(0) }
}

/// The same answer, as the last one of a closed shard.
pub(super) fn last(answer: ReadAnswer, children: Vec<ShardRef>) -> ReadAnswer {
    ReadAnswer { next: None, children, ..answer }
}

pub(super) fn after(number: u64) -> Position {
    Position::After(sequence(number), 0)
}

pub(super) fn sequence(number: u64) -> SequenceNumber {
    SequenceNumber::try_new(&number.to_string()).unwrap()
}

pub(super) fn shard(name: &str, parents: &[&str]) -> ShardRef {
    ShardRef { shard: ShardId::new(name), parents: parents.iter().map(|parent| ShardId::new(parent)).collect() }
}

pub(super) fn listed(name: &str, parents: &[&str]) -> ListedShard {
    ListedShard { shard: shard(name, parents), open: true, hash_range: None }
}

pub(super) fn description() -> StreamDescription {
    StreamDescription {
        name: "trail".to_owned(),
        arn: "arn:aws:kinesis:us-east-1:123456789012:stream/trail".to_owned(),
        created_at: BEGIN - 1,
        readable: true,
        status: "ACTIVE".to_owned(),
        retention_hours: 24,
        encryption: "NONE".to_owned(),
        mode: "PROVISIONED".to_owned(),
        placed_by_key: true,
        open_shards: 1,
    }
}

pub(super) fn settings() -> SourceConfig {
    SourceConfig {
        name: "trail".to_owned(),
        stream: StreamRef::Name("trail".to_owned()),
        region: None,
        endpoint_url: None,
        role: None,
        start: StartConfig::Latest,
        reader: ReaderConfig::Polling,
        hash_range_check: HashRangeCheck::Auto,
        protocol: ProtocolConfig::Own,
        poll_interval: Duration::from_secs(1),
        idle_poll_interval: Duration::from_secs(1),
        tip_slack: Duration::from_secs(5),
        stalled_after: Duration::from_secs(60),
        request_timeout: Duration::from_secs(10),
        list_interval: Duration::from_secs(60),
        outage_budget: Duration::from_secs(3600),
    }
}

pub(super) fn metrics() -> Metrics {
    Metrics::new(&Registry::new()).unwrap()
}

fn error(operation: &'static str, kind: ErrorKind) -> ApiError {
    let (code, message) = (format!("{kind:?}"), "scripted".to_owned());
    ApiError { kind, operation, shard: None, code, message, request_id: None }
}
