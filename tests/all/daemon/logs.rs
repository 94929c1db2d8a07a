//! What the log says of a start, of a Kinesis that refuses, and at its most detailed (docs/logs.md).

use base64::Engine as _;
use serde_json::{Value, json};

use super::event::JobCreated;
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::{Fault, LocalKinesis};
use crate::support::{PATIENCE, wall_millis};

/// The lines with this message.
fn said(log: &[String], message: &str) -> Vec<Value> {
    let lines = log.iter().map(|line| serde_json::from_str::<Value>(line).expect("a JSON line"));
    lines.filter(|line| line["message"].as_str().is_some_and(|said| said.starts_with(message))).collect()
}

async fn until_said(daemon: &Daemon, message: &str) -> Vec<Value> {
    let look = || async { Some(said(&daemon.log(), message)).filter(|lines| !lines.is_empty()) };
    daemon.until(PATIENCE, message, look).await
}

#[tokio::test]
async fn each_start_is_one_line_that_says_what_runs_over_what_and_from_where() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    home.configure(config(&kinesis).to_string());
    for from in ["trim horizon", "checkpoint with horizon "] {
        let daemon = home.start();
        daemon.ready().await;
        let [started] = &until_said(&daemon, "started").await[..] else { panic!("one line: {:#?}", daemon.log()) };
        for (key, value) in [("level", "INFO"), ("version", env!("CARGO_PKG_VERSION"))] {
            assert_eq!(started[key], value, "{started}");
        }
        for (key, value) in [("shards", 2), ("detections", 1), ("sinks", 1)] {
            assert_eq!(started[key], value, "{started}");
        }
        assert!(started["stream"].as_str().is_some_and(|arn| arn.ends_with(STREAM)), "{started}");
        assert!(started["from"].as_str().is_some_and(|text| text.starts_with(from)), "{started}");
        assert!(started["revision"].is_string() && started["worker"].is_string(), "{started}");
        let (_, status) = daemon.get("/api/status").await.expect("it answers");
        let status: Value = serde_json::from_str(&status).expect("JSON");
        assert_eq!(started["configuration"], status["about"]["configuration"]);
        assert_eq!(daemon.stop().await.code, Some(0));
    }
}

#[tokio::test]
async fn a_kinesis_that_refuses_is_one_error_for_all_shards_with_the_request_id_and_one_line_when_it_is_over() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 4).await;
    let mut config = config(&kinesis);
    config["source"]["stalled_after"] = json!("5s");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    kinesis.faults().inject_always("GetRecords", Fault::ACCESS_DENIED);
    let stalled = || async { Some(said(&daemon.log(), "shard stalled")).filter(|lines| lines.len() == 4) };
    let stalled = daemon.until(PATIENCE, "every shard is stalled", stalled).await;
    for line in &stalled {
        assert_eq!((&line["level"], &line["request_id"]), (&"ERROR".into(), &"injected".into()), "{line}");
        assert_eq!(line["failure"], "GetRecords: AccessDeniedException", "{line}");
    }
    kinesis.faults().clear();
    assert_eq!(until_said(&daemon, "Kinesis answers every call again").await[0]["level"], "INFO");
    let refused = said(&daemon.log(), "Kinesis refuses");
    assert_eq!((refused.len(), &refused[0]["level"]), (1, &"ERROR".into()), "{refused:#?}");
    assert!(refused[0]["error"].as_str().is_some_and(|error| error.contains("(request injected)")), "{refused:#?}");
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// Kinesis's answers hold the events in base64.
#[tokio::test]
async fn threat_10_at_the_most_detailed_level_the_log_holds_no_event_in_any_form() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["log"] = json!({"format": "json", "level": "trace"});
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let event = JobCreated::new(1, wall_millis(), "515151515151").text().into_bytes();
    kinesis.put(STREAM, [("key".to_owned(), event.clone()), ("key".to_owned(), b"no json".to_vec())]).await;
    let told = || async { Some(daemon.lines()).filter(|lines| !lines.is_empty()) };
    daemon.until(PATIENCE, "an early risk event", told).await;
    let batch = until_said(&daemon, "records evaluated").await;
    assert_eq!(batch[0]["level"], "DEBUG", "{batch:#?}");
    let ended = daemon.stop().await;
    let encoded = base64::engine::general_purpose::STANDARD.encode(&event);
    for text in ["515151515151", "no json", &encoded[..64]] {
        assert!(!ended.log.contains(text), "{text}: {}", ended.log);
    }
}

/// The log is no sink: nothing is held for it, and nothing depends on it.
#[tokio::test]
async fn a_log_that_cannot_be_written_stops_nothing() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    let home = Home::new("sh", &["-c", r#"exec "$0" "$@" 2>/dev/full"#, env!("CARGO_BIN_EXE_trailrisk")]);
    home.configure(config(&kinesis).to_string());
    let daemon = home.start();
    let broken = r#"{"eventName":"JobCreated","eventSource":"s3.amazonaws.com",broken"#;
    let event = JobCreated::new(1, wall_millis(), "111111111111");
    kinesis.put(STREAM, [("a".to_owned(), broken.into()), ("b".to_owned(), event.text().into_bytes())]).await;
    let told = || async { (!daemon.lines().is_empty()).then_some(()) };
    daemon.until(PATIENCE, "a risk event behind a record that is worth a line", told).await;
    assert_eq!(daemon.stop().await.code, Some(0));
}
