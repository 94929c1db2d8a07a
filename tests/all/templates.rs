//! The CloudFormation templates fit the daemon and what is shipped beside them. Their form is for cfn-lint and checkov.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;
use serde_json::Value;

use crate::support::daemon::package;

fn text(path: &str) -> String {
    std::fs::read_to_string(package(path)).expect("it is shipped")
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).expect("JSON")
}

/// What stands between the first places of two texts.
fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let (_, rest) = text.split_once(from).unwrap_or_else(|| panic!("{from:?} is in the template"));
    rest.split_once(to).unwrap_or_else(|| panic!("{to:?} is behind {from:?}")).0
}

/// Every list of a pattern by its key.
fn lists(pattern: &Value, into: &mut BTreeMap<String, Vec<String>>) {
    for (key, value) in pattern.as_object().expect("objects and lists") {
        match value.as_array() {
            Some(list) => {
                let list = list.iter().map(|it| it.as_str().expect("text").to_owned()).collect();
                assert_eq!(into.insert(key.clone(), list), None, "{key} twice");
            }
            None => lists(value, into),
        }
    }
}

#[test]
fn the_narrow_rule_has_the_pattern_that_is_shipped() {
    let mut wanted = BTreeMap::new();
    lists(&json("deploy/aws/event-pattern.json"), &mut wanted);
    let list = Regex::new(r"([\w-]+): \[([^\]]+)\]").expect("a pattern");
    for template in ["stream.yaml", "member.yaml"] {
        let template = text(&format!("deploy/cloudformation/{template}"));
        let narrow =
            between(&template, "Sign In via CloudTrail\n            - AWS Service Event via CloudTrail\n", "State:");
        let found: BTreeMap<String, Vec<String>> = list
            .captures_iter(narrow)
            .map(|found| (found[1].to_owned(), found[2].split(", ").map(str::to_owned).collect()))
            .collect();
        assert_eq!(found, wanted);
    }
}

/// The actions of a shipped policy's statement.
fn shipped(policy: &str, statement: usize) -> BTreeSet<String> {
    let policy = json(&format!("deploy/aws/{policy}.json"));
    let actions = policy["Statement"][statement]["Action"].as_array().expect("a list").clone();
    actions.iter().map(|action| action.as_str().expect("text").to_owned()).collect()
}

#[test]
fn the_reader_may_do_what_the_policies_say_and_use_the_key() {
    let template = text("deploy/cloudformation/stream.yaml");
    let reader = between(&template, "\n  ReaderPolicy:\n", "\n  BehindAlarm:\n");
    let action = Regex::new(r"(?:- |Action: )(\w+:\w+)\n").expect("a pattern");
    let statements: BTreeMap<&str, BTreeSet<String>> = reader
        .split("Sid: ")
        .skip(1)
        .map(|statement| {
            let (name, rest) = statement.split_once('\n').expect("a name on its line");
            (name, action.captures_iter(rest).map(|found| found[1].to_owned()).collect())
        })
        .collect();
    let mut followed = shipped("fan-out-policy", 0);
    assert!(followed.remove("kinesis:RegisterStreamConsumer"), "the stack registers the consumer");
    let of_key = |actions: &[&str]| actions.iter().map(|action| format!("kms:{action}")).collect();
    // What DynamoDB asks of who uses a table under a key of the customer's.
    let of_table = ["Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "ReEncryptFrom", "ReEncryptTo"];
    let wanted = BTreeMap::from([
        ("ReadTheStream", shipped("reader-policy", 0)),
        ("FollowTheStream", followed),
        ("ReadAsTheConsumer", shipped("fan-out-policy", 1)),
        ("DecryptTheStream", of_key(&["Decrypt"])),
        ("KeepTheCheckpoint", shipped("lease-table-policy", 0)),
        ("EncryptTheCheckpoint", of_key(&of_table)),
    ]);
    assert_eq!(statements, wanted);
}

/// ST-1: what ends the task waits longer than the drain. A health check asks the daemon itself, and not too late.
#[test]
fn the_task_is_closed_to_the_outside_and_has_time_to_stop() {
    let template = text("deploy/cloudformation/service.yaml");
    let task = between(&template, "\n  Task:\n", "\n  Logs:\n");
    for line in [
        "User: \"65532:65532\"",
        "ReadonlyRootFilesystem: true",
        "LinuxParameters: {Capabilities: {Drop: [ALL]}}",
        "mode: blocking",
        "Command: [CMD, /usr/local/bin/trailrisk, healthcheck, --config, /etc/trailrisk/trailrisk.yaml]",
    ] {
        assert!(task.lines().any(|found| found.trim() == line), "{line:?}");
    }
    let seconds = |pattern: &str| -> u32 {
        let found = Regex::new(pattern).expect("a pattern").captures(task).unwrap_or_else(|| panic!("{pattern}"));
        found[1].parse().expect("a number")
    };
    let drain = seconds(r"DRAIN_DEADLINE, Value: (\d+)s");
    let stop = seconds(r"StopTimeout: (\d+)");
    assert!(stop > drain + 5 && stop <= 120, "Fargate waits {stop} s for {drain} s");
    assert!(
        seconds(r"Interval: (\d+)") <= 60 && seconds(r"Timeout: (\d+)") <= 10 && seconds(r"StartPeriod: (\d+)") <= 300
    );
    assert!(template.contains("MinimumHealthyPercent: 0") && template.contains("MaximumPercent: 100"), "never two");
}
