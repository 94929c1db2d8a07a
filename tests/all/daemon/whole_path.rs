//! The whole path: an event on a bus, through the rule as the template has it, into a stream, read by the daemon with its
//! checkpoint in a table, received by a webhook.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::event::utc;
use super::line::text;
use super::webhook::Receiver;
use super::{STREAM, config, home};
use crate::bridge::Bridge;
use crate::dynamodb::LocalDynamo;
use crate::support::daemon::package;
use crate::support::kinesis::LocalKinesis;
use crate::support::{wait_until, wall_millis};

/// A JobCreated event of an account as EventBridge delivers it, dated now.
fn job_created(account: &str, id: &str) -> Value {
    let sample =
        std::fs::read_to_string(package("tests/data/cloudtrail/jobcreated_eventbridge.json")).expect("a sample");
    let mut event: Value = serde_json::from_str(&sample).expect("JSON");
    let now = utc(wall_millis());
    event["account"] = json!(account);
    event["time"] = json!(now);
    event["detail"]["eventTime"] = json!(now);
    event["detail"]["eventID"] = json!(id);
    event["detail"]["userIdentity"]["accountId"] = json!(account);
    event
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_on_the_bus_reaches_the_webhook_and_what_the_rule_does_not_match_does_not() {
    let (kinesis, dynamo) = (LocalKinesis::start().await, LocalDynamo::start().await);
    kinesis.create_stream(STREAM, 2).await;
    dynamo.create_table("leases").await;
    let (receiver, home) = (Receiver::start().await, home());
    let mut config = config(&kinesis);
    config["sinks"] = receiver.sink();
    config["checkpoint"] = json!({
        "store": "dynamodb", "table": "leases", "region": "us-east-1", "endpoint_url": dynamo.url(), "interval": "200ms",
    });
    config["dead_letter"] = json!({"type": "stdout"});
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;

    let bus = Bridge::of_the_template(&[]);
    let put = async |event: Value| bus.put_event(&kinesis, STREAM, &event).await;
    let mut api_call = job_created("222222222222", "not-through");
    api_call["detail-type"] = json!("AWS API Call via CloudTrail");
    let mut other_service = job_created("222222222222", "not-through");
    other_service["detail"]["eventSource"] = json!("batch.amazonaws.com");
    assert!(!put(api_call).await && !put(other_service).await);
    let ids = ["7c38220f-f80b-4239-8b78-2ed867b7d3fa", "7c38220f-f80b-4239-8b78-2ed867b7d3fb"];
    for (account, id) in ["123456789012", "123456789013"].into_iter().zip(ids) {
        assert!(put(job_created(account, id)).await);
    }
    let told = || {
        let bodies = receiver.delivered().into_iter();
        bodies.map(|(_, body)| serde_json::from_str::<Value>(&body).expect("a risk event")).collect::<Vec<_>>()
    };
    let complete = || async { (told().iter().filter(|event| event["stage"] == "final").count() == 2).then_some(()) };
    wait_until("both finals are received", complete).await;
    let stopped = daemon.stop().await;
    assert_eq!(stopped.code, Some(0), "{}", stopped.log);
    assert!(stopped.lines.is_empty(), "no dead letter: {:?}", stopped.lines);

    let events = told();
    let stages: Vec<(&str, &str)> =
        events.iter().map(|event| (text(&event["group"]["aws_account_id"]), text(&event["stage"]))).collect();
    assert_eq!(stages.len(), 4, "an early and a final each, and nothing of what the rule held back: {stages:?}");
    assert_eq!(stages.iter().collect::<BTreeSet<_>>().len(), 4, "{stages:?}");
    for event in events.iter().filter(|event| event["stage"] == "final") {
        println!("{} {} {}", event["group"]["aws_account_id"], event["risk_message"], event["evidence"]);
        assert!(ids.contains(&text(&event["evidence"][0]["event_id"])), "{event}");
        assert_eq!(event["detection"]["name"], "AWS Exfiltration via Batch Service");
    }
    let keys = dynamo.keys("leases").await;
    assert_eq!(keys.iter().filter(|key| key.starts_with("trail:shardId-")).count(), 2, "{keys:?}");
    let files = std::fs::read_dir(home.path("")).expect("the folder").count();
    assert_eq!(files, 1, "the configuration is the only file");
}
