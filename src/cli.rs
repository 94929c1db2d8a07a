//! The command line: commands, flags, and what `--help` says of them, which is also what the manual pages say.
//!
//! Deliberately absent: what the commands do (`app`).

mod examples;
mod stream;

use std::path::PathBuf;

use clap::builder::Resettable;
use clap::{Arg, Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::config::source_name;

pub use stream::{BacktestArgs, Since, StreamArgs, TailArgs, TailFormat, When};

/// Runs Splunk ESCU detections over live CloudTrail.
#[derive(Debug, Parser)]
#[command(name = "trailrisk", version = crate::release::described(), about, propagate_version = true)]
#[command(after_help = examples::TRAILRISK, after_long_help = examples::TRAILRISK_LONG)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// The command line of this process.
    ///
    /// # Errors
    /// What makes no sense, and what `--help` and `--version` print.
    pub fn of_process() -> Result<Self, clap::Error> {
        let matches = without_empty_variables(Self::command()).try_get_matches()?;
        Self::from_arg_matches(&matches)
    }
}

/// An image or a unit file sets a variable to nothing where it means that there is none.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let unset = |argument: Arg| {
        let value = argument.get_env().and_then(std::env::var_os);
        if value.is_some_and(|value| value.is_empty()) { argument.env(Resettable::Reset) } else { argument }
    };
    command.mut_args(unset).mut_subcommands(without_empty_variables)
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the daemon: read the stream, evaluate the detections, send risk events.
    Run(RunArgs),
    /// Evaluate the detections over files: prints the final risk events as NDJSON on standard output.
    Replay(ReplayArgs),
    /// Evaluate a range of the stream again: prints the final risk events that live gives, or what differs from a file of
    /// them.
    Backtest(Box<BacktestArgs>),
    /// Print events of a stream as they arrive: whether anything comes, in what envelope, how late.
    Tail(TailArgs),
    /// Validate the configuration and the detections.
    Check(CheckArgs),
    /// Run the tests that stand beside the detections (`<detection>.test.yml`).
    Test(TestArgs),
    /// Try a sink of the configuration.
    Sink(SinkArgs),
    /// Show, export or reset what is stored of the stream's progress.
    Checkpoint(CheckpointArgs),
    /// Show how a detection is compiled.
    Explain(ExplainArgs),
    /// Ask the daemon of this configuration whether it is alive.
    Healthcheck(HealthcheckArgs),
    /// About the configuration file.
    Config(ConfigCommandArgs),
    /// Print a script that completes commands and flags in a shell.
    Completions(CompletionsArgs),
    /// Print a manual page, or write all of them into a folder.
    Man(ManArgs),
}

/// Where the configuration is.
#[derive(Args, Debug)]
pub struct ConfigArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "TRAILRISK_CONFIG")]
    pub config: PathBuf,
    /// Override one key, such as `source.stream=cloudtrail`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
}

/// `trailrisk run`
#[derive(Args, Debug)]
#[command(after_help = examples::RUN)]
pub struct RunArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// Where the detections are, for the commands that work without a configuration.
#[derive(Args, Debug)]
pub struct DetectionArgs {
    /// The configuration file; its detections, macros and settings apply.
    #[arg(long, value_name = "FILE", env = "TRAILRISK_CONFIG")]
    pub config: Option<PathBuf>,
    /// An ESCU file, or a folder of them, instead of the configuration's.
    #[arg(long, value_name = "PATH")]
    pub detections: Option<PathBuf>,
    /// A macros file, or a folder of them, instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    pub macros: Option<PathBuf>,
}

/// `trailrisk replay`
#[derive(Args, Debug)]
#[command(after_help = examples::REPLAY)]
pub struct ReplayArgs {
    /// Detections.
    #[command(flatten)]
    pub detections: DetectionArgs,
    /// The logical source's name, part of every id; give the live source's to get the live ids.
    #[arg(long, value_name = "NAME", value_parser = source_name)]
    pub source_name: Option<String>,
    /// How risk events are written, one a line.
    #[command(flatten)]
    pub format: FormatArgs,
    /// Files or folders of CloudTrail events (NDJSON, JSON, gzip, any envelope) or of dead letters; `-` or nothing is
    /// standard input. What cannot be read whole is named; its lines before the damage and the other files count, and
    /// the exit code is 1. Of the documents that are rejected the first 20 are named; all are counted.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// How risk events are written.
#[derive(Args, Debug)]
pub struct FormatArgs {
    /// As the sinks write them.
    #[arg(long, value_enum, default_value_t = FormatName::Native)]
    pub format: FormatName,
    /// With `--format ocsf`: the version of the schema.
    #[arg(long, value_name = "VERSION", default_value = "1.8.0", value_parser = ["1.8.0", "1.5.0", "1.1.0"])]
    pub ocsf_version: String,
    /// A template instead, such as `config/templates/slack.json.j2`.
    #[arg(long, value_name = "FILE", conflicts_with = "format")]
    pub template: Option<PathBuf>,
    /// With `--template`: what it knows as `values`; may be given several times.
    #[arg(long = "template-value", value_name = "NAME=VALUE", requires = "template", value_parser = name_and_value)]
    pub template_values: Vec<(String, String)>,
}

/// The formats by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FormatName {
    /// trailrisk's own.
    Native,
    /// OCSF Detection Findings.
    Ocsf,
    /// CloudEvents in JSON.
    #[value(name = "cloudevents")]
    CloudEvents,
    /// For Splunk's HTTP Event Collector.
    SplunkEvent,
    /// For Splunk's risk index: one a risk object.
    SplunkRisk,
}

