//! What cannot start says so: one clear message with what is wrong and what to do, and the exit code for it.

use serde_json::{Value, json};
use tokio::process::Command;

use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Ended, Home, Reserved};
use crate::support::kinesis::{Fault, LocalKinesis};
use crate::support::{PATIENCE, wait_until, wall_millis};

const EX_USAGE: i32 = 64;
const EX_CONFIG: i32 = 78;

/// A Kinesis with the stream, and a folder.
async fn ready() -> (LocalKinesis, Home) {
    let kinesis = LocalKinesis::start().await;
    kinesis.create_stream(STREAM, 1).await;
    (kinesis, home())
}

/// Runs the daemon, which must refuse to start: one message with all of these words.
async fn refused(home: &Home, config: &Value, words: &[&str]) {
    home.configure(config.to_string());
    assert_refused(&Daemon::spawn(home.with_config(&["run"])).ended().await, EX_CONFIG, words);
}

fn assert_refused(ended: &Ended, code: i32, words: &[&str]) {
    assert_eq!(ended.code, Some(code), "{}", ended.log);
    assert!(ended.lines.is_empty(), "standard output is for risk events: {:?}", ended.lines);
    let messages = ended.log.matches("trailrisk: ").count() + ended.log.matches(r#""level":"ERROR""#).count();
    assert_eq!(messages, 1, "one message: {}", ended.log);
    let (_, message) = ended.log.rsplit_once("trailrisk: ").expect("it was counted");
    for word in words {
        assert!(message.contains(word), "{word:?} is not in {message}");
    }
    assert!(!ended.log.contains("panicked"), "{}", ended.log);
}

#[tokio::test]
async fn a_stream_that_does_not_exist_is_named() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    config["source"]["stream"] = json!("absent");
    let endpoint = format!("there is no stream absent at {}", kinesis.url());
    refused(&home, &config, &[&endpoint, "check source.stream, source.region and the account"]).await;
}

#[tokio::test]
async fn without_credentials_it_says_where_they_may_come_from() {
    let (kinesis, home) = ready().await;
    home.configure(config(&kinesis).to_string());
    let mut command = home.with_config(&["run"]);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    let words = ["no AWS credentials", "AWS_ACCESS_KEY_ID", "AWS_PROFILE", "role"];
    assert_refused(&Daemon::spawn(command).ended().await, EX_CONFIG, &words);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let (kinesis, home) = ready().await;
    kinesis.faults().inject_always("DescribeStreamSummary", Fault::ACCESS_DENIED);
    let words = ["reading the stream trail is refused", "kinesis:DescribeStreamSummary", "AccessDeniedException"];
    refused(&home, &config(&kinesis), &words).await;
}

/// Whether the process lives is no question to Kinesis; whether it is ready is.
#[tokio::test]
async fn while_kinesis_does_not_answer_the_start_is_alive_and_not_ready() {
    let (kinesis, home) = ready().await;
    kinesis.faults().inject_always("DescribeStreamSummary", Fault::Hang);
    home.configure(config(&kinesis).to_string());
    let daemon = home.start();
    let asked = || async { (kinesis.faults().calls("DescribeStreamSummary") > 0).then_some(()) };
    daemon.until(PATIENCE, "it asks Kinesis", asked).await;
    daemon.admin().await;
    assert_eq!(daemon.get("/livez").await.map(|(status, _)| status), Some(200));
    let (status, body) = daemon.get("/readyz").await.expect("it answers");
    assert_eq!(status, 503, "{body}");
    assert!(body.contains("shards listed: not listed yet") && body.contains("replayed: not reading yet"), "{body}");
    kinesis.faults().clear();
    daemon.ready().await;
}

#[tokio::test]
async fn st_1_a_signal_during_the_start_is_an_orderly_end_at_once() {
    let (kinesis, home) = ready().await;
    kinesis.faults().inject_always("DescribeStreamSummary", Fault::Hang);
    let mut config = config(&kinesis);
    config["source"]["request_timeout"] = json!("5m");
    home.configure(config.to_string());
    for signal in ["TERM", "INT"] {
        let asked = kinesis.faults().calls("DescribeStreamSummary");
        let daemon = home.start();
        let asks = || async { (kinesis.faults().calls("DescribeStreamSummary") > asked).then_some(()) };
        daemon.until(PATIENCE, "it asks Kinesis", asks).await;
        daemon.signal(signal).await;
        // Sooner than one attempt is over that is not answered.
        let ended = daemon.ended().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(ended.log.contains("stopped before anything was read"), "{}", ended.log);
    }
}

#[tokio::test]
async fn an_endpoint_where_nobody_answers_is_named() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    let nobody = Reserved::new();
    let endpoint = format!("http://{}", nobody.address());
    config["source"]["endpoint_url"] = json!(endpoint);
    refused(&home, &config, &[&format!("cannot reach Kinesis at {endpoint}"), "source.endpoint_url"]).await;
}

