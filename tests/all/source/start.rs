//! Where reading begins (RD-4), and what start-up says when it cannot.

use std::error::Error as _;
use std::time::Duration;

use trailrisk::config::{SourceConfig, StartConfig};
use trailrisk::engine::StartPosition;
use trailrisk::source::SourceError;
use trailrisk::time::Arrival;

use super::reader::{connect, read};
use super::{STREAM, expected, numbered};
use crate::support::kinesis::{Fault, LocalKinesis};
use crate::support::{wait_until, wall_millis};

#[tokio::test]
async fn rd_4_latest_begins_at_the_moment_of_the_start_whenever_the_first_read_comes() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    kinesis.put(STREAM, numbered(0, 100)).await;
    let put = wall_millis();
    let config = SourceConfig { start: StartConfig::Latest, ..kinesis.source_config(STREAM) };
    let mut reader = connect(&kinesis, &config).await.expect("the stream is there");
    let start = wait_until("Kinesis's clock, which lags up to 1 s, is past the records", || async {
        let start = reader.source.resolve_start().expect("a start");
        matches!(start, StartPosition::AtTimestamp(at) if at.0 > put).then_some(start)
    })
    .await;
    // Put before the first read, after the start was resolved: a lazily resolved LATEST would lose them.
    kinesis.put(STREAM, numbered(100, 200)).await;
    reader.begin(start).await;
    reader.until("what was put since", |reader| reader.came.len() >= 100).await;
    assert_eq!(reader.texts(), expected(100, 200));
}

#[tokio::test]
async fn at_timestamp_begins_with_the_first_record_at_that_instant() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.put(STREAM, numbered(0, 50)).await;
    let between = wall_millis() + 1;
    wait_until("the next millisecond", || async { (wall_millis() > between).then_some(()) }).await;
    kinesis.put(STREAM, numbered(50, 80)).await;
    let start = StartConfig::AtTimestamp(Arrival(between));
    let config = SourceConfig { start, ..kinesis.source_config(STREAM) };
    let mut reader = connect(&kinesis, &config).await.expect("the stream is there");
    let start = wait_until("Kinesis's clock, which lags up to 1 s, is past the instant", || async {
        reader.source.resolve_start().ok()
    })
    .await;
    reader.begin(start).await;
    reader.until("what follows the instant", |reader| reader.came.len() >= 30).await;
    assert_eq!(reader.texts(), expected(50, 80));
}

#[tokio::test]
async fn trim_horizon_begins_with_the_oldest_record() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.put(STREAM, numbered(0, 50)).await;
    let mut reader = read(&kinesis, &kinesis.source_config(STREAM)).await;
    reader.until("everything", |reader| reader.came.len() >= 50).await;
    assert_eq!(reader.texts(), expected(0, 50));
}

#[tokio::test]
async fn the_stream_is_described_for_the_checks_at_start() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 3).await;
    let reader = connect(&kinesis, &kinesis.source_config(STREAM)).await.expect("the stream is there");
    let description = reader.source.description();
    assert_eq!(description.name, STREAM);
    assert_eq!(description.arn, "arn:aws:kinesis:us-east-1:000000000000:stream/trail");
    assert_eq!((description.retention_hours, description.open_shards), (24, 3));
    assert_eq!((description.encryption.as_str(), description.mode.as_str()), ("NONE", "PROVISIONED"));
    assert!((wall_millis() - description.created_at).abs() < 60_000, "{}", description.created_at);
}

#[tokio::test]
async fn a_stream_that_does_not_exist_is_named() {
    let kinesis = LocalKinesis::start().await;
    let error = refused(&kinesis, &kinesis.source_config("absent")).await;
    assert!(matches!(error, SourceError::NoSuchStream { .. }), "{error:?}");
    assert!(error.to_string().starts_with("there is no stream absent at http://127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn a_missing_permission_is_named_with_the_request() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    kinesis.faults().inject_always("DescribeStreamSummary", Fault::ACCESS_DENIED);
    let error = refused(&kinesis, &kinesis.source_config(STREAM)).await;
    assert!(matches!(error, SourceError::Refused { .. }), "{error:?}");
    let cause = error.source().expect("the answer of Kinesis").to_string();
    let wanted = "DescribeStreamSummary failed: AccessDeniedException: injected by the test (request injected)";
    assert_eq!(cause, wanted);
}

#[tokio::test]
async fn rd_2_an_answer_without_a_list_of_shards_is_no_listing() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    let mut reader = connect(&kinesis, &kinesis.source_config(STREAM)).await.expect("the stream is there");
    for body in ["", "{}"] {
        kinesis.faults().inject("ListShards", Fault::Body(body), 1);
        assert_eq!(reader.source.list().await.expect("it is asked again").len(), 2);
    }
}

#[tokio::test]
async fn an_endpoint_that_nobody_serves_is_named() {
    let kinesis = LocalKinesis::start().await;
    kinesis.faults().inject_always("DescribeStreamSummary", Fault::Hang);
    let config = SourceConfig { request_timeout: Duration::from_millis(100), ..kinesis.source_config(STREAM) };
    let error = refused(&kinesis, &config).await;
    assert!(matches!(error, SourceError::Unreachable { .. }), "{error:?}");
    assert!(error.to_string().contains(kinesis.url()), "{error}");
    // An attempt may end before it is heard.
    let again = || async { (kinesis.faults().calls("DescribeStreamSummary") > 1).then_some(()) };
    wait_until("what may pass is tried again", again).await;
}

async fn refused(kinesis: &LocalKinesis, config: &SourceConfig) -> SourceError {
    connect(kinesis, config).await.err().expect("the start is refused")
}
