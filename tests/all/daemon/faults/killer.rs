//! PO-2: a record of which the process dies, whatever it does. The one here inflates to more than the process may have:
//! an allocation fails, and the process aborts. A supervisor starts it again and again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::{PATIENCE, Scene};
use crate::daemon::STREAM;
use crate::daemon::dead_letter::{DeadLetter, dead_letters};
use crate::daemon::event::JobCreated;
use crate::daemon::line::{finals, read_all, text};
use crate::support::daemon::{Daemon, Ended, Home};
use crate::support::wall_millis;

/// With the address space that the file says, in KiB; one heap, so that what it needs without the killer is the same in
/// every life.
const LIMITED: &str = r#"export MALLOC_ARENA_MAX=1; ulimit -v "$(cat limit)"; exec "$0" "$@""#;
const UNLIMITED: &str = "unlimited";
/// What the killer inflates to. Gzip makes 60 KB of it, so it comes in one piece with its neighbours.
const INFLATED: usize = 60 << 20;
/// Room for what may differ from one life to the next, and not for the inflated record.
const ROOM: usize = 28 << 20;
/// Two before anything is noted, one within a piece, two alone.
const CRASHES: usize = 5;
const REJECTED: &str = r#"trailrisk_records_rejected_total{reason="kills_process"}"#;

/// Its windows close this long after their end; a process that reads ordinary records has run in it, and the limit is set.
/// The killer waits in the stream, among others on both shards.
async fn scene(grace: &str, event: &JobCreated) -> Scene {
    let home = Home::new("sh", &["-c", LIMITED, env!("CARGO_BIN_EXE_trailrisk")]);
    home.write("limit", UNLIMITED);
    let mut scene = Scene::in_home(home, 2, |config| {
        config["detections"]["grace"] = json!(grace);
        config["limits"] = json!({"max_inflated_bytes": "256MiB"});
    })
    .await;
    scene.put(20).await;
    let daemon = scene.home.start();
    scene.until_lines(&daemon, 20).await;
    scene.home.write("limit", limit(&daemon));
    scene.stop(daemon).await;
    scene.put(20).await;
    scene.kinesis.put(STREAM, [("killer".to_owned(), killer(event))]).await;
    scene.put(20).await;
    scene
}

/// What a process needs that reads ordinary records.
fn limit(daemon: &Daemon) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).expect("Linux, and it runs");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmPeak:")).expect("every process has it");
    let peak: usize = peak.trim().trim_end_matches(" kB").parse().expect("a number of KiB");
    (peak + ROOM / 1024).to_string()
}

fn is_over(daemon: &Daemon) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap_or_default();
    status.is_empty() || status.contains("State:\tZ")
}

fn killer(event: &JobCreated) -> Vec<u8> {
    let mut json = event.json();
    json["requestParameters"] = json!({ "padding": "x".repeat(INFLATED) });
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(json.to_string().as_bytes()).expect("memory takes everything");
    gzip.finish().expect("memory takes everything")
}

/// `P` of every shard when the last process began.
fn positions(home: &Home) -> Vec<String> {
    let starts = std::fs::read(home.path("checkpoint.json.starts")).expect("a process has begun");
    let starts: Value = serde_json::from_slice(&starts).expect("JSON");
    let shards = starts["shards"].as_object().expect("the shards");
    shards.values().map(|shard| shard["processed"].to_string()).collect()
}

/// Starts the daemon until it does not die any more; with how it died before.
async fn supervise(scene: &mut Scene) -> (Daemon, Vec<Ended>) {
    let mut deaths = Vec::new();
    // A life that still comes nearer to the killer than the one before is not one without progress.
    let mut progress = BTreeSet::new();
    loop {
        let daemon = scene.home.start();
        // The stream goes on meanwhile.
        scene.put(2).await;
        let outcome = || async { (is_over(&daemon) || !dead_letters(&scene.home).is_empty()).then_some(()) };
        daemon.until(PATIENCE, "it dies, or stores a dead letter", outcome).await;
        if !is_over(&daemon) {
            return (daemon, deaths);
        }
        let ended = daemon.ended().await;
        assert!(ended.code.is_none() && ended.log.contains("memory allocation of"), "{}", ended.log);
        scene.said.extend(ended.lines.iter().cloned());
        deaths.push(ended);
        progress.insert(positions(&scene.home));
        let bound = CRASHES + progress.len() - 1;
        assert!(deaths.len() <= bound, "it dies more often than {bound} times");
    }
}

