//! What must come, and whether it came.

use serde_json::Value;

use crate::PATIENCE;
use crate::events::Samples;
use crate::support::daemon::Daemon;

/// A risk event, as far as the demo looks at it.
pub struct Seen {
    stage: String,
    account: String,
    count: u64,
    jobs: usize,
    score: f64,
    techniques: Vec<String>,
}

/// Reads and shows risk events until each account has its early and its final one.
pub async fn risk_events(daemon: &Daemon, samples: &Samples) -> Vec<Seen> {
    let mut seen = Vec::new();
    while seen.len() < 2 * samples.events_by_account.len() {
        let next = || async { daemon.lines_after(seen.len()).into_iter().next() };
        let line = daemon.until(PATIENCE, "a risk event", next).await;
        let event: Value = serde_json::from_str(&line).expect("a risk event is one line of JSON");
        let risk_event = look_at(&event);
        println!(
            "{:5}  {}  score {}  count {}  {}",
            risk_event.stage, event["severity"], risk_event.score, risk_event.count, event["risk_message"]
        );
        if risk_event.stage == "final" && risk_event.account == "111111111111" {
            println!("       in full: {line}");
        }
        seen.push(risk_event);
    }
    seen
}

fn look_at(event: &Value) -> Seen {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Seen {
        stage: text(&event["stage"]),
        account: text(&event["group"]["aws_account_id"]),
        count: event["row"]["count"].as_u64().unwrap_or_default(),
        jobs: event["row"]["job_arn"].as_array().map_or(1, Vec::len),
        score: event["risk_score"].as_f64().unwrap_or_default(),
        techniques: event["annotations"]["mitre_attack"].as_array().into_iter().flatten().map(text).collect(),
    }
}

/// The metrics worth showing.
pub fn matters(line: &str) -> bool {
    const NAMES: [&str; 8] = [
        "trailrisk_kinesis_records_total",
        "trailrisk_events_total",
        "trailrisk_records_rejected_total{reason=\"bad_json\"}",
        "trailrisk_detection_matches_total",
        "trailrisk_events_duplicate_total",
        "trailrisk_risk_events_total",
        "trailrisk_sink_deliveries_total",
        "trailrisk_checkpoints_total",
    ];
    NAMES.iter().any(|name| line.starts_with(name)) && !line.ends_with(" 0")
}

/// Each expectation, and whether it held.
pub fn verdicts(samples: &Samples, seen: &[Seen], metrics: &str, stopped: bool) -> Vec<(String, bool)> {
    let mut verdicts = Vec::new();
    for (account, events) in &samples.events_by_account {
        let of = |stage: &str| {
            seen.iter().filter(|seen| seen.stage == stage && seen.account == *account).collect::<Vec<_>>()
        };
        verdicts.push((format!("one early risk event for account {account}"), of("early").len() == 1));
        let finals = of("final");
        let complete = matches!(finals[..], [one] if one.count == *events && one.jobs as u64 == *events);
        verdicts.push((format!("one final risk event for account {account} with {events} events"), complete));
    }
    let annotated = seen.iter().all(|seen| (seen.score - 64.0).abs() < f64::EPSILON && seen.techniques == ["T1119"]);
    verdicts.push(("every risk event scores 64 and names ATT&CK T1119".to_owned(), annotated));
    let rejected = format!("trailrisk_records_rejected_total{{reason=\"bad_json\"}} {}", samples.undecodable);
    verdicts.push(("what is no JSON was counted and dead-lettered".to_owned(), metrics.contains(&rejected)));
    let shards =
        metrics.lines().filter(|line| line.starts_with("trailrisk_kinesis_shard_behind_latest_seconds{")).count();
    verdicts.push((format!("the split was followed ({shards} shards read)"), shards >= 5));
    verdicts.push(("SIGTERM: nothing more was emitted, exit code 0".to_owned(), stopped));
    verdicts
}
