//! The status page of a daemon that does not exist: the documented example with an hour of figures that are made up, for
//! pictures of it and for its test in a browser. With `hostile`, every text in it is one that an attacker could wish for;
//! with `large`, it has hundreds of shards and dozens of detections.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use trailrisk::admin::{AdminServer, AdminState, Liveness, Readiness, View};
use trailrisk::clock;
use trailrisk::metrics::Registries;
use trailrisk::status::{self, Detection, Shard, Snapshot, Status};

const EXAMPLE: &str = include_str!("../../docs/status.example.json");
const HOSTILE: &str =
    "</td><script>alert(1)</script><img src=x onerror=alert(1)>\u{1b}[2J\u{202e}txt.exe \u{5e9}\u{5dc}\u{5d5}\u{5dd} ";
/// Samples of an hour.
const SAMPLES: u32 = 360;

const SHARDS: usize = 500;
const DETECTIONS: usize = 59;

/// Serves it until standard input is closed.
pub async fn serve(kind: Option<&str>) {
    let mut snapshot = example();
    match kind {
        Some("hostile") => spoil(&mut snapshot),
        Some("large") => enlarge(&mut snapshot),
        _ => {}
    }
    let (publisher, board) = status::board(snapshot.clone(), clock::monotonic());
    let (registry, readiness) = (prometheus::Registry::new(), Readiness::default());
    let view = View { source: None, liveness: Liveness::new(Duration::from_secs(60)), readiness, board };
    let state = AdminState { registries: Registries::new(registry), views: [view].into() };
    let server = AdminServer::bind(([127, 0, 0, 1], 0).into()).await.expect("port 0 is free");
    println!("http://{}/", server.address());
    let stop = CancellationToken::new();
    tokio::spawn(server.serve(state, stop.clone().cancelled_owned()));
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tick.tick().await;
            // A sign of life; its second is the only thing that changes.
            snapshot.at = format!("{}{:02}.118Z", &snapshot.at[..17], (seconds(&snapshot.at) + 1) % 60);
            publisher.publish(snapshot.clone(), clock::monotonic());
        }
    });
    let _ = tokio::io::copy(&mut tokio::io::stdin(), &mut tokio::io::sink()).await;
    stop.cancel();
}

fn seconds(at: &str) -> u32 {
    at[17..19].parse().expect("an instant")
}

fn example() -> Snapshot {
    let status: Status = serde_json::from_str(EXAMPLE).expect("the documented example is a status");
    let mut snapshot = status.snapshot;
    let sample = |n: u32| f64::from(n);
    let wave = |n: u32| 118.0 + 34.0 * (sample(n) / 47.0).sin() + 9.0 * (sample(n) / 5.0).sin();
    // Three minutes and a half without the stalled shard.
    let lag = |n: u32| match n.checked_sub(SAMPLES - 21) {
        Some(stalled) => 6.0 + f64::from(stalled) * 10.0,
        None => 6.0 + 2.0 * (sample(n) / 9.0).sin().abs() + if (140..150).contains(&n) { 18.0 } else { 0.0 },
    };
    snapshot.history.records_per_second = (0..SAMPLES).map(wave).collect();
    snapshot.history.lag_seconds = (0..SAMPLES).map(|n| Some(lag(n))).collect();
    snapshot
}

/// The open shard and the active detection, many times.
fn enlarge(snapshot: &mut Snapshot) {
    let (open, active) = (snapshot.shards[2].clone(), snapshot.detections[1].clone());
    snapshot.shards.extend((snapshot.shards.len()..SHARDS).map(|number| {
        let behind = number % 7;
        let lag_seconds = Some(6.2 + behind as f64 / 10.0);
        Shard { id: format!("shardId-{:012}", number + 2), lag_seconds, ..open.clone() }
    }));
    snapshot.detections.extend((snapshot.detections.len()..DETECTIONS).map(|number| {
        let (id, name) = (format!("{number:08}-0000-0000-0000-000000000000"), format!("{} {number}", active.name));
        Detection { id, name, ..active.clone() }
    }));
}

fn spoil(snapshot: &mut Snapshot) {
    let text = || HOSTILE.repeat(4);
    snapshot.stream.name = text();
    snapshot.about.worker = text();
    for shard in &mut snapshot.shards {
        shard.id.push_str(&text());
        (shard.failure, shard.request_id) = (Some(text()), Some(text()));
    }
    for sink in &mut snapshot.sinks {
        sink.name.push_str(&text());
        if let (Some(failing), Some(error)) = (&mut sink.failing, &mut sink.last_error) {
            (failing.error, error.text) = (text(), text());
        }
    }
    for detection in &mut snapshot.detections {
        detection.name.push_str(&text());
        (detection.file, detection.reason) = (Some(text()), Some(text()));
    }
    for event in snapshot.risk_events.iter_mut().flatten() {
        event.group.push((text(), "A".repeat(200)));
    }
}
