//! From a sink's configuration to its running worker.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::error::SinkError;
use super::file::FileSink;
use super::queue::Delivery;
use super::retry::RetryPolicy;
use super::sinks::WallClock;
use super::splunk::SplunkHec;
use super::stdout::{SharedStdout, Stdout};
use super::transport::{Outcome, Transport};
use super::webhook::Webhook;
use super::worker::{self, Sink, WorkerDeps};
use crate::config::{DeliveryConfig, SinkConfig, SinkKind};

/// How often the gauges are set.
const OBSERVE_INTERVAL: Duration = Duration::from_secs(1);

/// Starts the worker of a sink.
pub(super) type Spawn = Box<dyn FnOnce(Arc<Sink>, WorkerDeps)>;

/// The way to one sink's receiver, ready to run.
pub(super) enum Transports {
    Stdout(Stdout),
    File(FileSink),
    /// One a lane.
    Webhook(Vec<Webhook>),
    /// One a lane.
    SplunkHec(Vec<SplunkHec>),
}

impl Transports {
    /// Those of all sinks, in their order: everything that can fail comes before anything that runs.
    pub(super) fn of_all(
        configs: &[SinkConfig],
        stdout: SharedStdout,
        producer: &str,
        clock: &WallClock,
    ) -> Result<Vec<Self>, SinkError> {
        let transports = configs.iter().map(|config| match &config.kind {
            SinkKind::Stdout => Ok(Self::Stdout(Stdout::new(stdout.clone()))),
            SinkKind::File(file) => Ok(Self::File(FileSink::new(&config.name, file)?)),
            SinkKind::SplunkHec(splunk) => {
                let transport = SplunkHec::new(&config.name, splunk, producer, clock)?;
                Ok(Self::SplunkHec(vec![transport; config.delivery.concurrency.max(1)]))
            }
            SinkKind::Webhook(webhook) => {
                let transport = Webhook::new(&config.name, webhook, producer, clock)?;
                Ok(Self::Webhook(vec![transport; config.delivery.concurrency.max(1)]))
            }
        });
        transports.collect()
    }

    /// One attempt, and the status of the receiver's last answer where it has answered over HTTP.
    pub(super) async fn attempt(self, batch: &[Delivery]) -> (Outcome, Option<u16>) {
        match self {
            Self::Stdout(mut stdout) => (stdout.attempt(batch).await, None),
            Self::File(mut file) => (file.attempt(batch).await, None),
            Self::SplunkHec(mut lanes) => (lanes[0].attempt(batch).await, lanes[0].last_status()),
            Self::Webhook(mut lanes) => (lanes[0].attempt(batch).await, lanes[0].last_status()),
        }
    }

    pub(super) fn spawn(self) -> Spawn {
        match self {
            Self::Stdout(stdout) => spawn_lanes(vec![stdout]),
            Self::File(file) => spawn_lanes(vec![file]),
            Self::SplunkHec(lanes) => spawn_lanes(lanes),
            Self::Webhook(lanes) => spawn_lanes(lanes),
        }
    }
}

/// A worker with a lane for each transport.
pub(super) fn spawn_lanes<T: Transport>(lanes: Vec<T>) -> Spawn {
    Box::new(move |sink, deps| drop(tokio::spawn(worker::run(sink, lanes, deps))))
}

impl RetryPolicy {
    /// A required sink never gives up (CP-7).
    pub(super) fn of(config: &SinkConfig) -> Self {
        let DeliveryConfig { retry_min: min, retry_max: max, give_up_after, .. } = config.delivery;
        Self { min, max, give_up_after: (!config.required).then_some(give_up_after) }
    }
}

/// Sets the gauges while the sinks live.
pub(super) async fn observe(sinks: Weak<[Arc<Sink>]>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(OBSERVE_INTERVAL);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        let Some(sinks) = sinks.upgrade() else { return };
        sinks.iter().for_each(|sink| sink.observe());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::testing::sink_config;

    #[test]
    fn cp_7_only_a_best_effort_sink_gives_up() {
        let required = sink_config("s");
        assert_eq!(RetryPolicy::of(&required).give_up_after, None);
        let best_effort = SinkConfig { required: false, ..required };
        assert_eq!(RetryPolicy::of(&best_effort).give_up_after, Some(Duration::from_secs(3600)));
    }
}
