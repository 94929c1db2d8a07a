//! The fake stream's reading side: one reader a shard, as the shell has it. It gives evidence of the tip only as the
//! contract allows (RD-3), and is frozen while the engine says that the shard is paused.

use trailrisk::engine::{Position, StartPosition};

use crate::bugs::Bug;
use crate::log::{Log, LogShard};
use crate::rng::Rng;

/// Two empty reads count only when they are this far apart, in milliseconds (semantics 1, read-through time).
const EMPTY_READS_APART: i64 = 1_000;

/// What a read came back with; it reaches the engine some time later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Records, by their indices.
    Records { from: usize, to: usize },
    /// The second empty read at the tip; the request was sent at this instant.
    Tip { sent: i64 },
    /// The end of a closed shard.
    End,
}

/// One shard's reader.
#[derive(Clone, Debug, Default)]
pub struct Reader {
    pub opened: bool,
    /// The next record to ask for.
    pub next: usize,
    pub in_flight: Option<Answer>,
    pub ended: bool,
    pub stalled: bool,
    /// Throttled or failing until this instant.
    pub frozen_until: i64,
    first_empty: Option<i64>,
}

impl Reader {
    /// The engine wants the shard read after a position.
    pub fn open(&mut self, log: &Log, ix: usize, after: &Position, start: StartPosition) {
        let records = &log.shards[ix].records;
        let after_record = |record: &crate::log::LogRecord| record.position == *after;
        self.next = match after {
            Position::Start => log.first_index(ix, start),
            Position::After(..) => 1 + records.iter().position(after_record).expect("positions are those of records"),
            Position::End => records.len(),
        };
        self.opened = true;
    }

    /// CP-8: so many of the shard's first records are gone.
    pub fn skip(&mut self, trimmed: usize) {
        self.next = self.next.max(trimmed);
    }

    /// Whether a request may be sent.
    pub fn idle(&self, now: i64) -> bool {
        self.opened && !self.ended && self.in_flight.is_none() && self.frozen_until <= now
    }

    /// Sends a request; what it will come back with is decided by what is readable now.
    pub fn request(&mut self, shard: &LogShard, now: i64, rng: &mut Rng, calm: bool, bug: Option<Bug>) {
        let readable = shard.records[self.next..].iter().take_while(|record| record.visible <= now).count();
        if readable > 0 && !calm && rng.chance(150) {
            // Empty, with MillisBehindLatest > 0: proves nothing.
            self.first_empty = None;
            self.in_flight = (bug == Some(Bug::TipWhileBehind)).then_some(Answer::Tip { sent: now });
        } else if readable > 0 {
            self.first_empty = None;
            let to = self.next + readable.min(1 + rng.index(5));
            self.in_flight = Some(Answer::Records { from: self.next, to });
        } else if self.next == shard.records.len() && shard.closed.is_some_and(|closed| closed <= now) {
            self.in_flight = Some(Answer::End);
        } else {
            self.in_flight = self.empty_at_tip(now);
        }
    }

    /// An empty read with `MillisBehindLatest = 0`; from the second one on it is evidence.
    fn empty_at_tip(&mut self, now: i64) -> Option<Answer> {
        let first = *self.first_empty.get_or_insert(now);
        (now - first >= EMPTY_READS_APART).then_some(Answer::Tip { sent: now })
    }
}
