//! What can happen next in the pipeline, as futures that may be dropped and made again in a `select!`.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use super::{PipelineError, Reload};
use crate::checkpoint::StoreError;
use crate::engine::{CheckpointTicket, DeadLetterId, Output};
use crate::risk_event::DeliveryKey;
use crate::sink::{SinkEnd, Sinks};
use crate::source::{KinesisApi, ShardMessage, Source, SourceError};

/// What happens next.
pub(super) enum Step {
    Stop,
    Acknowledged(DeliveryKey),
    DeadLettered(DeadLetterId),
    Saved(CheckpointTicket, Result<(), StoreError>),
    RoomForOutput,
    /// The engine has more that can be carried out at once.
    More,
    Checkpoint,
    Reload(Reload),
    Observe,
    /// The engine can take more of the answer at hand.
    Piece,
    Message(ShardMessage),
    Failed(PipelineError),
}

pub(super) fn saved_step(saved: Option<(CheckpointTicket, Result<(), StoreError>)>) -> Step {
    match saved {
        Some((ticket, saved)) => Step::Saved(ticket, saved),
        None => Step::Failed(PipelineError::Task("the checkpoint store")),
    }
}

pub(super) fn ticker(period: Duration) -> tokio::time::Interval {
    let mut interval = tokio::time::interval(period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// Resolves when what waits can be sent; never while nothing waits.
pub(super) async fn room(sinks: &Sinks, waiting: Option<&Output>) {
    match waiting {
        Some(Output::DeadLetter(_)) => sinks.ready_for_dead_letter().await,
        Some(_) => sinks.ready().await,
        None => std::future::pending().await,
    }
}

pub(super) async fn source_failure<A: KinesisApi>(source: Option<&mut Source<A>>) -> SourceError {
    match source {
        Some(source) => source.failed().await,
        None => std::future::pending().await,
    }
}

/// Behind a closed standard output there is nothing to wait for; a worker that failed is a failure.
pub(super) async fn sink_end(ended: &mut watch::Receiver<Option<SinkEnd>>) -> Step {
    let end = ended.wait_for(Option::is_some).await.map(|end| end.clone());
    match end {
        Ok(Some(SinkEnd::ClosedPipe { .. })) => Step::Stop,
        Ok(Some(SinkEnd::Failed { sink })) => Step::Failed(PipelineError::Sink(sink.to_string())),
        Ok(None) | Err(_) => Step::Failed(PipelineError::Task("the sinks")),
    }
}
