//! The other commands, as an operator uses them beside the daemon.

use serde_json::{Value, json};

use super::event::JobCreated;
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Ended, Home, Reserved, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

/// A folder in which the daemon has run: it has read one record and holds its window open.
async fn used() -> (LocalKinesis, Home) {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 2).await;
    let mut config = config(&kinesis);
    config["detections"]["window"] = json!("1h");
    home.configure(config.to_string());
    let daemon = home.start();
    let event = JobCreated::new(1, wall_millis(), "111111111111");
    kinesis.put(STREAM, [("key".to_owned(), event.text().into_bytes())]).await;
    let early = || async { (daemon.lines().len() == 1).then_some(()) };
    daemon.until(PATIENCE, "the early risk event", early).await;
    assert_eq!(daemon.stop().await.code, Some(0));
    (kinesis, home)
}

async fn run(home: &Home, arguments: &[&str]) -> Ended {
    Daemon::spawn(home.with_config(arguments)).ended().await
}

#[tokio::test]
async fn the_checkpoint_is_shown_exported_and_reset() {
    let (_kinesis, home) = used().await;
    let shown = run(&home, &["checkpoint", "show"]).await;
    assert_eq!(shown.code, Some(0), "{}", shown.log);
    let text = shown.lines.join("\n");
    for word in ["stream      trail (created 20", "horizon H", "AWS Exfiltration via Batch Service version 1", "active"]
    {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    for shard in ["shardId-000000000000  reading", "shardId-000000000001  reading", "processed to (P)"] {
        assert!(text.contains(shard), "{shard:?} is not in {text}");
    }

    let exported = run(&home, &["checkpoint", "export"]).await;
    assert_eq!(exported.code, Some(0), "{}", exported.log);
    let stored = std::fs::read_to_string(home.path("checkpoint.json")).expect("it is there");
    assert_eq!(exported.lines.join("\n"), stored.trim_end(), "an export can be put back");
    let document: Value = serde_json::from_str(&stored).expect("JSON");
    assert_eq!(document["checkpoint"]["stream"]["name"], STREAM);
}

#[tokio::test]
async fn a_reset_asks_for_the_streams_name_and_says_what_it_means() {
    let (_kinesis, home) = used().await;
    for typed in ["", "trial\n", "y\n"] {
        let refused = home.run_typing(home.with_config(&["checkpoint", "reset"]), typed).await;
        assert_eq!(refused.code, Some(64), "{}", refused.log);
        assert!(refused.log.contains("nothing was changed"), "{}", refused.log);
        assert!(home.path("checkpoint.json").exists());
    }
    let done = home.run_typing(home.with_config(&["checkpoint", "reset"]), "trail\n").await;
    assert_eq!(done.code, Some(0), "{}", done.log);
    for word in ["This deletes", "never evaluated", "reported again", "Type the stream's name (trail)", "is deleted"] {
        assert!(done.log.contains(word), "{word:?} is not in {}", done.log);
    }
    assert!(!home.path("checkpoint.json").exists());
    let shown = run(&home, &["checkpoint", "show"]).await;
    assert_eq!(shown.code, Some(1), "{}", shown.log);
    assert!(shown.log.contains("there is no checkpoint at"), "{}", shown.log);
}

#[tokio::test]
async fn a_reset_by_flag_needs_the_right_name_and_no_running_daemon() {
    let (_kinesis, home) = used().await;
    let wrong = run(&home, &["checkpoint", "reset", "--stream", "trial"]).await;
    assert_eq!(wrong.code, Some(64), "{}", wrong.log);
    let daemon = home.start();
    daemon.ready().await;
    let running = run(&home, &["checkpoint", "reset", "--stream", STREAM]).await;
    assert_eq!(running.code, Some(78), "{}", running.log);
    assert!(running.log.contains("is in use by another process"), "{}", running.log);
    assert_eq!(run(&home, &["checkpoint", "show"]).await.code, Some(0), "looking is allowed meanwhile");
    assert_eq!(daemon.stop().await.code, Some(0));
    assert_eq!(run(&home, &["checkpoint", "reset", "--stream", STREAM]).await.code, Some(0));
    assert!(!home.path("checkpoint.json").exists());
}

#[tokio::test]
async fn the_healthcheck_is_the_daemons_liveness() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    let reserved = Reserved::new();
    config["admin"]["listen"] = json!(reserved.address());
    home.configure(config.to_string());
    let dead = run(&home, &["healthcheck"]).await;
    assert_eq!(dead.code, Some(1), "{}", dead.log);
    assert!(dead.log.contains("no answer from http://127.0.0.1:"), "{}", dead.log);
    let daemon = home.start();
    daemon.ready().await;
    let alive = run(&home, &["healthcheck"]).await;
    assert_eq!((alive.code, alive.log.as_str()), (Some(0), ""));
    for (path, status) in [("/livez", 200), ("/healthz", 200), ("/readyz", 200), ("/metrics", 200), ("/reload", 404)] {
        assert_eq!(daemon.get(path).await.map(|(status, _)| status), Some(status), "{path}");
    }
    assert_eq!(daemon.stop().await.code, Some(0));
}

