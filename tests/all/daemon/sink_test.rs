//! `trailrisk sink test`: what an operator sees before a sink is relied on.

use serde_json::json;

use super::home;
use super::line::Line;
use super::webhook::Receiver;
use crate::support::daemon::{Daemon, Ended, Home};

const TARGET_SECRET: &str = "c4nary5ecret";

async fn test(home: &Home, sink: &str) -> Ended {
    Daemon::spawn(home.with_config(&["sink", "test", sink])).ended().await
}

fn with_sinks(receiver: &Receiver) -> Home {
    let home = home();
    let mut sinks = receiver.sink();
    sinks[0]["url"] = json!(format!("{}?token={TARGET_SECRET}", receiver.url));
    sinks[0]["min_severity"] = json!("critical");
    sinks.as_array_mut().expect("a list").push(json!({"name": "out", "type": "stdout"}));
    let config = json!({
        "source": {"stream": "trail"},
        "detections": {"paths": ["nowhere"]},
        "sinks": sinks,
    });
    home.configure(config.to_string());
    home
}

fn assert_reports(report: &str, lines: &[&str]) {
    for line in lines {
        assert!(report.lines().any(|reported| reported == *line), "{line:?} is no line of\n{report}");
    }
    assert!(report.contains("took     "), "{report}");
    assert!(!report.contains(TARGET_SECRET), "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_test_sends_one_marked_sample_and_says_what_the_receiver_answered() {
    let receiver = Receiver::start().await;
    let home = with_sinks(&receiver);
    let target = format!("target   {}/<secret>", receiver.url.trim_end_matches("/hook"));
    let sample = "sample   00000000000000000000000000000000-final";
    let delivered = test(&home, "soc").await;
    assert_eq!(delivered.code, Some(0), "{}", delivered.log);
    let common = ["sink     soc", "type     webhook", target.as_str(), sample];
    assert_reports(&delivered.lines.join("\n"), &common);
    assert_reports(&delivered.lines.join("\n"), &["outcome  delivered", "answer   status 200"]);
    let sent = receiver.delivered();
    let [(key, body)] = &sent[..] else { panic!("one sample, whatever the severity: {sent:?}") };
    assert_eq!((key.as_str(), Line::read(body).key.as_str()), (&sample[9..], &sample[9..]));
    assert!(body.contains("This is a test of a trailrisk sink"), "{body}");

    receiver.set_down(true);
    let failed = test(&home, "soc").await;
    assert_eq!(failed.code, Some(1), "{}", failed.log);
    assert_reports(&failed.lines.join("\n"), &common);
    let outcome = "outcome  not delivered: unavailable; the daemon would try again";
    assert_reports(&failed.lines.join("\n"), &[outcome, "answer   status 500: the receiver answers 500"]);
    assert_eq!((receiver.count(), receiver.refused()), (1, 1), "one attempt each");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sink_test_of_standard_output_keeps_its_report_off_it_and_an_unknown_sink_names_those_there_are() {
    let receiver = Receiver::start().await;
    let home = with_sinks(&receiver);
    let written = test(&home, "out").await;
    assert_eq!(written.code, Some(0), "{}", written.log);
    let [line] = &written.lines[..] else { panic!("one line: {:?}", written.lines) };
    assert_eq!(Line::read(line).key, "00000000000000000000000000000000-final");
    assert_reports(
        &written.log,
        &["sink     out", "type     stdout", "target   standard output", "outcome  delivered"],
    );
    let unknown = test(&home, "pager").await;
    assert_eq!(unknown.code, Some(64));
    assert!(unknown.log.contains("\"pager\" is no sink of this configuration, which has: soc, out"), "{}", unknown.log);
    assert_eq!(receiver.count(), 0);
}
