//! How long 59 of Splunk's detections take to load, and how fast events pass all of them against one alone: prefilter,
//! decoding, matching, counting. The rounds take turns, so that their ratio holds on a noisy machine.
//!
//! `cargo bench --bench detections -- [EVENTS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use trailrisk::cloudtrail::DecodeLimits;
use trailrisk::detection::{PlanSettings, compile};
use trailrisk::engine::{
    Engine, EngineConfig, Input, Position, SequenceNumber, ShardId, ShardRef, StartPosition, StreamIdentity, Timing,
};
use trailrisk::evaluate::{Evaluator, RawRecord};
use trailrisk::plan::{Bounds, Lookups, Plan};
use trailrisk::spl::Macros;
use trailrisk::time::Arrival;

const CORPUS: &[u8] = include_bytes!("../tests/data/cloudtrail/corpus.ndjson.gz");
const EXAMPLES: &[u8] = include_bytes!("../tests/data/cloudtrail/escu_examples.ndjson.gz");
const DETECTIONS: usize = 59;
const ROUNDS: usize = 5;
/// Records of one request.
const BATCH: usize = 500;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let events: usize = arguments.next().map_or(50_000, |text| text.parse().expect("a number of events"));
    let files = files();
    let mut load = Duration::MAX;
    let mut plans = Vec::new();
    for _ in 0..ROUNDS {
        let (loaded, took) = timed(|| compiled(&files));
        (plans, load) = (loaded, load.min(took));
    }
    println!("{} detections load in {:.1} ms", plans.len(), load.as_secs_f64() * 1e3);
    let records: Vec<String> = lines().into_iter().cycle().take(events).collect();
    let mut best = [Duration::MAX; 2];
    for round in 1..=ROUNDS {
        let one = timed(|| run(&plans[..1], &records)).1;
        let all = timed(|| run(&plans, &records)).1;
        println!("round {round}: 1 detection {:.3} s, {} {:.3} s", one.as_secs_f64(), plans.len(), all.as_secs_f64());
        best = [best[0].min(one), best[1].min(all)];
    }
    let rate = |time: Duration| events as f64 / time.as_secs_f64();
    println!(
        "best: {:.0} events/s with 1, {:.0} with {}, which is {:.2} times as long",
        rate(best[0]),
        rate(best[1]),
        plans.len(),
        best[1].as_secs_f64() / best[0].as_secs_f64()
    );
}

#[expect(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}

/// The detections of the tests, and copies under other ids and names until there are enough.
fn files() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/escu");
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).expect("a folder").map(|file| file.expect("a file").path()).collect();
    paths.sort();
    let texts: Vec<String> = paths.iter().map(|path| std::fs::read_to_string(path).expect("readable")).collect();
    let copy = |number: usize| {
        let text = &texts[number % texts.len()];
        let line = |line: &str| match line {
            line if number >= texts.len() && line.starts_with("id: ") => format!("{line}-{number}"),
            line if number >= texts.len() && line.starts_with("name: ") => format!("{line} {number}"),
            line => line.to_owned(),
        };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    };
    let settings = |_: &str, _: &str| settings();
    let compiles = |text: &String| compile(text, "detection", &Macros::built_in(), &Lookups::new(), &settings).is_ok();
    (0..).map(copy).filter(compiles).take(DETECTIONS).collect()
}

fn settings() -> PlanSettings {
    PlanSettings { window_ms: 3_600_000, grace_ms: 900_000, max_future_skew_ms: 300_000 }
}

fn compiled(files: &[String]) -> Vec<Arc<Plan>> {
    let one = |text: &String| compile(text, "detection", &Macros::built_in(), &Lookups::new(), &|_, _| settings());
    files.iter().map(|text| Arc::new(one(text).expect("it compiled before").plan)).collect()
}

fn lines() -> Vec<String> {
    let mut text = String::new();
    for gzip in [CORPUS, EXAMPLES] {
        MultiGzDecoder::new(gzip).read_to_string(&mut text).expect("the corpus inflates");
    }
    text.lines().map(str::to_owned).collect()
}

/// Every record through the evaluator and the engine.
fn run(plans: &[Arc<Plan>], records: &[String]) -> u64 {
    let config = EngineConfig {
        source_name: "bench".into(),
        stream: StreamIdentity { name: "bench".to_owned(), created_at: 0 },
        bounds: Bounds::default(),
        max_state_bytes: usize::MAX,
        timing: Timing::Batch,
        start: StartPosition::TrimHorizon,
        started_at: Arrival::MIN,
        unseen_from: Arrival::MIN,
    };
    let mut engine = Engine::new(config, plans.to_vec());
    let shard = ShardId::new("shard");
    engine.handle_input(Input::ShardsListed(vec![ShardRef { shard: shard.clone(), parents: Vec::new() }]));
    let evaluator = Evaluator::new(plans.to_vec(), DecodeLimits::default(), false);
    let position =
        |number: usize| Position::After(SequenceNumber::try_new(&(number + 1).to_string()).expect("digits"), 0);
    for (batch, texts) in records.chunks(BATCH).enumerate() {
        let positions: Vec<Position> = (0..texts.len()).map(|index| position(batch * BATCH + index)).collect();
        let raw = texts.iter().zip(&positions).map(|(text, position)| RawRecord {
            position,
            arrival: Arrival::MIN,
            data: text.as_bytes(),
        });
        let records = evaluator.evaluate(raw).records;
        engine.handle_input(Input::Records { shard: shard.clone(), records });
        while engine.poll_output().is_some() {}
    }
    engine.counters().plans.iter().map(|plan| plan.counted + plan.duplicate).sum()
}
