//! Enhanced fan-out through the real binary: the same results as polling, whatever breaks.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::chaos::{Setting, Stop, assert_what_the_stream_holds, run};
use super::event::JobCreated;
use super::line::{finals, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::Daemon;
use crate::support::kinesis::{LocalKinesis, PushFault};
use crate::support::{PATIENCE, wall_millis};

/// Reads by fan-out as a consumer that the daemon registers.
pub fn fan_out(config: &mut Value) {
    config["source"]["reader"] = json!("fan_out");
    config["source"]["consumer"] = json!("trailrisk");
    config["source"]["register_consumer"] = json!(true);
}

/// Subscriptions end after six seconds, and every now and then one breaks.
fn breaks(kinesis: Arc<LocalKinesis>, seed: u64) -> JoinHandle<()> {
    kinesis.faults().set_session(Duration::from_secs(6));
    tokio::spawn(async move {
        let mut rng = fastrand::Rng::with_seed(seed);
        loop {
            sleep(Duration::from_millis(rng.u64(300..1500))).await;
            let faults = [
                PushFault::Cut,
                PushFault::Exception("InternalFailureException"),
                PushFault::Exception("KMSThrottlingException"),
            ];
            kinesis.faults().break_subscriptions(rng.choice(faults));
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn em_4_by_fan_out_too_the_finals_after_any_crash_are_those_of_a_replay() {
    let run = run(Setting { configure: Box::new(fan_out), trouble: Some(breaks), ..Setting::new(Stop::Kill) }).await;
    assert_what_the_stream_holds(run).await.assert_announced();
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_6_by_fan_out_too_nothing_is_emitted_twice_after_sigterm() {
    let run = run(Setting { configure: Box::new(fan_out), ..Setting::new(Stop::Terminate) }).await;
    let outcome = assert_what_the_stream_holds(run).await;
    outcome.assert_announced();
    outcome.assert_once();
}

async fn put(kinesis: &LocalKinesis, numbers: std::ops::Range<u64>) {
    let event = |number| JobCreated::new(number, wall_millis(), &format!("{:012}", 111_111_111_111 + number));
    let records = numbers.map(event).map(|event| (event.id.clone(), event.text().into_bytes()));
    kinesis.put(STREAM, records).await;
}

async fn until_finals(daemon: &Daemon, count: usize) {
    let came = || async { (finals(&read_all(&daemon.lines())).len() >= count).then_some(()) };
    daemon.until(PATIENCE, &format!("{count} finals"), came).await;
}

/// Both read the same stream at once; a split, a merge of a child with its neighbour, a split of that.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_fan_out_and_polling_tell_the_same_of_a_stream_that_splits_and_merges() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    let (polled, pushed) = (home(), home());
    let mut settings = config(&kinesis);
    polled.configure(settings.to_string());
    fan_out(&mut settings);
    pushed.configure(settings.to_string());
    let daemons = [polled.start(), pushed.start()];
    for daemon in &daemons {
        daemon.ready().await;
    }
    put(&kinesis, 0..10).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    put(&kinesis, 10..20).await;
    kinesis.merge(STREAM, "shardId-000000000003", "shardId-000000000001").await;
    put(&kinesis, 20..30).await;
    kinesis.split(STREAM, "shardId-000000000004").await;
    put(&kinesis, 30..40).await;
    let mut told = Vec::new();
    for daemon in daemons {
        until_finals(&daemon, 40).await;
        let ended = daemon.stop().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        told.push(finals(&read_all(&ended.lines)));
    }
    assert_eq!(told[0].len(), 40);
    assert_eq!(told[0], told[1], "byte for byte");
}

#[tokio::test(flavor = "multi_thread")]
async fn rd_1_a_killed_connection_is_resumed_without_loss_and_without_a_repeat() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut settings = config(&kinesis);
    fan_out(&mut settings);
    home.configure(settings.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let kills = [PushFault::Cut, PushFault::Exception("InternalFailureException"), PushFault::Cut];
    for (number, kill) in (0..).zip(kills) {
        put(&kinesis, 10 * number..10 * number + 5).await;
        until_finals(&daemon, 10 * number as usize + 5).await;
        kinesis.faults().break_subscriptions([kill]);
        put(&kinesis, 10 * number + 5..10 * number + 10).await;
        until_finals(&daemon, 10 * number as usize + 10).await;
    }
    let broken = r#"trailrisk_kinesis_subscriptions_total{outcome="broken",stream="trail"}"#;
    assert_eq!(daemon.metric(broken).await, 3.0);
    assert_eq!(kinesis.faults().calls("GetRecords"), 0, "nothing is polled");
    assert_eq!(kinesis.faults().calls("GetShardIterator"), 0, "nothing is polled");
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let lines = read_all(&ended.lines);
    let keys: std::collections::BTreeSet<&str> = lines.iter().map(|line| line.key.as_str()).collect();
    assert_eq!((keys.len(), lines.len()), (60, 60), "one early and one final each");
}

/// TCP says nothing of it; that Kinesis pushes nothing does.
#[tokio::test(flavor = "multi_thread")]
async fn a_half_open_connection_is_found_and_replaced() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut settings = config(&kinesis);
    fan_out(&mut settings);
    home.configure(settings.to_string());
    let daemon = home.start();
    daemon.ready().await;
    put(&kinesis, 0..5).await;
    until_finals(&daemon, 5).await;
    kinesis.faults().break_subscriptions([PushFault::Mute]);
    put(&kinesis, 5..10).await;
    until_finals(&daemon, 10).await;
    let silent = r#"trailrisk_kinesis_subscriptions_total{outcome="silent",stream="trail"}"#;
    assert_eq!(daemon.metric(silent).await, 1.0);
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_that_is_not_registered_ends_the_start_with_what_to_do() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut settings = config(&kinesis);
    fan_out(&mut settings);
    settings["source"]["register_consumer"] = json!(false);
    home.configure(settings.to_string());
    let ended = home.start().ended().await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    assert!(ended.log.contains("the stream trail has no consumer trailrisk: register it"), "{}", ended.log);
    let consumers = kinesis.client().list_stream_consumers().stream_arn(arn(&kinesis).await).send().await;
    assert_eq!(consumers.expect("listed").consumers().len(), 0, "none is registered unasked");
}

async fn arn(kinesis: &LocalKinesis) -> String {
    let summary = kinesis.client().describe_stream_summary().stream_name(STREAM).send().await.expect("described");
    summary.stream_description_summary.expect("a summary").stream_arn
}
