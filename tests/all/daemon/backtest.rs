//! `trailrisk backtest`: what it refuses, what it leaves out, and where live saw less than the stream holds.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::event::JobCreated;
use super::line::{Line, finals, read_all};
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Ended, Home};
use crate::support::kinesis::{CannedStream, LocalKinesis};
use crate::support::{PATIENCE, wait_until, wall_millis};

async fn backtest(home: &Home, arguments: &[&str]) -> Ended {
    let mut command = home.with_config(&["backtest"]);
    command.args(arguments);
    Daemon::spawn(command).ended().await
}

fn instant(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis).expect("in range").to_string()
}

/// Events of as many accounts, with these numbers and at this time.
async fn put(kinesis: &LocalKinesis, numbers: std::ops::Range<u64>, time: i64) {
    let event = |number: u64| JobCreated::new(number, time, &format!("{:012}", 111_111_111_111 + number));
    let records = numbers.map(|number| (format!("key-{number}"), event(number).text().into_bytes()));
    kinesis.put(STREAM, records.collect::<Vec<_>>()).await;
}

/// Waits until so much time has passed by the clock of the in-process Kinesis.
async fn until(millis: i64) {
    wait_until("the time has come", || async { (wall_millis() >= millis).then_some(()) }).await;
}

#[tokio::test]
async fn a_range_that_makes_no_sense_is_refused_before_anything_is_read() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    home.configure(config(&kinesis).to_string());
    home.write("noise.ndjson", b"\xff\x00\n\n{\"class_uid\":2004}\n");
    let (past, future) = (instant(wall_millis() - 60_000), instant(wall_millis() + 600_000));
    for (arguments, words) in [
        (&["--from", "1h", "--to", "2h"][..], "the range is empty"),
        (&["--from", &past, "--to", &past], "is not before --to"),
        (&["--from", "1h", "--to", &future], "lies in the future"),
        (&["--from", "1h", "--diff", "absent.ndjson"], "cannot read the live events in absent.ndjson"),
        (&["--from", "1h", "--diff", "noise.ndjson"], "noise.ndjson holds no risk event of trailrisk: its 2 lines are"),
        (&["--from", "1h", "--sink", "stdot"], "did you mean \"stdout\"?"),
        (&["--from", "1h", "--checkpoint", "absent.json"], "there is no checkpoint at absent.json"),
        (&["--from", "yesterday"], "how long ago, such as"),
    ] {
        let refused = backtest(&home, arguments).await;
        assert_eq!(refused.code, Some(64), "{arguments:?}: {}", refused.log);
        assert!(refused.log.contains(words) && refused.lines.is_empty(), "{words:?} is not in {}", refused.log);
    }
    assert_eq!(kinesis.faults().calls("GetRecords"), 0);
    let nowhere = home.run(&["backtest", "--from", "1h"]).await;
    assert_eq!(nowhere.code, Some(64));
    assert!(nowhere.log.contains("--stream NAME or --config FILE"), "{}", nowhere.log);
    let absent = backtest(&home, &["--from", "1h", "--stream", "absent"]).await;
    assert_eq!(absent.code, Some(78), "{}", absent.log);
    assert!(absent.log.contains("there is no stream absent"), "{}", absent.log);
}

/// The stream is from 2023 and retains 24 h.
#[tokio::test]
async fn cp_8_a_range_older_than_the_retention_is_refused_loudly_with_the_earliest_that_is_whole() {
    let event = JobCreated::new(1, wall_millis() - 3_600_000, "111111111111").text();
    let canned = CannedStream::start(STREAM, wall_millis() - 3_600_000, [event.into_bytes()]).await;
    let home = home();
    home.configure(config(&canned.endpoint).to_string());
    let refused = backtest(&home, &["--from", "30h"]).await;
    assert_eq!(refused.code, Some(64), "{}", refused.log);
    for words in ["no longer holds the range whole", "it keeps 24 h", "The earliest --from is", "trailrisk replay"] {
        assert!(refused.log.contains(words), "{words:?} is not in {}", refused.log);
    }
    let earliest = refused.log.split_once("The earliest --from is ").expect("it is told").1;
    let earliest: jiff::Timestamp = earliest[..earliest.find(';').expect("it goes on")].parse().expect("an instant");
    // It moves on with the clock until the range is read.
    let whole = backtest(&home, &["--from", &instant(earliest.as_millisecond() + 600_000)]).await;
    assert_eq!((whole.code, whole.lines.len()), (Some(0), 1), "{}", whole.log);
}

