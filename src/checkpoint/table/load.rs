//! Reading what counts, for the next holder and for people; and giving it up.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::acquire::{Claim, acquire, place};
use super::items::{Committed, PLANS, ROW, Row, STARTS, Scope, Slot, entity, inflated, key, part, plans_key, row_key};
use super::port::{Guard, Item, Table, TableError, Tag, Written};
use super::save::digest;
use super::{Known, patiently};
use crate::checkpoint::StoreError;
use crate::engine::{CHECKPOINT_VERSION, Checkpoint, PlanCheckpoint, ShardCheckpoint, ShardId};

/// How often a reader that holds no lease begins anew, because the holder stores meanwhile.
const READS: usize = 10;
const REPAIR: &str = "restore the table from a backup, or give the position up with `trailrisk checkpoint reset`";

/// What counts by this commit, and the keys of what no checkpoint needs any more.
pub(super) async fn load<T: Table>(
    table: &T,
    scope: &str,
    committed: Option<&Committed>,
    place: &str,
) -> Result<(Known, Vec<String>), StoreError> {
    let prefix = row_key(scope, "");
    let items = patiently(|| table.scan(&prefix)).await;
    let items = items.map_err(|source| StoreError::Table { place: place.to_owned(), source })?;
    let unreadable = |detail: String| StoreError::Unreadable { place: place.to_owned(), detail };
    let Some(committed) = committed else {
        let strays = items.iter().filter(|item| entity(item) != STARTS).map(|item| key(item).to_owned());
        return Ok((Known::default(), strays.collect()));
    };
    check_version(committed.version).map_err(unreadable)?;
    let (mut rows, mut plans, mut strays) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
    for item in &items {
        match entity(item) {
            ROW => match row(item, scope, committed).map_err(unreadable)? {
                Some((shard, slot)) => drop(rows.insert(shard, slot)),
                None => strays.push(key(item).to_owned()),
            },
            PLANS => drop(plans.insert(key(item), item)),
            _ => {}
        }
    }
    if digest(committed, &rows) != committed.digest {
        let found = rows.len();
        let detail = format!(
            "its digest does not fit its {found} shards (of {}): items of it were deleted or edited; {REPAIR}",
            committed.shards
        );
        return Err(unreadable(detail));
    }
    let stored = stored_plans(scope, committed, &mut plans).map_err(unreadable)?;
    strays.extend(plans.into_keys().map(str::to_owned));
    let checkpoint = checkpoint(committed, &rows, stored).map_err(unreadable)?;
    Ok((Known { checkpoint: Some(checkpoint), rows, plans: Some(committed.plans) }, strays))
}

/// A shard's slot that counts; none where the shard is not, or not yet, part of the checkpoint.
fn row(item: &Item, scope: &str, committed: &Committed) -> Result<Option<(ShardId, Slot)>, String> {
    let damaged = || format!("the item {} is damaged; {REPAIR}", key(item));
    let shard = key(item).strip_prefix(&row_key(scope, "")).ok_or_else(damaged)?;
    let slot = Row::read(item).ok_or_else(damaged)?.counted(committed);
    Ok(slot.filter(|slot| slot.text.is_some()).map(|slot| (ShardId::new(shard), slot)))
}

