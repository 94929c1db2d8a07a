//! A Kinesis that fails in every way it can, while the daemon is killed again and again.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use serde_json::json;
use tokio::task::JoinHandle;

use super::Scene;
use crate::daemon::STREAM;
use crate::daemon::chaos::{Setting, Stop, assert_what_the_stream_holds, run};
use crate::support::kinesis::{Fault, LocalKinesis};

/// What any request may meet: refusals for now, cut, half-open and slow connections, and what is no answer of Kinesis.
const PASSING: [Fault; 8] = [
    Fault::THROTTLE,
    Fault::INTERNAL,
    Fault::Error(503, "ServiceUnavailable"),
    Fault::Reset,
    Fault::Hang,
    Fault::Torn,
    Fault::Latency(Duration::from_millis(300)),
    Fault::Body("<html>busy</html>"),
];
/// What a read may meet besides.
const READING: [Fault; 3] = [Fault::EXPIRED_ITERATOR, Fault::Body(""), Fault::Body("{}")];

/// One fault after the other; at most one is left for a daemon that starts. No listing fails right behind another: a start
/// gives up after three.
fn trouble(kinesis: Arc<LocalKinesis>, seed: u64) -> JoinHandle<()> {
    let mut rng = Rng::with_seed(seed);
    tokio::spawn(async move {
        let mut listings = 0;
        loop {
            let listed = kinesis.faults().calls("ListShards");
            let (operation, faults) = match rng.u32(..10) {
                // The first of these may have failed, the second has not.
                0 if listed >= listings + 2 => {
                    listings = listed;
                    ("ListShards", PASSING.to_vec())
                }
                1..3 => ("GetShardIterator", PASSING.to_vec()),
                _ => ("GetRecords", [&PASSING[..], &READING[..]].concat()),
            };
            let fault = rng.choice(faults).expect("there are some");
            kinesis.faults().clear();
            kinesis.faults().inject(operation, fault, 1);
            tokio::time::sleep(Duration::from_millis(rng.u64(20..200))).await;
        }
    })
}

/// `TRAILRISK_CHAOS_KILLS` times, from the seed of the chaos.
#[tokio::test(flavor = "multi_thread")]
async fn rd_3_whatever_kinesis_answers_nothing_is_lost_or_invented() {
    let run = run(Setting {
        trouble: Some(trouble),
        configure: Box::new(|config| config["source"]["request_timeout"] = json!("1s")),
        ..Setting::new(Stop::Kill)
    })
    .await;
    println!("{} reads, faults included", run.kinesis.faults().calls("GetRecords"));
    assert_what_the_stream_holds(run).await;
}

/// An empty answer, which a proxy in between may make of a failure, reads like the last one of a shard.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_an_empty_answer_is_not_the_end_of_a_shard() {
    for body in ["", "{}"] {
        let mut scene = Scene::new(1, |_| {}).await;
        let daemon = scene.home.start();
        daemon.ready().await;
        scene.put(2).await;
        scene.until_lines(&daemon, 2).await;
        scene.kinesis.faults().inject("GetRecords", Fault::Body(body), 1);
        daemon
            .until(super::PATIENCE, "the empty answer", || async { scene.kinesis.faults().is_clear().then_some(()) })
            .await;
        scene.put(3).await;
        scene.until_final(&daemon).await;
        scene.stop(daemon).await;
        scene.assert_exact().await;
    }
}

/// The same of a closed shard, of which the listing says that it has an end.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_an_empty_answer_is_not_the_end_of_a_closed_shard_either() {
    let mut scene = Scene::new(1, |_| {}).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put(2).await;
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.put(4).await;
    scene.kinesis.split(STREAM, "shardId-000000000000").await;
    scene.put(4).await;
    scene.kinesis.faults().inject("GetRecords", Fault::Body("{}"), 1);
    let daemon = scene.home.start();
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
}
