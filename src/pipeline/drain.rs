//! The stop (ST-1): reading ends, what is owed is waited for until the deadline, a last checkpoint is stored.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::step::{Step, room, saved_step, sink_end, ticker};
use super::{Ended, OBSERVE_EVERY, Pipeline, PipelineError};
use crate::checkpoint::StoreError;
use crate::sink::SinkEnd;
use crate::source::KinesisApi;

/// What the last save may take beyond the deadline: a disk that hangs must not keep the process.
const LAST_SAVE: Duration = Duration::from_secs(3);

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
            let _ = timeout_at(deadline, source.shutdown()).await;
        }
        self.messages.close();
        // At the deadline, what is still owed is counted.
        let _ = timeout_at(deadline, self.settle()).await;
        let (pending, reader_gone) = (self.pending(), self.reader_is_gone());
        let saved = self.save_last(deadline).await;
        self.sinks.close();
        // What best-effort sinks still hold; nothing waits for it beyond the deadline.
        let rest = async { while self.acknowledgements.next().await.is_some() {} };
        let _ = timeout_at(deadline, rest).await;
        self.dead_letters.close(deadline).await;
        if !matches!(saved, Err(PipelineError::StoreHangs)) {
            // Behind everything that this process does: the next one may begin.
            self.saver.close().await;
        }
        saved.map(|()| ended(pending, reader_gone))
    }

    /// The last checkpoint, and that this end is no crash.
    async fn save_last(&mut self, deadline: Instant) -> Result<(), PipelineError> {
        // The notes of isolation are on the same disk.
        let saved = timeout_at(deadline + LAST_SAVE, self.save_now()).await.map_err(|_| PipelineError::StoreHangs)?;
        if !matches!(saved, Err(PipelineError::Checkpoint(StoreError::Lost { .. }))) {
            self.isolation.end();
        }
        saved
    }

    /// Deliveries and dead letters without acknowledgement.
    fn pending(&self) -> usize {
        self.engine.gauges().pending + usize::from(self.waiting.is_some())
    }

    fn reader_is_gone(&self) -> bool {
        matches!(&*self.sinks_ended.borrow(), Some(SinkEnd::ClosedPipe { .. }))
    }

    /// Of these, what can still come. Once the reader of standard output is gone nothing is owed: what it did not read stays
    /// unacknowledged, and is emitted again after a restart.
    fn owed(&self) -> usize {
        if self.reader_is_gone() { 0 } else { self.pending() }
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

/// What it came to.
fn ended(pending: usize, reader_gone: bool) -> Ended {
    if reader_gone {
        return Ended::ReaderGone { pending };
    }
    if pending > 0 {
        tracing::warn!(pending, "the drain deadline is over: what is not acknowledged is told again after the restart");
        return Ended::DeadlineMissed { pending };
    }
    tracing::info!("drained, last checkpoint stored");
    Ended::Clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::testing::Log;

    #[test]
    fn st_1_an_end_that_leaves_something_is_no_clean_one_and_says_how_much() {
        let log = Log::default();
        let _guard = log.start();
        assert!(matches!(ended(0, false), Ended::Clean));
        assert!(matches!(ended(2, true), Ended::ReaderGone { pending: 2 }));
        assert_eq!(log.said("told again", &["pending"]), Vec::<Vec<String>>::new());
        assert!(matches!(ended(3, false), Ended::DeadlineMissed { pending: 3 }));
        assert_eq!(log.said("told again", &["pending"]), [["WARN", "3"]]);
    }
}
