//! PO-2 from its text: whatever record kills, it and no other is isolated, after few starts; and what is not a record's
//! fault is never taken for one.

use std::collections::BTreeSet;
use std::path::Path;

use proptest::prelude::*;

use super::starts::{Starts, Stretch};
use super::*;
use crate::checkpoint::{FileNotes, FileStore, reset};
use crate::engine::{CHECKPOINT_VERSION, SequenceNumber, ShardCheckpoint, StartPosition, StreamIdentity};

/// Crashes until a single killer is isolated: two before anything is noted, one within a piece, two alone.
const CRASHES: u32 = 5;

fn at(number: u64) -> Position {
    if number == 0 {
        Position::Start
    } else {
        Position::After(SequenceNumber::try_new(&number.to_string()).unwrap(), 0)
    }
}

fn shard(index: usize) -> ShardId {
    ShardId::new(&format!("shard-{index}"))
}

fn stream() -> StreamIdentity {
    StreamIdentity { name: "trail".to_owned(), created_at: 1 }
}

/// A checkpoint with `C` and `P` of each shard.
fn checkpoint(rows: &[(u64, u64)]) -> Checkpoint {
    let row = |(resume, processed): &(u64, u64)| ShardCheckpoint {
        parents: vec![],
        children: vec![],
        start: StartPosition::TrimHorizon,
        resume_after: at(*resume),
        effective_arrival: Arrival(0),
        processed: at(*processed),
        processed_arrival: Arrival(0),
        read_through: None,
        drained: false,
        lifts: vec![],
    };
    Checkpoint {
        version: CHECKPOINT_VERSION,
        stream: stream(),
        horizon: Arrival(0),
        started_at: Arrival(0),
        plans: vec![],
        shards: rows.iter().enumerate().map(|(index, it)| (shard(index), row(it))).collect(),
    }
}

/// A daemon reduced to what matters here: shards of numbered records, taken in pieces.
struct World {
    /// How many records each shard has; they are numbered from 1.
    lengths: Vec<u64>,
    killers: BTreeSet<(usize, u64)>,
    starts: Starts,
    /// `P` of each shard; `C` stays at the start.
    processed: Vec<u64>,
    crashes: u32,
}

/// How one life goes: which shard is read next, how large its piece is, whether a checkpoint becomes durable behind it,
/// and whether somebody kills the process there.
type Schedule = Vec<(usize, u64, bool, bool)>;

impl World {
    fn new(lengths: Vec<u64>, killers: BTreeSet<(usize, u64)>) -> Self {
        let processed = vec![0; lengths.len()];
        Self { lengths, killers, starts: Starts::new(stream()), processed, crashes: 0 }
    }

    /// One life from `C` to its end. Says whether that was an orderly one.
    fn live(&mut self, schedule: &Schedule) -> bool {
        let rows: Vec<(u64, u64)> = self.processed.iter().map(|p| (0, *p)).collect();
        self.starts.begin(&checkpoint(&rows));
        let mut read = vec![0; self.lengths.len()];
        for step in 0.. {
            let (turn, size, durable, killed) = schedule[step % schedule.len()];
            let left: Vec<usize> = (0..read.len()).filter(|ix| read[*ix] < self.lengths[*ix]).collect();
            if left.is_empty() {
                break;
            }
            let ix = left[turn % left.len()];
            let Some(last) = self.take(ix, read[ix], size) else {
                self.crashes += 1;
                return false;
            };
            read[ix] = last;
            if durable {
                self.processed[ix] = self.processed[ix].max(last);
            }
            if killed && step < schedule.len() {
                self.crashes += 1;
                return false;
            }
        }
        self.starts.end();
        true
    }

    /// Takes the next piece; the number of its last record, or none if the process dies of it.
    fn take(&mut self, ix: usize, read: u64, size: u64) -> Option<u64> {
        let alone = |number: u64| self.starts.stands_alone(&shard(ix), &at(number));
        let first = read + 1;
        let longest = (first + size).min(self.lengths[ix]);
        let last = (first + 1..=longest).take_while(|number| !alone(first) && !alone(*number)).last().unwrap_or(first);
        if self.starts.told_of(&shard(ix), &at(first)).is_some() {
            assert_eq!(first, last, "an isolated record is taken alone");
            self.starts.tell(&shard(ix), &at(first));
            return Some(last);
        }
        if self.starts.is_noting() {
            self.starts.attempt(&shard(ix), Stretch { first: at(first), last: at(last) });
        }
        if (first..=last).any(|number| self.killers.contains(&(ix, number))) {
            return None;
        }
        self.starts.passed();
        Some(last)
    }

    fn isolated(&self) -> BTreeSet<(ShardId, Position)> {
        self.starts.isolated().map(|(shard, position)| (shard.clone(), position.clone())).collect()
    }

    fn expected(&self) -> BTreeSet<(ShardId, Position)> {
        self.killers.iter().map(|(ix, number)| (shard(*ix), at(*number))).collect()
    }
}

