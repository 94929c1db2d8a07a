//! A checkpoint table: each stream has a lease of its own.

use super::*;
use crate::dynamodb::LocalDynamo;

const TABLE: &str = "leases";

fn in_table(dynamo: &LocalDynamo) -> Value {
    json!({
        "store": "dynamodb", "table": TABLE, "region": "us-east-1", "endpoint_url": dynamo.url(),
        "lease_duration": "3s", "interval": "200ms",
    })
}

/// The detection is staged, so that its risk events are withheld, or not.
fn staged(config: &mut Value, staged: bool) {
    config["detections"]["settings"] = json!([{"detection": "AWS Exfiltration via Batch Service", "staged": staged}]);
}

/// The other daemon reads one of the streams; what is reloaded meanwhile counts for the stream that is taken over later.
#[tokio::test(flavor = "multi_thread")]
async fn cp_3_a_stream_whose_lease_is_held_elsewhere_keeps_no_other_waiting_and_is_taken_over() {
    let dynamo = LocalDynamo::start().await;
    dynamo.create_table(TABLE).await;
    let mut scene = Scene::new(|config| config["checkpoint"] = in_table(&dynamo)).await;
    let mut west = scene.config.clone();
    west["sources"] = json!([west["sources"][1]]);
    staged(&mut west, false);
    let west_home = home();
    west_home.configure(west.to_string());
    let other = west_home.start();
    other.ready().await;
    let daemon = scene.home.start();
    let waits = || async {
        let (status, body) = daemon.get("/readyz").await?;
        let waits = body.contains("[-] source west: lease: the lease of west is held by");
        (status == 503 && waits && !body.contains("source east")).then_some(())
    };
    daemon.until(PATIENCE, "one waits, the other works", waits).await;
    scene.put_both(5).await;
    scene.until_final(&daemon, &[0]).await;
    assert_eq!(of(&read_all(&daemon.lines()), 1).count(), 0, "it tells nothing of what it has no lease for");
    let held = async |source| metric(&daemon, "trailrisk_leases_held", &[("source", source)]).await;
    assert_eq!((held("east").await, held("west").await), (1.0, 0.0));
    let told = || async { (finals(&read_all(&other.lines())).len() >= 5).then_some(()) };
    other.until(PATIENCE, "the other tells its own", told).await;

    // Staged, while the lease is waited for.
    let mut config = scene.config.clone();
    staged(&mut config, true);
    scene.home.configure(config.to_string());
    daemon.signal("HUP").await;
    let applied = || async {
        let labels = [("outcome", "applied"), ("source", "east")];
        (metric(&daemon, "trailrisk_detections_reloads_total", &labels).await == 1.0).then_some(())
    };
    daemon.until(PATIENCE, "east has it", applied).await;
    scene.said.extend(other.kill().await.lines);
    // West begins with it.
    daemon.ready().await;
    assert_eq!(held("west").await, 1.0);
    scene.put_both(5).await;
    for source in SOURCES {
        // Finals that the other told behind its last checkpoint may be withheld here as well (CP-6); early ones are not
        // told again by then.
        for stage in ["early", "final"] {
            let withheld = || async {
                let labels = [("reason", "staged"), ("stage", stage), ("source", source)];
                (metric(&daemon, "trailrisk_risk_events_withheld_total", &labels).await >= 5.0).then_some(())
            };
            daemon
                .until(PATIENCE, &format!("{stage} ones of {source} are withheld, as the reload said"), withheld)
                .await;
        }
    }
    scene.stop(daemon).await;
    let lines = read_all(&scene.said);
    let newest = &scene.events[1][5].account;
    let told = lines.iter().filter(|line| text(&line.json["group"]["aws_account_id"]) >= newest.as_str());
    assert_eq!(told.count(), 0, "nothing is told of what came after the reload");
    assert_eq!(dynamo.keys(TABLE).await.iter().filter(|key| *key == "east" || *key == "west").count(), 2);
}
