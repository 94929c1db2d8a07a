//! More than a queue holds, through each kind of sink.

use super::*;
use crate::config::{BatchLimit, DeliveryConfig, FileSinkConfig, Fsync, SinkKind};
use crate::risk_event::Stage;
use crate::sink::testing::{DeadLetterFile, Receiver, deps, event, metrics, sink_config};

const COUNT: u128 = 300;

async fn run(config: SinkConfig) {
    let metrics = metrics();
    let dead = DeadLetterFile::start(&metrics).await;
    let deps = deps(&metrics, &dead.letters, Box::new(tokio::io::sink()));
    let (mut sinks, mut done) = Sinks::start(&[SinkConfig { queue_bytes: 64 * 1024, ..config }], deps).unwrap();
    let mut acknowledged = 0;
    for id in 0..COUNT {
        while !sinks.has_room() {
            done.next().await.unwrap();
            acknowledged += 1;
        }
        sinks.push(event(id, Stage::Final));
    }
    while acknowledged < COUNT {
        done.next().await.unwrap();
        acknowledged += 1;
    }
    assert!(dead.lines().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_sink_takes_all_that_is_pushed() {
    let folder = tempfile::tempdir().unwrap();
    let local = |kind| SinkConfig { kind, delivery: DeliveryConfig::local(), ..sink_config("s") };
    run(local(SinkKind::Stdout)).await;
    for fsync in Fsync::ALL {
        let path = folder.path().join(fsync.as_str());
        let file = FileSinkConfig { path: path.clone(), rotate_bytes: None, keep: 1, fsync };
        run(local(SinkKind::File(file))).await;
        let lines = std::fs::read_to_string(path).unwrap().lines().count();
        assert_eq!(lines as u128, COUNT);
    }
    for events in [1, 100] {
        let receiver = Receiver::start([]).await;
        let sink = receiver.sink(|_| {});
        let batch = BatchLimit { events, ..BatchLimit::default() };
        run(SinkConfig { delivery: DeliveryConfig { batch, ..sink.delivery }, ..sink }).await;
    }
}
