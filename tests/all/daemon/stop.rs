//! ST-1: how the daemon ends.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::event::JobCreated;
use super::webhook::Receiver;
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Home};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

async fn put_one(kinesis: &LocalKinesis, number: u64) {
    let event = JobCreated::new(number, wall_millis(), &format!("{:012}", 111_111_111_111 + number));
    kinesis.put(STREAM, [("key".to_owned(), event.text().into_bytes())]).await;
}

#[tokio::test]
async fn a_required_standard_output_that_nobody_reads_ends_the_daemon_for_a_restart() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    home.configure(config(&kinesis).to_string());
    let mut daemon = home.start();
    daemon.ready().await;
    daemon.close_stdout().await;
    put_one(&kinesis, 1).await;
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(75), "{}", ended.log);
    assert!(ended.log.contains("nobody reads standard output any more"), "{}", ended.log);

    // What nobody read was not acknowledged, so it comes again.
    let daemon = home.start();
    let again = || async { (daemon.lines().len() == 2).then_some(()) };
    daemon.until(PATIENCE, "the early and the final risk event", again).await;
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// CP-7: nothing waits for a best-effort sink.
#[tokio::test]
async fn a_best_effort_standard_output_that_nobody_reads_stops_no_other_sink() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["sinks"] = json!([
        {"name": "out", "type": "stdout", "required": false},
        {"name": "file", "type": "file", "path": home.path("out.ndjson")},
    ]);
    config["shutdown"] = json!({"drain_deadline": "1s"});
    home.configure(config.to_string());
    let mut daemon = home.start();
    daemon.ready().await;
    daemon.close_stdout().await;
    for number in 1..=2 {
        put_one(&kinesis, number).await;
        let told = || async {
            let lines = std::fs::read_to_string(home.path("out.ndjson")).unwrap_or_default();
            (lines.lines().count() >= 2 * number as usize).then_some(())
        };
        daemon.until(PATIENCE, "the early and the final risk event of each", told).await;
    }
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// A daemon with one unacknowledged risk event: its receiver is down.
async fn blocked(
    home: &Home,
    kinesis: &LocalKinesis,
    receiver: &Receiver,
    drain_deadline: &str,
    required: bool,
) -> Daemon {
    kinesis.create_stream(STREAM, 1).await;
    receiver.set_down(true);
    let mut config = config(kinesis);
    config["sinks"] = receiver.sink();
    config["sinks"][0]["required"] = json!(required);
    config["shutdown"] = json!({"drain_deadline": drain_deadline});
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    put_one(kinesis, 1).await;
    let refused = || async { (receiver.refused() > 0).then_some(()) };
    daemon.until(PATIENCE, "the delivery is refused", refused).await;
    daemon
}

#[tokio::test]
async fn cp_6_what_is_unacknowledged_at_the_drain_deadline_is_emitted_after_the_restart() {
    let (receiver, kinesis, home) = (Receiver::start().await, LocalKinesis::start().await, home());
    let daemon = blocked(&home, &kinesis, &receiver, "1s", true).await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(75), "EX_TEMPFAIL: {}", ended.log);

    receiver.set_down(false);
    let daemon = home.start();
    let both = || async { (receiver.count() == 2).then_some(()) };
    daemon.until(PATIENCE, "the early and the final risk event", both).await;
    assert_eq!(daemon.stop().await.code, Some(0));
    let keys: Vec<_> = receiver.delivered().into_iter().map(|(key, _)| key).collect();
    assert!(keys[0].ends_with("-early") && keys[1].ends_with("-final"), "{keys:?}");
}

#[tokio::test]
async fn st_1_what_a_best_effort_sink_still_holds_at_the_drain_deadline_is_said_and_holds_nobody() {
    let (receiver, kinesis, home) = (Receiver::start().await, LocalKinesis::start().await, home());
    let ended = blocked(&home, &kinesis, &receiver, "1s", false).await.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("a best-effort sink still held at the end are dropped"), "{}", ended.log);
}

/// Of a sink that nobody waits for, what was given up is in the dead letters alone.
#[tokio::test]
async fn st_1_dead_letters_that_cannot_be_written_at_the_end_are_said_to_be_lost() {
    let (receiver, kinesis, home) = (Receiver::start().await, LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    receiver.set_down(true);
    let mut config = config(&kinesis);
    config["sinks"] = receiver.sink();
    config["sinks"][0]["required"] = json!(false);
    config["sinks"][0]["give_up_after"] = json!("1s");
    let letters = home.path("letters");
    config["dead_letter"] = json!({"path": letters});
    config["shutdown"] = json!({"drain_deadline": "1s"});
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    std::fs::remove_file(&letters).expect("it is there");
    std::fs::create_dir(&letters).expect("its place is free");
    put_one(&kinesis, 1).await;
    daemon.until_logged("cannot write dead letters").await;
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(75), "{}", ended.log);
    assert!(ended.log.contains("dead letters of best-effort sinks were not written: they are lost"), "{}", ended.log);
}

#[tokio::test]
async fn st_1_a_second_signal_does_not_wait_for_the_drain_deadline() {
    let (receiver, kinesis, home) = (Receiver::start().await, LocalKinesis::start().await, home());
    let daemon = blocked(&home, &kinesis, &receiver, "1m", true).await;
    daemon.signal("TERM").await;
    daemon.until_logged("stopping: ").await;
    let begun = Instant::now();
    // Those that come with the first are none.
    let left = || async {
        daemon.signal("TERM").await;
        daemon.log().iter().any(|line| line.contains("a second signal came")).then_some(())
    };
    daemon.until(PATIENCE, "the second signal is heard", left).await;
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(75), "{}", ended.log);
    assert!(begun.elapsed() < Duration::from_secs(50), "it waited for {:?}", begun.elapsed());
}

/// As where one is sent to the process and one to its group. Two of one kind would be one if they came before it looked.
#[tokio::test]
async fn st_1_signals_that_come_together_are_one() {
    let (receiver, kinesis, home) = (Receiver::start().await, LocalKinesis::start().await, home());
    let daemon = blocked(&home, &kinesis, &receiver, "1m", true).await;
    let both = format!("kill -TERM {0} && kill -INT {0}", daemon.pid());
    let sent = tokio::process::Command::new("sh").args(["-c", &both]).status().await;
    assert!(sent.is_ok_and(|status| status.success()), "both are sent");
    daemon.until_logged("stopping: ").await;
    receiver.set_down(false);
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(receiver.count(), 1, "the early risk event was waited for");
}
