//! `trailrisk check`: configuration and detections, every problem in one report.

use std::io::{self, Write};

use serde_json::json;

use super::{Exit, Failure};
use crate::catalog::{self, Catalog, FileReport, Outcome, Sources};
use crate::cli::CheckArgs;
use crate::config::{self, Environment, Overrides};
use crate::detection::Problem;

pub(super) fn run(args: &CheckArgs, out: &mut dyn Write) -> Result<Exit, Failure> {
    let sources = Sources::of(&args.detections)?;
    let catalog = catalog::load(&sources.detections).map_err(Failure::config)?;
    let subscriptions = check_sinks(args, &catalog)?;
    for file in &catalog.files {
        if args.json { write_json(file, out)? } else { write_text(file, out)? }
    }
    let failed = |file: &FileReport| matches!(file.outcome, Outcome::Unsupported | Outcome::Invalid);
    let beside: Vec<String> = catalog.conflicts.iter().cloned().chain(subscriptions).collect();
    for problem in &beside {
        if args.json {
            writeln!(out, "{}", json!({"file": null, "name": null, "status": "error", "reason": problem}))?;
        } else {
            writeln!(out, "error        {problem}")?;
        }
    }
    let all_ok = beside.is_empty() && !catalog.files.iter().any(failed);
    Ok(if all_ok { Exit::Ok } else { Exit::Config })
}

/// Of a configuration, also whether the sinks name detections that exist.
fn check_sinks(args: &CheckArgs, catalog: &Catalog) -> Result<Option<String>, Failure> {
    let Some(file) = &args.detections.config else { return Ok(None) };
    let config = config::read(file, &Environment::of_process(), &Overrides::default()).map_err(Failure::config)?;
    let plans: Vec<_> = catalog
        .files
        .iter()
        .filter_map(|file| if let Outcome::Ready(plan) = &file.outcome { Some(plan.clone()) } else { None })
        .collect();
    Ok(catalog::check_subscriptions(&plans, &config.sinks).err().map(|error| error.to_string()))
}

fn status(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Ready(_) => "ok",
        Outcome::Disabled => "disabled",
        Outcome::Unsupported => "unsupported",
        Outcome::Invalid => "error",
    }
}

fn write_text(file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{:12} {}  {}", status(&file.outcome), file.path.display(), file.name)?;
    file.problems.iter().try_for_each(|problem| writeln!(out, "{problem}"))
}

/// A disabled detection is valid: its status is `ok`.
fn write_json(file: &FileReport, out: &mut dyn Write) -> io::Result<()> {
    let valid = matches!(file.outcome, Outcome::Ready(_) | Outcome::Disabled);
    let summary = |problem: &Problem| format!("{}:{}: {}", problem.line, problem.column, problem.message);
    let reasons: Vec<String> = file.problems.iter().map(summary).collect();
    let line = json!({
        "file": file.path,
        "name": file.name,
        "status": if valid { "ok" } else { status(&file.outcome) },
        "reason": if valid { None } else { Some(reasons.join("; ")) },
        "warnings": if valid { reasons } else { Vec::new() },
    });
    writeln!(out, "{line}")
}
