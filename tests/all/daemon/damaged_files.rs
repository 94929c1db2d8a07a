//! `trailrisk replay` over a folder in which something is damaged: what can be read is evaluated, what cannot is named.

use std::io::Write as _;

use super::event::JobCreated;
use super::home;
use crate::support::daemon::{Daemon, Ended, Home, package};

const TIME: i64 = 1_769_860_800_000;

/// Of an account of its own, so that each is a risk event.
fn event(number: u64) -> String {
    JobCreated::new(number, TIME, &format!("{:012}", 111_111_111_111 + number)).text()
}

async fn replay(home: &Home, paths: &[&str]) -> Ended {
    let mut command = home.command(&["replay", "--detections"]);
    command.arg(package("config/detections")).arg("--macros").arg(package("config/macros.yaml")).args(paths);
    Daemon::spawn(command).ended().await
}

/// Gzip that ends behind the first of two lines.
fn cut_gzip(first: &str, second: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writeln!(encoder, "{first}").and_then(|()| encoder.flush()).expect("memory");
    let length = encoder.get_ref().len();
    writeln!(encoder, "{second}").expect("memory");
    let mut bytes = encoder.finish().expect("memory");
    bytes.truncate(length + 4);
    bytes
}

#[tokio::test]
async fn a_damaged_file_is_named_and_the_others_are_evaluated() {
    let home = home();
    std::fs::create_dir(home.path("logs")).expect("a folder");
    home.write("logs/a.json.gz", cut_gzip(&event(1), &event(2)));
    std::os::unix::fs::symlink("nowhere", home.path("logs/b.json")).expect("a link");
    home.write("logs/c.json", event(3));
    let ended = replay(&home, &["logs"]).await;
    assert_eq!(ended.lines.len(), 2, "the line before the damage counts, and so does the whole file: {}", ended.log);
    for words in [
        "cannot read logs/a.json.gz to its end: ",
        "; its whole lines before that count",
        "cannot read logs/b.json: No such file or directory",
        "2 documents",
        "trailrisk: 2 files could not be read whole: what is printed may lack their events",
    ] {
        assert!(ended.log.contains(words), "{words:?} is not in {}", ended.log);
    }
    assert_eq!(ended.code, Some(1), "{}", ended.log);
}

#[tokio::test]
async fn a_path_that_does_not_exist_is_refused_before_anything_is_read() {
    let home = home();
    home.write("a.json", event(1));
    let ended = replay(&home, &["a.json", "absent.json"]).await;
    assert_eq!((ended.code, ended.lines.len()), (Some(64), 0), "{}", ended.log);
}

#[tokio::test]
async fn what_is_neither_a_file_nor_a_folder_is_not_waited_for_unless_it_is_named() {
    let home = home();
    std::fs::create_dir(home.path("logs")).expect("a folder");
    let made = std::process::Command::new("mkfifo").arg(home.path("logs/pipe")).status().expect("mkfifo");
    assert!(made.success());
    home.write("logs/z.json", event(1));
    let ended = replay(&home, &["logs"]).await;
    assert_eq!((ended.code, ended.lines.len()), (Some(1), 1), "{}", ended.log);
    assert!(ended.log.contains("cannot read logs/pipe: it is neither a file nor a folder"), "{}", ended.log);

    let pipe = home.path("logs/pipe");
    let writer = std::thread::spawn(move || std::fs::write(pipe, event(2)));
    let named = replay(&home, &["logs/pipe"]).await;
    assert_eq!((named.code, named.lines.len()), (Some(0), 1), "{}", named.log);
    writer.join().expect("no panic").expect("it is read");
}

#[tokio::test]
async fn a_name_with_a_line_break_forges_no_line() {
    let home = home();
    std::fs::create_dir(home.path("logs")).expect("a folder");
    home.write("logs/a\nforged: 1 documents", "no event");
    let ended = replay(&home, &["logs"]).await;
    assert!(ended.log.contains(r"logs/a\u{a}forged: 1 documents:1: rejected"), "{}", ended.log);
}

/// Each round would read everything below once more.
#[tokio::test]
async fn a_folder_that_leads_back_to_itself_is_walked_once() {
    let home = home();
    std::fs::create_dir_all(home.path("logs/deeper")).expect("a folder");
    std::os::unix::fs::symlink("..", home.path("logs/deeper/back")).expect("a link");
    home.write("logs/deeper/z.json", event(1));
    let ended = replay(&home, &["logs"]).await;
    assert_eq!((ended.code, ended.lines.len()), (Some(1), 1), "{}", ended.log);
    assert!(ended.log.contains("cannot read logs/deeper/back: it leads back to a folder above it"), "{}", ended.log);
    assert!(ended.log.contains("1 documents"), "{}", ended.log);
}

/// As the help says; the rest of the files is evaluated.
#[tokio::test]
async fn of_many_rejected_documents_the_first_20_are_named_and_all_are_counted() {
    let home = home();
    let bad = |number: u64| format!("{{\"eventName\":\"JobCreated\",{number}}}\n");
    home.write("a.json", (0..15).map(bad).collect::<String>());
    home.write("b.json", (0..15).map(bad).collect::<String>() + &event(1));
    let ended = replay(&home, &["a.json", "b.json"]).await;
    let named = |file: &str| ended.log.lines().filter(|line| line.starts_with(file)).count();
    assert_eq!((named("a.json:"), named("b.json:")), (15, 5), "{}", ended.log);
    assert!(ended.log.contains("rejected as bad_json: 30"), "{}", ended.log);
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 1), "{}", ended.log);
}
