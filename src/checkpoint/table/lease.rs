//! The lease while it is held: one task that owns the scope's item. It renews the lease, writes what commits a
//! checkpoint, recognises its own write when the answer was lost, and says when the lease is gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::Instrument as _;

use super::acquire::{Claim, Taken, place};
use super::items::{Committed, Scope};
use super::port::{Guard, Item, Table, TableError, Written};
use crate::checkpoint::StoreError;
use crate::metrics::Metrics;
use crate::telemetry::{Alarm, Recovered};

/// The holder renews so many times in the duration of its lease.
const RENEWALS: u32 = 3;
/// After a renewal that failed: so many tries in the duration.
const TRIES: u32 = 10;

/// How the lease stands, as its task sees it.
#[derive(Clone, Debug)]
pub(super) struct Standing {
    /// Until then nobody else can hold it.
    held_until: Instant,
    /// Why the last renewal failed.
    failure: Option<String>,
    /// Why it is gone for good.
    lost: Option<String>,
}

/// How the lease of a store stands: whoever acts on behalf of its holder asks before it acts.
#[derive(Clone, Debug)]
pub struct LeaseWatch(Option<watch::Receiver<Standing>>);

/// What the task is asked to do.
enum Ask {
    /// Nothing of the asker's is on its way any more: says what counts now.
    Settle(oneshot::Sender<Result<Option<Committed>, StoreError>>),
    Commit(Box<Committed>, oneshot::Sender<Result<(), StoreError>>),
    /// Somebody with a later epoch was met.
    Lose(String),
    Release(oneshot::Sender<()>),
}

/// A handle on the task. When it is dropped, the task ends, and the lease with its duration.
#[derive(Debug)]
pub(super) struct Lease {
    asks: mpsc::Sender<Ask>,
    standing: watch::Receiver<Standing>,
    place: String,
}

struct Holder<T> {
    table: Arc<T>,
    place: String,
    /// As it stands in the table, but for a write whose answer was lost.
    scope: Scope,
    /// A write was sent, and nobody knows what became of it.
    in_doubt: bool,
    renew_at: Instant,
    standing: watch::Sender<Standing>,
    metrics: Metrics,
    renewal: Alarm,
}

impl LeaseWatch {
    /// Of a store that no other process can take.
    pub fn always() -> Self {
        Self(None)
    }

    /// Whether nobody else can hold it now.
    pub fn is_held(&self) -> bool {
        let Some(standing) = &self.0 else { return true };
        let standing = standing.borrow();
        standing.lost.is_none() && Instant::now() < standing.held_until
    }

    /// Whether there is a lease at all and, if it is not held at the moment, why.
    pub fn doubt(&self) -> Option<Option<String>> {
        let standing = self.0.as_ref()?;
        if self.is_held() {
            return Some(None);
        }
        let standing = standing.borrow();
        let reason = standing.lost.as_ref().or(standing.failure.as_ref());
        let reason = reason.map_or("it was not renewed in time", String::as_str);
        Some(Some(format!("the lease is not held: {reason}; nothing is read or told until it is")))
    }

    /// Resolves when it is gone for good, with the reason. Cancel-safe.
    pub async fn lost(&mut self) -> String {
        let Some(standing) = &mut self.0 else { return std::future::pending().await };
        let lost = standing.wait_for(|standing| standing.lost.is_some()).await.ok().and_then(|it| it.lost.clone());
        match lost {
            Some(detail) => detail,
            // It was released.
            None => std::future::pending().await,
        }
    }
}

impl Lease {
    /// Holds what was taken.
    pub fn hold<T: Table>(table: Arc<T>, claim: &Claim, taken: Taken, metrics: Metrics) -> Self {
        let duration = taken.scope.lease;
        let first = Standing { held_until: taken.since + duration, failure: None, lost: None };
        let (sender, standing) = watch::channel(first);
        let (asks, asked) = mpsc::channel(4);
        let event = if taken.from_another { "taken_over" } else { "acquired" };
        metrics.lease_events_total.with_label_values(&[event]).inc();
        metrics.leases_held.set(1);
        let place = place(&table, claim);
        tracing::info!(lease = place, owner = claim.owner, epoch = taken.scope.epoch, event, "lease held");
        let holder = Holder {
            table,
            place: place.clone(),
            renew_at: taken.since + duration / RENEWALS,
            scope: taken.scope,
            in_doubt: false,
            standing: sender,
            metrics,
            renewal: Alarm::default(),
        };
        tokio::spawn(holder.run(asked).in_current_span());
        Self { asks, standing, place }
    }

