//! `trailrisk test`: the tests beside the detections.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::{Exit, Failure};
use crate::catalog::{self, Outcome, Sources};
use crate::cli::{DetectionArgs, TestArgs};
use crate::cloudtrail::DecodeLimits;
use crate::config::DetectionsConfig;
use crate::detection_test::{TestFile, compare, run as run_case};
use crate::files;
use crate::plan::Plan;
use crate::telemetry::visible;

/// How many tests did what.
#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    broken_files: usize,
}

pub(super) fn run(args: &TestArgs, out: &mut dyn Write, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let sources = sources(args)?;
    let paths = if args.paths.is_empty() { &sources.detections.paths } else { &args.paths };
    let mut test_files = Vec::new();
    for path in paths {
        test_files.extend(catalog::test_files(path).map_err(|error| match args.paths[..] {
            [] => Failure::config(anyhow::Error::new(error).context("detections.paths")),
            _ => error.into(),
        })?);
    }
    if test_files.is_empty() {
        let message = "there is no test file (*.test.yml, *.test.yaml) in these places";
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)));
    }
    let mut tally = Tally::default();
    for file in &test_files {
        match load(file, &sources.detections) {
            Ok((tests, plan)) => run_file(file, &tests, &plan, &sources, &mut tally, out)?,
            Err(problems) => {
                tally.broken_files += 1;
                writeln!(diagnostics, "{problems}")?;
            }
        }
    }
    write!(out, "{} passed, {} failed", tally.passed, tally.failed)?;
    if tally.broken_files > 0 {
        write!(out, ", {} files cannot be used", tally.broken_files)?;
    }
    writeln!(out)?;
    Ok(match tally {
        Tally { broken_files: 1.., .. } => Exit::Config,
        Tally { failed: 1.., .. } => Exit::Failed,
        Tally { .. } => Exit::Ok,
    })
}

/// Without a configuration the paths say where the detections are.
fn sources(args: &TestArgs) -> Result<Sources, Failure> {
    if args.config.is_none() && args.paths.is_empty() {
        let message = "say what to test: PATH, or --config FILE for the tests beside its detections";
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)));
    }
    let detections = DetectionArgs {
        config: args.config.clone(),
        detections: if args.config.is_none() { args.paths.first().cloned() } else { None },
        macros: args.macros.clone(),
    };
    Ok(Sources::of(&detections)?)
}

/// A test file and the plan of its detection, or every problem as text.
fn load(path: &Path, configured: &DetectionsConfig) -> Result<(TestFile, Arc<Plan>), String> {
    let yaml = std::fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    let tests = TestFile::read(path, &yaml).map_err(|problems| {
        let lines: Vec<_> = problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect();
        lines.join("\n")
    })?;
    let failed = |problems: &dyn std::fmt::Display| format!("{}: {problems}", path.display());
    files::exists(&tests.detection).map_err(|error| {
        failed(&format!("its detection: {error}: {}; a key `detection` names another file", error.source))
    })?;
    let mut config = DetectionsConfig { paths: vec![tests.detection.clone()], ..configured.clone() };
    config.window = tests.window.unwrap_or(config.window);
    config.grace = tests.grace.unwrap_or(config.grace);
    config.max_future_skew = tests.max_future_skew.unwrap_or(config.max_future_skew);
    for own in &mut config.settings {
        own.window = own.window.filter(|_| tests.window.is_none());
        own.grace = own.grace.filter(|_| tests.grace.is_none());
    }
    let loaded = catalog::load(&config).map_err(|error| failed(&error))?.files.pop();
    let report = loaded.ok_or_else(|| failed(&"its detection is no file"))?;
    let plan = match report.outcome {
        // Whether it runs in production says nothing about whether it works.
        Outcome::Ready(plan) | Outcome::Disabled(plan) => plan,
        Outcome::Unsupported | Outcome::OtherData | Outcome::Invalid => {
            let problems: String = report.problems.iter().map(|problem| format!("\n{problem}")).collect();
            return Err(failed(&format!("its detection does not run:{problems}")));
        }
    };
    Ok((tests, plan))
}

fn run_file(
    path: &Path,
    tests: &TestFile,
    plan: &Arc<Plan>,
    sources: &Sources,
    tally: &mut Tally,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Which values a list that is full shows differs between several; a test that depends on it sets `sampling_key`.
    let bounds = catalog::bounds(&sources.limits, &sources.source_names[0]);
    let limits = DecodeLimits { max_inflated_bytes: sources.limits.max_inflated_bytes };
    for case in &tests.cases {
        let outcome = run_case(&case.records, plan.clone(), bounds.clone(), limits);
        let differences = compare(case, &outcome);
        let place = format!("{}:{}: {}", path.display(), case.line, case.name);
        let place = visible(&place);
        if differences.is_empty() {
            tally.passed += 1;
            writeln!(out, "ok      {place}")?;
        } else {
            tally.failed += 1;
            writeln!(out, "FAILED  {place}")?;
            differences.iter().try_for_each(|difference| writeln!(out, "    {difference}"))?;
        }
    }
    Ok(())
}
