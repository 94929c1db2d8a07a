//! The end of a shard: whether to believe it, its children, and a shard that the stream no longer holds.

use std::time::Duration;

use super::{Consumer, Halt, Step};
use crate::engine::{ShardId, ShardRef};
use crate::source::ShardMessage;
use crate::source::api::{ApiError, ErrorKind, KinesisApi, ListedShard, ReadAnswer};

/// Pause between listings that look for the children of a drained shard.
const LIST_PAUSE: Duration = Duration::from_secs(1);

impl<A: KinesisApi> Consumer<A> {
    /// What an answer is worth. One without a next iterator and without children may be no answer of Kinesis at all (an
    /// empty body reads like it), so it is the end only of a shard that the listing does not show open.
    pub(super) async fn believed(&mut self, answer: ReadAnswer) -> Result<Result<ReadAnswer, ApiError>, Halt> {
        if answer.next.is_none() && answer.children.is_empty() && self.is_open().await? {
            return Ok(Err(unreadable(&self.shard, "there is no next iterator, but the shard is open")));
        }
        Ok(Ok(answer))
    }

    async fn is_open(&mut self) -> Result<bool, Halt> {
        loop {
            match self.list().await? {
                Ok(listing) => return Ok(listing.iter().any(|it| it.open && it.shard.shard == self.shard)),
                Err(error) => self.hold(&error).await?,
            }
        }
    }

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
        let range = self.trim.range(self.shared.api.server_time());
        self.lost(range, format!("the stream no longer holds the shard ({error})")).await?;
        self.drained(Vec::new()).await?;
        Ok(Step::Drained)
    }
}

fn unreadable(shard: &ShardId, message: &str) -> ApiError {
    let (kind, code, message) = (ErrorKind::Retry, "unreadable answer".to_owned(), message.to_owned());
    ApiError { kind, operation: "GetRecords", shard: Some(shard.clone()), code, message, request_id: None }
}

/// The shards of `listing` that have `parent` as a parent.
fn children_of(parent: &ShardId, listing: Vec<ListedShard>) -> Vec<ShardRef> {
    listing.into_iter().map(|listed| listed.shard).filter(|shard| shard.parents.contains(parent)).collect()
}
