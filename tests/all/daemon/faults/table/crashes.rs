//! kill -9: nothing is lost, nothing is invented, nothing differs.

use super::*;
use crate::daemon::chaos::{Setting, Stop, run};
use crate::support::kinesis::Fault;

async fn chaos(how: Stop, trouble: impl Fn(&LocalDynamo)) -> LocalDynamo {
    let dynamo = LocalDynamo::start().await;
    dynamo.create_table(TABLE).await;
    trouble(&dynamo);
    let section = checkpoint(&dynamo);
    let configure = move |config: &mut Value| {
        config["checkpoint"] = section.clone();
        // As for the file: a crash is to find what was told and is not stored.
        config["checkpoint"]["interval"] = json!("1s");
    };
    let run = run(Setting { configure: Box::new(configure), ..Setting::new(how) }).await;
    let replayed = run.replayed().await;
    let outcome = run.finish(replayed.len()).await;
    outcome.assert_exact(&replayed);
    if how == Stop::Terminate {
        outcome.assert_once();
    }
    dynamo
}

#[tokio::test(flavor = "multi_thread")]
async fn em_4_after_any_crash_a_checkpoint_in_a_table_gives_the_finals_of_a_replay() {
    let dynamo = chaos(Stop::Kill, |_| {}).await;
    let keys = dynamo.keys(TABLE).await;
    assert!(keys.iter().any(|key| key == "trail") && keys.iter().any(|key| key == "trail:starts"), "{keys:?}");
    assert!(keys.iter().filter(|key| key.starts_with("trail:shardId-")).count() >= 4, "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_6_after_sigterm_a_checkpoint_in_a_table_repeats_nothing() {
    chaos(Stop::Terminate, |_| {}).await;
}

/// CP-3: requests that are answered by nothing or by an error, at any place of a save.
#[tokio::test(flavor = "multi_thread")]
async fn em_4_crashes_beside_a_table_that_fails_now_and_then_change_nothing() {
    chaos(Stop::Kill, |dynamo| {
        for _ in 0..20 {
            dynamo.faults().inject("PutItem", Fault::Reset, 1);
            dynamo.faults().inject("PutItem", Fault::Torn, 1);
            dynamo.faults().inject("PutItem", Fault::THROTTLE, 2);
            dynamo.faults().inject("DeleteItem", Fault::INTERNAL, 1);
            dynamo.faults().inject("Scan", Fault::THROTTLE, 1);
        }
    })
    .await;
}

/// PO-2: what isolation counts outlives the process without a disk.
#[tokio::test(flavor = "multi_thread")]
async fn po_2_unclean_ends_are_counted_in_the_table() {
    let (dynamo, mut scene) = scene(1).await;
    for _ in 0..3 {
        let daemon = scene.home.start();
        daemon.ready().await;
        scene.kill(daemon).await;
    }
    let daemon = scene.home.start();
    daemon.ready().await;
    assert_eq!(daemon.metric("trailrisk_unclean_starts").await, 3.0);
    scene.stop(daemon).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    assert_eq!(daemon.metric("trailrisk_unclean_starts").await, 0.0);
    scene.stop(daemon).await;
    assert!(dynamo.keys(TABLE).await.contains(&"trail:starts".to_owned()));
    assert!(!scene.home.path("checkpoint.json").exists() && !scene.home.path("checkpoint.json.starts").exists());
}
