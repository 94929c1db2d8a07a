//! What the stream no longer holds of that which a checkpoint has still to read (CP-8).

use crate::engine::{Checkpoint, Position, ShardCheckpoint, ShardId, StartPosition};
use crate::time::Arrival;

/// The shards of which records may be lost, with the arrival from which on. `horizon` is the trim horizon.
pub(super) fn trimmed(
    checkpoint: &Checkpoint,
    horizon: Arrival,
    retention_hours: u32,
) -> impl Iterator<Item = (&ShardId, Arrival)> {
    let begun = checkpoint.started_at.plus(i64::from(retention_hours) * 3_600_000);
    let unread = checkpoint.shards.iter().filter(|(_, row)| row.resume_after != Position::End);
    unread
        .filter_map(move |(shard, row)| Some((shard, read(row).or_else(|| owed(checkpoint, row, begun))?)))
        .filter(move |(_, from)| *from < horizon)
}

/// Up to which arrival a shard need not be read; none if it is to be read from its start.
fn read(row: &ShardCheckpoint) -> Option<Arrival> {
    let read = row.effective_arrival.max(row.read_through.unwrap_or(Arrival::MIN));
    (read > Arrival::MIN).then_some(read)
}

/// From which arrival on a shard is owed that was never read. What it holds arrived behind the end of its
/// parents; if one of these is to be read from its start as well, the parent's row speaks for both.
///
/// One that was read and is to be read again from its start holds nothing before the windows that are open.
fn owed(checkpoint: &Checkpoint, row: &ShardCheckpoint, begun: Arrival) -> Option<Arrival> {
    if row.processed != Position::Start {
        return None;
    }
    let parents = row.parents.iter().filter_map(|parent| checkpoint.shards.get(parent));
    // One that ended without a record says nothing of its child.
    let telling = parents.filter(|parent| parent.resume_after != Position::End || read(parent).is_some());
    let behind: Vec<Arrival> = telling.map(read).collect::<Option<_>>()?;
    let start = match row.start {
        StartPosition::AtTimestamp(at) => at,
        // At the trim horizon something is always lost before it can be read; what has arrived since need not be.
        StartPosition::TrimHorizon => begun,
    };
    Some(behind.into_iter().max().unwrap_or(start)).filter(|from| *from > Arrival::MIN)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::engine::{CHECKPOINT_VERSION, StreamIdentity};

    const HORIZON: Arrival = at(76);

    const fn at(hours: i64) -> Arrival {
        Arrival(hours * 3_600_000)
    }

    fn from_start(parents: &[&str], start: StartPosition) -> ShardCheckpoint {
        ShardCheckpoint {
            parents: parents.iter().map(|parent| ShardId::new(parent)).collect(),
            children: Vec::new(),
            start,
            resume_after: Position::Start,
            effective_arrival: Arrival::MIN,
            processed: Position::Start,
            processed_arrival: Arrival::MIN,
            read_through: None,
            drained: false,
            lifts: Vec::new(),
        }
    }

    fn read_to(hours: i64) -> ShardCheckpoint {
        ShardCheckpoint { effective_arrival: at(hours), ..from_start(&[], StartPosition::TrimHorizon) }
    }

    fn ended(row: ShardCheckpoint) -> ShardCheckpoint {
        ShardCheckpoint { resume_after: Position::End, drained: true, ..row }
    }

    /// What is lost of these shards, by their number, at the hour 100 of a stream that keeps 24 hours. It was begun at the
    /// hour 30.
    fn lost(rows: impl IntoIterator<Item = ShardCheckpoint>) -> Vec<(String, i64)> {
        let shards: BTreeMap<_, _> = (0..).map(|it: u32| ShardId::new(&it.to_string())).zip(rows).collect();
        let stream = StreamIdentity { name: "trail".to_owned(), created_at: 0 };
        let (version, horizon, started_at) = (CHECKPOINT_VERSION, Arrival::MIN, at(30 - 24));
        let checkpoint = Checkpoint { version, stream, horizon, started_at, plans: Vec::new(), shards };
        let lost = trimmed(&checkpoint, HORIZON, 24);
        lost.map(|(shard, from)| (shard.to_string(), from.0 / 3_600_000)).collect()
    }

    fn shard(number: &str, from: i64) -> (String, i64) {
        (number.to_owned(), from)
    }

    #[test]
    fn cp_8_a_shard_that_was_read_to_before_the_trim_horizon_is_a_possible_loss() {
        let idle = ShardCheckpoint { read_through: Some(at(90)), ..read_to(70) };
        assert_eq!(lost([read_to(75), read_to(76), idle, ended(read_to(60))]), [shard("0", 75)]);
    }

    #[test]
    fn cp_8_a_shard_that_is_to_be_read_from_its_start_is_a_possible_loss_from_where_that_is() {
        let from = |start| lost([from_start(&[], start)]);
        assert_eq!(from(StartPosition::AtTimestamp(at(75))), [shard("0", 75)]);
        assert_eq!(from(StartPosition::AtTimestamp(at(76))), []);
        assert_eq!(from(StartPosition::TrimHorizon), [shard("0", 30)], "when the stream was begun");
        let processed = Position::After(crate::engine::SequenceNumber::try_new("1").unwrap(), 0);
        let held = ShardCheckpoint { processed, ..from_start(&[], StartPosition::AtTimestamp(at(10))) };
        assert_eq!(lost([held]), [], "its first record came now, and a window holds it");
    }

    #[test]
    fn cp_8_a_child_that_is_to_be_read_from_its_start_is_owed_from_its_parents_end() {
        let of = |start| from_start(&["0"], start);
        for start in [StartPosition::TrimHorizon, StartPosition::AtTimestamp(at(10))] {
            assert_eq!(lost([ended(read_to(76)), of(start)]), []);
            assert_eq!(lost([ended(read_to(75)), of(start)]), [shard("1", 75)]);
            let generations =
                [from_start(&[], StartPosition::AtTimestamp(at(75))), of(start), from_start(&["1"], start)];
            assert_eq!(lost(generations), [shard("0", 75)], "said once");
        }
        let begins = StartPosition::AtTimestamp(at(75));
        assert_eq!(lost([ended(from_start(&[], begins)), of(begins)]), [shard("1", 75)], "the parent was empty");
    }
}
