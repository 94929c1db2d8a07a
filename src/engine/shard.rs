//! One shard: how far it is processed, and what its clock says.

use std::collections::{BTreeMap, VecDeque};

use super::checkpoint::{ShardCheckpoint, StartPosition};
use super::ids::{Position, ShardId};
use super::io::{CheckpointTicket, EvaluatedRecord};
use crate::time::Arrival;

/// A shard's index in the engine; never leaves it, and never orders an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ShardIx(pub u32);

/// A record that must not be passed by a checkpoint yet, seen from the position before it (CP-2).
#[derive(Clone, Debug)]
pub(super) struct Mark {
    /// The position preceding the record.
    pub before: Position,
    /// The effective arrival at that position.
    pub effective_before: Arrival,
    /// The effective arrival of the record itself.
    pub effective: Arrival,
}

/// Where a shard stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    /// A parent is not drained yet (RD-1).
    Waiting,
    /// Being read.
    Reading,
    /// Its end was processed.
    Drained,
}

/// What listings say of a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// Nothing yet: it was named at its parent's end, and the latest listing may be older than it.
    NotYet,
    /// A listing shows it, and shows every parent of it that Kinesis still has.
    Shown,
    /// The latest listing lacks it. Listings need not agree, and what left the checkpoint is read anew when another shows it.
    Missed,
    /// The one behind that lacks it, too: Kinesis has forgotten it.
    Forgotten,
}

/// The state of one shard.
#[derive(Debug)]
pub(super) struct Shard {
    pub id: ShardId,
    pub parents: Vec<ShardId>,
    pub children: Vec<ShardId>,
    pub start: StartPosition,
    pub life: Life,
    /// Came from a checkpoint with a clock of its own, which counts in the watermark even while it waits.
    pub restored: bool,
    /// A checkpoint says that its end was reached, though it is read again from `C`: that never goes back (CP-3).
    pub was_drained: bool,
    /// The first checkpoint of this process that says so.
    pub drained_in: Option<CheckpointTicket>,
    /// The last record processed.
    pub position: Position,
    /// The effective arrival of that record (or what stands for it before the first).
    pub effective: Arrival,
    /// `R`.
    pub read_through: Arrival,
    /// `P` at start: up to here replay is silent (CP-5).
    pub silent_to: Position,
    /// The effective arrival there.
    pub silent_effective: Arrival,
    /// The effective arrival of the first record beyond `silent_to`.
    pub first_beyond: Option<Arrival>,
    /// `C` as last stored, with the effective arrival there.
    pub resume: (Position, Arrival),
    /// CP-4: arrivals that a floor lifted, beyond `C`.
    pub lifts: BTreeMap<Position, Arrival>,
    /// No successful read for long (RD-3); only lets the others announce (CP-5).
    pub stalled: bool,
    /// Records beyond `P` that wait until every shard has reached its own (CP-5).
    pub parked: VecDeque<EvaluatedRecord>,
    /// What listings say of it.
    pub listed: Listed,
}

impl Shard {
    /// A shard that no checkpoint knows.
    pub fn new(id: ShardId, parents: Vec<ShardId>, start: StartPosition) -> Self {
        Self {
            id,
            parents,
            children: Vec::new(),
            start,
            life: Life::Waiting,
            restored: false,
            was_drained: false,
            drained_in: None,
            position: Position::Start,
            effective: Arrival::MIN,
            read_through: Arrival::MIN,
            silent_to: Position::Start,
            silent_effective: Arrival::MIN,
            first_beyond: None,
            resume: (Position::Start, Arrival::MIN),
            lifts: BTreeMap::new(),
            stalled: false,
            parked: VecDeque::new(),
            listed: Listed::NotYet,
        }
    }

    /// CP-4: reading starts again at `C`; the firing clock starts low, at the effective arrival there, or at the
    /// stored `R` only where `C = P`.
    pub fn restore(id: ShardId, stored: ShardCheckpoint) -> Self {
        let at_p = stored.resume_after == stored.processed;
        // The row of a shard that was never opened holds nothing but its lineage: it still inherits from its parents.
        let opened = stored.processed != Position::Start || stored.effective_arrival != Arrival::MIN;
        let evidence = stored.read_through.filter(|_| at_p).unwrap_or(Arrival::MIN);
        Self {
            children: stored.children,
            restored: opened,
            was_drained: stored.drained,
            // The first listing of this process decides.
            listed: Listed::Shown,
            position: stored.resume_after.clone(),
            effective: stored.effective_arrival,
            read_through: stored.effective_arrival.max(evidence),
            silent_to: stored.processed,
            silent_effective: stored.processed_arrival,
            resume: (stored.resume_after, stored.effective_arrival),
            lifts: stored.lifts.into_iter().collect(),
            ..Self::new(id, stored.parents, stored.start)
        }
    }

