//! What each step of the way of a record costs, in processor time of one thread, over generated events in memory: the
//! prefilter, inflating, decoding, matching. The engine's steps are elsewhere.
//!
//! `cargo bench --bench stages -- [EVENTS]`

#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

#[path = "../examples/events/generate.rs"]
mod generate;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use generate::{Generator, Spec, Wrapper};
use trailrisk::cloudtrail::{DecodeLimits, decode_each};
use trailrisk::detection::{PlanSettings, compile};
use trailrisk::engine::Position;
use trailrisk::evaluate::{Evaluator, RawRecord};
use trailrisk::plan::{Lookups, Plan};
use trailrisk::spl::Macros;
use trailrisk::time::Arrival;

const SEED: &str = include_str!("../config/detections/aws_exfiltration_via_batch_service.yml");
const EVENTS: u64 = 10_000;
const ROUNDS: usize = 5;
/// The kernel counts in ticks of some milliseconds: a round has many.
const ROUND_NANOS: u64 = 200_000_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let events: u64 = arguments.next().map_or(EVENTS, |text| text.parse().expect("a number of events"));
    let one = evaluator(vec![plan(SEED).expect("the seed compiles")], false);
    let escu: Vec<Arc<Plan>> = escu().iter().filter_map(|text| plan(text)).collect();
    println!("{} ESCU detections compile; medians of {ROUNDS} rounds over {events} events", escu.len());
    let escu_count = escu.len();
    let all = evaluator(escu, false);
    let everything = evaluator(vec![plan(SEED).expect("the seed compiles")], true);
    for (wrapper, name) in [
        (Wrapper::Bare, "bare"),
        (Wrapper::EventBridge, "eventbridge"),
        (Wrapper::CloudWatchLogs, "cloudwatch_logs"),
        (Wrapper::File, "file"),
    ] {
        let input = |per_million| Input::generate(events, per_million, wrapper);
        let (none, rare, tenth, every) = (input(0), input(1_000), input(100_000), input(1_000_000));
        // Gzip is not looked through before it is inflated.
        let is_gzip = matches!(wrapper, Wrapper::CloudWatchLogs | Wrapper::File);
        for (evaluator, count) in [(&one, 1), (&all, escu_count)].into_iter().filter(|_| !is_gzip) {
            none.stage(&format!("{name}: prefilter, {count} detections"), |record| {
                black_box(evaluator.prefilter().admits(record));
            });
        }
        none.stage(&format!("{name}: decode"), decode);
        every.stage(&format!("{name}: decode, JobCreated"), decode);
        for (mix, percent) in [(&none, "0 %"), (&rare, "0.1 %"), (&tenth, "10 %"), (&every, "100 %")] {
            mix.stage(&format!("{name}: evaluate, {percent} match"), |record| evaluate(&one, record));
        }
        tenth.stage(&format!("{name}: evaluate, 10 % match, {escu_count} detections"), |record| evaluate(&all, record));
        none.stage(&format!("{name}: evaluate, 0 % match, no prefilter"), |record| evaluate(&everything, record));
    }
}

/// Records in memory.
struct Input {
    records: Vec<Vec<u8>>,
    events: u64,
}

impl Input {
    fn generate(events: u64, matches_per_million: u64, wrapper: Wrapper) -> Self {
        let mut generator = Generator::new(Spec { events, matches_per_million, groups: 1_000, seed: 1, wrapper });
        let mut records = Vec::new();
        loop {
            let mut record = Vec::new();
            if !generator.record(&mut record) {
                return Self { records, events };
            }
            records.push(record);
        }
    }

    fn stage(&self, name: &str, mut work: impl FnMut(&[u8])) {
        let mut rounds: Vec<u64> = (0..ROUNDS)
            .map(|_| {
                let (before, mut passes) = (processor_time(), 0);
                loop {
                    self.records.iter().for_each(|record| work(record));
                    passes += 1;
                    let passed = processor_time() - before;
                    if passed >= ROUND_NANOS {
                        break passed / passes;
                    }
                }
            })
            .collect();
        rounds.sort_unstable();
        let nanos = rounds[ROUNDS / 2] as f64;
        let bytes: usize = self.records.iter().map(Vec::len).sum();
        println!(
            "{name:<58} {:>8.0} ns/event {:>6.2} M events/s {:>6.2} GB/s",
            nanos / self.events as f64,
            self.events as f64 / nanos * 1e3,
            bytes as f64 / nanos
        );
    }
}

fn decode(record: &[u8]) {
    decode_each(record, &DecodeLimits::default(), &|_| true, &mut |event| drop(black_box(event)));
}

fn evaluate(evaluator: &Evaluator, record: &[u8]) {
    let record = RawRecord { position: &Position::Start, arrival: Arrival(0), data: record };
    black_box(evaluator.evaluate([record]));
}

fn evaluator(plans: Vec<Arc<Plan>>, decode_all: bool) -> Evaluator {
    Evaluator::new(plans, DecodeLimits::default(), decode_all)
}

fn plan(text: &str) -> Option<Arc<Plan>> {
    let settings = |_: &str, _: &str| PlanSettings { window_ms: 3_600_000, grace_ms: 0, max_future_skew_ms: 0 };
    let compiled = compile(text, "detection", &Macros::built_in(), &Lookups::new(), &settings);
    compiled.ok().map(|compiled| Arc::new(compiled.plan))
}

fn escu() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/escu");
    let files = std::fs::read_dir(folder).expect("the folder exists");
    files.map(|file| std::fs::read_to_string(file.expect("readable").path()).expect("UTF-8")).collect()
}

/// Nanoseconds that this thread has run.
fn processor_time() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux");
    text.split_whitespace().next().and_then(|nanos| nanos.parse().ok()).expect("a number")
}
