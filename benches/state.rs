//! What open groups cost: processor time an event as they gather, memory a group, the checkpoint over them, and their
//! close, with the longest time for which it keeps the engine from reading; each on one thread, in a process of its own.
//!
//! `cargo bench --bench state -- [EVENTS]`, or one load:
//! `cargo bench --bench state -- EVENTS GROUPS [live|batch] [SHARDS] [below]`; with `below` the search has a threshold that no
//! group reaches.

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../examples/events/generate.rs"]
#[expect(dead_code, reason = "the other wrappers are for the other benches")]
mod generate;

use std::process::Command;
use std::sync::Arc;

use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::detection::{self, PlanSettings};
use trailrisk::engine::{
    Engine, EngineConfig, Input, Output, Polled, Position, SequenceNumber, ShardId, ShardRef, StartPosition,
    StreamIdentity, Timing,
};
use trailrisk::evaluate::{Evaluator, RawRecord};
use trailrisk::plan::{Bounds, Lookups, Plan};
use trailrisk::risk_event::RiskEvent;
use trailrisk::spl::Macros;
use trailrisk::time::Arrival;

const DETECTION: &str = include_str!("../config/detections/aws_exfiltration_via_batch_service.yml");
/// Where its search ends.
const FILTER: &str = "| `aws_exfiltration_via_datasync_task_filter`";
/// 2026-01-05T10:30:00Z, in the hour of the generated events.
const ARRIVAL: Arrival = Arrival(1_767_609_000_000);
/// A Kinesis sequence number has 56 digits.
const SEQUENCE_NUMBER: u128 = 49_590_338_271_490_256_608_559_692_538_361_571_095;
/// Records of one answer.
const BATCH: usize = 500;
/// Risk events taken between two looks at the clock.
const FEW: usize = 16;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |text: &String| text.parse::<u64>().expect("a number");
    let events = arguments.first().map_or(1_000_000, number);
    if let Some(groups) = arguments.get(1).map(number) {
        let timing = if arguments.get(2).is_some_and(|word| word == "live") { Timing::Live } else { Timing::Batch };
        let shards = arguments.get(3).map_or(1, number);
        let below = arguments.get(4).is_some_and(|word| word == "below");
        return Load { events, groups, timing, shards, below }.run();
    }
    let hot = (events / 10).to_string();
    let (all, twentieth) = (events.to_string(), (events / 20).to_string());
    let loads = [
        [&all, &all, "live", "1", ""],
        [&all, &all, "batch", "1", ""],
        [&all, &twentieth, "batch", "1", ""],
        [&all, &twentieth, "live", "100", ""],
        [&all, &twentieth, "live", "100", "below"],
        [&hot, "1", "batch", "1", ""],
    ];
    for load in loads {
        let program = std::env::current_exe().expect("it runs");
        let status = Command::new(program).args(load).status().expect("it runs again");
        assert!(status.success(), "a load failed");
    }
}

struct Load {
    events: u64,
    groups: u64,
    timing: Timing,
    /// By turns each brings a batch.
    shards: u64,
    /// Whether the search has a threshold that no group reaches.
    below: bool,
}

/// Processor time in nanoseconds.
#[derive(Default)]
struct Spent {
    evaluate: u64,
    gather: u64,
    close: u64,
    write: u64,
    longest_step: u64,
}

impl Load {
    fn run(&self) {
        let mut engine = engine(self.plan(), self.timing);
        let shards: Vec<ShardId> = (0..self.shards).map(|n| ShardId::new(&format!("shardId-{n:012}"))).collect();
        let listed = shards.iter().map(|shard| ShardRef { shard: shard.clone(), parents: vec![] });
        engine.handle_input(Input::ShardsListed(listed.collect()));
        let mut spent = Spent::default();
        settle(&mut engine, &mut spent);
        let before = resident();
        self.fill(&mut engine, &shards, &mut spent);
        let (gauges, held) = (engine.gauges(), resident().saturating_sub(before));
        let (_, checkpoint) = cpu(|| engine.checkpoint());
        let (_, begin) = cpu(|| {
            for shard in shards {
                engine.handle_input(Input::AtTip { shard: shard.clone(), read_through: ARRIVAL.plus(3_600_000) });
                engine.handle_input(Input::ShardDrained { shard, children: vec![] });
            }
        });
        spent.longest_step = begin;
        let finals = settle(&mut engine, &mut spent);
        assert_eq!(gauges.open_groups as u64, self.groups);
        assert_eq!(finals, if self.below { 0 } else { self.groups }, "one final for each group that passes");
        let (per_event, per_group) = (|ns: u64| ns / self.events, |ns: u64| ns / self.groups);
        println!(
            "{:?}, {} events in {} groups{} from {} shards: an event {} ns to evaluate, {} ns to gather; a group {} bytes of state, {} \
             resident; checkpoint {:.3} ms; close {} ns and write {} ns a group, the longest step {:.2} ms",
            self.timing,
            self.events,
            self.groups,
            if self.below { " below a threshold" } else { "" },
            self.shards,
            per_event(spent.evaluate),
            per_event(spent.gather),
            gauges.state_bytes as u64 / self.groups,
            held / self.groups,
            checkpoint as f64 / 1e6,
            per_group(spent.close),
            per_group(spent.write),
            spent.longest_step as f64 / 1e6,
        );
    }

