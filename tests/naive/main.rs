//! Two evaluators must agree: the compiled plans, and a naive one written from the documents over plain JSON. Searches
//! and events are random, and a seed is a case.
//!
//! `TRAILRISK_PROPERTY_CASES=200000` runs that many cases, `TRAILRISK_PROPERTY_SEED=7` one, with what it is on failure.

mod ast;
mod evaluator;
mod generate;
mod plan;
mod print;
#[path = "../simulation/rng.rs"]
#[expect(dead_code, reason = "the simulation uses all of it")]
mod rng;

use std::collections::BTreeMap;

use ast::{Command, Search};
use serde_json::Value as Json;

/// The columns of a row that hold something.
type Row = BTreeMap<String, Vec<String>>;
type Rows = Vec<Row>;

/// What the naive evaluator makes of each window.
fn naive(search: &Search, events: &[Json]) -> Rows {
    let span = evaluator::window(search).unwrap_or(3600);
    let mut windows: BTreeMap<i64, Vec<Json>> = BTreeMap::new();
    for event in events {
        windows.entry(evaluator::time_of(event).div_euclid(span)).or_default().push(event.clone());
    }
    windows.iter().flat_map(|(window, events)| evaluator::evaluate(search, events, (window + 1) * span)).collect()
}

/// Digits beyond the twelfth may differ: the plans add in fixed point.
fn same(left: &Rows, right: &Rows) -> bool {
    let same_text = |(a, b): (&String, &String)| a == b || close(a, b).unwrap_or(false);
    let same_row = |(a, b): (&Row, &Row)| {
        a.keys().eq(b.keys())
            && a.values().zip(b.values()).all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(same_text))
    };
    left.len() == right.len() && left.iter().zip(right).all(same_row)
}

fn close(a: &str, b: &str) -> Option<bool> {
    let (long, a, b) = (a.len().max(b.len()) > 10, a.parse::<f64>().ok()?, b.parse::<f64>().ok()?);
    Some(long && (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(10.0))
}

enum Outcome {
    Same(usize),
    Refused(String),
    Different(String),
}

fn run(seed: u64) -> Outcome {
    let (search, events) = (generate::search(seed), generate::events(seed));
    match compare(&search, &events) {
        Outcome::Different(_) => smallest(search, events, seed),
        other => other,
    }
}

fn compare(search: &Search, events: &[Json]) -> Outcome {
    let text = search.to_string();
    let made = match plan::rows(&text, events) {
        Ok(rows) => rows,
        Err(refusal) => return Outcome::Refused(format!("{text}: {refusal}")),
    };
    let expected = naive(search, events);
    if same(&made, &expected) {
        return Outcome::Same(made.len());
    }
    let events: Vec<String> = events.iter().map(ToString::to_string).collect();
    Outcome::Different(format!("{text}\n{}\nplan:  {made:?}\nnaive: {expected:?}", events.join("\n")))
}

/// Leaves out events and commands as long as the two still differ.
fn smallest(mut search: Search, mut events: Vec<Json>, seed: u64) -> Outcome {
    let differ = |search: &Search, events: &[Json]| matches!(compare(search, events), Outcome::Different(_));
    for index in (0..events.len()).rev() {
        let mut fewer = events.clone();
        fewer.remove(index);
        if differ(&search, &fewer) {
            events = fewer;
        }
    }
    for index in (0..search.commands.len()).rev() {
        let mut shorter = search.clone();
        shorter.commands.remove(index);
        // A search without a last `table` or `stats` has the columns of a whole event.
        let ends = shorter.commands.iter().any(|command| matches!(command, Command::Stats(_) | Command::Table(_)));
        if ends && differ(&shorter, &events) {
            search = shorter;
        }
    }
    match compare(&search, &events) {
        Outcome::Different(how) => Outcome::Different(format!("seed {seed}: {how}")),
        other => other,
    }
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// The tree's debug form, in which spans are the only ranges.
fn without_spans(pipeline: &trailrisk::spl::ast::Pipeline) -> String {
    regex::Regex::new(r"span: \d+\.\.\d+").expect("a regex").replace_all(&format!("{pipeline:?}"), "").into_owned()
}

#[test]
fn searches_as_people_write_them_print_and_parse_to_the_same_tree() {
    for seed in 0..number("TRAILRISK_PROPERTY_CASES").unwrap_or(1_000) {
        let search = generate::search(seed).to_string();
        let expanded = trailrisk::spl::expand(&search, &trailrisk::spl::Macros::built_in()).expect("known macros").text;
        let parse =
            |text: &str| trailrisk::spl::parse(text).unwrap_or_else(|error| panic!("seed {seed}: {text}: {error}"));
        let tree = parse(&expanded);
        let printed = tree.to_string();
        assert_eq!(without_spans(&parse(&printed)), without_spans(&tree), "seed {seed}: {expanded}\nas {printed}");
    }
}

#[test]
fn plans_keep_what_they_promise_of_early_rows_and_skipped_records() {
    let seeds = match number("TRAILRISK_PROPERTY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TRAILRISK_PROPERTY_CASES").unwrap_or(1_000),
    };
    for seed in seeds {
        for search in [generate::search(seed), generate::threshold(seed)] {
            let windows: Vec<_> = (0..6).map(|number| generate::events(seed * 6 + number)).collect();
            let kept = plan::keeps_its_promises(&search.to_string(), &windows);
            assert!(kept.is_ok(), "seed {seed}: {}", kept.unwrap_err());
        }
    }
}

#[test]
fn plans_and_the_naive_evaluator_agree() {
    let seeds = match number("TRAILRISK_PROPERTY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TRAILRISK_PROPERTY_CASES").unwrap_or(1_000),
    };
    let (mut refused, mut rows, mut with_rows, mut different) = (Vec::new(), 0, 0, Vec::new());
    let cases = seeds.end - seeds.start;
    for seed in seeds {
        match run(seed) {
            Outcome::Same(made) => {
                rows += made;
                with_rows += u64::from(made > 0);
            }
            Outcome::Refused(why) => refused.push(why),
            Outcome::Different(how) => different.push(how),
        }
    }
    let refusals = refused.len() as u64;
    if number("TRAILRISK_PROPERTY_SEED").is_none() {
        assert!(refusals * 20 <= cases, "{refusals} of {cases} searches are refused, such as {:?}", refused.first());
        assert!(with_rows * 3 >= cases, "{with_rows} of {cases} searches make rows, {rows} in all");
    }
    let shown: Vec<_> =
        different.iter().take(number("TRAILRISK_PROPERTY_SHOWN").unwrap_or(3) as usize).map(String::as_str).collect();
    assert!(different.is_empty(), "{} of {cases} cases differ:\n{}", different.len(), shown.join("\n\n"));
}
