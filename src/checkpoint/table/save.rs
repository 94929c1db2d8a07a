//! Storing a checkpoint: plans, shards, commit, then what is left over goes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::items::{Committed, PART_BYTES, Plans, Row, Slot, compressed, plans_item, plans_key, row_key};
use super::port::{Guard, Table, Tag, Written, tag_of};
use super::{Attempt, Known, PATIENCE, TableStore, patiently};
use crate::checkpoint::{StoreError, progress};
use crate::engine::{Checkpoint, PlanCheckpoint, ShardId};

/// Requests at a time: what a thousand shards need is then a matter of a second.
const AT_ONCE: usize = 32;

impl<T: Table> TableStore<T> {
    pub(super) async fn store(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        self.settle().await?;
        let before = self.known.checkpoint.as_ref();
        if let Some(detail) = before.and_then(|stored| progress::step_back(stored, checkpoint)) {
            return Err(StoreError::Newer { place: self.place.clone(), detail });
        }
        self.generation += 1;
        let tag = Tag { epoch: self.epoch, generation: self.generation };
        let (then, writes) = self.prepare(checkpoint, tag);
        // Until the commit is known to have come to something, this holds what the items may hold.
        let mut touched: BTreeSet<ShardId> = self.attempt.take().map(|attempt| attempt.touched).unwrap_or_default();
        touched.extend(writes.keys().cloned());
        let are_plans_new = then.plans.is_none();
        self.attempt = Some(Attempt { tag, then, touched });
        if are_plans_new {
            self.write_plans(&checkpoint.plans, tag).await?;
        }
        self.write_rows(writes).await?;
        self.commit(checkpoint).await
    }

    /// Finds out what became of the last attempt.
    async fn settle(&mut self) -> Result<(), StoreError> {
        let committed = self.lease.settle().await?;
        let landed = self.attempt.as_ref().is_some_and(|it| committed.is_some_and(|committed| committed.tag == it.tag));
        if landed && let Some(attempt) = self.attempt.take() {
            self.adopt(attempt).await;
        }
        Ok(())
    }

    /// What will count, and the rows that have to be written for it.
    fn prepare(&self, checkpoint: &Checkpoint, tag: Tag) -> (Known, BTreeMap<ShardId, Row>) {
        let touched = self.attempt.as_ref().map(|attempt| &attempt.touched);
        let is_spoilt = |shard: &ShardId| touched.is_some_and(|touched| touched.contains(shard));
        let (mut rows, mut writes) = (BTreeMap::new(), BTreeMap::new());
        for (shard, row) in &checkpoint.shards {
            let text = serde_json::to_string(row).expect("a row holds texts, numbers and text keys");
            let counts = self.known.rows.get(shard);
            // With its first checkpoint a holder writes everything: see the module.
            let stays = counts.filter(|slot| slot.tag.epoch == self.epoch && slot.text.as_deref() == Some(&*text));
            let slot = stays.cloned().unwrap_or(Slot { tag, text: Some(text) });
            if stays.is_none() || is_spoilt(shard) {
                let next = Slot { tag, ..slot.clone() };
                writes.insert(shard.clone(), Row { next: next.clone(), counts: counts.cloned() });
                rows.insert(shard.clone(), next);
            } else {
                rows.insert(shard.clone(), slot);
            }
        }
        let known = self.known.rows.keys().chain(touched.into_iter().flatten());
        for gone in known.filter(|shard| !checkpoint.shards.contains_key(*shard)) {
            let next = Slot { tag, text: None };
            writes.insert(gone.clone(), Row { next, counts: self.known.rows.get(gone).cloned() });
        }
        // Also those that an attempt has written which came to nothing.
        let written = [Some(&self.known), self.attempt.as_ref().map(|attempt| &attempt.then)].into_iter().flatten();
        let plans = written.filter(|it| it.checkpoint.as_ref().is_some_and(|it| it.plans == checkpoint.plans));
        let plans = plans.filter_map(|it| it.plans).next();
        (Known { checkpoint: Some(checkpoint.clone()), rows, plans }, writes)
    }

    async fn write_plans(&mut self, plans: &[PlanCheckpoint], tag: Tag) -> Result<(), StoreError> {
        let bytes = compressed(&serde_json::to_vec(plans).expect("plans hold texts and numbers"));
        let parts: Vec<_> = bytes.chunks(PART_BYTES).map(<[u8]>::to_vec).collect();
        let count = u32::try_from(parts.len()).expect("plans are smaller than a petabyte");
        let items = parts.iter().enumerate().map(|(index, bytes)| plans_item(&self.claim.scope, tag, index, bytes));
        self.put_all(items.collect(), tag).await?;
        if let Some(attempt) = &mut self.attempt {
            attempt.then.plans = Some(Plans { tag, parts: count });
        }
        Ok(())
    }

