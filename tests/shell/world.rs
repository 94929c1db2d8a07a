//! What all lives of a daemon share: the stream, Kinesis's clock, the one source of chance, what was received, and the
//! trace. Everything here outlives a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::time::Instant;
use trailrisk::engine::{Checkpoint, PlanSpan, Position, ShardId, StartPosition};
use trailrisk::time::Arrival;

use crate::bugs::Bug;
use crate::detections::{self, Detection};
use crate::habits::Habits;
use crate::killers::{self, Killers, Noted};
use crate::life::End;
use crate::log::{self, Log, LogRecord, LogShard};
use crate::received::Received;
use crate::rng::Rng;
use crate::stored;
use crate::table::Items;

/// How much later than a shard's creation a listing may show it. The source believes that a shard has no children when
/// two listings, a second apart, show none.
pub const LISTING_LAG: i64 = 900;

/// Two of these are more than the pipeline takes at once.
const LARGE: usize = 40_000;

/// See the module.
pub struct World {
    pub log: Log,
    /// Of each record, its bytes.
    pub bytes: Vec<Vec<Arc<[u8]>>>,
    /// Records that hold an event without a time beside their others.
    pub undated: BTreeSet<(usize, Position)>,
    /// PO-2.
    pub killers: Killers,
    /// The detections at the first start.
    pub detections: Vec<Detection>,
    pub habits: Habits,
    pub bug: Option<Bug>,
    tracing: bool,
    state: Mutex<State>,
}

/// What changes.
pub struct State {
    pub rng: Rng,
    pub received: Received,
    /// What the checkpoint store holds, and what it held before.
    pub durable: Option<Checkpoint>,
    pub previous: Option<Checkpoint>,
    /// What the table holds.
    pub items: Items,
    /// What isolation has kept (PO-2).
    pub notes: Option<Vec<u8>>,
    pub noted: Noted,
    /// Where each version of a detection counts, by the last durable checkpoint that knew it: each time that it came.
    pub spans: BTreeMap<String, Vec<Vec<PlanSpan>>>,
    /// The detections that the configuration holds now, and all that it ever held.
    pub active: Vec<Detection>,
    pub known: Vec<Detection>,
    /// Where each shard was begun, and the instant of the first start, by the first durable checkpoint that knew it.
    pub starts: BTreeMap<ShardId, StartPosition>,
    pub started_at: Option<Arrival>,
    /// The newest version of the first detection.
    pub version: u32,
    /// All lives are over, and a backtest looks at what they have read.
    pub backtest: bool,
    /// Everything works from now on.
    pub calm: bool,
    /// When the life at hand was asked to stop.
    pub stopping: Option<i64>,
    /// Shards that Kinesis has forgotten.
    pub forgotten: BTreeSet<ShardId>,
    /// CP-8: of each shard, how many of its first user records are gone.
    pub trimmed: Vec<usize>,
    /// When a shard was last subscribed to.
    pub subscribed: BTreeMap<ShardId, i64>,
    pub kinesis_down_until: i64,
    pub sinks_down_until: i64,
    pub store_down_until: i64,
    /// What has happened, for the proof that the seeds reach it.
    pub seen: BTreeSet<&'static str>,
    /// A process that was suspended is awake again, though another may have taken its place.
    pub zombie: bool,
    /// A save is on its way: before or behind its write.
    pub saving: Option<&'static str>,
    pub violation: Option<(&'static str, String)>,
    trace: Vec<String>,
    /// Kinesis's clock at an instant of the life at hand.
    clock: (i64, Option<Instant>),
    /// Polls of this life so far, and the one at which it dies.
    polls: u64,
    dies_at: u64,
    main: Option<Waker>,
}

impl World {
    pub fn new(seed: u64, bug: Option<Bug>, tracing: bool) -> Arc<Self> {
        let mut rng = Rng::new(seed, 21);
        // Mistakes of the store are put into the one document.
        let table = (bug.is_none() && seed % 3 == 1) || bug == Some(Bug::GuardIgnored);
        let habits = Habits { table, ..Habits::draw(&mut rng).inviting(bug) };
        let habits = Habits { suspended: table && seed % 2 == 1 && habits.killers == 0, ..habits };
        let mut log = log::generate(seed);
        stored::renumber(&mut log, habits.aggregated, &mut rng);
        if habits.tardy {
            stored::surface_late(&mut log, &mut rng);
        }
        // No shard that a listing shows late may hold anything older.
        if let StartPosition::AtTimestamp(from) = &mut log.start {
            *from = from.plus(-2 * LISTING_LAG);
            log.started_at = *from;
        }
        let killers = killers::choose(&log, habits.killers, &mut rng);
        let undated = undated(&log, &mut rng);
        let bytes = bytes(&log, &undated, || rng.chance(habits.large));
        let mut detections = detections::choose(&mut rng);
        detections.extend(detections::choose_whole(&mut Rng::new(seed, 22)));
        let state = State {
            received: Received::default(),
            durable: None,
            previous: None,
            items: Items::new(),
            notes: None,
            noted: Noted::default(),
            spans: BTreeMap::new(),
            known: detections.clone(),
            active: detections.clone(),
            starts: BTreeMap::new(),
            started_at: None,
            version: 1,
            calm: false,
            backtest: false,
            stopping: None,
            forgotten: BTreeSet::new(),
            trimmed: vec![0; log.shards.len()],
            subscribed: BTreeMap::new(),
            kinesis_down_until: 0,
            sinks_down_until: 0,
            store_down_until: 0,
            seen: BTreeSet::new(),
            zombie: false,
            saving: None,
            violation: None,
            trace: Vec::new(),
            clock: (log.first_start, None),
            polls: 0,
            dies_at: u64::MAX,
            main: None,
            rng,
        };
        Arc::new(Self { log, bytes, undated, killers, detections, habits, bug, tracing, state: Mutex::new(state) })
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no holder panics")
    }

