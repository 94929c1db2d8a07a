//! The shell around the engine under a seed: pipeline, coordinator, consumers, byte budget, sinks, dead letters,
//! acknowledgements, saver, reload, as they are, on paused time over simulated ports; with crashes between any two polls
//! of any task, and an oracle that knows nothing of them. The engine alone is in `tests/simulation`.
//!
//! `TRAILRISK_SHELL_SEEDS=20000` runs that many seeds, `TRAILRISK_SHELL_SEED=7` one, with its trace.

mod bugs;
#[path = "../simulation/detections.rs"]
mod detections;
mod habits;
mod kinesis;
mod letters;
mod life;
mod line;
#[path = "../simulation/log.rs"]
mod log;
#[path = "../simulation/oracle.rs"]
mod oracle;
mod outlets;
mod received;
mod receiver;
#[path = "../simulation/rng.rs"]
mod rng;
mod run;
mod store;
mod supervision;
mod verdict;
mod world;

use bugs::Bug;
use run::Outcome;
use world::World;

/// Seeds that every run of the suite repeats.
const FIXED: u64 = 40;
/// Seeds that no run of the suite repeats.
const RANDOM: u64 = 20;
/// Within how many seeds every mistake must be noticed.
const SEEDS_FOR_A_MISTAKE: u64 = 200;

fn outcome(seed: u64, bug: Option<Bug>, tracing: bool) -> Outcome {
    run::run(&World::new(seed, bug, tracing))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// Runs seeds; the first that breaks a rule is reported with what repeats it.
fn all_pass(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let Outcome { violation, .. } = outcome(seed, None, false);
        if let Some((rule, detail)) = violation {
            panic!("seed {seed}: {rule}: {detail}\nrepeat it: TRAILRISK_SHELL_SEED={seed} cargo test --test shell one_seed");
        }
    }
}

#[test]
fn one_seed_is_one_run() {
    let seeds = number("TRAILRISK_SHELL_SEED").map_or(0..12, |seed| seed..seed + 1);
    for seed in seeds {
        let first = outcome(seed, None, true);
        let second = outcome(seed, None, true);
        let differs = first.trace.iter().zip(&second.trace).find(|(a, b)| a != b);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(first.trace.len(), second.trace.len(), "seed {seed}");
    }
}

#[test]
fn semantics_4_the_seed_of_the_environment() {
    let Some(seed) = number("TRAILRISK_SHELL_SEED") else { return };
    let Outcome { violation, trace } = outcome(seed, None, true);
    assert_eq!(violation, None, "seed {seed}\n{}", trace.join("\n"));
}

#[test]
fn semantics_4_whatever_crashes_or_fails_all_lives_together_say_what_the_stream_holds() {
    all_pass(0..number("TRAILRISK_SHELL_SEEDS").unwrap_or(FIXED));
}

#[test]
fn every_mistake_is_noticed() {
    for bug in Bug::ALL {
        let first = (0..SEEDS_FOR_A_MISTAKE).find(|seed| outcome(*seed, Some(bug), false).violation.is_some());
        assert!(first.is_some(), "{bug:?} is not noticed in {SEEDS_FOR_A_MISTAKE} seeds");
    }
}

#[test]
fn survey() {
    let mut failures: std::collections::BTreeMap<&str, (u64, u64, String)> = std::collections::BTreeMap::new();
    for seed in 0..number("TRAILRISK_SHELL_SEEDS").unwrap_or(FIXED) {
        let begun = trailrisk::clock::monotonic();
        let Outcome { violation, .. } = outcome(seed, None, false);
        if begun.elapsed().as_millis() > 1500 { eprintln!("seed {seed} slow {:?}", begun.elapsed()); }
        if let Some((rule, detail)) = violation {
            eprintln!("seed {seed} {rule} {}", detail.chars().take(150).collect::<String>());
            failures.entry(rule).or_insert((0, seed, detail)).0 += 1;
        }
    }
    for (rule, (n, seed, detail)) in failures { eprintln!("## {rule}: {n}, first {seed}: {}", detail.chars().take(1500).collect::<String>()); }
}
