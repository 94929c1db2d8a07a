//! The composition root: commands wired from the parts, and what becomes an exit code.
//!
//! Deliberately absent: decisions. Every part decides for itself; here they only meet.

mod backtest;
mod check;
mod checkpoint;
mod daemon;
mod detections;
mod explain;
mod healthcheck;
mod host;
mod reload;
mod replay;
mod shell;
mod sink_test;
mod stream;
mod tail;
mod test;
mod until_closed;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::catalog::SourcesError;
use crate::cli::{CheckpointAction, Cli, Command, ConfigAction, ConfigArgs, SinkAction};
use crate::config::{self, Config, ConfigError, Environment, LogFormat, Overrides};
use crate::files::Unreadable;
use crate::telemetry::HarmlessLines;
use until_closed::UntilClosed;

pub use daemon::StartError;
pub use detections::RetentionError;

/// How the process ends (sysexits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything went well; an orderly stop.
    Ok = 0,
    /// A test of a detection or of a sink failed, a file of a replay is damaged, nothing is stored, or the daemon is not
    /// alive.
    Failed = 1,
    /// The command line, or a path on it, makes no sense.
    Usage = 64,
    /// A critical task failed, or the impossible happened.
    Internal = 70,
    /// The drain deadline was missed: something stays unacknowledged and will be emitted again.
    DeadlineMissed = 75,
    /// The configuration, a detection, or what they name cannot be used.
    Config = 78,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// A command that failed: what to say, and how to exit.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// The error; printed with its chain of causes.
    pub error: anyhow::Error,
}

impl Failure {
    fn new(exit: Exit, error: impl Into<anyhow::Error>) -> Self {
        Self { exit, error: error.into() }
    }

    fn config(error: impl Into<anyhow::Error>) -> Self {
        Self::new(Exit::Config, error)
    }
}

impl From<SourcesError> for Failure {
    fn from(error: SourcesError) -> Self {
        match error {
            SourcesError::Nothing | SourcesError::Path(_) => Self::new(Exit::Usage, error),
            SourcesError::Config(_) => Self::config(error),
        }
    }
}

/// A path of the command line that leads nowhere.
impl From<Unreadable> for Failure {
    fn from(error: Unreadable) -> Self {
        Self::new(Exit::Usage, error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(Exit::Internal, error)
    }
}

/// Runs a command. Results go to `out`, diagnostics to `diagnostics`; that either is closed early is no error.
///
/// # Errors
/// With what is wrong and the exit code for it.
pub fn run(cli: Cli, out: &mut (dyn Write + Send), diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let mut out = UntilClosed::new("standard output", out);
    let mut diagnostics = HarmlessLines::new(LogFormat::Text, UntilClosed::new("standard error", diagnostics));
    let mut text = HarmlessLines::new(format(&cli.command), &mut out);
    match cli.command {
        Command::Run(args) => daemon::run(ConfigSource::of(&args.config)?),
        Command::Replay(args) => {
            // Risk events are written harmless.
            drop(text);
            replay::run(&args, &mut out, &mut diagnostics)
        }
        Command::Backtest(args) => {
            drop(text);
            backtest::run(&args, &mut out, &mut diagnostics)
        }
        Command::Tail(args) => {
            drop(text);
            tail::run(&args, &mut out, &mut diagnostics)
        }
        Command::Check(args) => check::run(&args, &mut text),
        Command::Test(args) => test::run(&args, &mut text, &mut diagnostics),
        Command::Sink(args) => match args.action {
            SinkAction::Test(args) => sink_test::run(&args, &mut text, &mut diagnostics),
        },
        Command::Checkpoint(args) => checkpoint::run(args, &mut text, &mut diagnostics),
        Command::Explain(args) => explain::run(&args, &mut text, &mut diagnostics),
        Command::Healthcheck(args) => healthcheck::run(&args),
        Command::Config(args) => match args.action {
            ConfigAction::Schema => Ok(text.write_all(config::SCHEMA.as_bytes()).map(|()| Exit::Ok)?),
        },
        Command::Completions(args) => Ok(shell::completions(&args, &mut text)?),
        Command::Man(args) => shell::man(&args, &mut text),
    }
}

/// What a command prints on standard output.
fn format(command: &Command) -> LogFormat {
    match command {
        Command::Check(args) if args.json => LogFormat::Json,
        Command::Checkpoint(args) if matches!(args.action, CheckpointAction::Export(_)) => LogFormat::Json,
        _ => LogFormat::Text,
    }
}

/// A configuration file and what lies over it; read again for a reload.
struct ConfigSource {
    file: PathBuf,
    environment: Environment,
    overrides: Overrides,
}

impl ConfigSource {
    fn of(args: &ConfigArgs) -> Result<Self, Failure> {
        let (file, environment) = (args.config.clone(), Environment::of_process());
        Ok(Self { file, environment, overrides: overrides(&args.overrides)? })
    }

    fn read(&self) -> Result<Config, ConfigError> {
        config::read(&self.file, &self.environment, &self.overrides)
    }
}

/// What `--set` says.
fn overrides(flags: &[String]) -> Result<Overrides, Failure> {
    let pair = |text: &String| {
        let pair = text.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        let message = || anyhow::anyhow!("--set {text:?} must read KEY=VALUE, such as --set log.level=debug");
        pair.ok_or_else(|| Failure::new(Exit::Usage, message()))
    };
    flags.iter().map(pair).collect::<Result<_, _>>().map(Overrides)
}

fn read_config(args: &ConfigArgs) -> Result<Config, Failure> {
    ConfigSource::of(args)?.read().map_err(Failure::config)
}

/// An error with its causes, in one text.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
