//! The consumer against a scripted Kinesis, on paused time: every pause is exact.

use std::collections::BTreeMap;

use super::*;
use crate::engine::ShardRef;
use crate::source::Reading;
use crate::source::fake::{self, BEGIN, Call, FakeKinesis, Read};

const BUDGET: usize = 64 * 1024 * 1024;

struct Bench {
    kinesis: FakeKinesis,
    shared: Arc<Shared<FakeKinesis>>,
    messages: mpsc::Receiver<ShardMessage>,
    consumer: tokio::task::JoinHandle<Result<(), SourceError>>,
}

fn read_from(after: Position, start: StartPosition, kinesis: FakeKinesis, budget: usize) -> Bench {
    let shared = Shared::new(kinesis.clone(), fake::settings(), fake::description(), budget, fake::metrics());
    bench(kinesis, shared, after, start)
}

fn bench(kinesis: FakeKinesis, shared: Shared<FakeKinesis>, after: Position, start: StartPosition) -> Bench {
    let shared = Arc::new(shared);
    let (sender, messages) = mpsc::channel(8);
    let request = ReadRequest { shard: ShardId::new("s0"), after, start };
    let consumer = Consumer::new(Arc::clone(&shared), sender, request, Duration::ZERO);
    Bench { kinesis, shared, messages, consumer: tokio::spawn(consumer.run()) }
}

fn read(kinesis: FakeKinesis) -> Bench {
    read_from(Position::Start, StartPosition::TrimHorizon, kinesis, BUDGET)
}

fn answers(answers: impl IntoIterator<Item = ReadAnswer>) -> FakeKinesis {
    FakeKinesis::new(answers.into_iter().map(Read::Answer))
}

impl Bench {
    async fn next(&mut self) -> ShardMessage {
        self.messages.recv().await.expect("the consumer goes on")
    }

    /// The next records' positions; the consumer may read on.
    async fn records(&mut self) -> Vec<Position> {
        match self.next().await {
            ShardMessage::Records { records, resume, .. } => {
                resume.send(()).unwrap();
                records.into_iter().map(|record| record.position).collect()
            }
            other => panic!("records expected: {other:?}"),
        }
    }

    async fn drained(&mut self) -> Vec<ShardRef> {
        match self.next().await {
            ShardMessage::Drained { children, .. } => children,
            other => panic!("the end expected: {other:?}"),
        }
    }

    async fn at_tip(&mut self) -> i64 {
        match self.next().await {
            ShardMessage::AtTip { read_through, .. } => read_through.0,
            other => panic!("tip evidence expected: {other:?}"),
        }
    }

    async fn stalled(&mut self) -> bool {
        match self.next().await {
            ShardMessage::Stalled { stalled, .. } => stalled,
            other => panic!("stalled or not expected: {other:?}"),
        }
    }

    fn reads(&self) -> Vec<u128> {
        self.kinesis.times_of(&Call::Read)
    }
}

/// A thousand shards are a thousand tasks, nearly all of which wait.
#[test]
fn a_consumer_that_waits_takes_little_memory() {
    fn output<S, F>(_: impl FnOnce(S) -> F) -> usize {
        size_of::<F>()
    }
    let bytes = output(Consumer::<crate::source::AwsKinesis>::run);
    assert!(bytes < 16 * 1024, "{bytes}");
}

#[tokio::test(start_paused = true)]
async fn rd_1_children_are_announced_behind_the_last_records() {
    let children = vec![fake::shard("s1", &["s0"]), fake::shard("s2", &["s0"])];
    let mut bench = read(answers([fake::records([1, 2]), fake::last(fake::records([3]), children.clone())]));
    assert_eq!(bench.records().await, [fake::after(1), fake::after(2)]);
    assert_eq!(bench.records().await, [fake::after(3)]);
    assert_eq!(bench.drained().await, children);
    assert!(bench.consumer.await.unwrap().is_ok());
    assert!(bench.messages.recv().await.is_none(), "the end is the last word");
}

#[tokio::test(start_paused = true)]
async fn rd_3_a_shard_is_frozen_until_the_engine_has_its_records() {
    let mut bench = read(answers([fake::records([1])]));
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    let silence = tokio::time::timeout(Duration::from_secs(3600), bench.next()).await;
    assert!(silence.is_err(), "neither idle nor stalled: {silence:?}");
    assert_eq!(bench.reads().len(), 1, "nothing was read meanwhile");
    resume.send(()).unwrap();
    bench.at_tip().await;
    assert_eq!(bench.reads()[1..], [3_600_000, 3_601_000]);
}

