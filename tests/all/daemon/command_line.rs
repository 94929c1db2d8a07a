//! What is wrong on the command line, or in what it names, is said before anything is done.

use serde_json::{Value, json};

use super::home;
use crate::support::daemon::{Daemon, Ended, Home, package};

/// A configuration of this folder's files; nothing of it is asked over the network.
fn config(home: &Home) -> Value {
    std::fs::create_dir_all(home.path("state")).expect("a folder");
    json!({
        "source": {"stream": "trail", "region": "us-east-1"},
        "detections": {"paths": [package("config/detections")], "macros": package("config/macros.yaml")},
        "sinks": [{"name": "out", "type": "stdout"}],
        "checkpoint": {"path": "state/checkpoint.json"},
        "dead_letter": {"path": "state/dead-letters.ndjson"},
        "admin": {"listen": "127.0.0.1:0"},
    })
}

async fn check(home: &Home, config: &Value) -> Ended {
    home.configure(config.to_string());
    Daemon::spawn(home.with_config(&["check"])).ended().await
}

#[tokio::test]
async fn check_finds_one_file_under_two_names() {
    let home = home();
    let mut config = config(&home);
    std::os::unix::fs::symlink("state", home.path("link")).expect("a link");
    for other in ["link/checkpoint.json", "state/../state/checkpoint.json", "link/checkpoint.json.lock"] {
        config["dead_letter"]["path"] = json!(other);
        let ended = check(&home, &config).await;
        assert_eq!(ended.code, Some(78), "{other}: {}", ended.log);
        assert!(ended.log.contains("checkpoint.path: meets a file of dead_letter.path"), "{}", ended.log);
    }
    config["dead_letter"]["path"] = json!("link/dead-letters.ndjson");
    assert_eq!(check(&home, &config).await.code, Some(0));
}

#[tokio::test]
async fn check_finds_two_sinks_of_standard_output() {
    let home = home();
    let mut config = config(&home);
    config["sinks"] = json!([{"name": "out", "type": "stdout"}, {"name": "again", "type": "stdout"}]);
    let ended = check(&home, &config).await;
    assert_eq!(ended.code, Some(78), "{:?}", ended.lines);
    assert!(ended.log.contains("sinks[1].type: ") && ended.log.contains("standard output"), "{}", ended.log);
}

#[tokio::test]
async fn check_reports_the_other_files_beside_one_that_cannot_be_read() {
    let home = home();
    let mut config = config(&home);
    let shipped = std::fs::read_to_string(package("config/detections/aws_exfiltration_via_batch_service.yml"));
    std::fs::create_dir(home.path("rules")).expect("a folder");
    home.write("rules/a_latin.yml", b"name: caf\xe9\n");
    home.write("rules/b_right.yml", shipped.expect("it is shipped"));
    std::os::unix::fs::symlink("nowhere", home.path("rules/c_link.yml")).expect("a link");
    config["detections"]["paths"] = json!(["rules"]);
    let ended = check(&home, &config).await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let report = ended.lines.join("\n");
    for words in ["rules/a_latin.yml:1:", "not UTF-8", "ok ", "rules/b_right.yml", "rules/c_link.yml", "No such file"] {
        assert!(report.contains(words), "{words:?} is not in {report}");
    }
}

#[tokio::test]
async fn every_path_of_the_configuration_without_a_file_is_named_with_its_key() {
    let home = home();
    let mut config = config(&home);
    config["detections"]["paths"] = json!(["absent", package("config/detections"), "gone.yml"]);
    let ended = check(&home, &config).await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    for path in ["absent", "gone.yml"] {
        let words = format!("detections.paths: cannot read {}: No such file", home.path(path).display());
        assert!(ended.log.contains(&words), "{words:?} is not in {}", ended.log);
    }
}

#[tokio::test]
async fn test_without_anything_to_test_names_what_it_takes() {
    let ended = home().run(&["test"]).await;
    assert_eq!(ended.code, Some(64), "{}", ended.log);
    assert!(ended.log.contains("say what to test: PATH, or --config FILE"), "{}", ended.log);
}

#[tokio::test]
async fn a_source_name_that_the_configuration_refuses_is_refused() {
    let home = home();
    let detections = package("config/detections").display().to_string();
    for name in [String::new(), "x".repeat(300), "a\nb".to_owned()] {
        for command in [&["replay"][..], &["backtest", "--stream", "trail", "--from", "1h"]] {
            let ended = home.run(&[command, &["--detections", &detections, "--source-name", &name]].concat()).await;
            assert_eq!(ended.code, Some(64), "{command:?} {name:?}: {}", ended.log);
            assert!(ended.log.contains("--source-name"), "{}", ended.log);
        }
    }
}

/// As an unset one: an image or a unit file may set it to nothing.
#[tokio::test]
async fn an_empty_variable_names_no_configuration() {
    let home = home();
    let (detections, macros) = (package("config/detections"), package("config/macros.yaml"));
    let mut replay = home.command(&["replay", "--detections"]);
    replay.arg(detections).arg("--macros").arg(macros).arg(package("tests/data/cloudtrail/jobcreated.json"));
    let replayed = Daemon::spawn({
        replay.env("TRAILRISK_CONFIG", "");
        replay
    });
    let replayed = replayed.ended().await;
    assert_eq!((replayed.code, replayed.lines.len()), (Some(0), 1), "{}", replayed.log);
    for arguments in [&["run"][..], &["checkpoint", "show"]] {
        let mut command = home.command(arguments);
        command.env("TRAILRISK_CONFIG", "");
        let ended = Daemon::spawn(command).ended().await;
        assert_eq!(ended.code, Some(64), "{}", ended.log);
        assert!(ended.log.contains("required arguments were not provided"), "{}", ended.log);
    }
}

