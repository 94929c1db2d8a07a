//! `trailrisk checkpoint` on a table, and the rights that all of it needs.

use std::collections::BTreeSet;

use super::*;
use crate::support::daemon::package;

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_show_export_and_reset_what_is_in_the_table() {
    let (dynamo, mut scene) = scene(2).await;
    let command = |arguments: &[&str]| Daemon::spawn(scene.home.with_config(arguments)).ended();
    let none = command(&["checkpoint", "show"]).await;
    assert_eq!(none.code, Some(1));
    assert!(none.log.contains("there is no checkpoint at trail in the table leases"), "{}", none.log);
    let daemon = scene.home.start();
    daemon.ready().await;
    // Beside the daemon that works on it.
    let shown = command(&["checkpoint", "show"]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    assert!(shown.log.is_empty() && shown.lines.iter().any(|line| line.starts_with("horizon H")), "{:?}", shown.lines);
    assert_eq!(shown.lines.iter().filter(|line| line.starts_with("  shardId-")).count(), 2);
    let refused = command(&["checkpoint", "reset", "--stream", "trail"]).await;
    assert_eq!(refused.code, Some(78));
    assert!(refused.log.contains("trail in the table leases is in use by another process"), "{}", refused.log);
    let stopped = daemon.stop().await;
    assert_eq!(stopped.code, Some(0), "{}", stopped.log);
    let exported = command(&["checkpoint", "export"]).await;
    let document: Value = serde_json::from_str(&exported.lines.join("\n")).expect("one document");
    assert_eq!(document["checkpoint"]["stream"]["name"], "trail");
    let reset = command(&["checkpoint", "reset", "--stream", "trail"]).await;
    assert_eq!((reset.code, reset.log.as_str()), (Some(0), "The checkpoint is deleted."));
    assert_eq!(dynamo.keys(TABLE).await, ["trail"], "the lease alone stays");
    let check = command(&["check"]).await;
    assert_eq!(check.code, Some(0), "{}", check.log);
    scene.put(3).await;
    let daemon = scene.home.start();
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
    // Recorded over everything that a daemon and its commands do.
    let policy = std::fs::read_to_string(package("deploy/aws/lease-table-policy.json")).expect("it is shipped");
    let policy: Value = serde_json::from_str(&policy).expect("JSON");
    let actions = policy["Statement"][0]["Action"].as_array().expect("a list").iter();
    let actions: BTreeSet<String> =
        actions.map(|action| action.as_str().expect("text").trim_start_matches("dynamodb:").to_owned()).collect();
    assert_eq!(dynamo.faults().operations(), actions);
}
