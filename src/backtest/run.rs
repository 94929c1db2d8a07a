//! The driver of a backtest: consumers of the source on one side, the state on the other.
//!
//! Owns: which consumers wait. Deliberately absent: what is read and when it is enough (`super::state`), pacing and retries
//! (the source's), where results go (the caller's).

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::state::{Backtest, Want};
use crate::cloudtrail::Rejected;
use crate::engine::{DeadLetter, ShardId};
use crate::risk_event::RiskEvent;
use crate::source::{KinesisApi, ShardMessage, Source, SourceError};
use crate::time::Arrival;

/// How often the follower is shown how far it is.
const SHOW_EVERY: Duration = Duration::from_millis(250);

/// Who is told what happens.
pub trait Follower {
    /// What it may fail with: writing.
    type Error;

    /// A final risk event of the range, in order.
    ///
    /// # Errors
    /// Ends the backtest.
    fn risk_event(&mut self, event: &RiskEvent) -> Result<(), Self::Error>;

    /// What could not be decoded, and where it is.
    fn rejected(&mut self, letter: &DeadLetter, rejected: &Rejected);

    /// How far it is.
    fn progress(&mut self, backtest: &Backtest);

    /// A shard is done with.
    fn shard_done(&mut self, shard: &ShardId, backtest: &Backtest);

    /// No successful read of a shard for long (true), or reading again.
    fn stalled(&mut self, shard: &ShardId, stalled: bool);

    /// CP-8: records of a shard are gone from the stream while it was read.
    fn lost(&mut self, shard: &ShardId, range: Option<(Arrival, Arrival)>, detail: &str);
}

/// Why a backtest does not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum BacktestError<E> {
    /// The stream cannot be read on.
    #[error(transparent)]
    Source(SourceError),
    /// Every shard has ended.
    #[error("every shard of the stream has ended before --to: is it being deleted?")]
    Ended,
    /// The follower failed.
    #[error(transparent)]
    Follower(E),
}

/// Reads until every instance of the range is closed.
///
/// # Errors
/// When the stream cannot be read on, or the follower fails.
pub async fn run<A: KinesisApi, F: Follower>(
    backtest: &mut Backtest,
    source: &mut Source<A>,
    messages: &mut mpsc::Receiver<ShardMessage>,
    follower: &mut F,
) -> Result<(), BacktestError<F::Error>> {
    let mut show = tokio::time::interval(SHOW_EVERY);
    let mut frozen: BTreeMap<ShardId, oneshot::Sender<()>> = BTreeMap::new();
    loop {
        let settled = backtest.settle(&mut |want| carry_out(want, source, follower));
        settled.map_err(BacktestError::Follower)?;
        thaw(&mut frozen, backtest, source, follower);
        if backtest.is_complete() {
            return Ok(());
        }
        if backtest.is_stuck() {
            return Err(BacktestError::Ended);
        }
        tokio::select! {
            // No chance of its own: a simulation's seed is a run.
            biased;
            error = source.failed() => return Err(BacktestError::Source(error)),
            _ = show.tick() => follower.progress(backtest),
            Some(message) = messages.recv() => {
                let parties = (&mut *backtest, &mut *source, &mut *follower);
                let lists = take(message, &mut frozen, parties).map_err(BacktestError::Follower)?;
                if lists {
                    let listed = source.list_from(backtest.read_from()).await.map_err(BacktestError::Source)?;
                    backtest.shards_listed(listed);
                }
            }
        }
    }
}

fn carry_out<A: KinesisApi, F: Follower>(want: Want, source: &mut Source<A>, to: &mut F) -> Result<(), F::Error> {
    match want {
        Want::Read(request) => source.start(request),
        Want::Print(event) => to.risk_event(&event)?,
        Want::Rejected(letter) => to.rejected(&letter, &letter.rejected),
    }
    Ok(())
}

/// Says whether the shards are to be listed anew.
fn take<A: KinesisApi, F: Follower>(
    message: ShardMessage,
    frozen: &mut BTreeMap<ShardId, oneshot::Sender<()>>,
    (backtest, source, follower): (&mut Backtest, &mut Source<A>, &mut F),
) -> Result<bool, F::Error> {
    match message {
        ShardMessage::Records { shard, records, resume, permit, .. } => {
            backtest.take(&shard, &records, &mut |want| carry_out(want, source, follower))?;
            drop(permit);
            frozen.insert(shard, resume);
        }
        ShardMessage::AtTip { shard, read_through } => {
            backtest.at_tip(shard.clone(), read_through);
            if backtest.is_done_with(&shard) {
                source.stop(&shard);
                follower.shard_done(&shard, backtest);
            }
        }
        ShardMessage::Drained { shard, children } => {
            let named: Vec<ShardId> = children.iter().map(|child| child.shard.clone()).collect();
            backtest.drained(shard.clone(), children);
            follower.shard_done(&shard, backtest);
            // A child may name a parent that the first listing did not show: only a listing tells that it is gone.
            return Ok(backtest.any_waits(&named));
        }
        ShardMessage::Stalled { shard, stalled } => follower.stalled(&shard, stalled),
        ShardMessage::PossibleLoss { shard, range, detail, .. } => follower.lost(&shard, range, &detail),
        // A listing shows shards from before the range, too.
        ShardMessage::Listed(_) => {}
    }
    Ok(false)
}

/// Stops the consumers of shards that are done with, and lets those read on that may.
fn thaw<A: KinesisApi, F: Follower>(
    frozen: &mut BTreeMap<ShardId, oneshot::Sender<()>>,
    backtest: &Backtest,
    source: &Source<A>,
    follower: &mut F,
) {
    let (done, waiting): (BTreeMap<_, _>, BTreeMap<_, _>) =
        std::mem::take(frozen).into_iter().partition(|(shard, _)| backtest.is_done_with(shard));
    for shard in done.into_keys() {
        source.stop(&shard);
        follower.shard_done(&shard, backtest);
    }
    for (shard, resume) in waiting {
        if backtest.may_read_on(&shard) {
            // A consumer that is gone needs no leave.
            let _ = resume.send(());
        } else {
            frozen.insert(shard, resume);
        }
    }
}