#[tokio::test]
async fn output_that_cannot_be_written_is_named() {
    let home = Home::new("sh", &["-c", r#"exec "$0" "$@" >/dev/full"#, env!("CARGO_BIN_EXE_trailrisk")]);
    let detections = package("config/detections").display().to_string();
    let sample = package("tests/data/cloudtrail/jobcreated.json").display().to_string();
    let replay = ["replay", "--detections", &detections, &sample];
    for arguments in [&replay[..], &["check", "--detections", &detections], &["config", "schema"]] {
        let ended = home.run(arguments).await;
        assert_eq!(ended.code, Some(70), "{arguments:?}: {}", ended.log);
        assert!(ended.log.contains("cannot write to standard output: No space left"), "{arguments:?}: {}", ended.log);
    }
}

/// Says of a configuration what `check` does: exit code 78, and these words.
async fn refused(home: &Home, yaml: &str, words: &[&str]) {
    home.configure(yaml);
    let ended = Daemon::spawn(home.with_config(&["check"])).ended().await;
    let said = format!("{}\n{}", ended.log, ended.lines.join("\n"));
    assert_eq!(ended.code, Some(78), "{said}");
    for words in words {
        assert!(said.contains(words), "{words:?} is not in {said}");
    }
}

#[tokio::test]
async fn a_file_of_two_sinks_is_told_at_the_path_of_the_second() {
    let yaml = "source: {stream: s}\ndetections: {paths: [d]}\nsinks:\n  - {name: a, type: kafka}\n  - {name: b, type: file, path: x}\n  \
                - name: c\n    type: file\n    path: x\n";
    refused(&home(), yaml, &["trailrisk.yaml:8:11: sinks[2].path: meets a file of sinks[1].path"]).await;
}

#[tokio::test]
async fn what_stands_beside_sources_is_told_with_its_place() {
    let home = home();
    home.configure("sources: [{stream: s}]\ndetections: {paths: [d]}\nsinks: [{name: a, type: stdout}]\n");
    let mut command = home.with_config(&["check"]);
    command.env("TRAILRISK_SOURCE__START", "latest");
    let ended = Daemon::spawn(command).ended().await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    let words = "stands beside `source` (environment variable TRAILRISK_SOURCE__START): one of the two is expected";
    assert!(ended.log.contains(words), "{}", ended.log);
}

/// docs/configuration.md, `detections.reload_interval`: a duration or `off`.
#[tokio::test]
async fn where_off_is_a_value_it_is_named() {
    let yaml =
        "source: {stream: s}\ndetections: {paths: [d], reload_interval: never}\nsinks: [{name: a, type: stdout}]\n";
    refused(&home(), yaml, &["such as 500ms or 15m; or off"]).await;
}

/// Nobody is to remove a file because two paths lead to it.
#[tokio::test]
async fn a_detection_to_which_two_paths_lead_is_no_second_one() {
    let home = home();
    let mut config = config(&home);
    let folder = package("config/detections");
    config["detections"]["paths"] = json!([folder, folder.join("aws_exfiltration_via_batch_service.yml")]);
    let ended = check(&home, &config).await;
    let report = ended.lines.join("\n");
    assert_eq!(ended.code, Some(78), "{report}");
    assert!(report.contains("detections.paths leads to it twice") && !report.contains("remove one"), "{report}");
}

/// docs/configuration.md: everything that is wrong at once.
#[tokio::test]
async fn check_reports_every_path_and_every_sink() {
    let home = home();
    let mut config = config(&home);
    let receiver = json!({"name": "in", "type": "webhook", "url": "https://soc.example.com", "format": "template"});
    let sinks = ["a", "b"].map(|name| {
        let mut sink = receiver.clone();
        (sink["name"], sink["template"], sink["detections"]) = (json!(name), json!("absent.j2"), json!(["nothing"]));
        sink
    });
    config["sinks"] = json!(sinks);
    let ended = check(&home, &config).await;
    let report = ended.lines.join("\n");
    assert_eq!(ended.code, Some(78), "{report}");
    for words in ["sink \"a\" asks", "sink \"b\" asks", "sink a: template cannot", "sink b: template cannot"] {
        assert!(report.lines().any(|line| line.starts_with("error ") && line.contains(words)), "{words}: {report}");
    }
    config["detections"] = json!({"paths": ["absent"], "macros": "gone.yaml", "lookups": {"users": "lost.csv"}});
    let ended = check(&home, &config).await;
    assert_eq!(ended.code, Some(78), "{}", ended.log);
    for (key, name) in [("detections.paths", "absent"), ("detections.macros", "gone.yaml")] {
        let words = format!("{key}: cannot read {}: No such file", home.path(name).display());
        assert!(ended.log.contains(&words), "{words:?} is not in {}", ended.log);
    }
    assert!(ended.log.contains("lost.csv, the file of the lookup `users`: No such file"), "{}", ended.log);
}

/// `Sinks` of the templates is such a value.
#[tokio::test]
async fn a_variable_whose_bracket_is_not_closed_is_told_so() {
    let home = home();
    home.configure(config(&home).to_string());
    for (name, value, words) in [
        ("TRAILRISK_SINKS", "[{name: a, type: stdout}", "sinks: a list is expected, such as [one, two]"),
        ("TRAILRISK_DEAD_LETTER", "{type: stdout", "dead_letter: a mapping of keys to values is expected"),
    ] {
        let mut command = home.with_config(&["check"]);
        command.env(name, value);
        let ended = Daemon::spawn(command).ended().await;
        assert_eq!(ended.code, Some(78), "{}", ended.log);
        let words = format!("environment variable {name}: {words}: the bracket is not closed");
        assert!(ended.log.contains(&words), "{words:?} is not in {}", ended.log);
    }
}
