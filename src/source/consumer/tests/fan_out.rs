//! A shard by enhanced fan-out against scripted subscriptions, on paused time.

use super::*;
use crate::source::ListedShard;
use crate::source::fake::{Push, Subscribe};

pub(super) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn subscribed(after: Position, budget: usize, subscriptions: impl IntoIterator<Item = Subscribe>) -> Bench {
    let kinesis = FakeKinesis::new([]);
    kinesis.script(|script| script.subscriptions = subscriptions.into_iter().collect());
    let shared = Shared::new(kinesis.clone(), fake::settings(), fake::description(), budget, fake::metrics());
    bench(kinesis, shared.reading_as(Some("arn".to_owned())), after, StartPosition::TrimHorizon)
}

pub(super) fn pushes(pushes: impl IntoIterator<Item = (u64, Push)>) -> Subscribe {
    Subscribe::Pushes(pushes.into_iter().map(|(at, push)| (Duration::from_millis(at), push)).collect())
}

pub(super) fn some(numbers: impl IntoIterator<Item = u64>, continuation: u64) -> Push {
    fake::event(fake::records(numbers), Some(continuation))
}

fn idle(continuation: u64) -> Push {
    fake::event(fake::empty(0), Some(continuation))
}

fn end(answer: ReadAnswer, children: Vec<ShardRef>) -> Push {
    fake::event(fake::last(answer, children), None)
}

fn from(number: u64) -> IteratorStart {
    IteratorStart::After(fake::sequence(number))
}

#[tokio::test(start_paused = true)]
async fn an_expired_subscription_is_followed_by_one_behind_its_continuation() {
    let idle = (1..=10).map(|step| (30_000 * step, fake::event(fake::empty(1), Some(90 + step))));
    let first = pushes([(0, some([1, 2], 3))].into_iter().chain(idle));
    let second = pushes([(0, some([101], 101))]);
    let mut bench = subscribed(Position::Start, BUDGET, [first, second]);
    assert_eq!(bench.records().await, [fake::after(1), fake::after(2)]);
    assert_eq!(bench.records().await, [fake::after(101)]);
    assert_eq!(bench.kinesis.subscriptions()[..2], [(0, IteratorStart::TrimHorizon), (300_000, from(100))]);
}

#[tokio::test(start_paused = true)]
async fn a_checkpointed_shard_begins_at_its_record_and_sends_only_what_follows() {
    let mut bench = subscribed(fake::after(41), BUDGET, [pushes([(0, some([41, 42], 42))])]);
    assert_eq!(bench.records().await, [fake::after(42)]);
    assert_eq!(bench.kinesis.subscriptions()[0], (0, IteratorStart::At(fake::sequence(41))));
}

#[tokio::test(start_paused = true)]
async fn subscriptions_that_end_at_once_are_a_second_apart() {
    let ends = || pushes([]);
    let mut bench = subscribed(Position::Start, BUDGET, [ends(), ends(), ends(), pushes([(0, some([1], 1))])]);
    bench.records().await;
    let times: Vec<u128> = bench.kinesis.subscriptions().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times[..4], [0, 1000, 2000, 3000]);
}

/// Within five seconds of a subscription Kinesis refuses another one.
#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_in_use_is_asked_for_again_once_kinesis_lets_go() {
    let broken = pushes([(100, some([1], 1)), (200, Push::Fails(ErrorKind::Retry))]);
    let in_use = Subscribe::Fails(ErrorKind::Throttled);
    let mut bench = subscribed(Position::Start, BUDGET, [broken, in_use, pushes([(0, some([2], 2))])]);
    bench.records().await;
    assert_eq!(bench.records().await, [fake::after(2)]);
    let subscriptions = bench.kinesis.subscriptions();
    assert_eq!(subscriptions[1], (1000, from(1)));
    assert!((5000..5010).contains(&subscriptions[2].0), "{subscriptions:?}");
}

