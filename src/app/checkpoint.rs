//! `trailrisk checkpoint`: what is stored, readable; and the way to begin anew.

use std::io::{self, BufRead as _, Write};
use std::path::Path;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::host::worker_name;
use super::{Exit, Failure, read_config};
use crate::checkpoint::table::{self, Claim, DynamoTable};
use crate::checkpoint::{FileNotes, Notes as _, StoreError, encode, inspect, reset, show};
use crate::cli::{CheckpointAction, CheckpointArgs, ResetArgs, StoredArgs};
use crate::config::{CheckpointStoreConfig, TableConfig};
use crate::engine::Checkpoint;
use crate::isolation;

/// A checkpoint, and what isolation keeps beside it.
type Stored = (Checkpoint, Option<Vec<u8>>);

pub(super) fn run(args: CheckpointArgs, out: &mut dyn Write, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    match args.action {
        CheckpointAction::Show(args) => {
            let (place, (checkpoint, starts)) = stored(&args)?;
            out.write_all(show(&checkpoint).as_bytes())?;
            let unreadable = |detail| Failure::config(StoreError::Unreadable { place, detail });
            let isolation = isolation::show(starts.as_deref()).map_err(unreadable)?;
            out.write_all(isolation.as_bytes())?;
        }
        CheckpointAction::Export(args) => {
            let (_, (checkpoint, _)) = stored(&args)?;
            writeln!(out, "{}", encode(&checkpoint))?;
        }
        CheckpointAction::Reset(args) => return reset_stored(&args, diagnostics),
    }
    Ok(Exit::Ok)
}

/// What is stored, and how people find it.
fn stored(args: &StoredArgs) -> Result<(String, Stored), Failure> {
    let (store, _) = store(args)?;
    let place = place_of(&store)?;
    let stored = match &store {
        CheckpointStoreConfig::File(path) => stored_in_file(path),
        CheckpointStoreConfig::DynamoDb(table) => wait_for(stored_in_table(table))?,
        CheckpointStoreConfig::Memory => Ok(None),
    };
    let missing = || {
        let message = format!("there is no checkpoint at {place}: the daemon has not run with this configuration");
        Failure::new(Exit::Failed, anyhow::anyhow!(message))
    };
    let stored = stored.map_err(Failure::config)?.ok_or_else(missing)?;
    Ok((place, stored))
}

/// Where the checkpoint of the source that is meant is kept, and the name of its stream.
fn store(args: &StoredArgs) -> Result<(CheckpointStoreConfig, String), Failure> {
    let config = read_config(&args.config)?;
    let source = config.source(args.source.as_deref()).map_err(|error| Failure::new(Exit::Usage, error))?;
    Ok((config.checkpoint_store(source), source.stream.name().to_owned()))
}

fn stored_in_file(path: &Path) -> Result<Option<Stored>, StoreError> {
    let Some(checkpoint) = inspect(path)? else { return Ok(None) };
    Ok(Some((checkpoint, FileNotes::of(path)?.read()?)))
}

async fn stored_in_table(config: &TableConfig) -> Result<Option<Stored>, StoreError> {
    table::inspect(DynamoTable::connect(config).await?, &config.scope).await
}

/// Runs what asks the network.
fn wait_for<T>(work: impl Future<Output = T>) -> io::Result<T> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work))
}

/// How people find the checkpoint.
fn place_of(store: &CheckpointStoreConfig) -> Result<String, Failure> {
    match store {
        CheckpointStoreConfig::File(path) => Ok(path.display().to_string()),
        CheckpointStoreConfig::DynamoDb(table) => Ok(format!("{} in the table {}", table.scope, table.table)),
        CheckpointStoreConfig::Memory => {
            let message = "checkpoint.store is memory: nothing is stored beyond the daemon's process";
            Err(Failure::config(anyhow::anyhow!(message)))
        }
    }
}

fn reset_stored(args: &ResetArgs, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let (store, stream) = store(&args.stored)?;
    let place = place_of(&store)?;
    let typed = match &args.stream {
        Some(name) => name.clone(),
        None => ask(&place, &stream, diagnostics)?,
    };
    if typed.trim() != stream {
        let message = format!("{:?} is not the stream of this configuration; nothing was changed", typed.trim());
        return Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)));
    }
    let existed = match &store {
        CheckpointStoreConfig::File(path) => reset(path),
        CheckpointStoreConfig::DynamoDb(table) => wait_for(reset_in_table(table))?,
        CheckpointStoreConfig::Memory => Ok(false),
    };
    let existed = existed.map_err(Failure::config)?;
    writeln!(diagnostics, "{}", if existed { "The checkpoint is deleted." } else { "There was no checkpoint." })?;
    Ok(Exit::Ok)
}

/// The lease of a process that ended without a word is waited for; whoever still runs after that goes on running.
async fn reset_in_table(config: &TableConfig) -> Result<bool, StoreError> {
    let owner = format!("checkpoint reset by {} ({})", worker_name(), std::process::id());
    let claim = Claim { scope: config.scope.clone(), owner, duration: config.lease_duration };
    let (stop, table) = (CancellationToken::new(), DynamoTable::connect(config).await?);
    let reset = table::reset(table, &claim, &stop);
    let in_time = async {
        tokio::time::sleep(config.lease_duration * 2 + Duration::from_secs(5)).await;
        stop.cancel();
        std::future::pending().await
    };
    tokio::select! {
        done = reset => done,
        never = in_time => never,
    }
}

fn ask(place: &str, stream: &str, diagnostics: &mut dyn Write) -> io::Result<String> {
    writeln!(
        diagnostics,
        "This deletes {place}.\nThe next start reads the stream from where source.start says: with `latest`, everything\n\
         that arrived since the daemon stopped is never evaluated; with `trim_horizon`, windows that were already\n\
         reported are reported again, with the same ids. Windows that are open now are lost or partial."
    )?;
    write!(diagnostics, "Type the stream's name ({stream}) to go on: ")?;
    diagnostics.flush()?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    Ok(line)
}
