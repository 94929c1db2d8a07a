//! What an operator is told of the circuit.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::*;
use crate::telemetry::testing::Log;

fn once(level: &str) -> Vec<Vec<String>> {
    vec![vec![level.to_owned(), "s".to_owned()]]
}

#[tokio::test(start_paused = true)]
async fn each_change_of_the_circuit_is_told_once_and_the_gauge_says_how_it_is() {
    let log = Log::default();
    let _guard = log.start();
    let down = std::iter::repeat_n(Answer::Fail(FailureKind::Unavailable), 30);
    let script = Script::new(down.chain([Answer::Ok]));
    let mut rig = Rig::start(true, vec![script.clone(); 4]).await;
    let gauge = |rig: &Rig| rig.sink.metrics.circuit_open.get();
    assert_eq!(gauge(&rig), 0);
    for id in 0..8 {
        rig.push(final_of(id));
    }
    wait_until("a few failures", || script.asked() >= 4).await;
    assert_eq!((gauge(&rig), log.said("the circuit is open", &["sink"])), (0, vec![]), "four in a row are not enough");
    while script.asked() < 20 {
        tokio::time::advance(Duration::from_secs(60)).await;
    }
    assert_eq!((gauge(&rig), log.said("the circuit is open", &["sink"])), (1, once("WARN")), "probes change nothing");
    assert!(log.said("the circuit is closed", &["sink"]).is_empty());
    for _ in 0..8 {
        rig.done.next().await.unwrap();
    }
    wait_until("the gauge is back", || gauge(&rig) == 0).await;
    assert_eq!(log.said("the circuit is closed", &["sink"]), once("INFO"));
    assert_eq!(log.said("the circuit is open", &["sink"]), Vec::<Vec<String>>::new(), "it was said once");
}

/// Nobody looks whether a receiver is back for which nothing waits: whatever was said of it would be said for ever.
#[tokio::test(start_paused = true)]
async fn a_best_effort_sink_that_has_given_everything_up_does_not_fail_any_more() {
    let script = Script::new([Answer::Fail(FailureKind::Unavailable)]);
    let rig = Rig::start(false, vec![script.clone(); 2]).await;
    let told = |rig: &Rig| {
        let (blocked, state) = (rig.health.blocked().len(), rig.health.states().remove(0));
        (rig.sink.metrics.circuit_open.get(), blocked, state.circuit_open)
    };
    rig.push(final_of(1));
    tokio::time::sleep(Duration::from_secs(3500)).await;
    assert_eq!(told(&rig), (1, 1, true));
    tokio::time::sleep(Duration::from_secs(200)).await;
    assert_eq!((rig.sink.queue.pending(), told(&rig)), (0, (0, 0, false)));
    let asked = script.asked();
    rig.push(final_of(2));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(told(&rig), (1, 1, true), "it fails as soon as something waits again");
    assert!(script.asked() > asked, "and is asked at once");
}

/// One lane's success and another's failure may be on their way at the same time.
#[tokio::test(start_paused = true)]
async fn the_gauge_says_what_the_circuit_is_whoever_moved_it_last() {
    let rig = Rig::start(true, vec![Script::new([Answer::Wait(Duration::from_secs(60)), Answer::Ok])]).await;
    rig.push(final_of(1));
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(rig.sink.metrics.circuit_open.get(), 1);
    assert!(rig.sink.circuit.succeeded());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!((rig.sink.circuit.failing().is_some(), rig.sink.metrics.circuit_open.get()), (false, 0));
}

/// Refuses what one event holds, as a firewall does, until that is mended.
#[derive(Clone, Default)]
struct Firewall(Arc<AtomicBool>);

impl Transport for Firewall {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        if batch.iter().all(|delivery| delivery.key != KEY) || self.0.load(Ordering::Relaxed) {
            return Outcome::Delivered;
        }
        Outcome::Failed(Failure::new(FailureKind::Misconfigured, "the receiver answers 403"))
    }
}

#[tokio::test(start_paused = true)]
async fn cp_7_what_a_firewall_refuses_of_one_event_is_held_and_keeps_no_other_waiting() {
    for events in [1, 10] {
        let firewall = Firewall::default();
        let batch = BatchLimit { events, ..BatchLimit::default() };
        let mut rig = Rig::start_batching(true, batch, vec![firewall.clone(), firewall.clone()]).await;
        rig.push(KEY);
        // The first ones show that it takes others; behind these nobody waits any more.
        for (ids, patience) in [(2..=20, 180), (21..=200, 1)] {
            let start = Instant::now();
            ids.clone().for_each(|id| rig.push(final_of(id)));
            for _ in ids {
                let taken = tokio::time::timeout(Duration::from_secs(patience), rig.done.next()).await;
                assert_ne!(taken.expect("the others go on"), Some(KEY));
            }
            assert!(start.elapsed() <= Duration::from_secs(patience), "{:?} with batches of {events}", start.elapsed());
            tokio::time::sleep(Duration::from_secs(300)).await;
        }
        assert_eq!(rig.sink.queue.failing().map(|failing| failing.kind), Some(FailureKind::Misconfigured));
        firewall.0.store(true, Ordering::Relaxed);
        assert_eq!(rig.done.next().await, Some(KEY));
        assert!(rig.dead.lines().is_empty());
    }
}