    /// Semantics 1, effective arrival: the running maximum of arrival, never below `R`, nor, beyond `P`, below the
    /// horizon. Returns the mark of this record and whether a floor lifted it beyond `P` (a slack violation).
    pub fn advance(&mut self, position: Position, arrival: Arrival, horizon: Arrival) -> (Mark, bool) {
        debug_assert!(position > self.position, "RD-1: records of a shard are processed in order, each once");
        let beyond = position > self.silent_to;
        let effective = self.effective_of(&position, arrival, horizon);
        let violation = beyond && effective > self.effective.max(arrival);
        if violation {
            self.lifts.insert(position.clone(), effective);
        }
        if beyond && self.first_beyond.is_none() {
            self.first_beyond = Some(effective);
        }
        let mark = Mark {
            before: std::mem::replace(&mut self.position, position),
            effective_before: std::mem::replace(&mut self.effective, effective),
            effective,
        };
        self.read_through = self.read_through.max(effective);
        (mark, violation)
    }

    /// The effective arrival of the next record.
    pub fn effective_of(&self, position: &Position, arrival: Arrival, horizon: Arrival) -> Arrival {
        let floor = if *position > self.silent_to { self.read_through.max(horizon) } else { self.read_through };
        let stored_lift = self.lifts.get(position).copied().unwrap_or(Arrival::MIN);
        self.effective.max(arrival).max(floor).max(stored_lift)
    }

    /// The newest effective arrival of all that was taken in, parked records included: while these wait `R` stands
    /// still, and nothing else lifts them.
    pub fn newest_effective(&self) -> Arrival {
        let parked = self.parked.iter().map(|record| self.effective_of(&record.position, record.arrival, Arrival::MIN));
        parked.fold(self.effective.max(self.silent_effective), Arrival::max)
    }

    /// A listing shows it, or does not.
    pub fn see_listing(&mut self, shown: bool) {
        self.listed = match (self.listed, shown) {
            (_, true) => Listed::Shown,
            (Listed::NotYet, false) => Listed::NotYet,
            (Listed::Shown, false) => Listed::Missed,
            (Listed::Missed | Listed::Forgotten, false) => Listed::Forgotten,
        };
    }

    /// Evidence that everything up to `read_through` is processed (RD-3). At the tip nothing can be left before `P`
    /// either: what a checkpoint remembers there is no longer in the stream.
    pub fn reached_tip(&mut self, read_through: Arrival) {
        self.read_through = self.read_through.max(read_through);
        self.skip_to_silent_end();
    }

    /// What lies up to `P` was read, or is gone from the stream.
    pub fn skip_to_silent_end(&mut self) {
        if self.position < self.silent_to {
            self.position = self.silent_to.clone();
            self.effective = self.effective.max(self.silent_effective);
            self.read_through = self.read_through.max(self.effective);
        }
    }

    /// Takes over the clock of its parents (semantics 1): a child's begins as the largest of theirs. `R` never begins
    /// below the watermark, or a shard that is found late would turn it back.
    pub fn inherit(&mut self, effective: Arrival, read_through: Arrival, watermark: Arrival) {
        self.effective = effective;
        self.silent_effective = effective;
        self.read_through = self.read_through.max(read_through).max(watermark);
    }

    /// Whether it has not yet reached the `P` that a checkpoint remembers.
    pub fn behind_p(&self) -> bool {
        self.position < self.silent_to
    }

