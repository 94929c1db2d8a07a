//! What `--help` promises.

use clap::{Command, CommandFactory as _};

use super::*;
use crate::app::Exit;

/// Every command with the words that lead to it, the whole first.
fn commands() -> Vec<(String, Command)> {
    fn collect(path: &str, command: &Command, all: &mut Vec<(String, Command)>) {
        all.push((path.to_owned(), command.clone()));
        let below = command.get_subcommands().filter(|command| command.get_name() != "help");
        below.for_each(|below| collect(&format!("{path} {}", below.get_name()), below, all));
    }
    let mut all = Vec::new();
    collect("trailrisk", &Cli::command(), &mut all);
    all
}

/// The examples of a text, each without its indentation.
fn examples(text: &str) -> Vec<&str> {
    let lines = text.strip_prefix("Examples:\n").expect("the examples come first").lines();
    lines.map_while(|line| line.strip_prefix("  ")).collect()
}

/// The command of trailrisk in a line of shell: without variables before it, other commands and redirections.
fn arguments(line: &str) -> Vec<&str> {
    let command = line.split(" | ").find(|part| part.contains("trailrisk ")).expect("it runs trailrisk");
    let words = command.split_whitespace().skip_while(|word| *word != "trailrisk");
    words.take_while(|word| !word.starts_with('>')).collect()
}

#[test]
fn the_declarations_are_sound() {
    Cli::command().debug_assert();
}

#[test]
fn every_command_has_examples_of_itself_that_can_be_run() {
    let all = commands();
    assert!(all.len() > 15, "{} commands", all.len());
    for (path, command) in all {
        let help = command.get_after_help().unwrap_or_else(|| panic!("{path} has no examples")).to_string();
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{path}");
        for line in examples {
            let arguments = arguments(line);
            assert!(arguments.join(" ").starts_with(&path), "{line:?} is no example of {path}");
            let parsed = Cli::try_parse_from(&arguments);
            let is_help = parsed.as_ref().is_err_and(|error| error.kind() == clap::error::ErrorKind::DisplayHelp);
            assert!(parsed.is_ok() || is_help, "{line}: {parsed:?}");
        }
    }
}

#[test]
fn the_long_help_says_the_examples_and_every_exit_code() {
    let help = Cli::command().get_after_long_help().expect("there is one").to_string();
    assert!(help.starts_with(examples::TRAILRISK));
    for exit in [Exit::Ok, Exit::Failed, Exit::Usage, Exit::Internal, Exit::DeadlineMissed, Exit::Config] {
        assert!(help.lines().any(|line| line.starts_with(&format!("  {:<4}", exit as u8))), "{exit:?}");
    }
}

#[test]
fn what_is_misspelt_is_answered_with_the_nearest() {
    for (arguments, nearest) in [
        (&["trailrisk", "chek"][..], "'check'"),
        (&["trailrisk", "checkpoint", "shwo"], "'show'"),
        (&["trailrisk", "run", "--confg", "x"], "'--config'"),
        (&["trailrisk", "replay", "--format", "oscf"], "'ocsf'"),
        (&["trailrisk", "completions", "bsh"], "'bash'"),
    ] {
        let error = Cli::try_parse_from(arguments).expect_err("it is misspelt").to_string();
        assert!(error.contains("similar") && error.contains(nearest), "{error}");
    }
}
