//! PO-1: once its cause is mended, what was rejected gives what it would have given at first.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::dead_letter::dead_letters;
use super::event::{self, JobCreated};
use super::line::{finals, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::CannedStream;
use crate::support::{PATIENCE, wall_millis};

/// A record of 2 MiB that holds three events in two groups, and one of nonsense.
pub fn records(time: i64) -> Vec<Vec<u8>> {
    let accounts = ["111111111111", "222222222222", "222222222222"];
    let events = accounts.iter().zip(1..).map(|(account, number)| {
        let mut event = JobCreated::new(number, time, account).json();
        event["requestParameters"] = json!({ "padding": "x".repeat(700_000) });
        event
    });
    vec![event::gzip(json!({"Records": events.collect::<Vec<_>>()}).to_string().as_bytes()), b"nonsense".to_vec()]
}

async fn start(home: &Home, stream: &CannedStream, inflated: &str) -> (Daemon, Value) {
    let mut config = config(&stream.endpoint);
    config["limits"] = json!({"max_inflated_bytes": inflated});
    config["detections"]["decode"] = json!("all");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    (daemon, config)
}

/// The finals that the letters in `dead-letters.ndjson` make, and what is said of the others.
pub async fn replay(home: &Home) -> (BTreeMap<String, String>, String) {
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.path("dead-letters.ndjson"));
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    (finals(&read_all(&ended.lines)), ended.log)
}

#[tokio::test(flavor = "multi_thread")]
async fn po_1_what_was_too_large_gives_under_a_larger_bound_what_it_would_have_given_at_first() {
    let (small, large, time) = (home(), home(), wall_millis());
    let stream = CannedStream::start(STREAM, time, records(time)).await;
    let (daemon, mut config) = start(&small, &stream, "1MiB").await;
    let kept = || async { (dead_letters(&small).len() == 2).then_some(()) };
    daemon.until(PATIENCE, "both are dead-lettered", kept).await;
    let ended = daemon.stop().await;
    assert!(ended.lines.is_empty(), "nothing could be evaluated");
    for file in ["dead-letters.ndjson", "checkpoint.json", "checkpoint.json.lock"] {
        let mode = std::fs::metadata(small.path(file)).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only its owner reads {file}");
    }

    let (daemon, _) = start(&large, &stream, "8MiB").await;
    let fired = || async { Some(finals(&read_all(&daemon.lines()))).filter(|finals| finals.len() == 2) };
    let at_first = daemon.until(PATIENCE, "both groups are final", fired).await;
    daemon.stop().await;

    let (unmended, log) = replay(&small).await;
    assert!(unmended.is_empty() && log.contains("rejected as too_large: 1"), "{log}");
    config["limits"]["max_inflated_bytes"] = json!("8MiB");
    small.configure(config.to_string());
    let (mended, log) = replay(&small).await;
    assert_eq!(mended, at_first);
    assert!(log.contains("dead-letters.ndjson:2: rejected: bad_json"), "what is still bad is named: {log}");
}

/// A risk event that a receiver refused for good is passed on as it was.
#[tokio::test(flavor = "multi_thread")]
async fn cp_7_a_refused_risk_event_is_read_back_from_the_dead_letters() {
    let (home, time) = (home(), wall_millis());
    let refuse = axum::Router::new().fallback(|| async { axum::http::StatusCode::BAD_REQUEST });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("bound"));
    tokio::spawn(async move { axum::serve(listener, refuse).await.expect("serving never fails") });
    let event = JobCreated::new(1, time, "111111111111").text().into_bytes();
    let stream = CannedStream::start(STREAM, time, [event]).await;
    let mut config = config(&stream.endpoint);
    let webhook = json!({
        "name": "soc", "type": "webhook", "url": url, "allow_http": true, "allow_private": true,
        "retry_min": "50ms", "retry_max": "100ms",
    });
    config["sinks"].as_array_mut().expect("a list").push(webhook);
    home.configure(config.to_string());
    let daemon = home.start();
    let kept = || async { (dead_letters(&home).len() == 2 && daemon.lines().len() == 2).then_some(()) };
    daemon.until(PATIENCE, "the early and the final one are dead-lettered", kept).await;
    let said = read_all(&daemon.stop().await.lines);
    let (read_back, _) = replay(&home).await;
    assert_eq!(read_back, finals(&said));
}
