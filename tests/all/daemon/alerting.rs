//! The shipped alerts on a real Prometheus that scrapes the real binary: they fire on a fault, with the words that name it,
//! and end with it. The pauses of the rules are shortened, their thresholds are not.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::event::JobCreated;
use super::webhook::Receiver;
use super::{STREAM, config, home};
use crate::support::daemon::Daemon;
use crate::support::kinesis::{Fault, LocalKinesis};
use crate::support::prometheus::Prometheus;
use crate::support::wall_millis;

/// A daemon with a required sink, its stream in which something happens all the time, and who watches it.
struct Scene {
    kinesis: Arc<LocalKinesis>,
    receiver: Receiver,
    daemon: Daemon,
    prometheus: Prometheus,
    _home: crate::support::daemon::Home,
    traffic: tokio::task::JoinHandle<()>,
}

impl Scene {
    /// None without a Prometheus.
    async fn healthy() -> Option<Self> {
        let (kinesis, receiver, home) = (Arc::new(LocalKinesis::start().await), Receiver::start().await, home());
        kinesis.create_stream(STREAM, 1).await;
        let mut config = config(&kinesis);
        config["sinks"] = receiver.sink();
        config["source"]["stalled_after"] = json!("5s");
        config["source"]["request_timeout"] = json!("1s");
        home.configure(config.to_string());
        let daemon = home.start();
        daemon.ready().await;
        let prometheus = Prometheus::start(&daemon.admin().await).await?;
        let traffic = tokio::spawn(traffic(Arc::clone(&kinesis)));
        let scene = Self { kinesis, receiver, daemon, prometheus, _home: home, traffic };
        // Before a scrape has seen records come, a stall is silence as well.
        scene.prometheus.until_true("rate(trailrisk_kinesis_records_total[5m])>0").await;
        scene.prometheus.until_healthy().await;
        Some(scene)
    }

    async fn end(self) {
        self.traffic.abort();
        assert_eq!(self.daemon.stop().await.code, Some(0));
    }
}

/// One event of a new account twice a second: each makes risk events.
async fn traffic(kinesis: Arc<LocalKinesis>) {
    let mut pace = tokio::time::interval(Duration::from_millis(500));
    for number in 0_u64.. {
        pace.tick().await;
        let event = JobCreated::new(number, wall_millis(), &format!("{:012}", 111_111_111_111 + number));
        kinesis.put(STREAM, [(event.id.clone(), event.text().into_bytes())]).await;
    }
}

fn summary(alert: &Value) -> &str {
    alert["annotations"]["summary"].as_str().expect("each has one")
}

#[tokio::test(flavor = "multi_thread")]
async fn rd_3_a_stall_alerts_and_is_over_when_the_shard_is_read_again() {
    let Some(scene) = Scene::healthy().await else { return };
    scene.kinesis.faults().inject_always("GetRecords", Fault::Hang);
    let alert = scene.prometheus.until_fires("TrailriskShardStalled").await;
    assert_eq!(summary(&alert), format!("Shards of {STREAM} that are not read: 1"));
    assert_eq!((&alert["labels"]["severity"], &alert["labels"]["job"]), (&json!("page"), &json!("trailrisk")));
    scene.prometheus.until_alone("TrailriskShardStalled").await;
    scene.kinesis.faults().clear();
    scene.prometheus.until_healthy().await;
    scene.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_7_a_receiver_that_is_down_alerts_and_is_over_when_it_is_back() {
    let Some(scene) = Scene::healthy().await else { return };
    scene.receiver.set_down(true);
    let alert = scene.prometheus.until_fires("TrailriskDeliveryFailing").await;
    let instance = alert["labels"]["instance"].as_str().expect("a label");
    assert_eq!(summary(&alert), format!("Sink soc does not take risk events at {instance}"));
    assert_eq!(alert["labels"]["sink"], "soc");
    scene.prometheus.until_alone("TrailriskDeliveryFailing").await;
    scene.receiver.set_down(false);
    scene.prometheus.until_healthy().await;
    scene.end().await;
}
