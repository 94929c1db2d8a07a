//! Mistakes that the daemon could make, put in from outside of the engine: into what it is told, what it says, and what
//! is stored. The suite must notice every one of them, or it proves nothing.

use trailrisk::cloudtrail::EventKey;
use trailrisk::engine::{Checkpoint, EvaluatedRecord, PlanCheckpoint, PlanSpan, ShardCheckpoint};
use trailrisk::time::Arrival;

/// An event that arrives so long after its time is late in most of the detections.
const LATE: i64 = 25_000;

/// A mistake, switched on for a whole run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// RD-3: an empty read with `MillisBehindLatest > 0` is taken for the tip.
    TipWhileBehind,
    /// RD-3: a shard that is paused is taken for idle.
    TipWhilePaused,
    /// Semantics 1: T is when the answer came, not when the request was sent.
    TipAtAnswer,
    /// RD-1: the children are made known only after their parent has left the watermark.
    ChildrenLate,
    /// RD-1: a child does not name its parents, and is read beside them.
    ChildrenWithoutParents,
    /// RD-2: reading begins while a part of the start frontier is not registered.
    FrontierInPieces,
    /// CP-7: a delivery is acknowledged when it is sent.
    AcknowledgedOnEmission,
    /// CP-7: a dead letter is acknowledged when it is sent.
    DeadLetterAcknowledgedOnEmission,
    /// CP-2: the checkpoint is the last position processed.
    ResumeAtProcessed,
    /// CP-1: the horizon is not stored.
    NoHorizon,
    /// CP-3: the horizon is the watermark, acknowledged or not.
    HorizonIsWatermark,
    /// CP-4: `P` is not stored.
    NoProcessed,
    /// Semantics 1: the effective arrival at `C` is not stored.
    NoEffectiveArrival,
    /// CP-4: the effective arrival at `P` is taken for that at `C`, so that the firing watermark starts high.
    WatermarkStartsHigh,
    /// CP-5: what is at or before `P` is announced again.
    AnnouncedInReplay,
    /// CP-5: records beyond `P` do not wait for the shards that have not reached theirs.
    ReplayNotWaitedFor,
    /// WN-2: what arrives at `close_at` is on time.
    OnTimeAtTheClose,
    /// WN-2: the arrival is when the record was read.
    ArrivalWhenRead,
    /// WN-3: what comes late is dropped.
    LateDropped,
    /// AG-2: copies count.
    CopiesCount,
    /// AG-1: copies are recognised within a shard only, so that merging the shards counts them.
    CopiesOfShardsCount,
    /// AG-2: of copies in conflict the one counts that was read first.
    FirstCopyCounts,
    /// EM-3: the process is part of the ids.
    IdsOfTheProcess,
    /// CP-3: a checkpoint counts as durable when it is given to the store.
    StoredBeforeDurable,
    /// WN-7: plans that change between two processes are cut where the stored one ends, not where the gone one may have
    /// read to.
    CutWhereStored,
    /// WN-7: records are evaluated against the plans from before the change.
    StaleEvaluator,
    /// WN-7: plans that drain are not stored.
    DrainingForgotten,
    /// WN-7: a change cuts the detections that it leaves as they were, too.
    UnchangedCut,
    /// WN-7: what was cut does not say so.
    NoPartialMark,
}

impl Bug {
    /// Every mistake.
    pub const ALL: [Self; 23] = [
        Self::TipWhileBehind,
        Self::TipWhilePaused,
        Self::TipAtAnswer,
        Self::ChildrenLate,
        Self::ChildrenWithoutParents,
        Self::FrontierInPieces,
        Self::AcknowledgedOnEmission,
        Self::DeadLetterAcknowledgedOnEmission,
        Self::ResumeAtProcessed,
        Self::NoHorizon,
        Self::HorizonIsWatermark,
        Self::NoProcessed,
        Self::NoEffectiveArrival,
        Self::WatermarkStartsHigh,
        Self::AnnouncedInReplay,
        Self::ReplayNotWaitedFor,
        Self::OnTimeAtTheClose,
        Self::ArrivalWhenRead,
        Self::LateDropped,
        Self::CopiesCount,
        Self::CopiesOfShardsCount,
        Self::FirstCopyCounts,
        Self::IdsOfTheProcess,
    ];

    /// Those that can only be noticed where plans change.
    pub const OF_CHANGES: [Self; 6] = [
        Self::StoredBeforeDurable,
        Self::CutWhereStored,
        Self::StaleEvaluator,
        Self::DrainingForgotten,
        Self::UnchangedCut,
        Self::NoPartialMark,
    ];

    /// What the mistake makes of records that were read, at `now`, behind `before` others of their shard.
    pub fn spoil_records(self, records: &mut [EvaluatedRecord], shard: usize, before: usize, now: i64) {
        for (record, number) in records.iter_mut().zip(before..) {
            match self {
                Self::OnTimeAtTheClose => record.arrival.0 -= 1,
                Self::ArrivalWhenRead => record.arrival = Arrival(now),
                Self::LateDropped => {
                    let arrival = record.arrival;
                    record.events.retain(|event| event.time.0 + LATE >= arrival.0);
                }
                _ => {}
            }
            for event in &mut record.events {
                match self {
                    Self::CopiesCount => event.key = EventKey(event.key.0 ^ (shard << 32 | number) as u128),
                    Self::CopiesOfShardsCount => event.key = EventKey(event.key.0 ^ shard as u128),
                    Self::FirstCopyCounts => event.content_hash = now.unsigned_abs(),
                    _ => {}
                }
            }
        }
    }

    /// What the mistake makes of a checkpoint on its way to the store.
    pub fn spoil(self, checkpoint: &mut Checkpoint, watermark: Arrival) {
        match self {
            Self::NoHorizon => checkpoint.horizon = Arrival::MIN,
            Self::HorizonIsWatermark => checkpoint.horizon = watermark,
            Self::DrainingForgotten => checkpoint.plans.retain(|plan| plan.spans.iter().any(is_open)),
            Self::UnchangedCut => cut_all(&mut checkpoint.plans),
            _ => {}
        }
        for shard in checkpoint.shards.values_mut() {
            match self {
                Self::ResumeAtProcessed => {
                    shard.resume_after = shard.processed.clone();
                    shard.effective_arrival = shard.processed_arrival;
                }
                Self::NoProcessed => announce_again(shard),
                Self::NoEffectiveArrival => shard.effective_arrival = Arrival::MIN,
                Self::WatermarkStartsHigh => shard.effective_arrival = shard.processed_arrival,
                _ => {}
            }
        }
    }
}

/// Puts `P` to `C`: nothing of what is read again counts as announced.
pub fn announce_again(shard: &mut ShardCheckpoint) {
    shard.processed = shard.resume_after.clone();
    shard.processed_arrival = shard.effective_arrival;
}

fn is_open(span: &PlanSpan) -> bool {
    span.retired.is_none()
}

/// Gives every active plan the latest of all activations.
fn cut_all(plans: &mut [PlanCheckpoint]) {
    let latest = plans.iter().flat_map(|plan| &plan.spans).filter_map(|span| span.activated).max();
    for span in plans.iter_mut().flat_map(|plan| &mut plan.spans).filter(|span| is_open(span)) {
        span.activated = span.activated.max(latest);
    }
}
