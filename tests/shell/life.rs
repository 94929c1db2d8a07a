//! One life of the daemon: everything that `trailrisk run` puts together, over simulated ports, on a runtime of its own
//! whose time is paused; and its end.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;

use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use trailrisk::admin::{Liveness, Readiness};
use trailrisk::checkpoint::CheckpointStore;
use trailrisk::clock;
use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::config::{
    ConsumerRef, HashRangeCheck, ProtocolConfig, ReaderConfig, SourceConfig, StartConfig, StreamRef,
};
use trailrisk::engine::{Checkpoint, Engine, EngineConfig, Input, StartPosition, StreamIdentity, Timing};
use trailrisk::isolation::Isolation;
use trailrisk::metrics::Metrics;
use trailrisk::pipeline::{Ended, Observer, Parts, Pipeline, PipelineError, Reload};
use trailrisk::plan::{Bounds, Plan};
use trailrisk::sink::{DeadLetters, workers_ended};
use trailrisk::source::{Source, SourceError};
use trailrisk::time::Arrival;

use crate::bugs;
use crate::killers::{self, Killed};
use crate::kinesis::{self, SimKinesis};
use crate::letters::SimLetters;
use crate::notes::SimNotes;
use crate::outlets;
use crate::store::SimStore;
use crate::stored;
use crate::supervision::{self, Goal};
use crate::table;
use crate::world::{Mortal, World, millis};

/// How a life goes.
pub struct Fate {
    /// The poll at which it dies.
    pub dies_at: u64,
    pub goal: Goal,
}

/// How a life ended.
#[derive(Debug)]
pub enum End {
    Crash,
    Ended(Ended),
    /// It did not start; whoever supervises it starts another one.
    NoStart(SourceError),
    Failed(PipelineError),
}

/// A process, also one that is suspended: nothing of it runs meanwhile.
pub struct Process {
    // Before the runtime, on which it depends.
    work: Pin<Box<Mortal>>,
    runtime: Runtime,
    suspended_at: i64,
}

/// Lives it. What is left of a process that has crashed may be woken as one that was only suspended.
pub fn live(world: &Arc<World>, fate: Fate) -> (End, Process) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // The main task has its turn between any two others: then the end can come there.
        .event_interval(1)
        .build()
        .expect("a runtime without I/O");
    // The jitter of pauses draws from the thread's generator.
    fastrand::seed(world.below(i64::MAX).unsigned_abs());
    runtime.block_on(async {
        world.begin_life(fate.dies_at);
        world.begin_noting();
        world.note(|| "BEGIN".to_owned());
    });
    let work = Box::pin(Mortal::new(Arc::clone(world), process(Arc::clone(world), fate.goal)));
    let mut process = Process { work, runtime, suspended_at: 0 };
    (process.run(world), process)
}

impl Process {
    fn run(&mut self, world: &Arc<World>) -> End {
        let Self { work, runtime, .. } = self;
        let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(work)));
        let end = ended.map(|end| end.unwrap_or(End::Crash)).unwrap_or_else(|panic| {
            // Whatever else panics is a mistake.
            if panic.is::<Killed>() { End::Crash } else { resume_unwind(panic) }
        });
        self.runtime.block_on(async {
            world.note(|| format!("END {end:?}"));
            ends_in_time(world);
            self.suspended_at = world.now();
            world.end_life(downtime(world));
        });
        end
    }

    /// It goes on, if it was only suspended: others may have taken over and be gone again, and its monotonic clock says how
    /// long it was not there.
    pub fn wake(mut self, world: &Arc<World>) -> End {
        self.runtime.block_on(async {
            let away = millis(world.now() - self.suspended_at);
            world.wake_life(away);
            world.note(|| format!("WAKE after {away:?}"));
            tokio::time::advance(away).await;
        });
        let end = self.run(world);
        world.state().zombie = false;
        end
    }
}

