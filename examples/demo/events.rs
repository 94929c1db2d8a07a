//! The sample events, dated now, in every envelope.

use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

/// Window of the demo, in seconds.
pub const WINDOW: u64 = 10;
/// Grace of the demo, in seconds.
pub const GRACE: u64 = 3;

const JOB_CREATED: &str = include_str!("../../tests/data/cloudtrail/jobcreated.json");
const EVENTBRIDGE: &str = include_str!("../../tests/data/cloudtrail/jobcreated_eventbridge.json");

/// What is put, and what must come of it.
pub struct Samples {
    /// Partition key and data of every record.
    pub records: Vec<(String, Vec<u8>)>,
    /// Per account, how many distinct JobCreated events it has.
    pub events_by_account: Vec<(&'static str, u64)>,
    /// Records that cannot be decoded.
    pub undecodable: u64,
}

/// Waits for the start of the next window and returns it, in seconds since the epoch: everything then falls into one.
pub async fn next_window() -> u64 {
    let now = now();
    let start = (now.as_secs() / WINDOW + 1) * WINDOW;
    tokio::time::sleep(Duration::from_secs(start).saturating_sub(now)).await;
    start
}

#[expect(clippy::disallowed_methods, reason = "a demo lives in the reader's present")]
pub fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock is beyond 1970")
}

/// The records of one window. Account 111111111111 has four events, two of them twice; 222222222222 has two in one
/// record; the EventBridge sample's account has one.
pub fn samples(window: u64) -> Samples {
    let event = |account, number| job_created(account, number, window);
    let first = event("111111111111", 1);
    let bridged = eventbridge(window);
    let documents = vec![
        ("bare", first.to_string().into_bytes()),
        ("the same again", first.to_string().into_bytes()),
        ("gzip", gzip(event("111111111111", 2).to_string().as_bytes())),
        ("noise", noise(window)),
        ("EventBridge", bridged.to_string().into_bytes()),
        ("not JSON", b"{\"eventName\": \"JobCreated\", oops".to_vec()),
        ("CloudWatch Logs", cloudwatch_logs(&event("111111111111", 3))),
        (
            "CloudTrail file",
            json!({"Records": [event("222222222222", 5), event("222222222222", 6)]}).to_string().into(),
        ),
        ("NDJSON", format!("{}\n{}\n", event("111111111111", 4), event("111111111111", 2)).into_bytes()),
        ("the same in another shard", bridged.to_string().into_bytes()),
    ];
    let records = documents.into_iter().enumerate().map(|(n, (_, data))| (format!("key-{n}"), data)).collect();
    let events_by_account = vec![("111111111111", 4), ("11112223334444", 1), ("222222222222", 2)];
    Samples { records, events_by_account, undecodable: 1 }
}

fn job_created(account: &str, number: u64, window: u64) -> Value {
    let mut event: Value = serde_json::from_str(JOB_CREATED).expect("the sample is JSON");
    event["eventTime"] = json!(utc(window + number));
    event["eventID"] = json!(format!("894153ad-ed86-4719-bb66-{number:012}"));
    event["userIdentity"]["accountId"] = json!(account);
    event["recipientAccountId"] = json!(account);
    event["serviceEventDetails"]["jobArn"] = json!(format!("arn:aws:s3:us-west-2:{account}:job/demo-{number}"));
    event
}

fn eventbridge(window: u64) -> Value {
    let mut envelope: Value = serde_json::from_str(EVENTBRIDGE).expect("the sample is JSON");
    envelope["time"] = json!(utc(window + 7));
    envelope["detail"]["eventTime"] = json!(utc(window + 7));
    envelope
}

pub fn noise(window: u64) -> Vec<u8> {
    let mut event = job_created("111111111111", 8, window);
    event["eventName"] = json!("JobStatusChanged");
    event.to_string().into_bytes()
}

fn cloudwatch_logs(event: &Value) -> Vec<u8> {
    let message = json!({
        "messageType": "DATA_MESSAGE", "owner": "111111111111", "logGroup": "cloudtrail", "logStream": "demo",
        "subscriptionFilters": ["all"],
        "logEvents": [{"id": "1", "timestamp": 0, "message": event.to_string()}],
    });
    gzip(message.to_string().as_bytes())
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(data).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

fn utc(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).expect("the demo runs before the end of time");
    jiff::Timestamp::from_second(seconds).expect("within range").to_string()
}

/// A JobCreated event of this time, in seconds since the epoch.
pub fn job_at(account: &str, number: u64, at: u64) -> Value {
    let mut event = job_created(account, number, at);
    event["eventTime"] = json!(utc(at));
    event
}
