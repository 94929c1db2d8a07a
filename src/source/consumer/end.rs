//! The end of a shard: its children, and a shard that the stream no longer holds.

use std::sync::Arc;
use std::time::Duration;

use super::{Consumer, Halt, Step};
use crate::engine::{Position, ShardId, ShardRef};
use crate::source::ShardMessage;
use crate::source::api::{ApiError, ErrorKind, KinesisApi, ListedShard};

/// Pause between listings that look for the children of a drained shard.
const LIST_PAUSE: Duration = Duration::from_secs(1);
/// For so long a shard that was never read may be unknown: it is named at its parent's end, and whoever is asked for it
/// may hear of it later.
const UNKNOWN_YET: Duration = Duration::from_secs(60);

impl<A: KinesisApi> Consumer<A> {
    /// The shard's end: its children are announced behind its records, so that they come in before it leaves (RD-1).
    pub(super) async fn drained(&mut self, mut children: Vec<ShardRef>) -> Result<(), Halt> {
        if children.is_empty() {
            children = self.find_children().await?;
        }
        self.recovered().await?;
        self.send(ShardMessage::Drained { shard: self.shard.clone(), children }).await
    }

    /// The children by the listing, for answers without `ChildShards`. A listing may lag behind the end of the shard,
    /// so none is believed only when two listings in a row agree.
    async fn find_children(&mut self) -> Result<Vec<ShardRef>, Halt> {
        let mut seen_none = false;
        loop {
            match self.list().await? {
                Ok(listing) => {
                    let children = children_of(&self.shard, listing);
                    if !children.is_empty() || seen_none {
                        return Ok(children);
                    }
                    seen_none = true;
                    self.watched(tokio::time::sleep(LIST_PAUSE)).await?;
                }
                Err(error) => self.hold(&error).await?,
            }
        }
    }

    /// Kinesis does not know what was asked for: the shard, or its stream. Only a shard that is gone is left.
    pub(super) async fn not_found(&mut self, mut error: ApiError) -> Result<Step, Halt> {
        if !self.is_unknown().await? {
            self.unknown_since = None;
        } else if self.is_believed_gone() {
            return self.gone(&error).await;
        } else {
            error.kind = ErrorKind::Retry;
        }
        self.note(&error);
        Ok(Step::Continue)
    }

    /// Whether the stream exists and does not know the shard (any more). If the stream itself is missing, or cannot be
    /// asked, the shard is held.
    async fn is_unknown(&mut self) -> Result<bool, Halt> {
        let shared = Arc::clone(&self.shared);
        let Ok(description) = self.watched(shared.api.describe()).await? else { return Ok(false) };
        shared.learn(&description).map_err(Halt::Failed)?;
        let listing = self.list().await?;
        let unknown = |listing: Vec<ListedShard>| listing.iter().all(|listed| listed.shard.shard != self.shard);
        Ok(description.readable && listing.is_ok_and(unknown))
    }

    /// RD-1: what was read was known, and is unknown for no other reason. The end of a shard never goes back (CP-3), so
    /// one that may be new is given its time.
    fn is_believed_gone(&mut self) -> bool {
        let now = self.now();
        let since = *self.unknown_since.get_or_insert(now);
        self.cursor.position != Position::Start || now.saturating_sub(since) >= UNKNOWN_YET
    }

    /// The shard outlived the stream's retention: whatever was not read of it is lost, and said so (CP-8).
    async fn gone(&mut self, error: &ApiError) -> Result<Step, Halt> {
        let range = self.trim.range(self.shared.horizon());
        self.lost(range, format!("the stream no longer holds the shard ({error})")).await?;
        self.drained(Vec::new()).await?;
        Ok(Step::Drained)
    }
}

/// The shards of `listing` that have `parent` as a parent.
fn children_of(parent: &ShardId, listing: Vec<ListedShard>) -> Vec<ShardRef> {
    listing.into_iter().map(|listed| listed.shard).filter(|shard| shard.parents.contains(parent)).collect()
}