#[tokio::test]
async fn a_region_is_needed() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    config["source"].as_object_mut().expect("a section").remove("region");
    refused(&home, &config, &["no AWS region", "source.region"]).await;
    let mut command = home.with_config(&["run"]);
    command.env("AWS_REGION", "");
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    assert!(ended.log.contains("no AWS region"), "set to nothing it names none: {}", ended.log);
}

/// The SDK would panic, also where it is to ask over plain http.
#[tokio::test]
async fn a_host_without_certificate_authorities_is_told_what_it_lacks() {
    let (kinesis, home) = ready().await;
    home.configure(config(&kinesis).to_string());
    let mut command = home.with_config(&["run"]);
    command.env("SSL_CERT_FILE", home.write("none.pem", "")).env("SSL_CERT_DIR", home.path("nowhere"));
    let ended = Daemon::spawn(command).ended().await;
    assert_refused(&ended, EX_CONFIG, &["no certificate authorities to trust", "ca-certificates", "SSL_CERT_FILE"]);
}

#[tokio::test]
async fn bad_yaml_and_unknown_keys_are_shown_with_line_and_column() {
    let home = home();
    let run = async |yaml: &str| {
        home.configure(yaml);
        Daemon::spawn(home.with_config(&["run"])).ended().await
    };
    let ended = run("source:\n  stream: trail\n  region: [us-east-1\n").await;
    assert_refused(&ended, EX_CONFIG, &["trailrisk.yaml:4:1", "this is not YAML"]);
    let all = "source:\n  stream: trail\n  strem: x\ndetections: {paths: [a]}\nsinks: [{name: out, type: stdout}]\n";
    assert_refused(&run(all).await, EX_CONFIG, &["trailrisk.yaml:3:3", "source.strem", "did you mean stream?"]);
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_in_one_report() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    config["source"]["poll_interval"] = json!("5");
    config["detections"]["window"] = json!("soon");
    config["sinks"][0]["typ"] = json!("stdout");
    refused(&home, &config, &["3 problems", "source.poll_interval", "detections.window", "typ"]).await;
}

#[tokio::test]
async fn a_missing_configuration_is_named() {
    let ended = home().run(&["run", "--config", "absent.yaml"]).await;
    assert_refused(&ended, EX_CONFIG, &["absent.yaml", "there is no such file"]);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let (kinesis, home) = ready().await;
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let mut config = config(&kinesis);
    config["admin"]["listen"] = json!(address);
    refused(&home, &config, &[&format!("admin.listen {address} is in use"), "choose another port"]).await;
}

/// No folder is read-only for root; these fail for it too.
#[tokio::test]
async fn a_folder_that_cannot_hold_the_state_is_named() {
    let (kinesis, home) = ready().await;
    home.write("file", "");
    for (folder, reason) in [("absent", "No such file or directory"), ("file", "Not a directory")] {
        let mut config = config(&kinesis);
        let path = home.path(folder).join("checkpoint.json");
        config["checkpoint"]["path"] = json!(path);
        let message = format!("cannot lock {}", path.display());
        refused(&home, &config, &[&message, "folder of checkpoint.path must exist and be writable", reason]).await;

        let mut config = super::config(&kinesis);
        let path = home.path(folder).join("dead-letters.ndjson");
        config["dead_letter"]["path"] = json!(path);
        let message = format!("cannot open the dead-letter file {}", path.display());
        refused(&home, &config, &[&message, "must exist and be writable", reason]).await;
    }
    let mut config = config(&kinesis);
    config["checkpoint"]["path"] = json!("/proc/checkpoint.json");
    refused(&home, &config, &["cannot lock /proc/checkpoint.json"]).await;
}

/// Runs the daemon until it has stored a checkpoint.
async fn run_once(home: &Home, config: &Value) {
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    assert_eq!(daemon.stop().await.code, Some(0));
    assert!(home.path("checkpoint.json").exists());
}