/// `check` on a good file, one that is not supported, and one that is wrong: one line each, all in one report.
#[tokio::test]
async fn check_says_of_every_detection_whether_it_runs() {
    let home = home();
    let good = package("config/detections/aws_exfiltration_via_batch_service.yml");
    let ok = home.run(&["check", "--json", "--detections", &good.to_string_lossy()]).await;
    assert_eq!(ok.code, Some(0), "{}", ok.log);
    let [line] = &ok.lines[..] else { panic!("one line, not {:?}", ok.lines) };
    let line: Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(line["file"], json!(good));
    assert_eq!((&line["status"], &line["reason"]), (&json!("ok"), &Value::Null));
    assert_eq!(line["name"], "AWS Exfiltration via Batch Service");

    let shipped = std::fs::read_to_string(good).expect("it is shipped");
    std::fs::create_dir(home.path("detections")).expect("the folder is writable");
    home.write("detections/a_good.yml", &shipped);
    home.write("detections/b_odd.yml", shipped.replace("|  stats count", "| transaction src_ip | stats count"));
    home.write("detections/c_wrong.yml", shipped.replace("eventName = JobCreated", "eventName = ("));
    let checked = home.run(&["check", "--json", "--detections", "detections"]).await;
    assert_eq!(checked.code, Some(78), "{}", checked.log);
    let lines: Vec<Value> = checked.lines.iter().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |file: &str| lines.iter().find(|line| line["file"].as_str().is_some_and(|path| path.ends_with(file)));
    let status = |file: &str| of(file).map(|line| line["status"].as_str().unwrap_or_default().to_owned());
    assert_eq!(status("a_good.yml").as_deref(), Some("ok"));
    assert_eq!(status("b_odd.yml").as_deref(), Some("unsupported"));
    assert_eq!(status("c_wrong.yml").as_deref(), Some("error"));
    let reason = |file: &str| of(file).and_then(|line| line["reason"].as_str()).unwrap_or_default().to_owned();
    assert!(reason("b_odd.yml").contains("transaction"), "{}", reason("b_odd.yml"));
    assert!(!reason("c_wrong.yml").is_empty());

    let text = home.run(&["check", "--detections", "detections"]).await;
    assert_eq!(text.code, Some(78));
    let text = text.lines.join("\n");
    assert!(text.contains("b_odd.yml:18:") && text.contains("^^^"), "with file, line, column and a caret: {text}");
}

