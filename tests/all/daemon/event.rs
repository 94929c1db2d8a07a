//! JobCreated events in every envelope, as what the tests put.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

const SAMPLE: &str = include_str!("../../data/cloudtrail/jobcreated.json");

/// What tells one JobCreated event from another.
#[derive(Clone, Debug)]
pub struct JobCreated {
    /// `eventID`.
    pub id: String,
    /// `eventTime` in milliseconds.
    pub time: i64,
    /// `userIdentity.accountId`.
    pub account: String,
    /// `sourceIPAddress`.
    pub source: String,
}

impl JobCreated {
    /// The event with this number, at this time.
    pub fn new(number: u64, time: i64, account: &str) -> Self {
        let id = format!("894153ad-ed86-4719-bb66-{number:012}");
        Self { id, time, account: account.to_owned(), source: "s3.amazonaws.com".to_owned() }
    }

    /// The sample with these facts.
    pub fn json(&self) -> Value {
        let mut event: Value = serde_json::from_str(SAMPLE).expect("the sample is JSON");
        event["eventID"] = json!(self.id);
        event["eventTime"] = json!(utc(self.time));
        event["userIdentity"]["accountId"] = json!(self.account);
        event["recipientAccountId"] = json!(self.account);
        event["sourceIPAddress"] = json!(self.source);
        event["serviceEventDetails"]["jobArn"] =
            json!(format!("arn:aws:s3:us-west-2:{}:job/{}", self.account, self.id));
        event
    }

    /// As text.
    pub fn text(&self) -> String {
        self.json().to_string()
    }
}

/// An event in the envelope of EventBridge.
pub fn eventbridge(event: &JobCreated) -> String {
    json!({
        "version": "0",
        "id": event.id,
        "detail-type": "AWS Service Event via CloudTrail",
        "source": "aws.s3",
        "account": event.account,
        "time": utc(event.time),
        "region": "us-west-2",
        "resources": [],
        "detail": event.json(),
    })
    .to_string()
}

/// Events as a CloudTrail file.
pub fn file(events: &[JobCreated]) -> String {
    let records: Vec<Value> = events.iter().map(JobCreated::json).collect();
    json!({ "Records": records }).to_string()
}

pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// RFC 3339, with as many digits as the instant needs.
pub fn utc(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).expect("within range").to_string()
}
