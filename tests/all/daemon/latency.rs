//! EM-1: how soon the early risk event comes. The bound is generous, because a test machine is not idle; the figures are
//! for the reader.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::event::JobCreated;
use super::fan_out::fan_out;
use super::{STREAM, config, home, size};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const POLL_INTERVAL: Duration = Duration::from_secs(1);

#[tokio::test(flavor = "multi_thread")]
async fn em_1_the_early_risk_event_comes_soon_after_put_record() {
    measure("polling", |_| {}).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn em_1_by_fan_out_the_early_risk_event_comes_soon_after_put_record() {
    measure("fan_out", fan_out).await;
}

async fn measure(reader: &str, configure: fn(&mut Value)) {
    let samples = size("TRAILRISK_LATENCY_SAMPLES", 20);
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 4).await;
    let mut config = config(&kinesis);
    config["source"]["poll_interval"] = json!(format!("{}s", POLL_INTERVAL.as_secs()));
    config["sinks"][0]["stages"] = json!(["early"]);
    configure(&mut config);
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let mut rng = Rng::with_seed(2);
    let mut latencies = Vec::new();
    for number in 0..samples {
        // Puts at the reader's own pace would all meet the poll at the same phase.
        sleep(POLL_INTERVAL.mul_f64(rng.f64())).await;
        let account = format!("{:012}", 111_111_111_111 + number);
        let event = JobCreated::new(number as u64, wall_millis(), &account);
        kinesis.put(STREAM, [(account.clone(), event.text().into_bytes())]).await;
        let put = Instant::now();
        let came = || async {
            let mut lines = daemon.timed_lines().into_iter();
            lines.find_map(|(at, line)| line.contains(&account).then_some(at))
        };
        let came = daemon.until(PATIENCE, "the early risk event", came).await;
        latencies.push(came.saturating_duration_since(put));
    }
    daemon.stop().await;
    latencies.sort();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share).round() as usize];
    println!(
        "early risk event after PutRecord, {reader}, poll_interval {POLL_INTERVAL:?}, {samples} samples: median {:?}, p99 {:?}, \
         at most {:?}",
        at(0.5),
        at(0.99),
        at(1.0)
    );
    assert!(at(0.5) < Duration::from_secs(5), "{latencies:?}");
}