/// A folder of Splunk's detections holds some that are not supported, and many for other data.
#[tokio::test]
async fn what_cannot_run_is_named_and_the_others_run() {
    let home = home();
    let shipped = package("config/detections/aws_exfiltration_via_batch_service.yml");
    let shipped = std::fs::read_to_string(shipped).expect("it is shipped");
    let sample = package("tests/data/cloudtrail/jobcreated.json");
    std::fs::create_dir(home.path("detections")).expect("the folder is writable");
    home.write("detections/odd.yml", shipped.replace("|  stats count", "| transaction src_ip | stats count"));
    home.write("detections/other.yml", shipped.replace("`cloudtrail`", "`sysmon`"));
    let replay = ["replay", "--detections", "detections", &sample.to_string_lossy()];
    let none = home.run(&replay).await;
    assert_eq!(none.code, Some(78), "nothing is left to run: {:?}", none.lines);
    assert!(none.log.contains("transaction") && none.log.contains("other data than CloudTrail"), "{}", none.log);

    home.write("detections/shipped.yml", shipped);
    let some = home.run(&replay).await;
    assert_eq!((some.code, some.lines.len()), (Some(0), 1), "{}", some.log);
    assert!(some.log.contains("detections/odd.yml:18:5: does not run: the command `transaction`"), "{}", some.log);
    assert!(some.log.contains("1 files search other data than CloudTrail"), "{}", some.log);
}

#[tokio::test]
async fn check_accepts_the_shipped_configuration() {
    let shipped = package("config/trailrisk.yaml");
    let checked = home().run(&["check", "--config", &shipped.to_string_lossy()]).await;
    assert_eq!(checked.code, Some(0), "{} {:?}", checked.log, checked.lines);
    assert!(checked.lines[0].starts_with("ok "), "{:?}", checked.lines);
}

#[tokio::test]
async fn explain_shows_what_a_detection_does() {
    let home = home();
    let file = package("config/detections/aws_exfiltration_via_batch_service.yml");
    let explained = home.run(&["explain", &file.to_string_lossy()]).await;
    assert_eq!(explained.code, Some(0), "{}", explained.log);
    let text = explained.lines.join("\n");
    let words = [
        "eventName=JobCreated",
        "\"jobcreated\"",
        "src_ip, aws_account_id, eventName, errorCode, userAgent",
        "1h",
        "early           at the first match",
        "score 64, high",
        "aws_account_id (other), score 64",
        "src_ip (ip_address)",
        "security_content_ctime",
    ];
    // The macro's name is gone: what runs is its definition.
    let (expanded, shown) = words.split_last().expect("not empty");
    assert!(!text.contains(expanded), "{text}");
    for word in shown {
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
    let odd = home.write("odd.yml", "name: x\n");
    assert_eq!(home.run(&["explain", &odd.to_string_lossy()]).await.code, Some(78));
}

/// Not 78: a supervisor does not come to these, a hand does.
#[tokio::test]
async fn a_path_of_the_command_line_that_leads_nowhere_is_its_own_mistake() {
    let home = home();
    let shipped = package("config/detections");
    let shipped = shipped.to_str().expect("UTF-8");
    for arguments in [
        &["explain", "absent.yml"][..],
        &["check", "--detections", "absent"],
        &["check", "--detections", shipped, "--macros", "absent.yml"],
        &["replay", "--detections", "absent", "-"],
        &["replay", "--detections", shipped, "absent.json"],
        &["replay", "--detections", shipped, "--template", "absent.j2", "-"],
        &["backtest", "--stream", "trail", "--from", "1h", "--detections", "absent"],
        &["backtest", "--stream", "trail", "--from", "1h", "--detections", shipped, "--macros", "absent.yml"],
        &["backtest", "--stream", "trail", "--from", "1h", "--detections", shipped, "--template", "absent.j2"],
        &["test", "absent"],
    ] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.code, Some(64), "{arguments:?}: {}", ended.log);
        let last = ended.log.lines().last().expect("it says why");
        assert!(last.starts_with("trailrisk: cannot read absent"), "{}", ended.log);
    }
}

#[tokio::test]
async fn help_and_version_are_no_errors() {
    let home = home();
    let version = home.run(&["--version"]).await;
    assert_eq!(
        (version.code, &*version.lines),
        (Some(0), &[format!("trailrisk {}", trailrisk::release::described())][..])
    );
    let help = home.run(&["--help"]).await;
    assert_eq!(help.code, Some(0));
    for command in ["run", "replay", "check", "checkpoint", "explain", "healthcheck"] {
        assert!(help.lines.iter().any(|line| line.trim_start().starts_with(command)), "{command}");
    }
}
