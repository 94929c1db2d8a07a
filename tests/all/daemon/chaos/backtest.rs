//! `backtest --diff` against everything that a daemon said in three lives, over a stream with late and future events,
//! splits and a merge.

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::super::STREAM;
use super::super::line::{Line, read_all};
use super::traffic::Traffic;
use super::{SPEC, Stop, chaos_config};
use crate::daemon::{home, size};
use crate::support::daemon::{Daemon, Ended, Home, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::measured::measured;
use crate::support::{PATIENCE, wall_millis};

/// A stream with its history, and what a daemon said of it.
struct History {
    kinesis: LocalKinesis,
    home: Home,
    /// Every window that closes up to here is told.
    to: String,
    lines: Vec<String>,
}

fn instant(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).expect("in range").to_string()
}

/// `H`: everything that closes up to there is acknowledged, so printed.
fn horizon(home: &Home) -> Option<i64> {
    let stored: Value = serde_json::from_slice(&std::fs::read(home.path("checkpoint.json")).ok()?).ok()?;
    stored["checkpoint"]["horizon"].as_i64()
}

/// One life ends by SIGTERM, the next by SIGKILL, while records are put and shards split and merge.
async fn history() -> History {
    let seed = size("TRAILRISK_CHAOS_SEED", usize::try_from(fastrand::u32(..)).expect("64 bits")) as u64;
    println!("TRAILRISK_CHAOS_SEED={seed}");
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, super::SHARDS).await;
    let home = home();
    home.configure(chaos_config(&kinesis).to_string());
    let traffic = Traffic::new(seed, size("TRAILRISK_CHAOS_RECORDS", 2000), true, true);
    let (begun, third) = (Instant::now(), traffic.duration() / 3);
    let lives = async {
        let (mut said, mut daemon) = (Vec::new(), home.start());
        for (count, stop) in [(1, Stop::Terminate), (2, Stop::Kill)] {
            sleep_until(begun + count * third).await;
            daemon = stop.strike(daemon, &home, &mut said).await;
        }
        (said, daemon)
    };
    let ((mut lines, daemon), traffic) = tokio::join!(lives, traffic.put(&kinesis));
    println!("{} records with events, {} undecodable", traffic.texts.len(), traffic.undecodable.len());
    measured(&json!({ "records": traffic.texts.len() + traffic.undecodable.len() }));
    // The windows of the last records are in it.
    let to = wall_millis() + SPEC.window + SPEC.grace;
    let told = || async { horizon(&home).filter(|horizon| *horizon >= to) };
    daemon.until(PATIENCE, "every window of the traffic is told", told).await;
    lines.extend(Stop::Terminate.end(daemon).await.lines);
    History { kinesis, home, to: instant(to), lines }
}

impl History {
    async fn backtest(&self, arguments: &[&str]) -> Ended {
        let mut command = self.home.with_config(&["backtest", "--from", "1h", "--to", &self.to]);
        command.args(arguments);
        let ended = Daemon::spawn(command).ended().await;
        println!("{:?}: {:?}\n{}", arguments, ended.code, ended.log);
        ended
    }

    /// The comparison with a file of these lines.
    async fn diff(&self, lines: &[String]) -> Ended {
        let file = self.home.write("live.ndjson", lines.join("\n"));
        self.backtest(&["--diff", &file.to_string_lossy()]).await
    }

    /// The place of some final risk event of the range that was printed once.
    fn some_final(&self, printed: &[Line]) -> usize {
        let is_once = |line: &&Line| self.lines.iter().filter(|other| Line::read(other).key == line.key).count() == 1;
        let chosen = printed.iter().find(is_once).expect("not every one was repeated");
        self.lines.iter().position(|line| Line::read(line).key == chosen.key).expect("it was printed")
    }

