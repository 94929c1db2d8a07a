//! Mistakes that the shell could make, put in from outside: into the ports that it works with, and between its parts.
//! The suite must notice every one of them, or it proves nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, mpsc};
use trailrisk::engine::ShardId;
use trailrisk::source::{IteratorStart, ShardMessage};
use trailrisk::time::Arrival;

use crate::log::TIP_SLACK;
use crate::world::World;

/// A mistake, switched on for a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// CP-1: a checkpoint counts as stored before it is durable.
    StoredBeforeDurable,
    /// CP-3: a save that failed counts as stored.
    FailedSaveCounts,
    /// CP-3: a start takes the checkpoint before the last one.
    OlderCheckpoint,
    /// CP-3: whoever has lost the lease of a table writes into it all the same.
    GuardIgnored,
    /// RD-1: behind an expired iterator one record is passed over.
    SkipsAfterExpiry,
    /// RD-1: after a failed call reading goes on at the tip.
    LatestAfterError,
    /// RD-1: an answer without records is taken for the shard's end.
    EmptyIsEnd,
    /// RD-3: an answer without records is taken for the tip.
    BehindIsTip,
    /// RD-3: T is when the answer came, not when the request was sent.
    TipAtAnswer,
    /// Semantics 1: the clock runs ahead of Kinesis's.
    ServerTimeAhead,
    /// RD-1: the children are not known when their parent leaves.
    ListingLags,
    /// RD-1: evidence of the tip overtakes the records before it.
    TipOvertakesRecords,
    /// BD-1: the permits of what was read are not given back.
    PermitsLeak,
    /// CP-7: a delivery is acknowledged when it is sent.
    AcknowledgedAtPush,
    /// CP-7: a delivery that failed is not tried again.
    RetryDropped,
    /// EM-1: the early stage is held back until after its final one.
    FinalFirst,
    /// ST-1: what is still on its way when the stop comes counts as acknowledged.
    AcknowledgedAtStop,
    /// PO-1: a dead letter is acknowledged before it is durable.
    LetterBeforeDurable,
    /// PO-1: dead letters that could not be written are forgotten.
    LetterForgotten,
}

impl Bug {
    pub const ALL: [Self; 19] = [
        Self::StoredBeforeDurable,
        Self::FailedSaveCounts,
        Self::OlderCheckpoint,
        Self::GuardIgnored,
        Self::SkipsAfterExpiry,
        Self::LatestAfterError,
        Self::EmptyIsEnd,
        Self::BehindIsTip,
        Self::TipAtAnswer,
        Self::ServerTimeAhead,
        Self::ListingLags,
        Self::TipOvertakesRecords,
        Self::PermitsLeak,
        Self::AcknowledgedAtPush,
        Self::RetryDropped,
        Self::FinalFirst,
        Self::AcknowledgedAtStop,
        Self::LetterBeforeDurable,
        Self::LetterForgotten,
    ];
}

/// What a mistaken reader makes of Kinesis's answers.
pub struct ReaderBug {
    bug: Option<Bug>,
    /// Shards of which a call has failed since the last answer.
    failed: Mutex<BTreeMap<ShardId, ()>>,
}

impl ReaderBug {
    pub fn new(bug: Option<Bug>) -> Self {
        Self { bug, failed: Mutex::default() }
    }

    pub fn failed(&self, shard: Option<&ShardId>) {
        if let Some(shard) = shard {
            self.failed.lock().expect("no holder panics").insert(shard.clone(), ());
        }
    }

    fn has_failed(&self, shard: &ShardId) -> bool {
        self.failed.lock().expect("no holder panics").remove(shard).is_some()
    }

    /// The first record of a new iterator, of so many in all.
    pub fn first(&self, shard: &ShardId, at: usize, start: &IteratorStart, all: usize) -> usize {
        let behind_a_record = matches!(start, IteratorStart::After(_));
        let skips = self.bug == Some(Bug::SkipsAfterExpiry) && behind_a_record && self.has_failed(shard);
        if skips { (at + 1).min(all) } else { at }
    }