/// Without a configuration, as somebody tries other detections on the events of the last hour.
#[tokio::test]
async fn other_detections_are_tried_over_the_stream_without_a_configuration() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    put(&kinesis, 0..5, wall_millis() - 5 * 3_600_000).await;
    let detections = crate::support::daemon::package("config/detections");
    let arguments = ["backtest", "--stream", STREAM, "--region", "us-east-1", "--endpoint-url", kinesis.url()];
    let mut command = home.command(&arguments);
    command.args(["--set", "detections.window=1s", "--set", "source.tip_slack=1s", "--from", "1h"]);
    command.arg("--detections").arg(detections);
    until(wall_millis() + 2000).await;
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let lines = read_all(&ended.lines);
    assert_eq!(lines.len(), 5, "{}", ended.log);
    // They were five hours late, and their bucket is the second of their arrival.
    assert!(lines.iter().all(|line| line.json["pane"] == "late" && line.stage() == "final"), "{:?}", ended.lines);
    assert!(
        lines.iter().all(|line| line.json["meta"]["stream"] == STREAM && line.json["meta"]["worker"] == "backtest")
    );
    assert!(ended.log.contains("5 records since") && ended.log.contains("5 final risk events close"), "{}", ended.log);
}

/// Shards that were closed long before the range are not asked for: `FROM_TIMESTAMP` leaves them out.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_shards_that_ended_before_the_range_are_not_read() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["detections"]["max_future_skew"] = json!("1s");
    home.configure(config.to_string());
    kinesis.faults().set_clock_behind(Duration::from_secs(3600));
    put(&kinesis, 0..3, wall_millis() - 3_600_000).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    kinesis.faults().set_clock_behind(Duration::ZERO);
    put(&kinesis, 3..9, wall_millis()).await;
    until(wall_millis() + 5000).await;
    let ended = backtest(&home, &["--from", "1m"]).await;
    assert_eq!((ended.code, finals(&read_all(&ended.lines)).len()), (Some(0), 6), "{}", ended.log);
    assert!(!ended.log.contains("shardId-000000000000"), "{}", ended.log);
    assert!(ended.log.contains("6 records since"), "{}", ended.log);
    let whole = backtest(&home, &["--from", "2h"]).await;
    assert_eq!((whole.code, finals(&read_all(&whole.lines)).len()), (Some(0), 9), "{}", whole.log);
    assert!(whole.log.contains("shardId-000000000000: read to its end"), "{}", whole.log);
}

/// A daemon that begins in the middle of a window, as `start: latest` does.
#[tokio::test(flavor = "multi_thread")]
async fn wn_7_windows_that_the_daemon_did_not_see_whole_are_explained_and_compared_with_its_checkpoint() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    let mut config = config(&kinesis);
    config["source"]["start"] = json!("latest");
    config["detections"]["window"] = json!("20s");
    home.configure(config.to_string());
    // The whole window is ahead, so that it is cut in its middle however slow the machine is.
    let window = wall_millis() / 20_000 * 20_000 + 20_000;
    until(window + 500).await;
    put(&kinesis, 0..6, window + 200).await;
    // Server times are whole seconds: where it begins is behind these, however long it took to put them.
    until((window + 500).max(wall_millis()) + 2000).await;
    let daemon = home.start();
    let begun = || async { (kinesis.faults().calls("GetShardIterator") > 0).then_some(()) };
    daemon.until(PATIENCE, "it has resolved where it begins", begun).await;
    put(&kinesis, 3..9, window + 300).await;
    let finals_came = || async { (finals(&read_all(&daemon.lines())).len() >= 6).then_some(()) };
    daemon.until(PATIENCE, "its finals", finals_came).await;
    let live = daemon.stop().await;
    assert_eq!(live.code, Some(0), "{}", live.log);
    assert!(read_all(&live.lines).iter().all(|line| line.json["partial"] == true), "{:?}", live.lines);
    let file = home.write("live.ndjson", live.lines.join("\n"));
    let (from, file) = (instant(window), file.to_string_lossy().into_owned());
    let range = ["--from", &from, "--to", "now", "--diff", &file];

    let blind = backtest(&home, &range).await;
    assert_eq!(blind.code, Some(1), "{}", blind.log);
    assert!(blind.log.contains("3 missing in the file, 0 extra, 6 different"), "{}", blind.log);
    assert!(blind.log.contains("are marked partial") && blind.log.contains("--checkpoint"), "{}", blind.log);
    let seeing = backtest(&home, &[&range[..], &["--checkpoint", "checkpoint.json"]].concat()).await;
    assert_eq!((seeing.code, seeing.lines.len()), (Some(0), 0), "{}\n{:?}", seeing.log, seeing.lines);
    assert!(seeing.log.contains("no difference: 6 alike"), "{}", seeing.log);

    kinesis.create_stream("another", 1).await;
    let other = [&range[..], &["--checkpoint", "checkpoint.json", "--stream", "another"]].concat();
    let refused = backtest(&home, &other).await;
    assert_eq!(refused.code, Some(78), "{}", refused.log);
    assert!(refused.log.contains("is of the stream \"trail\""), "{}", refused.log);
}

