//! kill -9: nothing is lost, nothing is invented, nothing differs.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;

use super::*;
use crate::daemon::chaos::{Setting, Stop, assert_what_the_stream_holds, run};
use crate::support::kinesis::Fault;

/// Makes one write in a few fail, each in another way; and the first read, scan and deletion.
async fn trouble(dynamo: Arc<LocalDynamo>) {
    for operation in ["GetItem", "Scan", "DeleteItem"] {
        dynamo.faults().inject(operation, Fault::INTERNAL, 1);
    }
    let late = Fault::Latency(Duration::from_millis(1200));
    let (mut pace, mut hit) = (interval(Duration::from_millis(50)), 0);
    for fault in [Fault::Reset, Fault::THROTTLE, Fault::Torn, Fault::INTERNAL, late].into_iter().cycle() {
        while dynamo.faults().calls("PutItem") < hit + 7 {
            pace.tick().await;
        }
        hit = dynamo.faults().calls("PutItem");
        dynamo.faults().inject("PutItem", fault, 1);
    }
}

async fn chaos(how: Stop, troubled: bool) -> Arc<LocalDynamo> {
    let dynamo = Arc::new(LocalDynamo::start().await);
    dynamo.create_table(TABLE).await;
    let trouble = troubled.then(|| tokio::spawn(trouble(Arc::clone(&dynamo))));
    let section = checkpoint(&dynamo);
    let configure = move |config: &mut Value| {
        config["checkpoint"] = section.clone();
        // As for the file: a crash is to find what was told and is not stored.
        config["checkpoint"]["interval"] = json!("1s");
    };
    let run = run(Setting { configure: Box::new(configure), ..Setting::new(how) }).await;
    let outcome = assert_what_the_stream_holds(run).await;
    if let Some(trouble) = trouble {
        trouble.abort();
    }
    outcome.assert_announced();
    if how == Stop::Terminate {
        outcome.assert_once();
    }
    dynamo
}

#[tokio::test(flavor = "multi_thread")]
async fn em_4_after_any_crash_a_checkpoint_in_a_table_gives_the_finals_of_a_replay() {
    let dynamo = chaos(Stop::Kill, false).await;
    let keys = dynamo.keys(TABLE).await;
    assert!(keys.iter().any(|key| key == "trail") && keys.iter().any(|key| key == "trail:starts"), "{keys:?}");
    assert!(keys.iter().filter(|key| key.starts_with("trail:shardId-")).count() >= 4, "{keys:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_6_after_sigterm_a_checkpoint_in_a_table_repeats_nothing() {
    chaos(Stop::Terminate, false).await;
}

/// CP-3: requests that are answered by nothing, late or by an error, at any place of a save.
#[tokio::test(flavor = "multi_thread")]
async fn em_4_crashes_beside_a_table_that_fails_now_and_then_change_nothing() {
    chaos(Stop::Kill, true).await;
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
