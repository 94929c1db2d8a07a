//! Settings of single detections: where their risk events go, and that nothing else changes.

use serde_json::{Value, json};

use super::event::JobCreated;
use super::line::{Line, finals, read_all};
use super::webhook::Receiver;
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Home, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

const NAME: &str = "AWS Exfiltration via Batch Service";

async fn put(kinesis: &LocalKinesis, event: &JobCreated) {
    kinesis.put(STREAM, [("key".to_owned(), event.text().into_bytes())]).await;
}

fn withheld(detection: &str, stage: &str, reason: &str) -> String {
    let labels = format!("detection=\"{detection}\",reason=\"{reason}\",stage=\"{stage}\"");
    format!("trailrisk_risk_events_withheld_total{{{labels}}}")
}

async fn until_metric(daemon: &Daemon, series: &str, value: f64) {
    let look = || async { (daemon.metric(series).await == value).then_some(()) };
    daemon.until(PATIENCE, &format!("{series} is {value}"), look).await;
}

async fn exported(home: &Home) -> Value {
    let exported = Daemon::spawn(home.with_config(&["checkpoint", "export"])).ended().await;
    serde_json::from_str(&exported.lines.join("\n")).unwrap_or_else(|error| panic!("{error}: {}", exported.log))
}

/// The finals that `replay` makes of these events with this folder's configuration.
async fn replayed(home: &Home, events: &[JobCreated]) -> (Vec<Line>, String) {
    let texts: Vec<String> = events.iter().map(JobCreated::text).collect();
    let mut command = home.with_config(&["replay", "--source-name", STREAM]);
    command.arg(home.write("events.ndjson", texts.join("\n")));
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    (read_all(&ended.lines), ended.log)
}