fn schedules() -> impl Strategy<Value = Vec<Schedule>> {
    let step = (0..4_usize, 0..9_u64, prop::bool::weighted(0.2), prop::bool::weighted(0.05));
    prop::collection::vec(prop::collection::vec(step, 1..12), 1..6)
}

fn quiet(schedule: &Schedule) -> Schedule {
    schedule.iter().map(|(turn, size, _, _)| (*turn, *size, false, false)).collect()
}

proptest! {
    #[test]
    fn po_2_whichever_record_kills_it_alone_is_isolated_after_five_crashes(
        lengths in prop::collection::vec(1..40_u64, 1..4),
        killer in (0..4_usize, 0..40_u64),
        lives in schedules(),
    ) {
        let ix = killer.0 % lengths.len();
        let mut world = World::new(lengths.clone(), [(ix, killer.1 % lengths[ix] + 1)].into());
        let mut turn = 0;
        while !world.live(&quiet(&lives[turn % lives.len()])) {
            turn += 1;
            prop_assert!(world.crashes <= CRASHES, "more than {CRASHES} crashes");
        }
        prop_assert_eq!(world.isolated(), world.expected());
    }

    /// Several killers, progress in between, and somebody who kills the process for reasons of his own, though never
    /// within an attempt.
    #[test]
    fn po_2_every_killer_is_isolated_and_nobody_else_whatever_else_ends_the_process(
        lengths in prop::collection::vec(1..30_u64, 1..4),
        killers in prop::collection::btree_set((0..4_usize, 0..30_u64), 0..4),
        lives in schedules(),
    ) {
        let place = |(ix, number): &(usize, u64)| (ix % lengths.len(), number % lengths[ix % lengths.len()] + 1);
        let killers: BTreeSet<(usize, u64)> = killers.iter().map(place).collect();
        let mut world = World::new(lengths.clone(), killers);
        for schedule in &lives {
            world.live(schedule);
            prop_assert!(world.isolated().is_subset(&world.expected()));
        }
        let before = world.crashes;
        let bound = CRASHES * u32::try_from(world.killers.len()).unwrap() + 1;
        while !world.live(&quiet(&lives[0])) {
            prop_assert!(world.crashes - before <= bound, "more than {bound} crashes");
        }
        prop_assert_eq!(world.isolated(), world.expected());
    }
}

#[test]
fn po_2_nothing_is_noted_before_the_second_unclean_start_without_progress_nor_after_an_orderly_end() {
    let mut starts = Starts::new(stream());
    for (life, noting) in [false, false, true, true].into_iter().enumerate() {
        starts.begin(&checkpoint(&[(0, 3), (0, 7)]));
        assert_eq!((starts.is_noting(), starts.unclean()), (noting, u32::try_from(life).unwrap()));
    }
    starts.end();
    starts.begin(&checkpoint(&[(0, 3), (0, 7)]));
    assert_eq!((starts.is_noting(), starts.unclean()), (false, 0));
}

/// Progress elsewhere does not save a shard whose `P` stands still.
#[test]
fn po_2_progress_is_judged_by_shard() {
    let mut starts = Starts::new(stream());
    for life in 0..3 {
        starts.begin(&checkpoint(&[(0, 3), (0, 10 + life)]));
    }
    assert!(starts.is_noting());
    let mut starts = Starts::new(stream());
    for life in 0..9 {
        starts.begin(&checkpoint(&[(0, 3 + life), (0, 10 + life)]));
        assert!(!starts.is_noting(), "both move");
    }
}

/// What is read to its end is in nobody's way, however often the process is killed.
#[test]
fn po_2_a_shard_that_is_done_counts_for_nothing() {
    let mut starts = Starts::new(stream());
    let mut done = checkpoint(&[(0, 0)]);
    done.shards.get_mut(&shard(0)).unwrap().processed = Position::End;
    for _ in 0..5 {
        starts.begin(&done);
        assert_eq!(starts.unclean(), 0);
    }
}

fn one(number: u64) -> Stretch {
    Stretch { first: at(number), last: at(number) }
}

/// A life that ends within an attempt.
fn dies_in(starts: &mut Starts, records: Stretch) -> Option<(ShardId, Position)> {
    starts.attempt(&shard(0), records);
    starts.begin(&checkpoint(&[(0, 0)]))
}

#[test]
fn po_2_who_is_passed_is_no_suspect_any_more() {
    let mut starts = Starts::new(stream());
    assert_eq!(dies_in(&mut starts, one(4)), None);
    starts.attempt(&shard(0), one(4));
    starts.passed();
    assert_eq!(dies_in(&mut starts, one(4)), None, "it has killed once since");
    assert_eq!(dies_in(&mut starts, one(4)), Some((shard(0), at(4))));
}