    /// CP-5: whether the others must wait for it before they announce. A stalled shard makes nobody wait.
    pub fn replaying(&self) -> bool {
        self.behind_p() && !self.stalled
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::ids::SequenceNumber;

    fn at(number: u32) -> Position {
        Position::After(SequenceNumber::try_new(&number.to_string()).unwrap(), 0)
    }

    fn reading() -> Shard {
        Shard { life: Life::Reading, ..Shard::new(ShardId::new("s"), vec![], StartPosition::TrimHorizon) }
    }

    #[test]
    fn effective_arrival_is_the_running_maximum() {
        let mut shard = reading();
        shard.advance(at(1), Arrival(100), Arrival::MIN);
        let (mark, violation) = shard.advance(at(2), Arrival(90), Arrival::MIN);
        assert_eq!((mark.effective, violation), (Arrival(100), false));
        assert_eq!((mark.before, mark.effective_before), (at(1), Arrival(100)));
    }

    #[test]
    fn rd_3_a_record_that_surfaces_below_the_read_through_time_is_lifted_and_counted() {
        let mut shard = reading();
        shard.reached_tip(Arrival(500));
        let (mark, violation) = shard.advance(at(1), Arrival(400), Arrival::MIN);
        assert_eq!((mark.effective, violation), (Arrival(500), true));
    }

    #[test]
    fn cp_4_a_lifted_arrival_is_lifted_alike_in_replay() {
        let stored = ShardCheckpoint {
            parents: vec![],
            children: vec![],
            start: StartPosition::TrimHorizon,
            resume_after: Position::Start,
            effective_arrival: Arrival::MIN,
            processed: at(2),
            processed_arrival: Arrival(20),
            read_through: None,
            drained: false,
            lifts: vec![(at(1), Arrival(500))],
        };
        let mut shard = Shard { life: Life::Reading, ..Shard::restore(ShardId::new("s"), stored) };
        let (mark, violation) = shard.advance(at(1), Arrival(400), Arrival(450));
        assert_eq!((mark.effective, violation), (Arrival(500), false));
    }

    #[test]
    fn the_horizon_lifts_only_beyond_p() {
        let mut shard = reading();
        shard.silent_to = at(1);
        assert_eq!(shard.advance(at(1), Arrival(10), Arrival(99)).0.effective, Arrival(10));
        assert_eq!(shard.advance(at(2), Arrival(11), Arrival(99)).0.effective, Arrival(99));
    }

    fn row(processed: Position, effective_arrival: Arrival) -> ShardCheckpoint {
        ShardCheckpoint {
            parents: vec![],
            children: vec![],
            start: StartPosition::TrimHorizon,
            resume_after: Position::Start,
            effective_arrival,
            processed,
            processed_arrival: Arrival(20),
            read_through: None,
            drained: false,
            lifts: vec![],
        }
    }

    #[test]
    fn rd_1_a_child_that_was_never_opened_still_inherits_after_a_restart() {
        let id = || ShardId::new("s");
        assert!(!Shard::restore(id(), row(Position::Start, Arrival::MIN)).restored);
        assert!(Shard::restore(id(), row(Position::Start, Arrival(5))).restored);
        assert!(Shard::restore(id(), row(at(1), Arrival::MIN)).restored);
    }

    #[test]
    fn what_is_trimmed_before_p_does_not_turn_the_running_maximum_back() {
        let mut shard = Shard { life: Life::Reading, ..Shard::restore(ShardId::new("s"), row(at(7), Arrival(5))) };
        shard.skip_to_silent_end();
        assert_eq!(shard.read_through, Arrival(20), "all that arrived by then is processed, or gone");
        assert_eq!(shard.advance(at(8), Arrival(6), Arrival::MIN).0.effective, Arrival(20));
    }

    #[test]
    fn cp_4_the_stored_r_counts_only_where_c_is_p() {
        let stored = ShardCheckpoint {
            parents: vec![],
            children: vec![],
            start: StartPosition::TrimHorizon,
            resume_after: at(1),
            effective_arrival: Arrival(10),
            processed: at(2),
            processed_arrival: Arrival(20),
            read_through: Some(Arrival(900)),
            drained: false,
            lifts: vec![],
        };
        assert_eq!(Shard::restore(ShardId::new("s"), stored.clone()).read_through, Arrival(10));
        let settled = ShardCheckpoint { processed: at(1), ..stored };
        assert_eq!(Shard::restore(ShardId::new("s"), settled).read_through, Arrival(900));
    }

    #[test]
    fn cp_4_what_a_floor_had_lifted_at_p_itself_is_no_new_violation() {
        let stored = ShardCheckpoint { lifts: vec![(at(7), Arrival(500))], ..row(at(7), Arrival(5)) };
        let mut shard = Shard { life: Life::Reading, ..Shard::restore(ShardId::new("s"), stored) };
        let (mark, violation) = shard.advance(at(7), Arrival(400), Arrival(900));
        assert_eq!((mark.effective, violation), (Arrival(500), false));
    }

    #[test]
    fn cp_3_the_first_record_beyond_p_stays_the_first() {
        let mut shard = Shard { life: Life::Reading, ..Shard::restore(ShardId::new("s"), row(at(7), Arrival(5))) };
        let mut first = |number, arrival| {
            shard.advance(at(number), Arrival(arrival), Arrival::MIN);
            shard.first_beyond
        };
        assert_eq!([first(6, 10), first(7, 20)], [None; 2], "up to P");
        // Its effective arrival, whatever it says.
        assert_eq!([first(8, 15), first(9, 40)], [Some(Arrival(20)); 2]);
    }

    #[test]
    fn rd_3_evidence_that_is_older_than_what_was_read_turns_nothing_back() {
        let mut shard = reading();
        shard.advance(at(1), Arrival(500), Arrival::MIN);
        shard.reached_tip(Arrival(495));
        assert_eq!(shard.read_through, Arrival(500));
    }

    #[test]
    fn semantics_2_a_childs_clock_begins_where_its_parents_are() {
        let mut shard = reading();
        shard.inherit(Arrival(20), Arrival(30), Arrival(10));
        assert_eq!(
            (shard.effective, shard.silent_effective, shard.read_through),
            (Arrival(20), Arrival(20), Arrival(30))
        );
    }
}
