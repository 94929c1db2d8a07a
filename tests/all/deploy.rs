//! What is shipped for AWS fits the daemon and the events.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::daemon::package;

fn json(path: &str) -> Value {
    let text = std::fs::read_to_string(package(path)).expect("it is shipped");
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Whether an event matches a pattern of EventBridge, as far as ours go: objects, and lists of the values allowed.
fn matches(pattern: &Value, event: &Value) -> bool {
    match pattern {
        Value::Object(keys) => keys.iter().all(|(key, pattern)| matches(pattern, &event[key])),
        Value::Array(allowed) => allowed.contains(event),
        _ => false,
    }
}

#[test]
fn the_event_pattern_lets_the_shipped_detections_event_through() {
    let pattern = json("deploy/aws/event-pattern.json");
    let mut event = json("tests/data/cloudtrail/jobcreated_eventbridge.json");
    assert!(matches(&pattern, &event));
    event["detail-type"] = "AWS API Call via CloudTrail".into();
    assert!(!matches(&pattern, &event));
}

/// What `daemon::floods` measures under is what is shipped.
#[test]
fn the_image_keeps_one_heap() {
    let dockerfile = std::fs::read_to_string(package("Dockerfile")).expect("it is shipped");
    assert!(dockerfile.lines().any(|line| line == "ENV MALLOC_ARENA_MAX=1"));
}

/// The policy allows exactly the operations that the source calls.
#[test]
fn the_policy_is_the_least_that_is_needed() {
    let source = std::fs::read_to_string(package("src/source/aws.rs")).expect("UTF-8");
    let calls = ["describe_stream_summary", "get_records", "get_shard_iterator", "list_shards"];
    let all: BTreeSet<&str> = source.split("self.client.").skip(1).filter_map(|rest| rest.split('(').next()).collect();
    assert_eq!(all, BTreeSet::from(calls), "the calls of the source");
    let policy = json("deploy/aws/reader-policy.json");
    let actions = policy["Statement"][0]["Action"].as_array().expect("a list").iter();
    let actions: BTreeSet<String> = actions.map(|action| action.as_str().expect("text").to_owned()).collect();
    let wanted: BTreeSet<String> = calls.iter().map(|call| format!("kinesis:{}", camel(call))).collect();
    assert_eq!(actions, wanted);
    assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
}

/// Of enhanced fan-out: what is called of the stream and of the consumer, and nothing that only polling calls.
#[test]
fn the_policy_for_fan_out_is_the_least_that_is_needed() {
    let source = std::fs::read_to_string(package("src/source/aws/fan_out.rs")).expect("UTF-8");
    let clients = ["kinesis.client.", "connection."].into_iter().flat_map(|client| source.split(client).skip(1));
    let calls = clients.filter_map(|rest| rest.split('(').next()).filter(|call| *call != "config");
    let all: BTreeSet<String> = calls.map(|call| format!("kinesis:{}", camel(call))).collect();
    let (of_the_stream, of_the_consumer) = (["RegisterStreamConsumer"], ["DescribeStreamConsumer", "SubscribeToShard"]);
    let named = |calls: &[&str]| calls.iter().map(|call| format!("kinesis:{call}")).collect::<BTreeSet<String>>();
    assert_eq!(all, &named(&of_the_stream) | &named(&of_the_consumer), "the calls of the source");
    let policy = json("deploy/aws/fan-out-policy.json");
    let actions = |statement: usize| -> BTreeSet<String> {
        let actions = policy["Statement"][statement]["Action"].as_array().expect("a list").iter();
        actions.map(|action| action.as_str().expect("text").to_owned()).collect()
    };
    assert_eq!(actions(0), &named(&["DescribeStreamSummary", "ListShards"]) | &named(&of_the_stream));
    assert_eq!(actions(1), named(&of_the_consumer));
    assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(2));
    let resource = |statement: usize| policy["Statement"][statement]["Resource"].as_str().expect("text").to_owned();
    assert_eq!(resource(1), format!("{}/consumer/CONSUMER:*", resource(0)));
}

fn camel(call: &str) -> String {
    call.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}
