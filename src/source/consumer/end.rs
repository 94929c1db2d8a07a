//! The end of a shard: its children, and a shard that the stream no longer holds.

use std::time::Duration;

use super::{Consumer, Halt, Step};
use crate::engine::{ShardId, ShardRef};
use crate::source::ShardMessage;
use crate::source::api::{ApiError, KinesisApi, ListedShard};

/// Pause between listings that look for the children of a drained shard.
const LIST_PAUSE: Duration = Duration::from_secs(1);

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

    /// The shard outlived the stream's retention: whatever was not read of it is lost, and said so (CP-8).
    pub(super) async fn gone(&mut self, error: &ApiError) -> Result<Step, Halt> {
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