#[test]
fn po_2_two_crashes_in_a_piece_convict_no_record_of_it() {
    let mut starts = Starts::new(stream());
    let piece = || Stretch { first: at(4), last: at(9) };
    for _ in 0..5 {
        assert_eq!(dies_in(&mut starts, piece()), None);
        assert!((4..=9).all(|number| starts.stands_alone(&shard(0), &at(number))));
        assert!([3, 10].iter().all(|number| !starts.stands_alone(&shard(0), &at(*number))));
    }
}

/// CP-4: it is skipped in replay as well; once `C` is behind it nobody reads it.
#[test]
fn po_2_an_isolated_record_stays_so_until_c_is_behind_it() {
    let mut starts = Starts::new(stream());
    dies_in(&mut starts, one(4));
    dies_in(&mut starts, one(4));
    starts.tell(&shard(0), &at(4));
    starts.end();
    starts.begin(&checkpoint(&[(3, 50)]));
    assert_eq!(starts.told_of(&shard(0), &at(4)), Some(true));
    starts.begin(&checkpoint(&[(4, 50)]));
    assert_eq!(starts.told_of(&shard(0), &at(4)), None);
}

#[test]
fn cp_8_what_is_known_of_another_stream_counts_for_nothing() {
    let mut starts = Starts::new(stream());
    dies_in(&mut starts, one(4));
    dies_in(&mut starts, one(4));
    let mut other = checkpoint(&[(0, 0)]);
    other.stream.created_at += 1;
    starts.begin(&other);
    assert_eq!((starts.isolated().count(), starts.unclean()), (0, 0));
}

fn record(number: u64, arrival: i64) -> Record {
    Record { position: at(number), arrival: Arrival(arrival), data: b"x".as_slice().into(), refusal: None }
}

/// A process that begins and is never heard of again, but for what it was evaluating.
fn crash(path: &Path, evaluating: &[Record]) -> Isolation {
    let mut isolation = Isolation::kept_in(Box::new(FileNotes::of(path).unwrap()), Arrival(100)).unwrap();
    isolation.begin(&checkpoint(&[(0, 0)])).unwrap();
    assert!(isolation.attempt(&shard(0), evaluating));
    isolation
}

#[test]
fn po_2_the_file_outlives_crashes_and_leaves_with_the_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.json");
    for _ in 0..4 {
        crash(&path, &[record(7, 0)]);
    }
    let isolation = crash(&path, &[]);
    assert_eq!(isolation.told_of(&shard(0), &at(7)), Some(false));
    let shown = show(FileNotes::of(&path).unwrap().read().unwrap().as_deref()).unwrap();
    assert!(
        shown.contains("shard-0  isolated  7") && shown.contains("without progress (at the last start)  4"),
        "{shown}"
    );
    drop(FileStore::open(&path).unwrap());
    reset(&path).unwrap();
    assert_eq!(show(FileNotes::of(&path).unwrap().read().unwrap().as_deref()).unwrap(), "");
}

/// What arrived after the start was read by nobody before.
#[test]
fn po_2_what_no_earlier_process_can_have_read_is_not_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.json");
    for _ in 0..9 {
        let isolation = crash(&path, &[record(7, 100)]);
        assert_eq!(isolation.told_of(&shard(0), &at(7)), None);
    }
}

#[test]
fn po_2_what_cannot_be_noted_is_not_evaluated() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/checkpoint.json");
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    crash(&path, &[]);
    crash(&path, &[]);
    let mut isolation = crash(&path, &[]);
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
    assert!(!isolation.attempt(&shard(0), &[record(1, 0)]));
    std::fs::create_dir(path.parent().unwrap()).unwrap();
    assert!(isolation.attempt(&shard(0), &[record(1, 0)]));
}

#[test]
fn a_file_that_is_not_understood_is_an_error_and_never_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("checkpoint.json");
    for (text, word) in
        [("{", "removing the file"), ("{\"version\": 2}", "use the build that wrote it"), ("{}", "no version")]
    {
        std::fs::write(folder.path().join("checkpoint.json.starts"), text).unwrap();
        let error = Isolation::kept_in(Box::new(FileNotes::of(&path).unwrap()), Arrival(0)).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_checkpoint_in_memory_isolates_nothing() {
    let mut isolation = Isolation::none();
    assert_eq!(isolation.begin(&checkpoint(&[(0, 0)])).unwrap(), 0);
    assert!(isolation.attempt(&shard(0), &[record(1, 0)]) && !isolation.is_noting());
}

/// What pages somebody must end by itself once the daemon runs well, and not before it has shown that.
#[test]
fn po_2_unclean_ends_are_history_once_a_process_has_gone_on_beyond_all_that_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let isolation = Isolation::kept_in(
        Box::new(FileNotes::of(&folder.path().join("checkpoint.json")).unwrap()),
        Arrival(1_000_000),
    )
    .unwrap();
    let quarter = 15 * 60 * 1000;
    assert!(!isolation.is_history(Arrival::MIN), "no watermark is known yet");
    assert!(!isolation.is_history(Arrival(1_000_000 + quarter - 1)));
    assert!(isolation.is_history(Arrival(1_000_000 + quarter)));
}
