//! `trailrisk backtest`: a range of the stream in, its final risk events out, or what differs from a file of them. Where
//! they would be sent does not matter here, unless `--sink` asks for it.

mod output;
mod progress;

use std::collections::BTreeMap;
use std::io::Write;

use self::output::Output;
use self::progress::Progress;
use super::stream::{self, Connected};
use super::{Exit, Failure, replay};
use crate::backtest::{self, Backtest, BacktestError, Comparison, Follower, Range, RangeError, Seen, Setup, StreamAge};
use crate::catalog::{self, Detections, SourcesError};
use crate::checkpoint;
use crate::cli::BacktestArgs;
use crate::cloudtrail::{DecodeLimits, Rejected};
use crate::config::Config;
use crate::engine::{Checkpoint, DeadLetter, ShardId, StreamIdentity};
use crate::files;
use crate::risk_event::RiskEvent;
use crate::source::{Source, StreamDescription};
use crate::time::Arrival;

/// Rejected pieces that are named one by one; the summary counts the rest.
const NAMED_REJECTIONS: u64 = 20;

pub(super) fn run(args: &BacktestArgs, out: &mut dyn Write, diagnostics: &mut dyn Write) -> Result<Exit, Failure> {
    let config = configured(args)?;
    let detections = replay::load(&config.detections, diagnostics)?;
    stream::log_warnings()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(read(args, &config, detections, out, diagnostics))
}

/// The configuration with what the flags name instead.
fn configured(args: &BacktestArgs) -> Result<Config, Failure> {
    let mut config = stream::config(&args.stream)?;
    for path in [&args.detections, &args.macros, &args.format.template].into_iter().flatten() {
        files::exists(path)?;
    }
    if let Some(path) = &args.detections {
        config.detections.paths = vec![path.clone()];
    }
    if let Some(path) = &args.macros {
        config.detections.macros = vec![path.clone()];
    }
    if let Some(name) = &args.source_name {
        config.sources[0].name.clone_from(name);
    }
    if config.detections.paths.is_empty() { Err(SourcesError::Nothing.into()) } else { Ok(config) }
}

async fn read(
    args: &BacktestArgs,
    config: &Config,
    detections: Detections,
    out: &mut dyn Write,
    diagnostics: &mut dyn Write,
) -> Result<Exit, Failure> {
    let seen = args.checkpoint.as_ref().map(|path| checkpoint::inspect(path).map_err(Failure::config)).transpose()?;
    let Connected { mut source, mut messages, now } = Connected::to(config).await?;
    let seen = judged_by(args, seen.flatten(), identity(source.description()))?;
    let range = range(args, now, &detections, seen.as_ref(), source.description())?;
    let mut output = Output::of(args, config, &detections, range, out)?;
    output.read_live(diagnostics)?;
    let setup = setup(config, detections, &source, range, seen);
    let mut backtest = Backtest::new(setup).map_err(Failure::config)?;
    let listed = source.list_from(backtest.read_from()).await.map_err(Failure::config)?;
    backtest.shards_listed(listed);
    let progress = Progress::new();
    let needed_from = backtest.needed_from();
    let mut told = Told { output, progress, diagnostics, needed_from, rejected: 0, lost: 0 };
    let ended = backtest::run(&mut backtest, &mut source, &mut messages, &mut told).await;
    told.progress.finish();
    let ended = match ended {
        Err(BacktestError::Follower(error)) => return Err(error.into()),
        ended => ended.map_err(|error| Failure::new(Exit::Internal, error)),
    };
    let identity = source.check_identity().await.map_err(|error| Failure::new(Exit::Internal, error));
    told.finish(&backtest, range, ended.and(identity))
}

/// What the daemon of `--checkpoint` has seen of the stream.
fn judged_by(args: &BacktestArgs, stored: Option<Checkpoint>, found: StreamIdentity) -> Result<Option<Seen>, Failure> {
    match (&args.checkpoint, stored) {
        (Some(path), None) => {
            let message = format!("there is no checkpoint at {}", path.display());
            Err(Failure::new(Exit::Usage, anyhow::anyhow!(message)))
        }
        (_, Some(checkpoint)) if checkpoint.stream != found => {
            Err(Failure::config(OtherCheckpoint { stored: checkpoint.stream, found }))
        }
        (_, stored) => Ok(stored.map(|Checkpoint { started_at, plans, .. }| Seen { started_at, plans })),
    }
}

fn range(
    args: &BacktestArgs,
    now: Arrival,
    detections: &Detections,
    seen: Option<&Seen>,
    stream: &StreamDescription,
) -> Result<Range, Failure> {
    let age = StreamAge { now, created_at: Arrival(stream.created_at), retention_hours: stream.retention_hours };
    let usage = |error: RangeError| Failure::new(Exit::Usage, error);
    let range = Range::new(args.from.before(now), args.to.before(now)).map_err(usage)?;
    let plans = &detections.plans;
    let counted = seen.map_or_else(|| Ok(plans.clone()), |seen| seen.counted(plans)).map_err(Failure::config)?;
    range.check(&counted, &age).map_err(usage)?;
    Ok(range)
}

