//! CloudTrail events for measurements: as many as wanted, deterministic from a seed, of the size and shape of real ones.
//!
//! Most are API calls that the shipped detection does not match (about 1.7 KB); a given share are `JobCreated` events of
//! S3 Batch Operations (about 1.1 KB), spread evenly over the file and over a given number of groups. The stream of
//! events is the same in every wrapper.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

/// The events span this many seconds, so that all of them are in one window of an hour.
const SPAN_SECONDS: u64 = 3_600;
/// 2026-01-05T10:00:00Z, at the beginning of an hour.
pub const START: &str = "2026-01-05T10:";
const START_MS: u64 = 1_767_607_200_000;
/// One call in so many has a `\u` escape, as in the corpus (6 of 2,765 events).
const ESCAPED_ONE_IN: u64 = 460;
/// Events in one CloudWatch Logs payload.
const LOG_EVENTS: u64 = 40;
/// Events in one file of a trail.
const FILE_EVENTS: u64 = 300;

/// What stands around each event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// Nothing.
    Bare,
    /// An EventBridge event.
    EventBridge,
    /// Gzip members, each a CloudWatch Logs payload with a newline behind it.
    CloudWatchLogs,
    /// Gzip members, each a file as a trail puts it into its bucket, with a newline behind it.
    File,
}

/// What is generated.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// Events.
    pub events: u64,
    /// Of a million events, so many match the shipped detection.
    pub matches_per_million: u64,
    /// The matching events are spread over so many groups; at least 1.
    pub groups: u64,
    /// The same seed gives the same bytes.
    pub seed: u64,
    /// What stands around each event.
    pub wrapper: Wrapper,
}

/// Makes the records of a [`Spec`], one after the other.
pub struct Generator {
    spec: Spec,
    random: Random,
    next: u64,
    matches: u64,
    event: Vec<u8>,
}

impl Generator {
    pub fn new(spec: Spec) -> Self {
        Self { random: Random(spec.seed ^ 0x9E37_79B9_7F4A_7C15), spec, next: 0, matches: 0, event: Vec::new() }
    }

    /// Appends the next record (one event, or a gzip member of several), without a newline behind it.
    /// False at the end.
    pub fn record(&mut self, out: &mut Vec<u8>) -> bool {
        if self.next == self.spec.events {
            return false;
        }
        match self.spec.wrapper {
            Wrapper::Bare => {
                self.event();
                out.extend_from_slice(&self.event);
            }
            Wrapper::EventBridge => self.event_bridge(out),
            Wrapper::CloudWatchLogs => self.logs(out),
            Wrapper::File => self.file(out),
        }
        true
    }

    /// Of a million events so many match, evenly spread and exact.
    fn is_match(&self) -> bool {
        let before = |index: u64| u128::from(index) * u128::from(self.spec.matches_per_million) / 1_000_000;
        before(self.next + 1) > before(self.next)
    }

    /// The next event, in `self.event`. Its millisecond is returned.
    fn event(&mut self) -> u64 {
        let ms = SPAN_SECONDS * 1000 * self.next / self.spec.events;
        let second = ms / 1000;
        let mut event = std::mem::take(&mut self.event);
        event.clear();
        let time = format!("{START}{:02}:{:02}Z", second / 60, second % 60);
        if self.is_match() {
            // A prime beyond any number of groups: neighbours in the file are not neighbours among the groups.
            let group = self.matches.wrapping_mul(2_147_483_647) % self.spec.groups;
            job_created(&mut event, &mut self.random, &time, group);
            self.matches += 1;
        } else {
            api_call(&mut event, &mut self.random, &time);
        }
        self.event = event;
        self.next += 1;
        START_MS + ms
    }

    fn event_bridge(&mut self, out: &mut Vec<u8>) {
        let kind = if self.is_match() { "AWS Service Event via CloudTrail" } else { "AWS API Call via CloudTrail" };
        let id = self.random.next();
        let ms = self.event();
        let second = (ms - START_MS) / 1000;
        let (minute, second) = (second / 60, second % 60);
        write!(
            out,
            r#"{{"version":"0","id":"{:08x}-1b2c-4d5e-8f90-{:012x}","detail-type":"{kind}","source":"aws.s3","account":"111122223333","time":"{START}{minute:02}:{second:02}Z","region":"us-east-1","resources":[],"detail":"#,
            id >> 32,
            id & 0xFFFF_FFFF_FFFF
        )
        .expect("writing to memory");
        out.extend_from_slice(&self.event);
        out.push(b'}');
    }

