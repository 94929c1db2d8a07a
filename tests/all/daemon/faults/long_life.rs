//! A daemon that lives through many windows, reshards and reloads holds in the end what it held in the beginning.

use serde_json::json;

use super::{PATIENCE, Scene};
use crate::daemon::line::Line;
use crate::daemon::{STREAM, size};
use crate::support::daemon::{Daemon, Home, package};
use crate::support::measured::measured;

const EVENTS_A_ROUND: usize = 100;
/// What the allocator may hold at one time and not at another, of some 50 MiB.
const LEEWAY: u64 = 8 << 20;

/// What the process holds once the windows of a round are closed.
#[derive(Clone, Copy, Debug)]
struct Held {
    resident: u64,
    descriptors: usize,
    series: usize,
    checkpoint_bytes: u64,
}

impl Held {
    async fn by(daemon: &Daemon, home: &Home) -> Self {
        let descriptors = std::fs::read_dir(format!("/proc/{}/fd", daemon.pid())).expect("Linux, and it runs");
        Self {
            resident: daemon.resident_bytes(),
            descriptors: descriptors.count(),
            series: daemon.metrics().await.lines().filter(|line| !line.starts_with('#')).count(),
            checkpoint_bytes: std::fs::metadata(home.path("checkpoint.json")).expect("it is stored").len(),
        }
    }

    fn is_more_than(&self, before: &Self) -> bool {
        self.resident > before.resident + LEEWAY
            // Connections come and go.
            || self.descriptors > before.descriptors + 8
            || self.series > before.series
            // The names of shards get longer.
            || self.checkpoint_bytes > before.checkpoint_bytes + 200
    }
}

/// `TRAILRISK_ROUNDS` times: events of new groups, a record that is no JSON, a split and a merge of its halves, a shard that the
/// stream forgets, and a detection that comes or goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_life_of_windows_reshards_and_reloads_leaves_nothing_behind() {
    let rounds = size("TRAILRISK_ROUNDS", 6);
    // Then queues and tables have the room that the load asks for; every other round has one detection more.
    let settling = (rounds / 4).max(2).next_multiple_of(2);
    // One heap, as in the image: glibc would keep one for each thread, which fill one after the other.
    let home = Home::new("/usr/bin/env", &["MALLOC_ARENA_MAX=1", env!("CARGO_BIN_EXE_trailrisk")]);
    let mut scene = Scene::in_home(home, 1, |config| {
        config["detections"]["paths"] = json!(["detections"]);
        config["detections"]["reload_interval"] = json!("off");
    })
    .await;
    let shipped = package("config/detections/aws_exfiltration_via_batch_service.yml");
    let shipped = std::fs::read_to_string(shipped).expect("it is shipped");
    std::fs::create_dir(scene.home.path("detections")).expect("the folder is writable");
    scene.home.write("detections/shipped.yml", &shipped);
    let daemon = scene.home.start();
    daemon.ready().await;
    let (mut taken, mut finals, mut held) = (0, 0, Vec::new());
    for round in 0..rounds {
        scene.put(EVENTS_A_ROUND / 2).await;
        scene.kinesis.put(STREAM, [(format!("key {round}"), b"no event".to_vec())]).await;
        reshard(&scene).await;
        let is_loaded = round % 2 == 0;
        if is_loaded {
            scene.home.write("detections/other.yml", other(&shipped, round));
        } else {
            std::fs::remove_file(scene.home.path("detections/other.yml")).expect("it was written");
        }
        daemon.signal("HUP").await;
        scene.put(EVENTS_A_ROUND / 2).await;
        let told = || {
            let new = daemon.lines_after(taken);
            taken += new.len();
            finals += new.iter().filter(|line| Line::read(line).stage() == "final").count();
            std::future::ready((finals >= scene.events.len()).then_some(()))
        };
        daemon.until(PATIENCE, "every final of the round", told).await;
        let at_rest = || async { is_at_rest(&daemon.metrics().await, is_loaded).then_some(()) };
        daemon.until(PATIENCE, "the round is over", at_rest).await;
        let before = held.get(settling + round % 2).copied();
        // The next listing may be the one that no longer has a shard.
        let settled = || async {
            let now = Held::by(&daemon, &scene.home).await;
            before.is_none_or(|before| !now.is_more_than(&before)).then_some(now)
        };
        let what = format!("no more than {before:?} instead of {:?}", Held::by(&daemon, &scene.home).await);
        held.push(daemon.until(PATIENCE, &what, settled).await);
    }
    scene.stop(daemon).await;
    scene.assert_exact().await;
    scene.assert_once();
    println!("{:?}", held.iter().step_by(rounds.div_ceil(20)).collect::<Vec<_>>());
    let grown = held.iter().skip(settling).map(|later| later.resident.saturating_sub(held[settling].resident));
    measured(&json!({ "rounds": rounds, "finals": finals, "most KiB grown": grown.max().expect("a round") / 1024 }));
}

/// No window is open, and the shards and detections are those that the round leaves.
fn is_at_rest(metrics: &str, is_loaded: bool) -> bool {
    let shards = |state| format!(r#"trailrisk_kinesis_shards{{state="{state}",stream="{STREAM}"}}"#);
    let wanted = [
        ("trailrisk_detections_loaded".to_owned(), 1.0 + f64::from(u8::from(is_loaded))),
        ("trailrisk_detections_draining".to_owned(), 0.0),
        ("trailrisk_open_instances".to_owned(), 0.0),
        (shards("draining"), 0.0),
        (shards("open"), 1.0),
    ];
    wanted.iter().all(|(series, value)| {
        let sample = metrics.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        sample.is_some_and(|sample| sample.parse() == Ok(*value))
    })
}

/// The stream forgets all shards but the last one, which becomes two, and these become one again.
async fn reshard(scene: &Scene) {
    let shards = scene.kinesis.shards(STREAM).await;
    let (last, gone) = shards.split_last().expect("a stream has shards");
    gone.iter().for_each(|shard| scene.kinesis.faults().forget_shard(&shard.shard_id));
    scene.kinesis.split(STREAM, &last.shard_id).await;
    let shards = scene.kinesis.shards(STREAM).await;
    let [.., lower, upper] = &*shards else { panic!("it was split") };
    scene.kinesis.merge(STREAM, &lower.shard_id, &upper.shard_id).await;
}

/// A detection with an id of its own, of events that nobody puts.
fn other(shipped: &str, round: usize) -> String {
    shipped
        .replace("name: AWS Exfiltration via Batch Service", "name: Other")
        .replace("04455dd3-ced7-480f-b8e6-5469b99e98e2", &format!("14455dd3-ced7-480f-b8e6-{round:012}"))
        .replace("eventName = JobCreated", "eventName = JobStatusChanged")
}