    pub fn watch(&self) -> LeaseWatch {
        LeaseWatch(Some(self.standing.clone()))
    }

    /// What counts, once no write of ours can change it any more.
    pub async fn settle(&self) -> Result<Option<Committed>, StoreError> {
        self.ask(Ask::Settle).await?
    }

    /// Makes a checkpoint count. After an error that is passing it may count all the same: [`Self::settle`] says.
    pub async fn commit(&self, committed: Committed) -> Result<(), StoreError> {
        self.ask(|answer| Ask::Commit(Box::new(committed), answer)).await?
    }

    /// A later holder was met.
    pub async fn lose(&self, detail: String) {
        // A task that is gone knows.
        let _ = self.asks.send(Ask::Lose(detail)).await;
    }

    /// Gives the lease up, so that the next process need not wait.
    pub async fn release(&self) {
        // If that fails, it is over with its duration.
        let _ = self.ask(Ask::Release).await;
    }

    async fn ask<R>(&self, ask: impl FnOnce(oneshot::Sender<R>) -> Ask) -> Result<R, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = |_| StoreError::Lost { place: self.place.clone(), detail: "it was given up".to_owned() };
        self.asks.send(ask(answer)).await.map_err(|_| gone(()))?;
        answered.await.map_err(|_| gone(()))
    }
}

impl<T: Table> Holder<T> {
    async fn run(mut self, mut asked: mpsc::Receiver<Ask>) {
        loop {
            let renew_at = self.renew_at;
            let is_lost = self.standing.borrow().lost.is_some();
            tokio::select! {
                biased;
                ask = asked.recv() => match ask {
                    // Whoever asked may be gone.
                    Some(Ask::Settle(answer)) => drop(answer.send(self.settle().await)),
                    Some(Ask::Commit(committed, answer)) => drop(answer.send(self.commit(*committed).await)),
                    Some(Ask::Lose(detail)) => drop(self.lose(detail)),
                    Some(Ask::Release(answer)) => {
                        self.release().await;
                        let _ = answer.send(());
                        return;
                    }
                    None => return,
                },
                () = tokio::time::sleep_until(renew_at), if !is_lost => self.renew().await,
            }
        }
    }

    async fn settle(&mut self) -> Result<Option<Committed>, StoreError> {
        self.check()?;
        if self.in_doubt {
            // Once this is written, what is still on its way is refused.
            self.write(self.scope.committed.clone()).await?;
        }
        Ok(self.scope.committed.clone())
    }

    async fn commit(&mut self, committed: Committed) -> Result<(), StoreError> {
        self.check()?;
        self.write(Some(committed.clone())).await?;
        if self.scope.committed.as_ref() == Some(&committed) {
            return Ok(());
        }
        // An earlier write of ours had landed, and was taken for this one's base.
        self.write(Some(committed)).await
    }

    async fn renew(&mut self) {
        let sent = Instant::now();
        match self.write(self.scope.committed.clone()).await {
            // What became of it was said.
            Ok(()) | Err(StoreError::Lost { .. }) => {}
            Err(error) => {
                self.renewal_failed(&error);
                self.renew_at = sent + (self.scope.lease / TRIES).max(Duration::from_millis(50));
            }
        }
    }

    fn renewal_failed(&mut self, error: &StoreError) {
        let (cause, request_id) = match error {
            StoreError::Table { source, .. } => (format!(": {source}"), source.request_id.as_deref()),
            _ => (String::new(), None),
        };
        self.metrics.lease_events_total.with_label_values(&["renewal_failed"]).inc();
        if let Some(repeats) = self.renewal.raise() {
            tracing::error!(%error, cause, request_id, repeats, "the lease cannot be renewed; trying again");
        }
        self.standing.send_modify(|standing| standing.failure = Some(format!("{error}{cause}")));
    }

