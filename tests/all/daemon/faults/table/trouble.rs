//! A table that is missing, refuses, or has no capacity: a clear end of the start, or a hold that loses nothing.

use std::time::Duration;

use super::super::PATIENCE;
use super::*;
use crate::support::kinesis::Fault;

/// How a start ends that cannot succeed.
async fn refusal(scene: &Scene) -> String {
    let ended = scene.home.start().ended().await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    ended.log
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_cannot_be_used_ends_the_start_with_what_to_do() {
    let dynamo = LocalDynamo::start().await;
    let scene = Scene::new(1, |config| config["checkpoint"] = checkpoint(&dynamo)).await;
    let missing = refusal(&scene).await;
    assert!(missing.contains("cannot use trail in the table leases"), "{missing}");
    assert!(
        missing.contains("ResourceNotFoundException") && missing.contains("never created by the daemon"),
        "{missing}"
    );
    dynamo.create_table_with(TABLE, "id").await;
    let wrong = refusal(&scene).await;
    assert!(wrong.contains("ValidationException") && wrong.contains("is its partition key leaseKey"), "{wrong}");
    dynamo.client().delete_table().table_name(TABLE).send().await.expect("it is there");
    dynamo.create_table(TABLE).await;
    dynamo.faults().inject_always("GetItem", Fault::ACCESS_DENIED);
    let denied = refusal(&scene).await;
    assert!(denied.contains("AccessDeniedException") && denied.contains("lease-table-policy.json"), "{denied}");
    assert!(dynamo.keys(TABLE).await.is_empty(), "nothing was written");
    // Without rights to write, the start ends before it reads.
    dynamo.faults().clear();
    dynamo.faults().inject_always("PutItem", Fault::ACCESS_DENIED);
    assert!(refusal(&scene).await.contains("DynamoDB PutItem: answers 400 AccessDeniedException"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_capacity_is_waited_for_and_said() {
    let (dynamo, mut scene) = scene(1).await;
    dynamo.faults().inject_always("GetItem", Fault::THROTTLE);
    let daemon = scene.home.start();
    scene.until_unready(&daemon, "the table has too little capacity").await;
    dynamo.faults().clear();
    daemon.ready().await;
    scene.put(3).await;
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn st_1_a_daemon_that_waits_for_the_table_stops_at_once_and_blames_no_other_process() {
    let (dynamo, scene) = scene(1).await;
    dynamo.faults().inject_always("GetItem", Fault::INTERNAL);
    let daemon = scene.home.start();
    daemon.until_logged("waiting for the lease of the checkpoint").await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("stopped before anything was read"), "{}", ended.log);
    assert!(!ended.log.contains("another process"), "{}", ended.log);
}

/// Longer than the lease: nobody can have taken it, since nobody can write. It holds still, and goes on.
#[tokio::test(flavor = "multi_thread")]
async fn cp_7_an_outage_of_the_table_holds_everything_and_loses_nothing() {
    let (dynamo, mut scene) = scene(2).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put(5).await;
    scene.until_lines(&daemon, 5).await;
    dynamo.faults().inject_always("PutItem", Fault::INTERNAL);
    scene.until_unready(&daemon, "lease: the lease is not held").await;
    let until_tried = async |times: f64| {
        let failures = r#"trailrisk_lease_events_total{event="renewal_failed"}"#;
        let before = daemon.metric(failures).await;
        let tried = || async { (daemon.metric(failures).await >= before + times).then_some(()) };
        daemon.until(PATIENCE, "it tries to renew", tried).await;
    };
    // What the sink was given while the lease was held comes a moment later.
    until_tried(2.0).await;
    let before = daemon.lines().len();
    scene.put(5).await;
    until_tried(5.0).await;
    assert_eq!(daemon.lines().len(), before, "nothing is told meanwhile");
    scene.until_unready(&daemon, "checkpoint: cannot use trail in the table leases: DynamoDB PutItem").await;
    assert_eq!(daemon.lines().len(), before);
    dynamo.faults().clear();
    scene.until_final(&daemon).await;
    daemon.ready().await;
    daemon.until_logged("the lease is renewed again").await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
    scene.assert_once();
}

/// One outage of a second or two is not even noticed.
#[tokio::test(flavor = "multi_thread")]
async fn a_hiccup_of_the_table_is_ridden_out() {
    let (dynamo, mut scene) = scene(1).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    for fault in [Fault::THROTTLE, Fault::Reset, Fault::Latency(Duration::from_millis(400)), Fault::Torn] {
        dynamo.faults().inject("PutItem", fault, 3);
    }
    let over = || async { dynamo.faults().is_clear().then_some(()) };
    daemon.until(PATIENCE, "the faults are over", over).await;
    scene.put(3).await;
    scene.until_final(&daemon).await;
    daemon.ready().await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
    scene.assert_once();
}