/// Takes the parts that count out of `items`.
fn stored_plans(
    scope: &str,
    committed: &Committed,
    items: &mut BTreeMap<&str, &Item>,
) -> Result<Vec<PlanCheckpoint>, String> {
    let mut bytes = Vec::new();
    for index in 0..committed.plans.parts as usize {
        let key = plans_key(scope, committed.plans.tag, index);
        let found = items.remove(key.as_str()).and_then(part);
        bytes.extend(found.ok_or_else(|| format!("the item {key} is missing or damaged; {REPAIR}"))?);
    }
    let damaged = |error: &dyn std::fmt::Display| format!("its plans are damaged ({error}); {REPAIR}");
    let bytes = inflated(&bytes).map_err(|error| damaged(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| damaged(&error))
}

fn checkpoint(
    committed: &Committed,
    rows: &BTreeMap<ShardId, Slot>,
    plans: Vec<PlanCheckpoint>,
) -> Result<Checkpoint, String> {
    let read = |(shard, slot): (&ShardId, &Slot)| {
        let text = slot.text.as_deref().unwrap_or_default();
        let row: ShardCheckpoint = serde_json::from_str(text).map_err(|error| {
            format!("the item of {shard} is not that of version {CHECKPOINT_VERSION} ({error}); {REPAIR}")
        })?;
        Ok((shard.clone(), row))
    };
    Ok(Checkpoint {
        version: committed.version,
        stream: committed.stream.clone(),
        horizon: committed.horizon,
        started_at: committed.started_at,
        plans,
        shards: rows.iter().map(read).collect::<Result<_, String>>()?,
    })
}

fn check_version(version: u32) -> Result<(), String> {
    if version == CHECKPOINT_VERSION {
        return Ok(());
    }
    if version > CHECKPOINT_VERSION {
        return Err(format!(
            "it was written by a newer build (version {version}; this build reads {CHECKPOINT_VERSION}): \
             run that build again, or give the position up with `trailrisk checkpoint reset`"
        ));
    }
    Err(format!("its version {version} is unknown (this build reads {CHECKPOINT_VERSION}); {REPAIR}"))
}

/// Deletes items that nothing needs any more, unless somebody has written them since. What is left is found by the next
/// start, and counts for nothing.
pub(super) async fn remove<T: Table>(table: &Arc<T>, keys: Vec<String>, before: Tag) {
    for key in keys {
        if let Err(error) = table.delete(&key, Guard::Older(before)).await {
            tracing::debug!(%error, key, "an item that is no longer needed stays for now");
        }
    }
}

/// What is stored of a scope, and what isolation keeps there, without taking it: another process may be at work on it.
///
/// # Errors
/// When the table cannot be used, or holds what this build does not understand. Only a scope without a checkpoint is
/// none.
pub async fn inspect<T: Table>(table: T, scope: &str) -> Result<Option<(Checkpoint, Option<Vec<u8>>)>, StoreError> {
    let place = format!("{scope} in the table {}", table.name());
    let failed = |source: TableError| StoreError::Table { place: place.clone(), source };
    let mut tries = 0;
    loop {
        let Some(item) = patiently(|| table.get(scope)).await.map_err(failed)? else { return Ok(None) };
        let committed = Scope::read(&item).and_then(|scope| scope.committed);
        let Some(committed) = committed else { return Ok(None) };
        tries += 1;
        match load(&table, scope, Some(&committed), &place).await {
            Ok((known, _)) => {
                let starts = super::notes::read(&table, scope, &place).await?;
                return Ok(known.checkpoint.map(|checkpoint| (checkpoint, starts)));
            }
            // The holder has stored twice while it was read; or it is damaged.
            Err(StoreError::Unreadable { .. }) if tries < READS => {}
            Err(error) => return Err(error),
        }
    }
}

/// Removes what is stored of a scope, readable or not; says whether there was something. The lease is taken for it, and
/// waited for as a daemon would.
///
/// # Errors
/// [`StoreError::InUse`] when `stop` is cancelled before the lease is free; when the table cannot be used.
pub async fn reset<T: Table>(table: T, claim: &Claim, stop: &CancellationToken) -> Result<bool, StoreError> {
    let table = Arc::new(table);
    let place = place(&table, claim);
    let failed = |source: TableError| StoreError::Table { place: place.clone(), source };
    let in_use = |error| match error {
        StoreError::Stopped { place } => StoreError::InUse { place },
        other => other,
    };
    let taken = acquire(&table, claim, &|_| {}, stop).await.map_err(in_use)?;
    let existed = taken.scope.committed.is_some();
    // First nothing counts any more, and the lease is free; then what is left over goes. The item itself stays: its epoch
    // must not come again.
    let counter = taken.scope.counter;
    let scope = Scope { owner: None, counter: counter + 1, committed: None, ..taken.scope };
    let epoch = scope.epoch;
    match patiently(|| table.put(scope.item(), Guard::Counter(counter))).await.map_err(failed)? {
        Written::Done => {}
        Written::Refused(stands) if stands.as_ref().and_then(Scope::read).as_ref() == Some(&scope) => {}
        Written::Refused(_) => return Err(StoreError::InUse { place }),
    }
    let prefix = row_key(&claim.scope, "");
    let items = patiently(|| table.scan(&prefix)).await.map_err(failed)?;
    let keys: Vec<String> = items.iter().map(|item| key(item).to_owned()).collect();
    remove(&table, keys, Tag { epoch, generation: 1 }).await;
    Ok(existed)
}
