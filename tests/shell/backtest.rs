//! A backtest of the same stream, over the same failing Kinesis, gives what all lives have said of its range.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use tokio::sync::mpsc;
use trailrisk::backtest::{Backtest, BacktestError, Follower, Range, Seen, Setup, run};
use trailrisk::cloudtrail::{DecodeLimits, Rejected};
use trailrisk::engine::{DeadLetter, ShardId, StartPosition, StreamIdentity};
use trailrisk::metrics::Metrics;
use trailrisk::plan::Bounds;
use trailrisk::risk_event::RiskEvent;
use trailrisk::source::{Source, SourceError};
use trailrisk::time::Arrival;

use crate::kinesis::SimKinesis;
use crate::life::source_config;
use crate::log::BASE;
use crate::oracle::{self, Body, Key};
use crate::world::{World, millis};
use crate::{line, verdict};

/// Everything must be read after so long, in milliseconds.
const PATIENCE: i64 = 3_600_000;

/// What is found over one range.
pub fn check(world: &Arc<World>) {
    let from = BASE + 60_000 + world.below(world.log.settled() - BASE);
    let to = from + 1 + if world.chance(300) { world.below(2_000) } else { world.below(120_000) };
    let range = Range::new(Arrival(from), Arrival(to.min(world.now() - 1).max(from + 1))).expect("not empty");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    // As in a life: the jitter of pauses draws from the thread's generator.
    fastrand::seed(world.below(i64::MAX).unsigned_abs());
    let found = runtime.block_on(async {
        world.begin_life(u64::MAX);
        world.note(|| format!("BACKTEST {range:?}"));
        let found = patiently(world, range).await;
        world.end_life(0);
        found
    });
    let Some(found) = found else { return };
    let expected: BTreeMap<Key, Body> = verdict::of_range(world, range);
    let got: BTreeMap<Key, Body> =
        found.iter().map(oracle::read).map(|(key, body)| (key, line::by_name(body))).collect();
    let invented = got.iter().find(|(key, body)| expected.get(*key) != Some(body));
    world.require(invented.is_none(), "backtest", || format!("{range:?}: live has no {invented:?}"));
    let missing = expected.iter().find(|(key, _)| !got.contains_key(*key));
    world.require(missing.is_none(), "backtest", || format!("{range:?}: live has {missing:?}"));
    world.require(got.len() == found.len(), "backtest", || format!("{range:?}: one result twice"));
}

/// Whoever asked begins anew where Kinesis would not be read to the end.
async fn patiently(world: &Arc<World>, range: Range) -> Option<Vec<RiskEvent>> {
    let begun = world.now();
    loop {
        let one = tokio::time::timeout(millis(PATIENCE), once(world, range)).await;
        match one {
            Ok(Ok(found)) => return Some(found),
            Ok(Err(error)) if world.now() - begun < PATIENCE => {
                world.note(|| format!("BACKTEST {error}"));
                world.wait(10_000).await;
            }
            Ok(Err(error)) => {
                world.violate("backtest", || format!("{range:?} {error}"));
                return None;
            }
            Err(_) => {
                world.violate("backtest", || format!("{range:?} waits for ever"));
                return None;
            }
        }
    }
}

async fn once(world: &Arc<World>, range: Range) -> Result<Vec<RiskEvent>, String> {
    let metrics = Metrics::new(&prometheus::Registry::new()).expect("a new registry");
    let (messages, mut received) = mpsc::channel(world.habits.channel);
    let (config, api) = (source_config(world), SimKinesis::new(Arc::clone(world)));
    let said = |error: SourceError| error.to_string();
    let mut source = Source::with_api(api, &config, world.habits.read_buffer, messages, metrics).await.map_err(said)?;
    let begins_at = world.begins_at();
    let started_at = world.state().started_at.filter(|_| begins_at.is_some());
    let setup = Setup {
        source_name: config.name.clone(),
        stream: StreamIdentity { name: "simulation".to_owned(), created_at: BASE - 1 },
        plans: world.detections.iter().map(|detection| Arc::clone(&detection.plan)).collect(),
        bounds: Bounds { max_evidence: 10_000, ..Bounds::default() },
        max_state_bytes: 1 << 30,
        limits: DecodeLimits::default(),
        decode_all: world.habits.decode_all,
        range,
        seen: started_at.map(|started_at| Seen { started_at, plans: Vec::new() }),
    };
    let mut backtest = Backtest::new(setup).expect("its plans compile");
    let listed = source.list_from(backtest.read_from()).await.map_err(said)?;
    backtest.shards_listed(listed);
    let mut found = Found(Vec::new());
    match run(&mut backtest, &mut source, &mut received, &mut found).await {
        Ok(()) => Ok(found.0),
        Err(BacktestError::Follower(never)) => match never {},
        Err(error) => Err(error.to_string()),
    }
}

impl World {
    /// RD-4: where the first life began, if at an instant.
    pub fn begins_at(&self) -> Option<Arrival> {
        let at = |start: &StartPosition| match start {
            StartPosition::AtTimestamp(at) => Some(*at),
            StartPosition::TrimHorizon => None,
        };
        self.state().starts.values().find_map(at)
    }
}

struct Found(Vec<RiskEvent>);

impl Follower for Found {
    type Error = Infallible;

    fn risk_event(&mut self, event: &RiskEvent) -> Result<(), Infallible> {
        self.0.push(event.clone());
        Ok(())
    }

    fn rejected(&mut self, _: &DeadLetter, _: &Rejected) {}

    fn progress(&mut self, _: &Backtest) {}

    fn shard_done(&mut self, _: &ShardId, _: &Backtest) {}

    fn stalled(&mut self, _: &ShardId, _: bool) {}

    fn lost(&mut self, _: &ShardId, _: Option<(Arrival, Arrival)>, _: &str) {}
}
