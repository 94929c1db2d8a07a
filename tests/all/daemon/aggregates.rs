//! Aggregates of the Kinesis Producer Library through the real binary.

use super::aggregate::aggregate;
use super::chaos::{Setting, Stop, assert_what_the_stream_holds, run};
use super::dead_letter::dead_letters;
use super::event::JobCreated;
use super::line::{finals, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::Daemon;
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

/// Positions between the user records of an aggregate go through checkpoints, kills and restarts.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_a_crash_in_the_middle_of_aggregates_loses_and_doubles_nothing() {
    let run = run(Setting { aggregated: true, ..Setting::new(Stop::Kill) }).await;
    let split = r#"trailrisk_kinesis_aggregates_total{outcome="split",stream="trail"}"#;
    let splits = || async { Some(run.daemon.metric(split).await).filter(|count| *count > 0.0) };
    run.daemon.until(PATIENCE, "aggregates are taken apart", splits).await;
    assert_what_the_stream_holds(run).await.assert_announced();
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_6_after_sigterm_in_the_middle_of_aggregates_nothing_is_emitted_twice() {
    let run = run(Setting { aggregated: true, ..Setting::new(Stop::Terminate) }).await;
    let outcome = assert_what_the_stream_holds(run).await;
    outcome.assert_announced();
    outcome.assert_once();
}

fn event(number: u64) -> Vec<u8> {
    JobCreated::new(number, wall_millis(), &format!("{:012}", 111_111_111_111 + number)).text().into_bytes()
}

/// The key's own shard is one of two; a hash key of 0 or the largest belongs to the other one.
#[tokio::test(flavor = "multi_thread")]
async fn po_1_user_records_of_another_shard_are_dead_lettered_and_a_bad_aggregate_takes_no_neighbour_along() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    home.configure(config(&kinesis).to_string());
    let daemon = home.start();
    daemon.ready().await;
    let ends = [Some(0), Some(u128::MAX)];
    let user_records = || ends.into_iter().chain([None]).zip(0..).map(|(end, number)| (end, event(number)));
    let good = aggregate("key", user_records());
    let mut torn = aggregate("key", [(None, event(7))]);
    torn.pop();
    let records = [good, torn.clone(), event(8)].map(|data| ("key".to_owned(), data));
    kinesis.put(STREAM, records).await;
    let told =
        || async { (finals(&read_all(&daemon.lines())).len() == 3 && dead_letters(&home).len() == 2).then_some(()) };
    daemon.until(PATIENCE, "three finals and two dead letters", told).await;
    let counted = |reason: &str| format!(r#"trailrisk_records_rejected_total{{reason="{reason}"}}"#);
    assert_eq!(daemon.metric(&counted("wrong_shard")).await, 1.0);
    assert_eq!(daemon.metric(&counted("bad_kpl")).await, 1.0);
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let mut letters = dead_letters(&home);
    letters.sort_by(|a, b| a.reason.cmp(&b.reason));
    assert_eq!((letters[0].reason.as_str(), &letters[0].data), ("bad_kpl", &torn));
    assert_eq!(letters[1].reason, "wrong_shard");
    let place = letters[1].json["sub_sequence_number"].as_u64().unwrap_or(0);
    assert!(place < 2, "the place in the aggregate: {place}");

    // What was refused can be evaluated by hand, and so can an aggregate in a file.
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.path("dead-letters.ndjson"));
    let replayed = Daemon::spawn(command).ended().await;
    assert_eq!(finals(&read_all(&replayed.lines)).len(), 1, "{}", replayed.log);
}
