//! What a process leaves for the next one, should it die: a pure state machine over lives, attempts and crashes (PO-2).
//!
//! Deliberately absent: where it is kept, and what a record is beyond its position.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::{Checkpoint, Position, ShardCheckpoint, ShardId, StreamIdentity};

/// The format that this build writes and reads.
pub(super) const STARTS_VERSION: u32 = 1;

/// From so many unclean ends in a row without progress on, each piece is noted before it is evaluated. One more, and the
/// piece that a process died in is known and taken record by record: the third unclean start begins to narrow (PO-2).
const NOTED_FROM: u32 = 2;

/// What is known of the lives so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Starts {
    pub(super) version: u32,
    /// Whose positions these are.
    stream: StreamIdentity,
    /// A process has begun that has not come to an orderly end.
    running: bool,
    /// What is being evaluated: who dies now died of it, or beside it.
    attempt: Option<Attempt>,
    shards: BTreeMap<ShardId, ShardStarts>,
}

/// Records of one shard that are evaluated together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    shard: ShardId,
    records: Stretch,
}

/// The records from the first to the last, both included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stretch {
    pub first: Position,
    pub last: Position,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShardStarts {
    /// `P` when the last process began.
    processed: Position,
    /// Unclean ends in a row, of which all but the first left `P` where it was.
    unclean: u32,
    /// What the last crash in this shard died of, if one did and nobody has come past it since.
    suspect: Option<Stretch>,
    /// In their order. They leave once `C` is behind them: then nobody reads them again.
    isolated: Vec<Isolated>,
}

/// A record that is not evaluated any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Isolated {
    position: Position,
    /// Its dead letter is acknowledged.
    told: bool,
}

impl Starts {
    /// Nobody has run yet.
    pub fn new(stream: StreamIdentity) -> Self {
        Self { version: STARTS_VERSION, stream, running: false, attempt: None, shards: BTreeMap::new() }
    }

    /// A process begins: with this checkpoint, its first, before it reads. Returns the record that is isolated from now
    /// on, if the last crash has convicted one.
    pub fn begin(&mut self, checkpoint: &Checkpoint) -> Option<(ShardId, Position)> {
        if self.stream != checkpoint.stream {
            *self = Self::new(checkpoint.stream.clone());
        }
        let crashed = std::mem::replace(&mut self.running, true);
        let convicted = self.attempt.take().and_then(|attempt| self.blame(attempt));
        let mut known = std::mem::take(&mut self.shards);
        let rows = checkpoint.shards.iter().map(|(id, row)| {
            let before = known.remove(id).unwrap_or_default();
            (id.clone(), before.begin(row, crashed))
        });
        self.shards = rows.collect();
        convicted
    }

    /// A process has died within an attempt.
    fn blame(&mut self, attempt: Attempt) -> Option<(ShardId, Position)> {
        let shard = self.shards.entry(attempt.shard.clone()).or_default();
        if attempt.records.is_one() && shard.suspect.as_ref() == Some(&attempt.records) {
            shard.suspect = None;
            let position = attempt.records.last;
            shard.isolated.push(Isolated { position: position.clone(), told: false });
            shard.isolated.sort_by(|a, b| a.position.cmp(&b.position));
            return Some((attempt.shard, position));
        }
        shard.suspect = Some(attempt.records);
        None
    }

    /// The process ends in order.
    pub fn end(&mut self) {
        self.running = false;
        self.attempt = None;
    }

    /// Whether attempts are to be noted in this life.
    pub fn is_noting(&self) -> bool {
        self.shards.values().any(|shard| shard.unclean >= NOTED_FROM || shard.suspect.is_some())
    }

    /// Unclean ends in a row, without progress in some shard since the first.
    pub fn unclean(&self) -> u32 {
        self.shards.values().map(|shard| shard.unclean).max().unwrap_or(0)
    }

    /// What processes have died in, and nobody has come past since.
    pub fn suspects(&self) -> impl Iterator<Item = (&ShardId, &Stretch)> {
        self.shards.iter().filter_map(|(id, shard)| Some((id, shard.suspect.as_ref()?)))
    }

    /// The records that are not evaluated any more.
    pub fn isolated(&self) -> impl Iterator<Item = (&ShardId, &Position)> {
        self.shards.iter().flat_map(|(id, shard)| shard.isolated.iter().map(move |record| (id, &record.position)))
    }

    /// Whether a record must be in no piece with others.
    pub fn stands_alone(&self, shard: &ShardId, position: &Position) -> bool {
        let Some(known) = self.shards.get(shard) else { return false };
        known.suspect.as_ref().is_some_and(|suspect| suspect.holds(position))
            || known.isolated.iter().any(|record| record.position == *position)
    }

    /// Of a record that is isolated: whether its dead letter was acknowledged.
    pub fn told_of(&self, shard: &ShardId, position: &Position) -> Option<bool> {
        let record = self.shards.get(shard)?.isolated.iter().find(|record| record.position == *position)?;
        Some(record.told)
    }

    /// The dead letter of an isolated record is acknowledged.
    pub fn tell(&mut self, shard: &ShardId, position: &Position) {
        let records = self.shards.get_mut(shard).into_iter().flat_map(|shard| &mut shard.isolated);
        records.filter(|record| record.position == *position).for_each(|record| record.told = true);
    }

    /// These records are about to be evaluated. To be durable before they are.
    pub fn attempt(&mut self, shard: &ShardId, records: Stretch) {
        self.attempt = Some(Attempt { shard: shard.clone(), records });
    }

    /// They are in the engine, and the process lives. A suspect that is passed is none any more. Says whether there was
    /// an attempt.
    pub fn passed(&mut self) -> bool {
        let Some(attempt) = self.attempt.take() else { return false };
        if let Some(shard) = self.shards.get_mut(&attempt.shard) {
            shard.suspect.take_if(|suspect| suspect.last <= attempt.records.last);
        }
        true
    }
}

impl Stretch {
    fn is_one(&self) -> bool {
        self.first == self.last
    }

    fn holds(&self, position: &Position) -> bool {
        (&self.first..=&self.last).contains(&position)
    }
}

impl Default for ShardStarts {
    fn default() -> Self {
        Self { processed: Position::Start, unclean: 0, suspect: None, isolated: Vec::new() }
    }
}

impl ShardStarts {
    fn begin(self, row: &ShardCheckpoint, crashed: bool) -> Self {
        // What is processed to its end can have been in nobody's way.
        let unclean = if !crashed || row.processed == Position::End {
            0
        } else if row.processed == self.processed {
            self.unclean.saturating_add(1)
        } else {
            1
        };
        let is_read_again = |position: &Position| *position > row.resume_after;
        Self {
            processed: row.processed.clone(),
            unclean,
            suspect: self.suspect.filter(|suspect| is_read_again(&suspect.last)),
            isolated: self.isolated.into_iter().filter(|record| is_read_again(&record.position)).collect(),
        }
    }
}
