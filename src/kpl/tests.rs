use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde::Deserialize;

use super::testing::{aggregate, sealed};
use super::*;

/// What aws-kinesis-agg made of known user records.
#[derive(Deserialize)]
struct Vector {
    name: String,
    record: String,
    user_records: Vec<Expected>,
}

#[derive(Deserialize)]
struct Expected {
    hash_key: String,
    data: String,
}

fn vectors() -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/kpl/vectors.ndjson");
    let text = std::fs::read_to_string(path).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).expect("a vector")).collect()
}

fn wrapped(name: &str, of: impl Fn(&serde_json::Value) -> &serde_json::Value) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/cloudtrail/wrappers").join(name);
    let wrapper: serde_json::Value = serde_json::from_slice(&std::fs::read(path).expect("readable")).expect("JSON");
    let records = wrapper["Records"].as_array().or(wrapper["records"].as_array()).expect("a list");
    records.iter().map(|record| STANDARD.decode(of(record).as_str().expect("text")).expect("base64")).collect()
}

#[test]
fn aggregates_of_the_python_library_are_taken_apart() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let record = STANDARD.decode(&vector.record).expect("base64");
        let expected = vector.user_records.iter().map(|expected| UserRecord {
            data: STANDARD.decode(&expected.data).expect("base64"),
            hash_key: Some(expected.hash_key.parse().expect("a number")),
        });
        assert_eq!(split(&record), Ok(expected.collect()), "{}", vector.name);
    }
}

#[test]
fn aggregates_as_other_consumers_show_them_are_taken_apart() {
    let records = wrapped("kinesis-aggregation__SampleLambdaEvent.json", |record| &record["kinesis"]["data"]);
    for record in &records {
        let users = split(record).expect("an aggregate");
        assert!(users.len() > 10, "{}", users.len());
        let alphabet = &b"abcdefghijklmnopqrstuvwxyz"[..];
        let backwards: Vec<u8> = alphabet.iter().rev().copied().collect();
        assert!(users.iter().all(|user| user.data == alphabet || user.data == backwards));
        let key = 191_415_658_344_158_766_168_031_473_277_922_803_570;
        assert!(users.iter().all(|user| user.hash_key == Some(key)), "an explicit one");
    }
    let records = wrapped("aws-sam-cli__KinesisAnalyticsKpl.json", |record| &record["data"]);
    let (aggregates, plain): (Vec<_>, Vec<_>) = records.iter().partition(|record| is_aggregate(record));
    assert_eq!((aggregates.len(), plain.len()), (1, 1));
    let users = split(aggregates[0]).expect("an aggregate");
    let starts: Vec<&[u8]> = users.iter().map(|user| &user.data[..3]).collect();
    assert_eq!(starts, [b"40,", b"41,"]);
    assert_eq!(users[1].hash_key, Some(79_513_714_133_811_955_591_130_583_141_298_653_698));
}

#[test]
fn po_1_a_cut_or_changed_aggregate_has_no_user_records() {
    let good = aggregate(&[("a", None, b"one"), ("b", None, b"two")]);
    assert_eq!(split(&good).map(|users| users.len()), Ok(2));
    for length in MAGIC.len()..good.len() {
        assert_eq!(split(&good[..length]), Err(BadAggregate::Digest), "cut after {length}");
    }
    for at in MAGIC.len()..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 1;
        assert_eq!(split(&changed), Err(BadAggregate::Digest), "changed at {at}");
    }
}

#[test]
fn po_1_a_digest_alone_makes_no_aggregate() {
    assert_eq!(split(&sealed(b"")), Err(BadAggregate::Empty));
    assert_eq!(split(&sealed(b"\x0a\x01a")), Err(BadAggregate::Empty), "keys alone");
    assert_eq!(split(&sealed(b"\x1a\x7f")), Err(BadAggregate::Protobuf), "a field longer than the message");
    assert_eq!(split(&sealed(b"\x0a\x01\xff")), Err(BadAggregate::Protobuf), "a key that is no UTF-8");
    assert_eq!(split(&sealed(b"\x18\x01")), Err(BadAggregate::Protobuf), "records that are a number");
}

#[test]
fn po_1_the_detail_says_what_is_wrong_with_an_aggregate() {
    let bad = |record: &[u8]| split(record).expect_err("a bad aggregate");
    for (bad, words) in [
        (bad(&MAGIC), "the digest"),
        (bad(&sealed(b"\x1a\x7f")), "the protobuf"),
        (bad(&sealed(b"")), "no user record"),
        (bad(&sealed(&[0x1a, 0].repeat(2000))), "more fields"),
        (BadAggregate::Nested, "inside a KPL aggregate"),
    ] {
        assert!(bad.detail().contains(words), "{bad:?}: {}", bad.detail());
    }
}

#[test]
fn unknown_fields_and_tags_are_passed_over() {
    let tagged = b"\x0a\x01a\x22\x03new\x1a\x0c\x08\x00\x1a\x01x\x22\x05\x0a\x03tag";
    let users = split(&sealed(tagged)).expect("an aggregate");
    assert_eq!(users.iter().map(|user| &user.data[..]).collect::<Vec<_>>(), [b"x"]);
}

#[test]
fn bd_1_an_aggregate_of_empty_fields_is_refused_before_it_costs_memory() {
    let empty = |count: usize| sealed(&[0x1a, 0].repeat(count));
    assert_eq!(split(&empty(1024)).map(|users| users.len()), Ok(1024));
    assert_eq!(split(&empty(1_000_000)), Err(BadAggregate::TooManyFields));
    // A field of these takes two bytes; every 64 bytes allow one more.
    let most = (0..2000).rev().find(|count| *count <= FIELDS + 2 * count / BYTES_A_FIELD).expect("1024 are");
    assert_eq!(split(&empty(most)).map(|users| users.len()), Ok(most));
    assert_eq!(split(&empty(most + 1)), Err(BadAggregate::TooManyFields));
    let events: Vec<Vec<u8>> = (0..5000).map(|number| format!("{number:0300}").into_bytes()).collect();
    let puts: Vec<_> = events.iter().map(|event| ("k", Some(7), &event[..])).collect();
    assert_eq!(split(&aggregate(&puts)).map(|users| users.len()), Ok(5000), "three fields an event");
}

#[test]
fn the_ends_of_a_shards_range_belong_to_it() {
    let range = HashRange { from: 10, to: 20 };
    let inside: Vec<u128> = (8..23).filter(|key| range.contains(*key)).collect();
    assert_eq!(inside, (10..=20).collect::<Vec<u128>>());
    assert!(HashRange { from: 0, to: u128::MAX }.contains(u128::MAX));
}

proptest! {
    #[test]
    fn what_is_aggregated_comes_out_again(
        puts in prop::collection::vec((".{0,20}", prop::option::of(any::<u128>()), any::<Vec<u8>>()), 1..50)
    ) {
        let given: Vec<_> = puts.iter().map(|(key, explicit, data)| (key.as_str(), *explicit, &data[..])).collect();
        let users = split(&aggregate(&given)).expect("an aggregate");
        let expected = given.iter().map(|(key, explicit, data)| UserRecord {
            data: data.to_vec(),
            hash_key: explicit.or(Some(u128::from_be_bytes(Md5::digest(key).into()))),
        });
        prop_assert_eq!(users, expected.collect::<Vec<_>>());
    }

    #[test]
    fn any_message_with_a_digest_is_judged_without_a_panic(message in any::<Vec<u8>>()) {
        let _ = split(&sealed(&message));
    }
}