/// Waits until `P` of the letter's shard is behind it, while `C` is not, as its window is open.
async fn until_processed(scene: &Scene, daemon: &Daemon, letter: &DeadLetter) {
    // As numbers of one length; none before the first record.
    let number = |value: &Value| value.as_str().map_or((0, String::new()), |text| (text.len(), text.to_owned()));
    let shard = text(&letter.json["shard"]);
    let passed = || async {
        let stored = std::fs::read_to_string(scene.home.path("checkpoint.json")).ok()?;
        let document: Value = serde_json::from_str(&stored).ok()?;
        let row = &document["checkpoint"]["shards"][shard];
        (number(&row["processed"]["after"][0]) >= number(&letter.json["sequence_number"])).then_some(())
    };
    daemon.until(PATIENCE, "P is behind the isolated record", passed).await;
}

/// The one line that names the record.
async fn verdict(daemon: &Daemon) -> Value {
    let lines = daemon.until_logged("record isolated").await;
    assert_eq!(lines.len(), 1, "once");
    serde_json::from_str(&lines[0]).expect("JSON")
}

fn field(line: &Value, name: &str) -> String {
    let value = if line[name].is_null() { &line["fields"][name] } else { &line[name] };
    text(value).to_owned()
}

async fn replay_dead_letters(home: &Home) -> BTreeMap<String, String> {
    home.write("limit", UNLIMITED);
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.path("dead-letters.ndjson"));
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    finals(&read_all(&ended.lines))
}

fn event() -> JobCreated {
    JobCreated::new(999_999, wall_millis(), "999999999999")
}

#[tokio::test(flavor = "multi_thread")]
async fn po_2_a_record_that_kills_the_process_is_isolated_and_everything_else_goes_on() {
    let event = event();
    let mut scene = scene("1s", &event).await;
    let (daemon, deaths) = supervise(&mut scene).await;
    println!("{} processes died before the record was isolated", deaths.len());
    let letters = dead_letters(&scene.home);
    let [letter] = &letters[..] else { panic!("one dead letter, not {}", letters.len()) };
    assert_eq!((letter.reason.as_str(), &letter.data), ("kills_process", &killer(&event)));
    assert_eq!(daemon.metric(REJECTED).await, 1.0);
    assert!(daemon.metric("trailrisk_unclean_starts").await >= 1.0);
    let verdict = verdict(&daemon).await;
    assert_eq!(field(&verdict, "level"), "ERROR");
    assert_eq!(field(&verdict, "shard"), text(&letter.json["shard"]));
    assert_eq!(field(&verdict, "sequence_number"), text(&letter.json["sequence_number"]));
    assert!(field(&verdict, "message").contains("trailrisk replay"), "it says what to do");
    scene.until_final(&daemon).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;

    // Where there is memory for it, its dead letter gives what the record would have given.
    assert_eq!(replay_dead_letters(&scene.home).await, scene.replayed(&[event]).await);
}

/// CP-4: while its neighbours' windows are open it is read again, by whoever comes next.
#[tokio::test(flavor = "multi_thread")]
async fn po_2_an_isolated_record_does_not_kill_in_replay_and_is_not_dead_lettered_again() {
    let mut scene = scene("1h", &event()).await;
    let (daemon, _) = supervise(&mut scene).await;
    until_processed(&scene, &daemon, &dead_letters(&scene.home)[0]).await;
    scene.kill(daemon).await;

    let daemon = scene.home.start();
    let skipped = || async { (daemon.metric(REJECTED).await == 1.0).then_some(()) };
    daemon.until(PATIENCE, "it is skipped, and counted there as well (AG-4)", skipped).await;
    scene.put(2).await;
    scene.until_lines(&daemon, 2).await;
    let letters = dead_letters(&scene.home);
    assert_eq!(letters.len(), 1, "CP-5: replay is silent");
    let shown = Daemon::spawn(scene.home.with_config(&["checkpoint", "show"])).ended().await;
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    let sequence_number = text(&letters[0].json["sequence_number"]);
    assert!(shown.lines.iter().any(|line| line.contains("isolated") && line.contains(sequence_number)), "{shown:?}");
    scene.stop(daemon).await;
}

/// What woke somebody ends by itself once the process runs well.
#[tokio::test(flavor = "multi_thread")]
async fn po_2_unclean_ends_are_history_once_a_process_has_gone_on_for_a_quarter_of_an_hour() {
    const UNCLEAN: &str = "trailrisk_unclean_starts";
    let mut scene = Scene::new(1, |_| {}).await;
    scene.kinesis.faults().set_clock_behind(Duration::from_secs(30 * 60));
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.kill(daemon).await;

    let daemon = scene.home.start();
    daemon.ready().await;
    let read = || async { (daemon.metric("trailrisk_watermark_timestamp_seconds").await > 0.0).then_some(()) };
    daemon.until(PATIENCE, "the watermark is known", read).await;
    assert_eq!(daemon.metric(UNCLEAN).await, 1.0, "the end is a matter of now");
    scene.kinesis.faults().set_clock_behind(Duration::ZERO);
    let over = || async { (daemon.metric(UNCLEAN).await == 0.0).then_some(()) };
    daemon.until(PATIENCE, "the end is history", over).await;
    scene.stop(daemon).await;
}
