//! The commands that read a stream themselves, beside a daemon or without one.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{FormatArgs, examples};
use crate::config::{duration, source_name};
use crate::time::Arrival;

/// Which stream, and how it is reached.
#[derive(Args, Debug)]
pub struct StreamArgs {
    /// The configuration file; its stream, detections and settings apply.
    #[arg(long, value_name = "FILE", env = "TRAILRISK_CONFIG")]
    pub config: Option<PathBuf>,
    /// Override one key, such as `source.tip_slack=10s`; may be given several times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub overrides: Vec<String>,
    /// The stream, by name or ARN, instead of the configuration's.
    #[arg(long, value_name = "NAME")]
    pub stream: Option<String>,
    /// The source, by its name, where the configuration has several.
    #[arg(long, value_name = "NAME", conflicts_with = "stream")]
    pub source: Option<String>,
    /// Its region, instead of the configuration's or the SDK's.
    #[arg(long, value_name = "REGION")]
    pub region: Option<String>,
    /// Another endpoint than that of the region, for an emulator.
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

/// `trailrisk backtest`
#[derive(Args, Debug)]
#[command(after_help = examples::BACKTEST)]
pub struct BacktestArgs {
    /// Stream.
    #[command(flatten)]
    pub stream: StreamArgs,
    /// An ESCU file, or a folder of them, instead of the configuration's.
    #[arg(long, value_name = "PATH")]
    pub detections: Option<PathBuf>,
    /// A macros file, or a folder of them, instead of the configuration's.
    #[arg(long, value_name = "FILE")]
    pub macros: Option<PathBuf>,
    /// The logical source's name, part of every id, instead of the configuration's.
    #[arg(long, value_name = "NAME", value_parser = source_name)]
    pub source_name: Option<String>,
    /// Results of windows that close after this instant: RFC 3339 such as 2026-01-31T12:00:00Z, or how long ago, such as
    /// 6h.
    #[arg(long, value_name = "TIME")]
    pub from: When,
    /// Up to this instant, itself included: RFC 3339, how long ago, or `now`.
    #[arg(long, value_name = "TIME", default_value = "now")]
    pub to: When,
    /// Compare with the live events in this file (NDJSON as a sink of type stdout or file writes it, plain or gzipped)
    /// instead of printing events; exit code 1 on any difference.
    #[arg(long, value_name = "FILE")]
    pub diff: Option<PathBuf>,
    /// Only what this sink of the configuration is sent: for a file that holds no more.
    #[arg(long, value_name = "NAME", requires = "config")]
    pub sink: Option<String>,
    /// A checkpoint of the daemon (its file, or what `checkpoint export` prints): windows that it did not see whole are
    /// cut and marked as it did. It is read, never written.
    #[arg(long, value_name = "FILE")]
    pub checkpoint: Option<PathBuf>,
    /// How risk events are written, one a line.
    #[command(flatten)]
    pub format: FormatArgs,
}

/// `trailrisk tail`
#[derive(Args, Debug)]
#[command(after_help = examples::TAIL)]
pub struct TailArgs {
    /// Stream.
    #[command(flatten)]
    pub stream: StreamArgs,
    /// Where to begin: `latest`, `trim_horizon`, RFC 3339, or how long ago, such as 15m.
    #[arg(long, value_name = "TIME", default_value = "latest")]
    pub since: Since,
    /// Only events that this search finds, in SPL: `eventName=ConsoleLogin errorMessage=*`, with `where`, `eval` and the
    /// macros of the configuration.
    #[arg(long, value_name = "SPL")]
    pub search: Option<String>,
    /// How events are printed.
    #[arg(long, value_enum, default_value_t = TailFormat::Text)]
    pub format: TailFormat,
    /// End after so many events.
    #[arg(long, value_name = "EVENTS", value_parser = clap::value_parser!(u64).range(1..))]
    pub limit: Option<u64>,
    /// End after this time, such as 30s or 5m.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub at_most: Option<Duration>,
    /// End at the tip: once everything that the stream holds is shown.
    #[arg(long)]
    pub no_follow: bool,
}

/// How `tail` prints events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TailFormat {
    /// One line for people.
    Text,
    /// One JSON object a line, with the whole event.
    Json,
}

/// An instant, or how long before Kinesis's present time it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// An instant.
    At(Arrival),
    /// So long ago; zero is now.
    Ago(Duration),
}

/// Where a tail begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The oldest record that the stream holds.
    TrimHorizon,
    /// At a time.
    Time(When),
}

impl When {
    /// The instant, `now` being Kinesis's present time.
    pub fn before(self, now: Arrival) -> Arrival {
        match self {
            Self::At(at) => at,
            Self::Ago(ago) => now.plus(-i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)),
        }
    }
}

impl FromStr for When {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "now" {
            return Ok(Self::Ago(Duration::ZERO));
        }
        if let Ok(instant) = text.parse::<jiff::Timestamp>() {
            return Ok(Self::At(Arrival(instant.as_millisecond())));
        }
        let ago = duration(text).map(Self::Ago);
        ago.map_err(
            |_| "an instant such as 2026-01-31T12:00:00Z, how long ago, such as 90s, 15m or 6h, or now is expected",
        )
    }
}

impl FromStr for Since {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "trim_horizon" => Ok(Self::TrimHorizon),
            "latest" => Ok(Self::Time(When::Ago(Duration::ZERO))),
            _ => text.parse().map(Self::Time).map_err(|_| {
                "latest, trim_horizon, an instant such as 2026-01-31T12:00:00Z, or how long ago, such as 15m, is expected"
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_instants_or_how_long_ago() {
        let now = Arrival(1_769_860_800_000);
        let read = |text: &str| text.parse::<When>().map(|when| when.before(now).0 - now.0);
        assert_eq!(read("2026-01-31T12:00:00Z"), Ok(0));
        assert_eq!(read("2026-01-31T13:00:00.5+02:00"), Ok(-3_600_000 + 500));
        assert_eq!([read("now"), read("90s"), read("6h")], [Ok(0), Ok(-90_000), Ok(-21_600_000)]);
        for wrong in ["", "6", "-6h", "yesterday", "2026-01-31", "2026-01-31T12:00:00"] {
            assert!(wrong.parse::<When>().is_err(), "{wrong:?}");
        }
        assert_eq!("latest".parse::<Since>(), Ok(Since::Time(When::Ago(Duration::ZERO))));
        assert_eq!("trim_horizon".parse::<Since>(), Ok(Since::TrimHorizon));
    }
}