/// ST-1: the drain has a deadline; behind it only the store is waited for, which may be at another save by then.
fn ends_in_time(world: &World) {
    let Some(stopped) = world.state().stopping else { return };
    let saves = 3 * (world.habits.longest().min(60_000) + 12_000);
    let drain = if world.state().calm { 300_000 } else { world.habits.drain };
    let took = world.now() - stopped;
    world.require(took <= drain + saves, "ST-1", || format!("the stop took {took} ms"));
}

fn downtime(world: &World) -> i64 {
    if world.chance(100) { world.below(90_000) } else { world.below(8_000) }
}

/// As `trailrisk run` does it, without files and ports.
async fn process(world: Arc<World>, goal: Goal) -> End {
    let registry = prometheus::Registry::new();
    let metrics = Metrics::new(&registry).expect("a new registry");
    if world.habits.table {
        let store = table::open(&world, &metrics).await;
        process_with(store, world, goal, metrics).await
    } else {
        let store = SimStore::open(Arc::clone(&world)).await;
        process_with(store, world, goal, metrics).await
    }
}

async fn process_with(mut store: impl CheckpointStore, world: Arc<World>, goal: Goal, metrics: Metrics) -> End {
    let stored = store.load().await.expect("it can be read");
    let (messages, received) = mpsc::channel(world.habits.channel);
    let config = source_config(&world);
    let api = SimKinesis::new(Arc::clone(&world));
    let buffer = world.habits.read_buffer;
    let mut source = match Source::with_api(api, &config, buffer, messages, metrics.clone()).await {
        Ok(source) => source,
        Err(error) => return End::NoStart(error),
    };
    let engine = match engine(&world, &config, &mut source, stored).await {
        Ok(engine) => engine,
        Err(error) => return End::NoStart(error),
    };
    let isolation = match isolation(&world, &source) {
        Ok(isolation) => isolation,
        Err(error) => return End::NoStart(error),
    };
    let (stop, end_sinks) = (CancellationToken::new(), CancellationToken::new());
    let (dead_letters, dead_letter_acknowledgements) = DeadLetters::with_store(
        SimLetters(Arc::clone(&world)),
        &metrics.process,
        outlets::no_clock(),
        end_sinks.clone(),
    );
    let heartbeat = Liveness::new(millis(60_000)).watch("pipeline", clock::monotonic());
    let observer =
        Observer::new(metrics.clone(), Readiness::starting(), heartbeat, "simulation".to_owned(), &engine, 1 << 30);
    let unclaimed = dead_letters.unclaimed();
    let (sinks, acknowledgements) = outlets::start(&world, &metrics, &dead_letters, end_sinks.clone());
    let sinks_ended = sinks.ended();
    let (reloads, reloaded) = mpsc::channel(1);
    let parts = Parts {
        engine,
        decode_limits: DecodeLimits::default(),
        decode_all: world.habits.decode_all,
        reloads: reloaded,
        source,
        messages: killers::between(&world, bugs::between(&world, received)),
        sinks,
        acknowledgements,
        dead_letters,
        dead_letter_acknowledgements,
        observer,
        checkpoint_interval: millis(world.habits.checkpoint),
        drain_deadline: millis(if world.state().calm { 300_000 } else { world.habits.drain }),
    };
    surround(&world, goal, &stop, reloads, &metrics);
    let ended = Pipeline::new(parts, store).isolating(isolation).run(stop.clone()).await;
    world.require(stop.is_cancelled(), "ST-1", || "whoever shares the stop is not told that it ended".to_owned());
    end_sinks.cancel();
    workers_ended(sinks_ended).await;
    outlets::lifted(&world, &metrics);
    match ended {
        Ok(ended) => End::Ended(outlets::accounts(&world, &metrics, ended, *unclaimed.borrow())),
        Err(error) => End::Failed(error),
    }
}

