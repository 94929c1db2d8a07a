//! Text that an attacker chooses, through every output of the real binary: nothing in it acts on a terminal, forges a
//! line, or becomes a label.

use serde_json::json;

use super::event::JobCreated;
use super::line::read_all;
use super::{STREAM, config, home};
use crate::support::daemon::{Daemon, Ended, Home, package};
use crate::support::kinesis::LocalKinesis;
use crate::support::{PATIENCE, wall_millis};

/// Escape sequences, line ends, bidirectional and invisible characters, NUL, markup, formulas, labels.
const HOSTILE: &str = "=cmd()\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\r\n{\"level\":\"ERROR\",\"message\":\"forged\"}\n\0\u{8}\
    \u{7f}\u{202e}txt\u{2066}\u{2028}<script>alert(1)</script>\",detection=\"forged\"} 1\n# HELP forged";

/// Whether a reader could be misled by it raw. The newline that ends a line is not asked about.
fn acts(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn assert_harmless(what: &str, lines: &str) {
    for line in lines.split('\n') {
        assert!(!line.chars().any(|character| acts(character) && character != '\t'), "{what}: {line:?}");
        let is_forged =
            line.starts_with("{\"level\":\"ERROR\",\"message\":\"forged\"") || line.starts_with("# HELP forged");
        assert!(!is_forged, "{what}: {lines}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn threat_1_a_hostile_user_agent_acts_nowhere_and_is_no_label() {
    let (kinesis, home) = (LocalKinesis::start().await, home());
    kinesis.create_stream(STREAM, 1).await;
    let mut config = config(&kinesis);
    config["log"]["level"] = json!("trace");
    config["detections"]["decode"] = json!("all");
    home.configure(config.to_string());
    let daemon = home.start();
    daemon.ready().await;
    let long = format!("{HOSTILE}{}", "A".repeat(200_000));
    let events = [HOSTILE, &long].into_iter().zip(0..).map(|(agent, number)| {
        let mut event = JobCreated::new(number, wall_millis(), "111111111111").json();
        event["userAgent"] = json!(agent);
        event["errorMessage"] = json!(agent);
        event.to_string().into_bytes()
    });
    let broken = format!("{{\"eventName\": {HOSTILE}").into_bytes();
    let records = events.chain([broken]).enumerate().map(|(n, data)| (format!("key-{n}"), data));
    kinesis.put(STREAM, records.collect::<Vec<_>>()).await;
    daemon.until(PATIENCE, "both are final", || async { (daemon.lines().len() >= 4).then_some(()) }).await;
    for path in ["/metrics", "/readyz?verbose", "/livez", "/", "/api/status"] {
        let (_, body) = daemon.get(path).await.expect("it answers");
        assert_harmless(path, &body);
        assert!(!body.contains("cmd()") && !body.contains("forged"), "{path} shows an event");
    }
    let ended = daemon.stop().await;
    assert_harmless("stdout", &ended.lines.join("\n"));
    assert_harmless("log", &ended.log);
    assert_harmless("dead letters", &std::fs::read_to_string(home.path("dead-letters.ndjson")).expect("UTF-8"));
    assert!(read_all(&ended.lines).iter().any(|line| line.json["row"]["userAgent"] == HOSTILE), "the value is whole");
    assert!(!ended.log.contains("cmd()"), "no log line holds text of an event: {}", ended.log);
}

/// A detection and its test whose names and searches are hostile, and a file of events that is.
fn hostile_files(home: &Home) {
    let name = json!(format!("Evil {HOSTILE}")).to_string();
    let folder = package("config/detections");
    let detection = std::fs::read_to_string(folder.join("aws_exfiltration_via_batch_service.yml")).expect("shipped");
    std::fs::create_dir(home.path("d")).expect("a new folder");
    let named = detection.replace("name: AWS Exfiltration via Batch Service", &format!("name: {name}"));
    assert_ne!(named, detection);
    home.write("d/evil.yml", &named);
    home.write("d/broken\u{1b}[2J.yml", named.replace("|  stats count", "| transaction \u{202e} | stats count"));
    let tests = std::fs::read_to_string(folder.join("aws_exfiltration_via_batch_service.test.yml")).expect("shipped");
    let tests = tests.replace("aws_exfiltration_via_batch_service.yml", "evil.yml");
    let tests = tests.replacen("name: ", &format!("name: {name} #"), 1);
    home.write("d/evil.test.yml", tests);
    home.write("events\u{9b}.json", HOSTILE);
}

#[tokio::test]
async fn threat_1_hostile_names_act_in_no_command() {
    let home = home();
    hostile_files(&home);
    let macros = package("config/macros.yaml");
    let macros = macros.to_str().expect("UTF-8");
    let run = |arguments: Vec<&'static str>| {
        let mut command = home.command(&arguments);
        command.args(["--macros", macros]);
        async { Daemon::spawn(command).ended().await }
    };
    let commands = [
        vec!["check", "--detections", "d"],
        vec!["check", "--json", "--detections", "d"],
        vec!["explain", "d/evil.yml"],
        vec!["explain", "d/broken\u{1b}[2J.yml"],
        vec!["test", "d"],
        vec!["replay", "--detections", "d", "events\u{9b}.json"],
        vec!["replay", "--detections", "absent\u{1b}[2J"],
    ];
    for arguments in commands {
        let Ended { lines, log, code } = run(arguments.clone()).await;
        assert!(code.is_some() && !(lines.is_empty() && log.is_empty()), "{arguments:?} says something");
        assert_harmless(&format!("{arguments:?}"), &lines.join("\n"));
        assert_harmless(&format!("{arguments:?}"), &log);
        if arguments.contains(&"--json") {
            assert!(lines.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
        }
    }
}