/// A staged detection is counted and not sent, holds no checkpoint, and has the ids and bytes it would have had.
#[tokio::test]
async fn cp_7_a_staged_detection_is_counted_and_not_sent_and_holds_nothing() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let plain = config(&kinesis);
    let mut staged = plain.clone();
    staged["detections"]["settings"] = json!([{"detection": NAME, "staged": true}]);
    home.configure(staged.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let first = JobCreated::new(1, wall_millis(), "111111111111");
    put(&kinesis, &first).await;
    for stage in ["early", "final"] {
        until_metric(&daemon, &withheld(NAME, stage, "staged"), 1.0).await;
        let made = format!("trailrisk_risk_events_total{{detection=\"{NAME}\",severity=\"high\",stage=\"{stage}\"}}");
        assert_eq!(daemon.metric(&made).await, 1.0, "it was made");
    }
    let ended = daemon.stop().await;
    assert_eq!((ended.code, ended.lines.len()), (Some(0), 0), "{}", ended.log);

    let checkpoint = exported(&home).await["checkpoint"].take();
    let horizon = checkpoint["horizon"].as_i64().expect("milliseconds");
    assert!(horizon >= first.time + 1_000, "the window of {} is released: {checkpoint}", first.time);

    // The released window is not repeated when it is no longer staged; what comes then is sent.
    home.configure(plain.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let second = JobCreated::new(2, wall_millis(), "222222222222");
    put(&kinesis, &second).await;
    daemon.until(PATIENCE, "both stages", || async { (daemon.lines().len() >= 2).then_some(()) }).await;
    let live = read_all(&daemon.stop().await.lines);
    assert!(live.iter().all(|line| line.body.contains("222222222222")), "{live:?}");

    // `replay` shows a staged detection, as it would be sent.
    home.configure(staged.to_string());
    let (lines, _) = replayed(&home, &[first, second]).await;
    let (replayed, live) = (finals(&lines), finals(&live));
    assert_eq!(replayed.len(), 2);
    assert!(live.len() == 1 && live.iter().all(|(id, body)| replayed.get(id) == Some(body)), "{live:?}");
}

/// Two detections over one event: one goes as final to the webhook alone, the other everywhere.
#[tokio::test]
async fn a_detection_is_sent_to_the_sinks_and_in_the_stages_that_its_settings_name() {
    let (receiver, kinesis, home) = (Receiver::start().await, LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let shipped = package("config/detections/aws_exfiltration_via_batch_service.yml");
    let shipped = std::fs::read_to_string(shipped).expect("it is shipped");
    std::fs::create_dir(home.path("detections")).expect("the folder is writable");
    home.write("detections/a.yml", &shipped);
    home.write("detections/b.yml", shipped.replace(NAME, "Another").replace("04455dd3", "14455dd3"));
    let mut config = config(&kinesis);
    config["detections"]["paths"] = json!(["detections"]);
    config["detections"]["settings"] = json!([{"detection": NAME, "sinks": ["soc"], "stages": ["final"]}]);
    let stdout = config["sinks"][0].clone();
    config["sinks"] = receiver.sink();
    config["sinks"].as_array_mut().expect("a list").push(stdout);
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    put(&kinesis, &JobCreated::new(1, wall_millis(), "111111111111")).await;
    until_metric(&daemon, &withheld(NAME, "early", "stage"), 1.0).await;
    let all = || async { (receiver.count() >= 3 && daemon.lines().len() >= 2).then_some(()) };
    daemon.until(PATIENCE, "everything is delivered", all).await;
    for reason in ["staged", "severity", "no_sink"] {
        assert_eq!(daemon.metric(&withheld(NAME, "early", reason)).await, 0.0, "one reason each");
    }
    let shown = |lines: &[Line]| -> Vec<(String, String)> {
        let shown = |line: &Line| (line.json["detection"]["name"].to_string(), line.stage().to_owned());
        let mut shown: Vec<_> = lines.iter().map(shown).collect();
        shown.sort();
        shown
    };
    let pair = |name: &str, stage: &str| (format!("{name:?}"), stage.to_owned());
    let ended = daemon.stop().await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_eq!(shown(&read_all(&ended.lines)), [pair("Another", "early"), pair("Another", "final")]);
    let posted = receiver.delivered();
    let posted = read_all(posted.iter().map(|(_, body)| body));
    assert_eq!(shown(&posted), [pair(NAME, "final"), pair("Another", "early"), pair("Another", "final")]);
}

#[tokio::test]
async fn settings_that_name_nothing_are_refused_with_their_place() {
    let home = home();
    let configure = |settings: &str| {
        let detections = package("config/detections");
        home.configure(format!(
            "source: {{stream: s}}\nsinks: [{{name: out, type: stdout}}]\ndetections:\n  paths: [{}]\n  settings:\n    \
             - {settings}\n",
            detections.display()
        ));
    };
    for (settings, place, word) in [
        ("{detection: Nobody}", "trailrisk.yaml:6:19: ", "is the id or name of no detection loaded"),
        ("{detection: Nobody, sinks: [pager]}", "trailrisk.yaml:6:35: ", "is no sink of this configuration: out"),
        ("{detection: Nobody, sink: [out]}", "trailrisk.yaml:6:27: ", "did you mean sinks?"),
    ] {
        configure(settings);
        let checked = Daemon::spawn(home.with_config(&["check"])).ended().await;
        assert_eq!(checked.code, Some(78), "{settings}");
        let said = format!("{}\n{}", checked.lines.join("\n"), checked.log);
        assert!(said.contains(place) && said.contains(word), "{settings}: {said}");
    }
    configure(&format!("{{detection: {NAME}, staged: true}}"));
    let checked = Daemon::spawn(home.with_config(&["check"])).ended().await;
    assert!(checked.code == Some(0) && checked.lines[0].ends_with("(staged: not sent)"), "{:?}", checked.lines);
    configure(&format!("{{detection: {NAME}, min_severity: critical}}"));
    let checked = Daemon::spawn(home.with_config(&["check"])).ended().await;
    let warned = checked.lines.iter().any(|line| line.starts_with("warning ") && line.contains("no sink gets"));
    assert!(checked.code == Some(0) && warned, "{:?}", checked.lines);
}
