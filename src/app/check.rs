//! `trailrisk check`: configuration and detections, every problem in one report.

use std::io::{self, Write};

use serde_json::json;

use super::{Exit, Failure};
use crate::catalog::{self, Catalog, FileReport, Outcome, Sources};
use crate::cli::CheckArgs;
use crate::clock;
use crate::config::{self, Config, Environment, Overrides};
use crate::detection::Problem;
use crate::sink;
use crate::telemetry::visible;

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let sources = Sources::of(&args.detections)?;
    let catalog = catalog::load(&sources.detections).map_err(Failure::config)?;
    let Beside { errors, warnings, note } = check_beside(args, &catalog)?;
    for file in &catalog.files {
        if args.json { write_json(file, &catalog, out)? } else { write_text(file, &catalog, out)? }
    }
    let failed =
        |file: &FileReport| matches!(file.outcome, Outcome::Unsupported | Outcome::OtherData | Outcome::Invalid);
    let errors: Vec<String> = catalog.conflicts.iter().cloned().chain(errors).collect();
    let all_ok = errors.is_empty() && !catalog.files.iter().any(failed);
    let of_macros =
        catalog.warnings.iter().map(|problem| format!("{}: {}", visible(&problem.place()), problem.message));
    let warnings = of_macros.chain(warnings);
    let beside = errors.into_iter().map(|error| ("error", error));
    let beside = beside.chain(warnings.map(|warning| ("warning", warning)));
    for (status, problem) in beside.chain(note.map(|note| ("note", note))) {
        if args.json {
            writeln!(out, "{}", json!({"file": null, "name": null, "status": status, "reason": problem}))?;
        } else {
            writeln!(out, "{status:12} {problem}")?;
        }
    }
    Ok(if all_ok { Exit::Ok } else { Exit::Config })
}

/// What there is to say beside the detections.
#[derive(Default)]
struct Beside {
    errors: Vec<String>,
    warnings: Vec<String>,
    note: Option<String>,
}

/// Of a configuration, also whether the sinks name detections that exist, and the other way round; and what several
/// sources come to.
fn check_beside(args: &CheckArgs, catalog: &Catalog) -> Result<Beside, Failure> {
    let Some(file) = &args.detections.config else { return Ok(Beside::default()) };
    let config = config::read(file, &Environment::of_process(), &Overrides::default()).map_err(Failure::config)?;
    let plans = catalog.plans();
    let mut errors = catalog::unknown_subscriptions(&plans, &config.sinks);
    errors.extend(config.sinks.chunks(1).filter_map(|one| Some(sink::formats(one).err()?.to_string())));
    let warnings = catalog::undelivered(&plans, &catalog.routes, &config.sinks);
    Ok(Beside { errors, warnings, note: sum_of_limits(&config) })
}

/// Each source has the limits for itself.
fn sum_of_limits(config: &Config) -> Option<String> {
    let (count, limits) = (config.sources.len(), &config.limits);
    let sum = |each: usize| config::show_size(each.saturating_mul(count));
    let (state, buffers) = (sum(limits.max_state_bytes), sum(limits.read_buffer_bytes));
    let note = format!("{count} sources may hold {state} of state and {buffers} of read buffers together");
    (count > 1).then_some(note)
}

/// What is said of filters that have expired, or soon will, each with its place.
fn expiries(file: &FileReport) -> impl Iterator<Item = (&str, String)> {
    let now = jiff::Timestamp::try_from(clock::wall()).unwrap_or(jiff::Timestamp::MAX);
    file.filters.iter().filter_map(move |filter| Some((filter.place.as_str(), filter.warning(now)?)))
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Ready(_) => "ok",
        Outcome::Disabled(_) => "disabled",
        Outcome::Unsupported | Outcome::OtherData => "unsupported",
        Outcome::Invalid => "error",
    }
}

fn write_text(file: &FileReport, catalog: &Catalog, out: &mut dyn Write) -> io::Result<()> {
    let staged = if is_staged(file, catalog) { "  (staged: not sent)" } else { "" };
    let (path, name) = (file.path.display().to_string(), visible(&file.name));
    writeln!(out, "{:12} {}  {name}{staged}", status(&file.outcome), visible(&path))?;
    file.problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))?;
    expiries(file).try_for_each(|(place, warning)| writeln!(out, "warning: {warning}\n --> {place}"))
}

fn is_staged(file: &FileReport, catalog: &Catalog) -> bool {
    let Outcome::Ready(plan) = &file.outcome else { return false };
    catalog.routes.of(&plan.text().id).is_some_and(|own| own.staged)
}

/// A disabled detection is valid: its status is `ok`.
fn write_json(file: &FileReport, catalog: &Catalog, out: &mut dyn Write) -> io::Result<()> {
    let valid = matches!(file.outcome, Outcome::Ready(_) | Outcome::Disabled(_));
    let summary = |problem: &Problem| format!("{}:{}: {}", problem.line, problem.column, problem.message);
    let reasons: Vec<String> = file.problems.iter().map(summary).collect();
    let expiries = expiries(file).map(|(place, warning)| format!("{place}: {warning}"));
    let warnings: Vec<String> = reasons.iter().cloned().chain(expiries).collect();
    let line = json!({
        "file": file.path,
        "name": file.name,
        "status": if valid { "ok" } else { status(&file.outcome) },
        "reason": if valid { None } else { Some(reasons.join("; ")) },
        "staged": is_staged(file, catalog),
        "warnings": if valid { warnings } else { Vec::new() },
    });
    writeln!(out, "{line}")
}