    fn plan(&self) -> Arc<Plan> {
        let settings =
            |_: &str, _: &str| PlanSettings { window_ms: 3_600_000, grace_ms: 0, max_future_skew_ms: 3_600_000 };
        assert!(DETECTION.contains(FILTER), "the search ends so");
        let threshold = format!("| where count > {} {FILTER}", self.events);
        let text = if self.below { DETECTION.replace(FILTER, &threshold) } else { DETECTION.to_owned() };
        let compiled = detection::compile(&text, "seed", &Macros::built_in(), &Lookups::new(), &settings);
        Arc::new(compiled.expect("the seed compiles").plan)
    }

    fn fill(&self, engine: &mut Engine, shards: &[ShardId], spent: &mut Spent) {
        let evaluator = Evaluator::new(engine.plans(), DecodeLimits::default(), false);
        let mut generator = generate::Generator::new(generate::Spec {
            events: self.events,
            matches_per_million: 1_000_000,
            groups: self.groups,
            seed: 1,
            wrapper: generate::Wrapper::Bare,
        });
        let mut number = 0;
        for shard in shards.iter().cycle() {
            let mut batch: Vec<(Position, Vec<u8>)> = Vec::with_capacity(BATCH);
            while batch.len() < BATCH {
                let mut text = Vec::new();
                if !generator.record(&mut text) {
                    break;
                }
                number += 1;
                batch.push((self.position(number), text));
            }
            if batch.is_empty() {
                return;
            }
            let records = batch.iter().map(|(position, data)| RawRecord { position, arrival: self.arrival(), data });
            let (evaluation, took) = cpu(|| evaluator.evaluate(records));
            spent.evaluate += took;
            let input = Input::Records { shard: shard.clone(), records: evaluation.records };
            spent.gather += cpu(|| engine.handle_input(input)).1;
            spent.gather += cpu(|| acknowledge(engine)).1;
        }
    }

    fn position(&self, number: u64) -> Position {
        let text = match self.timing {
            Timing::Live => format!("{}{number:018}", SEQUENCE_NUMBER),
            Timing::Batch => number.to_string(),
        };
        Position::After(SequenceNumber::try_new(&text).expect("digits"), 0)
    }

    fn arrival(&self) -> Arrival {
        if self.timing == Timing::Live { ARRIVAL } else { Arrival::MIN }
    }
}

/// Takes what comes out before the end and acknowledges it.
fn acknowledge(engine: &mut Engine) {
    while let Some(output) = engine.poll_output() {
        if let Output::Emit(event) = output {
            engine.handle_input(Input::Delivered(event.delivery_key()));
        }
    }
}

/// A few risk events, or a piece of the work that comes before them; and whether there is more.
fn step(engine: &mut Engine) -> (Vec<RiskEvent>, bool) {
    let mut events = Vec::new();
    for _ in 0..FEW {
        match engine.poll() {
            Polled::Output(Output::Emit(event)) => events.push(*event),
            Polled::Output(_) => {}
            Polled::Busy => return (events, true),
            Polled::Idle if events.is_empty() => return (events, false),
            Polled::Idle => return (events, true),
        }
    }
    (events, true)
}

/// Takes every risk event of the close, writes it and acknowledges it, a few at a time.
fn settle(engine: &mut Engine, spent: &mut Spent) -> u64 {
    let mut finals = 0;
    loop {
        let ((events, more), took) = cpu(|| step(engine));
        spent.close += took;
        spent.longest_step = spent.longest_step.max(took);
        if !more {
            return finals;
        }
        finals += events.len() as u64;
        spent.write += cpu(|| std::hint::black_box(events.iter().map(line).sum::<usize>())).1;
        spent.close += cpu(|| {
            for event in events {
                engine.handle_input(Input::Delivered(event.delivery_key()));
            }
        })
        .1;
    }
}

#[cfg(feature = "daemon")]
fn line(event: &RiskEvent) -> usize {
    use trailrisk::sink::format::native;
    let meta = native::Meta {
        emitted_at: jiff::Timestamp::UNIX_EPOCH,
        producer: "bench",
        worker: "bench",
        stream: "",
        source: None,
    };
    native::line(event, &meta).len()
}

#[cfg(not(feature = "daemon"))]
fn line(event: &RiskEvent) -> usize {
    event.row.len()
}

fn engine(plan: Arc<Plan>, timing: Timing) -> Engine {
    let config = EngineConfig {
        source_name: "bench".into(),
        stream: StreamIdentity { name: "bench".to_owned(), created_at: 0 },
        bounds: Bounds::default(),
        max_state_bytes: usize::MAX,
        timing,
        start: StartPosition::TrimHorizon,
        started_at: Arrival::MIN,
        unseen_from: Arrival::MIN,
    };
    Engine::new(config, vec![plan])
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("every process has it");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number of KiB") * 1024
}

/// The processor time of this thread, in nanoseconds: other processes do not count.
fn cpu<T>(work: impl FnOnce() -> T) -> (T, u64) {
    let before = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let result = work();
    let after = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    let nanoseconds = (after.tv_sec - before.tv_sec) * 1_000_000_000 + after.tv_nsec - before.tv_nsec;
    (result, u64::try_from(nanoseconds).expect("it only grows"))
}