#[tokio::test]
async fn cp_8_a_stream_that_was_made_anew_under_the_same_name_is_not_passed_over() {
    let (kinesis, home) = ready().await;
    // Streams tell their creation in whole seconds.
    let created = wall_millis() / 1000;
    run_once(&home, &config(&kinesis)).await;
    let delete = kinesis.client().delete_stream().stream_name(STREAM).enforce_consumer_deletion(true);
    delete.send().await.expect("the stream is deleted");
    wait_until("the stream is gone, and so is the second of its creation", || async {
        let described = kinesis.client().describe_stream_summary().stream_name(STREAM).send().await;
        (described.is_err() && wall_millis() / 1000 > created).then_some(())
    })
    .await;
    kinesis.create_stream(STREAM, 1).await;
    let words = [r#"the checkpoint belongs to stream "trail" created at"#, "may be lost", "trailrisk checkpoint reset"];
    refused(&home, &config(&kinesis), &words).await;
}

#[tokio::test]
async fn a_damaged_checkpoint_is_an_error_that_says_what_to_do() {
    let (kinesis, home) = ready().await;
    run_once(&home, &config(&kinesis)).await;
    let sound = std::fs::read_to_string(home.path("checkpoint.json")).expect("it is there");
    let truncated = sound[..sound.len() / 2].to_owned();
    let edited = sound.replacen("\"trail\"", "\"trial\"", 1);
    let newer = sound.replacen("\"version\":2", "\"version\":999", 1);
    let damages = [(truncated, "damaged"), (edited, "checksum"), (newer, "newer build"), (String::new(), "damaged")];
    for (damaged, word) in damages {
        home.write("checkpoint.json", &damaged);
        let words = ["does not hold a checkpoint", word, "trailrisk checkpoint reset"];
        refused(&home, &config(&kinesis), &words).await;
        let kept = std::fs::read_to_string(home.path("checkpoint.json")).expect("it is there");
        assert_eq!(kept, damaged, "what could not be read is left as it is");
    }
}

#[tokio::test]
async fn a_second_process_on_the_same_checkpoint_is_refused_and_the_first_goes_on() {
    let (kinesis, home) = ready().await;
    home.configure(config(&kinesis).to_string());
    let first = home.start();
    first.ready().await;
    refused(&home, &config(&kinesis), &["checkpoint.json is in use by another process"]).await;
    assert_eq!(first.get("/readyz").await.map(|(status, _)| status), Some(200));
    assert_eq!(first.stop().await.code, Some(0));
}

#[tokio::test]
async fn a_sink_that_asks_for_an_unknown_detection_is_named() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    config["sinks"][0]["detections"] = json!(["AWS Exfiltration via Carrier Pigeon"]);
    refused(&home, &config, &[r#"sink "stdout" asks for "AWS Exfiltration via Carrier Pigeon""#]).await;
}

#[tokio::test]
async fn a_search_that_is_not_supported_is_shown_with_its_place() {
    let (kinesis, home) = ready().await;
    let shipped = std::fs::read_to_string(crate::support::daemon::package(
        "config/detections/aws_exfiltration_via_batch_service.yml",
    ))
    .expect("it is shipped");
    let path = home.write("odd.yml", shipped.replace("|  stats count", "| transaction aws_account_id | stats count"));
    let mut config = config(&kinesis);
    config["detections"]["paths"] = json!([path]);
    refused(&home, &config, &["transaction", "odd.yml:18:", "^^^^"]).await;
}

#[tokio::test]
async fn cp_8_a_retention_that_is_too_short_is_refused_with_the_sum() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    config["detections"]["window"] = json!("20h");
    config["detections"]["grace"] = json!("1h");
    config["source"]["outage_budget"] = json!("4h");
    let words = ["AWS Exfiltration via Batch Service", "25 h", "retains only 24 h", "window + grace", "outage_budget"];
    refused(&home, &config, &words).await;
}

#[tokio::test]
async fn cp_8_a_retention_that_just_suffices_is_accepted() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    config["detections"]["window"] = json!("19h");
    config["detections"]["grace"] = json!("1h");
    config["source"]["outage_budget"] = json!("4h");
    run_once(&home, &config).await;
}

#[tokio::test]
async fn a_command_line_that_makes_no_sense_is_a_usage_error() {
    let home = home();
    home.configure("{}");
    for arguments in [&[][..], &["run"], &["fly"], &["run", "--config"], &["check"], &["checkpoint"], &["explain"]] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.code, Some(EX_USAGE), "{arguments:?}: {}", ended.log);
        assert!(ended.lines.is_empty() && !ended.log.is_empty(), "{arguments:?}");
    }
    let mut command: Command = home.with_config(&["run"]);
    command.args(["--set", "log.level"]);
    assert_refused(&Daemon::spawn(command).ended().await, EX_USAGE, &["--set", "KEY=VALUE"]);
}

/// RD-3: what was there at the start and goes away is no reason to end; it is held, and said.
#[tokio::test]
async fn rd_3_a_stream_that_goes_away_later_is_held_and_named_by_readyz() {
    let (kinesis, home) = ready().await;
    let mut config = config(&kinesis);
    config["source"]["stalled_after"] = json!("1s");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    for operation in ["GetRecords", "DescribeStreamSummary", "ListShards"] {
        kinesis.faults().inject_always(operation, Fault::NOT_FOUND);
    }
    let held = || async { daemon.get("/readyz").await.filter(|(status, _)| *status == 503) };
    let (_, reason) = daemon.until(PATIENCE, "it is not ready", held).await;
    assert!(reason.contains("shard shardId-000000000000: stalled"), "{reason}");
    kinesis.faults().clear();
    daemon.ready().await;
    assert_eq!(daemon.stop().await.code, Some(0));
}
