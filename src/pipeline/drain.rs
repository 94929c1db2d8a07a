//! The stop (ST-1): reading ends, what is owed is waited for until the deadline, a last checkpoint is stored.

use tokio::time::Instant;

use super::step::{Step, room, saved_step, sink_end, ticker};
use super::{Ended, OBSERVE_EVERY, Pipeline, PipelineError};
use crate::checkpoint::StoreError;
use crate::sink::SinkEnd;
use crate::source::KinesisApi;

impl<A: KinesisApi> Pipeline<A> {
    /// ST-1.
    pub(super) async fn drain(mut self) -> Result<Ended, PipelineError> {
        self.observer.draining();
        self.observe();
        // What the engine has not taken yet is read again after the restart.
        self.answer = None;
        self.held.clear();
        let deadline = Instant::now() + self.drain_deadline;
        if let Some(source) = self.source.take() {
            // What it failed of was said already.
            let _ = tokio::time::timeout_at(deadline, source.shutdown()).await;
        }
        self.messages.close();
        // At the deadline, what is still owed is counted.
        let _ = tokio::time::timeout_at(deadline, self.settle()).await;
        let pending = self.owed();
        if let Err(error) = self.save_now().await {
            if !matches!(error, PipelineError::Checkpoint(StoreError::Lost { .. })) {
                self.isolation.end();
            }
            self.saver.close().await;
            return Err(error);
        }
        self.isolation.end();
        self.sinks.close();
        // What best-effort sinks still hold; nothing waits for it beyond the deadline.
        let rest = async { while self.acknowledgements.next().await.is_some() {} };
        let _ = tokio::time::timeout_at(deadline, rest).await;
        // Behind everything that this process does: the next one may begin.
        self.saver.close().await;
        if pending > 0 {
            tracing::warn!(
                pending,
                "the drain deadline is over: what is not acknowledged is told again after the restart"
            );
            return Ok(Ended::DeadlineMissed { pending });
        }
        tracing::info!("drained, last checkpoint stored");
        Ok(Ended::Clean)
    }

    /// Deliveries and dead letters without acknowledgement that can still come. Once the reader of standard output is
    /// gone nothing is owed: what it did not read stays unacknowledged, and is emitted again after a restart.
    fn owed(&self) -> usize {
        match &*self.sinks_ended.borrow() {
            Some(SinkEnd::ClosedPipe { .. }) => 0,
            Some(SinkEnd::Failed { .. }) | None => self.engine.gauges().pending + usize::from(self.waiting.is_some()),
        }
    }

    /// Until nothing is owed, and a checkpoint on its way has arrived.
    async fn settle(&mut self) {
        let mut observe = ticker(OBSERVE_EVERY);
        loop {
            let more = self.carry_out();
            if !more && self.owed() == 0 && self.saver.is_idle() {
                return;
            }
            let may_act = self.lease.is_held();
            let step = tokio::select! {
                biased;
                _ = self.lease.lost() => return,
                Some(key) = self.acknowledgements.next() => Step::Acknowledged(key),
                Some(id) = self.dead_letter_acknowledgements.next() => Step::DeadLettered(id),
                saved = self.saver.saved() => saved_step(saved),
                () = room(&self.sinks, self.waiting.as_ref()), if may_act => Step::RoomForOutput,
                end = sink_end(&mut self.sinks_ended) => end,
                _ = observe.tick() => Step::Observe,
                () = tokio::task::yield_now(), if more => Step::More,
            };
            match step {
                Step::Stop | Step::Failed(_) => return,
                step => self.apply(step),
            }
        }
    }
}
