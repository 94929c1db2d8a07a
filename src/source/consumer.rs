//! One task a shard: permit, read (or take what is pushed), send, wait for the engine, again.
//!
//! Owns: the shard's iterator and the order of its messages. Deliberately absent: which shards to read (the engine),
//! when to read (`super::pacing`), how much (`super::budget`). Dropping [`Consumer::run`] at any await is safe: what was
//! not sent is read again from the checkpoint.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::api::{ApiError, ErrorKind, IteratorStart, KinesisApi, ListedShard, ReadAnswer, ShardIterator};
use super::budget::{ReadSize, cost};
use super::error::SourceError;
use super::pacing::{Moment, Pacing, TipEvidence};
use super::shared::{Shared, StalledMark};
use super::trim::TrimWatch;
use super::{ReadRequest, Record, ShardMessage};
use crate::engine::{Position, ShardId, StartPosition};
use crate::time::Arrival;

/// Reads one shard to its end.
pub(super) struct Consumer<A> {
    shared: Arc<Shared<A>>,
    messages: mpsc::Sender<ShardMessage>,
    shard: ShardId,
    cursor: Cursor,
    pacing: Pacing,
    tip: TipEvidence,
    trim: TrimWatch,
    size: ReadSize,
    /// Everything that arrived up to here was sent, for the ceiling (BD-2).
    reached: Arrival,
    stalled: Option<StalledMark>,
    origin: Instant,
    /// Since when Kinesis does not know the shard.
    unknown_since: Option<Moment>,
}

/// How far the shard was read and sent.
struct Cursor {
    position: Position,
    /// Whether the position is known to be behind a whole record of Kinesis. One from a checkpoint may be inside an
    /// aggregate, whose rest has to be read again.
    is_whole: bool,
    start: StartPosition,
    iterator: Option<ShardIterator>,
}

/// Why a consumer ends before its shard does.
enum Halt {
    /// Nobody receives any more: a shutdown.
    Unheard,
    /// The whole source has to stop.
    Failed(SourceError),
}

/// Whether there is more to read.
#[derive(PartialEq, Eq)]
enum Step {
    Continue,
    Drained,
}

/// A read that was answered.
struct Read {
    answer: ReadAnswer,
    limit: u16,
    sent: Moment,
    /// Kinesis's clock when the request was sent.
    sent_at: Option<Arrival>,
}

impl<A: KinesisApi> Consumer<A> {
    /// A consumer that begins where `request` says, after `delay`.
    pub(super) fn new(
        shared: Arc<Shared<A>>,
        messages: mpsc::Sender<ShardMessage>,
        request: ReadRequest,
        delay: Duration,
    ) -> Self {
        Self {
            pacing: Pacing::new(&shared.settings, delay),
            size: ReadSize::new(shared.budget_bytes),
            tip: TipEvidence::default(),
            trim: TrimWatch::new(owed_since(&shared, &request)),
            reached: Arrival::MIN,
            stalled: None,
            unknown_since: None,
            origin: Instant::now(),
            cursor: Cursor { position: request.after, is_whole: false, start: request.start, iterator: None },
            shard: request.shard,
            messages,
            shared,
        }
    }

    /// Reads until the shard's end.
    ///
    /// # Errors
    /// When the whole source has to stop.
    pub(super) async fn run(mut self) -> Result<(), SourceError> {
        let _reading = self.shared.mark_reading(&self.shard);
        match self.read_all().await {
            Ok(()) | Err(Halt::Unheard) => Ok(()),
            Err(Halt::Failed(error)) => Err(error),
        }
    }

    async fn read_all(&mut self) -> Result<(), Halt> {
        if self.cursor.position == Position::End {
            return self.drained(Vec::new()).await;
        }
        if let Some(registration) = self.shared.registration.clone() {
            return self.read_subscribed(&registration).await;
        }
        while self.step().await? == Step::Continue {}
        Ok(())
    }

    async fn step(&mut self) -> Result<Step, Halt> {
        let turn = sleep_until(self.origin + self.pacing.next_read());
        self.watched(turn).await?;
        let permit = self.permit().await;
        match self.read().await? {
            Ok(read) => self.accept(read, permit).await,
            Err(error) => {
                drop(permit);
                self.size.on_failure();
                self.failed(error).await
            }
        }
    }

    /// BD-1: reserves what the read may bring, once the shard may be read on (BD-2). Waiting here is back-pressure, so the
    /// shard is frozen meanwhile (RD-3). Who waits for the ceiling holds nothing of the budget.
    async fn permit(&mut self) -> OwnedSemaphorePermit {
        let (shared, reached, bytes) = (Arc::clone(&self.shared), self.reached, self.size.permit());
        loop {
            self.frozen(shared.ceiling.risen(reached)).await;
            let permit = self.frozen(Arc::clone(&shared.budget).acquire_many_owned(bytes)).await;
            if shared.ceiling.lets(reached) {
                return permit.expect("the budget is never closed");
            }
        }
    }

