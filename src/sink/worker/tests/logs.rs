//! What an operator is told of deliveries: trouble at once, then once a minute with its count, and its end once.

use super::*;
use crate::telemetry::testing::Log;

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_is_one_line_a_minute_with_its_count_and_one_when_it_is_back() {
    let (log, down) = (Log::default(), Answer::Fail(FailureKind::Unavailable));
    let _guard = log.start();
    let script = Script::new(std::iter::repeat_n(down, 200).chain([Answer::Ok]));
    let mut rig = Rig::start(true, vec![script.clone()]).await;
    let begun = Instant::now();
    rig.push(final_of(1));
    rig.done.next().await.unwrap();
    let minutes = begun.elapsed().as_secs() / 60;
    let lines = log.take("sink is unavailable");
    let repeats: u64 = lines.iter().map(|line| line["repeats"].as_u64().unwrap()).sum();
    assert!(lines.len() as u64 <= minutes + 1 && minutes > 5, "{} lines in {minutes} minutes", lines.len());
    assert!(lines.iter().all(|line| line["level"] == "WARN"));
    assert!(repeats + lines.len() as u64 + 10 > 200, "but for the last minute, every attempt is counted: {repeats}");
    assert_eq!(log.said("sink delivers again", &["sink", "attempts"]), [["INFO", "s", "200"]]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_refuses_everything_is_one_error_with_the_reason_and_the_key() {
    let (log, refused) = (Log::default(), Answer::Fail(FailureKind::EventRefused));
    let _guard = log.start();
    let script = Script::new(std::iter::repeat_n(refused, 3 * 50));
    let mut rig = Rig::start(true, vec![script.clone()]).await;
    (0..50).for_each(|id| rig.push(final_of(id)));
    for _ in 0..50 {
        rig.done.next().await.unwrap();
    }
    let lines = log.take("goes to the dead letters");
    assert!(lines.len() < 5, "{lines:?}");
    assert_eq!((&lines[0]["level"], &lines[0]["reason"]), (&"ERROR".into(), &"refused".into()));
    assert_eq!(lines[0]["key"], "00000000000000000000000000000000-final");
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_is_refused_needs_an_operator() {
    let (log, wrong) = (Log::default(), Answer::Fail(FailureKind::Misconfigured));
    let _guard = log.start();
    let mut rig = Rig::start(true, vec![Script::new([wrong, Answer::Ok])]).await;
    rig.push(final_of(1));
    rig.done.next().await.unwrap();
    assert_eq!(log.said("refuses this configuration", &["sink"]), [["ERROR", "s"]]);
}