    /// The next record, where so many are readable.
    pub fn next(&self, shard: &ShardId, next: usize, readable: usize) -> usize {
        if self.bug == Some(Bug::LatestAfterError) && self.has_failed(shard) { next.max(readable) } else { next }
    }

    pub fn is_end(&self, behind: i64) -> bool {
        self.bug == Some(Bug::EmptyIsEnd) && behind > 0
    }

    pub fn behind(&self, behind: i64) -> i64 {
        if self.bug == Some(Bug::BehindIsTip) { 0 } else { behind }
    }
}

/// Stands between the consumers and the pipeline where a mistake is to be made there.
pub fn between(world: &Arc<World>, messages: mpsc::Receiver<ShardMessage>) -> mpsc::Receiver<ShardMessage> {
    match world.bug {
        Some(Bug::TipAtAnswer) => relay(messages, Dating(Arc::clone(world))),
        Some(Bug::TipOvertakesRecords) => relay(messages, Overtaking { kept: BTreeMap::new(), free: free() }),
        Some(Bug::PermitsLeak) => relay(messages, Leaking(free())),
        _ => messages,
    }
}

/// Permits of no budget.
fn free() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(Semaphore::MAX_PERMITS))
}

/// What to pass on when a message comes.
trait Relay: Send + 'static {
    fn pass(&mut self, message: ShardMessage) -> Vec<ShardMessage>;
}

fn relay(mut messages: mpsc::Receiver<ShardMessage>, mut mistake: impl Relay) -> mpsc::Receiver<ShardMessage> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            for message in mistake.pass(message) {
                if sender.send(message).await.is_err() {
                    return;
                }
            }
        }
    });
    receiver
}

/// Evidence of the tip is dated when it comes.
struct Dating(Arc<World>);

impl Relay for Dating {
    fn pass(&mut self, mut message: ShardMessage) -> Vec<ShardMessage> {
        if let ShardMessage::AtTip { read_through, .. } = &mut message {
            *read_through = Arrival(self.0.now() - TIP_SLACK);
        }
        vec![message]
    }
}

/// The permit that goes on is of no budget; the real one never comes back.
struct Leaking(Arc<Semaphore>);

impl Relay for Leaking {
    fn pass(&mut self, mut message: ShardMessage) -> Vec<ShardMessage> {
        if let ShardMessage::Records { permit, .. } = &mut message {
            let free = Arc::clone(&self.0).try_acquire_owned().expect("there are many");
            std::mem::replace(permit, free).forget();
        }
        vec![message]
    }
}

/// Keeps records back until their shard says something else, and gives their permits back.
struct Overtaking {
    kept: BTreeMap<ShardId, Vec<ShardMessage>>,
    free: Arc<Semaphore>,
}

impl Relay for Overtaking {
    fn pass(&mut self, message: ShardMessage) -> Vec<ShardMessage> {
        match message {
            ShardMessage::Records { shard, records, millis_behind_latest, resume, .. } => {
                let permit = Arc::clone(&self.free).try_acquire_owned().expect("there are many");
                // The consumer reads on at once.
                let (kept, _) = tokio::sync::oneshot::channel();
                let _ = resume.send(());
                let message =
                    ShardMessage::Records { shard: shard.clone(), records, millis_behind_latest, permit, resume: kept };
                self.kept.entry(shard).or_default().push(message);
                Vec::new()
            }
            ShardMessage::AtTip { ref shard, .. } | ShardMessage::Drained { ref shard, .. } => {
                let kept = self.kept.remove(shard).unwrap_or_default();
                let is_tip = matches!(message, ShardMessage::AtTip { .. });
                let (first, last) = if is_tip { (vec![message], kept) } else { (kept, vec![message]) };
                first.into_iter().chain(last).collect()
            }
            other => vec![other],
        }
    }
}