    pub fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// All lives are over.
    pub fn is_backtest(&self) -> bool {
        self.state().backtest
    }

    pub fn has_a_bug(&self) -> bool {
        self.bug.is_some()
    }

    /// Kinesis's true time, in milliseconds since the epoch.
    pub fn now(&self) -> i64 {
        let (base, begun) = self.state().clock;
        base + begun.map_or(0, |begun| i64::try_from(begun.elapsed().as_millis()).expect("a short life"))
    }

    pub fn chance(&self, per_mille: i64) -> bool {
        self.state().rng.chance(per_mille)
    }

    /// A mishap, which does not happen when all is calm.
    pub fn mishap(&self, per_mille: i64) -> bool {
        let mut state = self.state();
        !state.calm && state.rng.chance(per_mille)
    }

    /// Whether something is still down.
    pub fn is_down(&self, until: impl FnOnce(&State) -> i64) -> bool {
        let now = self.now();
        let state = self.state();
        !state.calm && until(&state) > now
    }

    pub fn below(&self, limit: i64) -> i64 {
        self.state().rng.below(limit)
    }

    /// A line of the trace.
    pub fn note(&self, what: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!("{} {}", self.now() - log::BASE, what());
            self.state().trace.push(line);
        }
    }

    /// This has happened.
    pub fn seen(&self, what: &'static str) {
        self.state().seen.insert(what);
    }

    pub fn take_trace(&self) -> Vec<String> {
        std::mem::take(&mut self.state().trace)
    }

    /// The first violation counts.
    pub fn violate(&self, rule: &'static str, detail: impl FnOnce() -> String) {
        let mut state = self.state();
        if state.violation.is_none() {
            state.violation = Some((rule, detail()));
        }
    }

    pub fn require(&self, holds: bool, rule: &'static str, detail: impl FnOnce() -> String) {
        if !holds {
            self.violate(rule, detail);
        }
    }

    /// A pause of so many milliseconds at most; often none but that of a few other tasks' turns.
    pub async fn pause(&self, longest: i64) {
        let millis = if self.chance(300) { 0 } else { self.below(longest + 1) };
        if millis == 0 {
            for _ in 0..self.below(4) {
                tokio::task::yield_now().await;
            }
        }
        self.wait(millis).await;
    }

    pub async fn wait(&self, millis: i64) {
        if millis > 0 {
            tokio::time::sleep(Duration::from_millis(millis.unsigned_abs())).await;
        }
    }

    // --- Lives.

    /// A life begins, on the runtime of the caller; it dies at this poll.
    pub fn begin_life(&self, dies_at: u64) {
        let mut state = self.state();
        state.clock.1 = Some(Instant::now());
        (state.polls, state.dies_at, state.stopping, state.saving) = (0, dies_at, None, None);
    }

