//! What is shipped for AWS fits the daemon and the events.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::daemon;
use crate::daemon::event::JobCreated;
use crate::support::daemon::package;
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

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

/// So does that of the table, and no more.
#[test]
fn the_policy_of_the_table_is_the_least_that_is_needed() {
    let port = std::fs::read_to_string(package("src/checkpoint/table/aws.rs")).expect("UTF-8");
    let calls: BTreeSet<&str> = port.split("self.client.").skip(1).filter_map(|rest| rest.split('(').next()).collect();
    let policy = json("deploy/aws/lease-table-policy.json");
    let actions = policy["Statement"][0]["Action"].as_array().expect("a list").iter();
    let actions: BTreeSet<String> = actions.map(|action| action.as_str().expect("text").to_owned()).collect();
    assert_eq!(actions, calls.iter().map(|call| format!("dynamodb:{}", camel(call))).collect());
    assert_eq!(policy["Statement"].as_array().map(Vec::len), Some(1));
}

fn camel(call: &str) -> String {
    call.split('_').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// The same of a run: over a split, and a start from a checkpoint. What the policy lacked would end in AccessDenied; what
/// no run needs is no right to have.
#[tokio::test]
async fn a_run_calls_what_the_policy_allows_and_all_of_it() {
    let (kinesis, home) = (LocalKinesis::start().await, daemon::home());
    kinesis.create_stream("trail", 1).await;
    home.configure(daemon::config(&kinesis).to_string());
    for account in ["111111111111", "222222222222"] {
        let process = home.start();
        let event = JobCreated::new(1, wall_millis(), account);
        kinesis.put("trail", [(account.to_owned(), event.text().into_bytes())]).await;
        let told = || async { process.lines().iter().any(|line| line.contains(account)).then_some(()) };
        process.until(PATIENCE, "a risk event", told).await;
        if kinesis.shards("trail").await.len() == 1 {
            kinesis.split("trail", "shardId-000000000000").await;
            let children =
                || async { process.log().iter().filter(|line| line.contains("reading shard")).nth(2).map(drop) };
            process.until(PATIENCE, "both children are read", children).await;
        }
        assert_eq!(process.stop().await.code, Some(0));
    }
    let policy = json("deploy/aws/reader-policy.json");
    let allowed = policy["Statement"][0]["Action"].as_array().expect("a list").iter();
    let allowed: BTreeSet<&str> = allowed.map(|action| action.as_str().expect("text")).collect();
    let called = kinesis.faults().operations();
    let called: BTreeSet<String> = called.iter().map(|operation| format!("kinesis:{operation}")).collect();
    assert_eq!(called.iter().map(String::as_str).collect::<BTreeSet<_>>(), allowed);
}
