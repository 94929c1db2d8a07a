//! How a seed's world behaves.

use crate::bugs::Bug;
use crate::rng::Rng;

/// How often things go wrong, per mille, and how the daemon is set up.
#[derive(Clone, Copy, Debug)]
pub struct Habits {
    /// Calls to Kinesis that fail.
    pub kinesis: i64,
    /// Iterators that expire before their time.
    pub expiry: i64,
    /// Answers without records, though there are some.
    pub empty: i64,
    /// Answers that take seconds.
    pub late_answers: i64,
    /// Attempts to deliver that do not simply succeed.
    pub sinks: i64,
    /// Saves that do not simply succeed.
    pub store: i64,
    /// The checkpoint is in a table, under a lease; otherwise in one document.
    pub table: bool,
    /// Processes that were taken for dead go on when others have taken their place.
    pub suspended: bool,
    /// Risk events that a receiver refuses for good, per mille of the ids.
    pub refused: i64,
    /// Turns that the pipeline's task lets pass.
    pub lazy: i64,
    /// Records so large that an answer is taken in pieces.
    pub large: i64,
    /// RD-3: outages longer than `stalled_after`. Then announcing goes on in replay, and repeats are in order (CP-5).
    pub stalls: bool,
    /// WN-7: other versions of the detections, while running and across restarts.
    pub changes: bool,
    /// BD-2: little room for state; the promise is then only that nothing is lost.
    pub bounded: bool,
    /// RD-3: Kinesis shows records and ends later than `tip_slack` after their time; the promise is then only that nothing is
    /// lost.
    pub tardy: bool,
    /// CP-8: records grow older than the retention before they are read; the others must not be lost by that.
    pub trims: bool,
    /// Records are aggregates of the producer library, of so many user records at most.
    pub aggregated: usize,
    /// PO-2: records that the process dies of.
    pub killers: usize,
    /// RD-4: the first start is at the latest record.
    pub latest: bool,
    /// Jumps of the clock in a life.
    pub jumps: i64,
    /// PO-3.
    pub decode_all: bool,
    /// The one sink is standard output; otherwise there are receivers behind several.
    pub stdout: bool,
    /// Read by enhanced fan-out; otherwise polled.
    pub fan_out: bool,
    pub lives: usize,
    pub lanes: usize,
    /// Risk events that one attempt may carry.
    pub batch: usize,
    pub queue_bytes: usize,
    pub read_buffer: usize,
    pub channel: usize,
    pub poll: i64,
    pub list: i64,
    pub checkpoint: i64,
    pub drain: i64,
}

impl Habits {
    pub fn draw(rng: &mut Rng) -> Self {
        Self {
            kinesis: rng.pick(&[0, 30, 120]),
            expiry: rng.pick(&[0, 20, 100]),
            empty: rng.pick(&[0, 150]),
            late_answers: rng.pick(&[0, 0, 250]),
            sinks: rng.pick(&[0, 200, 500]),
            store: rng.pick(&[0, 150, 400]),
            table: false,
            suspended: false,
            refused: rng.pick(&[0, 0, 100]),
            lazy: rng.pick(&[0, 0, 300]),
            large: rng.pick(&[0, 0, 250]),
            stalls: rng.chance(200),
            changes: rng.chance(350),
            bounded: rng.chance(120),
            tardy: rng.chance(100),
            trims: rng.chance(100),
            aggregated: rng.pick(&[1, 1, 5]),
            killers: if rng.chance(120) { 1 + rng.index(2) } else { 0 },
            latest: rng.chance(150),
            jumps: rng.pick(&[0, 0, 2]),
            decode_all: rng.chance(500),
            stdout: rng.chance(350),
            lives: 1 + rng.index(6),
            lanes: 1 + rng.index(3),
            batch: rng.pick(&[1, 1, 5]),
            queue_bytes: rng.pick(&[1, 4_000, 1 << 20]),
            read_buffer: rng.pick(&[700, 4_000, 1 << 20]),
            channel: rng.pick(&[1, 64]),
            poll: rng.pick(&[1_000, 1_000, 2_500]),
            list: rng.pick(&[3_000, 20_000, 60_000]),
            checkpoint: rng.pick(&[1_000, 4_000, 10_000]),
            drain: rng.pick(&[2_000, 25_000, 60_000]),
            fan_out: rng.chance(400),
        }
    }

    /// With occasions for a mistake.
    pub fn inviting(self, bug: Option<Bug>) -> Self {
        // The mistaken readers poll, and what they do to records is noticed where all else is exact.
        let is_honest = bug.is_none();
        let fan_out = self.fan_out && is_honest;
        let (tardy, trims) = (self.tardy && is_honest, self.trims && is_honest);
        let aggregated = if is_honest { self.aggregated } else { 1 };
        // What is gone takes the notes of it along.
        let killers = if is_honest && !trims { self.killers } else { 0 };
        let habits = Self { fan_out, tardy, trims, aggregated, killers, ..self };
        match bug {
            Some(Bug::BehindIsTip | Bug::EmptyIsEnd) => Self { empty: 150, ..habits },
            Some(Bug::SkipsAfterExpiry) => Self { expiry: 100, ..habits },
            Some(Bug::LatestAfterError) => Self { kinesis: 120, ..habits },
            Some(Bug::RetryDropped) => Self { sinks: 500, ..habits },
            Some(Bug::LetterForgotten) => Self { store: 400, refused: 100, decode_all: true, ..habits },
            _ => habits,
        }
    }

    /// Whether equal bodies are promised: no bound is hit, and Kinesis keeps its word.
    pub fn is_exact(&self) -> bool {
        !self.bounded && !self.tardy && !self.trims
    }

    /// The longest that something hangs or is down, in milliseconds.
    pub fn longest(&self) -> i64 {
        if self.stalls { 150_000 } else { 15_000 }
    }
}
