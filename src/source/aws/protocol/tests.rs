//! Held to what the SDK's own protocol makes of the same bytes.

use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// What a protocol makes of a body by way of generated code; none if it refuses it.
fn read(
    protocol: &impl ClientProtocolInner<Request = Request, Response = Response>,
    body: &str,
) -> Option<GetRecordsOutput> {
    let response = Response::new(StatusCode::try_from(200).expect("a status"), SdkBody::from(body));
    let cfg = ConfigBag::base();
    let mut deserializer = protocol.deserialize_response(&response, GetRecordsOutput::SCHEMA, &cfg).ok()?;
    GetRecordsOutput::deserialize(&mut *deserializer).ok()
}

fn sdk() -> AwsJsonRpcProtocol {
    Protocol::default().0
}

/// Asserts that both read the same of it, and says whether it was read here.
fn same(body: &str) -> bool {
    let (ours, theirs) = (read(&Protocol::default(), body), read(&sdk(), body));
    assert_eq!(ours, theirs, "{body}");
    Answer::read(body.as_bytes()).is_some() && ours.is_some()
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
fn rd_1_the_usual_answers_are_read_here() {
    for body in [
        answer(&[]),
        answer(&[record("YQ=="), record(""), record("eyJ9")]),
        json!({"Records": [], "MillisBehindLatest": 0}).to_string(),
        json!({"Records": [], "NextShardIterator": null, "MillisBehindLatest": null, "ChildShards": null}).to_string(),
        json!({"Records": [{"SequenceNumber": "1", "Data": "YQ=="}], "Further": {"a": [1]}}).to_string(),
        answer(&[
            json!({"SequenceNumber": "1", "Data": "YQ==", "PartitionKey": null, "ApproximateArrivalTimestamp": null}),
        ]),
        answer(&[record("YQ==")]).replace("\"YQ==\"", "\"Y\\u0051==\"").replace("\"p\"", "\"\\ud83d\\ude00\\n/\""),
        answer(&[record("YQ==")]).replace("1767609000.123", "1767609000"),
        answer(&[record("YQ==")]).replace("1767609000.123", "1.767609000123E9"),
        answer(&[record("YQ==")]).replace("1767609000.123", "-5"),
    ] {
        assert!(same(&body), "{body}");
    }
}

#[test]
fn rd_1_whatever_is_unusual_is_left_to_the_sdk() {
    let child = json!([{"ShardId": "s-1", "ParentShards": ["s-0"], "HashKeyRange": {"StartingHashKey": "0", "EndingHashKey": "9"}}]);
    for body in [
        json!({"Records": [record("YQ==")], "MillisBehindLatest": 0, "ChildShards": child}).to_string(),
        json!({"Records": [], "MillisBehindLatest": 0, "ChildShards": []}).to_string(),
        json!({"NextShardIterator": "AAAA"}).to_string(),
        String::new(),
        "{}".to_owned(),
        "[]".to_owned(),
        "{\"Records\": [".to_owned(),
        answer(&[record("YQ==")]).replace("1767609000.123", "\"2026-01-05T10:30:00Z\""),
        answer(&[record("YQ==")]).replace("1767609000.123", "18446744073709551615"),
        answer(&[record("YQ==")]).replace("1767609000.123", "18446744073709551616"),
        answer(&[record("YQ==")]).replace("1767609000.123", "-9223372036854775809"),
        answer(&[record("YQ==")]).replace("\"YQ==\"", "null"),
        answer(&[record("YQ==")]).replace("\"KMS\"", "\"KMS\",\"Data\":\"Yg==\""),
        answer(&[json!({"Data": "YQ=="})]),
        // A text of the name `Data` that is no record's, or beside one that stands in another layout.
        json!({"Records": [record("YQ==")], "Further": {"Data": "Yg=="}}).to_string(),
        answer(&[record("YQ=="), record("Yg==")]).replace("\"Data\":\"YQ", "\"Data\": \"YQ"),
        json!({"Records": [record("")], "Further": {"Data": "Yg=="}})
            .to_string()
            .replace("\"Data\":\"\"", "\"Data\": \"\""),
        answer(&[record("")]).replace("\"Data\":\"\"", "\"Data\": \"\",\"Further\":{\"Data\":\"Yg==\"}"),
        answer(&[record("no base 64")]),
        answer(&[record("YQ")]),
    ] {
        assert!(!same(&body), "{body}");
    }
}

/// serde_json is given what is left between the data. Where a text has a backslash, a quote may be no end of it.
#[test]
fn rd_1_the_data_are_found_by_their_quotes_where_every_quote_is_one() {
    let rest = |body: &str| answer::Cut::of(body.as_bytes()).map(|cut| cut.rest.len());
    let (none, large) = (answer(&[record(""), record("")]), "YWFh".repeat(1_000));
    assert_eq!(rest(&answer(&[record(&large), record("YQ==")])), Some(none.len()));
    assert_eq!(rest(&answer(&[])), None, "there are none");
    assert_eq!(rest(&none.replace("\"p\"", "\"\\\"Data\\\":\\\"p\"")), None, "a key that only looks like one");
    assert_eq!(rest(&none.replace("\"Data\":\"\"", "\"Data\": \"YQ==\"")), None, "another layout is read whole");
}

#[test]
fn other_operations_are_the_sdks() {
    use aws_sdk_kinesis::operation::list_shards::ListShardsOutput;
    let body = json!({"Shards": [], "NextToken": "more"}).to_string();
    let response = Response::new(StatusCode::try_from(200).expect("a status"), SdkBody::from(body));
    let (cfg, protocol) = (ConfigBag::base(), Protocol::default());
    let deserializer = protocol.deserialize_response(&response, ListShardsOutput::SCHEMA, &cfg);
    let listing = ListShardsOutput::deserialize(&mut *deserializer.expect("it is JSON")).expect("a listing");
    assert_eq!(listing.next_token.as_deref(), Some("more"));
}

fn records() -> impl Strategy<Value = serde_json::Value> {
    let data = prop::collection::vec(any::<u8>(), 0..200).prop_map(base64::encode);
    let time = prop_oneof![
        any::<i64>().prop_map(|number| json!(number)),
        (0..4_000_000_000_000_i64).prop_map(|millis| json!(millis as f64 / 1000.0)),
        Just(serde_json::Value::Null),
    ];
    (data, time, any::<String>(), prop::option::of(any::<String>())).prop_map(|(data, time, number, key)| {
        json!({"Data": data, "ApproximateArrivalTimestamp": time, "SequenceNumber": number, "PartitionKey": key})
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn rd_1_every_answer_is_read_as_the_sdk_reads_it(
        records in prop::collection::vec(records(), 0..5), next in any::<String>(), behind in any::<i64>(), pretty: bool,
    ) {
        let answer = json!({"Records": records, "NextShardIterator": next, "MillisBehindLatest": behind});
        let body = if pretty { serde_json::to_string_pretty(&answer).expect("JSON") } else { answer.to_string() };
        prop_assert!(same(&body));
    }

    /// Nothing is read here of which the SDK would read something else.
    #[test]
    fn rd_1_a_torn_or_bent_answer_is_read_as_the_sdk_reads_it(
        records in prop::collection::vec(records(), 0..3), at in any::<prop::sample::Index>(), put in "[ -~]{0,2}", cut in 0..4usize,
    ) {
        let mut body = answer(&records);
        let at = (0..=at.index(body.len())).rev().find(|at| body.is_char_boundary(*at)).expect("the start is one");
        let end = (at + cut..=body.len()).find(|end| body.is_char_boundary(*end)).unwrap_or(body.len());
        body.replace_range(at..end, &put);
        same(&body);
    }
}