/// A staged detection sends nothing, so its sink's file is empty, and right.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_a_sink_is_sent_is_compared_where_that_is_asked_for() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["detections"]["settings"] = json!([{"detection": "AWS Exfiltration via Batch Service", "staged": true}]);
    home.configure(config.to_string());
    put(&kinesis, 0..3, wall_millis()).await;
    until(wall_millis() + 5000).await;
    home.write("nothing.ndjson", "");
    let all = backtest(&home, &["--from", "1m", "--diff", "nothing.ndjson"]).await;
    assert_eq!(all.code, Some(1), "{}", all.log);
    assert!(all.log.contains("3 missing in the file"), "{}", all.log);
    let of_the_sink = backtest(&home, &["--from", "1m", "--diff", "nothing.ndjson", "--sink", "stdout"]).await;
    assert_eq!(of_the_sink.code, Some(0), "{}", of_the_sink.log);
    assert!(of_the_sink.log.contains("warning: nothing was compared"), "{}", of_the_sink.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn throttles_and_failures_are_tried_again() {
    use crate::support::kinesis::Fault;
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    home.configure(config(&kinesis).to_string());
    put(&kinesis, 0..10, wall_millis()).await;
    until(wall_millis() + 5000).await;
    kinesis.faults().inject("GetRecords", Fault::THROTTLE, 2);
    kinesis.faults().inject("GetRecords", Fault::INTERNAL, 2);
    kinesis.faults().inject("GetShardIterator", Fault::INTERNAL, 1);
    let ended = backtest(&home, &["--from", "1m"]).await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 10), "{}", ended.log);
    assert!(kinesis.faults().is_clear());
}

/// Text of events reaches the report of a comparison.
#[tokio::test(flavor = "multi_thread")]
async fn threat_1_hostile_values_in_a_comparison_act_nowhere() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    home.configure(config(&kinesis).to_string());
    let mut event: Value = JobCreated::new(1, wall_millis(), "111111111111").json();
    event["userAgent"] = json!("\u{1b}[2J\u{202e}evil\nmissing   forged");
    kinesis.put(STREAM, [("key".to_owned(), event.to_string().into_bytes())]).await;
    until(wall_millis() + 5000).await;
    let printed = backtest(&home, &["--from", "1m"]).await;
    assert_eq!(printed.lines.len(), 1, "{}", printed.log);
    let line = Line::read(&printed.lines[0]);
    let other = line.body.replacen("\"event_count\":1", "\"event_count\":2", 1).replace("evil", "vile");
    home.write("live.ndjson", format!("{other}}}"));
    let ended = backtest(&home, &["--from", "1m", "--diff", "live.ndjson"]).await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let report = ended.lines.join("\n");
    assert!(report.contains("vile"), "{report}");
    assert!(!report.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{report:?}");
    assert!(!ended.lines.iter().any(|line| line.starts_with("missing   forged")), "{report}");
}

/// A backtest of the last minute whose first iterator comes when the other is cancelled: what happens to the stream until
/// then, happens while it is read.
async fn slow(home: &Home, kinesis: &LocalKinesis) -> (Daemon, CancellationToken) {
    slow_from(home, kinesis, "1m").await
}