fn name_and_value(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("NAME=VALUE is expected")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `trailrisk check`
#[derive(Args, Debug)]
#[command(after_help = examples::CHECK)]
pub struct CheckArgs {
    /// Detections.
    #[command(flatten)]
    pub detections: DetectionArgs,
    /// One JSON object a detection.
    #[arg(long)]
    pub json: bool,
}

/// `trailrisk test`
#[derive(Args, Debug)]
#[command(after_help = examples::TEST)]
pub struct TestArgs {
    /// The configuration whose macros, settings and limits apply.
    #[arg(long, value_name = "FILE", env = "TRAILRISK_CONFIG")]
    pub config: Option<PathBuf>,
    /// A macros file, or a folder of them, instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    pub macros: Option<PathBuf>,
    /// Test files, or folders of them; without any, the configuration's `detections.paths`.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
}

/// `trailrisk sink`
#[derive(Args, Debug)]
#[command(after_help = examples::SINK)]
pub struct SinkArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: SinkAction,
}

/// The actions on a sink.
#[derive(Debug, Subcommand)]
pub enum SinkAction {
    /// Send one sample risk event that says that it is a test, and report what the receiver answers. Exit code 1 if it
    /// was not delivered.
    Test(SinkTestArgs),
}

/// `trailrisk sink test`
#[derive(Args, Debug)]
#[command(after_help = examples::SINK)]
pub struct SinkTestArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The sink's name. Its filters do not hold; of its stages the last one is sent.
    #[arg(value_name = "NAME")]
    pub name: String,
}

/// `trailrisk checkpoint`
#[derive(Args, Debug)]
#[command(after_help = examples::CHECKPOINT)]
pub struct CheckpointArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: CheckpointAction,
}

/// The actions on a checkpoint.
#[derive(Debug, Subcommand)]
pub enum CheckpointAction {
    /// Print it for people.
    #[command(after_help = examples::CHECKPOINT_SHOW)]
    Show(StoredArgs),
    /// Print it as JSON.
    #[command(after_help = examples::CHECKPOINT_EXPORT)]
    Export(StoredArgs),
    /// Delete it: the next start begins anew, as `source.start` says. Asks for the stream's name.
    Reset(ResetArgs),
}

/// Whose checkpoint.
#[derive(Args, Debug)]
pub struct StoredArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// The source, by its name, where the configuration has several.
    #[arg(long, value_name = "NAME")]
    pub source: Option<String>,
}

/// `trailrisk checkpoint reset`
#[derive(Args, Debug)]
#[command(after_help = examples::CHECKPOINT_RESET)]
pub struct ResetArgs {
    /// Whose.
    #[command(flatten)]
    pub stored: StoredArgs,
    /// The stream's name, instead of being asked for it.
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
}

/// `trailrisk explain`
#[derive(Args, Debug)]
#[command(after_help = examples::EXPLAIN)]
pub struct ExplainArgs {
    /// An ESCU file.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The configuration whose macros and settings apply.
    #[arg(long, value_name = "FILE", env = "TRAILRISK_CONFIG")]
    pub config: Option<PathBuf>,
    /// A macros file, or a folder of them, instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    pub macros: Option<PathBuf>,
}

/// `trailrisk healthcheck`
#[derive(Args, Debug)]
#[command(after_help = examples::HEALTHCHECK)]
pub struct HealthcheckArgs {
    /// Configuration.
    #[command(flatten)]
    pub config: ConfigArgs,
}

/// `trailrisk config`
#[derive(Args, Debug)]
#[command(after_help = examples::CONFIG)]
pub struct ConfigCommandArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// The actions on the configuration file's format.
#[derive(Debug, Subcommand)]
pub enum ConfigAction {
    /// Print the JSON Schema of the file: editors complete and check with it.
    #[command(after_help = examples::CONFIG_SCHEMA)]
    Schema,
}

/// `trailrisk completions`
#[derive(Args, Debug)]
#[command(after_help = examples::COMPLETIONS)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}

/// `trailrisk man`
#[derive(Args, Debug)]
#[command(after_help = examples::MAN)]
pub struct ManArgs {
    /// The command, such as `checkpoint reset`; without one, the page of trailrisk itself.
    #[arg(value_name = "COMMAND", conflicts_with = "all")]
    pub command: Vec<String>,
    /// Write the pages of all commands into this folder, which must exist.
    #[arg(long, value_name = "FOLDER")]
    pub all: Option<PathBuf>,
}

#[cfg(test)]
mod tests;