    async fn read(&mut self) -> Result<Result<Read, ApiError>, Halt> {
        let iterator = match self.iterator().await? {
            Ok(iterator) => iterator,
            Err(error) => return Ok(Err(error)),
        };
        let (shared, shard, limit) = (Arc::clone(&self.shared), self.shard.clone(), self.size.limit());
        let (sent, sent_at) = (self.now(), shared.api.server_time());
        self.pacing.on_send(sent);
        let answer = self.watched(shared.api.get_records(&shard, &iterator, limit)).await?;
        Ok(answer.map(|answer| Read { answer, limit, sent, sent_at }))
    }

    async fn iterator(&mut self) -> Result<Result<ShardIterator, ApiError>, Halt> {
        if let Some(iterator) = &self.cursor.iterator {
            return Ok(Ok(iterator.clone()));
        }
        let (shared, shard, start) = (Arc::clone(&self.shared), self.shard.clone(), self.cursor.iterator_start());
        let iterator = self.watched(shared.api.shard_iterator(&shard, &start)).await?;
        self.cursor.iterator = iterator.as_ref().ok().cloned();
        Ok(iterator)
    }

    async fn accept(&mut self, read: Read, permit: OwnedSemaphorePermit) -> Result<Step, Halt> {
        let Read { answer, limit, sent, sent_at } = read;
        let bytes = cost(&answer.records);
        let more = answer.millis_behind_latest > 0 || answer.records.len() >= usize::from(limit);
        self.size.on_read(bytes, answer.records.len(), limit);
        self.recovered().await?;
        self.pacing.on_read(sent, bytes, more);
        self.shared.count_read(&self.shard, answer.millis_behind_latest);
        let (empty, behind) = (answer.records.is_empty(), answer.millis_behind_latest);
        let drained = answer.next.is_none();
        self.cursor.iterator = answer.next;
        self.watch_trim(&answer.records, behind, sent_at).await?;
        let records = self.user_records(answer.records).await?;
        let permit = self.fit(permit, cost(&records));
        self.deliver(records, behind, permit).await?;
        if drained {
            self.drained(answer.children).await?;
            return Ok(Step::Drained);
        }
        if self.tip.on_read(sent, empty, behind)
            && let Some(sent_at) = sent_at
        {
            self.send_tip(sent_at).await?;
        }
        Ok(Step::Continue)
    }

    /// RD-3: everything that had arrived at `through` was delivered, but for what Kinesis may still hold back.
    async fn send_tip(&mut self, through: Arrival) -> Result<(), Halt> {
        let slack = i64::try_from(self.shared.settings.tip_slack.as_millis()).unwrap_or(i64::MAX);
        let read_through = through.plus(-slack);
        self.reached = self.reached.max(read_through);
        self.send(ShardMessage::AtTip { shard: self.shard.clone(), read_through }).await
    }

    /// Returns what the answer did not need, or takes what it needs more if the budget has it (see `super::budget`).
    fn fit(&self, mut permit: OwnedSemaphorePermit, bytes: usize) -> OwnedSemaphorePermit {
        let surplus = permit.num_permits().saturating_sub(bytes);
        drop(permit.split(surplus));
        let missing = u32::try_from(bytes.saturating_sub(permit.num_permits())).unwrap_or(u32::MAX);
        if missing > 0
            && let Ok(more) = Arc::clone(&self.shared.budget).try_acquire_many_owned(missing)
        {
            permit.merge(more);
        }
        permit
    }

    /// Hands the records over and waits until the engine has them: frozen, not idle (RD-3).
    async fn deliver(
        &mut self,
        records: Vec<Record>,
        millis_behind_latest: i64,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), Halt> {
        let Some(last) = records.last().map(|record| record.position.clone()) else { return Ok(()) };
        let (resume, resumed) = oneshot::channel();
        let shard = self.shard.clone();
        let newest = records.iter().map(|record| record.arrival).max();
        self.send(ShardMessage::Records { shard, records, millis_behind_latest, permit, resume }).await?;
        (self.cursor.position, self.cursor.is_whole) = (last, true);
        self.reached = self.reached.max(newest.unwrap_or(Arrival::MIN));
        self.frozen(resumed).await.map_err(|_| Halt::Unheard)
    }

    /// CP-8: while the shard was not read, what it held may have passed the stream's retention.
    async fn watch_trim(&mut self, records: &[Record], behind: i64, sent_at: Option<Arrival>) -> Result<(), Halt> {
        let arrivals = records.first().zip(records.last()).map(|(first, last)| (first.arrival, last.arrival));
        let Some(range) = self.trim.on_read(arrivals, behind, sent_at, self.shared.horizon()) else {
            return Ok(());
        };
        self.lost(Some(range), "the shard was not read for longer than the stream's retention".to_owned()).await
    }