    fn logs(&mut self, out: &mut Vec<u8>) {
        let mut text = br#"{"messageType":"DATA_MESSAGE","owner":"111122223333","logGroup":"aws-cloudtrail-logs","logStream":"111122223333_CloudTrail_us-east-1","subscriptionFilters":["to-kinesis"],"logEvents":["#.to_vec();
        for index in 0..LOG_EVENTS.min(self.spec.events - self.next) {
            if index > 0 {
                text.push(b',');
            }
            let id = self.random.next();
            let ms = self.event();
            write!(text, r#"{{"id":"3{id:055}","timestamp":{ms},"message":""#).expect("writing to memory");
            for &byte in &self.event {
                if matches!(byte, b'"' | b'\\') {
                    text.push(b'\\');
                }
                text.push(byte);
            }
            text.extend_from_slice(br#""}"#);
        }
        text.extend_from_slice(b"]}\n");
        gzip(out, &text);
    }

    fn file(&mut self, out: &mut Vec<u8>) {
        let mut text = br#"{"Records":["#.to_vec();
        for index in 0..FILE_EVENTS.min(self.spec.events - self.next) {
            if index > 0 {
                text.push(b',');
            }
            self.event();
            text.extend_from_slice(&self.event);
        }
        text.extend_from_slice(b"]}\n");
        gzip(out, &text);
    }
}

fn gzip(out: &mut Vec<u8>, text: &[u8]) {
    let mut encoder = GzEncoder::new(out, Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish().map(|_| ())).expect("writing to memory");
}

/// The event of the shipped detection: an account is a group.
fn job_created(out: &mut Vec<u8>, random: &mut Random, time: &str, group: u64) {
    let (job, id) = (random.uuid(), random.uuid());
    let (hash, tag) = (random.uuid(), random.uuid());
    write!(
        out,
        r#"{{"eventVersion":"1.08","userIdentity":{{"accountId":"{group:012}","invokedBy":"s3.amazonaws.com"}},"eventTime":"{time}","eventSource":"s3.amazonaws.com","eventName":"JobCreated","awsRegion":"us-west-2","sourceIPAddress":"s3.amazonaws.com","userAgent":"s3.amazonaws.com","requestParameters":null,"responseElements":null,"requestID":"{hash}","eventID":"{id}","readOnly":false,"resources":[{{"accountId":"{group:012}","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::batch-manifests-{tag}"}}],"eventType":"AwsServiceEvent","managementEvent":true,"recipientAccountId":"{group:012}","sharedEventID":"{tag}","serviceEventDetails":{{"jobId":"{job}","jobArn":"arn:aws:s3:us-west-2:{group:012}:job/{job}","status":"New","jobEventId":"{hash}","failureCodes":[],"statusChangeReason":[]}},"eventCategory":"Management"}}"#
    )
    .expect("writing to memory");
}

/// Calls that none of the ESCU detections over CloudTrail looks for, so that the share of matches is what was asked for
/// with any of them loaded: service, call, whether it only reads, request parameters, response elements; `%` is
/// replaced by random digits.
const CALLS: [(&str, &str, bool, &str, &str); 8] = [
    (
        "ec2",
        "RunInstances",
        false,
        r#"{"instancesSet":{"items":[{"instanceId":"i-%"},{"instanceId":"i-%"}]},"filterSet":{"items":[{"name":"instance-state-name","valueSet":{"items":[{"value":"running"}]}}]}}"#,
        "null",
    ),
    (
        "s3",
        "HeadObject",
        true,
        r#"{"bucketName":"data-lake-%","Host":"data-lake-%.s3.us-east-1.amazonaws.com","key":"year=2026/month=01/day=05/part-%-%.snappy.parquet"}"#,
        "null",
    ),
    (
        "s3",
        "PutObject",
        false,
        r#"{"bucketName":"logs-%","Host":"logs-%.s3.us-east-1.amazonaws.com","key":"app/%/%.json.gz","x-amz-server-side-encryption":"aws:kms"}"#,
        r#"{"x-amz-server-side-encryption":"aws:kms","x-amz-server-side-encryption-aws-kms-key-id":"arn:aws:kms:us-east-1:111122223333:key/%"}"#,
    ),
    (
        "kms",
        "Decrypt",
        true,
        r#"{"encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"aws:s3:arn":"arn:aws:s3:::data-lake-%/part-%"}}"#,
        "null",
    ),
    (
        "sts",
        "AssumeRole",
        true,
        r#"{"roleArn":"arn:aws:iam::111122223333:role/service-role-%","roleSessionName":"session-%","durationSeconds":3600}"#,
        r#"{"credentials":{"accessKeyId":"ASIA%","sessionToken":"%%%%","expiration":"Jan 5, 2026, 11:00:00 AM"},"assumedRoleUser":{"assumedRoleId":"AROA%:session","arn":"arn:aws:sts::111122223333:assumed-role/service-role/session-%"}}"#,
    ),
    ("dynamodb", "UpdateTable", false, r#"{"tableName":"orders-%"}"#, "null"),
    (
        "lambda",
        "UpdateFunctionConfiguration20150331v2",
        false,
        r#"{"functionName":"arn:aws:lambda:us-east-1:111122223333:function:handler-%","timeout":30,"memorySize":512,"environment":{}}"#,
        r#"{"functionName":"handler-%","runtime":"nodejs22.x","handler":"index.handler","codeSize":20481,"lastModified":"2026-01-05T09:59:59.000+0000","codeSha256":"%%","version":"$LATEST","revisionId":"%"}"#,
    ),
    (
        "logs",
        "CreateLogStream",
        false,
        r#"{"logGroupName":"/aws/lambda/handler-%","logStreamName":"2026/01/05/[$LATEST]%"}"#,
        "null",
    ),
];

/// An API call by an assumed role.
fn api_call(out: &mut Vec<u8>, random: &mut Random, time: &str) {
    let draw = random.next();
    let (service, call, reads, request, response) = CALLS[(draw % CALLS.len() as u64) as usize];
    let account = 111_122_223_333 + (draw >> 8) % 25;
    let (role, session) = ((draw >> 16) % 300, (draw >> 24) % 5_000);
    let principal = random.next();
    write!(
        out,
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROA{principal:016X}:i-0{session:016x}","arn":"arn:aws:sts::{account}:assumed-role/production-service-role-{role}/i-0{session:016x}","accountId":"{account}","accessKeyId":"ASIA{principal:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROA{principal:016X}","arn":"arn:aws:iam::{account}:role/production-service-role-{role}","accountId":"{account}","userName":"production-service-role-{role}"}},"attributes":{{"creationDate":"2026-01-05T09:12:31Z","mfaAuthenticated":"false"}},"ec2RoleDelivery":"2.0"}}}},"eventTime":"{time}","eventSource":"{service}.amazonaws.com","eventName":"{call}","awsRegion":"us-east-1","sourceIPAddress":"10.{}.{}.{}","userAgent":""#,
        (draw >> 32) & 0xFF,
        (draw >> 40) & 0xFF,
        (draw >> 48) & 0xFF
    )
    .expect("writing to memory");
    let agent: &[u8] = if draw.is_multiple_of(ESCAPED_ONE_IN) {
        br"aws-sdk-go/1.44.0 (go1.22; linux; amd64) purpose\u003dexport S3Manager"
    } else {
        b"aws-sdk-java/2.29.15 Linux/6.1.119-129.201.amzn2023.x86_64 OpenJDK_64-Bit_Server_VM/21.0.5+11-LTS Java/21.0.5 kotlin/1.9.25 vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/standard md/internal exec-env/AWS_ECS_FARGATE"
    };
    out.extend_from_slice(agent);
    out.extend_from_slice(br#"","requestParameters":"#);
    random.fill(out, request);
    out.extend_from_slice(br#","responseElements":"#);
    random.fill(out, response);
    write!(
        out,
        r#","requestID":"{}","eventID":"{}","readOnly":{reads},"resources":[{{"accountId":"{account}","type":"AWS::Resource::Type","ARN":"arn:aws:{service}:us-east-1:{account}:resource/production-{role}"}}],"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"{account}","eventCategory":"Management","tlsDetails":{{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"{service}.us-east-1.amazonaws.com"}}}}"#,
        random.uuid(),
        random.uuid()
    )
    .expect("writing to memory");
}

/// Splitmix64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn uuid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        let digits = format!("{high:016x}{low:016x}");
        format!("{}-{}-4{}-a{}-{}", &digits[..8], &digits[8..12], &digits[13..16], &digits[17..20], &digits[20..])
    }

    /// The template with random digits in it.
    fn fill(&mut self, out: &mut Vec<u8>, template: &str) {
        for (index, piece) in template.split('%').enumerate() {
            if index > 0 {
                write!(out, "{:016x}", self.next()).expect("writing to memory");
            }
            out.extend_from_slice(piece.as_bytes());
        }
    }
}
