//! How many risk events a second each sink of this host takes: `TRAILRISK_SINK_EVENTS`, by default few.

use std::time::Instant;

use super::*;
use crate::config::{BatchLimit, DeliveryConfig, FileSinkConfig, Fsync, SinkKind};
use crate::risk_event::Stage;
use crate::sink::testing::{DeadLetterFile, Receiver, deps, event, metrics, sink_config};

#[expect(clippy::print_stdout, reason = "the figures are for the reader of a run")]
#[expect(clippy::disallowed_methods, reason = "a measurement reads the clock")]
async fn run(what: &str, config: SinkConfig, count: u128) {
    let metrics = metrics();
    let dead = DeadLetterFile::start(&metrics).await;
    let deps = deps(&metrics, &dead.letters, Box::new(tokio::io::sink()));
    let (mut sinks, mut done) = Sinks::start(&[config], deps).unwrap();
    let begun = Instant::now();
    let mut acknowledged = 0;
    for id in 0..count {
        while !sinks.has_room() {
            done.next().await.unwrap();
            acknowledged += 1;
        }
        sinks.push(event(id, Stage::Final));
    }
    while acknowledged < count {
        done.next().await.unwrap();
        acknowledged += 1;
    }
    println!("{what}: {:.0} risk events/s", count as f64 / begun.elapsed().as_secs_f64());
    assert!(dead.lines().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sink_takes_all_that_is_pushed() {
    let count = std::env::var("TRAILRISK_SINK_EVENTS").map_or(300, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let local = |kind| SinkConfig { kind, delivery: DeliveryConfig::local(), ..sink_config("s") };
    run("stdout", local(SinkKind::Stdout), count).await;
    for fsync in Fsync::ALL {
        let path = folder.path().join(fsync.as_str());
        let file = FileSinkConfig { path: path.clone(), rotate_bytes: None, keep: 1, fsync };
        run(&format!("file, fsync {}", fsync.as_str()), local(SinkKind::File(file)), count).await;
        let lines = std::fs::read_to_string(path).unwrap().lines().count();
        assert_eq!(lines as u128, count);
    }
    for events in [1, 100] {
        let receiver = Receiver::start([]).await;
        let sink = receiver.sink(|_| {});
        let batch = BatchLimit { events, ..BatchLimit::default() };
        let delivery = DeliveryConfig { batch, ..sink.delivery };
        run(&format!("webhook, 4 lanes, batches of {events}"), SinkConfig { delivery, ..sink }, count).await;
    }
}