    async fn lost(&mut self, range: Option<(Arrival, Arrival)>, detail: String) -> Result<(), Halt> {
        let (shard, after) = (self.shard.clone(), self.cursor.position.clone());
        self.shared.count_possible_loss();
        self.send(ShardMessage::PossibleLoss { shard, after, range, detail }).await
    }

    async fn list(&mut self) -> Result<Result<Vec<ListedShard>, ApiError>, Halt> {
        let shared = Arc::clone(&self.shared);
        self.watched(shared.api.list_shards()).await
    }

    async fn failed(&mut self, error: ApiError) -> Result<Step, Halt> {
        match error.kind {
            ErrorKind::Fatal => return Err(Halt::Failed(self.fatal(error))),
            ErrorKind::NotFound => return self.not_found(error).await,
            ErrorKind::NewIterator => self.cursor.iterator = None,
            ErrorKind::Throttled | ErrorKind::Retry | ErrorKind::Refused => {}
        }
        self.note(&error);
        Ok(Step::Continue)
    }

    fn fatal(&self, source: ApiError) -> SourceError {
        SourceError::Shard { shard: self.shard.clone(), source: Box::new(source) }
    }

    fn note(&mut self, error: &ApiError) {
        self.shared.note_failure(&self.shard, error);
        self.pacing.on_error(self.now(), error.kind, fastrand::f64());
    }

    /// Waits out an error of a call that is no read.
    async fn hold(&mut self, error: &ApiError) -> Result<(), Halt> {
        if error.kind == ErrorKind::Fatal {
            return Err(Halt::Failed(self.fatal(error.clone())));
        }
        self.note(error);
        self.watched(sleep_until(self.origin + self.pacing.next_read())).await
    }

    async fn recovered(&mut self) -> Result<(), Halt> {
        if self.pacing.failures() > 0 {
            self.shared.failing.clear(Some(&self.shard));
        }
        let stalled = self.pacing.is_stalled();
        self.pacing.recover(self.now());
        (self.stalled, self.unknown_since) = (None, None);
        if stalled {
            self.send(ShardMessage::Stalled { shard: self.shard.clone(), stalled: false }).await?;
        }
        Ok(())
    }

    /// Waits for `work`, and tells when the shard becomes stalled meanwhile (RD-3).
    async fn watched<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Halt> {
        let mut work = pin!(work);
        while let Some(deadline) = self.pacing.stalls_at() {
            tokio::select! {
                biased;
                output = &mut work => return Ok(output),
                () = sleep_until(self.origin + deadline) => self.stall().await?,
            }
        }
        Ok(work.await)
    }

    async fn stall(&mut self) -> Result<(), Halt> {
        self.pacing.stall();
        self.stalled = Some(self.shared.mark_stalled());
        self.send(ShardMessage::Stalled { shard: self.shard.clone(), stalled: true }).await
    }

    /// Waits for our own side. That time is back-pressure and does not count towards stalled.
    async fn frozen<T>(&mut self, wait: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let output = wait.await;
        let held = begun.elapsed();
        self.pacing.frozen(held);
        self.shared.count_backpressure(held);
        output
    }

    async fn send(&mut self, message: ShardMessage) -> Result<(), Halt> {
        let messages = self.messages.clone();
        let slot = self.frozen(messages.reserve()).await.map_err(|_| Halt::Unheard)?;
        slot.send(message);
        Ok(())
    }

    fn now(&self) -> Moment {
        self.origin.elapsed()
    }
}

/// CP-8: since when nothing that arrives may be lost in silence. That is where reading begins, if it is an instant that the
/// stream still reaches back to. Of all else, some may be gone before the first read.
fn owed_since<A: KinesisApi>(shared: &Shared<A>, request: &ReadRequest) -> Option<Arrival> {
    let now = shared.api.server_time()?;
    match (&request.after, request.start) {
        (Position::Start, StartPosition::AtTimestamp(at)) if at >= shared.terms.horizon(now) => Some(at),
        _ => Some(now),
    }
}

impl Cursor {
    fn iterator_start(&self) -> IteratorStart {
        match (&self.position, self.start) {
            (Position::After(number, _), _) if self.is_whole => IteratorStart::After(number.clone()),
            (Position::After(number, _), _) => IteratorStart::At(number.clone()),
            (_, StartPosition::TrimHorizon) => IteratorStart::TrimHorizon,
            (_, StartPosition::AtTimestamp(at)) => IteratorStart::AtTimestamp(at),
        }
    }
}

mod aggregates;
mod end;
mod fan_out;
#[cfg(test)]
mod tests;
