//! `trailrisk tail`: whether anything comes, in what envelope, how late.

use serde_json::{Value, json};
use tokio::process::Command;

use super::event::{JobCreated, eventbridge, file, gzip};
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Ended, Home};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wait_until, wall_millis};

fn tail(home: &Home, kinesis: &LocalKinesis, arguments: &[&str]) -> Command {
    let mut command = home.command(&["tail", "--stream", STREAM, "--region", "us-east-1"]);
    command.args(["--endpoint-url", kinesis.url(), "--set", "source.tip_slack=1s"]).args(arguments);
    command
}

async fn run(home: &Home, kinesis: &LocalKinesis, arguments: &[&str]) -> Ended {
    Daemon::spawn(tail(home, kinesis, arguments)).ended().await
}

/// One event in each of four envelopes, two in a file, and a record that is none.
async fn stream() -> (LocalKinesis, Home) {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    let event = |number: u64| JobCreated::new(number, wall_millis() - 90_000, "111111111111");
    let records = [
        event(1).text().into_bytes(),
        eventbridge(&event(2)).into_bytes(),
        file(&[event(3), event(4)]).into_bytes(),
        gzip(event(5).text().as_bytes()),
        b"{oops".to_vec(),
    ];
    kinesis.put(STREAM, records.into_iter().enumerate().map(|(n, data)| (format!("key-{n}"), data))).await;
    // Kinesis tells its time in whole seconds, so that `latest` is the beginning of one.
    let second = wall_millis() / 1000;
    wait_until("another second", || async { (wall_millis() / 1000 > second).then_some(()) }).await;
    (kinesis, home())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_stream_holds_is_shown_with_envelope_delay_and_shard_and_summed_up() {
    let (kinesis, home) = stream().await;
    let ended = run(&home, &kinesis, &["--since", "trim_horizon", "--no-follow"]).await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 6), "{}\n{:?}", ended.log, ended.lines);
    let count = |word: &str| ended.lines.iter().filter(|line| line.contains(word)).count();
    assert_eq!((count(" eventbridge "), count(" file "), count(" bare ")), (1, 2, 2), "{:?}", ended.lines);
    assert_eq!((count(" +1m3"), count(" shardId-0000000000"), count("JobCreated")), (5, 6, 5), "{:?}", ended.lines);
    assert_eq!(count("rejected: bad_json"), 1, "{:?}", ended.lines);
    assert_eq!(count("errorCode"), 0, "no call failed: {:?}", ended.lines);
    for words in [
        "5 records, 5 events, 5 shown, 1 rejected",
        "bare: 2",
        "eventbridge: 1",
        "file: 2",
        "rejected as bad_json: 1",
        "p50 +1m3",
        "p99.9 +1m3",
        "2 open shards, 24 h retained",
    ] {
        assert!(ended.log.contains(words), "{words:?} is not in {}", ended.log);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_lines_have_the_event_and_a_search_chooses_among_them() {
    let (kinesis, home) = stream().await;
    let search = "eventName=JobCreated eventID=*0003";
    let arguments = ["--since", "1h", "--no-follow", "--format", "json", "--search", search];
    let ended = run(&home, &kinesis, &arguments).await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 1), "{}\n{:?}", ended.log, ended.lines);
    let line: Value = serde_json::from_str(&ended.lines[0]).expect("JSON");
    assert_eq!((&line["envelope"], &line["event"]["eventName"]), (&json!("file"), &json!("JobCreated")));
    let delay = line["delay_ms"].as_i64().expect("a number");
    assert!((90_000..150_000).contains(&delay), "{delay}");
    assert!(line["shard"].as_str().is_some_and(|shard| shard.starts_with("shardId-")), "{line}");
    assert!(line["position"].as_str().is_some_and(|position| position.len() > 20), "{line}");
    assert!(ended.log.contains("5 records, 5 events, 1 shown, 1 rejected"), "{}", ended.log);

    let wrong = run(&home, &kinesis, &["--search", "eventName=("]).await;
    assert_eq!(wrong.code, Some(64), "{}", wrong.log);
    assert!(wrong.log.contains("--search cannot be run") && wrong.log.contains('^'), "{}", wrong.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_the_stream_through_a_split_until_the_limit() {
    let (kinesis, home) = stream().await;
    let daemon = Daemon::spawn(tail(&home, &kinesis, &["--limit", "3"]));
    let begun = || async { daemon.log().iter().any(|line| line.starts_with("arrival,")).then_some(()) };
    daemon.until(PATIENCE, "it reads", begun).await;
    let event = |number: u64| JobCreated::new(number, wall_millis(), "222222222222").text().into_bytes();
    kinesis.put(STREAM, [("key".to_owned(), event(11))]).await;
    let shown = || async { (daemon.lines().len() == 1).then_some(()) };
    daemon.until(PATIENCE, "the first event, and none from before", shown).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    kinesis.split(STREAM, "shardId-000000000001").await;
    kinesis.put(STREAM, (12..20).map(|number| (format!("key-{number}"), event(number)))).await;
    let ended = daemon.ended().await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 3), "{}", ended.log);
    assert!(ended.lines.iter().all(|line| line.contains(" 222222222222 ")), "{:?}", ended.lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_and_the_time_end_it_with_the_summary() {
    let (kinesis, home) = stream().await;
    let quiet = run(&home, &kinesis, &["--for", "1s"]).await;
    assert_eq!((quiet.code, quiet.lines.len()), (Some(0), 0), "{}", quiet.log);
    assert!(quiet.log.contains("0 records") && quiet.log.contains("nothing arrived"), "{}", quiet.log);

    let daemon = Daemon::spawn(tail(&home, &kinesis, &["--since", "trim_horizon"]));
    let shown = || async { (daemon.lines().len() == 6).then_some(()) };
    daemon.until(PATIENCE, "all that is there", shown).await;
    daemon.signal("INT").await;
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("5 records, 5 events, 5 shown"), "{}", ended.log);

    let mut closed = Daemon::spawn(tail(&home, &kinesis, &["--since", "trim_horizon"]));
    closed.close_stdout().await;
    assert_eq!(closed.ended().await.code, Some(0), "whoever reads no more has enough");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_cannot_begin_is_said() {
    let (kinesis, home) = stream().await;
    let future = jiff::Timestamp::from_millisecond(wall_millis() + 600_000).expect("in range").to_string();
    let refused = run(&home, &kinesis, &["--since", &future]).await;
    assert_eq!(refused.code, Some(64), "{}", refused.log);
    assert!(refused.log.contains("lies in the future"), "{}", refused.log);
    let old = run(&home, &kinesis, &["--since", "48h", "--no-follow"]).await;
    assert_eq!((old.code, old.lines.len()), (Some(0), 6), "{}", old.log);
    assert!(old.log.contains("longer ago than the stream retains"), "{}", old.log);
    let doubtful = run(&home, &kinesis, &["--no-follow", "--search", "eventName=JobCreated or x"]).await;
    assert_eq!(doubtful.code, Some(0), "{}", doubtful.log);
    assert!(doubtful.log.contains("--search: warning: `or` in lower case"), "{}", doubtful.log);
    let nowhere = home.run(&["tail"]).await;
    assert_eq!(nowhere.code, Some(64));
    assert!(nowhere.log.contains("--stream NAME or --config FILE"), "{}", nowhere.log);
}

/// A configuration file gives the stream, and its macros to the search; no checkpoint is written or locked.
#[tokio::test(flavor = "multi_thread")]
async fn beside_a_running_daemon_the_configuration_is_enough() {
    let (kinesis, home) = stream().await;
    home.write("macros.yaml", "mine: eventID=*0005\n");
    let mut config = config(&kinesis);
    config["detections"]["macros"] = json!(["macros.yaml"]);
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let mut command = home.with_config(&["tail", "--since", "trim_horizon", "--no-follow", "--search", "`mine`"]);
    command.args(["--set", "source.tip_slack=1s"]);
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 1), "{}", ended.log);
    assert_eq!(daemon.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_1_hostile_events_act_nowhere_in_a_tail() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut event = JobCreated::new(1, wall_millis(), "111111111111").json();
    for field in ["awsRegion", "sourceIPAddress", "errorCode", "userAgent"] {
        event[field] = json!("x\u{1b}[2J\u{9b}1m\u{202e}\r\n2026 forged line \u{2028}");
    }
    kinesis.put(STREAM, [("key".to_owned(), event.to_string().into_bytes())]).await;
    for format in ["text", "json"] {
        let ended = run(&home, &kinesis, &["--since", "trim_horizon", "--no-follow", "--format", format]).await;
        assert_eq!((ended.code, ended.lines.len()), (Some(0), 1), "{format}: {}\n{:?}", ended.log, ended.lines);
        let acts = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}');
        assert!(!ended.lines[0].chars().any(acts), "{format}: {:?}", ended.lines);
        if format == "json" {
            let line: Value = serde_json::from_str(&ended.lines[0]).expect("JSON");
            assert_eq!(line["event"], event, "its meaning is whole");
        }
    }
}
