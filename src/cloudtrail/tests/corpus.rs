//! Real and documented events, wrappers and look-alikes, as they were found. The counts were established apart from
//! this code, by a count over the files with other tools.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use crate::cloudtrail::testing::{decoded, reasons};
use crate::cloudtrail::{ALWAYS_THERE, Decoded, Envelope, RejectReason, field, fields_under};

const CORPUS: &[u8] = include_bytes!("../../../tests/data/cloudtrail/corpus.ndjson.gz");
const LOOKALIKES: &[u8] = include_bytes!("../../../tests/data/cloudtrail/lookalikes.ndjson.gz");
const ESCU_EXAMPLES: &[u8] = include_bytes!("../../../tests/data/cloudtrail/escu_examples.ndjson.gz");

fn counts(decoded: &Decoded) -> BTreeMap<RejectReason, usize> {
    let mut counts = BTreeMap::new();
    reasons(decoded).into_iter().for_each(|reason| *counts.entry(reason).or_default() += 1);
    counts
}

/// The files of a folder of `tests/data/cloudtrail`, by name.
fn files(folder: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = format!("{}/tests/data/cloudtrail/{folder}", env!("CARGO_MANIFEST_DIR"));
    let entries = fs::read_dir(folder).expect("the folder is part of the project");
    let read = |path: std::path::PathBuf| {
        let name = path.file_name().expect("an entry has a name").to_string_lossy().into_owned();
        (name, fs::read(path).expect("readable"))
    };
    entries.map(|entry| read(entry.expect("readable").path())).collect()
}

#[test]
fn the_corpus_decodes_up_to_its_events_without_a_time() {
    let decoded = decoded(CORPUS);
    assert_eq!(decoded.events.len(), 2_747);
    assert_eq!(counts(&decoded), BTreeMap::from([(RejectReason::NoEventTime, 18)]));
    assert_eq!(decoded.envelopes.len(), 2_765);
    let keys: BTreeSet<_> = decoded.events.iter().map(|event| event.key).collect();
    assert_eq!(keys.len(), 2_358, "AG-2: eventIDs that occur again are copies");
}

#[test]
fn every_field_of_the_corpus_is_found_again_by_its_name() {
    for event in &decoded(CORPUS).events {
        for (name, value) in fields_under(event, "") {
            let derived = ["errorCode", "recipientAccountId", "awsRegion", "userName", "status"].contains(&&*name);
            if !derived && !name.contains("{}{}") {
                assert_eq!(field(event, &name), value, "{name} in {}", event.raw());
            }
        }
    }
}

#[test]
fn every_escu_example_is_an_event() {
    let decoded = decoded(ESCU_EXAMPLES);
    assert_eq!((decoded.events.len(), decoded.rejected.len()), (39, 0));
}

/// The first 97 lines are CloudTrail's own by every mark; the others are ActionTrail, custom events of CloudTrail
/// Lake, and schemas and samples whose values are placeholders.
#[test]
fn look_alikes_are_told_apart_by_source_and_time() {
    let decoded = decoded(LOOKALIKES);
    assert_eq!(decoded.events.len(), 97);
    let expected = BTreeMap::from([(RejectReason::NotCloudTrail, 12), (RejectReason::NoEventTime, 5)]);
    assert_eq!(counts(&decoded), expected);
}

#[test]
fn po_1_every_malformed_file_is_one_bad_piece_kept_whole() {
    for (name, bytes) in files("malformed") {
        let decoded = decoded(&bytes);
        assert_eq!(reasons(&decoded), [RejectReason::BadJson], "{name}");
        assert!(decoded.events.is_empty(), "{name}");
        assert_eq!(*decoded.rejected[0].bytes, *bytes.trim_ascii(), "{name}");
    }
}

#[test]
fn po_1_wrappers_of_other_services_are_unknown_and_foreign_eventbridge_events_are_not_cloudtrail() {
    for (name, bytes) in files("wrappers") {
        let eventbridge =
            ["aws-lambda-java-libs__cloudwatch_event.json", "powertools-lambda-python__eventBridgeEvent.json"];
        let expected = match eventbridge.contains(&&*name) {
            true => RejectReason::NotCloudTrail,
            false => RejectReason::UnknownEnvelope,
        };
        let decoded = decoded(&bytes);
        assert_eq!(reasons(&decoded), [expected], "{name}");
        assert!(decoded.events.is_empty(), "{name}");
    }
}

/// What the wrappers carry is what a Kinesis record would hold.
#[test]
fn the_records_inside_the_wrappers_are_counted_with_their_reasons() {
    let payloads = |name: &str| -> Vec<Decoded> {
        let wrapper: Json = serde_json::from_slice(&files("wrappers")[name]).expect("JSON");
        let lists = ["Records", "records"].iter().filter_map(|key| wrapper[key].as_array()).flatten();
        let data = lists.filter_map(|record| record["data"].as_str().or_else(|| record["kinesis"]["data"].as_str()));
        data.map(|data| decoded(STANDARD.decode(data).expect("base64"))).collect()
    };

    let firehose = payloads("aws-sam-cli__KinesisFirehoseCloudwatchLogsProcessor.json");
    let envelopes: Vec<_> = firehose.iter().map(|decoded| decoded.envelopes.clone()).collect();
    let logs = vec![(Envelope::CloudWatchLogs, 0)];
    assert_eq!(envelopes, [vec![(Envelope::CloudWatchControl, 0)], logs.clone(), logs.clone(), logs.clone()]);
    assert!(firehose[0].rejected.is_empty(), "a control message is no fault");

    for decoded in payloads("powertools-lambda-python__kinesisStreamCloudWatchLogsEvent.json") {
        assert_eq!(decoded.envelopes, logs);
        assert!(reasons(&decoded).iter().all(|&reason| reason == RejectReason::BadJson), "plain log lines");
        assert!(!decoded.rejected.is_empty());
    }
    for decoded in payloads("kinesis-aggregation__SampleLambdaEvent.json") {
        assert!(decoded.rejected.len() > 10, "its user records, each by itself");
        assert!(reasons(&decoded).iter().all(|&reason| reason == RejectReason::BadJson), "letters");
    }
    for decoded in payloads("aws-lambda-go__kinesis-event.json") {
        assert_eq!(reasons(&decoded), [RejectReason::BadJson], "Hello World");
    }
}

#[test]
fn fields_that_are_said_to_be_always_there_are() {
    for event in [CORPUS, LOOKALIKES, ESCU_EXAMPLES].iter().flat_map(|file| decoded(file).events) {
        for name in ALWAYS_THERE {
            assert!(!field(&event, name).is_null(), "{name} in {}", event.raw());
        }
    }
}
