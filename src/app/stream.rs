//! What the commands have in common that read a stream beside the daemon: its configuration, with or without a file, and
//! the way to it.

use tokio::sync::mpsc;

use super::{Exit, Failure, overrides};
use crate::cli::StreamArgs;
use crate::config::{self, Config, Environment, LogConfig, LogFormat, ReaderConfig, SourceConfig};
use crate::metrics::Metrics;
use crate::source::{AwsKinesis, ShardMessage, Source};
use crate::telemetry;
use crate::time::Arrival;

/// Messages between the consumers and the command; each consumer has one batch on its way, so this bounds nothing.
const CHANNEL_MESSAGES: usize = 64;

/// The configuration, the flags laid over it, with the source alone that is meant.
pub(super) fn config(args: &StreamArgs) -> Result<Config, Failure> {
    read(args)?.with_source(args.source.as_deref()).map_err(|error| Failure::new(Exit::Usage, error))
}

fn read(args: &StreamArgs) -> Result<Config, Failure> {
    let mut overrides = overrides(&args.overrides)?;
    let flags = [("stream", &args.stream), ("region", &args.region), ("endpoint_url", &args.endpoint_url)];
    let given = flags.into_iter().filter_map(|(key, value)| Some((format!("source.{key}"), value.clone()?)));
    overrides.0.extend(given);
    let environment = Environment::of_process();
    match &args.config {
        Some(file) => config::read(file, &environment, &overrides).map_err(Failure::config),
        None if args.stream.is_none() => {
            let message = "say which stream to read: --stream NAME or --config FILE";
            Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)))
        }
        None => config::without_file(&environment, &overrides).map_err(Failure::config),
    }
}

/// Lets the source say what fails, in lines for people.
pub(super) fn log_warnings() -> Result<(), Failure> {
    telemetry::init(&LogConfig { level: "warn".to_owned(), format: LogFormat::Text }).map_err(Failure::config)
}

/// A stream that is connected to.
pub(super) struct Connected {
    pub source: Source<AwsKinesis>,
    pub messages: mpsc::Receiver<ShardMessage>,
    /// Kinesis's time.
    pub now: Arrival,
}

impl Connected {
    pub(super) async fn to(config: &Config) -> Result<Self, Failure> {
        let (sender, messages) = mpsc::channel(CHANNEL_MESSAGES);
        let metrics = Metrics::new(&prometheus::Registry::new()).expect("a new registry holds no name yet");
        // The daemon's own subscriptions are not to be taken from it.
        let polled = SourceConfig { reader: ReaderConfig::Polling, ..config.sources[0].clone() };
        let source = Source::connect(&polled, config.limits.read_buffer_bytes, sender, metrics).await;
        let source = source.map_err(Failure::config)?;
        let now = source.server_time().ok_or_else(|| {
            let message = "no answer of Kinesis had a Date header, so that its time is not known: is a proxy between?";
            Failure::config(anyhow::anyhow!(message))
        })?;
        Ok(Self { source, messages, now })
    }
}
