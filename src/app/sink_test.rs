//! `trailrisk sink test`: a sample risk event through one sink of the configuration, and what came of it.

use std::io::{self, Write};

use serde_json::Value;

use super::daemon::PRODUCER;
use super::host::{wall_clock, worker_name};
use super::{Exit, Failure, read_config};
use crate::cli::SinkTestArgs;
use crate::config::{Config, SinkKind};
use crate::sink::{self, FailureKind, Outcome, Probe, ProbeDeps, SharedStdout};
use crate::spl::did_you_mean;

/// The report of a stdout sink goes to `diagnostics`: its standard output holds risk events alone.
pub(super) fn run(args: &SinkTestArgs, out: &mut dyn Write, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let config = read_config(&args.config)?;
    let index = config.sinks.iter().position(|sink| sink.name == args.name);
    let index = index.ok_or_else(|| Failure::new(Exit::Usage, unknown(&args.name, &config)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let probe = runtime.block_on(probe(&config, index))?;
    // What is shown of a sink elsewhere is shown here: nothing secret.
    let shown = &config.canonical()["sinks"][index];
    match config.sinks[index].kind {
        SinkKind::Stdout => report(shown, &probe, diagnostics)?,
        _ => report(shown, &probe, out)?,
    }
    Ok(if probe.outcome == Outcome::Delivered { Exit::Ok } else { Exit::Failed })
}

fn unknown(name: &str, config: &Config) -> anyhow::Error {
    let names: Vec<_> = config.sinks.iter().map(|sink| sink.name.as_str()).collect();
    let near = did_you_mean(name, names.iter().copied());
    anyhow::anyhow!("{name:?} is no sink of this configuration, which has: {}{near}", names.join(", "))
}

async fn probe(config: &Config, index: usize) -> Result<Probe, Failure> {
    let worker = worker_name();
    let deps = ProbeDeps {
        producer: PRODUCER,
        worker: &worker,
        // Of several, any: the sample is of none.
        stream: config.sources[0].stream.name(),
        clock: wall_clock(),
        stdout: SharedStdout::new(Box::new(tokio::io::stdout())),
    };
    sink::probe(&config.sinks[index], deps).await.map_err(Failure::config)
}

fn report(shown: &Value, probe: &Probe, out: &mut dyn Write) -> io::Result<()> {
    let text = |key: &str| shown[key].as_str();
    let target = text("url").or_else(|| text("path")).unwrap_or("standard output");
    writeln!(out, "sink     {}", text("name").unwrap_or_default())?;
    writeln!(out, "type     {}", text("type").unwrap_or_default())?;
    writeln!(out, "target   {target}")?;
    writeln!(out, "sample   {}", probe.key)?;
    writeln!(out, "outcome  {}", outcome(&probe.outcome))?;
    writeln!(out, "answer   {}", answer(probe))?;
    writeln!(out, "took     {:.1} ms", probe.took.as_secs_f64() * 1000.0)
}

fn outcome(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Closed => "not delivered: nobody reads it",
        Outcome::Failed(failure) => match failure.kind {
            FailureKind::Unavailable => "not delivered: unavailable; the daemon would try again",
            FailureKind::Misconfigured => {
                "not delivered: misconfigured; the daemon would wait for another configuration"
            }
            FailureKind::EventRefused => "not delivered: event refused; the daemon would make a dead letter of it",
        },
    }
}

fn answer(probe: &Probe) -> String {
    let status = probe.status.map_or_else(|| "none".to_owned(), |status| format!("status {status}"));
    match &probe.outcome {
        Outcome::Failed(failure) => format!("{status}: {}", failure.detail),
        _ => status,
    }
}
