//! A state folder that takes no more: it is gone, it is full, it may not be written. Nothing can be stored meanwhile, and
//! so nothing is released; the daemon goes on, says so, and recovers by itself.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::{PATIENCE, Scene};
use crate::daemon::STREAM;
use crate::daemon::dead_letter::read_dead_letters;
use crate::support::daemon::{Daemon, Home};

const UNDECODABLE: &[u8] = br#"{"eventName": "JobCreated", oops"#;
/// Runs the program with SIGXFSZ ignored, so that a file that would be too large is an error.
const WITHOUT_SIGXFSZ: &str = r#"trap '' XFSZ; exec "$0" "$@""#;

/// A fault of the folder, and its end.
trait Outage {
    fn begin(&self, daemon: &Daemon);
    fn end(&self, daemon: Option<&Daemon>);
}

/// The folder is moved away.
struct Vanished(PathBuf);

/// No file may grow, which the system tells as it tells of a full disk.
struct Quota;

/// A small file system of its own, filled to the last byte.
struct Full(PathBuf);

/// Nobody may write there, root included.
struct ReadOnly(PathBuf);

impl Outage for Vanished {
    fn begin(&self, _: &Daemon) {
        std::fs::rename(&self.0, self.0.with_extension("away")).expect("the folder is there");
    }

    fn end(&self, _: Option<&Daemon>) {
        std::fs::rename(self.0.with_extension("away"), &self.0).expect("it was moved away");
    }
}

impl Outage for Quota {
    fn begin(&self, daemon: &Daemon) {
        assert!(succeeds("prlimit", &["--pid", &daemon.pid().to_string(), "--fsize=0:"]), "a limit can be lowered");
    }

    fn end(&self, daemon: Option<&Daemon>) {
        let Some(daemon) = daemon else { return };
        let raised = succeeds("prlimit", &["--pid", &daemon.pid().to_string(), "--fsize=unlimited:"]);
        assert!(raised, "a limit can be raised up to the hard one");
    }
}

impl Full {
    /// None where this process may not mount.
    fn mount(folder: &Path) -> Option<Self> {
        let mounted = succeeds("mount", &["-t", "tmpfs", "-o", "size=256k", "tmpfs", &folder.to_string_lossy()]);
        mounted.then(|| Self(folder.to_owned()))
    }
}

impl Outage for Full {
    fn begin(&self, _: &Daemon) {
        let mut filler = std::fs::File::create(self.0.join("filler")).expect("there is room for a name");
        while filler.write_all(&[b'x'; 4096]).is_ok() {}
    }

    fn end(&self, _: Option<&Daemon>) {
        std::fs::remove_file(self.0.join("filler")).expect("it is there");
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        succeeds("umount", &["--lazy", &self.0.to_string_lossy()]);
    }
}

impl ReadOnly {
    /// None where nothing keeps this process from writing.
    fn of(folder: &Path) -> Option<Self> {
        let read_only = Self(folder.to_owned());
        read_only.set(true);
        let kept = std::fs::write(folder.join("probe"), "").is_err();
        read_only.set(false);
        kept.then_some(read_only)
    }

    /// The mode is for everybody but root, the attribute for root where the file system has it.
    fn set(&self, read_only: bool) {
        let (mode, attribute) = if read_only { ("a-w", "+i") } else { ("u+w", "-i") };
        let folder = self.0.to_string_lossy();
        let files = std::fs::read_dir(&self.0).expect("the folder is there");
        let mut paths: Vec<String> = files.map(|it| it.expect("it").path().to_string_lossy().into_owned()).collect();
        paths.push(folder.into_owned());
        for path in &paths {
            let steps = [("chmod", mode), ("chattr", attribute)];
            let steps = if read_only { steps } else { [steps[1], steps[0]] };
            for (program, change) in steps {
                succeeds(program, &[change, path]);
            }
        }
    }
}

impl Outage for ReadOnly {
    fn begin(&self, _: &Daemon) {
        self.set(true);
    }