#[tokio::test(start_paused = true)]
async fn errors_inside_a_subscription_are_waited_out_by_what_they_are() {
    for (kind, least, most) in
        [(ErrorKind::Retry, 1000, 1000), (ErrorKind::Throttled, 1000, 1510), (ErrorKind::Refused, 10_000, 11_010)]
    {
        let broken = pushes([(0, some([1], 1)), (1, Push::Fails(kind))]);
        let mut bench = subscribed(Position::Start, BUDGET, [broken, pushes([(0, some([2], 2))])]);
        bench.records().await;
        assert_eq!(bench.records().await, [fake::after(2)], "{kind:?}");
        let (at, start) = bench.kinesis.subscriptions()[1].clone();
        assert!(start == from(1) && (least..=most).contains(&at), "{kind:?}: {at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_connection_is_given_up_after_35_seconds() {
    let silent = pushes([(5000, idle(7)), (5001, Push::Nothing)]);
    let mut bench = subscribed(Position::Start, BUDGET, [silent, pushes([(0, some([8], 8))])]);
    assert_eq!(bench.records().await, [fake::after(8)]);
    let (at, start) = bench.kinesis.subscriptions()[1].clone();
    assert!(start == from(7) && (40_000..=40_250).contains(&at), "{at}");
}

#[tokio::test(start_paused = true)]
async fn rd_3_back_pressure_is_no_silence_and_no_stall() {
    let pushed = pushes([(0, some([1], 1)), (1000, some([2], 2)), (2000, Push::Nothing)]);
    let mut bench = subscribed(Position::Start, BUDGET, [pushed]);
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    let silence = tokio::time::timeout(secs(3600), bench.next()).await;
    assert!(silence.is_err(), "frozen, neither idle nor stalled: {silence:?}");
    resume.send(()).unwrap();
    assert_eq!(bench.records().await, [fake::after(2)], "it was kept");
    assert_eq!(bench.kinesis.subscriptions().len(), 1, "of the same subscription");
    tokio::time::sleep(secs(34)).await;
    assert_eq!(bench.kinesis.subscriptions().len(), 1);
    tokio::time::sleep(secs(3)).await;
    assert_eq!(bench.kinesis.subscriptions().len(), 2, "35 s of Kinesis's own silence");
}

#[tokio::test(start_paused = true)]
async fn rd_3_a_subscription_that_is_never_answered_makes_the_shard_stalled() {
    let mut bench = subscribed(Position::Start, BUDGET, [Subscribe::Hangs]);
    assert!(bench.stalled().await);
    assert_eq!(bench.shared.api.server_time(), Some(Arrival(BEGIN + 60_000)));
}

/// Accepted and mute: each connection is given up before the shard is stalled, but none is progress.
#[tokio::test(start_paused = true)]
async fn rd_3_an_accepted_subscription_is_no_progress_before_its_first_event() {
    let mute = || pushes([(0, Push::Nothing)]);
    let mut bench = subscribed(Position::Start, BUDGET, [mute(), mute(), pushes([(0, idle(1)), (9, Push::Nothing)])]);
    assert!(bench.stalled().await);
    assert!(!bench.stalled().await, "by the event of the third");
}

#[tokio::test(start_paused = true)]
async fn rd_1_the_end_names_the_children_behind_the_last_records() {
    let children = vec![fake::shard("s1", &["s0"]), fake::shard("s2", &["s0"])];
    for continuation in [None, Some(9)] {
        let last = fake::last(fake::records([3]), children.clone());
        let pushed = pushes([(0, some([1], 1)), (1, fake::event(last, continuation))]);
        let mut bench = subscribed(Position::Start, BUDGET, [pushed]);
        bench.records().await;
        assert_eq!(bench.records().await, [fake::after(3)]);
        assert_eq!(bench.drained().await, children);
        assert!(bench.consumer.await.unwrap().is_ok());
    }
}

/// An empty continuation is never a position.
#[tokio::test(start_paused = true)]
async fn rd_1_an_end_without_children_is_believed_of_a_closed_shard_alone() {
    let mut bench = subscribed(
        Position::Start,
        BUDGET,
        [
            pushes([(0, some([1], 5)), (1, end(fake::empty(0), Vec::new()))]),
            pushes([(0, end(fake::records([6]), Vec::new()))]),
        ],
    );
    let open = || vec![fake::listed("s0", &[])];
    let closed = || {
        let s0 = ListedShard { open: false, ..fake::listed("s0", &[]) };
        vec![s0, fake::listed("s1", &["s0"])]
    };
    bench.kinesis.script(|script| script.listings = [Ok(open()), Ok(closed()), Ok(closed())].into());
    bench.records().await;
    assert_eq!(bench.records().await, [fake::after(6)], "the shard was open: it is read on");
    assert_eq!(bench.kinesis.subscriptions()[1].1, from(5));
    assert_eq!(bench.drained().await, [fake::shard("s1", &["s0"])]);
}

#[tokio::test(start_paused = true)]
async fn cp_8_a_shard_that_the_stream_no_longer_holds_is_a_possible_loss() {
    let mut bench = subscribed(fake::after(5), BUDGET, [Subscribe::Fails(ErrorKind::NotFound)]);
    assert!(matches!(bench.next().await, ShardMessage::PossibleLoss { .. }));
    assert_eq!(bench.drained().await, []);
}

/// The consumer was deregistered; its stream and shard are there.
#[tokio::test(start_paused = true)]
async fn a_consumer_that_is_gone_holds_the_shard_and_is_said() {
    let gone = (0..20).map(|_| Subscribe::Fails(ErrorKind::NotFound));
    let bench = subscribed(fake::after(5), BUDGET, gone.chain([pushes([(0, some([6], 6))])]));
    let there: Vec<_> = (0..20).map(|_| Ok(vec![fake::listed("s0", &[])])).collect();
    bench.kinesis.script(|script| script.listings = there.into());
    let mut bench = bench;
    assert!(bench.stalled().await);
    let shown = bench.shared.readings().remove(&ShardId::new("s0")).unwrap();
    assert!(shown.failure.is_some_and(|failure| failure.starts_with("SubscribeToShard: ")));
    assert!(!bench.stalled().await);
    assert_eq!(bench.records().await, [fake::after(6)]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_continuation_is_replaced_by_the_last_record() {
    let broken = pushes([(0, some([1], 77))]);
    let refused = Subscribe::Fails(ErrorKind::Fatal);
    let mut bench = subscribed(Position::Start, BUDGET, [broken, refused, pushes([(0, some([2], 2))])]);
    bench.records().await;
    assert_eq!(bench.records().await, [fake::after(2)]);
    let starts: Vec<_> = bench.kinesis.subscriptions().into_iter().map(|(_, start)| start).collect();
    assert_eq!(starts[1..3], [from(77), from(1)]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_position_ends_the_source() {
    let bench = subscribed(fake::after(5), BUDGET, [Subscribe::Fails(ErrorKind::Fatal)]);
    let ended = bench.consumer.await.unwrap();
    assert!(matches!(ended, Err(SourceError::Shard { .. })), "{ended:?}");
}

#[tokio::test(start_paused = true)]
async fn rd_3_evidence_is_when_the_wait_for_the_event_began_less_the_slack() {
    let pushed =
        pushes([(0, some([1], 1)), (5000, idle(2)), (10_000, idle(3)), (15_000, idle(4)), (16_000, Push::Nothing)]);
    let mut bench = subscribed(Position::Start, BUDGET, [pushed]);
    bench.records().await;
    assert_eq!(
        bench.at_tip().await,
        BEGIN + 5000 - 5000,
        "of the second in a row: nothing was pending since the first"
    );
    assert_eq!(bench.at_tip().await, BEGIN + 10_000 - 5000);
}

/// The events were made while we were busy: what arrived since then may be behind them.
#[tokio::test(start_paused = true)]
async fn rd_3_events_that_are_read_late_from_a_buffer_do_not_over_claim() {
    let waiting = (1..=20).map(|step| (step * 5000, idle(step)));
    let pushed = pushes([(0, some([1], 1))].into_iter().chain(waiting).chain([(100_001, some([2], 50))]));
    let mut bench = subscribed(Position::Start, BUDGET, [pushed]);
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    tokio::time::sleep(secs(100)).await;
    resume.send(()).unwrap();
    loop {
        match bench.next().await {
            ShardMessage::AtTip { read_through, .. } => {
                assert!(
                    read_through.0 <= BEGIN,
                    "nothing was seen pending to be nothing since the subscription: {read_through:?}"
                );
            }
            ShardMessage::Records { records, .. } => break assert_eq!(records[0].position, fake::after(2)),
            other => panic!("tip evidence or records expected: {other:?}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn rd_3_events_behind_the_tip_prove_nothing() {
    let behind = |number| fake::event(fake::empty(1), Some(number));
    let pushed = pushes([(0, behind(1)), (5000, behind(2)), (10_000, behind(3)), (15_000, some([1], 4))]);
    let mut bench = subscribed(Position::Start, BUDGET, [pushed]);
    assert_eq!(bench.records().await, [fake::after(1)]);
}

#[tokio::test(start_paused = true)]
async fn bd_1_a_subscription_is_looked_into_only_with_a_permit() {
    let pushed = pushes([(0, some([1, 2], 2)), (1, some([3], 3)), (2, Push::Nothing)]);
    let mut bench = subscribed(Position::Start, 1000, [pushed]);
    let ShardMessage::Records { permit, resume, .. } = bench.next().await else { panic!("records expected") };
    assert_eq!(permit.num_permits(), 400, "trimmed to what the records cost");
    resume.send(()).unwrap();
    let blocked = tokio::time::timeout(secs(600), bench.next()).await;
    assert!(blocked.is_err(), "the whole budget is asked for, and not there: {blocked:?}");
    drop(permit);
    assert_eq!(bench.records().await, [fake::after(3)]);
    tokio::time::sleep(secs(1)).await;
    assert_eq!(bench.shared.budget.available_permits(), 1000, "an idle subscription holds none");
}
