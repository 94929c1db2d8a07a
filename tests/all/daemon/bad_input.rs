//! PO-1, live: whatever a record holds, its reason is counted, its bytes are kept, and the daemon goes on.

use std::io::Read as _;

use flate2::read::GzDecoder;
use serde_json::json;

use super::dead_letter::dead_letters;
use super::event::{JobCreated, gzip};
use super::line::{Line, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

/// The files of a folder of the samples, by name.
fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = package("tests/data/cloudtrail").join(folder);
    let paths = std::fs::read_dir(folder).expect("it is part of the project").map(|entry| entry.expect("it").path());
    let named = |path: std::path::PathBuf| {
        let name = path.file_name().expect("it has one").to_string_lossy().into_owned();
        (name, std::fs::read(path).expect("it is readable"))
    };
    paths.map(named).collect()
}

/// Every record of `wrappers/` and `malformed/` with its reason.
fn foreign() -> Vec<(&'static str, Vec<u8>)> {
    // Whole EventBridge events, but of other services.
    let events = ["aws-lambda-java-libs__cloudwatch_event.json", "powertools-lambda-python__eventBridgeEvent.json"];
    let wrapped = files("wrappers").into_iter().map(|(name, data)| {
        let reason = if events.contains(&name.as_str()) { "not_cloudtrail" } else { "unknown_envelope" };
        (reason, data)
    });
    let malformed = files("malformed").into_iter().map(|(_, data)| ("bad_json", data));
    wrapped.chain(malformed).collect()
}

/// The look-alikes: the first 97 lines are CloudTrail by every mark; of the others, those with a host as their source
/// lack a readable time, and the rest are foreign.
fn look_alikes() -> Vec<(Option<&'static str>, Vec<u8>)> {
    let mut text = String::new();
    let file = std::fs::File::open(package("tests/data/cloudtrail/lookalikes.ndjson.gz")).expect("it is there");
    GzDecoder::new(file).read_to_string(&mut text).expect("gzipped text");
    let reason = |number: usize, line: &str| match number {
        0..97 => None,
        _ if is_placeholder(line) => Some("no_event_time"),
        _ => Some("not_cloudtrail"),
    };
    text.lines().enumerate().map(|(number, line)| (reason(number, line), line.as_bytes().to_vec())).collect()
}

/// A sample whose `eventSource` may be CloudTrail's (it holds a dot, or is absent), but whose `eventTime` is `...`.
fn is_placeholder(line: &str) -> bool {
    let event: serde_json::Value = serde_json::from_str(line).expect("JSON");
    let source = event["eventSource"].as_str();
    let named = event["eventName"].is_string() || event["eventVersion"].is_string();
    named && source.is_none_or(|source| source.contains('.') && !source.ends_with(".aliyuncs.com"))
}

/// What the samples do not cover.
fn made() -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!(r#"{{"eventName":"JobCreated","a":{}1{}}}"#, "[".repeat(200), "]".repeat(200));
    vec![
        ("bad_gzip", b"\x1f\x8b\x08 is no gzip".to_vec()),
        ("too_large", gzip(&vec![b' '; 2 << 20])),
        ("bad_kpl", b"\xf3\x89\x9a\xc2 is no aggregate".to_vec()),
        ("empty", b" \n".to_vec()),
        ("bad_json", b"\xff\xfe".to_vec()),
        ("too_deep", deep.into_bytes()),
        ("no_event_time", br#"{"eventName":"JobCreated","eventTime":"yesterday"}"#.to_vec()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn po_1_every_bad_record_is_counted_and_kept_and_the_daemon_goes_on() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    let mut config = config(&kinesis);
    config["detections"]["decode"] = json!("all");
    config["limits"] = json!({"max_inflated_bytes": "1MiB"});
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;

    let look_alikes = look_alikes();
    let good = look_alikes.iter().filter(|(reason, _)| reason.is_none()).count();
    let bad = look_alikes.iter().filter_map(|(reason, data)| Some(((*reason)?, data.clone())));
    let bad: Vec<_> = foreign().into_iter().chain(made()).chain(bad).collect();
    let records = look_alikes.into_iter().filter(|(reason, _)| reason.is_none()).map(|(_, data)| data);
    let records = records.chain(bad.iter().map(|(_, data)| data.clone()));
    kinesis.put(STREAM, records.enumerate().map(|(number, data)| (format!("key-{number}"), data))).await;
    kinesis.put(STREAM, [("key".to_owned(), JobCreated::new(1, wall_millis(), "111111111111").text().into())]).await;

    let fired = || async { (daemon.lines().len() == 2 && dead_letters(&home).len() >= bad.len()).then_some(()) };
    daemon.until(PATIENCE, "what comes after them fires, and they are kept", fired).await;
    assert_eq!(read_all(&daemon.lines()).iter().map(Line::stage).collect::<Vec<_>>(), ["early", "final"]);
    assert_eq!(daemon.metric(r#"trailrisk_events_total{envelope="bare"}"#).await, (good + 1) as f64);
    assert_counted(&daemon, &bad).await;
    assert_eq!(daemon.get("/readyz").await.map(|(status, _)| status), Some(200));

    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_kept(&home, &bad);
}

/// Each reason is counted as often as it was put, and the nine reasons are all there.
async fn assert_counted(daemon: &Daemon, bad: &[(&str, Vec<u8>)]) {
    let reasons = [
        "bad_gzip",
        "too_large",
        "bad_json",
        "too_deep",
        "unknown_envelope",
        "not_cloudtrail",
        "no_event_time",
        "empty",
        "bad_kpl",
    ];
    for reason in reasons {
        let wanted = bad.iter().filter(|(of, _)| *of == reason).count();
        assert!(wanted > 0, "{reason} is tested");
        let counted = daemon.metric(&format!(r#"trailrisk_records_rejected_total{{reason="{reason}"}}"#)).await;
        assert_eq!(counted, wanted as f64, "{reason}");
    }
}

/// Every bad record lies in the dead-letter file once, with its reason, its place and its bytes.
fn assert_kept(home: &crate::support::daemon::Home, bad: &[(&str, Vec<u8>)]) {
    let mut kept: Vec<_> = dead_letters(home)
        .into_iter()
        .map(|letter| {
            assert!(letter.json["shard"].is_string() && letter.json["sequence_number"].is_string(), "{}", letter.json);
            (letter.reason, letter.data.trim_ascii().to_vec())
        })
        .collect();
    let mut wanted: Vec<_> =
        bad.iter().map(|(reason, data)| ((*reason).to_owned(), data.trim_ascii().to_vec())).collect();
    kept.sort();
    wanted.sort();
    assert_eq!(kept, wanted);
}