/// As [`slow`], of another range.
async fn slow_from(home: &Home, kinesis: &LocalKinesis, from: &str) -> (Daemon, CancellationToken) {
    use crate::support::kinesis::Fault;
    let go = CancellationToken::new();
    kinesis.faults().inject("GetShardIterator", Fault::Until(go.clone()), 1);
    let mut command = home.with_config(&["backtest", "--from", from]);
    command.args(["--to", "now"]);
    let daemon = Daemon::spawn(command);
    let asked = || async { (kinesis.faults().calls("GetShardIterator") > 0).then_some(()) };
    daemon.until(PATIENCE, "it has listed the shards", asked).await;
    (daemon, go)
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_8_a_shard_that_is_trimmed_while_it_is_read_is_told_and_the_result_is_not_whole() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    home.configure(config(&kinesis).to_string());
    put(&kinesis, 0..3, wall_millis()).await;
    kinesis.split(STREAM, "shardId-000000000000").await;
    put(&kinesis, 3..6, wall_millis()).await;
    until(wall_millis() + 4000).await;
    let (daemon, go) = slow(&home, &kinesis).await;
    kinesis.faults().forget_shard("shardId-000000000000");
    go.cancel();
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(70), "{}", ended.log);
    assert!(ended.log.contains("may be lost in shardId-000000000000"), "{}", ended.log);
    assert!(ended.log.contains("what is printed is not whole"), "{}", ended.log);
    assert_eq!(ended.lines.len(), 3, "what is still there is printed: {:?}", ended.lines);
}

/// Reading begins a minute before what counts. The end of the retention passes that minute, not what counts, between the start
/// and the first read.
#[tokio::test(flavor = "multi_thread")]
async fn cp_8_what_the_stream_forgets_meanwhile_is_no_loss_where_it_does_not_count() {
    const BEHIND: Duration = Duration::from_secs(601);
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["detections"]["max_future_skew"] = json!("1s");
    home.configure(config.to_string());
    kinesis.faults().set_clock_behind(BEHIND);
    let now = || wall_millis() - BEHIND.as_millis() as i64;
    put(&kinesis, 0..3, now()).await;
    until(wall_millis() + 5000).await;
    // With window, grace and skew, what counts begins eleven minutes behind the oldest that the stream still holds.
    let from = instant(now() - 24 * 3_600_000 + 4000 + 660_000);
    let (daemon, go) = slow_from(&home, &kinesis, &from).await;
    kinesis.faults().set_clock_behind(Duration::ZERO);
    go.cancel();
    let ended = daemon.ended().await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 3), "{}", ended.log);
    assert!(!ended.log.contains("may be lost"), "{}", ended.log);
}

/// A merge behind the first listing, of a shard that was listed and one that was not.
#[tokio::test(flavor = "multi_thread")]
async fn rd_1_a_child_whose_other_parent_was_never_listed_is_read_after_another_listing() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    home.configure(config(&kinesis).to_string());
    put(&kinesis, 0..1, wall_millis()).await;
    kinesis.faults().forget_shard("shardId-000000000001");
    let (daemon, go) = slow(&home, &kinesis).await;
    kinesis.merge(STREAM, "shardId-000000000000", "shardId-000000000001").await;
    go.cancel();
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.log.contains("shardId-000000000000: read to its end"), "{}", ended.log);
    assert!(ended.log.contains("shardId-000000000002: read, up to"), "{}", ended.log);
}

#[tokio::test(flavor = "multi_thread")]
async fn cp_8_a_stream_created_again_while_it_is_read_is_told() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    home.configure(config(&kinesis).to_string());
    // Streams tell their creation in whole seconds.
    until(wall_millis() + 1100).await;
    let (daemon, go) = slow(&home, &kinesis).await;
    kinesis.client().delete_stream().stream_name(STREAM).send().await.expect("the stream is deleted");
    wait_until("the name is free again", || async {
        kinesis.client().create_stream().stream_name(STREAM).shard_count(1).send().await.ok()
    })
    .await;
    go.cancel();
    let ended = daemon.ended().await;
    assert_eq!(ended.code, Some(70), "{}", ended.log);
    assert!(ended.log.contains("was deleted and created again"), "{}", ended.log);
}