    async fn assert_named(&self, lines: &[String], id: &str, how: &str, others: [&str; 3]) {
        let ended = self.diff(lines).await;
        assert_eq!(ended.code, Some(1), "{how}: {}", ended.log);
        assert!(ended.lines[0].starts_with(&format!("{how:<9} {id} ")), "{how}: {:?}", ended.lines);
        let tally = ended.log.lines().find(|line| line.starts_with("they differ")).expect("the tally");
        assert!(tally.contains(&format!(" 1 {how}")), "{tally}");
        for other in others {
            assert!(tally.contains(&format!(" 0 {other}")), "{tally}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn em_4_a_backtest_gives_the_ids_and_bytes_that_live_gave_and_finds_what_is_changed() {
    let history = history().await;
    let printed = history.backtest(&[]).await;
    assert_eq!(printed.code, Some(0), "{}", printed.log);
    let printed = read_all(&printed.lines);
    let of = |pane: &str| printed.iter().filter(|line| line.json["pane"] == pane).count();
    println!("{} on time, {} late, {} future", of("on_time"), of("late"), of("future"));
    measured(&json!({ "finals": printed.len() }));
    assert!(
        of("on_time") > 0
            && of("late") > 0
            && of("future") > 0
            && of("on_time") + of("late") + of("future") == printed.len()
    );
    assert!(history.kinesis.shards(STREAM).await.len() > super::SHARDS as usize, "shards were split and merged");
    assert!(!history.home.path("checkpoint.json.tmp").exists());

    let stored = std::fs::read(history.home.path("checkpoint.json")).expect("it is there");
    let same = history.diff(&history.lines).await;
    assert_eq!((same.code, same.lines.len()), (Some(0), 0), "{}\n{:?}", same.log, same.lines);
    assert!(same.log.contains(&format!("no difference: {} alike, byte for byte", printed.len())), "{}", same.log);
    assert_eq!(std::fs::read(history.home.path("checkpoint.json")).expect("it is there"), stored, "it is not touched");

    let at = history.some_final(&printed);
    let chosen = Line::read(&history.lines[at]);
    let mut removed = history.lines.clone();
    removed.remove(at);
    history.assert_named(&removed, chosen.id(), "missing", ["extra", "different", "of a changed"]).await;

    let mut changed = history.lines.clone();
    changed[at] = changed[at].replacen(r#""event_count":"#, r#""event_count":7"#, 1);
    history.assert_named(&changed, chosen.id(), "different", ["missing", "extra", "of a changed"]).await;

    let mut added = history.lines.clone();
    added.push(history.lines[at].replacen(chosen.id(), &"0".repeat(32), 1).replace("s3.amazonaws.com", "invented"));
    history.assert_named(&added, &"0".repeat(32), "extra", ["missing", "different", "of a changed"]).await;

    another_detection(&history, printed.len()).await;
}

/// The detection is edited behind the daemon's back: every result is there, under another id.
async fn another_detection(history: &History, results: usize) {
    let shipped = package("config/detections/aws_exfiltration_via_batch_service.yml");
    let text = std::fs::read_to_string(shipped).expect("it is shipped");
    let version = text.lines().find(|line| line.starts_with("version: ")).expect("it has one").to_owned();
    std::fs::create_dir(history.home.path("edited")).expect("a new folder");
    history.home.write("edited/detection.yml", text.replace(&version, "version: 99"));
    let file = history.home.write("live.ndjson", history.lines.join("\n"));
    let ended = history.backtest(&["--diff", &file.to_string_lossy(), "--detections", "edited"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let tally = format!("0 alike, 0 missing in the file, 0 extra, 0 different, {results} of a changed detection");
    assert!(ended.log.contains(&tally), "{tally}\n{}", ended.log);
    assert!(ended.log.contains("the id holds the detection's fingerprint"), "{}", ended.log);
    assert!(ended.lines[0].starts_with("changed   ") && ended.lines[1].contains(" v99, "), "{:?}", &ended.lines[..2]);
}
