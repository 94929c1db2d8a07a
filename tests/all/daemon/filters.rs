//! Filters that expire: the end of the window decides what is hidden, the clock only what is said.

use serde_json::{Value, json};

use super::event::{JobCreated, utc};
use super::line::read_all;
use super::{STREAM, config, home};
use crate::support::daemon::{Ended, Home, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const NAME: &str = "AWS Exfiltration via Batch Service";
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;
/// 2023-04-24T23:00:00Z
const START: i64 = 1_682_377_200_000;

/// A filter of this detection with an end.
fn filter(expires: &str) -> String {
    format!(
        "aws_exfiltration_via_batch_service_filter:\n  definition: search NOT aws_account_id=111111111111\n  \
         owner: soc\n  reason: CHG-17\n  expires: {expires}\n"
    )
}

async fn run(home: &Home, command: &str, more: &[&str]) -> Ended {
    let detections = package("config/detections");
    let detections = detections.to_string_lossy();
    let mut arguments = vec![command, "--detections", &*detections, "--macros", "macros.yaml"];
    arguments.extend(more);
    home.run(&arguments).await
}

/// One event an hour; the filter ends with the second window. The third is evaluated without it.
#[tokio::test]
async fn ag_5_a_replay_crosses_the_expiry_at_the_end_of_a_window() {
    let home = home();
    let events = (0..4).map(|n| {
        let account = if n == 3 { "222222222222" } else { "111111111111" };
        JobCreated::new(n, START + (n as i64 % 3) * HOUR + 60_000, account).text()
    });
    home.write("events.ndjson", events.collect::<Vec<_>>().join("\n"));
    for (expires, hidden, windows) in [
        (utc(START + 2 * HOUR), 2, vec![START, START + 2 * HOUR]),
        (utc(START + 2 * HOUR - 1), 1, vec![START, START + HOUR, START + 2 * HOUR]),
        ("2023-04-24".to_owned(), 1, vec![START, START + HOUR, START + 2 * HOUR]),
        ("2023-04-25".to_owned(), 3, vec![START]),
    ] {
        home.write("macros.yaml", filter(&expires));
        let ended = run(&home, "replay", &["events.ndjson"]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        let starts: Vec<Value> =
            read_all(&ended.lines).iter().map(|line| line.json["window"]["start"].clone()).collect();
        let expected: Vec<Value> = windows.iter().map(|start| json!(utc(*start))).collect();
        assert_eq!(starts, expected, "{expires}");
        let counted = format!("rows hidden by aws_exfiltration_via_batch_service_filter: {hidden}");
        assert!(ended.log.contains(&counted), "{expires}: {}", ended.log);
        assert!(ended.log.contains("_filter applies to windows that end by 2023-04-2"), "{}", ended.log);
    }
}

#[tokio::test]
async fn check_warns_of_filters_that_have_expired_or_soon_will() {
    let home = home();
    let soon = utc(wall_millis() + 3 * DAY);
    let far = utc(wall_millis() + 30 * DAY);
    for (expires, word) in [("2024-02-29", "expired at 2024-03-01T00:00:00Z"), (&*soon, "expires at"), (&*far, "")] {
        home.write("macros.yaml", filter(expires));
        let (text, json) = (run(&home, "check", &[]).await, run(&home, "check", &["--json"]).await);
        assert_eq!((text.code, json.code), (Some(0), Some(0)), "it is a warning: {} {}", text.log, json.log);
        let line: Value = serde_json::from_str(&json.lines[0]).expect("JSON");
        let of_expiry = |text: &&str| text.contains("the filter aws_exfiltration_via_batch_service_filter");
        let warnings: Vec<&str> =
            line["warnings"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        let warnings: Vec<&str> = warnings.into_iter().filter(of_expiry).collect();
        let text = text.lines.join("\n");
        if word.is_empty() {
            assert!(warnings.is_empty() && !text.contains("expires at"), "{text}");
            continue;
        }
        assert!(warnings.len() == 1 && warnings[0].starts_with("macros.yaml:5:12: "), "{warnings:?}");
        for said in [warnings[0], &*text] {
            assert!(said.contains(word) && said.contains("owner: soc; reason: CHG-17"), "{expires}: {said}");
        }
    }
}

#[tokio::test]
async fn a_wrong_macros_file_says_where() {
    let home = home();
    for (macros, place, word) in [
        (filter("someday"), "5:12", "neither a date nor an instant"),
        (filter("2026-12-31").replace("owner", "onwer"), "3:3", "did you mean `owner`?"),
    ] {
        home.write("macros.yaml", macros);
        let checked = run(&home, "check", &[]).await;
        assert_eq!(checked.code, Some(78));
        assert!(checked.log.contains(place) && checked.log.contains(word), "{}", checked.log);
    }
    home.write("macros.yaml", filter("2026-12-31").replace("search NOT", "eval x=1 | search NOT"));
    let checked = run(&home, "check", &[]).await;
    let said = checked.lines.join("\n");
    assert!(checked.code == Some(78) && said.contains("may therefore only hide rows"), "{said}");
}

/// Live: one filter has expired, the other has not, and both are seen from outside.
#[tokio::test]
async fn an_expired_filter_is_inactive_and_loud_while_another_hides_and_is_counted() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    home.write(
        "macros.yaml",
        "old: {definition: search NOT aws_account_id=111111111111, owner: soc, expires: 2024-02-29}\n\
         new: {definition: search NOT aws_account_id=222222222222, expires: 2999-12-31}\n\
         aws_exfiltration_via_batch_service_filter: '`old` | `new`'\n",
    );
    let mut config = config(&kinesis);
    config["detections"]["macros"] = json!("macros.yaml");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    for (number, account) in [(1, "111111111111"), (2, "222222222222")] {
        let event = JobCreated::new(number, wall_millis(), account);
        kinesis.put(STREAM, [("key".to_owned(), event.text().into_bytes())]).await;
    }
    let hidden =
        |filter: &str| format!("trailrisk_detection_hidden_rows_total{{detection=\"{NAME}\",filter=\"{filter}\"}}");
    let closed = || async {
        let is_closed = daemon.metric(&hidden("new")).await == 1.0 && daemon.lines().len() == 2;
        is_closed.then_some(())
    };
    daemon.until(PATIENCE, "both windows close", closed).await;
    assert_eq!(daemon.metric(&hidden("old")).await, 0.0);
    assert_eq!(daemon.metric("trailrisk_filters_expired").await, 1.0);
    let expiry = format!("trailrisk_filter_expiry_timestamp_seconds{{detection=\"{NAME}\",filter=\"old\"}}");
    assert_eq!(daemon.metric(&expiry).await, 1_709_251_200.0, "2024-03-01T00:00:00Z");
    let ended = daemon.stop().await;
    assert!(ended.lines.iter().all(|line| line.contains("111111111111")), "{:?}", ended.lines);
    let warnings = ended.log.lines().filter(|line| line.contains("\"WARN\"") && line.contains("the filter old of"));
    let warnings: Vec<&str> = warnings.collect();
    assert!(warnings.len() == 1 && warnings[0].contains("owner: soc"), "said once: {warnings:?}");
    assert!(!ended.log.contains("the filter new of"), "{}", ended.log);
}
