//! An answer of Kinesis on its way into the engine, in pieces: between two of them the engine enforces its bounds (BD-2)
//! and what it emits waits for room (CP-7). Taken at once, ten mebibytes of gzip could hold a thousand times the state
//! that is allowed.

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::engine::ShardId;
use crate::source::Record;

/// Records are taken together up to this size, so that many small ones cost little; a larger one is taken alone.
pub(super) const PIECE_BYTES: usize = 64 * 1024;

/// The records of one answer that the engine has not taken yet.
pub(super) struct Answer {
    pub(super) shard: ShardId,
    rest: std::vec::IntoIter<Record>,
    /// BD-1: returned when the last piece is taken.
    _permit: Option<OwnedSemaphorePermit>,
    resume: oneshot::Sender<()>,
}

impl Answer {
    pub(super) fn new(
        shard: ShardId,
        records: Vec<Record>,
        permit: OwnedSemaphorePermit,
        resume: oneshot::Sender<()>,
    ) -> Self {
        Self { shard, rest: records.into_iter(), _permit: Some(permit), resume }
    }

    /// The records that are left.
    pub(super) fn rest(&self) -> &[Record] {
        self.rest.as_slice()
    }

    /// How many records to take next: at least one, if there are any left; and as many as `goes_with` lets join the first.
    pub(super) fn piece(&self, goes_with: impl Fn(&Record, &Record) -> bool) -> usize {
        let Some((first, others)) = self.rest().split_first() else { return 0 };
        let mut bytes = first.data.len();
        let mut fits = |record: &Record| {
            bytes += record.data.len();
            bytes <= PIECE_BYTES
        };
        1 + others.iter().take_while(|record| fits(record) && goes_with(first, record)).count()
    }

    /// The next records.
    pub(super) fn take(&mut self, count: usize) -> Vec<Record> {
        self.rest.by_ref().take(count).collect()
    }

    /// Where it waits for others to be read: these need the room (the answer itself is one a shard at most).
    pub(super) fn without_permit(self) -> Self {
        Self { _permit: None, ..self }
    }

    /// Who waits for leave to read on, once every record is taken.
    pub(super) fn taken(self) -> Result<(ShardId, oneshot::Sender<()>), Self> {
        if self.rest.as_slice().is_empty() { Ok((self.shard, self.resume)) } else { Err(self) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Semaphore;

    use super::*;
    use crate::engine::{Position, SequenceNumber};
    use crate::time::Arrival;

    fn record(number: usize, bytes: usize) -> Record {
        let position = Position::After(SequenceNumber::try_new(&number.to_string()).unwrap(), 0);
        Record { position, arrival: Arrival(0), data: vec![0; bytes], refusal: None }
    }

    #[test]
    fn bd_2_small_records_go_together_and_large_ones_alone_in_their_order() {
        let permit = Arc::new(Semaphore::new(1)).try_acquire_owned().unwrap();
        let sizes = [PIECE_BYTES / 2, PIECE_BYTES / 2, 1, PIECE_BYTES + 1, 5 * PIECE_BYTES, 1, 1];
        let records = sizes.iter().enumerate().map(|(number, bytes)| record(number + 1, *bytes)).collect();
        let (resume, _consumer) = oneshot::channel();
        let mut answer = Answer::new(ShardId::new("shardId-0"), records, permit, resume);
        for expected in [&sizes[..2], &sizes[2..3], &sizes[3..4], &sizes[4..5], &sizes[5..]] {
            let Err(rest) = answer.taken() else { panic!("something is left") };
            answer = rest;
            let count = answer.piece(|_, _| true);
            let piece: Vec<usize> = answer.take(count).iter().map(|record| record.data.len()).collect();
            assert_eq!(piece, expected);
        }
        assert!(answer.taken().is_ok());
    }
}