fn setup(config: &Config, detections: Detections, source: &Source, range: Range, seen: Option<Seen>) -> Setup {
    let source_name = &config.sources[0].name;
    Setup {
        source_name: source_name.clone(),
        stream: identity(source.description()),
        plans: detections.plans,
        bounds: catalog::bounds(&config.limits, source_name),
        max_state_bytes: config.limits.max_state_bytes,
        limits: DecodeLimits { max_inflated_bytes: config.limits.max_inflated_bytes },
        decode_all: config.detections.decode_all,
        range,
        seen,
    }
}

fn identity(stream: &StreamDescription) -> StreamIdentity {
    StreamIdentity { name: stream.name.clone(), created_at: stream.created_at }
}

/// `--checkpoint` names that of another stream.
#[derive(Debug, thiserror::Error)]
#[error(
    "the checkpoint of --checkpoint is of the stream {:?} created at {}, and the stream to read is {:?} created at {}",
    stored.name, Arrival(stored.created_at), found.name, Arrival(found.created_at)
)]
struct OtherCheckpoint {
    stored: StreamIdentity,
    found: StreamIdentity,
}

/// The comparison's side of the detections: the grace of each.
fn comparison(range: Range, config: &Config, detections: &Detections) -> Comparison {
    let grace = |plan: &std::sync::Arc<crate::plan::Plan>| (plan.text().id.clone(), plan.text().grace_ms);
    let graces: BTreeMap<String, i64> = detections.plans.iter().map(grace).collect();
    let default = i64::try_from(config.detections.grace.as_millis()).unwrap_or(i64::MAX);
    Comparison::new(range, graces, default)
}

/// Who is told of a backtest: the output, the terminal, standard error.
struct Told<'a> {
    output: Output<'a>,
    progress: Progress,
    diagnostics: &'a mut dyn Write,
    needed_from: Arrival,
    rejected: u64,
    lost: u64,
}

impl Told<'_> {
    fn say(&mut self, line: std::fmt::Arguments<'_>) {
        let diagnostics = &mut *self.diagnostics;
        // Standard error that nobody reads changes nothing.
        self.progress.suspend(|| drop(writeln!(diagnostics, "{line}")));
    }

    fn finish(self, backtest: &Backtest, range: Range, ended: Result<(), Failure>) -> Result<Exit, Failure> {
        let Self { output, diagnostics, lost, .. } = self;
        let counters = backtest.counters();
        let ((records, skipped), rejected) = (backtest.records(), counters.rejected.values().sum::<u64>());
        writeln!(
            diagnostics,
            "{records} records since {} ({skipped} skipped unparsed), {} events, {rejected} rejected; {} final risk events \
             close after {} and up to {}",
            backtest.read_from(),
            counters.events,
            output.count(),
            range.from(),
            range.to()
        )?;
        replay::tell_counters(counters, &backtest.plans(), diagnostics)?;
        if counters.forced > 0 {
            writeln!(
                diagnostics,
                "{} windows were closed early, for limits.max_state_bytes: live may have cut them elsewhere (BD-2)",
                counters.forced
            )?;
        }
        ended?;
        if lost > 0 {
            let message = "records of the range are gone from the stream: what is printed is not whole";
            return Err(Failure::new(Exit::Internal, anyhow::anyhow!(message)));
        }
        output.finish(diagnostics)
    }
}

impl Follower for Told<'_> {
    type Error = std::io::Error;

    fn risk_event(&mut self, event: &RiskEvent) -> Result<(), Self::Error> {
        self.output.take(event)
    }

    fn rejected(&mut self, letter: &DeadLetter, rejected: &Rejected) {
        self.rejected += 1;
        if self.rejected <= NAMED_REJECTIONS {
            let (shard, position, reason) = (&letter.shard, &letter.position, rejected.reason.as_str());
            self.say(format_args!("{shard} {position}: rejected: {reason}: {}", rejected.detail));
        }
    }

    fn progress(&mut self, backtest: &Backtest) {
        if let Some(line) = self.progress.show(backtest) {
            self.say(format_args!("{line}"));
        }
    }

    fn shard_done(&mut self, shard: &ShardId, backtest: &Backtest) {
        if let Some(line) = self.progress.done(shard, backtest) {
            self.say(format_args!("{line}"));
        }
    }

    fn stalled(&mut self, shard: &ShardId, stalled: bool) {
        if stalled {
            self.say(format_args!("{shard} is stalled: no successful read for source.stalled_after; trying on"));
        } else {
            self.say(format_args!("{shard} is read again"));
        }
    }

    fn lost(&mut self, shard: &ShardId, range: Option<(Arrival, Arrival)>, detail: &str) {
        // Reading begins a little before what counts: what the stream forgets of that is no loss.
        if range.is_some_and(|(_, oldest)| oldest <= self.needed_from) {
            return;
        }
        self.lost += 1;
        let range = range.map(|(from, to)| format!(" of {from} to {to}")).unwrap_or_default();
        self.say(format_args!("records{range} may be lost in {shard}: {detail}"));
    }
}
