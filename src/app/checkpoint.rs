//! `trailrisk checkpoint`: what is stored, readable; and the way to begin anew.

use std::io::{self, BufRead as _, Write};
use std::path::PathBuf;

use super::{Exit, Failure, read_config};
use crate::checkpoint::{encode, inspect, reset, show};
use crate::cli::{CheckpointAction, CheckpointArgs, ConfigArgs, ResetArgs};
use crate::config::{CheckpointStoreConfig, Config};
use crate::engine::Checkpoint;
use crate::isolation;

pub(super) fn run(args: CheckpointArgs, out: &mut dyn Write, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    match args.action {
        CheckpointAction::Show(config) => {
            let checkpoint = stored(&config)?;
            out.write_all(show(&checkpoint).as_bytes())?;
            let isolation = isolation::show(&file_of(&read_config(&config)?)?).map_err(Failure::config)?;
            out.write_all(isolation.as_bytes())?;
        }
        CheckpointAction::Export(config) => {
            let checkpoint = stored(&config)?;
            writeln!(out, "{}", encode(&checkpoint))?;
        }
        CheckpointAction::Reset(args) => return reset_stored(&args, diagnostics),
    }
    Ok(Exit::Ok)
}

fn stored(args: &ConfigArgs) -> Result<Checkpoint, Failure> {
    let config = read_config(args)?;
    let path = file_of(&config)?;
    let checkpoint = inspect(&path).map_err(Failure::config)?;
    checkpoint.ok_or_else(|| {
        let message =
            format!("there is no checkpoint at {}: the daemon has not run with this configuration", path.display());
        Failure::new(Exit::Failed, anyhow::anyhow!(message))
    })
}

fn file_of(config: &Config) -> Result<PathBuf, Failure> {
    match &config.checkpoint.store {
        CheckpointStoreConfig::File(path) => Ok(path.clone()),
        CheckpointStoreConfig::Memory => {
            let message = "checkpoint.store is memory: nothing is stored beyond the daemon's process";
            Err(Failure::config(anyhow::anyhow!(message)))
        }
    }
}

fn reset_stored(args: &ResetArgs, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let config = read_config(&args.config)?;
    let (path, stream) = (file_of(&config)?, config.source.stream.name());
    let typed = match &args.stream {
        Some(name) => name.clone(),
        None => ask(&path, stream, diagnostics)?,
    };
    if typed.trim() != stream {
        let message = format!("{:?} is not the stream of this configuration; nothing was changed", typed.trim());
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)));
    }
    let existed = reset(&path).map_err(Failure::config)?;
    writeln!(diagnostics, "{}", if existed { "The checkpoint is deleted." } else { "There was no checkpoint." })?;
    Ok(Exit::Ok)
}

fn ask(path: &std::path::Path, stream: &str, diagnostics: &mut dyn Write) -> io::Result<String> {
    writeln!(
        diagnostics,
        "This deletes {}.\nThe next start reads the stream from where source.start says: with `latest`, everything\n\
         that arrived since the daemon stopped is never evaluated; with `trim_horizon`, windows that were already\n\
         reported are reported again, with the same ids. Windows that are open now are lost or partial.",
        path.display()
    )?;
    write!(diagnostics, "Type the stream's name ({stream}) to go on: ")?;
    diagnostics.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
