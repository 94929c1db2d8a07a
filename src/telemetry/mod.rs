//! Logs: one line an event on standard error, JSON or text, in which no foreign text can act on a terminal or forge a
//! line.
//!
//! What the levels mean, and what repeats, is in `docs/logs.md`. Deliberately absent: metrics, and log files, which belong
//! to the surroundings.

mod alarm;
mod lines;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod visible;
mod writer;

pub use alarm::{Alarm, Recovered};
pub use lines::HarmlessLines;
pub use visible::visible;

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{LogConfig, LogFormat};
use crate::spl::did_you_mean;
use writer::Harmless;

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error("log.level {level:?} is not a filter such as `info` or `warn,trailrisk=debug`: {detail}")]
    Filter {
        /// What was configured.
        level: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Logging is set up once a process.
    #[error("logging is already set up")]
    AlreadySetUp,
}

/// Sends the log lines of this process to standard error.
///
/// # Errors
/// When the filter cannot be read, or logging is already set up.
pub fn init(config: &LogConfig) -> Result<(), TelemetryError> {
    subscriber(config, std::io::stderr)?.try_init().map_err(|_| TelemetryError::AlreadySetUp)
}

/// Checks a filter.
///
/// # Errors
/// Says what is wrong with it.
pub fn check_filter(level: &str) -> Result<(), TelemetryError> {
    filter(level).map(drop)
}

/// What [`init`] sets up, writing elsewhere.
///
/// # Errors
/// When the filter cannot be read.
pub fn subscriber<W>(config: &LogConfig, writer: W) -> Result<Box<dyn Subscriber + Send + Sync>, TelemetryError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter(&config.level)?)
        .with_ansi(false)
        .with_writer(Harmless::new(config.format, writer));
    let may_be_said = filter_fn(may_be_said);
    Ok(match config.format {
        LogFormat::Json => {
            Box::new(lines.json().flatten_event(true).with_current_span(false).finish().with(may_be_said))
        }
        LogFormat::Text => Box::new(lines.finish().with(may_be_said)),
    })
}

/// At their detailed levels the HTTP libraries write paths and headers, and the AWS SDK whole answers of Kinesis: secrets,
/// and events. Whatever is configured, those stay off.
const NEVER_DETAILED: [&str; 4] = ["aws_", "h2", "hyper", "reqwest"];

fn may_be_said(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || !NEVER_DETAILED.iter().any(|library| metadata.target().starts_with(library))
}

const LEVELS: [&str; 6] = ["error", "warn", "info", "debug", "trace", "off"];

/// A lone word that is no level would be taken for a part of the program, and everything else would be silent.
fn is_misspelt(word: &str) -> bool {
    let is_level = LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word));
    !word.is_empty() && !is_level && !word.contains(['=', '[', ']', '{', '}']) && !word.contains("::")
}

fn filter(level: &str) -> Result<EnvFilter, TelemetryError> {
    let fault = |detail: String| TelemetryError::Filter { level: level.to_owned(), detail };
    if level.trim().is_empty() {
        return Err(fault("it is empty".to_owned()));
    }
    if let Some(word) = level.split(',').map(str::trim).find(|word| is_misspelt(word)) {
        return Err(fault(format!("{word:?} is no level{}", did_you_mean(word, LEVELS))));
    }
    EnvFilter::try_new(level).map_err(|error| fault(error.to_string()))
}
