//! `trailrisk explain`: how a detection is compiled.

use std::io::Write;

use super::{Exit, Failure};
use crate::catalog::{self, Outcome, Sources};
use crate::cli::{DetectionArgs, ExplainArgs};

pub(super) fn run(args: &ExplainArgs, out: &mut dyn Write, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let (config, macros) = (args.config.clone(), args.macros.clone());
    let sources = Sources::of(&DetectionArgs { config, macros, detections: Some(args.file.clone()) })?;
    let catalog = catalog::load(&sources.detections).map_err(Failure::config)?;
    let mut exit = Exit::Ok;
    for file in &catalog.files {
        file.problems.iter().try_for_each(|problem| writeln!(diagnostics, "{problem}"))?;
        match &file.outcome {
            Outcome::Ready(plan) => out.write_all(plan.explain().as_bytes())?,
            Outcome::Disabled(_) => writeln!(diagnostics, "{} is disabled by the configuration", file.name)?,
            Outcome::Unsupported | Outcome::OtherData | Outcome::Invalid => exit = Exit::Config,
        }
    }
    Ok(exit)
}
