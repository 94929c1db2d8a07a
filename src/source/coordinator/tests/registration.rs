//! A registered consumer that is deregistered while shards are read as it.

use super::*;
use crate::config::{ConsumerRef, ReaderConfig};
use crate::source::fake::{Push, Subscribe};

const NAME: &str = "risk";

fn reading_as(consumer: ConsumerRef, register: bool) -> SourceConfig {
    SourceConfig { reader: ReaderConfig::FanOut { consumer, register }, ..fake::settings() }
}

fn by_name(register: bool) -> SourceConfig {
    reading_as(ConsumerRef::Name(NAME.to_owned()), register)
}

/// Shards that each bring one record, lose the subscription, and then bring another one, once there is one again.
fn kinesis(shards: u64) -> FakeKinesis {
    let kinesis = FakeKinesis::new([]);
    let push = |at, push| (Duration::from_secs(at), push);
    let some = |number| fake::event(fake::records([number]), Some(number));
    let lost = |_| Subscribe::Pushes(vec![push(0, some(1)), push(5, Push::Fails(ErrorKind::NotFound))]);
    let again = |_| Subscribe::Pushes(vec![push(0, some(2)), push(1, Push::Nothing)]);
    let listing = move || (0..shards).map(|number| fake::listed(&format!("s{number}"), &[])).collect::<Vec<_>>();
    kinesis.script(|script| {
        script.subscriptions = (0..shards).map(lost).chain((0..shards).map(again)).collect();
        script.listings = (0..1000).map(|_| Ok(listing())).collect();
    });
    kinesis
}

/// Every shard has brought its first record; from now on the consumer has this number, and is described like this.
async fn deregistered(
    kinesis: &FakeKinesis,
    config: &SourceConfig,
    shards: u64,
    registration: u32,
    described: impl IntoIterator<Item = Result<&'static str, ErrorKind>>,
) -> (Source<FakeKinesis>, mpsc::Receiver<ShardMessage>) {
    let (mut source, mut messages) = connected(kinesis, config).await;
    source.list().await.unwrap();
    (0..shards).for_each(|number| source.start(request(&format!("s{number}"))));
    for _ in 0..shards {
        assert_eq!(next_record(&mut messages).await, fake::after(1));
    }
    kinesis.script(|script| {
        script.registration = registration;
        script.consumers = described.into_iter().collect();
        script.calls.clear();
    });
    (source, messages)
}

async fn next_record(messages: &mut mpsc::Receiver<ShardMessage>) -> Position {
    loop {
        if let ShardMessage::Records { records, resume, .. } = messages.recv().await.expect("the source goes on") {
            resume.send(()).unwrap();
            return records[0].position.clone();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_was_registered_anew_is_found_by_its_name() {
    let kinesis = kinesis(1);
    let described = [Err(ErrorKind::NotFound), Ok("CREATING"), Ok("ACTIVE")];
    let (_source, mut messages) = deregistered(&kinesis, &by_name(false), 1, 2, described).await;
    assert_eq!(next_record(&mut messages).await, fake::after(2));
    assert!(kinesis.server_time().unwrap() < Arrival(BEGIN + 60_000), "as soon as it can be found");
    assert_eq!(kinesis.times_of(&Call::Register(NAME.to_owned())), [0; 0], "by whoever took it away");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_missed_by_many_shards_is_looked_for_and_registered_once() {
    let kinesis = kinesis(50);
    let described = [Err(ErrorKind::NotFound), Ok("ACTIVE")];
    let (_source, mut messages) = deregistered(&kinesis, &by_name(true), 50, 2, described).await;
    for _ in 0..50 {
        assert_eq!(next_record(&mut messages).await, fake::after(2));
    }
    assert_eq!(kinesis.times_of(&Call::Register(NAME.to_owned())).len(), 1);
    assert!(kinesis.times_of(&Call::DescribeConsumer).len() <= 4, "{:?}", kinesis.times_of(&Call::DescribeConsumer));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_known_by_its_arn_alone_never_comes_back_and_ends_the_source() {
    let arn = format!("{}/consumer/{NAME}:1", fake::description().arn);
    let (kinesis, config) = (kinesis(1), reading_as(ConsumerRef::Arn(arn), false));
    let (mut source, _messages) = deregistered(&kinesis, &config, 1, 2, [Err(ErrorKind::NotFound)]).await;
    let error = source.failed().await.to_string();
    assert!(error.contains("the stream trail has no consumer arn:"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_missing_stream_says_nothing_of_its_consumer_and_is_held() {
    let arn = format!("{}/consumer/{NAME}:1", fake::description().arn);
    let (kinesis, config) = (kinesis(1), reading_as(ConsumerRef::Arn(arn), false));
    let (mut source, mut messages) = deregistered(&kinesis, &config, 1, 2, [Err(ErrorKind::NotFound)]).await;
    kinesis.script(|script| script.description = Err(ErrorKind::NotFound));
    let failed = tokio::time::timeout(Duration::from_secs(600), async {
        tokio::select! {
            error = source.failed() => Some(error),
            _ = async { while messages.recv().await.is_some() {} } => None,
        }
    });
    assert!(failed.await.is_err(), "neither the source ends nor does anybody hang up");
    kinesis.script(|script| (script.description, script.registration) = (Ok(fake::description()), 1));
    assert_eq!(next_record(&mut messages).await, fake::after(2));
}