#[tokio::test(start_paused = true)]
async fn rd_3_a_shard_that_was_frozen_has_its_full_time_before_it_is_stalled() {
    let mut bench = read(FakeKinesis::new([Read::Answer(fake::records([1])), Read::Hangs]));
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    tokio::time::sleep(Duration::from_secs(3600)).await;
    resume.send(()).unwrap();
    assert!(bench.stalled().await);
    assert_eq!(bench.shared.api.server_time(), Some(Arrival(BEGIN + 3_660_000)));
}

#[tokio::test(start_paused = true)]
async fn rd_3_evidence_is_the_servers_time_of_the_second_request_less_the_slack() {
    let kinesis = answers([]);
    kinesis.script(|script| script.latency = Duration::from_millis(400));
    let mut bench = read(kinesis);
    assert_eq!(bench.at_tip().await, BEGIN + 1000 - 5000);
    assert_eq!(bench.at_tip().await, BEGIN + 2000 - 5000);
    assert_eq!(bench.reads(), [0, 1000, 2000]);
}

#[tokio::test(start_paused = true)]
async fn rd_3_an_empty_read_behind_the_tip_proves_nothing_and_is_followed_soon() {
    let mut bench = read(answers([fake::empty(7000), fake::empty(7000), fake::empty(1), fake::empty(0)]));
    assert_eq!(bench.at_tip().await, BEGIN + 1750 - 5000);
    assert_eq!(bench.reads(), [0, 250, 500, 750, 1750]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_cut_off_by_the_limit_is_followed_soon() {
    let mut bench = read(answers([fake::records(0..1024), fake::records(1024..1030)]));
    bench.records().await;
    bench.records().await;
    assert_eq!(bench.reads(), [0, 250]);
}

#[tokio::test(start_paused = true)]
async fn rd_3_without_the_servers_clock_there_is_no_evidence() {
    let kinesis = answers([]);
    kinesis.script(|script| script.has_date = false);
    let mut bench = read(kinesis);
    let silence = tokio::time::timeout(Duration::from_secs(30), bench.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert!(bench.reads().len() >= 30);
}

#[tokio::test(start_paused = true)]
async fn an_expired_iterator_is_replaced_behind_the_last_record_sent() {
    let reads =
        [Read::Answer(fake::records([7])), Read::Fails(ErrorKind::NewIterator), Read::Answer(fake::records([8]))];
    let mut bench = read(FakeKinesis::new(reads));
    assert_eq!(bench.records().await, [fake::after(7)]);
    assert_eq!(bench.records().await, [fake::after(8)]);
    let expected = [IteratorStart::TrimHorizon, IteratorStart::After(fake::sequence(7))];
    assert_eq!(bench.kinesis.iterators(), expected);
}

#[tokio::test(start_paused = true)]
async fn an_iterator_is_kept_while_reads_fail() {
    let reads = [Read::Fails(ErrorKind::Throttled), Read::Fails(ErrorKind::Retry), Read::Answer(fake::records([1]))];
    let mut bench = read(FakeKinesis::new(reads));
    bench.records().await;
    assert_eq!(bench.kinesis.iterators().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_iterator_that_expires_before_anything_was_read_begins_again_at_the_start() {
    let start = StartPosition::AtTimestamp(Arrival(BEGIN));
    let reads = [Read::Answer(fake::empty(0)), Read::Fails(ErrorKind::NewIterator), Read::Answer(fake::records([1]))];
    let mut bench = read_from(Position::Start, start, FakeKinesis::new(reads), BUDGET);
    bench.records().await;
    let at_start = IteratorStart::AtTimestamp(Arrival(BEGIN));
    assert_eq!(bench.kinesis.iterators(), [at_start.clone(), at_start]);
}

#[tokio::test(start_paused = true)]
async fn a_checkpointed_shard_goes_on_behind_its_position() {
    let start = StartPosition::AtTimestamp(Arrival(BEGIN));
    let mut bench = read_from(fake::after(41), start, answers([fake::records([42])]), BUDGET);
    assert_eq!(bench.records().await, [fake::after(42)]);
    assert_eq!(bench.kinesis.iterators(), [IteratorStart::At(fake::sequence(41))]);
}

#[tokio::test(start_paused = true)]
async fn rd_3_a_hanging_read_makes_the_shard_stalled_and_a_success_ends_it() {
    let reads = [Read::Answer(fake::empty(9)), Read::Hangs];
    let mut bench = read(FakeKinesis::new(reads));
    assert!(bench.stalled().await);
    assert_eq!(bench.shared.api.server_time(), Some(Arrival(BEGIN + 60_000)), "60 s after the last success");
    let silence = tokio::time::timeout(Duration::from_secs(600), bench.next()).await;
    assert!(silence.is_err(), "it is said once: {silence:?}");
}

#[tokio::test(start_paused = true)]
async fn rd_3_failing_reads_make_the_shard_stalled_until_one_succeeds() {
    let failing = (0..80).map(|_| Read::Fails(ErrorKind::Throttled));
    let mut bench = read(FakeKinesis::new(failing.chain([Read::Answer(fake::records([1]))])));
    assert!(bench.stalled().await);
    assert!(!bench.stalled().await, "reading again");
    bench.records().await;
    let pauses: Vec<u128> = bench.reads().windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(pauses.iter().all(|pause| (1000..=1501).contains(pause)), "{pauses:?}");
}

#[tokio::test(start_paused = true)]
async fn how_reading_fares_is_shown_while_the_shard_has_a_consumer() {
    let reads = [Read::Answer(fake::empty(7000)), Read::Fails(ErrorKind::Throttled), Read::Hangs];
    let bench = read(FakeKinesis::new(reads));
    let shown = || bench.shared.readings().get(&ShardId::new("s0")).cloned();
    let until = async |has: fn(&Reading) -> bool| loop {
        match shown().filter(has) {
            Some(reading) => return reading,
            None => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let first = until(|reading| reading.last_read.is_some()).await;
    assert_eq!((first.behind_latest, first.failure), (Some(Duration::from_secs(7)), None));
    let failing = until(|reading| reading.failure.is_some()).await;
    assert!(failing.failure.is_some_and(|failure| failure.starts_with("GetRecords: ")));
    assert_eq!(failing.behind_latest, Some(Duration::from_secs(7)), "as of the last read");
    bench.consumer.abort();
    assert!(bench.consumer.await.is_err_and(|end| end.is_cancelled()));
    assert_eq!(bench.shared.readings(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_tried_again_slowly_and_never_ends_the_shard() {
    let reads = [Read::Fails(ErrorKind::Refused), Read::Fails(ErrorKind::Refused), Read::Answer(fake::records([1]))];
    let mut bench = read(FakeKinesis::new(reads));
    bench.records().await;
    assert!(bench.reads()[1] >= 10_000 && bench.reads()[2] >= 20_000, "{:?}", bench.reads());
}

#[tokio::test(start_paused = true)]
async fn bd_1_nothing_is_read_without_a_permit_and_the_permit_travels_with_the_records() {
    let mut bench = read_from(
        Position::Start,
        StartPosition::TrimHorizon,
        answers([fake::records([1, 2]), fake::records([3])]),
        1000,
    );
    let ShardMessage::Records { permit, resume, .. } = bench.next().await else { panic!("records expected") };
    assert_eq!(permit.num_permits(), 400, "trimmed to what the records cost");
    assert_eq!(bench.shared.budget.available_permits(), 600);
    resume.send(()).unwrap();
    let blocked = tokio::time::timeout(Duration::from_secs(600), bench.next()).await;
    assert!(blocked.is_err(), "{blocked:?}");
    assert_eq!(bench.reads().len(), 1, "the whole budget is asked for, and not there");
    drop(permit);
    assert_eq!(bench.records().await, [fake::after(3)]);
}

#[tokio::test(start_paused = true)]
async fn bd_1_a_failed_read_returns_its_permit() {
    let bench = read_from(
        Position::Start,
        StartPosition::TrimHorizon,
        FakeKinesis::new([Read::Fails(ErrorKind::Refused)]),
        1000,
    );
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(bench.reads().len(), 1);
    assert_eq!(bench.shared.budget.available_permits(), 1000);
}

#[tokio::test(start_paused = true)]
async fn children_are_looked_for_in_the_listing_where_the_answer_names_none() {
    let kinesis = answers([fake::last(fake::empty(0), Vec::new())]);
    kinesis.script(|script| {
        script.listings = [
            Ok(vec![fake::listed("s0", &[]), fake::listed("s9", &["s8"])]),
            Err(ErrorKind::Throttled),
            Ok(vec![fake::listed("s0", &[]), fake::listed("s1", &["s0"]), fake::listed("s2", &["x", "s0"])]),
        ]
        .into();
    });
    let mut bench = read(kinesis);
    assert_eq!(bench.drained().await, [fake::shard("s1", &["s0"]), fake::shard("s2", &["x", "s0"])]);
}

#[tokio::test(start_paused = true)]
async fn a_shard_without_children_is_believed_after_two_listings() {
    let mut bench = read(answers([fake::last(fake::records([1]), Vec::new())]));
    bench.records().await;
    assert_eq!(bench.drained().await, []);
    assert_eq!(bench.kinesis.times_of(&Call::List).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_gap_between_two_reads_that_outlasts_the_retention_is_a_possible_loss() {
    let mut bench = read(answers([fake::records([1])]));
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    tokio::time::sleep(Duration::from_secs(25 * 3600)).await;
    resume.send(()).unwrap();
    match bench.next().await {
        ShardMessage::PossibleLoss { after, range, .. } => {
            let hour = 3_600_000;
            assert_eq!((after, range), (fake::after(1), Some((Arrival(BEGIN), Arrival(BEGIN + hour)))));
        }
        other => panic!("possible loss expected: {other:?}"),
    }
    bench.at_tip().await;
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_shard_that_the_stream_no_longer_holds_is_a_possible_loss_and_its_children_follow() {
    let kinesis = answers([]);
    kinesis.script(|script| {
        script.iterators = [ErrorKind::NotFound].into();
        let listing = vec![fake::listed("s1", &["s0"])];
        script.listings = [Ok(listing.clone()), Ok(listing)].into();
    });
    let mut bench = read_from(fake::after(5), StartPosition::TrimHorizon, kinesis, BUDGET);
    match bench.next().await {
        ShardMessage::PossibleLoss { shard, after, .. } => assert_eq!((shard.as_str(), after), ("s0", fake::after(5))),
        other => panic!("possible loss expected: {other:?}"),
    }
    assert_eq!(bench.drained().await, [fake::shard("s1", &["s0"])]);
}

/// Its check in `/readyz` must not fail for ever: nobody reads the shard any more who could take it back.
#[tokio::test(start_paused = true)]
async fn rd_3_a_stalled_shard_that_the_stream_no_longer_holds_leaves_as_one_that_is_not_stalled() {
    let kinesis = FakeKinesis::new((0..80).map(|_| Read::Fails(ErrorKind::Retry)));
    let mut bench = read_from(fake::after(5), StartPosition::TrimHorizon, kinesis, BUDGET);
    assert!(bench.stalled().await);
    bench.kinesis.script(|script| script.reads = [Read::Fails(ErrorKind::NotFound)].into());
    assert!(matches!(bench.next().await, ShardMessage::PossibleLoss { .. }));
    assert!(!bench.stalled().await);
    assert_eq!(bench.drained().await, []);
    assert_eq!(bench.shared.readings(), BTreeMap::new());
}

#[tokio::test(start_paused = true)]
async fn a_missing_stream_is_held_and_alarmed_never_skipped() {
    let kinesis = FakeKinesis::new((0..100).map(|_| Read::Fails(ErrorKind::NotFound)));
    kinesis.script(|script| script.description = Err(ErrorKind::NotFound));
    let mut bench = read(kinesis);
    assert!(bench.stalled().await);
    bench.kinesis.script(|script| script.reads = [Read::Answer(fake::records([1]))].into());
    assert!(!bench.stalled().await);
    assert_eq!(bench.records().await, [fake::after(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_being_deleted_proves_no_shard_gone() {
    let kinesis = FakeKinesis::new((0..100).map(|_| Read::Fails(ErrorKind::NotFound)));
    let deleting = crate::source::StreamDescription { readable: false, ..fake::description() };
    kinesis.script(|script| script.description = Ok(deleting));
    assert!(read(kinesis).stalled().await, "held, not drained");
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_stream_created_again_ends_the_source() {
    let kinesis = FakeKinesis::new([Read::Fails(ErrorKind::NotFound)]);
    let recreated = crate::source::StreamDescription { created_at: BEGIN, ..fake::description() };
    kinesis.script(|script| script.description = Ok(recreated));
    let ended = read(kinesis).consumer.await.unwrap();
    assert!(matches!(ended, Err(SourceError::Recreated { .. })), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_can_never_succeed_ends_the_source() {
    let kinesis = answers([]);
    kinesis.script(|script| script.iterators = [ErrorKind::Fatal].into());
    let ended = read(kinesis).consumer.await.unwrap();
    assert!(matches!(ended, Err(SourceError::Shard { .. })), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_nobody_hears_ends_in_peace() {
    let Bench { messages, consumer, .. } = read(answers([fake::records([1])]));
    drop(messages);
    assert!(consumer.await.unwrap().is_ok());
}

mod aggregates;
mod budget;
mod ceiling;
mod fan_out;
mod idle;
mod loss;
