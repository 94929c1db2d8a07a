//! The checkpoint in a DynamoDB table: crashes, a second daemon, a table that fails; with no disk but for the dead
//! letters. The same oracle as for the file.

mod commands;
mod crashes;
mod holders;
mod trouble;

use serde_json::{Value, json};

use super::Scene;
use crate::dynamodb::LocalDynamo;
use crate::support::daemon::Daemon;

const TABLE: &str = "leases";
const LEASE_SECONDS: u64 = 3;

/// The `checkpoint` section for a table there.
fn checkpoint(dynamo: &LocalDynamo) -> Value {
    json!({
        "store": "dynamodb", "table": TABLE, "region": "us-east-1", "endpoint_url": dynamo.url(),
        "lease_duration": format!("{LEASE_SECONDS}s"), "interval": "200ms",
    })
}

/// A scene whose checkpoint is in a new table.
async fn scene(shards: i32) -> (LocalDynamo, Scene) {
    let dynamo = LocalDynamo::start().await;
    dynamo.create_table(TABLE).await;
    let scene = Scene::new(shards, |config| config["checkpoint"] = checkpoint(&dynamo)).await;
    (dynamo, scene)
}

/// Waits until a daemon that another one keeps waiting says so.
async fn until_waiting(scene: &Scene, daemon: &Daemon) {
    scene.until_unready(daemon, "lease: the lease of trail is held by").await;
    assert_eq!(daemon.get("/livez").await.map(|(status, _)| status), Some(200), "it is alive");
}
