//! Two daemons on one table: one works, the other waits, says so, and takes over within the time that is stated.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

/// The lease, a look at it in ten, and what a busy machine needs for a request and a line of the log.
const TAKEN_OVER_WITHIN: Duration = Duration::from_millis(LEASE_SECONDS * 1000 + LEASE_SECONDS * 100 + 15_000);

async fn until_taken_over(daemon: &Daemon, how: &str) {
    let held =
        || async { daemon.log().iter().any(|line| line.contains("lease held") && line.contains(how)).then_some(()) };
    daemon.until(super::super::PATIENCE, "it has the lease", held).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_daemons_on_one_table_one_works_and_the_other_takes_over_when_it_is_killed() {
    let (_dynamo, mut scene) = scene(2).await;
    let first = scene.home.start();
    first.ready().await;
    let second = scene.home.start();
    until_waiting(&scene, &second).await;
    scene.put(10).await;
    scene.until_lines(&first, 10).await;
    assert_eq!(first.metric("trailrisk_leases_held").await, 1.0);
    assert_eq!(second.metric("trailrisk_leases_held").await, 0.0);
    assert!(second.lines().is_empty(), "it tells nothing while it waits");
    scene.kill(first).await;
    let killed = Instant::now();
    until_taken_over(&second, "taken_over").await;
    let took = killed.elapsed();
    println!("taken over {took:?} after the kill, with a lease of {LEASE_SECONDS} s");
    assert!(took < TAKEN_OVER_WITHIN, "{took:?}");
    scene.put(10).await;
    scene.until_final(&second).await;
    second.ready().await;
    assert_eq!(second.metric(r#"trailrisk_lease_events_total{event="taken_over"}"#).await, 1.0);
    scene.stop(second).await;
    scene.assert_exact().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_6_a_daemon_that_waits_goes_on_at_once_after_the_other_has_stopped() {
    let (_dynamo, mut scene) = scene(2).await;
    let first = scene.home.start();
    first.ready().await;
    let second = scene.home.start();
    until_waiting(&scene, &second).await;
    scene.put(10).await;
    scene.until_lines(&first, 10).await;
    let stopping = Instant::now();
    scene.stop(first).await;
    let stopped = Instant::now();
    // A lease that had to end would be taken over.
    until_taken_over(&second, "acquired").await;
    println!("stopped in {:?}, taken {:?} later", stopped - stopping, stopped.elapsed());
    scene.until_final(&second).await;
    scene.stop(second).await;
    scene.assert_exact().await;
    scene.assert_once();
}

/// A process that was suspended for longer than its lease: it must not tell or store anything any more.
#[tokio::test(flavor = "multi_thread")]
async fn cp_3_a_daemon_that_was_replaced_tells_and_stores_nothing_more_and_ends_with_70() {
    let (_dynamo, mut scene) = scene(2).await;
    let zombie = scene.home.start();
    zombie.ready().await;
    scene.put(5).await;
    scene.until_lines(&zombie, 5).await;
    let second = scene.home.start();
    until_waiting(&scene, &second).await;
    zombie.signal("STOP").await;
    until_taken_over(&second, "taken_over").await;
    // On a busy machine it may have told finals by then, which the other does not repeat.
    let told = zombie.lines();
    scene.said.extend(told.iter().cloned());
    scene.put(10).await;
    scene.until_final(&second).await;
    zombie.signal("CONT").await;
    let ended = zombie.ended().await;
    assert_eq!(ended.code, Some(70), "{}", ended.log);
    assert!(ended.log.contains("the lease is lost: nothing more is stored or told"), "{}", ended.log);
    assert!(ended.log.contains("another process has taken over"), "{}", ended.log);
    assert_eq!(ended.lines, told, "it tells nothing more");
    scene.put(5).await;
    scene.until_final(&second).await;
    second.ready().await;
    scene.stop(second).await;
    scene.assert_exact().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn st_1_a_daemon_that_waits_for_the_lease_stops_at_once() {
    let (_dynamo, mut scene) = scene(1).await;
    let first = scene.home.start();
    first.ready().await;
    let second = scene.home.start();
    until_waiting(&scene, &second).await;
    let ended = second.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("stopped before anything was read"), "{}", ended.log);
    assert!(ended.log.contains("waiting for the lease of the checkpoint; nothing is read"), "{}", ended.log);
    scene.stop(first).await;
}
