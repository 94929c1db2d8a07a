//! The evidence that the engine keeps the contract (`docs/semantics.md`): random logs and schedules with crashes,
//! restarts and failing sinks against a batch oracle; and mistakes put in on purpose, each of which must be noticed.
//!
//! `TRAILRISK_SIM_SEEDS=20000` runs that many seeds, from `TRAILRISK_SIM_FIRST` on; `TRAILRISK_SIM_SEED=7` one, with its trace
//! on failure.

mod bench;
mod broken;
mod bugs;
mod calm;
mod checks;
mod detections;
mod directed;
mod log;
#[path = "../support/measured.rs"]
mod measured;
mod oracle;
mod plan_change;
mod process;
#[cfg(feature = "daemon")]
mod ranges;
mod rng;
mod run;
mod sink;
mod store;
mod stream;
mod verdict;
mod whole;
mod world;

use std::any::Any;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bugs::Bug;
use checks::Violation;
use rng::Rng;
use run::Run;
use world::{Breaks, Options, World};

/// Schedules per log.
const SCHEDULES: u64 = 2;
/// Whether shards stall, and the room for state, where they are far apart.
const FAR_AHEAD: [(bool, Option<usize>); 4] =
    [(false, Some(12_000)), (true, Some(6_000)), (false, Some(40_000)), (true, None)];
/// Within how many seeds every mistake must be noticed.
const SEEDS_FOR_A_MISTAKE: u64 = 200;

fn world(seed: u64) -> World {
    let mut world = world_of_groups(seed);
    world.detections.extend(detections::choose_whole(&mut Rng::new(seed, 8)));
    world
}

/// Every row of which is that of one group.
fn world_of_groups(seed: u64) -> World {
    let mut rng = Rng::new(seed, 3);
    World::new(log::generate(seed), detections::choose(&mut rng), rng.chance(500))
}

/// A world whose Kinesis breaks this of its word.
fn world_that(breaks: Breaks, seed: u64) -> World {
    let mut world = world(seed);
    if breaks == Breaks::Slack {
        broken::surface_late(&mut world.log, &mut Rng::new(seed, 4));
    }
    world
}

/// Runs one schedule; a panic of the engine (its assertions are rules, too) is a violation.
fn run_schedule(world: &World, options: Options, schedule: u64) -> Result<Finals, (Violation, Vec<String>)> {
    let mut run = Run::new(world, options, schedule);
    let outcome = catch_unwind(AssertUnwindSafe(|| run.go()));
    let outcome = outcome.unwrap_or_else(|panic| Err(assertion(&*panic)));
    match outcome {
        Ok(()) => Ok(run.checks.finals().clone()),
        Err(violation) => Err((violation, std::mem::take(&mut run.trace))),
    }
}

fn assertion(panic: &(dyn Any + Send)) -> Violation {
    let detail = panic.downcast_ref::<String>().cloned();
    let detail = detail.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
    Violation { rule: "assertion", detail: detail.unwrap_or_default() }
}

type Finals = BTreeMap<trailrisk::risk_event::RiskEventId, trailrisk::risk_event::RiskEvent>;

/// All schedules of a seed's log come to the same finals, ids included.
fn run_seed(seed: u64, options: Options) -> Result<(), Violation> {
    run_in(&world_that(options.breaks, seed), seed, options)
}

fn run_in(world: &World, seed: u64, options: Options) -> Result<(), Violation> {
    let mut first: Option<Finals> = None;
    for schedule in 0..SCHEDULES {
        let number = seed * SCHEDULES + schedule;
        let finals =
            run_schedule(world, options, number).map_err(|(violation, trace)| with_trace(violation, &trace))?;
        let same = first.get_or_insert_with(|| finals.clone()) == &finals;
        if !same && options.is_exact() {
            return Err(Violation { rule: "EM-4", detail: "two schedules, two sets of finals".to_owned() });
        }
    }
    Ok(())
}

/// The end of the trace, where there is one.
fn with_trace(violation: Violation, trace: &[String]) -> Violation {
    if trace.is_empty() {
        return violation;
    }
    let detail = format!("{}\n{}", trace.join("\n"), violation.detail);
    Violation { detail, ..violation }
}

fn seeds(default: u64) -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse().expect("a number"));
    match number("TRAILRISK_SIM_SEED") {
        Some(seed) => seed..seed + 1,
        None => {
            let first = number("TRAILRISK_SIM_FIRST").unwrap_or(0);
            first..first + number("TRAILRISK_SIM_SEEDS").unwrap_or(default)
        }
    }
}

fn all_pass(seeds: std::ops::Range<u64>, options: Options) {
    judge(seeds, |seed, trace| run_seed(seed, Options { trace, ..options }));
}

/// Runs the seeds and reports, for each rule that was broken, how often and what it was the first time. A single seed
/// is traced.
fn judge(seeds: std::ops::Range<u64>, run: impl Fn(u64, bool) -> Result<(), Violation>) {
    let count = seeds.clone().count();
    let mut failures: BTreeMap<&str, (u64, u64, String)> = BTreeMap::new();
    for seed in seeds {
        if let Err(violation) = run(seed, count == 1) {
            failures.entry(violation.rule).or_insert((0, seed, violation.detail)).0 += 1;
        }
    }
    let violations: u64 = failures.values().map(|(count, ..)| count).sum();
    measured::measured(&serde_json::json!({"seeds": count, "violations": violations}));
    let report = failures
        .iter()
        .map(|(rule, (count, first, detail))| format!("{rule}: {count} seeds, the first of them {first}: {detail}"));
    assert!(failures.is_empty(), "{}", report.collect::<Vec<_>>().join("\n"));
}

