//! The commands in a shell: completions, manual pages, colours, and pipes that close early.

use std::process::Stdio;

use serde_json::Value;

use super::{config, home};
use crate::support::daemon::{Daemon, Ended, Home, package};
use crate::support::kinesis::LocalKinesis;

/// Runs a line of bash in which `$T` is the executable.
async fn bash(home: &Home, line: &str) -> Ended {
    let trailrisk = home.command(&[]);
    let mut bash = tokio::process::Command::new("bash");
    bash.args(["--noprofile", "--norc", "-c", line]).current_dir(home.path(""));
    bash.env("T", trailrisk.as_std().get_program()).stdin(Stdio::null()).kill_on_drop(true);
    // What the tests are told by variables of this prefix is no configuration of the daemon's.
    std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with("TRAILRISK_")).for_each(
        |name| {
            bash.env_remove(name);
        },
    );
    Daemon::spawn(bash).ended().await
}

/// What bash offers for the last of these words.
async fn completed(words: &[&str]) -> Vec<String> {
    let home = home();
    let (last, before) = (words.last().expect("a word"), words.get(words.len().wrapping_sub(2)));
    let line = format!(
        "source <(\"$T\" completions bash) && complete -p trailrisk >&2 && COMP_WORDS=({}) COMP_CWORD={} && \
         _trailrisk trailrisk '{last}' '{}'; printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" "),
        words.len() - 1,
        before.expect("a word before it"),
    );
    let ended = bash(&home, &line).await;
    assert!(ended.log.contains("-F _trailrisk trailrisk"), "{}", ended.log);
    ended.lines
}

#[tokio::test]
async fn bash_completes_commands_flags_and_their_values() {
    assert_eq!(completed(&["trailrisk", "ch"]).await, ["check", "checkpoint"]);
    assert_eq!(completed(&["trailrisk", "checkpoint", "re"]).await, ["reset"]);
    assert_eq!(completed(&["trailrisk", "checkpoint", "reset", "--st"]).await, ["--stream"]);
    let formats = completed(&["trailrisk", "replay", "--format", ""]).await;
    assert_eq!(formats, ["native", "ocsf", "cloudevents", "splunk-event", "splunk-risk"]);
}

#[tokio::test]
async fn there_is_a_script_for_every_shell() {
    let home = home();
    for (shell, words) in [
        ("bash", "complete -F _trailrisk"),
        ("zsh", "#compdef trailrisk"),
        ("fish", "complete -c trailrisk"),
        ("elvish", "set edit:completion:arg-completer[trailrisk]"),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName 'trailrisk'"),
    ] {
        let ended = home.run(&["completions", shell]).await;
        let script = ended.lines.join("\n");
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        assert!(script.contains(words) && script.contains("checkpoint"), "{shell}: {script}");
    }
}

#[tokio::test]
async fn each_command_has_a_manual_page_whose_examples_keep_their_lines() {
    let home = home();
    let folder = home.path("man1");
    std::fs::create_dir(&folder).expect("the folder is writable");
    let ended = home.run(&["man", "--all", folder.to_str().expect("UTF-8")]).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let names: std::collections::BTreeSet<String> = std::fs::read_dir(&folder)
        .expect("it is there")
        .map(|entry| entry.expect("readable").file_name().into_string().expect("UTF-8"))
        .collect();
    for name in ["trailrisk.1", "trailrisk-run.1", "trailrisk-checkpoint-reset.1", "trailrisk-config-schema.1"] {
        assert!(names.contains(name), "{names:?}");
    }
    let page = home.run(&["man", "checkpoint", "reset"]).await.lines.join("\n");
    let example = "trailrisk checkpoint reset \\-\\-config trailrisk.yaml\ntrailrisk checkpoint reset";
    assert!(page.contains(".SH EXAMPLES\n.nf\n") && page.contains(example), "{page}");
    assert_eq!(std::fs::read_to_string(folder.join("trailrisk-checkpoint-reset.1")).expect("UTF-8").trim_end(), page);
    let whole = home.run(&["man"]).await.lines.join("\n");
    for section in ["ENVIRONMENT", "EXIT CODES"] {
        assert!(whole.contains(&format!(".SH {section}\n")), "{whole}");
    }
    let unknown = home.run(&["man", "checkpoint", "rest"]).await;
    assert_eq!(unknown.code, Some(64));
    assert!(unknown.log.contains("did you mean \"reset\"?"), "{}", unknown.log);
}

/// Which build it is must be told by the executable alone: no configuration, no network, no Git.
#[tokio::test]
async fn every_command_says_version_and_revision() {
    let home = home();
    let revision = option_env!("TRAILRISK_REVISION").filter(|text| !text.is_empty()).unwrap_or("unknown");
    let version = format!("{} (revision {revision})", env!("CARGO_PKG_VERSION"));
    for (arguments, name) in
        [(&["--version"][..], "trailrisk"), (&["-V"], "trailrisk"), (&["run", "-V"], "trailrisk-run")]
    {
        let ended = home.run(arguments).await;
        assert_eq!((ended.code, ended.lines), (Some(0), vec![format!("{name} {version}")]), "{}", ended.log);
    }
}

#[tokio::test]
async fn colours_are_for_terminals_and_the_environment_may_forbid_them() {
    let home = home();
    let is_coloured = async |variables: &[(&str, &str)], arguments: &[&str]| {
        let mut command = home.command(arguments);
        command.envs(variables.iter().copied());
        let ended = Daemon::spawn(command).ended().await;
        format!("{}{}", ended.lines.join("\n"), ended.log).contains('\u{1b}')
    };
    for arguments in [&["--help"][..], &["--wrong"]] {
        assert!(!is_coloured(&[], arguments).await, "it is no terminal");
        assert!(is_coloured(&[("CLICOLOR_FORCE", "1")], arguments).await);
        assert!(!is_coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], arguments).await);
    }
    let logged = &["check", "--config", "absent.yaml"];
    assert!(!is_coloured(&[("CLICOLOR_FORCE", "1")], logged).await, "what we say ourselves has no colours at all");
}

#[tokio::test]
async fn a_reader_that_stops_early_is_no_error() {
    let home = home();
    let file = package("config/trailrisk.yaml");
    let file = file.to_str().expect("UTF-8");
    for command in [
        "completions bash",
        "man",
        "config schema",
        "--help",
        &format!("check --config {file}"),
        &format!("test --config {file}"),
    ] {
        // The pipe's reader is gone before the first byte is written.
        let line = format!(
            "mkfifo p && {{ true <p & }} && exec 3>p && wait && \"$T\" {command} >&3; echo \"code $?\" >&2; rm p"
        );
        let ended = bash(&home, &line).await;
        assert_eq!(ended.log.trim(), "code 0", "{command}");
    }
}

#[tokio::test]
async fn the_schema_that_is_printed_takes_what_the_daemon_runs_with_and_no_misspelling() {
    let (home, kinesis) = (home(), LocalKinesis::start().await);
    let printed = home.run(&["config", "schema"]).await;
    assert_eq!(printed.code, Some(0), "{}", printed.log);
    let schema: Value = serde_json::from_str(&printed.lines.join("\n")).expect("JSON");
    let schema = jsonschema::validator_for(&schema).expect("a JSON Schema");
    let mut config = config(&kinesis);
    let objections: Vec<String> = schema.iter_errors(&config).map(|error| error.to_string()).collect();
    assert_eq!(objections, [] as [String; 0], "{config}");
    config["source"]["poll_intervall"] = "1s".into();
    assert!(!schema.is_valid(&config));
}