/// What goes on around the pipeline.
fn surround(
    world: &Arc<World>,
    goal: Goal,
    stop: &CancellationToken,
    reloads: mpsc::Sender<Reload>,
    metrics: &Metrics,
) {
    tokio::spawn(supervision::stop(Arc::clone(world), goal, stop.clone()));
    tokio::spawn(supervision::reload(Arc::clone(world), reloads));
    tokio::spawn(supervision::watch_stalls(Arc::clone(world), metrics.clone()));
    tokio::spawn(kinesis::jump(Arc::clone(world)));
    tokio::spawn(stored::trim(Arc::clone(world)));
}

pub fn source_config(world: &World) -> SourceConfig {
    SourceConfig {
        name: "simulation".to_owned(),
        stream: StreamRef::Name("simulation".to_owned()),
        region: None,
        endpoint_url: None,
        role: None,
        start: match world.log.start {
            _ if world.habits.latest => StartConfig::Latest,
            StartPosition::TrimHorizon => StartConfig::TrimHorizon,
            StartPosition::AtTimestamp(at) => StartConfig::AtTimestamp(at),
        },
        reader: if world.habits.fan_out {
            ReaderConfig::FanOut { consumer: ConsumerRef::Name("simulation".to_owned()), register: false }
        } else {
            ReaderConfig::Polling
        },
        hash_range_check: HashRangeCheck::Auto,
        protocol: ProtocolConfig::Own,
        poll_interval: millis(world.habits.poll),
        idle_poll_interval: millis(world.habits.poll * 3),
        tip_slack: millis(crate::log::TIP_SLACK),
        stalled_after: millis(60_000),
        request_timeout: millis(10_000),
        list_interval: millis(world.habits.list),
        outage_budget: millis(3_600_000),
    }
}

/// New or restored, with the start frontier registered (RD-2).
async fn engine(
    world: &World,
    config: &SourceConfig,
    source: &mut Source<SimKinesis>,
    stored: Option<Checkpoint>,
) -> Result<Engine, SourceError> {
    let described = source.description();
    let stream = StreamIdentity { name: described.name.clone(), created_at: described.created_at };
    let plans: Vec<Arc<Plan>> = world.state().active.iter().map(|detection| Arc::clone(&detection.plan)).collect();
    let engine_config = |start, started_at, unseen_from| EngineConfig {
        source_name: config.name.as_str().into(),
        stream,
        bounds: Bounds { max_evidence: 10_000, ..Bounds::default() },
        max_state_bytes: if world.habits.bounded { 4_000 } else { 1 << 30 },
        timing: Timing::Live,
        start,
        started_at,
        unseen_from,
    };
    let mut engine = match stored {
        Some(checkpoint) => {
            let config = engine_config(StartPosition::TrimHorizon, checkpoint.started_at, unseen_from(source)?);
            Engine::restore(config, plans, checkpoint).expect("stored plans compile")
        }
        None => {
            let start = source.resolve_start()?;
            let started_at = match start {
                StartPosition::AtTimestamp(at) => at,
                StartPosition::TrimHorizon => world.log.started_at,
            };
            Engine::new(engine_config(start, started_at, Arrival::MIN), plans)
        }
    };
    engine.handle_input(Input::ShardsListed(source.list().await?));
    Ok(engine)
}

/// PO-2.
fn isolation(world: &Arc<World>, source: &Source<SimKinesis>) -> Result<Isolation, SourceError> {
    let notes = Box::new(SimNotes(Arc::clone(world)));
    world.state().noted.unseen_from = Some(unseen_from(source)?);
    Ok(Isolation::kept_in(notes, unseen_from(source)?).expect("it can be read"))
}

/// No earlier life has read what arrives from then on.
fn unseen_from(source: &Source<SimKinesis>) -> Result<Arrival, SourceError> {
    Ok(source.server_time().ok_or(SourceError::NoServerTime)?.plus(crate::log::TIP_SLACK + 1_000))
}
