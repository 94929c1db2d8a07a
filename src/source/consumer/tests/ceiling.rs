//! A shard that was read far enough while state is short.

use super::fan_out::{pushes, secs, some, subscribed};
use super::*;
use crate::source::fake::Push;

#[tokio::test(start_paused = true)]
async fn bd_2_a_shard_above_the_ceiling_is_frozen_neither_read_nor_idle_nor_stalled() {
    let mut bench = read(answers([fake::records([1])]));
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    bench.shared.ceiling.set(Some(Arrival(BEGIN - 1)));
    resume.send(()).unwrap();
    let silence = tokio::time::timeout(secs(3600), bench.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!(bench.reads().len(), 1);
    assert_eq!(bench.shared.budget.available_permits(), BUDGET, "others need it");
    bench.shared.ceiling.set(Some(Arrival(BEGIN + 3_600_000)));
    assert_eq!(bench.at_tip().await, BEGIN + 3_601_000 - 5000);
}

#[tokio::test(start_paused = true)]
async fn bd_2_below_the_ceiling_and_where_nothing_was_read_yet_reading_goes_on() {
    for ceiling in [Arrival::MIN, Arrival(BEGIN)] {
        let mut bench = read(answers([fake::records([1]), fake::records([2])]));
        bench.shared.ceiling.set(Some(ceiling));
        assert_eq!(bench.records().await, [fake::after(1)], "what holds all is read");
        let next = tokio::time::timeout(secs(60), bench.records()).await;
        assert_eq!(next.is_ok(), ceiling == Arrival(BEGIN));
    }
}

#[tokio::test(start_paused = true)]
async fn bd_2_what_the_tip_proved_counts_as_read() {
    let mut bench = read(answers([]));
    let proved = Arrival(bench.at_tip().await);
    bench.shared.ceiling.set(Some(Arrival(proved.0 - 1)));
    let silence = tokio::time::timeout(secs(3600), bench.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    bench.shared.ceiling.set(Some(proved.plus(10_000)));
    bench.at_tip().await;
}

#[tokio::test(start_paused = true)]
async fn bd_2_a_ceiling_that_falls_while_a_shard_waits_for_bytes_holds_it_and_frees_them() {
    let mut bench = read_from(Position::Start, StartPosition::TrimHorizon, answers([fake::records([1])]), 1000);
    let ShardMessage::Records { permit, resume, .. } = bench.next().await else { panic!("records expected") };
    resume.send(()).unwrap();
    tokio::time::sleep(secs(10)).await;
    bench.shared.ceiling.set(Some(Arrival(BEGIN - 1)));
    drop(permit);
    tokio::time::sleep(secs(10)).await;
    assert_eq!((bench.reads().len(), bench.shared.budget.available_permits()), (1, 1000));
}

#[tokio::test(start_paused = true)]
async fn bd_2_a_subscription_above_the_ceiling_is_not_looked_into_and_not_given_up() {
    let pushed = pushes([(0, some([1], 1)), (1000, some([2], 2)), (2000, Push::Nothing)]);
    let mut bench = subscribed(Position::Start, BUDGET, [pushed]);
    let ShardMessage::Records { resume, .. } = bench.next().await else { panic!("records expected") };
    bench.shared.ceiling.set(Some(Arrival(BEGIN - 1)));
    resume.send(()).unwrap();
    let silence = tokio::time::timeout(secs(3600), bench.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    bench.shared.ceiling.set(None);
    assert_eq!(bench.records().await, [fake::after(2)]);
    assert_eq!(bench.kinesis.subscriptions().len(), 1);
}