    async fn write_rows(&mut self, writes: BTreeMap<ShardId, Row>) -> Result<(), StoreError> {
        let tag = Tag { epoch: self.epoch, generation: self.generation };
        let item = |(shard, row): (ShardId, Row)| row.item(row_key(&self.claim.scope, shard.as_str()));
        self.put_all(writes.into_iter().map(item).collect(), tag).await
    }

    /// Writes items of this tag, in any order: none of them counts yet.
    async fn put_all(&self, items: Vec<super::Item>, tag: Tag) -> Result<(), StoreError> {
        let (mut waiting, mut running, mut failed) = (items.into_iter(), JoinSet::new(), None);
        loop {
            while failed.is_none()
                && running.len() < AT_ONCE
                && let Some(item) = waiting.next()
            {
                let table = Arc::clone(&self.table);
                running.spawn(async move { patiently(|| table.put(item.clone(), Guard::Older(tag))).await });
            }
            // What has begun is seen to its end, so that nothing of this attempt runs beside the next one.
            let Some(ended) = running.join_next().await else { break };
            let written = ended.expect("a request does not panic");
            if let Err(error) = self.judge(written, tag).await {
                failed.get_or_insert(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn judge(&self, written: Result<Written, super::TableError>, tag: Tag) -> Result<(), StoreError> {
        match written {
            Ok(Written::Done) => Ok(()),
            Ok(Written::Refused(stands)) => {
                let stands = stands.as_ref().and_then(tag_of);
                // Our own write, whose answer was lost.
                if stands == Some(tag) {
                    return Ok(());
                }
                let detail = match stands {
                    Some(other) => format!("a later process (epoch {}) has written a part of it", other.epoch),
                    None => "a part of it is no item of this daemon".to_owned(),
                };
                self.lease.lose(detail.clone()).await;
                Err(StoreError::Lost { place: self.place.clone(), detail })
            }
            Err(source) => Err(StoreError::Table { place: self.place.clone(), source }),
        }
    }

    /// The write that makes it count, tried again while nobody knows what became of it.
    async fn commit(&mut self, checkpoint: &Checkpoint) -> Result<(), StoreError> {
        let Some(attempt) = &self.attempt else { return Ok(()) };
        let committed = attempt.committed(checkpoint);
        let begun = Instant::now();
        loop {
            match self.lease.commit(committed.clone()).await {
                Ok(()) => break,
                Err(StoreError::Table { source, .. }) if source.is_passing() && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => return Err(error),
            }
        }
        if let Some(attempt) = self.attempt.take() {
            self.adopt(attempt).await;
        }
        Ok(())
    }

    /// An attempt counts: what is of no use any more may go.
    async fn adopt(&mut self, attempt: Attempt) {
        let before = std::mem::replace(&mut self.known, attempt.then);
        let epoch_begins = Tag { epoch: self.epoch, generation: 0 };
        super::load::remove(&self.table, std::mem::take(&mut self.strays), epoch_begins).await;
        // No key of plans comes again, so that one which is written late is only another stray.
        if let Some(plans) = before.plans.filter(|plans| self.known.plans != Some(*plans)) {
            let keys = (0..plans.parts as usize).map(|part| plans_key(&self.claim.scope, plans.tag, part));
            super::load::remove(&self.table, keys.collect(), attempt.tag).await;
        }
    }
}

impl Attempt {
    fn committed(&self, checkpoint: &Checkpoint) -> Committed {
        let mut committed = Committed {
            tag: self.tag,
            version: checkpoint.version,
            stream: checkpoint.stream.clone(),
            horizon: checkpoint.horizon,
            started_at: checkpoint.started_at,
            plans: self.then.plans.expect("the plans are written before the commit"),
            shards: self.then.rows.len() as u64,
            digest: String::new(),
        };
        committed.digest = digest(&committed, &self.then.rows);
        committed
    }
}

/// SHA-256 over all that counts, as it stands in the table; of the plans their keys, since these are never rewritten.
pub(super) fn digest(committed: &Committed, rows: &BTreeMap<ShardId, Slot>) -> String {
    let Committed { tag: _, version, stream, horizon, started_at, plans, shards: _, digest: _ } = committed;
    let mut hash = Sha256::new();
    let mut line = format!("{version}\n{}\n{}\n{}\n{}\n", stream.name, stream.created_at, horizon.0, started_at.0);
    // Writing to a String does not fail.
    let _ = writeln!(line, "{}.{}.{}", plans.tag.epoch, plans.tag.generation, plans.parts);
    hash.update(&line);
    for (shard, slot) in rows {
        for text in [shard.as_str(), "\n", slot.text.as_deref().unwrap_or_default(), "\n"] {
            hash.update(text);
        }
    }
    hash.finalize().iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}
