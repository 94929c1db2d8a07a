//! A checkpoint for people.

use std::fmt::{self, Display, Write};

use crate::engine::{Checkpoint, PlanCheckpoint, Position, ShardCheckpoint, StartPosition};
use crate::time::Arrival;

/// The checkpoint as readable text: the stream, the horizon, the plans, and where each shard is read again.
pub fn show(checkpoint: &Checkpoint) -> String {
    let mut text = String::new();
    write_all(&mut text, checkpoint).expect("writing to a String cannot fail");
    text
}

fn write_all(out: &mut String, checkpoint: &Checkpoint) -> fmt::Result {
    writeln!(out, "stream      {} (created {})", checkpoint.stream.name, Arrival(checkpoint.stream.created_at))?;
    writeln!(out, "version     {}", checkpoint.version)?;
    writeln!(out, "started at  {}", checkpoint.started_at)?;
    writeln!(out, "horizon H   {}: windows that closed until then are released", checkpoint.horizon)?;
    writeln!(out, "\nplans       {}", checkpoint.plans.len())?;
    for plan in &checkpoint.plans {
        write_plan(out, plan)?;
    }
    writeln!(out, "\nshards      {}", checkpoint.shards.len())?;
    for (id, shard) in &checkpoint.shards {
        writeln!(out, "  {id}  {}", if shard.drained { "drained" } else { "reading" })?;
        write_shard(out, shard)?;
    }
    Ok(())
}

fn write_plan(out: &mut String, plan: &PlanCheckpoint) -> fmt::Result {
    let text = &plan.text;
    let span = plan.spans.last();
    let state = match span.map(|span| (&span.activated, &span.retired)) {
        Some((_, Some(cut))) => format!("retired at {cut}, drains"),
        Some((Some(cut), None)) => format!("active since {cut}"),
        Some((None, None)) | None => "active from the first record".to_owned(),
    };
    writeln!(out, "  {} version {} ({}): {state}", text.name, text.version, text.id)
}

fn write_shard(out: &mut String, shard: &ShardCheckpoint) -> fmt::Result {
    if shard.resume_after == Position::Start {
        writeln!(out, "    read again (C)     from {}", start(shard.start))?;
    } else {
        writeln!(out, "    read again (C)     after {} (arrived {})", shard.resume_after, shard.effective_arrival)?;
    }
    writeln!(out, "    processed to (P)   {}", shard.processed)?;
    if let Some(read_through) = shard.read_through {
        writeln!(out, "    read through (R)   {read_through}")?;
    }
    write_family(out, "parents", &shard.parents)?;
    write_family(out, "children", &shard.children)?;
    if shard.lifts.is_empty() { Ok(()) } else { writeln!(out, "    lifted arrivals    {}", shard.lifts.len()) }
}

fn write_family(out: &mut String, word: &str, shards: &[impl Display]) -> fmt::Result {
    if shards.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = shards.iter().map(ToString::to_string).collect();
    writeln!(out, "    {word:<18} {}", names.join(", "))
}

fn start(position: StartPosition) -> String {
    match position {
        StartPosition::TrimHorizon => "the oldest record (TRIM_HORIZON)".to_owned(),
        StartPosition::AtTimestamp(at) => format!("the first record that arrived at or after {at}"),
    }
}
