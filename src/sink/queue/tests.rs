use super::*;
use crate::risk_event::Stage;
use crate::sink::testing::{self, batches_of};

fn delivery(id: u128, stage: Stage) -> Delivery {
    testing::delivery(DeliveryKey { id: RiskEventId(id), stage }, "0123456789")
}

const ONE: BatchLimit = BatchLimit { events: 1, bytes: 1000 };

/// The ids that can be taken at this moment.
fn takes(queue: &Queue) -> Vec<(u128, Stage)> {
    let free = queue.lock().take_free(batches_of(usize::MAX));
    free.into_iter().map(|delivery| (delivery.key.id.0, delivery.key.stage)).collect()
}

#[tokio::test]
async fn deliveries_of_one_id_are_never_on_their_way_together_and_others_pass() {
    let queue = Queue::new(1000);
    for (id, stage) in [(1, Stage::Early), (1, Stage::Final), (2, Stage::Early), (2, Stage::Final), (3, Stage::Final)] {
        queue.push(delivery(id, stage));
    }
    assert_eq!(takes(&queue), [(1, Stage::Early), (2, Stage::Early), (3, Stage::Final)]);
    queue.finish(&delivery(2, Stage::Early));
    assert_eq!(takes(&queue), [(2, Stage::Final)]);
    queue.finish(&delivery(1, Stage::Early));
    assert_eq!(takes(&queue), [(1, Stage::Final)]);
}

#[tokio::test]
async fn bd_1_bytes_are_held_until_the_delivery_is_settled() {
    let queue = Queue::new(20);
    queue.push(delivery(1, Stage::Early));
    queue.push(delivery(2, Stage::Early));
    assert!(!queue.budget().has_room());
    queue.take(ONE).await.unwrap();
    assert!(!queue.budget().has_room(), "in flight is held");
    queue.finish(&delivery(1, Stage::Early));
    assert!(queue.budget().has_room());
    assert_eq!(queue.pending(), 1);
}

#[tokio::test]
async fn a_taker_waits_for_a_push_and_for_the_id_to_be_free() {
    let queue = std::sync::Arc::new(Queue::new(1000));
    let taken = tokio::spawn({
        let queue = std::sync::Arc::clone(&queue);
        async move {
            let mut stages = Vec::new();
            for _ in 0..2 {
                stages.extend(queue.take(ONE).await.unwrap().iter().map(|delivery| delivery.key.stage));
            }
            stages
        }
    });
    tokio::task::yield_now().await;
    queue.push(delivery(1, Stage::Early));
    queue.push(delivery(1, Stage::Final));
    tokio::task::yield_now().await;
    assert!(!taken.is_finished());
    queue.finish(&delivery(1, Stage::Early));
    assert_eq!(taken.await.unwrap(), [Stage::Early, Stage::Final]);
}

#[tokio::test]
async fn a_closed_queue_is_emptied_first() {
    let queue = Queue::new(1000);
    queue.push(delivery(1, Stage::Early));
    queue.close();
    queue.push(delivery(2, Stage::Early));
    assert_eq!(queue.take(ONE).await.unwrap()[0].key.id, RiskEventId(1));
    assert!(queue.take(ONE).await.is_none());
}

#[tokio::test]
async fn an_abandoned_queue_forgets_what_waits() {
    let queue = Queue::new(1000);
    queue.push(delivery(1, Stage::Early));
    queue.abandon();
    assert!(queue.take(ONE).await.is_none());
    assert_eq!(queue.budget().used(), 0);
}

#[tokio::test(start_paused = true)]
async fn ages_count_from_the_queue_and_from_the_first_failure() {
    let queue = Queue::new(1000);
    assert_eq!(queue.oldest(), Duration::ZERO);
    queue.push(delivery(1, Stage::Early));
    tokio::time::advance(Duration::from_secs(5)).await;
    queue.push(delivery(2, Stage::Early));
    queue.take(ONE).await.unwrap();
    assert_eq!(queue.oldest(), Duration::from_secs(5));
    assert!(queue.failing().is_none());
    let first = Instant::now();
    queue.failed(RiskEventId(1), &Failure::new(FailureKind::Unavailable, "500"));
    tokio::time::advance(Duration::from_secs(5)).await;
    queue.failed(RiskEventId(1), &Failure::new(FailureKind::Misconfigured, "401"));
    let failing = queue.failing().unwrap();
    assert_eq!((failing.since, failing.kind, failing.detail.as_str()), (first, FailureKind::Misconfigured, "401"));
    queue.finish(&delivery(1, Stage::Early));
    assert!(queue.failing().is_none());
}
