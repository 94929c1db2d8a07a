//! Held to what the SDK makes of the same bytes.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_kinesis::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpClient, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::http::{Response, StatusCode};
use aws_smithy_types::body::SdkBody;
use base64_simd::STANDARD;
use http_body::{Body, Frame};
use prometheus::Registry;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{ProtocolConfig, SourceConfig};
use crate::engine::ShardId;
use crate::metrics::Metrics;
use crate::source::api::{ApiError, KinesisApi as _, ShardIterator};
use crate::source::aws::AwsKinesis;
use crate::source::fake;

type BodyError = <SdkBody as Body>::Error;

/// A piece of a body that is counted while anybody holds it.
#[derive(Debug)]
struct Piece(Vec<u8>, Arc<Held>);

#[derive(Debug, Default)]
struct Held {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Piece {
    fn new(bytes: Vec<u8>, held: &Arc<Held>) -> Self {
        held.most.fetch_max(held.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        Self(bytes, Arc::clone(held))
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.1.now.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body in the pieces in which it comes.
#[derive(Debug)]
struct Pieces(VecDeque<Result<Vec<u8>, BodyError>>, Arc<Held>);

impl Pieces {
    /// As many as there are sizes, and the rest.
    fn of(body: &str, sizes: &[usize]) -> Self {
        let mut rest = body.as_bytes();
        let mut pieces = VecDeque::new();
        for size in sizes {
            let piece;
            (piece, rest) = rest.split_at((*size).min(rest.len()));
            pieces.push_back(Ok(piece.to_vec()));
        }
        pieces.push_back(Ok(rest.to_vec()));
        Self(pieces, Arc::default())
    }
}

impl Body for Pieces {
    type Data = <SdkBody as Body>::Data;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, BodyError>>> {
        let next = self.0.pop_front();
        Poll::Ready(
            next.map(|piece| piece.map(|bytes| Frame::data(Self::Data::from_owner(Piece::new(bytes, &self.1))))),
        )
    }
}

/// Kinesis: whatever is asked, this is what it answers.
#[derive(Debug)]
struct Canned(u16, Mutex<Option<Pieces>>);

impl Canned {
    fn client(status: u16, pieces: Pieces) -> SharedHttpClient {
        let connector = SharedHttpConnector::new(Self(status, Mutex::new(Some(pieces))));
        http_client_fn(move |_, _| connector.clone())
    }
}

impl HttpConnector for Canned {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let pieces = self.1.lock().expect("nobody panics").take().expect("it is asked once");
        let status = StatusCode::try_from(self.0).expect("a status");
        HttpConnectorFuture::ready(Ok(Response::new(status, SdkBody::from_body_1_x(pieces))))
    }
}

/// What the port makes of a body.
fn read(protocol: ProtocolConfig, pieces: Pieces) -> Result<ReadAnswer, ApiError> {
    read_with(200, protocol, pieces)
}

fn read_with(status: u16, protocol: ProtocolConfig, pieces: Pieces) -> Result<ReadAnswer, ApiError> {
    let credentials = SharedCredentialsProvider::new(Credentials::new("id", "secret", None, None, "given"));
    let sdk = SdkConfig::builder().behavior_version(BehaviorVersion::latest()).region(Region::new("us-east-1"));
    let sdk = sdk.http_client(Canned::client(status, pieces)).credentials_provider(credentials).build();
    let config = SourceConfig { protocol, ..fake::settings() };
    let port = AwsKinesis::new(&sdk, &config, Metrics::new(&Registry::new()).expect("a new registry"));
    let (shard, iterator) = (ShardId::new("s-0"), ShardIterator("AAAA".to_owned()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(port.get_records(&shard, &iterator, 10_000))
}

/// Asserts that both read the same of it, errors included.
fn same_in(body: &str, sizes: &[usize]) {
    let theirs = read(ProtocolConfig::Sdk, Pieces::of(body, &[]));
    assert_eq!(read(ProtocolConfig::Own, Pieces::of(body, sizes)), theirs, "{body} in {sizes:?}");
}

/// What is left of a body for the SDK that comes in these pieces; none where it is read while it comes.
fn left(body: &str, sizes: &[usize]) -> Option<String> {
    let mut cut = Cut::default();
    Pieces::of(body, sizes).0.into_iter().for_each(|piece| cut.push(&piece.expect("it comes")));
    cut.end().err().map(|left| String::from_utf8(left).expect("it is text"))
}

fn record(data: &str) -> serde_json::Value {
    json!({
        "SequenceNumber": "49590338271490256608559692538361571095921575989136588898",
        "ApproximateArrivalTimestamp": 1_767_609_000.123, "Data": data, "PartitionKey": "p", "EncryptionType": "KMS",
    })
}

fn answer(records: &[serde_json::Value]) -> String {
    json!({"Records": records, "NextShardIterator": "AAAA", "MillisBehindLatest": 17}).to_string()
}

#[test]
fn rd_1_the_usual_answers_are_read_while_they_come() {
    let one = answer(&[record("YQ==")]);
    for body in [
        answer(&[record("YQ=="), record(""), record("eyJ9")]),
        json!({"Records": [{"SequenceNumber": "1", "Data": "YQ=="}], "MillisBehindLatest": 0}).to_string(),
        json!({"Records": [{"SequenceNumber": "1", "Data": "YQ=="}], "NextShardIterator": "A", "Further": {"a": [1]}})
            .to_string(),
        answer(&[
            json!({"SequenceNumber": "1", "Data": "YQ==", "PartitionKey": null, "ApproximateArrivalTimestamp": null}),
        ]),
        one.replace("1767609000.123", "1767609000"),
        one.replace("1767609000.123", "1.767609000123E9"),
        one.replace("1767609000.123", "-5"),
        one.replace("\"AAAA\"", "\"AAAA\",\"ChildShards\":null"),
        one.replace("49590338271490256608559692538361571095921575989136588898", "007"),
    ] {
        assert_eq!(left(&body, &[]), None, "{body}");
        same_in(&body, &[]);
    }
}

#[test]
fn rd_1_data_are_cut_out_wherever_the_pieces_of_a_body_end() {
    let body = answer(&[record("YQ=="), record(""), record("eyJ9")]);
    for first in 0..=body.len() {
        for second in [0, 1, 2, 5, 8, 9, 60] {
            assert_eq!(left(&body, &[first, second]), None);
        }
        same_in(&body, &[first]);
    }
    same_in(&body, &vec![1; body.len()]);
    assert_eq!(left(&body, &vec![1; body.len()]), None);
}

#[test]
fn rd_1_whatever_is_unusual_is_left_to_the_sdk_as_it_came() {
    let child = json!([{"ShardId": "s-1", "ParentShards": ["s-0"], "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"}}]);
    let (one, two) = (answer(&[record("YQ==")]), answer(&[record("YQ=="), record("Yg==")]));
    for body in [
        // Without data, or without more than them.
        answer(&[]),
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        "{\"Records\": [".to_owned(),
        json!({"NextShardIterator": "AAAA"}).to_string(),
        json!({"Records": [record("YQ==")]}).to_string(),
        // The end of a shard.
        json!({"Records": [record("YQ==")], "MillisBehindLatest": 0, "ChildShards": child}).to_string(),
        json!({"Records": [record("YQ==")], "MillisBehindLatest": 0, "ChildShards": []}).to_string(),
        // Another type than usual.
        one.replace("1767609000.123", "\"2026-01-05T10:30:00Z\""),
        one.replace("1767609000.123", "18446744073709551615"),
        one.replace("1767609000.123", "18446744073709551616"),
        one.replace("1767609000.123", "-9223372036854775809"),
        one.replace("\"YQ==\"", "null"),
        one.replace("\"p\"", "5"),
        one.replace("\"KMS\"", "[]"),
        // No sequence number, or one that is none.
        answer(&[json!({"Data": "YQ=="})]),
        one.replace("4959", "x"),
        // Escapes, a key that only looks like one, and another layout.
        one.replace("\"YQ==\"", "\"Y\\u0051==\""),
        one.replace("\"p\"", "\"\\ud83d\\ude00\\n/\""),
        two.replace("\"p\"", "\"\\\"Data\\\":\\\"p\""),
        two.replace("\"Data\":\"", "\"Data\": \""),
        two.replace("\"Data\":\"YQ", "\"Data\": \"YQ"),
        // A text of the name `Data` that is no record's, or beside one that stands in another layout.
        one.replace("\"KMS\"", "\"KMS\",\"Data\":\"Yg==\""),
        one.replace("\"AAAA\"", "\"AAAA\",\"Further\":{\"Data\":\"Yg==\"}"),
        one.replace("\"Data\":\"YQ==\"", "\"Data\": \"\",\"Further\":{\"Data\":\"Yg==\"}"),
        // No base64.
        two.replace("YQ==", "no base 64"),
        two.replace("YQ==", "YQ"),
        two.replace("Yg==", "YR=="),
        // Torn.
        two[..two.len() - 1].to_owned(),
        two[..two.find("Yg").expect("data") + 1].to_owned(),
        two[..two.find("YQ").expect("data")].to_owned(),
    ] {
        for sizes in [vec![], vec![1; body.len()], vec![body.find("YQ").map_or(0, |at| at + 1)]] {
            assert_eq!(left(&body, &sizes).as_ref(), Some(&body), "in {sizes:?}");
        }
        same_in(&body, &[]);
    }
}

/// The read is tried again.
#[test]
fn rd_1_a_body_that_breaks_off_is_an_error_and_no_answer() {
    let breaks_off = |protocol| {
        let mut pieces = Pieces::of(&answer(&[record("YQ==")]), &[]);
        pieces.0.push_back(Err("the connection was reset".into()));
        read(protocol, pieces).expect_err("it broke off")
    };
    let error = breaks_off(ProtocolConfig::Own);
    assert!(error.message.ends_with("the connection was reset"), "{error}");
    assert_eq!(error, breaks_off(ProtocolConfig::Sdk));
}

/// What a body says of an error is the SDK's to read, whatever else stands in it.
#[test]
fn rd_1_an_error_is_told_as_the_sdk_tells_it() {
    let throttled =
        answer(&[record("YQ==")]).replacen('{', "{\"__type\":\"ProvisionedThroughputExceededException\",", 1);
    for body in [throttled.as_str(), "{\"__type\":\"ExpiredIteratorException\",\"message\":\"old\"}", "<html>", ""] {
        for status in [400, 500] {
            let read = |protocol| read_with(status, protocol, Pieces::of(body, &[])).expect_err("an error");
            assert_eq!(read(ProtocolConfig::Own), read(ProtocolConfig::Sdk), "{status} {body}");
        }
    }
}

#[test]
fn rd_1_a_piece_is_let_go_of_before_the_next_one_is_taken() {
    let body = answer(&[record("YQ=="), record("Yg==")]);
    let most = |protocol| {
        let pieces = Pieces::of(&body, &[50; 4]);
        let held = Arc::clone(&pieces.1);
        assert_eq!(read(protocol, pieces).expect("an answer").records.len(), 2);
        held.most.load(Ordering::Relaxed)
    };
    assert_eq!((most(ProtocolConfig::Own), most(ProtocolConfig::Sdk)), (1, 5));
}

fn records() -> impl Strategy<Value = serde_json::Value> {
    let data = prop::collection::vec(any::<u8>(), 0..200).prop_map(|data| STANDARD.encode_to_string(data));
    let time = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        (0..4_000_000_000_000_i64).prop_map(|millis| json!(millis as f64 / 1000.0)),
        Just(serde_json::Value::Null),
    ];
    let number = prop_oneof![9 => "[0-9]{1,60}", 1 => any::<String>()];
    let key = prop::option::of(prop_oneof![9 => "[ -\\[\\]-~]{0,9}", 1 => any::<String>()]);
    (data, time, number, key).prop_map(|(data, time, number, key)| {
        json!({"Data": data, "ApproximateArrivalTimestamp": time, "SequenceNumber": number, "PartitionKey": key})
    })
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..100_usize, 0..20)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rd_1_every_answer_is_read_as_the_sdk_reads_it(
        records in prop::collection::vec(records(), 0..5), next in "[ -\\[\\]-~]{0,9}", behind in any::<i64>(), pretty: bool,
        sizes in sizes(),
    ) {
        let answer = json!({"Records": records, "NextShardIterator": next, "MillisBehindLatest": behind});
        let body = if pretty { serde_json::to_string_pretty(&answer).expect("JSON") } else { answer.to_string() };
        same_in(&body, &sizes);
    }

    /// Nothing is read here of which the SDK would read something else.
    #[test]
    fn rd_1_a_torn_or_bent_answer_is_read_as_the_sdk_reads_it(
        records in prop::collection::vec(records(), 0..3), at in any::<prop::sample::Index>(), put in "[ -~]{0,2}", cut in 0..4usize,
        sizes in sizes(),
    ) {
        let mut body = answer(&records);
        let at = (0..=at.index(body.len())).rev().find(|at| body.is_char_boundary(*at)).expect("the start is one");
        let end = (at + cut..=body.len()).find(|end| body.is_char_boundary(*end)).unwrap_or(body.len());
        body.replace_range(at..end, &put);
        same_in(&body, &sizes);
    }
}