/// Refuses the first two, and counts how often it is asked for one of them.
#[derive(Clone, Default)]
struct RefusesTwo(Arc<AtomicUsize>);

impl Transport for RefusesTwo {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        if batch.iter().all(|delivery| delivery.key != KEY && delivery.key != final_of(2)) {
            return Outcome::Delivered;
        }
        let asked = self.0.fetch_add(1, Ordering::Relaxed);
        assert!(asked < 100, "it asks without a pause");
        Outcome::Failed(Failure::new(FailureKind::Misconfigured, "the receiver answers 403"))
    }
}

/// Each would be one that is left behind the other.
#[tokio::test(start_paused = true)]
async fn cp_7_several_that_are_refused_are_asked_for_once_a_pause() {
    let receiver = RefusesTwo::default();
    let batch = BatchLimit { events: 10, ..BatchLimit::default() };
    let mut rig = Rig::start_batching(true, batch, vec![receiver.clone(), receiver.clone()]).await;
    rig.push(KEY);
    (2..=200).for_each(|id| rig.push(final_of(id)));
    for _ in 3..=200 {
        let taken = tokio::time::timeout(Duration::from_secs(300), rig.done.next()).await;
        assert!(taken.expect("the others go on").is_some());
    }
    let before = receiver.0.load(Ordering::Relaxed);
    tokio::time::sleep(Duration::from_secs(600)).await;
    let asked = receiver.0.load(Ordering::Relaxed) - before;
    assert!((2..=40).contains(&asked), "{asked} times in ten minutes");
}

/// Refuses all of these with a pause that it asks for; notes when it is asked for one of them.
#[derive(Clone, Default)]
struct RefusesFor(Arc<Mutex<Vec<(DeliveryKey, Instant)>>>);

impl Transport for RefusesFor {
    async fn attempt(&mut self, batch: &[Delivery]) -> Outcome {
        let refused = batch.iter().find(|delivery| delivery.key.id.0 <= 2);
        let Some(Delivery { key, .. }) = refused else { return Outcome::Delivered };
        self.0.lock().unwrap().push((*key, Instant::now()));
        let pause = Duration::from_secs(if key.id.0 == 1 { 200 } else { 150 });
        let failure = Failure::new(FailureKind::Misconfigured, "the receiver answers 403");
        Outcome::Failed(Failure { retry_after: Some(pause), ..failure })
    }
}

/// Some receivers answer 403 to who asks too often, and say for how long. It is longer than `retry_max` here, a minute.
#[tokio::test(start_paused = true)]
async fn cp_7_a_pause_that_comes_with_a_refusal_is_kept() {
    for (events, others) in [(1, 0), (10, 198)] {
        let receiver = RefusesFor::default();
        let batch = BatchLimit { events, ..BatchLimit::default() };
        let mut rig = Rig::start_batching(true, batch, vec![receiver.clone(), receiver.clone()]).await;
        (1..=2 + others).for_each(|id| rig.push(final_of(id)));
        for _ in 0..others {
            let taken = tokio::time::timeout(Duration::from_secs(1000), rig.done.next()).await;
            assert!(taken.expect("the others go on").is_some());
        }
        let from = Instant::now();
        tokio::time::sleep(Duration::from_secs(3600)).await;
        let asked = receiver.0.lock().unwrap();
        for (key, least) in [(final_of(1), 200), (final_of(2), 150)] {
            let asked: Vec<Instant> =
                asked.iter().filter(|(of, at)| *of == key && *at > from).map(|(_, at)| *at).collect();
            let pauses: Vec<u64> = asked.windows(2).map(|two| (two[1] - two[0]).as_secs()).collect();
            assert!(pauses.len() >= 7 && pauses.iter().all(|pause| *pause >= least), "{key}: {pauses:?}, {events}");
        }
    }
}

/// An attacker writes what the firewall refuses into as many events as there are lanes, and they are the first.
#[tokio::test(start_paused = true)]
async fn cp_7_as_many_refused_events_as_lanes_keep_no_other_waiting() {
    for (events, lanes) in [(1, 1), (1, 2), (10, 1), (10, 2)] {
        let receiver = RefusesTwo::default();
        let batch = BatchLimit { events, ..BatchLimit::default() };
        let mut rig = Rig::start_batching(true, batch, vec![receiver.clone(); lanes]).await;
        rig.push(KEY);
        rig.push(final_of(2));
        tokio::time::sleep(Duration::from_secs(300)).await;
        (3..=200).for_each(|id| rig.push(final_of(id)));
        for _ in 3..=200 {
            let taken = tokio::time::timeout(Duration::from_secs(180), rig.done.next()).await;
            assert!(taken.expect("the others go on").is_some(), "with batches of {events} on {lanes} lanes");
        }
        assert_eq!((rig.sink.queue.pending(), rig.dead.lines().len()), (2, 0), "they are held");
    }
}
