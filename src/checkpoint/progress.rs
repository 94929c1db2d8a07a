//! CP-3: `C`, `H`, `P` and "drained" never go back.

use crate::engine::{Checkpoint, ShardCheckpoint, ShardId};

/// What would go back if `next` replaced `stored`; none if nothing does.
///
/// A stream that was created anew (CP-8: a later creation time under the same name) begins anew. A shard may leave the
/// checkpoint once it is drained; before, leaving would forget its position.
pub(super) fn step_back(stored: &Checkpoint, next: &Checkpoint) -> Option<String> {
    if stored.stream.name != next.stream.name {
        return Some(format!("it belongs to the stream {:?}, not to {:?}", stored.stream.name, next.stream.name));
    }
    if next.stream.created_at != stored.stream.created_at {
        let is_older = next.stream.created_at < stored.stream.created_at;
        return is_older.then(|| "it belongs to a stream that was created later under the same name".to_owned());
    }
    if next.horizon < stored.horizon {
        return Some(format!("H would go back from {} to {}", stored.horizon, next.horizon));
    }
    stored.shards.iter().find_map(|(shard, before)| shard_step_back(shard, before, next.shards.get(shard)))
}

fn shard_step_back(shard: &ShardId, stored: &ShardCheckpoint, next: Option<&ShardCheckpoint>) -> Option<String> {
    let Some(next) = next else {
        return (!stored.drained).then(|| format!("shard {shard} would be forgotten before it is drained"));
    };
    if next.resume_after < stored.resume_after {
        return Some(format!("C of shard {shard} would go back from {} to {}", stored.resume_after, next.resume_after));
    }
    if next.processed < stored.processed {
        return Some(format!("P of shard {shard} would go back from {} to {}", stored.processed, next.processed));
    }
    (stored.drained && !next.drained).then(|| format!("shard {shard} would no longer be drained"))
}
