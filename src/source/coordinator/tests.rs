//! The coordinator against a scripted Kinesis, on paused time.

use super::*;
use crate::engine::Position;
use crate::source::fake::{self, BEGIN, Call, FakeKinesis, Read};
use crate::time::Arrival;

async fn connected(
    kinesis: &FakeKinesis,
    config: &SourceConfig,
) -> (Source<FakeKinesis>, mpsc::Receiver<ShardMessage>) {
    let (sender, messages) = mpsc::channel(8);
    let source = Source::with_api(kinesis.clone(), config, 1 << 20, sender, fake::metrics()).await.unwrap();
    (source, messages)
}

fn request(shard: &str) -> ReadRequest {
    ReadRequest { shard: ShardId::new(shard), after: Position::Start, start: StartPosition::TrimHorizon }
}

#[tokio::test(start_paused = true)]
async fn rd_4_latest_is_the_servers_current_time() {
    let (source, _messages) = connected(&FakeKinesis::new([]), &fake::settings()).await;
    tokio::time::advance(Duration::from_millis(1234)).await;
    assert_eq!(source.resolve_start().unwrap(), StartPosition::AtTimestamp(Arrival(BEGIN + 1234)));
}

#[tokio::test(start_paused = true)]
async fn rd_4_latest_is_refused_without_the_servers_clock() {
    let kinesis = FakeKinesis::new([]);
    kinesis.script(|script| script.has_date = false);
    let (source, _messages) = connected(&kinesis, &fake::settings()).await;
    assert!(matches!(source.resolve_start(), Err(SourceError::NoServerTime)));
}

#[tokio::test(start_paused = true)]
async fn other_starts_are_taken_as_configured_unless_they_lie_in_the_future() {
    let start = |start| SourceConfig { start, ..fake::settings() };
    let kinesis = FakeKinesis::new([]);
    let (source, _messages) = connected(&kinesis, &start(StartConfig::TrimHorizon)).await;
    assert_eq!(source.resolve_start().unwrap(), StartPosition::TrimHorizon);
    let past = Arrival(BEGIN - 1);
    let (source, _messages) = connected(&kinesis, &start(StartConfig::AtTimestamp(past))).await;
    assert_eq!(source.resolve_start().unwrap(), StartPosition::AtTimestamp(past));
    let (source, _messages) = connected(&kinesis, &start(StartConfig::AtTimestamp(Arrival(BEGIN + 1)))).await;
    assert!(matches!(source.resolve_start(), Err(SourceError::StartInFuture { .. })));
}

