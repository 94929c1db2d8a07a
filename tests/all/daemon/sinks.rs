//! Sinks of this host: a file beside standard output, where dead letters go too.

use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::event::JobCreated;
use super::line::{finals, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::Daemon;
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const NONSENSE: &[u8] = b"JobCreated nonsense";

#[tokio::test(flavor = "multi_thread")]
async fn a_file_gets_what_standard_output_gets_and_dead_letters_there_are_told_apart_and_replayable() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["sinks"] = json!([
        {"name": "stdout", "type": "stdout"},
        {"name": "archive", "type": "file", "path": "risk-events.ndjson", "rotate_bytes": "64KiB", "keep": 100},
    ]);
    config["dead_letter"] = json!({"type": "stdout"});
    config["detections"]["decode"] = json!("all");
    home.configure(config.to_string());
    let accounts = 0..40_u64;
    let event = |number| JobCreated::new(number, wall_millis(), &format!("{:012}", 100 + number)).json().to_string();
    let mut records: Vec<_> =
        accounts.clone().map(|number| (format!("key-{number}"), event(number).into_bytes())).collect();
    records.push(("key".to_owned(), NONSENSE.to_vec()));
    kinesis.put(STREAM, records).await;

    let daemon = home.start();
    let archived = || -> Vec<String> {
        let folder = std::fs::read_dir(home.path(".")).expect("the folder").map(|file| file.expect("a file").path());
        let ours = folder.filter(|path| path.to_string_lossy().contains("risk-events.ndjson"));
        let texts = ours.map(|path| std::fs::read_to_string(path).unwrap_or_default());
        texts.flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    };
    let all = || async { (archived().len() == 2 * accounts.clone().count()).then_some(()) };
    daemon.until(PATIENCE, "everything is archived", all).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(home.path("risk-events.ndjson.1").exists(), "80 events are more than 64 KiB");
    let mode = std::fs::metadata(home.path("risk-events.ndjson")).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);

    let is_letter = |line: &&String| line.starts_with(r#"{"schema":"trailrisk.dead_letter/v1","#);
    let (letters, events): (Vec<&String>, Vec<&String>) = ended.lines.iter().partition(is_letter);
    assert_eq!(finals(&read_all(events)), finals(&read_all(&archived())));
    assert_eq!(letters.len(), 1);
    let letter: Value = serde_json::from_str(letters[0]).expect("a line of JSON");
    assert_eq!(letter["origin"], "record");

    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.write("letters.ndjson", letters[0].as_str()));
    let replayed = Daemon::spawn(command).ended().await;
    assert_eq!(replayed.code, Some(0), "{}", replayed.log);
    assert!(replayed.lines.is_empty(), "what was no JSON is none now: {:?}", replayed.lines);
}