    fn end(&self, _: Option<&Daemon>) {
        self.set(false);
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        if self.0.exists() {
            self.set(false);
        }
    }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

fn in_folder(config: &mut Value) {
    config["checkpoint"]["path"] = json!("state/checkpoint.json");
    config["dead_letter"]["path"] = json!("state/dead-letters.ndjson");
}

/// A home with an empty state folder, in which the daemon is an error's receiver and not SIGXFSZ's victim.
fn home() -> Home {
    let home = Home::new("sh", &["-c", WITHOUT_SIGXFSZ, env!("CARGO_BIN_EXE_trailrisk")]);
    std::fs::create_dir(home.path("state")).expect("the folder is writable");
    home
}

/// How often the undecodable record is among the dead letters.
fn kept(scene: &Scene) -> usize {
    read_dead_letters(&scene.home.path("state/dead-letters.ndjson")).iter().filter(|it| it.data == UNDECODABLE).count()
}

/// Through an outage, with a crash in its middle or without.
async fn through(home: Home, outage: &dyn Outage, reason: &str, killed: bool) {
    let mut scene = Scene::in_home(home, 2, in_folder).await;
    let daemon = scene.home.start();
    daemon.ready().await;
    scene.put(5).await;
    scene.until_lines(&daemon, 5).await;

    outage.begin(&daemon);
    let failed = r#"trailrisk_checkpoints_total{outcome="failed"}"#;
    let counted = || async { (daemon.metric(failed).await > 2.0).then_some(()) };
    daemon.until(PATIENCE, "checkpoints that are not stored are counted", counted).await;
    scene.until_unready(&daemon, &format!("state/checkpoint.json: {reason}")).await;
    let said = daemon.until_logged("the checkpoint cannot be stored").await;
    let error = format!("state/checkpoint.json: {reason}");
    assert!(said.len() == 1 && said[0].contains(&error), "once, however often it is tried: {said:#?}");
    // What needs no disk goes on.
    scene.put(5).await;
    scene.until_final(&daemon).await;
    scene.kinesis.put(STREAM, [("key".to_owned(), UNDECODABLE.to_vec())]).await;
    scene.until_unready(&daemon, "sink dead_letter: unavailable").await;
    scene.until_unready(&daemon, "state/dead-letters.ndjson: ").await;

    let daemon = if killed {
        scene.kill(daemon).await;
        outage.end(None);
        scene.home.start()
    } else {
        outage.end(Some(&daemon));
        daemon
    };
    daemon.ready().await;
    scene.put(2).await;
    scene.until_final(&daemon).await;
    daemon.until(PATIENCE, "the dead letter", || async { (kept(&scene) > 0).then_some(()) }).await;
    scene.stop(daemon).await;
    scene.assert_exact().await;
    assert_eq!(kept(&scene), 1, "PO-1: kept, once");
    if !killed {
        scene.assert_once();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_7_a_state_folder_that_vanishes_and_comes_back_loses_nothing() {
    for killed in [false, true] {
        let home = home();
        let outage = Vanished(home.path("state"));
        through(home, &outage, "No such file or directory", killed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_7_a_quota_that_is_used_up_loses_nothing() {
    for killed in [false, true] {
        through(home(), &Quota, "File too large", killed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_7_a_full_disk_loses_nothing() {
    for killed in [false, true] {
        let home = home();
        let Some(outage) = Full::mount(&home.path("state")) else { return skip("a mount") };
        through(home, &outage, "No space left on device", killed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_7_a_read_only_folder_loses_nothing() {
    for killed in [false, true] {
        let home = home();
        let Some(outage) = ReadOnly::of(&home.path("state")) else {
            return skip("a folder that is read-only for root");
        };
        through(home, &outage, "", killed).await;
    }
}

/// Says so past the test harness, which keeps what a successful test prints to itself.
fn skip(missing: &str) {
    let thread = std::thread::current();
    let note = format!("SKIPPED {}: this machine does not allow {missing}\n", thread.name().unwrap_or("a test"));
    std::io::stderr().write_all(note.as_bytes()).expect("standard error is open");
}
