//! Taking the lease of a scope, and waiting for it while another process holds it.
//!
//! Nothing in the table is a time. A lease is over when an observer has seen its counter stand still for as long as the
//! lease lasts, on the observer's own monotonic clock: so no two clocks are ever compared.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::items::{Scope, row_key};
use super::port::{Guard, Item, Table, TableError, Written, tag_of};
use crate::checkpoint::StoreError;
use crate::telemetry::Alarm;

/// How often the lease of another is looked at: so many times in its duration.
const LOOKS: u32 = 10;
const LOOK_AT_MOST: Duration = Duration::from_secs(5);
const LOOK_AT_LEAST: Duration = Duration::from_millis(100);

/// Who wants the lease, and how.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The scope: the key of its item, and what the keys of its parts begin with. Holds no colon.
    pub scope: String,
    /// Unlike that of every other process, also of a later one on the same host.
    pub owner: String,
    /// How long others must see the counter stand still, and how long the holder acts without having renewed.
    pub duration: Duration,
}

/// A lease that is held.
#[derive(Debug)]
pub(super) struct Taken {
    pub scope: Scope,
    /// When the write that took it was sent: it is held for its duration from then on.
    pub since: Instant,
    /// Whether its holder had not released it.
    pub from_another: bool,
}

/// What an observer has seen of the holder.
struct Seen {
    counter: u64,
    since: Instant,
}

/// Takes the lease as soon as it is free, or its holder has stood still. `waiting` is told why it is waited, each time
/// that is looked, and `None` at the end.
///
/// # Errors
/// When the table cannot be used and will not be soon, holds something else under the key, or `stop` is cancelled.
pub(super) async fn acquire<T: Table>(
    table: &Arc<T>,
    claim: &Claim,
    waiting: &(dyn Fn(Option<String>) + Send + Sync),
    stop: &CancellationToken,
) -> Result<Taken, StoreError> {
    let (mut seen, mut retry, unreachable) = (None, LOOK_AT_LEAST, Alarm::default());
    loop {
        let pause = match look(table, claim, &mut seen).await {
            Ok(Look::Taken(taken)) => {
                waiting(None);
                return Ok(taken);
            }
            Ok(Look::Held { by, still, needed }) => {
                retry = LOOK_AT_LEAST;
                let reason = format!(
                    "the lease of {} is held by {by}, whose counter has stood still for {} s; it is taken over after {} s",
                    claim.scope,
                    still.as_secs(),
                    needed.as_secs_f64(),
                );
                waiting(Some(reason));
                (needed / LOOKS).min(LOOK_AT_MOST).min(needed.saturating_sub(still)).max(LOOK_AT_LEAST)
            }
            // What was seen before stays seen: a counter that stands where it stood has not moved meanwhile.
            Err(StoreError::Table { source, .. }) if source.is_passing() => {
                waiting(Some(format!("the lease table {} cannot be used: {source}", table.name())));
                if let Some(repeats) = unreachable.raise() {
                    let request_id = source.request_id.as_deref();
                    tracing::error!(error = %source, request_id, repeats, "the lease table cannot be used; trying again");
                }
                let pause = retry;
                retry = (retry * 2).min(LOOK_AT_MOST);
                pause
            }
            Err(error) => return Err(error),
        };
        tokio::select! {
            () = stop.cancelled() => return Err(StoreError::Stopped { place: place(table, claim) }),
            () = tokio::time::sleep(pause) => {}
        }
    }
}

enum Look {
    Taken(Taken),
    Held { by: String, still: Duration, needed: Duration },
}

async fn look<T: Table>(table: &Arc<T>, claim: &Claim, seen: &mut Option<Seen>) -> Result<Look, StoreError> {
    let failed = |source: TableError| StoreError::Table { place: place(table, claim), source };
    let stands = table.get(&claim.scope).await.map_err(failed)?.map(|item| read(table, claim, &item)).transpose()?;
    let Some(stands) = stands else {
        let epoch = newest_epoch(table, claim).await.map_err(failed)? + 1;
        let first = Scope {
            key: claim.scope.clone(),
            owner: Some(claim.owner.clone()),
            counter: 1,
            lease: claim.duration,
            epoch,
            committed: None,
        };
        return take(table, claim, first, Guard::Absent, false).await;
    };
    let Some(owner) = &stands.owner else {
        return take(table, claim, mine(&stands, claim), Guard::Counter(stands.counter), false).await;
    };
    if *owner == claim.owner {
        // The answer to our own write was lost; since when it is held is only known to be before now, so it is renewed.
        let renewed = Scope { counter: stands.counter + 1, ..stands.clone() };
        return take(table, claim, renewed, Guard::Counter(stands.counter), true).await;
    }
    let seen = match seen {
        Some(seen) if seen.counter == stands.counter => seen,
        _ => seen.insert(Seen { counter: stands.counter, since: Instant::now() }),
    };
    let (still, needed) = (seen.since.elapsed(), claim.duration.max(stands.lease));
    if still < needed {
        return Ok(Look::Held { by: owner.clone(), still, needed });
    }
    take(table, claim, mine(&stands, claim), Guard::Counter(stands.counter), true).await
}

/// The next holder's scope item.
fn mine(stands: &Scope, claim: &Claim) -> Scope {
    Scope {
        owner: Some(claim.owner.clone()),
        counter: stands.counter + 1,
        lease: claim.duration,
        epoch: stands.epoch + 1,
        ..stands.clone()
    }
}

async fn take<T: Table>(
    table: &Arc<T>,
    claim: &Claim,
    scope: Scope,
    guard: Guard,
    from_another: bool,
) -> Result<Look, StoreError> {
    let since = Instant::now();
    let written = table.put(scope.item(), guard).await;
    match written.map_err(|source| StoreError::Table { place: place(table, claim), source })? {
        Written::Done => Ok(Look::Taken(Taken { scope, since, from_another })),
        // Somebody was faster; the next look sees who.
        Written::Refused(_) => {
            Ok(Look::Held { by: "another process".to_owned(), still: Duration::ZERO, needed: claim.duration })
        }
    }
}

/// Of parts without a scope item, which somebody has deleted: no tag may come again.
async fn newest_epoch<T: Table>(table: &Arc<T>, claim: &Claim) -> Result<u64, TableError> {
    let items = table.scan(&row_key(&claim.scope, "")).await?;
    Ok(items.iter().filter_map(|item: &Item| tag_of(item)).map(|tag| tag.epoch).max().unwrap_or(0))
}

fn read<T: Table>(table: &Arc<T>, claim: &Claim, item: &Item) -> Result<Scope, StoreError> {
    Scope::read(item).ok_or_else(|| StoreError::Unreadable {
        place: place(table, claim),
        detail: "an item with this leaseKey is there, but it is none of this daemon; choose another checkpoint.scope"
            .to_owned(),
    })
}

/// How people find the scope.
pub(super) fn place<T: Table>(table: &Arc<T>, claim: &Claim) -> String {
    format!("{} in the table {}", claim.scope, table.name())
}