#[tokio::test(start_paused = true)]
async fn rd_2_the_first_listing_is_returned_and_later_ones_are_sent() {
    let kinesis = FakeKinesis::new([]);
    kinesis.script(|script| {
        let first = || Ok(vec![fake::listed("s0", &[])]);
        let later = Ok(vec![fake::listed("s1", &["s0"])]);
        script.listings = [first(), first(), Err(ErrorKind::Retry), later].into();
    });
    let (mut source, mut messages) = connected(&kinesis, &fake::settings()).await;
    assert_eq!(source.list().await.unwrap(), [fake::shard("s0", &[])]);
    source.list().await.unwrap();
    let ShardMessage::Listed(listing) = messages.recv().await.unwrap() else { panic!("a listing expected") };
    assert_eq!(listing, [fake::shard("s1", &["s0"])]);
    assert_eq!(kinesis.times_of(&Call::List), [0, 0, 60_000, 70_000]);
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_listing_notices_that_the_stream_was_created_again() {
    let kinesis = FakeKinesis::new([]);
    let (mut source, mut messages) = connected(&kinesis, &fake::settings()).await;
    source.list().await.unwrap();
    kinesis.script(|script| script.description = Err(ErrorKind::Retry));
    assert!(
        matches!(messages.recv().await, Some(ShardMessage::Listed(_))),
        "what cannot be asked is not held against it"
    );
    let again = crate::source::StreamDescription { created_at: BEGIN, ..fake::description() };
    kinesis.script(|script| script.description = Ok(again));
    assert!(matches!(source.failed().await, SourceError::Recreated { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_shard_never_has_two_consumers() {
    let kinesis = FakeKinesis::new((0..100).map(|number| Read::Answer(fake::records([number]))));
    let (mut source, mut messages) = connected(&kinesis, &fake::settings()).await;
    source.start(request("s0"));
    source.start(request("s0"));
    let ShardMessage::Records { resume, .. } = messages.recv().await.unwrap() else { panic!("records expected") };
    let second = tokio::time::timeout(Duration::from_secs(600), messages.recv()).await;
    assert!(second.is_err(), "the only consumer is frozen: {second:?}");
    drop(resume);
}

#[tokio::test(start_paused = true)]
async fn st_1_a_consumer_that_panics_is_a_failure_of_the_source() {
    let (mut source, _messages) = connected(&FakeKinesis::new([Read::Panics]), &fake::settings()).await;
    source.start(request("s7"));
    let error = source.failed().await;
    assert_eq!(error.to_string(), "a task of the source ended by a panic: the consumer of s7: told to panic");
}

#[tokio::test(start_paused = true)]
async fn a_drained_shard_is_no_failure() {
    let end = fake::last(fake::empty(0), vec![fake::shard("s1", &["s0"])]);
    let (mut source, mut messages) = connected(&FakeKinesis::new([Read::Answer(end)]), &fake::settings()).await;
    source.start(request("s0"));
    let failed = tokio::time::timeout(Duration::from_secs(5), source.failed()).await;
    assert!(failed.is_err(), "{failed:?}");
    assert!(matches!(messages.recv().await, Some(ShardMessage::Drained { .. })));
    source.start(request("s0"));
    source.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn st_1_shutdown_drops_what_is_in_flight_and_joins_every_task() {
    let (mut source, mut messages) = connected(&FakeKinesis::new([Read::Hangs]), &fake::settings()).await;
    source.list().await.unwrap();
    source.start(request("s0"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = tokio::time::Instant::now();
    source.shutdown().await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(messages.recv().await.is_none(), "nobody is left to send");
}

#[tokio::test(start_paused = true)]
async fn start_up_errors_say_what_to_do() {
    let cases = [
        (ErrorKind::NotFound, "there is no stream trail at the default region"),
        (ErrorKind::Refused, "reading the stream trail is refused: allow kinesis:DescribeStreamSummary"),
        (ErrorKind::Fatal, "Kinesis does not understand the stream trail: check source.stream"),
        (ErrorKind::Retry, "cannot reach Kinesis at the default region: check source.endpoint_url"),
    ];
    for (kind, message) in cases {
        let kinesis = FakeKinesis::new([]);
        kinesis.script(|script| script.description = Err(kind));
        let (sender, _messages) = mpsc::channel(1);
        let source = Source::with_api(kinesis, &fake::settings(), 1, sender, fake::metrics()).await;
        let error = source.err().unwrap().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hole_in_the_hash_keys_is_an_alarm_from_the_third_listing_on() {
    let log = crate::telemetry::testing::Log::default();
    let _guard = log.start();
    let kinesis = FakeKinesis::new([]);
    let shard = |to| {
        let range = crate::kpl::HashRange { from: 0, to };
        vec![ListedShard { hash_range: Some(range), ..fake::listed("s0", &[]) }]
    };
    kinesis.script(|script| {
        let torn = || Ok(shard(9));
        script.listings = [torn(), torn(), torn(), torn(), torn(), Ok(shard(u128::MAX))].into();
    });
    let (mut source, mut messages) = connected(&kinesis, &fake::settings()).await;
    source.list().await.unwrap();
    let said = |what| log.take(what).len();
    for listing in 1..=4 {
        messages.recv().await.unwrap();
        assert_eq!(said("no open shard"), usize::from(listing >= 3), "a minute apart: each is a line");
    }
    messages.recv().await.unwrap();
    assert_eq!(said("every hash key again"), 1);
}

mod registration;