#[test]
fn one_seed_is_one_run() {
    for seed in 0..10 {
        let world = world(seed);
        let trace = |options| {
            let mut run = Run::new(&world, options, seed);
            let _ = run.go();
            run.trace
        };
        let options = Options { trace: true, ..Options::default() };
        assert_eq!(trace(options), trace(options), "seed {seed}");
    }
}

#[test]
fn semantics_4_every_schedule_comes_to_what_the_oracle_says() {
    all_pass(seeds(150), Options::default());
}

#[test]
fn bd_2_nothing_is_lost_where_state_is_bounded() {
    all_pass(seeds(60), Options { max_state_bytes: Some(12_000), ..Options::default() });
}

/// A minute of arrivals, by which shards may be apart, is little here.
#[test]
fn bd_2_shards_that_are_far_ahead_pause_and_nobody_waits_for_ever() {
    for (stalls, max_state_bytes) in FAR_AHEAD {
        let options = Options { stalls, max_state_bytes, ..Options::default() };
        judge(seeds(15), |seed, trace| run_in(&world(seed).stretched(60), seed, Options { trace, ..options }));
    }
}

/// One of 5,000 seeds, in which a crash cuts a window elsewhere than before, found that its rest had the id of the whole.
#[test]
fn em_3_what_is_left_of_a_cut_window_is_no_repetition_of_the_whole() {
    let seed = 673;
    for (stalls, max_state_bytes) in FAR_AHEAD {
        let options = Options { stalls, max_state_bytes, ..Options::default() };
        judge(seed..seed + 1, |seed, trace| {
            run_in(&world_of_groups(seed).stretched(60), seed, Options { trace, ..options })
        });
    }
}

#[test]
fn rd_3_shards_may_stall() {
    all_pass(seeds(60), Options { stalls: true, ..Options::default() });
}

#[test]
fn bd_3_what_is_shown_of_many_values_depends_on_no_schedule() {
    all_pass(seeds(40), Options { few_shown: true, ..Options::default() });
}

#[test]
fn rd_3_what_surfaces_too_late_is_late_and_never_lost() {
    let breaks = Breaks::Slack;
    all_pass(seeds(30), Options { breaks, ..Options::default() });
    all_pass(seeds(30), Options { breaks, stalls: true, max_state_bytes: Some(12_000), ..Options::default() });
}

#[test]
fn cp_8_what_is_gone_from_the_stream_takes_nothing_else_along() {
    let breaks = Breaks::Retention;
    all_pass(seeds(30), Options { breaks, ..Options::default() });
    all_pass(seeds(30), Options { breaks, stalls: true, max_state_bytes: Some(12_000), ..Options::default() });
}

#[cfg(feature = "daemon")]
#[test]
fn semantics_6_a_backtest_of_any_range_comes_to_what_the_oracle_says() {
    judge(seeds(120), |seed, _| ranges::run(&world(seed), seed));
}

#[test]
fn every_mistake_is_noticed() {
    measured::measured(&serde_json::json!({"mistakes": Bug::ALL.len()}));
    for bug in Bug::ALL {
        let options = Options { bug: Some(bug), ..Options::default() };
        let first = (0..SEEDS_FOR_A_MISTAKE).find(|seed| run_seed(*seed, options).is_err());
        assert!(first.is_some(), "{bug:?} is not noticed in {SEEDS_FOR_A_MISTAKE} seeds");
    }
}

fn run_changes(seed: u64, options: Options) -> Result<(), Violation> {
    let run = || plan_change::run(&world_that(options.breaks, seed), seed, options);
    let outcome = catch_unwind(AssertUnwindSafe(run));
    let outcome = outcome.unwrap_or_else(|panic| Err((assertion(&*panic), vec![])));
    outcome.map_err(|(violation, trace)| with_trace(violation, &trace))
}

#[test]
fn wn_7_plans_change_at_any_moment_and_nothing_is_lost_or_told_twice_differently() {
    judge(seeds(200), |seed, trace| run_changes(seed, Options { trace, ..Options::default() }));
}

#[test]
fn wn_7_plans_change_whatever_else_happens() {
    let all = [Breaks::Nothing, Breaks::Slack, Breaks::Retention];
    for (breaks, stalls, max_state_bytes) in all
        .into_iter()
        .flat_map(|breaks| [(breaks, true, None), (breaks, false, Some(12_000)), (breaks, true, Some(6_000))])
    {
        let options = Options { breaks, stalls, max_state_bytes, ..Options::default() };
        judge(seeds(10), |seed, trace| run_changes(seed, Options { trace, ..options }));
    }
}

#[test]
fn wn_7_every_mistake_with_changing_plans_is_noticed() {
    measured::measured(&serde_json::json!({"mistakes": Bug::OF_CHANGES.len()}));
    for bug in Bug::OF_CHANGES {
        let options = Options { bug: Some(bug), ..Options::default() };
        let first = (0..SEEDS_FOR_A_MISTAKE).find(|seed| run_changes(*seed, options).is_err());
        assert!(first.is_some(), "{bug:?} is not noticed in {SEEDS_FOR_A_MISTAKE} seeds");
    }
}
