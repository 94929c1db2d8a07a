//! The status page of the real binary.

use serde_json::{Value, json};
use trailrisk::status::{DetectionState, Health, ShardState, Status};

use super::event::JobCreated;
use super::{STREAM, config, home};
use crate::support::daemon::Daemon;
use crate::support::kinesis::{Endpoint, LocalKinesis};
use crate::support::{PATIENCE, wall_millis};

const HOSTILE: &str = "<script>alert(1)</script>\u{1b}[2J\u{202e}";

async fn status(daemon: &Daemon) -> Status {
    let (code, body) = daemon.get("/api/status").await.expect("it answers");
    assert_eq!(code, 200);
    serde_json::from_str(&body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// Waits until the status is as wanted.
async fn until(daemon: &Daemon, what: &str, is_wanted: impl Fn(&Status) -> bool) -> Status {
    let look = || async {
        let now = status(daemon).await;
        is_wanted(&now).then_some(now)
    };
    daemon.until(PATIENCE, what, look).await
}

async fn started(kinesis: &Endpoint, change: impl FnOnce(&mut Value)) -> (crate::support::daemon::Home, Daemon) {
    let home = home();
    let mut config = config(kinesis);
    change(&mut config);
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    (home, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_follows_a_record_from_the_shard_to_the_sink() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 2).await;
    let (_home, daemon) = started(&kinesis, |_| {}).await;
    let before = until(&daemon, "both shards are read", |now| {
        now.health == Health::Healthy && now.snapshot.watermark.at.is_some()
    })
    .await;
    assert!(before.snapshot.shards.len() == 2 && before.snapshot.shards.iter().all(|s| s.state == ShardState::Open));
    assert!(before.snapshot.risk_events.is_none(), "not asked for");
    let [detection] = &before.snapshot.detections[..] else { panic!("one is shipped: {before:?}") };
    assert_eq!((detection.state, detection.matches, detection.window_seconds), (DetectionState::Active, 0, Some(2.0)));
    assert!(detection.file.as_ref().is_some_and(|file| file.ends_with("aws_exfiltration_via_batch_service.yml")));
    kinesis.put(STREAM, [("k".to_owned(), JobCreated::new(1, wall_millis(), "111111111111").text().into())]).await;
    let after = until(&daemon, "it is delivered", |now| now.snapshot.sinks[0].acknowledged == 2).await;
    let detection = &after.snapshot.detections[0];
    assert_eq!((after.snapshot.stream.records, detection.matches, detection.risk_events), (1, 1, 2));
    assert!(after.snapshot.checkpoint.stored_at.is_some());
    let hash = daemon.log().iter().find_map(|line| Some(line.split_once(r#""configuration":""#)?.1[..12].to_owned()));
    assert_eq!(Some(after.snapshot.about.configuration), hash, "the hash of the first log line");
    let (_, html) = daemon.get("/").await.expect("it answers");
    assert!(html.contains("<h1 id=\"verdict\"><bdi>Healthy: "), "{html}");
    assert!(!html.contains("111111111111"), "nothing of the event");
    let unnamed = daemon.get("/api/status?source=other").await.expect("it answers");
    assert_eq!(unnamed, (404, "there is one source, which is asked without ?source=NAME\n".to_owned()));
    assert_eq!(daemon.stop().await.code, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_1_risk_events_are_shown_only_where_asked_for_and_act_nowhere() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    let (_home, daemon) = started(&kinesis, |config| config["admin"]["status_events"] = json!(true)).await;
    let mut event = JobCreated::new(1, wall_millis(), "111111111111").json();
    event["userAgent"] = json!(format!("{HOSTILE}{}", "A".repeat(1 << 19)));
    kinesis.put(STREAM, [("k".to_owned(), event.to_string().into_bytes())]).await;
    let shown = |now: &Status| now.snapshot.risk_events.as_ref().is_some_and(|events| events.len() == 2);
    let now = until(&daemon, "both stages are shown", shown).await;
    let newest = &now.snapshot.risk_events.expect("shown")[0];
    assert_eq!(
        (newest.stage.as_str(), newest.risk_score, &*newest.mitre_attack),
        ("final", 64.0, &["T1119".to_owned()][..])
    );
    assert!(newest.group.contains(&("aws_account_id".to_owned(), "111111111111".to_owned())), "{newest:?}");
    for path in ["/", "/api/status"] {
        let (_, body) = daemon.get(path).await.expect("it answers");
        assert!(body.contains("T1119") && body.contains("111111111111"), "{path}");
        assert!(!body.contains('\u{1b}') && !body.contains('\u{202e}') && body.len() < 100_000, "{path}");
        assert!(path != "/" || !body.contains("<script>alert"), "{body}");
    }
}

/// An open page must not hold the stop up.
#[tokio::test(flavor = "multi_thread")]
async fn st_1_a_reader_of_the_stream_does_not_delay_the_stop() {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    let (_home, daemon) = started(&kinesis, |_| {}).await;
    let ((_, stream), ended) =
        tokio::join!(async { daemon.get("/api/status/events").await.expect("it is served until the end") }, async {
            until(&daemon, "it is read", |now| now.snapshot.watermark.at.is_some()).await;
            daemon.signal("TERM").await;
        });
    let () = ended;
    assert!(stream.contains("event: page") && stream.contains("Stopping"), "the page says so: {stream}");
    assert!(stream.ends_with("0\r\n\r\n"), "an orderly end");
    assert_eq!(daemon.ended().await.code, Some(0));
}
