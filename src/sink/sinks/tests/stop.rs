//! What becomes of what is queued.

use super::*;
use crate::telemetry::testing::Log;

#[tokio::test]
async fn st_1_a_close_delivers_what_is_queued_then_ends() {
    let receiver = Receiver::start_shut([]).await;
    let mut rig = Rig::start(&[receiver.sink(|_| {})]).await;
    let health = rig.sinks.health();
    let key = rig.push(1, Stage::Final);
    rig.sinks.close();
    assert!(is_pending(rig.done.next()).await);
    receiver.open();
    assert_eq!(rig.done.next().await, Some(key));
    assert_eq!(rig.done.next().await, None);
    assert_eq!(health.blocked(), [], "a health handle keeps no worker");
}

#[tokio::test]
async fn st_1_a_close_waits_for_best_effort_sinks_too() {
    let receiver = Receiver::start_shut([]).await;
    let mut rig = Rig::start(&[best_effort(receiver.sink(|_| {}))]).await;
    let key = rig.push(1, Stage::Final);
    assert_eq!(rig.done.next().await, Some(key));
    rig.sinks.close();
    assert!(is_pending(rig.done.next()).await);
    receiver.open();
    assert_eq!(rig.done.next().await, None);
    assert_eq!(receiver.requests().len(), 1);
}

#[tokio::test]
async fn st_1_at_the_deadline_what_is_not_acknowledged_stays_so() {
    let receiver = Receiver::start([Answer::Hang]).await;
    let mut rig = Rig::start(&[receiver.sink(|_| {})]).await;
    rig.push(1, Stage::Final);
    wait_until("the webhook is asked", || receiver.requests().len() == 1).await;
    rig.sinks.close();
    rig.stop.cancel();
    assert_eq!(rig.done.next().await, None);
    assert!(rig.dead.lines().is_empty());
}

#[tokio::test]
async fn st_1_what_a_best_effort_sink_still_holds_at_the_deadline_is_counted_and_told_once() {
    let log = Log::default();
    let _guard = log.start();
    let receiver = Receiver::start_shut([]).await;
    let chat = SinkConfig { name: "chat".to_owned(), ..one_lane(best_effort(receiver.sink(|_| {}))) };
    let mut rig = Rig::start(&[chat, one_lane(receiver.sink(|_| {}))]).await;
    for id in 0..3 {
        rig.push(id, Stage::Final);
    }
    wait_until("the first is on its way", || receiver.requests().len() == 2).await;
    rig.sinks.close();
    rig.stop.cancel();
    assert_eq!(rig.done.next().await, None);
    let dropped = ["chat", "hook"]
        .map(|sink| rig.metrics.process.sink_deliveries_total.with_label_values(&[sink, "dropped"]).get());
    assert_eq!(dropped, [3, 0]);
    assert_eq!(log.said("are dropped", &["sink", "dropped"]), [["WARN", "chat", "3"]]);
}
