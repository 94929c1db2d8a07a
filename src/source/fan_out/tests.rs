//! The consumer at the start, on paused time, and what events prove.

use super::*;
use crate::source::fake::{self, BEGIN, Call, FakeKinesis};

const IN_USE: (ErrorKind, &str) = (ErrorKind::Retry, "ResourceInUseException");

fn named(register: bool) -> ReaderConfig {
    ReaderConfig::FanOut { consumer: ConsumerRef::Name("risk".to_owned()), register }
}

fn kinesis(consumers: impl IntoIterator<Item = Result<&'static str, ErrorKind>>) -> FakeKinesis {
    let kinesis = FakeKinesis::new([]);
    kinesis.script(|script| script.consumers = consumers.into_iter().collect());
    kinesis
}

async fn found(kinesis: &FakeKinesis, reader: &ReaderConfig) -> Result<Option<String>, SourceError> {
    consumer_arn(kinesis, reader, &fake::description()).await
}

fn registered(kinesis: &FakeKinesis) -> usize {
    kinesis.times_of(&Call::Register("risk".to_owned())).len()
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_polled_has_no_consumer_and_none_is_asked_for() {
    let kinesis = kinesis([Err(ErrorKind::Refused)]);
    assert_eq!(found(&kinesis, &ReaderConfig::Polling).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_being_made_is_waited_for() {
    let kinesis = kinesis([Ok("CREATING"), Ok("CREATING"), Ok("ACTIVE")]);
    let arn = found(&kinesis, &named(false)).await.unwrap();
    assert_eq!(arn.as_deref(), Some("arn:aws:kinesis:us-east-1:123456789012:stream/trail/consumer/risk:1"));
    assert_eq!(kinesis.server_time().unwrap().0, BEGIN + 2000);
}

#[tokio::test(start_paused = true)]
async fn a_missing_consumer_is_registered_only_if_asked() {
    let quiet = kinesis([Err(ErrorKind::NotFound)]);
    assert!(matches!(found(&quiet, &named(false)).await, Err(SourceError::NoSuchConsumer { .. })));
    assert_eq!(registered(&quiet), 0);
    let asked = kinesis([Err(ErrorKind::NotFound), Ok("CREATING"), Ok("ACTIVE")]);
    assert!(found(&asked, &named(true)).await.unwrap().is_some());
    assert_eq!(registered(&asked), 1);
    let there = kinesis([Ok("ACTIVE")]);
    assert!(found(&there, &named(true)).await.unwrap().is_some());
    assert_eq!(registered(&there), 0, "idempotent");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_somebody_else_has_just_registered_is_taken() {
    let kinesis = kinesis([Err(ErrorKind::NotFound), Ok("ACTIVE")]);
    kinesis.script(|script| script.registers = Err(IN_USE));
    assert!(found(&kinesis, &named(true)).await.unwrap().is_some());
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_consumer_from_being_read_with_is_said() {
    let deleting = kinesis([Ok("DELETING")]);
    assert!(matches!(found(&deleting, &named(true)).await, Err(SourceError::ConsumerNotReady { .. })));
    let for_ever = kinesis([Ok("CREATING")]);
    assert!(matches!(found(&for_ever, &named(true)).await, Err(SourceError::ConsumerNotReady { .. })));
    let refused = kinesis([Err(ErrorKind::Refused)]);
    assert!(matches!(found(&refused, &named(true)).await, Err(SourceError::ConsumerRefused { .. })));
    let down = kinesis([Err(ErrorKind::Retry)]);
    assert!(matches!(found(&down, &named(true)).await, Err(SourceError::NoConsumer { .. })));
    let full = kinesis([Err(ErrorKind::NotFound)]);
    full.script(|script| script.registers = Err((ErrorKind::Throttled, "LimitExceededException")));
    assert!(matches!(found(&full, &named(true)).await, Err(SourceError::TooManyConsumers { .. })));
    let stream =
        StreamDescription { arn: "arn:aws:kinesis:us-east-1:1:stream/other".to_owned(), ..fake::description() };
    let foreign = consumer_arn(&kinesis([Ok("ACTIVE")]), &named(false), &stream).await;
    assert!(matches!(foreign, Err(SourceError::ForeignConsumer { .. })));
}

fn ms(millis: u64) -> Moment {
    Duration::from_millis(millis)
}

#[test]
fn rd_3_an_event_speaks_up_to_the_last_instant_a_second_before_it_at_which_nothing_was_pending() {
    let mut clearing = Clearing::asked(Some(Arrival(100)));
    assert_eq!(clearing.on_event(ms(10)), Some(Arrival(100)), "nothing of it is older than the request");
    clearing.clear(ms(20), Some(Arrival(120)));
    clearing.clear(ms(3000), Some(Arrival(3100)));
    assert_eq!(clearing.on_event(ms(5020)), Some(Arrival(120)), "the first instant of the wait");
}

/// A connection that stood still brings what was made in the meantime in a burst.
#[test]
fn rd_3_an_event_that_was_on_its_way_when_nothing_was_pending_proves_nothing_new() {
    let mut clearing = Clearing::asked(Some(Arrival(0)));
    clearing.clear(ms(0), Some(Arrival(0)));
    for burst in [25_000, 25_010, 25_400] {
        assert_eq!(clearing.on_event(ms(burst)), Some(Arrival(0)));
        clearing.clear(ms(burst), Some(Arrival(25_000)));
    }
    assert_eq!(clearing.on_event(ms(30_000)), Some(Arrival(25_000)), "the next one after the burst");
}

#[test]
fn rd_3_events_less_than_a_second_apart_prove_too() {
    let mut clearing = Clearing::asked(Some(Arrival(0)));
    let mut through = Vec::new();
    for at in (0..=20).map(|step| step * 200) {
        through.push(clearing.on_event(ms(at)).unwrap().0);
        clearing.clear(ms(at), Some(Arrival(i64::try_from(at).unwrap())));
    }
    assert_eq!(through.last(), Some(&3000));
    assert!((0..).step_by(200).zip(&through).all(|(at, through)| *through == 0 || at - through >= 1000), "{through:?}");
}

#[test]
fn rd_3_without_the_servers_clock_nothing_is_proved() {
    let mut clearing = Clearing::asked(None);
    clearing.clear(ms(0), None);
    assert_eq!(clearing.on_event(ms(5000)), None);
}