    /// A process that was suspended for so long goes on, and is not suspended again.
    pub fn wake_life(&self, away: Duration) {
        let mut state = self.state();
        state.clock.1 = Some(Instant::now() + away);
        (state.dies_at, state.stopping, state.saving, state.zombie) = (u64::MAX, None, None, true);
    }

    /// A life ends, and for so many milliseconds there is none.
    pub fn end_life(&self, downtime: i64) {
        let end = self.now();
        let mut state = self.state();
        state.clock = (end + downtime, None);
        state.main = None;
    }

    /// Counts the polls of a call of a port: the life may end at each of them.
    pub fn counted<F: Future>(self: &Arc<Self>, work: F) -> impl Future<Output = F::Output> + use<F> {
        let world = Arc::clone(self);
        let mut work = Box::pin(work);
        std::future::poll_fn(move |cx| {
            let polled = work.as_mut().poll(cx);
            world.step();
            polled
        })
    }

    fn step(&self) {
        let mut state = self.state();
        state.polls += 1;
        if state.polls >= state.dies_at
            && let Some(main) = &state.main
        {
            main.wake_by_ref();
        }
    }

    /// The life at hand ends at its next turn, but for the last ones.
    pub fn die(&self) {
        let mut state = self.state();
        state.dies_at = 0;
        if let Some(main) = &state.main {
            main.wake_by_ref();
        }
    }

    fn crashed(&self) {
        let mut state = self.state();
        let during = state.saving.take();
        state.seen.extend(["a crash"].into_iter().chain(during));
    }

    fn is_dying(&self, cx: &Context<'_>) -> bool {
        let mut state = self.state();
        state.main = Some(cx.waker().clone());
        state.polls >= state.dies_at
    }
}

/// A process that can die: `work`, polled until its world says that this was the last time. A few more tasks may run
/// before the end, so that it can come between any two polls of any of them.
pub struct Mortal {
    work: Pin<Box<dyn Future<Output = End>>>,
    world: Arc<World>,
    last_turns: i64,
}

impl Mortal {
    pub fn new(world: Arc<World>, work: impl Future<Output = End> + 'static) -> Self {
        let last_turns = world.below(12);
        Self { work: Box::pin(work), world, last_turns }
    }
}

impl Future for Mortal {
    /// None after a crash.
    type Output = Option<End>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.world.is_dying(cx) {
            if self.last_turns == 0 {
                self.world.note(|| "CRASH".to_owned());
                self.world.crashed();
                return Poll::Ready(None);
            }
            self.last_turns -= 1;
            cx.waker().wake_by_ref();
        }
        // The runtime may have had something else to do first.
        if self.world.chance(self.world.habits.lazy) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        self.world.step();
        self.work.as_mut().poll(cx).map(Some)
    }
}

fn undated(log: &Log, rng: &mut Rng) -> BTreeSet<(usize, Position)> {
    let per_mille = rng.pick(&[0, 40]);
    let records = log.shards.iter().enumerate().flat_map(|(ix, shard)| shard.records.iter().map(move |one| (ix, one)));
    let whole = records.filter(|(_, record)| !record.poison);
    whole.filter(|_| rng.chance(per_mille)).map(|(ix, record)| (ix, record.position.clone())).collect()
}

fn bytes(log: &Log, undated: &BTreeSet<(usize, Position)>, mut is_large: impl FnMut() -> bool) -> Vec<Vec<Arc<[u8]>>> {
    let mut of_record = |ix: usize, record: &LogRecord| -> Arc<[u8]> {
        let is_undated = undated.contains(&(ix, record.position.clone()));
        let mut bytes = if is_undated { with_undated(record) } else { record.bytes() };
        let length = if is_large() { LARGE } else { bytes.len() };
        bytes.resize(length, b' ');
        bytes.into()
    };
    let mut of_shard = |(ix, shard): (usize, &LogShard)| shard.records.iter().map(|one| of_record(ix, one)).collect();
    log.shards.iter().enumerate().map(&mut of_shard).collect()
}

/// WN-5: the record's events, and one that nobody can place.
fn with_undated(record: &LogRecord) -> Vec<u8> {
    let mut events: Vec<_> = record.events.iter().map(log::LogEvent::json).collect();
    let undated = serde_json::json!({"eventVersion": "1.08", "eventID": "undated", "eventName": "Alpha",
        "eventSource": "sim.amazonaws.com"});
    events.push(undated);
    serde_json::to_vec(&serde_json::json!({ "Records": events })).expect("JSON values serialise")
}

/// Milliseconds as a duration.
pub fn millis(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}