    /// Writes the scope's item with this in it, and so renews the lease. An earlier write of ours that had landed
    /// unseen is taken over instead: then the item is what that one said.
    async fn write(&mut self, committed: Option<Committed>) -> Result<(), StoreError> {
        let sent = Instant::now();
        let next = Scope { counter: self.scope.counter + 1, committed, ..self.scope.clone() };
        self.in_doubt = true;
        match self.table.put(next.item(), Guard::Counter(self.scope.counter)).await {
            Ok(Written::Done) => {
                self.stands(next, sent);
                Ok(())
            }
            Ok(Written::Refused(stands)) => match stands.as_ref().map(Scope::read) {
                Some(Some(stands)) if stands.owner == self.scope.owner && stands.counter > self.scope.counter => {
                    // Ours: nobody else has our name. It landed before now, so the lease is as old as it was.
                    self.scope = stands;
                    self.in_doubt = false;
                    self.renew_at = sent;
                    Ok(())
                }
                _ => Err(self.lose(describe(stands))),
            },
            Err(source) => Err(self.failed(source)),
        }
    }

    fn stands(&mut self, scope: Scope, sent: Instant) {
        let held_until = sent + scope.lease;
        self.renew_at = sent + scope.lease / RENEWALS;
        self.scope = scope;
        self.in_doubt = false;
        self.standing.send_modify(|standing| {
            standing.held_until = held_until;
            standing.failure = None;
        });
        // A checkpoint renews it as well as a renewal does.
        if let Some(Recovered { times, seconds }) = self.renewal.clear() {
            tracing::info!(lease = self.place, attempts = times, seconds, "the lease is renewed again");
        }
    }

    fn failed(&self, source: TableError) -> StoreError {
        StoreError::Table { place: self.place.clone(), source }
    }

    fn check(&self) -> Result<(), StoreError> {
        match &self.standing.borrow().lost {
            Some(detail) => Err(StoreError::Lost { place: self.place.clone(), detail: detail.clone() }),
            None => Ok(()),
        }
    }

    fn lose(&mut self, detail: String) -> StoreError {
        let lost = StoreError::Lost { place: self.place.clone(), detail: detail.clone() };
        let is_news = self.standing.send_if_modified(|standing| {
            let is_news = standing.lost.is_none();
            standing.lost.get_or_insert(detail);
            is_news
        });
        if is_news {
            self.metrics.lease_events_total.with_label_values(&["lost"]).inc();
            self.metrics.leases_held.set(0);
            tracing::error!(error = %lost, "the lease is lost: nothing more is stored or told, and the process ends");
        }
        lost
    }

    async fn release(&mut self) {
        if self.check().is_err() {
            return;
        }
        // The second try is for a write that had landed unseen.
        for _ in 0..2 {
            let next = Scope { owner: None, counter: self.scope.counter + 1, ..self.scope.clone() };
            match self.table.put(next.item(), Guard::Counter(self.scope.counter)).await {
                Ok(Written::Done) => {
                    self.metrics.lease_events_total.with_label_values(&["released"]).inc();
                    self.metrics.leases_held.set(0);
                    tracing::info!(lease = self.place, "lease released");
                    return;
                }
                Ok(Written::Refused(Some(item))) => match Scope::read(&item) {
                    Some(stands) if stands.owner == self.scope.owner => self.scope = stands,
                    _ => return,
                },
                Ok(Written::Refused(None)) => return,
                Err(error) => {
                    let lease = &self.place;
                    tracing::warn!(%error, lease, "the lease cannot be released: the next process waits until it is over");
                    return;
                }
            }
        }
    }
}

/// Who stands where our lease was.
pub(super) fn describe(stands: Option<Item>) -> String {
    let Some(item) = stands else { return "its item is gone from the table".to_owned() };
    match Scope::read(&item) {
        Some(Scope { owner: Some(owner), epoch, .. }) => format!("{owner} has taken it over (epoch {epoch})"),
        Some(Scope { owner: None, .. }) => "somebody has taken it over, and released it".to_owned(),
        None => "its item is none of this daemon any more".to_owned(),
    }
}
